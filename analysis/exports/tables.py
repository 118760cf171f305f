"""The tables of a bundle: those of the lake (`db/lake/*.sql`) and the stable views, in parts that do not change.

A lake table has the name and the columns of a table of the store. The parameters of its query decide how the table is
split: `:snapshot` makes one part for each snapshot, `:registry` one for each registry, neither makes one part. The
table `counter` is not in the store: the counters of censuses are stored in blocks and read in batches. A stable view
(`v1_…`) is split by snapshot if the view has that column, else by registry.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import db
from analysis.exports.view_dictionary import list_view_columns
from db.cli import isoformat_utc
from db.lake_names import store_column, store_table

if TYPE_CHECKING:
    from numpy.ma import MaskedArray

LAKE_FOLDER = Path(db.__file__).parent / "lake"
FOREVER = 2**62
# Columns of stable views that stay in the store: free notes, and the command lines of the operator.
WITHHELD_COLUMNS = {"v1_card": ("note",), "v1_tick": ("command", "reason", "cause")}
# The date of a row in views that are not split by snapshot: the first of these columns that a view has.
DATE_EXPRESSIONS = {
    "taken_at": "taken_at", "noted_at": "coalesce(date || 'T00:00:00Z', noted_at)", "due_at": "due_at",
    "missed_at": "missed_at", "scored_at": "scored_at", "started_at": "started_at",
}  # fmt: skip
# The rows of an ended snapshot never change in these tables. `v1_ranking` shows names, and a rename may be found later.
IMMUTABLE_TABLES = frozenset(("ranking", "finding", "census", "counter", "v1_finding", "v1_reject"))
NAME_DEPENDENT_TABLES = frozenset(("v1_ranking",))
PARTITION_COLUMNS = ("registry", "snapshot")
COUNTER_TABLE = "counter"
COUNTER_COLUMNS = ("snapshot_id", "package_id", "downloads", "likes", "downloads_all_time")
COUNTER_DESCRIPTION = (
    "The counters of every package of a complete census, in the order of the packages' numbers. NULL where the"
    " registry gave no value. The store keeps the counters in blocks."
)
# SQLite reports no type for these columns of internal views.
COMPUTED_TYPES = {"valid_from": "INTEGER", "valid_to": "INTEGER", "parent_id": "INTEGER", "relation": "TEXT"}
Value = str | int | float | None
Row = tuple[Value, ...]
RowReader = Callable[[], Iterator[Row]]
Batch = tuple["MaskedArray", ...]
BatchReader = Callable[[], Iterator[Batch]]


@dataclass(frozen=True)
class Column:
    """A column with its type in the store: INTEGER, REAL or TEXT."""

    name: str
    type: str


@dataclass(frozen=True)
class Part:
    """Rows that are written to one file: those of one snapshot, of one registry, or of the whole table.

    `key` identifies the source of the rows. It is None if another export may read other rows. `batches` reads the rows
    as columns of numbers, some rows at a time. A part has it if there may be millions of rows.
    """

    registry: str | None
    snapshot: int | None
    rows: RowReader
    key: str | None = None
    batches: BatchReader | None = None


def make_batched_part(registry: str | None, snapshot: int | None, batches: BatchReader, key: str | None) -> Part:
    """Return a part whose rows are read in batches, with NULL for masked values."""

    def rows() -> Iterator[Row]:
        return (row for batch in batches() for row in zip(*(column.tolist() for column in batch), strict=True))

    return Part(registry, snapshot, rows, key, batches)


@dataclass(frozen=True)
class Table:
    """A table of a bundle: a lake table (`is_lake`) or a stable view.

    Only a lake table has a `description` here, and `partitions`: the columns that its files are split by.
    """

    name: str
    columns: tuple[Column, ...]
    parts: tuple[Part, ...]
    is_lake: bool
    description: str = ""
    partitions: tuple[str, ...] = ()


@dataclass(frozen=True)
class ExportScope:
    """The part of the store to export: a period, some registries, and some tables (all tables if none is named)."""

    since: int = 0
    until: int = FOREVER
    registries: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()

    def has_table(self, table: str) -> bool:
        """Return whether a table is in the scope."""
        return not self.tables or table in self.tables


def load_tables(connection: sqlite3.Connection, scope: ExportScope) -> list[Table]:
    """Return every lake table, then every stable view, each group in the order of names."""
    reader = TableReader(connection, scope)
    lake = [reader.make_lake_table(path) for path in LAKE_FOLDER.glob("*.sql") if scope.has_table(path.stem)]
    if scope.has_table(COUNTER_TABLE):
        lake.append(reader.make_counter_table())
    lake.sort(key=lambda table: table.name)
    return [*lake, *(reader.make_view_table(name) for name in list_views(connection) if scope.has_table(name))]


def drop_empty_parts(tables: Sequence[Table], is_known: Callable[[Table, Part], bool]) -> list[Table]:
    """Return the tables without snapshot parts that have no rows.

    Parts that are known to have rows are not read.
    """

    def has_rows(table: Table, part: Part) -> bool:
        return part.snapshot is None or is_known(table, part) or any(True for _ in part.rows())

    return [replace(table, parts=tuple(part for part in table.parts if has_rows(table, part))) for table in tables]


def list_views(connection: sqlite3.Connection) -> list[str]:
    """Return the names of the stable views."""
    rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'view' ORDER BY name")
    return [name for (name,) in rows if name.startswith("v1_")]


def list_snapshots(connection: sqlite3.Connection, scope: ExportScope) -> list[tuple[str, int, bool]]:
    """Return the registry, number and completeness of every ended snapshot in the scope, in the order of numbers."""
    rows = connection.execute(
        "SELECT r.name, s.snapshot_id, s.status = 'complete' FROM snapshot s JOIN registry r USING (registry_id)"
        " WHERE s.status <> 'open' AND s.taken_at >= ? AND s.taken_at < ? ORDER BY s.snapshot_id",
        (scope.since, scope.until),
    )
    return [(name, number, bool(is_complete)) for name, number, is_complete in rows if name in scope.registries]


class TableReader:
    """Reader of the tables of a bundle. The rows of a part are read only when they are written."""

    def __init__(self, connection: sqlite3.Connection, scope: ExportScope) -> None:
        self.connection, self.scope = connection, scope
        self.snapshots = list_snapshots(connection, scope)
        self.time_bounds: dict[str, Value] = {"since": scope.since, "until": scope.until}
        self.complete_snapshots: dict[int, tuple[str, int]] = {
            number: (digest, taken_at)
            for number, digest, taken_at in connection.execute(
                "SELECT snapshot_id, digest, taken_at FROM snapshot WHERE status = 'complete' AND digest IS NOT NULL"
            )
        }
        self.name_counts: dict[str, list[tuple[int, int]]] = {}
        self.unidentified_packages: dict[str, int] = {}

    def make_lake_table(self, path: Path) -> Table:
        """Return the lake table that a query file of `db/lake/` describes."""
        query = path.read_text("utf-8")
        types = self._load_column_types(store_table(path.stem))
        no_rows = {**self.time_bounds, "registry": "", "snapshot": 0, "complete": 0}
        names = [column[0] for column in self.connection.execute(query, no_rows).description]
        columns = tuple(Column(name, types[store_column(path.stem, name)]) for name in names)
        description = " ".join(line.removeprefix("-- ") for line in query.splitlines() if line.startswith("-- "))
        parameters = set(re.findall(r":([a-z]+)", re.sub("--.*", "", query)))
        # Every query by snapshot is one by registry too: its files lie in the folder of their registry.
        depth = 2 if "snapshot" in parameters else 1 if "registry" in parameters else 0
        partitions = PARTITION_COLUMNS[:depth]
        parts = tuple(self._make_lake_parts(path.stem, query, partitions))
        return Table(path.stem, columns, parts, True, description, partitions)

    def make_counter_table(self) -> Table:
        """Return the table of the counters of every complete census."""
        censuses = {number for (number,) in self.connection.execute("SELECT snapshot_id FROM census")}
        parts = tuple(
            make_batched_part(
                registry, number, partial(self._read_census, number), self._make_key(COUNTER_TABLE, registry, number)
            )
            for registry, number, is_complete in self.snapshots
            if is_complete and number in censuses
        )
        columns = tuple(Column(name, "INTEGER") for name in COUNTER_COLUMNS)
        return Table(COUNTER_TABLE, columns, parts, True, COUNTER_DESCRIPTION, PARTITION_COLUMNS)

    def _read_census(self, number: int) -> Iterator[Batch]:
        from numpy import full_like
        from numpy.ma import masked_equal

        from db.census.blocks import MISSING_VALUE
        from db.census.history import iter_counter_blocks

        for packages, *counters in (block.values() for block in iter_counter_blocks(self.connection, number)):
            columns = (full_like(packages, number), packages, *counters)
            yield tuple(masked_equal(column, MISSING_VALUE) for column in columns)

    def make_view_table(self, name: str) -> Table:
        """Return a stable view without its withheld columns."""
        withheld = WITHHELD_COLUMNS.get(name, ())
        columns = tuple(
            Column(column["name"], column["type"])
            for column in list_view_columns(name)
            if column["name"] not in withheld
        )
        return Table(name, columns, tuple(self._make_view_parts(name, [column.name for column in columns])), False)

    def _load_column_types(self, table: str) -> dict[str, str]:
        rows = self.connection.execute("SELECT name, type FROM pragma_table_xinfo(?)", (table,))
        return {name: COMPUTED_TYPES.get(name) or (declared.split() or ["TEXT"])[0] for name, declared in rows}

    def _make_key(self, table: str, registry: str, number: int) -> str | None:
        if table not in IMMUTABLE_TABLES | NAME_DEPENDENT_TABLES or number not in self.complete_snapshots:
            return None
        digest, taken_at = self.complete_snapshots[number]
        return f"{digest} {self._count_names(registry, taken_at) if table in NAME_DEPENDENT_TABLES else ''}"

    def _count_names(self, registry: str, instant: int) -> tuple[int, int, int]:
        """Return three numbers that change if an earlier name of a package is found.

        The numbers are the count of names at the instant, the sum of their first instants, and the count of packages
        that are known by name only.
        """
        if not self.name_counts:
            self._load_name_counts()
        counts = [(since, count) for since, count in self.name_counts.get(registry, []) if since <= instant]
        names, instants = sum(count for _, count in counts), sum(since * count for since, count in counts)
        return names, instants, self.unidentified_packages.get(registry, 0)

    def _load_name_counts(self) -> None:
        rows = self.connection.execute(
            "SELECT r.name, a.valid_from, count(*) FROM alias a JOIN package p ON p.package_id = a.package_id"
            " JOIN registry r ON r.registry_id = p.registry_id GROUP BY r.name, a.valid_from ORDER BY a.valid_from"
        )
        for name, since, count in rows:
            self.name_counts.setdefault(name, []).append((since, count))
        rows = self.connection.execute(
            "SELECT r.name, sum(substr(p.stable_id, 1, 5) = 'name:') FROM package p"
            " JOIN registry r ON r.registry_id = p.registry_id GROUP BY r.name"
        )
        self.unidentified_packages = dict(rows)

    def _make_lake_parts(self, table: str, query: str, partitions: Sequence[str]) -> Iterator[Part]:
        if "snapshot" in partitions:
            for registry, number, is_complete in self.snapshots:
                snapshot: dict[str, Value] = {"registry": registry, "snapshot": number, "complete": is_complete}
                rows = self._make_reader(query, self.time_bounds | snapshot)
                yield Part(registry, number, rows, self._make_key(table, registry, number))
        elif "registry" in partitions:
            for registry in self.scope.registries:
                yield Part(registry, None, self._make_reader(query, self.time_bounds | {"registry": registry}))
        else:
            yield Part(None, None, self._make_reader(query, self.time_bounds))

    def _make_view_parts(self, name: str, columns: Sequence[str]) -> Iterator[Part]:
        column_list = ", ".join(f'"{column}"' for column in columns)
        order = ", ".join(str(position) for position in range(1, len(columns) + 1))
        query = f"SELECT {column_list} FROM {name} WHERE " + (
            "registry = :registry" if "registry" in columns else "true"
        )
        date = next((expression for column, expression in DATE_EXPRESSIONS.items() if column in columns), None)
        if date is None and "snapshot" in columns:
            return self._split_by_snapshot(name, f"{query} AND snapshot = :snapshot ORDER BY {order}")
        if date:
            query += f" AND {date} >= :from AND {date} < :to"
        elif "since" in columns:
            query += " AND since < :to AND (until IS NULL OR until > :from)"
        return self._split_by_registry(f"{query} ORDER BY {order}", columns)

    def _split_by_snapshot(self, view: str, query: str) -> Iterator[Part]:
        for registry, number, _ in self.snapshots:
            rows = self._make_reader(query, {"registry": registry, "snapshot": number})
            yield Part(registry, number, rows, self._make_key(view, registry, number))

    def _split_by_registry(self, query: str, columns: Sequence[str]) -> Iterator[Part]:
        times = {"from": isoformat_utc(self.scope.since), "to": format_instant(self.scope.until)}
        for registry in self.scope.registries if "registry" in columns else (None,):
            rows = self._make_reader(query, {"registry": registry, **times})
            yield Part(registry, None, _reopen_intervals(rows, columns, times["to"]))

    def _make_reader(self, query: str, values: Mapping[str, Value]) -> RowReader:
        return lambda: (tuple(row) for row in self.connection.execute(query, values))


def _reopen_intervals(rows: RowReader, columns: Sequence[str], end: str) -> RowReader:
    """Return the rows as they were at an instant, without an `until` that was not known yet."""
    if "until" not in columns:
        return rows
    index = list(columns).index("until")

    def reopened_rows() -> Iterator[Row]:
        for row in rows():
            is_later = row[index] is not None and str(row[index]) >= end
            yield (*row[:index], None, *row[index + 1 :]) if is_later else row

    return reopened_rows


def format_instant(seconds: int) -> str:
    """Return an instant as ISO 8601, and the end of time as the last second that it can write."""
    return isoformat_utc(seconds) if seconds < 253_402_300_800 else "9999-12-31T23:59:59Z"
