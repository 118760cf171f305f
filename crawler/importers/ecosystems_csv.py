"""The packages table of an Ecosyste.ms open-data release (CSV, plain or .gz). One registry of the table is read.

Eras: headings are words (`Dependent Packages Count`) or names of columns (`dependent_packages_count`). The Docker and
advisory counts came later and are not read. The data are CC BY-SA 4.0: name Ecosyste.ms where you publish them.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import TextIO

from crawler.importers import FileImporter, ImportFailedError, ImportSpec, ParsedList, sort_by_counter
from crawler.importers._cells import check_name, parse_count
from crawler.importers._files import READ_ERRORS, open_text
from crawler.importers._judging import limit_rejects, repeated_heading_error
from crawler.importers._moments import parse_moment
from crawler.parsing.redact import excerpt
from crawler.parsing.rows import DroppedFields, epoch_seconds, type_change_events
from crawler.response import Event, Observation, Reject
from db.causes import describe_cause
from db.identity import derive_stable_id, name_to_show

MAX_CELL_BYTES = 16 * 1024 * 1024
COUNTS = {  # the counters of a package, and their headings
    "downloads": ("downloads",),
    "dependents": ("dependent_packages_count",),
    "dependent_repos": ("dependent_repositories_count", "dependent_repos_count"),
}
MOMENTS = {
    "created_at": ("first_release_publish_timestamp", "first_release_published_at"),
    "modified_at": ("latest_release_publish_timestamp", "latest_release_published_at"),
    "synced_at": ("last_synced_timestamp", "last_synced", "last_synced_at"),
}
USED_HEADINGS = ("name", "ecosystem", "registry", "downloads_period", *chain(*COUNTS.values(), *MOMENTS.values()))


class _ReleaseReader:
    """Reader of one registry, with statistics of the rows that were read."""

    def __init__(self, spec: ImportSpec) -> None:
        self.spec, self.row_count, self.newest = spec, 0, 0
        self.fault: str | None = None
        self.rejects: list[Reject] = []
        self.dropped: DroppedFields = []
        self.other_ecosystems: Counter[str] = Counter()
        self.periods: Counter[str] = Counter()

    def iter_observations(self, stream: TextIO) -> Iterator[Observation]:
        """Yield the rows of the registry in the order of the file."""
        csv.field_size_limit(MAX_CELL_BYTES)
        table = csv.reader(stream)
        columns = _read_headings(next(table, []))
        cells: Sequence[str] = columns
        for position, cells in enumerate(filter(None, table)):
            row = dict(zip(columns, cells, strict=False))
            ecosystem = row.get("ecosystem", "").lower()
            self._find_hidden_row(position, cells, columns)
            if self.spec.registry not in (ecosystem, row.get("registry")) and len(cells) == len(columns):
                self.other_ecosystems[ecosystem] += 1
                continue
            self.row_count += 1
            try:
                yield self._make_observation(row, len(cells), len(columns))
            except ValueError as error:
                self.rejects.append(Reject(position, str(error), excerpt(",".join(cells), 500)))
        if len(cells) < len(columns):
            self.fault = "the file is cut in its last row"

    def _find_hidden_row(self, position: int, cells: Sequence[str], columns: Sequence[str]) -> None:
        """Note that a cell holds a row of the table, because a quotation mark is not closed in its row."""
        lines = (line for cell in cells if "\n" in cell for line in cell.split("\n")[1:])
        where = columns.index("ecosystem")
        for values in (line.split(",") for line in lines):
            ecosystem = values[where].lower() if len(values) > where + 1 else ""
            if ecosystem and (ecosystem == self.spec.registry or ecosystem in self.other_ecosystems):
                self.fault = f"a quotation mark in row {position + 1:,} is not closed and hides the rows after it"

    def _make_observation(self, row: Mapping[str, str], cells: int, columns: int) -> Observation:
        if cells != columns:
            raise ValueError(f"{cells} cells for {columns} headings")
        name = check_name(row["name"])
        observation = Observation(
            derive_stable_id(self.spec.registry, name), name_to_show(self.spec.registry, name),
            downloads=self._read_count(row, "downloads"), dependents=self._read_count(row, "dependents"),
            dependent_repos=self._read_count(row, "dependent_repos"), created_at=self._read_moment(row, "created_at"),
            modified_at=self._read_moment(row, "modified_at"), synced_at=self._read_moment(row, "synced_at"),
        )  # fmt: skip
        self.newest = max(self.newest, observation.synced_at or 0)
        self.periods[row.get("downloads_period") or "none"] += observation.downloads is not None
        return observation

    def _read_count(self, row: Mapping[str, str], field: str) -> int | None:
        """Return a counter. If the list is not ordered by it, a value that is no count is dropped."""
        try:
            return parse_count(_first_value(row, COUNTS[field]), field)
        except ValueError as error:
            if field == self.spec.ordered_by:
                raise
            self.dropped.append((field, str(error)))
            return None

    def _read_moment(self, row: Mapping[str, str], field: str) -> int | None:
        try:
            return epoch_seconds(parse_moment(_first_value(row, MOMENTS[field])))
        except ValueError as error:
            self.dropped.append((field, str(error)))
            return None

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
        raise _no_package_error(reader)
    events = (*reader.period_events(), *type_change_events(reader.dropped))
    rejects, fault = limit_rejects(reader.rejects, reader.row_count, spec)
    received = len(observations) + len(rejects)
    return ParsedList(
        received, observations, rejects, events, reader.newest or None, reader.row_count, reader.fault or fault
    )


IMPORTER = FileImporter(read_file)


def _read_headings(cells: Sequence[str]) -> list[str]:
    """Return the headings as names of columns.

    Raises:
        ImportFailedError: the table is of another kind, or a heading that is read stands twice.
    """
    columns = [re.sub(r"[^a-z0-9]+", "_", heading.strip().lower()).strip("_") for heading in cells]
    if not {"name", "ecosystem"} <= set(columns):
        raise _not_a_release_error(f"Its headings are: {', '.join(columns[:20])}.")
    repeated = [name for name in USED_HEADINGS if columns.count(name) > 1]
    if repeated:
        raise repeated_heading_error(repeated[0], columns.count(repeated[0]))
    return columns


def _first_value(row: Mapping[str, str], columns: Iterable[str]) -> str | None:
    return next((row[column] for column in columns if row.get(column)), None)


def _no_package_error(reader: _ReleaseReader) -> ImportFailedError:
    ecosystems = ", ".join(name for name, _ in reader.other_ecosystems.most_common(20))
    if reader.rejects:
        why = f"The first of its rows that cannot be read: {reader.rejects[0].reason}."
    else:
        why = "Each of its rows is of another registry."
    return ImportFailedError(
        f"The file has no package of {reader.spec.registry}.",
        why=why,
        fix=f"--registry can be one of: {ecosystems}." if ecosystems else "Check the file.",
    )


def _not_a_release_error(why: str) -> ImportFailedError:
    return ImportFailedError(
        "The file is not a packages table of Ecosyste.ms.", why=why, fix="Name the CSV file of packages, plain or .gz."
    )
