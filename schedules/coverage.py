"""When the lists that a schedule takes were last complete, by whatever command they were taken.

The command lines of schedules are read by the commands' own parsers, in one process: once for each set of lines.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from db.registry_names import match_registry
from schedules.child_process import ParsedCommand, parse_commands
from schedules.config import Schedule

SNAPSHOT_FUNCTION = "crawler.commands.snapshot.run_snapshot"
LATEST_COVERING = """
SELECT r.name AS registry, max(s.taken_at) AS taken_at
FROM snapshot s JOIN registry r ON r.registry_id = s.registry_id
WHERE s.status = 'complete' AND s.origin = 'crawl' AND s.kind = :kind AND (s.k IS NULL OR s.k >= :depth)
  AND (:ordered_by IS NULL OR s.ordered_by = :ordered_by) AND s.taken_at <= :until
GROUP BY r.name
"""
REGISTRIES = "SELECT name, service_name FROM registry"


class WantedLists(NamedTuple):
    """What a `crawl snapshot` takes: the registries, the kind of the lists, their depth and their order."""

    registries: tuple[str, ...]
    kind: str
    depth: int
    ordered_by: str | None


def last_covered_at(connection: sqlite3.Connection, schedules: Mapping[str, Schedule], until: int) -> dict[str, int]:
    """Return for each schedule when the last of its lists was complete. 0: one of them never was."""
    arguments = {name: tuple(schedule.arguments) for name, schedule in schedules.items()}
    lines = {name: words for name, words in arguments.items() if words[0] == "crawl"}
    wanted = dict(zip(lines, _read_wanted_lists(tuple(lines.values())), strict=True))
    return {name: _covered_at(connection, lists, until) for name, lists in wanted.items() if lists}


@lru_cache(maxsize=10)
def _read_wanted_lists(lines: tuple[tuple[str, ...], ...]) -> list[WantedLists | None]:
    return [_wanted_lists(parsed) for parsed in parse_commands(lines)]


def _wanted_lists(parsed: ParsedCommand | str) -> WantedLists | None:
    """Return the lists that a command line takes, None if it takes no snapshot or cannot be read (pure)."""
    if isinstance(parsed, str) or parsed.function != SNAPSHOT_FUNCTION:
        return None
    options = parsed.options
    kind, depth = ("full", 0) if options["full"] else ("top", options["top"])
    return WantedLists(tuple(options["registries"]), kind, depth, options["by"])


def _covered_at(connection: sqlite3.Connection, lists: WantedLists, until: int) -> int:
    values = {"kind": lists.kind, "depth": lists.depth, "ordered_by": lists.ordered_by, "until": until}
    taken_at: dict[str, int] = dict(iter(connection.execute(LATEST_COVERING, values)))
    known = [(str(name), service_name) for name, service_name in connection.execute(REGISTRIES)]
    return min(taken_at.get(match_registry(name, known), 0) for name in lists.registries)
