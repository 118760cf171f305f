"""The packages table of an Ecosyste.ms open-data release (CSV, plain or .gz), of which one registry is read.

Eras: headings are words (`Dependent Packages Count`) or names of columns (`dependent_packages_count`); the Docker and
advisory counts came later and are not read. The data are CC BY-SA 4.0: name Ecosyste.ms where you publish them.
"""

from __future__ import annotations

import csv
import gzip
import heapq
import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TextIO

from crawler.importers import ImportFailed, Past, Wanted, by_counter
from crawler.parsing.rows import seconds
from crawler.response import Event, Observation
from db.identity import stable_id


class _Read:
    """What is counted while the rows go by."""

    def __init__(self, wanted: Wanted) -> None:
        self.wanted, self.rows, self.newest = wanted, 0, 0
        self.others: Counter[str] = Counter()
        self.periods: Counter[str] = Counter()

    def observations(self, stream: TextIO) -> Iterator[Observation]:
        """The rows of the registry, as they stand."""
        csv.field_size_limit(16 * 1024 * 1024)
        table = csv.reader(stream)
        columns = [re.sub(r"[^a-z0-9]+", "_", heading.strip().lower()).strip("_") for heading in next(table, [])]
        if not {"name", "ecosystem"} <= set(columns):
            raise _no_release(f"Its headings are: {', '.join(columns[:20])}.")
        for cells in table:
            row = dict(zip(columns, cells, strict=False))
            if self.wanted.registry not in (row["ecosystem"].lower(), row.get("registry")):
                self.others[row["ecosystem"]] += 1
            elif row["name"]:
                self.rows += 1
                self.periods[row.get("downloads_period") or "none"] += bool(row.get("downloads"))
                yield self._seen(row)

    def _seen(self, row: dict[str, str]) -> Observation:
        modified = _moment(row.get("latest_release_publish_timestamp") or row.get("latest_release_published_at"))
        created = _moment(row.get("first_release_publish_timestamp") or row.get("first_release_published_at"))
        synced = _moment(row.get("last_synced_timestamp") or row.get("last_synced") or row.get("last_synced_at"))
        self.newest = max(self.newest, synced or 0)
        return Observation(
            stable_id(self.wanted.registry, row["name"]), row["name"], downloads=_count(row.get("downloads")),
            dependents=_count(row.get("dependent_packages_count")),
            dependent_repos=_count(row.get("dependent_repositories_count") or row.get("dependent_repos_count")),
            created_at=created, modified_at=modified, synced_at=synced,
        )  # fmt: skip

    def events(self) -> tuple[Event, ...]:
        """Downloads of another period than was stated."""
        found = self.periods.most_common(1)[0][0] if self.periods.total() else None
        if self.wanted.ordered_by != "downloads" or found in (None, "none", self.wanted.counter):
            return ()
        said = "the period of most of its downloads"
        return (Event("counter_meaning", "warning", said, self.wanted.counter or "unstated", found),)


def read_file(path: Path, wanted: Wanted) -> Past:
    """The packages of one registry, best first.

    Raises:
        ImportFailed: it is no such table, or has no package of the registry.
    """
    reading = _Read(wanted)
    try:
        with _text(path) as stream:
            walk = reading.observations(stream)
            seen = by_counter(walk, wanted.ordered_by) if wanted.top is None else _best(walk, wanted)
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise _no_release(str(error)) from error
    if not seen:
        there = ", ".join(name for name, _ in reading.others.most_common(20))
        raise ImportFailed(f"The file has no package of {wanted.registry}.", fix=f"--registry can be one of: {there}.")
    return Past(len(seen), seen, (), reading.events(), reading.newest or None, reading.rows)


def _best(walk: Iterator[Observation], wanted: Wanted) -> tuple[Observation, ...]:
    def place(seen: Observation) -> tuple[bool, int, str]:
        value = getattr(seen, wanted.ordered_by)
        return value is None, -(value or 0), seen.name

    return tuple(heapq.nsmallest(wanted.top or 0, walk, key=place))


def _text(path: Path) -> TextIO:
    with path.open("rb") as stream:
        packed = stream.read(2) == b"\x1f\x8b"
    opened = gzip.open(path, "rt", encoding="utf-8-sig", newline="") if packed else None
    return opened or path.open(encoding="utf-8-sig", newline="")


def _count(text: str | None) -> int | None:
    return int(text) if text and text.isdigit() and len(text) < 19 else None


def _moment(text: str | None) -> int | None:
    try:
        return seconds(datetime.fromisoformat(text.replace(" UTC", "+00:00"))) if text else None
    except ValueError:
        return None


def _no_release(why: str) -> ImportFailed:
    return ImportFailed(
        "The file is not a packages table of Ecosyste.ms.", why=why, fix="Name the CSV file of packages, plain or .gz."
    )
