"""What a bundle holds: the tables of the lake (`db/lake/*.sql`) and the stable views, in parts that do not change.

A table of the lake has the name and the columns of a table of the store. It is split by what its question asks for:
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
from db.cli import instant

if TYPE_CHECKING:
    from numpy.ma import MaskedArray

FOLDER = Path(db.__file__).parent / "lake"
FOREVER = 2**62
# Columns of stable views that are not for others: free notes, and command lines of whoever runs this.
NOT_EXPORTED = {"v1_card": ("note",), "v1_tick": ("command", "reason", "cause")}
# When a row is of, in views that are not split by snapshot: the first of these that a view has.
DATED = {
    "taken_at": "taken_at", "noted_at": "coalesce(date || 'T00:00:00Z', noted_at)", "due_at": "due_at",
    "missed_at": "missed_at", "scored_at": "scored_at", "started_at": "started_at",
}  # fmt: skip
# Of an ended snapshot these never change; in `v1_ranking` what its packages are called may be found out later.
FIXED = frozenset(("ranking", "finding", "census", "counter", "v1_finding", "v1_reject"))
CALLED = frozenset(("v1_ranking",))
SPLIT = ("registry", "snapshot")
COUNTER = "counter"
COUNTER_COLUMNS = ("snapshot_id", "package_id", "downloads", "likes", "downloads_all_time")
COMPUTED = {
    "since": "INTEGER",
    "until": "INTEGER",
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


def in_batches(
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
    lake: bool
    about: str = ""
    split: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scope:
    """What of the store is wanted: from one instant to another, of these registries, these tables (all if none)."""

    since: int = 0
    until: int = FOREVER
    registries: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()

    def wants(self, table: str) -> bool:
        """Whether a table is asked for."""
        return not self.tables or table in self.tables


def tables(connection: sqlite3.Connection, scope: Scope) -> list[Table]:
    """Every table of the lake and every stable view, in the order of their names."""
    asked = _Asked(connection, scope)
    lake = [asked.of_the_lake(path) for path in FOLDER.glob("*.sql") if scope.wants(path.stem)]
    lake += [asked.counters()] if scope.wants(COUNTER) else []
    lake.sort(key=lambda table: table.name)
    return [*lake, *(asked.view(name) for name in views(connection) if scope.wants(name))]


def filled(found: Sequence[Table], known: Callable[[Table, Part], bool]) -> list[Table]:
    """The tables without the parts of a snapshot that have no row; those that are `known` to have some are not read."""

    def has_rows(table: Table, part: Part) -> bool:
        return part.snapshot is None or known(table, part) or any(True for _ in part.rows())

    return [replace(table, parts=tuple(part for part in table.parts if has_rows(table, part))) for table in found]


def views(connection: sqlite3.Connection) -> list[str]:
    """The names of the stable views."""
    found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'view' ORDER BY name")
    return [name for (name,) in found if name.startswith("v1_")]


def snapshots(connection: sqlite3.Connection, scope: Scope) -> list[tuple[str, int, bool]]:
    """Registry, number and whether it is complete, of every ended snapshot in the scope, by number."""
    found = connection.execute(
        "SELECT r.name, s.snapshot_id, s.status = 'complete' FROM snapshot s JOIN registry r USING (registry_id)"
        " WHERE s.status <> 'open' AND s.taken_at >= ? AND s.taken_at < ? ORDER BY s.snapshot_id",
        (scope.since, scope.until),
    )
    return [(name, number, bool(whole)) for name, number, whole in found if name in scope.registries]


class _Asked:
    def __init__(self, connection: sqlite3.Connection, scope: Scope) -> None:
        self.connection, self.scope = connection, scope
        self.snapshots = snapshots(connection, scope)
        self.between = {"since": scope.since, "until": scope.until}
        self.ended = {number: (digest, at) for number, digest, at in connection.execute(
            "SELECT snapshot_id, digest, taken_at FROM snapshot WHERE status = 'complete'"
        )}  # fmt: skip
        self.names: dict[str, list[tuple[int, int]]] = {}
        self.nameless: dict[str, int] = {}

    def of_the_lake(self, path: Path) -> Table:
        question = path.read_text("utf-8")
        types = self._types(path.stem)
        nobody = {**self.between, "registry": "", "snapshot": 0, "complete": 0}
        names = [column[0] for column in self.connection.execute(question, nobody).description]
        columns = tuple(Column(name, types[name]) for name in names)
        about = " ".join(line.removeprefix("-- ") for line in question.splitlines() if line.startswith("-- "))
        asked = set(re.findall(r":([a-z]+)", re.sub("--.*", "", question)))
        split = SPLIT if "snapshot" in asked else SPLIT[:1] if "registry" in asked else ()
        return Table(path.stem, columns, tuple(self._parts(path.stem, question, split)), True, about, split)

    def counters(self) -> Table:
        """The counters of every complete census."""
        about = (
            "The counters of every package of a complete census, in the order of the packages' numbers; NULL where the"
            " registry said nothing. The store keeps them in blocks."
        )
        censuses = {number for (number,) in self.connection.execute("SELECT snapshot_id FROM census")}
        parts = tuple(
            in_batches(registry, number, partial(self._of_census, number), self._key(COUNTER, registry, number))
            for registry, number, whole in self.snapshots
            if whole and number in censuses
        )
        return Table(COUNTER, tuple(Column(name, "INTEGER") for name in COUNTER_COLUMNS), parts, True, about, SPLIT)

    def _of_census(self, number: int) -> Iterator[Batch]:
        from numpy import full_like
        from numpy.ma import masked_equal

        from db.census.blocks import NOTHING
        from db.census.history import parts

        for packages, *counters in (part.values() for part in parts(self.connection, number)):
            said = (full_like(packages, number), packages, *counters)
            yield tuple(masked_equal(column, NOTHING) for column in said)

    def view(self, name: str) -> Table:
        from db.__main__ import dictionary

        (told,) = [view["column"] for view in dictionary() if view["name"] == name]
        withheld = NOT_EXPORTED.get(name, ())
        columns = tuple(Column(str(one["name"]), str(one["type"])) for one in told if one["name"] not in withheld)
        return Table(name, columns, tuple(self._parts_of_view(name, [column.name for column in columns])), False)

    def _types(self, table: str) -> dict[str, str]:
        found = self.connection.execute("SELECT name, type FROM pragma_table_xinfo(?)", (table,))
        return {name: COMPUTED.get(name) or (kind.split() or ["TEXT"])[0] for name, kind in found}

    def _key(self, table: str, registry: str, number: int) -> str | None:
        if table not in FIXED | CALLED:
            return None
        digest, taken_at = self.ended.get(number, (None, 0))
        return digest and f"{digest} {self._called(registry, taken_at) if table in CALLED else ''}"

    def _called(self, registry: str, at: int) -> tuple[int, int, int]:
        """How many names were known at an instant and since when, and of how many packages the name alone is known."""
        if not self.names:
            found = self.connection.execute(
                "SELECT r.name, a.since, count(*) FROM alias a JOIN package p ON p.package_id = a.package_id"
                " JOIN registry r ON r.registry_id = p.registry_id GROUP BY r.name, a.since ORDER BY a.since"
            )
            for name, since, count in found:
                self.names.setdefault(name, []).append((since, count))
            self.nameless = dict(tuple(row) for row in self.connection.execute(
                "SELECT r.name, sum(substr(p.stable_id, 1, 5) = 'name:') FROM package p"
                " JOIN registry r ON r.registry_id = p.registry_id GROUP BY r.name"
            ))  # fmt: skip
        known = [(since, count) for since, count in self.names.get(registry, []) if since <= at]
        return sum(n for _, n in known), sum(since * n for since, n in known), self.nameless.get(registry, 0)

    def _parts(self, table: str, question: str, split: Sequence[str]) -> Iterator[Part]:
        if "snapshot" in split:
            for registry, number, whole in self.snapshots:
                values = {**self.between, "registry": registry, "snapshot": number, "complete": whole}
                yield Part(registry, number, self._rows(question, values), self._key(table, registry, number))
        elif "registry" in split:
            for registry in self.scope.registries:
                yield Part(registry, None, self._rows(question, {**self.between, "registry": registry}))
        else:
            yield Part(None, None, self._rows(question, self.between))

    def _parts_of_view(self, name: str, columns: Sequence[str]) -> Iterator[Part]:
        order = ", ".join(str(place) for place in range(1, len(columns) + 1))
        listed = ", ".join(f'"{column}"' for column in columns)
        question = f"SELECT {listed} FROM {name} WHERE (registry = :registry)"  # noqa: S608 - a view of our own schema
        if "registry" not in columns:
            question = question.replace("(registry = :registry)", "true")
        between = " AND {0} >= :from AND {0} < :to"
        times = {"from": instant(self.scope.since), "to": _instant(self.scope.until)}
        moment = next((said for column, said in DATED.items() if column in columns), None)
        if moment is None and "snapshot" in columns:
            for registry, number, _ in self.snapshots:
                values = {"registry": registry, "snapshot": number}
                rows = self._rows(f"{question} AND snapshot = :snapshot ORDER BY {order}", values)
                yield Part(registry, number, rows, self._key(name, registry, number))
            return
        if moment:
            question += between.format(moment)
        elif "since" in columns:
            question += " AND since < :to AND (until IS NULL OR until > :from)"
        for registry in self.scope.registries if "registry" in columns else (None,):
            values = {"registry": registry, **times}
            rows = self._rows(f"{question} ORDER BY {order}", values)
            yield Part(registry, None, _open_ended(rows, columns, times["to"]))

    def _rows(self, question: str, values: dict[str, object]) -> Callable[[], Iterator[Row]]:
        return lambda: (tuple(row) for row in self.connection.execute(question, values))


def _open_ended(rows: Callable[[], Iterator[Row]], columns: Sequence[str], end: str) -> Callable[[], Iterator[Row]]:
    """Rows whose `until` is not known yet at the end of the time that was asked for."""
    if "until" not in columns:
        return rows
    place = list(columns).index("until")

    def cut() -> Iterator[Row]:
        for row in rows():
            later = row[place] is not None and str(row[place]) >= end
            yield (*row[:place], None, *row[place + 1 :]) if later else row

    return cut


def _instant(seconds: int) -> str:
    return instant(seconds) if seconds < 253_402_300_800 else "9999-12-31T23:59:59Z"
