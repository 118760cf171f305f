"""The newest values of packages, as they are without a removed import: replayed from the other snapshots."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from db.identity import derive_stable_id
from db.ids import short_hash
from db.removal.sightings import PackageSightings
from db.sql_files import load_statements

COUNTERS = ("downloads", "likes", "downloads_all_time", "trending", "dependents", "dependent_repos")
STATED = ("created_at", "modified_at", "revision")
VALUES = (*COUNTERS, *STATED)

Values = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class PackageValues:
    """The newest values of a package, and the instant of the snapshot that it was last seen in."""

    seen_at: int
    values: Values


@dataclass(frozen=True, slots=True)
class ObservedValues:
    """What one snapshot said of a package. None is no value."""

    snapshot: int
    taken_at: int
    values: Values
    is_recorded: bool = True


def replay(observations: Iterable[ObservedValues]) -> PackageValues | None:
    """Return the values after these observations, in the order in which they were stored, or None without any.

    A snapshot older than the newest one changes nothing. A missing value leaves the value as it was.

    >>> old = ObservedValues(1, 100, {"likes": 3, "downloads": 5})
    >>> new = ObservedValues(2, 200, {"likes": None, "downloads": 7})
    >>> replay([new, old])
    PackageValues(seen_at=200, values={'likes': None, 'downloads': 7})
    >>> replay([old, new])
    PackageValues(seen_at=200, values={'likes': 3, 'downloads': 7})
    """
    state: PackageValues | None = None
    for observed in observations:
        if state is None:
            state = PackageValues(observed.taken_at, dict(observed.values))
        elif observed.taken_at >= state.seen_at:
            stated = {name: value for name, value in observed.values.items() if value is not None}
            state = PackageValues(observed.taken_at, {**state.values, **stated})
    return state


def restore_packages(connection: sqlite3.Connection, at: int, sightings: PackageSightings) -> None:
    """Restore the values, the name, the id and the first sighting of every touched package."""
    observations = _load_observations(connection, sightings)
    for package in connection.execute(
        "SELECT p.* FROM temp.touched_package x JOIN package p ON p.package_id = x.package_id"
    ).fetchall():
        observed = observations.get(package["package_id"], [])
        if observed or package["first_seen_at"] != at:
            _restore_values(connection, package, [_with_stated(item, package, sightings) for item in observed], at)
            _restore_presence(connection, package, sightings)
            _restore_name(connection, package)
            _restore_key(connection, package, observed, sightings, at)
            _restore_first_sighting(connection, package, observed, at)


def _with_stated(observed: ObservedValues, package: sqlite3.Row, sightings: PackageSightings) -> ObservedValues:
    """Return an observation with the values of the package for those that were not recorded.

    A removed import that stated no values changed none of those before it, so the package still has them.
    """
    is_unchanged = not sightings.has_stated_values and observed.snapshot < sightings.removed
    kept = () if observed.is_recorded and not is_unchanged else STATED
    if (observed.snapshot, package["package_id"]) in sightings.census_counters and not sightings.has_trends:
        kept = (*kept, "trending")
    return replace(observed, values={**observed.values, **{name: package[name] for name in kept}})


def _load_observations(connection: sqlite3.Connection, sightings: PackageSightings) -> dict[int, list[ObservedValues]]:
    """Return what the other snapshots said of each touched package, in the order in which they were stored."""
    (statement,) = load_statements("removal_observations")
    rows = connection.execute(statement).fetchall()
    observations: dict[int, list[ObservedValues]] = {}
    for row in rows:
        values = {name: row[name] for name in VALUES}
        values |= sightings.census_counters.get((row["snapshot_id"], row["package_id"]), {})
        is_recorded = bool(row["is_recorded"]) or row["snapshot_id"] in sightings.fields
        observed = ObservedValues(row["snapshot_id"], row["taken_at"], values, is_recorded)
        observations.setdefault(row["package_id"], []).append(observed)
    return observations


def _restore_values(
    connection: sqlite3.Connection, package: sqlite3.Row, observed: Sequence[ObservedValues], at: int
) -> None:
    """Restore counters and stated values. What a crawl of changes stated later than every list is not replaced."""
    state = replay(observed) or PackageValues(package["first_seen_at"], dict.fromkeys(VALUES))
    values = dict(state.values)
    if _is_seen_later(package, observed, at):
        values |= {name: package[name] for name in STATED}
    seen_at = package["seen_at"] if package["seen_at"] > at else state.seen_at
    connection.execute(
        "UPDATE package SET seen_at = ?, downloads = ?, likes = ?, downloads_all_time = ?, trending = ?,"
        " dependents = ?, dependent_repos = ?, created_at = ?, modified_at = ?, revision = ? WHERE package_id = ?",
        (seen_at, *(values[name] for name in VALUES), package["package_id"]),
    )


def _restore_presence(connection: sqlite3.Connection, package: sqlite3.Row, sightings: PackageSightings) -> None:
    """Mark a package of the last census as present. The census did not, if the removed import saw the package later."""
    if package["fingerprint"] is None and (sightings.last_census, package["package_id"]) in sightings.census_counters:
        must_store_again = 0
        connection.execute(
            "UPDATE package SET fingerprint = ? WHERE package_id = ?", (must_store_again, package["package_id"])
        )


def _is_seen_later(package: sqlite3.Row, observed: Iterable[ObservedValues], at: int) -> bool:
    """Return whether a crawl of changes has seen a package after every snapshot that lists it."""
    return bool(package["seen_at"] > max([at, *(item.taken_at for item in observed)]))


def _restore_name(connection: sqlite3.Connection, package: sqlite3.Row) -> None:
    """Restore the newest name. Edges that were stored with the name of that time keep it."""
    number = package["package_id"]
    rows = connection.execute(
        "SELECT name, valid_from, valid_to FROM name_history WHERE package_id = ? ORDER BY valid_from", (number,)
    ).fetchall()
    if not rows:
        return
    name = rows[-1]["name"]
    if name != package["name"]:
        connection.execute(
            "UPDATE edge SET parent_name = ? WHERE parent = ? AND parent_name = ''", (package["name"], number)
        )
        connection.execute(
            "UPDATE package SET name = ?, name_hash = ? WHERE package_id = ?", (name, short_hash(name), number)
        )
        connection.execute(
            "UPDATE OR REPLACE edge SET parent_name = '' WHERE parent = ? AND parent_name = ?", (number, name)
        )
    if len(rows) == 1 and (rows[0]["valid_from"], rows[0]["valid_to"]) == (0, None):
        connection.execute("DELETE FROM name_history WHERE package_id = ?", (number,))


def _restore_key(
    connection: sqlite3.Connection,
    package: sqlite3.Row,
    observed: Sequence[ObservedValues],
    sightings: PackageSightings,
    at: int,
) -> None:
    """Replace the id of a package by its name if only the removed import knew the id."""
    stable_id, registry = package["stable_id"], package["registry_id"]
    listed = [item for item in observed if item.snapshot]
    is_known = not listed or package["fingerprint"] is not None or _is_seen_later(package, listed, at)
    if stable_id.startswith("name:") or is_known or any(sightings.knows(item.snapshot, "id") for item in listed):
        return
    registry_name, name = connection.execute(
        "SELECT r.name, a.name FROM alias a JOIN registry r WHERE a.package_id = ? AND r.registry_id = ?"
        " ORDER BY a.valid_from <= ? DESC, abs(a.valid_from - ?) LIMIT 1",
        (package["package_id"], registry, listed[0].taken_at, listed[0].taken_at),
    ).fetchone()
    placeholder = derive_stable_id(registry_name, name)
    connection.execute(
        "UPDATE package SET key = ? WHERE package_id = ? AND NOT EXISTS ("
        "SELECT 1 FROM package p WHERE p.registry_id = ? AND p.key = ?)",
        (placeholder, package["package_id"], registry, placeholder),
    )


def _restore_first_sighting(
    connection: sqlite3.Connection, package: sqlite3.Row, observed: Sequence[ObservedValues], at: int
) -> None:
    """Make the first sighting that of the snapshot that was stored first. Intervals stay in place."""
    first = next((item.taken_at for item in observed if item.snapshot), at)
    if package["first_seen_at"] != at or first == at:
        return
    for statement in load_statements("move_first_sighting"):
        connection.execute(statement, {"package": package["package_id"], "shift": at - first, "first": first})
