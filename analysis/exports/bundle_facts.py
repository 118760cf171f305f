"""Facts about a bundle whose tables are written: the input of the descriptors."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from analysis.exports.authors import BundleAuthor
from analysis.exports.files import WrittenFile, hash_file
from analysis.exports.tables import FOREVER, Column, ExportScope, Part, Row, RowReader, Table, format_instant
from db import ObservatoryError, UsageError
from db.cli import isoformat_utc
from db.sources import StandIn, describe_stand_ins, is_from_ecosystems, load_stand_ins

ECOSYSTEMS_FORMAT = "ecosystems-csv"  # the format of imports of its open data
ATTRIBUTED_FILES = ("README.md", "datapackage.json", "CITATION.cff")
AFTER_ALL_DATES = "9999"


class MissingAttributionError(ObservatoryError):
    """A bundle would hold data without naming the source that its licence requires."""


@dataclass(frozen=True)
class BundleFile:
    """A written file with its hash, by its path in the bundle."""

    path: str
    bytes: int
    sha256: str
    contents: WrittenFile


@dataclass(frozen=True)
class BundleSnapshot:
    """A snapshot of a bundle."""

    number: int
    registry: str
    service: str
    date: str
    status: str
    origin: str
    source: str
    digest: str | None
    format: str | None = None
    stand_in: StandIn | None = None

    @property
    def is_local(self) -> bool:
        """Whether it comes from a simulation or another local endpoint."""
        return self.stand_in is not None and self.stand_in.is_local

    @property
    def is_from_ecosystems(self) -> bool:
        """Whether it has data of Ecosyste.ms: a crawl of a package registry, or an import of the open data."""
        return is_from_ecosystems(self.service, self.origin, self.stand_in) or self.format == ECOSYSTEMS_FORMAT


@dataclass(frozen=True)
class BundleTombstone:
    """An import that was removed from the store, and the reason."""

    number: int
    registry: str
    date: str
    removed_on: str
    reason: str


@dataclass(frozen=True)
class BundleFacts:
    """A bundle: its tables, files and snapshots, and the first date with a value of each column."""

    tables: tuple[Table, ...]
    files: tuple[BundleFile, ...]
    snapshots: tuple[BundleSnapshot, ...]
    collected_since: Mapping[tuple[str, str], str]
    is_pseudonymised: bool
    redacted_packages: int
    redacted_rows: Mapping[str, int]
    schema_version: str
    tombstones: tuple[BundleTombstone, ...] = ()
    authors: tuple[BundleAuthor, ...] = ()

    @property
    def registries(self) -> list[str]:
        """The registries of its snapshots."""
        return sorted({snapshot.registry for snapshot in self.snapshots})

    @property
    def complete_snapshots(self) -> list[BundleSnapshot]:
        """The snapshots whose rows it has, in the order of their dates."""
        complete = [snapshot for snapshot in self.snapshots if snapshot.status == "complete"]
        return sorted(complete, key=lambda snapshot: (snapshot.date, snapshot.number))

    @property
    def has_ecosystems_data(self) -> bool:
        """Whether it has data of Ecosyste.ms."""
        return any(snapshot.is_from_ecosystems for snapshot in self.snapshots)

    @property
    def stand_ins(self) -> list[StandIn]:
        """The endpoints of its snapshots that are not public registries."""
        return sorted(find_stand_ins(self.snapshots))

    @property
    def notice(self) -> str:
        """What a reader must know if its snapshots are not from the public registries, or ''."""
        return describe_stand_ins(self.stand_ins)

    @property
    def title(self) -> str:
        """A title of one line."""
        dates = [snapshot.date for snapshot in self.complete_snapshots]
        period = f", {dates[0]} to {dates[-1]}" if dates else ""
        return f"{self._title_subject()} of {', '.join(self.registries) or 'no registry'}{period}"

    def _title_subject(self) -> str:
        if not self.stand_ins:
            return "Snapshots"
        if any(snapshot.is_local for snapshot in self.snapshots):
            is_whole = all(snapshot.is_local for snapshot in self.snapshots)
            return "Simulated or local snapshots" if is_whole else "Partly simulated or local snapshots"
        return "Snapshots from a mirror"

    def choose_format(self, formats: Sequence[str]) -> str | None:
        """Return the first of these formats that the bundle has, or None."""
        available = {file.contents.format for file in self.files}
        return next((name for name in formats if name in available), None)


@dataclass
class ColumnHistory:
    """The first date with a value of each column of each stable view, noted while the rows are written."""

    first_dates: dict[tuple[str, str], str] = field(default_factory=dict)
    columns_by_file: dict[tuple[str | None, str | None, int | None], set[str]] = field(default_factory=dict)

    def columns_with_values(self, file: WrittenFile) -> tuple[str, ...]:
        """Return the columns that have a value in a file."""
        return tuple(sorted(self.columns_by_file.get((file.table, file.registry, file.snapshot), ())))

    def add_file(self, file: WrittenFile, date: str, columns: Sequence[str]) -> None:
        """Note the date and the columns with values of a file that was reused without reading its rows."""
        self.columns_by_file[file.table, file.registry, file.snapshot] = set(columns)
        for name in columns:
            key = (str(file.table), name)
            self.first_dates[key] = min(self.first_dates.get(key, AFTER_ALL_DATES), date)

    def watch(self, tables: Sequence[Table]) -> list[Table]:
        """Return the tables with stable views whose rows are noted when they are read."""
        return [table if table.is_lake else self._watch_table(table) for table in tables]

    def _watch_table(self, table: Table) -> Table:
        names = [column.name for column in table.columns]
        date_index = next((names.index(name) for name in ("date", "since") if name in names), None)
        if date_index is None:
            return table
        parts = (
            replace(part, rows=self._watch_rows(table.name, part, table.columns, date_index)) for part in table.parts
        )
        return replace(table, parts=tuple(parts))

    def _watch_rows(self, name: str, part: Part, columns: Sequence[Column], date_index: int) -> RowReader:
        location = (name, part.registry, part.snapshot)

        def rows() -> Iterator[Row]:
            is_first_reading = location not in self.columns_by_file
            non_null = self.columns_by_file.setdefault(location, set())
            for row in part.rows():
                if is_first_reading and row[date_index] is not None:
                    self._add_row(name, str(row[date_index])[:10], columns, row, non_null)
                yield row

        return rows

    def _add_row(self, name: str, date: str, columns: Sequence[Column], row: Row, non_null: set[str]) -> None:
        for column, value in zip(columns, row, strict=True):
            key = (name, column.name)
            if value is not None:
                non_null.add(column.name)
                if self.first_dates.get(key, AFTER_ALL_DATES) > date:
                    self.first_dates[key] = date


def load_snapshots(
    connection: sqlite3.Connection, scope: ExportScope, withhold_source: bool
) -> tuple[BundleSnapshot, ...]:
    """Return the ended snapshots of a bundle.

    Source and digest are withheld on request, because both could confirm a guess of names.
    """
    rows = connection.execute(
        "SELECT s.snapshot_id, r.name, r.service, s.date, s.status, s.origin, s.source, s.digest,"
        " json_extract(s.settings, '$.format')"
        " FROM snapshot s JOIN registry r USING (registry_id)"
        " WHERE s.status <> 'open' AND s.taken_at >= ? AND s.taken_at < ? ORDER BY s.snapshot_id",
        (scope.since, scope.until),
    ).fetchall()
    stand_ins = load_stand_ins(connection)
    snapshots = [
        replace(BundleSnapshot(*row), stand_in=stand_ins.get(row[0])) for row in rows if row[1] in scope.registries
    ]
    if withhold_source:
        snapshots = [replace(snapshot, source="withheld", digest=None) for snapshot in snapshots]
    return tuple(snapshots)


def refuse_empty_scope(connection: sqlite3.Connection, scope: ExportScope) -> None:
    """Refuse a period without snapshots. The bundle of registries without snapshots may be empty.

    Raises:
        UsageError: with the days of the snapshots that the registries have.
    """
    everything = load_snapshots(connection, replace(scope, since=0, until=FOREVER), withhold_source=False)
    if everything and not load_snapshots(connection, scope, withhold_source=False):
        days = [snapshot.date for snapshot in everything]
        raise UsageError(
            "No snapshot is of a day between --since and --as-of.",
            why=f"The snapshots of these registries are of {min(days)} to {max(days)}.",
            fix="Choose other days, or omit --since and --as-of.",
            more="docs/exports.md",
        )


def load_tombstones(
    connection: sqlite3.Connection, scope: ExportScope, withhold_reason: bool
) -> tuple[BundleTombstone, ...]:
    """Return the removed imports of the scope. The reason is free text and is withheld on request."""
    rows = connection.execute(
        "SELECT snapshot, registry, date, substr(removed_at, 1, 10), reason FROM v1_removed_snapshot"
        " WHERE taken_at >= ? AND taken_at < ? ORDER BY snapshot",
        (isoformat_utc(scope.since), format_instant(scope.until)),
    ).fetchall()
    tombstones = [BundleTombstone(*row) for row in rows if row[1] in scope.registries]
    return tuple(replace(row, reason="withheld") if withhold_reason else row for row in tombstones)


def hash_files(folder: Path, written_files: Sequence[WrittenFile]) -> tuple[BundleFile, ...]:
    """Return the written files with their hashes, in the order of their paths."""
    return tuple(
        BundleFile(file.path.relative_to(folder).as_posix(), file.path.stat().st_size, hash_file(file.path), file)
        for file in sorted(written_files, key=lambda file: file.path)
    )


def find_stand_ins(snapshots: Iterable[BundleSnapshot]) -> set[StandIn]:
    """Return the endpoints of some snapshots that are not public registries."""
    return {snapshot.stand_in for snapshot in snapshots if snapshot.stand_in is not None}


def refuse_unattributed(facts: BundleFacts, descriptors: Mapping[str, bytes]) -> None:
    """Refuse a bundle that does not name the sources of its data.

    Raises:
        MissingAttributionError: with the snapshot or the file that names no source.
    """
    _refuse_unsourced(facts.snapshots)
    lacking = [name for name in ATTRIBUTED_FILES if b"ecosyste.ms" not in descriptors[name]]
    if facts.has_ecosystems_data and lacking:
        raise MissingAttributionError(
            f"{lacking[0]} would not name ecosyste.ms.",
            why="Its data is CC BY-SA 4.0: the source has to be named.",
            fix="This is a bug of hub-observatory. Please report it.",
            more="docs/guest.md",
        )


def _refuse_unsourced(snapshots: Sequence[BundleSnapshot]) -> None:
    unsourced = [snapshot.number for snapshot in snapshots if not snapshot.source.strip()]
    if unsourced:
        raise MissingAttributionError(
            f"Snapshot {unsourced[0]} does not name its source.",
            why="Data that is passed on has to name its source.",
            fix="Leave it out with --since, --as-of or --registry, or import it again with --source.",
            more="docs/exports.md",
        )
