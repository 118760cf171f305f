"""The packages table of an Ecosyste.ms open-data release (CSV, plain or .gz). One registry of the table is read.

Eras: headings are words (`Dependent Packages Count`) or names of columns (`dependent_packages_count`). The Docker and
advisory counts came later and are not read. The data are CC BY-SA 4.0: name Ecosyste.ms where you publish them.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TextIO

from crawler.importers import FileImporter, ImportFailedError, ImportSpec, ParsedList, sort_by_counter
from crawler.importers._files import READ_ERRORS, open_text
from crawler.parsing.rows import epoch_seconds
from crawler.response import Event, Observation
from db.causes import describe_cause
from db.identity import derive_stable_id

MAX_CELL_BYTES = 16 * 1024 * 1024
MAX_COUNT_DIGITS = 18


class _ReleaseReader:
    """Reader of one registry, with statistics of the rows that were read."""

    def __init__(self, spec: ImportSpec) -> None:
        self.spec, self.row_count, self.newest = spec, 0, 0
        self.other_ecosystems: Counter[str] = Counter()
        self.periods: Counter[str] = Counter()

    def iter_observations(self, stream: TextIO) -> Iterator[Observation]:
        """Yield the rows of the registry in the order of the file."""
        csv.field_size_limit(MAX_CELL_BYTES)
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

    def _make_observation(self, row: Mapping[str, str]) -> Observation:
        synced_at = _first_instant(row, "last_synced_timestamp", "last_synced", "last_synced_at")
        self.newest = max(self.newest, synced_at or 0)
        return Observation(
            derive_stable_id(self.spec.registry, row["name"]),
            row["name"],
            downloads=_parse_count(row.get("downloads")),
            dependents=_parse_count(row.get("dependent_packages_count")),
            dependent_repos=_parse_count(row.get("dependent_repositories_count") or row.get("dependent_repos_count")),
            created_at=_first_instant(row, "first_release_publish_timestamp", "first_release_published_at"),
            modified_at=_first_instant(row, "latest_release_publish_timestamp", "latest_release_published_at"),
            synced_at=synced_at,
        )

    def period_events(self) -> tuple[Event, ...]:
        """Return an event if most downloads count another period than the stated one."""
        period = self.periods.most_common(1)[0][0] if self.periods.total() else None
        if self.spec.ordered_by != "downloads" or period in (None, "none", self.spec.counter):
            return ()
        evidence = "the period of most of its downloads"
        return (Event("counter_meaning", "warning", evidence, self.spec.counter or "unstated", period),)


def read_file(path: Path, spec: ImportSpec) -> ParsedList:
    """Read the packages of one registry, best first.

    Raises:
        ImportFailedError: the file is not a packages table, or has no package of the registry.
    """
    reader = _ReleaseReader(spec)
    try:
        with open_text(path, "utf-8-sig", newline="") as stream:
            observations = sort_by_counter(reader.iter_observations(stream), spec.ordered_by, spec.top)
    except (*READ_ERRORS, UnicodeDecodeError, csv.Error) as error:
        raise _not_a_release_error(describe_cause(error)) from error
    if not observations:
        ecosystems = ", ".join(name for name, _ in reader.other_ecosystems.most_common(20))
        raise ImportFailedError(
            f"The file has no package of {spec.registry}.", fix=f"--registry can be one of: {ecosystems}."
        )
    events, newest = reader.period_events(), reader.newest or None
    return ParsedList(len(observations), observations, (), events, newest, reader.row_count)


IMPORTER = FileImporter(read_file)


def _parse_count(text: str | None) -> int | None:
    return int(text) if text and text.isdigit() and len(text) <= MAX_COUNT_DIGITS else None


def _first_instant(row: Mapping[str, str], *columns: str) -> int | None:
    text = next((row[column] for column in columns if row.get(column)), None)
    with suppress(ValueError):
        return epoch_seconds(datetime.fromisoformat(text.replace(" UTC", "+00:00"))) if text else None
    return None


def _not_a_release_error(why: str) -> ImportFailedError:
    return ImportFailedError(
        "The file is not a packages table of Ecosyste.ms.", why=why, fix="Name the CSV file of packages, plain or .gz."
    )
