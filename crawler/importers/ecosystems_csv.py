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

from crawler.importers import ImportFailedError, ImportSpec, ParsedList, sort_by_counter
from crawler.parsing.rows import epoch_seconds
from crawler.response import Event, Observation
from db.identity import derive_stable_id


class _ReleaseReader:
    """What is counted while the rows go by."""

    def __init__(self, spec: ImportSpec) -> None:
        self.spec, self.row_count, self.newest = spec, 0, 0
        self.other_ecosystems: Counter[str] = Counter()
        self.periods: Counter[str] = Counter()

    def iter_observations(self, stream: TextIO) -> Iterator[Observation]:
        """The rows of the registry, as they stand."""
        csv.field_size_limit(16 * 1024 * 1024)
        table = csv.reader(stream)
        columns = [re.sub(r"[^a-z0-9]+", "_", heading.strip().lower()).strip("_") for heading in next(table, [])]
        if not {"name", "ecosystem"} <= set(columns):
            raise _not_a_release_error(f"Its headings are: {', '.join(columns[:20])}.")
        for cells in table:
            row = dict(zip(columns, cells, strict=False))
            if self.spec.registry not in (row["ecosystem"].lower(), row.get("registry")):
                self.other_ecosystems[row["ecosystem"]] += 1
            elif row["name"]:
                self.row_count += 1
                self.periods[row.get("downloads_period") or "none"] += bool(row.get("downloads"))
                yield self._make_observation(row)

    def _make_observation(self, row: dict[str, str]) -> Observation:
        modified = _parse_instant(row.get("latest_release_publish_timestamp") or row.get("latest_release_published_at"))
        created = _parse_instant(row.get("first_release_publish_timestamp") or row.get("first_release_published_at"))
        synced = _parse_instant(row.get("last_synced_timestamp") or row.get("last_synced") or row.get("last_synced_at"))
        self.newest = max(self.newest, synced or 0)
        return Observation(
            derive_stable_id(self.spec.registry, row["name"]), row["name"], downloads=_parse_count(row.get("downloads")),
            dependents=_parse_count(row.get("dependent_packages_count")),
            dependent_repos=_parse_count(row.get("dependent_repositories_count") or row.get("dependent_repos_count")),
            created_at=created, modified_at=modified, synced_at=synced,
        )  # fmt: skip

    def period_events(self) -> tuple[Event, ...]:
        """Downloads of another period than was stated."""
        found = self.periods.most_common(1)[0][0] if self.periods.total() else None
        if self.spec.ordered_by != "downloads" or found in (None, "none", self.spec.counter):
            return ()
        said = "the period of most of its downloads"
        return (Event("counter_meaning", "warning", said, self.spec.counter or "unstated", found),)


def read_file(path: Path, spec: ImportSpec) -> ParsedList:
    """The packages of one registry, best first.

    Raises:
        ImportFailed: it is no such table, or has no package of the registry.
    """
    reading = _ReleaseReader(spec)
    try:
        with _open_text(path) as stream:
            walk = reading.iter_observations(stream)
            seen = sort_by_counter(walk, spec.ordered_by) if spec.top is None else _top_observations(walk, spec)
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise _not_a_release_error(str(error)) from error
    if not seen:
        there = ", ".join(name for name, _ in reading.other_ecosystems.most_common(20))
        raise ImportFailedError(
            f"The file has no package of {spec.registry}.", fix=f"--registry can be one of: {there}."
        )
    return ParsedList(len(seen), seen, (), reading.period_events(), reading.newest or None, reading.row_count)


def _top_observations(walk: Iterator[Observation], spec: ImportSpec) -> tuple[Observation, ...]:
    def place(seen: Observation) -> tuple[bool, int, str]:
        value = getattr(seen, spec.ordered_by)
        return value is None, -(value or 0), seen.name

    return tuple(heapq.nsmallest(spec.top or 0, walk, key=place))


def _open_text(path: Path) -> TextIO:
    with path.open("rb") as stream:
        packed = stream.read(2) == b"\x1f\x8b"
    opened = gzip.open(path, "rt", encoding="utf-8-sig", newline="") if packed else None
    return opened or path.open(encoding="utf-8-sig", newline="")


def _parse_count(text: str | None) -> int | None:
    return int(text) if text and text.isdigit() and len(text) < 19 else None


def _parse_instant(text: str | None) -> int | None:
    try:
        return epoch_seconds(datetime.fromisoformat(text.replace(" UTC", "+00:00"))) if text else None
    except ValueError:
        return None


def _not_a_release_error(why: str) -> ImportFailedError:
    return ImportFailedError(
        "The file is not a packages table of Ecosyste.ms.", why=why, fix="Name the CSV file of packages, plain or .gz."
    )
