"""What else has observed the packages of a removed import, and which fields each snapshot has."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from db.removal.censuses import Counters, load_census_sightings
from db.removal.excision import Sighting

PLAIN_FORMATS = ("csv", "top-pypi-packages")  # imports of names and counters


@dataclass(frozen=True)
class PackageSightings:
    """The other snapshots of each package, and the fields of each import. A snapshot without fields has all of them.

    `census_counters` are by census and package. A census keeps no trend, so a package keeps its own if the removed
    import had none. `last_census` is the newest complete census, None if there is none.
    """

    removed: int
    snapshots: Mapping[int, Sequence[tuple[int, int]]]
    fields: Mapping[int, frozenset[str]]
    census_counters: Mapping[tuple[int, int], Counters]
    has_trends: bool
    last_census: int | None

    def knows(self, snapshot: int, field: str) -> bool:
        """Return whether the rows of a snapshot have a field. Every row has a name."""
        return field == "name" or snapshot not in self.fields or field in self.fields[snapshot]

    @property
    def has_stated_values(self) -> bool:
        """Whether the removed import stated times or revisions, and what it replaced is on record."""
        return "values" in self.fields.get(self.removed, frozenset())

    def of(self, package: int, field: str) -> list[Sighting]:
        """Return the sightings of a package by snapshots that have a field."""
        return [
            Sighting(taken_at, is_stored_later=snapshot > self.removed)
            for snapshot, taken_at in self.snapshots.get(package, ())
            if self.knows(snapshot, field)
        ]


def load_sightings(connection: sqlite3.Connection, removed: int) -> PackageSightings:
    """Return the sightings of the packages in the temporary table of touched packages."""
    census_sightings = load_census_sightings(connection)
    connection.executemany(
        "INSERT INTO temp.observer (package_id, snapshot_id, taken_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        [(sighting.package, sighting.snapshot, sighting.taken_at) for sighting in census_sightings],
    )
    counters = {(sighting.snapshot, sighting.package): sighting.counters for sighting in census_sightings}
    snapshots: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for package, snapshot, taken_at in connection.execute(
        "SELECT package_id, snapshot_id, taken_at FROM temp.observer ORDER BY package_id, snapshot_id"
    ):
        snapshots[package].append((snapshot, taken_at))
    (has_trends,) = connection.execute(
        "SELECT count(*) FROM ranking WHERE snapshot_id = ? AND trending IS NOT NULL", (removed,)
    ).fetchone()
    fields, last_census = _load_fields(connection), _find_last_census(connection, removed)
    return PackageSightings(removed, snapshots, fields, counters, bool(has_trends), last_census)


def _find_last_census(connection: sqlite3.Connection, removed: int) -> int | None:
    """Return the newest complete census of the registry of a snapshot, None if there is none."""
    row = connection.execute(
        "SELECT s.snapshot_id FROM snapshot s JOIN census c ON c.snapshot_id = s.snapshot_id"
        " JOIN snapshot x ON x.registry_id = s.registry_id WHERE x.snapshot_id = ? AND s.status = 'complete'"
        " ORDER BY s.taken_at DESC, s.snapshot_id DESC LIMIT 1",
        (removed,),
    ).fetchone()
    return None if row is None else row[0]


def _load_fields(connection: sqlite3.Connection) -> dict[int, frozenset[str]]:
    """Return the fields of each import that recorded them, and of each older import of a plain format."""
    fields: dict[int, set[str]] = defaultdict(set)
    for snapshot, field in connection.execute("SELECT snapshot_id, field FROM import_field"):
        fields[snapshot].add(field)
    for snapshot, settings in connection.execute("SELECT snapshot_id, settings FROM snapshot WHERE origin = 'import'"):
        if json.loads(settings).get("format") in PLAIN_FORMATS:
            fields[snapshot] |= set()
    return {snapshot: frozenset(names) for snapshot, names in fields.items()}
