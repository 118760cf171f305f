"""What a bundle holds: the tables of the lake (`db/lake/*.sql`) and the stable views, in parts that do not change.

A table of the lake has the name and the columns that the table of the store had first (`db/lake_names.py`). It is split by what its question asks for:
`:snapshot` makes a part for each snapshot, `:registry` one for each registry, neither makes one part. The counters of
censuses, `counter`, are no table of the store but blocks, and come in batches. A stable view (`v1_…`) is split by the
snapshot it names, else by registry.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import db
from db.cli import isoformat_utc
from db.lake_names import store_column, store_table

if TYPE_CHECKING:
    from numpy.ma import MaskedArray

LAKE_FOLDER = Path(db.__file__).parent / "lake"
FOREVER = 2**62
# Columns of stable views that are not for others: free notes, and command lines of whoever runs this.
WITHHELD_COLUMNS = {"v1_card": ("note",), "v1_tick": ("command", "reason", "cause")}
# When a row is of, in views that are not split by snapshot: the first of these that a view has.
DATE_EXPRESSIONS = {
    "taken_at": "taken_at", "noted_at": "coalesce(date || 'T00:00:00Z', noted_at)", "due_at": "due_at",
    "missed_at": "missed_at", "scored_at": "scored_at", "started_at": "started_at",
}  # fmt: skip
# Of an ended snapshot these never change; in `v1_ranking` what its packages are called may be found out later.
IMMUTABLE_TABLES = frozenset(("ranking", "finding", "census", "counter", "v1_finding", "v1_reject"))
NAME_DEPENDENT_TABLES = frozenset(("v1_ranking",))
PARTITION_COLUMNS = ("registry", "snapshot")
COUNTER_TABLE = "counter"
COUNTER_COLUMNS = ("snapshot_id", "package_id", "downloads", "likes", "downloads_all_time")
COMPUTED_TYPES = {
    "valid_from": "INTEGER",
    "valid_to": "INTEGER",
    "parent_id": "INTEGER",
    "relation": "TEXT",
}  # views tell no type of it
Row = tuple[object, ...]
Batch = tuple["MaskedArray", ...]


@dataclass(frozen=True)
class Column:
    """A column with the type it has in the store: INTEGER, REAL or TEXT."""

    name: str
    type: str


@dataclass(frozen=True)
class Part:
    """Rows that are written together: of one snapshot, of one registry, or all of them.

    `key` stands for all that the rows are made of; None where they may be others next time. `batches` gives the rows as
    columns of numbers, some rows at a time, where there may be millions.
    """

    registry: str | None
    snapshot: int | None
    rows: Callable[[], Iterator[Row]]
    key: str | None = None
    batches: Callable[[], Iterator[Batch]] | None = None


def make_batched_part(
    registry: str | None, snapshot: int | None, batches: Callable[[], Iterator[Batch]], key: str | None
) -> Part:
    """A part whose rows come in batches; what is masked is NULL."""

    def rows() -> Iterator[Row]:
        return (row for batch in batches() for row in zip(*(column.tolist() for column in batch), strict=True))

    return Part(registry, snapshot, rows, key, batches)


@dataclass(frozen=True)
class Table:
    """A table of a bundle; `lake` where it is one of the store's own and not a stable view.

    Of a table of the lake, `about` says what it is, and `split` what its files are split by.
    """

    name: str
    columns: tuple[Column, ...]
    parts: tuple[Part, ...]
    is_lake: bool
    description: str = ""
    partitions: tuple[str, ...] = ()


@dataclass(frozen=True)
class ExportScope:
    """What of the store is wanted: from one instant to another, of these registries, these tables (all if none)."""

    since: int = 0
    until: int = FOREVER
    registries: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()

    def has_table(self, table: str) -> bool:
        """Whether a table is asked for."""
        return not self.tables or table in self.tables


def load_tables(connection: sqlite3.Connection, scope: ExportScope) -> list[Table]:
    """Every table of the lake and every stable view, in the order of their names."""
    asked = TableReader(connection, scope)
    lake = [asked.make_lake_table(path) for path in LAKE_FOLDER.glob("*.sql") if scope.has_table(path.stem)]
    lake += [asked.make_counter_table()] if scope.has_table(COUNTER_TABLE) else []
    lake.sort(key=lambda table: table.name)
    return [*lake, *(asked.make_view_table(name) for name in list_views(connection) if scope.has_table(name))]


def drop_empty_parts(tables: Sequence[Table], is_known: Callable[[Table, Part], bool]) -> list[Table]:
    """The tables without the parts of a snapshot that have no row; those that are `known` to have some are not read."""

    def has_rows(table: Table, part: Part) -> bool:
        return part.snapshot is None or is_known(table, part) or any(True for _ in part.rows())

    return [replace(table, parts=tuple(part for part in table.parts if has_rows(table, part))) for table in tables]


def list_views(connection: sqlite3.Connection) -> list[str]:
    """The names of the stable views."""
    found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'view' ORDER BY name")
    return [name for (name,) in found if name.startswith("v1_")]


def list_snapshots(connection: sqlite3.Connection, scope: ExportScope) -> list[tuple[str, int, bool]]:
    """Registry, number and whether it is complete, of every ended snapshot in the scope, by number."""
    found = connection.execute(
        "SELECT r.name, s.snapshot_id, s.status = 'complete' FROM snapshot s JOIN registry r USING (registry_id)"
        " WHERE s.status <> 'open' AND s.taken_at >= ? AND s.taken_at < ? ORDER BY s.snapshot_id",
        (scope.since, scope.until),
    )
    return [(name, number, bool(whole)) for name, number, whole in found if name in scope.registries]


class TableReader:
    def __init__(self, connection: sqlite3.Connection, scope: ExportScope) -> None:
        self.connection, self.scope = connection, scope
        self.snapshots = list_snapshots(connection, scope)
        self.time_bounds = {"since": scope.since, "until": scope.until}
        self.complete_snapshots = {number: (digest, at) for number, digest, at in connection.execute(
            "SELECT snapshot_id, digest, taken_at FROM snapshot WHERE status = 'complete'"
        )}  # fmt: skip
        self.name_counts: dict[str, list[tuple[int, int]]] = {}
        self.unidentified_packages: dict[str, int] = {}

    def make_lake_table(self, path: Path) -> Table:
        question = path.read_text("utf-8")
        types = self._load_column_types(store_table(path.stem))
        nobody = {**self.time_bounds, "registry": "", "snapshot": 0, "complete": 0}
        names = [column[0] for column in self.connection.execute(question, nobody).description]
        columns = tuple(Column(name, types[store_column(path.stem, name)]) for name in names)
        about = " ".join(line.removeprefix("-- ") for line in question.splitlines() if line.startswith("-- "))
        asked = set(re.findall(r":([a-z]+)", re.sub("--.*", "", question)))
        split = PARTITION_COLUMNS if "snapshot" in asked else PARTITION_COLUMNS[:1] if "registry" in asked else ()
        return Table(path.stem, columns, tuple(self._make_lake_parts(path.stem, question, split)), True, about, split)

    def make_counter_table(self) -> Table:
        """The counters of every complete census."""
        about = (
            "The counters of every package of a complete census, in the order of the packages' numbers; NULL where the"
            " registry said nothing. The store keeps them in blocks."
        )
        censuses = {number for (number,) in self.connection.execute("SELECT snapshot_id FROM census")}
        parts = tuple(
            make_batched_part(
                registry, number, partial(self._read_census, number), self._make_key(COUNTER_TABLE, registry, number)
            )
            for registry, number, whole in self.snapshots
            if whole and number in censuses
        )
        return Table(
            COUNTER_TABLE,
            tuple(Column(name, "INTEGER") for name in COUNTER_COLUMNS),
            parts,
            True,
            about,
            PARTITION_COLUMNS,
        )

    def _read_census(self, number: int) -> Iterator[Batch]:
        from numpy import full_like
        from numpy.ma import masked_equal

        from db.census.blocks import MISSING_VALUE
        from db.census.history import iter_counter_blocks

        for packages, *counters in (part.values() for part in iter_counter_blocks(self.connection, number)):
            said = (full_like(packages, number), packages, *counters)
            yield tuple(masked_equal(column, MISSING_VALUE) for column in said)

    def make_view_table(self, name: str) -> Table:
        from db.dictionary import load_dictionary

        (told,) = [view["column"] for view in load_dictionary() if view["name"] == name]
        withheld = WITHHELD_COLUMNS.get(name, ())
        columns = tuple(Column(str(one["name"]), str(one["type"])) for one in told if one["name"] not in withheld)
        return Table(name, columns, tuple(self._make_view_parts(name, [column.name for column in columns])), False)

    def _load_column_types(self, table: str) -> dict[str, str]:
        found = self.connection.execute("SELECT name, type FROM pragma_table_xinfo(?)", (table,))
        return {name: COMPUTED_TYPES.get(name) or (kind.split() or ["TEXT"])[0] for name, kind in found}

    def _make_key(self, table: str, registry: str, number: int) -> str | None:
        if table not in IMMUTABLE_TABLES | NAME_DEPENDENT_TABLES:
            return None
        digest, taken_at = self.complete_snapshots.get(number, (None, 0))
        return digest and f"{digest} {self._count_names(registry, taken_at) if table in NAME_DEPENDENT_TABLES else ''}"

    def _count_names(self, registry: str, instant: int) -> tuple[int, int, int]:
        """How many names were known at an instant and since when, and of how many packages the name alone is known."""
        if not self.name_counts:
            found = self.connection.execute(
                "SELECT r.name, a.valid_from, count(*) FROM alias a JOIN package p ON p.package_id = a.package_id"
                " JOIN registry r ON r.registry_id = p.registry_id GROUP BY r.name, a.valid_from ORDER BY a.valid_from"
            )
            for name, since, count in found:
                self.name_counts.setdefault(name, []).append((since, count))
            self.unidentified_packages = dict(tuple(row) for row in self.connection.execute(
                "SELECT r.name, sum(substr(p.stable_id, 1, 5) = 'name:') FROM package p"
                " JOIN registry r ON r.registry_id = p.registry_id GROUP BY r.name"
            ))  # fmt: skip
        known = [(since, count) for since, count in self.name_counts.get(registry, []) if since <= instant]
        return (
            sum(n for _, n in known),
            sum(since * n for since, n in known),
            self.unidentified_packages.get(registry, 0),
        )

    def _make_lake_parts(self, table: str, question: str, partitions: Sequence[str]) -> Iterator[Part]:
        if "snapshot" in partitions:
            for registry, number, whole in self.snapshots:
                values = {**self.time_bounds, "registry": registry, "snapshot": number, "complete": whole}
                yield Part(
                    registry, number, self._make_reader(question, values), self._make_key(table, registry, number)
                )
        elif "registry" in partitions:
            for registry in self.scope.registries:
                yield Part(registry, None, self._make_reader(question, {**self.time_bounds, "registry": registry}))
        else:
            yield Part(None, None, self._make_reader(question, self.time_bounds))

    def _make_view_parts(self, name: str, columns: Sequence[str]) -> Iterator[Part]:
        order = ", ".join(str(place) for place in range(1, len(columns) + 1))
        listed = ", ".join(f'"{column}"' for column in columns)
        question = f"SELECT {listed} FROM {name} WHERE (registry = :registry)"
        if "registry" not in columns:
            question = question.replace("(registry = :registry)", "true")
        between = " AND {0} >= :from AND {0} < :to"
        times = {"from": isoformat_utc(self.scope.since), "to": _format_instant(self.scope.until)}
        moment = next((said for column, said in DATE_EXPRESSIONS.items() if column in columns), None)
        if moment is None and "snapshot" in columns:
            for registry, number, _ in self.snapshots:
                values = {"registry": registry, "snapshot": number}
                rows = self._make_reader(f"{question} AND snapshot = :snapshot ORDER BY {order}", values)
                yield Part(registry, number, rows, self._make_key(name, registry, number))
            return
        if moment:
            question += between.format(moment)
        elif "since" in columns:
            question += " AND since < :to AND (until IS NULL OR until > :from)"
        for registry in self.scope.registries if "registry" in columns else (None,):
            values = {"registry": registry, **times}
            rows = self._make_reader(f"{question} ORDER BY {order}", values)
            yield Part(registry, None, _reopen_intervals(rows, columns, times["to"]))

    def _make_reader(self, question: str, values: dict[str, object]) -> Callable[[], Iterator[Row]]:
        return lambda: (tuple(row) for row in self.connection.execute(question, values))


def _reopen_intervals(
    rows: Callable[[], Iterator[Row]], columns: Sequence[str], end: str
) -> Callable[[], Iterator[Row]]:
    """Rows whose `until` is not known yet at the end of the time that was asked for."""
    if "until" not in columns:
        return rows
    place = list(columns).index("until")

    def cut() -> Iterator[Row]:
        for row in rows():
            later = row[place] is not None and str(row[place]) >= end
            yield (*row[:place], None, *row[place + 1 :]) if later else row

    return cut


def _format_instant(seconds: int) -> str:
    return isoformat_utc(seconds) if seconds < 253_402_300_800 else "9999-12-31T23:59:59Z"
