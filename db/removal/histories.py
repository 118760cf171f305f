"""The names, attributes, libraries and parents of packages, as they read without a removed import."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from db.removal.excision import ValueInterval, excise
from db.removal.sightings import PackageSightings


@dataclass(frozen=True)
class HistoryTable:
    """A table of intervals. `load` gives package, field, timeline, first sighting, start, end and then the value."""

    load: str
    delete: str
    insert: str


TOUCHED = " FROM temp.touched_package x CROSS JOIN package p ON p.package_id = x.package_id"
NAMES = HistoryTable(
    load="SELECT p.package_id, 'name', '', p.first_seen_at, h.valid_from, h.valid_to, h.name"
    f"{TOUCHED} CROSS JOIN name_history h ON h.package_id = p.package_id ORDER BY 1, 2, 3",
    delete="DELETE FROM name_history WHERE package_id = ? AND name = ? AND valid_from = ?",
    insert="INSERT INTO name_history (package_id, name, valid_from, valid_to) VALUES (?, ?, ?, ?)",
)
HISTORIES = (
    NAMES,
    HistoryTable(
        load="SELECT p.package_id, 'attribute ' || t.kind, '', p.first_seen_at, a.valid_from, a.valid_to, a.term_id"
        f"{TOUCHED} CROSS JOIN package_attribute a ON a.package_id = p.package_id"
        " CROSS JOIN term t ON t.term_id = a.term_id ORDER BY 1, 2, 3",
        delete="DELETE FROM package_attribute WHERE package_id = ? AND term_id = ? AND valid_from = ?",
        insert="INSERT INTO package_attribute (package_id, term_id, valid_from, valid_to) VALUES (?, ?, ?, ?)",
    ),
    HistoryTable(
        load="SELECT p.package_id, 'libraries', l.term_id, p.first_seen_at, l.valid_from, l.valid_to, l.term_id"
        f"{TOUCHED} CROSS JOIN package_library_interval l ON l.package_id = p.package_id ORDER BY 1, 2, 3",
        delete="DELETE FROM package_library_interval WHERE package_id = ? AND term_id = ? AND valid_from = ?",
        insert="INSERT INTO package_library_interval (package_id, term_id, valid_from, valid_to) VALUES (?, ?, ?, ?)",
    ),
    HistoryTable(
        load="SELECT p.package_id, 'parents', quote(e.parent) || ' ' || e.relation || ' ' || e.parent_name,"
        " p.first_seen_at, e.valid_from, e.valid_to, e.parent, e.relation, e.parent_name"
        f"{TOUCHED} CROSS JOIN edge e ON e.child_id = p.package_id ORDER BY 1, 2, 3",
        delete="DELETE FROM edge WHERE child_id = ? AND parent = ? AND relation = ? AND parent_name = ?"
        " AND valid_from = ?",
        insert="INSERT INTO edge (child_id, parent, relation, parent_name, valid_from, valid_to)"
        " VALUES (?, ?, ?, ?, ?, ?)",
    ),
)


def restore_histories(connection: sqlite3.Connection, at: int, sightings: PackageSightings) -> None:
    """Rewrite each history in which an interval begins or ends at the instant of the removed import."""
    for table in HISTORIES:
        for package, first_seen, before, after in list(_find_changes(connection, table, at, sightings)):
            if table is NAMES:
                _release_children(connection, package, {*map(_values, before)} - {*map(_values, after)})
            for interval in before:
                connection.execute(table.delete, (package, *_values(interval), interval.start - first_seen))
            for interval in after:
                end = None if interval.end is None else interval.end - first_seen
                connection.execute(table.insert, (package, *_values(interval), interval.start - first_seen, end))


def _find_changes(
    connection: sqlite3.Connection, table: HistoryTable, at: int, sightings: PackageSightings
) -> Iterator[tuple[int, int, list[ValueInterval], list[ValueInterval]]]:
    """Yield each history that changes: the package, its first sighting, and the intervals before and after."""
    for (package, field, _), rows in groupby(map(tuple, connection.execute(table.load)), key=itemgetter(0, 1, 2)):
        intervals = []
        for _, _, _, first_seen, start, end, *value in rows:
            absolute_end = None if end is None else first_seen + end
            intervals.append(ValueInterval(first_seen + start, absolute_end, tuple(value)))
        if any(at in (interval.start, interval.end) for interval in intervals):
            remaining = excise(intervals, at, sightings.of(package, field))
            is_nameless = field == "name" and not remaining  # a package that is kept for other reasons keeps its name
            if set(remaining) != set(intervals) and not is_nameless:
                yield package, first_seen, intervals, remaining


def _release_children(connection: sqlite3.Connection, package: int, names: set[tuple[object, ...]]) -> None:
    """Let children keep the name of their parent where only the removed import said whose name it was."""
    for (name,) in names:
        connection.execute(
            "UPDATE OR REPLACE edge SET parent = 'name:' || ?, parent_name = '' WHERE parent = ? AND (parent_name = ?"
            " OR parent_name = '' AND ? = (SELECT p.name FROM package p WHERE p.package_id = edge.parent))",
            (name, package, name, name),
        )


def _values(interval: ValueInterval) -> tuple[object, ...]:
    return interval.value if isinstance(interval.value, tuple) else (interval.value,)
