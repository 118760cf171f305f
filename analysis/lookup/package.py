"""Build the document about one package."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, cast

from analysis.lookup.fetching import END_OF_TIME, SqlRow, fetch_rows
from analysis.lookup.package_rows import (
    CensusDay,
    ListedDay,
    PackageAbsence,
    PackageCard,
    PackageChildren,
    PackageDocument,
    PackageName,
    PackageParent,
    PackageQualityEvent,
    PackageSummary,
    PackageTrait,
    RankSeries,
)
from analysis.reporting.names import package_page
from db import __version__
from db.cli import isoformat_utc
from db.rows import RELATIONS
from db.sources import StandIn, describe_stand_ins, load_stand_ins

if TYPE_CHECKING:
    from db.census.history import CensusPoint

SCHEMA = 1
LIST_KEYS = tuple(ListedDay.__annotations__)


@dataclass(frozen=True)
class PackageLookup:
    """One package of a store, up to an instant: the first second after the last included day."""

    connection: sqlite3.Connection
    number: int
    until: int

    def fetch(self, statement: str, **parameters: object) -> list[SqlRow]:
        """Return the rows of a statement about the package."""
        return fetch_rows(self.connection, statement, package=self.number, until=self.until, **parameters)


def find_packages(connection: sqlite3.Connection, name: str, until: int) -> list[SqlRow]:
    """Return the packages that have or had a name or id.

    Each has its censuses, the time at which it was last seen, and a warning if its registry is not public.
    """
    rows = fetch_rows(connection, "packages_by_any_name", name=name, until=until)
    stand_ins = load_stand_ins(connection) if rows else {}
    return [add_sightings(row, PackageLookup(connection, row["number"], until), stand_ins) for row in rows]


def add_sightings(row: SqlRow, lookup: PackageLookup, stand_ins: Mapping[int, StandIn]) -> SqlRow:
    """Return the row of a package with its censuses, the time at which it was last seen, and a warning."""
    points = load_points(lookup)
    return {
        **row,
        "points": points,
        "seen_at": find_last_sighting(lookup, row["seen_at"], points),
        "warning": describe_sources(lookup, stand_ins),
    }


def describe_sources(lookup: PackageLookup, stand_ins: Mapping[int, StandIn]) -> str:
    """Return what a reader must know if complete snapshots of the registry are not from the public registry."""
    numbers = [row["snapshot"] for row in lookup.fetch("complete_snapshots")]
    return describe_stand_ins(stand_ins[number] for number in numbers if number in stand_ins)


def find_last_sighting(lookup: PackageLookup, changed_at: int, points: Iterable[CensusPoint]) -> int:
    """Return the last time at which a list or a census had the package, or it changed.

    A census leaves the row of an unchanged package as it is.
    """
    (row,) = lookup.fetch("last_sighting")
    instants: list[int] = [row["seen_at"], changed_at, *(point.taken_at for point in points if point.present)]
    return max(at for at in instants if at < lookup.until)


def build_document(
    connection: sqlite3.Connection, row: SqlRow, others: Sequence[SqlRow], by: str, until: int
) -> PackageDocument:
    """Return everything that the store has about the package of a row of `find_packages`."""
    lookup = PackageLookup(connection, row["number"], until)
    return {
        "schema": SCHEMA,
        "generated_by": f"hub-observatory {__version__}",
        "as_of": None if until == END_OF_TIME else format_day(until - 1),
        "warning": row["warning"],
        **summarize_package(row),
        "other_packages": [summarize_package(other) for other in others],
        "names": list_names(lookup),
        "traits": list_traits(lookup),
        "series": list_series(lookup, by),
        "censuses": list_censuses(row["points"]),
        "parents": list_parents(lookup),
        "children": list_children(lookup),
        "events": list_events(lookup),
        "cards": list_cards(lookup),
        "absences": list_absences(lookup),
    }


def summarize_package(row: SqlRow) -> PackageSummary:
    """Return what identifies the package of a row of `find_packages`."""
    page = package_page(row["registry"], row["name"], row["service"], row["service_name"])
    return {
        "registry": row["registry"],
        "package": row["package"],
        "name": row["name"],
        "url": page if page and not row["warning"] else None,
        "first_seen": format_day(row["first_seen_at"]),
        "last_seen": format_day(row["seen_at"]),
        "created": format_known_day(row["created_at"]),
    }


def list_names(lookup: PackageLookup) -> list[PackageName]:
    """Return the names of the package, oldest first."""
    rows = lookup.fetch("names_of_package")
    return [
        {
            "name": row["name"],
            "since": format_day(row["since"]),
            "until": format_known_day(row["until"]),
            "last_listed": format_known_day(row["last_listed"]),
        }
        for row in rows
    ]


def list_traits(lookup: PackageLookup) -> list[PackageTrait]:
    """Return the attributes and libraries of the package."""
    rows = lookup.fetch("traits_of_package")
    return [{"trait": row["trait"], "value": row["value"], "since": format_day(row["since"])} for row in rows]


def list_series(lookup: PackageLookup, by: str) -> list[RankSeries]:
    """Return the days of each series of lists in one order."""
    rows = lookup.fetch("ranks_of_package", by=by)
    return [
        {"by": by, "counter": counter, "days": list(select_days(group))}
        for counter, group in groupby(rows, itemgetter("counter"))
    ]


def select_days(rows: Iterable[SqlRow]) -> Iterator[ListedDay]:
    """Yield one row for each day: the newest list that has the package, else the deepest list."""
    for _, group in groupby(rows, itemgetter("date")):
        day = list(group)
        listed = [row for row in day if row["rank"] is not None]
        row = listed[-1] if listed else max(day, key=itemgetter("depth"))
        yield cast(ListedDay, {key: row[key] for key in LIST_KEYS})


def list_censuses(points: Iterable[CensusPoint]) -> list[CensusDay]:
    """Return the counters of the package in each complete census."""
    return [
        {
            "date": format_day(point.taken_at),
            "snapshot": point.snapshot,
            "present": bool(point.present),
            "downloads": point.downloads,
            "likes": point.likes,
            "downloads_all_time": point.downloads_all_time,
        }
        for point in points
    ]


def load_points(lookup: PackageLookup) -> list[CensusPoint]:
    """Return the package in each complete census."""
    if not has_censuses(lookup):
        return []
    from db.census.history import load_series  # it imports numpy

    points = load_series(lookup.connection, lookup.number)
    return [point for point in points if point.status == "complete" and point.taken_at < lookup.until]


def has_censuses(lookup: PackageLookup) -> bool:
    """Return whether the registry of the package has a census with counters."""
    query = (
        "SELECT 1 FROM package p JOIN observation_block b ON b.registry_id = p.registry_id"
        " AND b.number = p.package_id >> 16 WHERE p.package_id = ? LIMIT 1"
    )
    return lookup.connection.execute(query, (lookup.number,)).fetchone() is not None


def list_parents(lookup: PackageLookup) -> list[PackageParent]:
    """Return the parents that the package names."""
    rows = lookup.fetch("parents_of_package")
    return [
        {"name": row["name"], "package": row["package"], "relation": row["relation"], "since": format_day(row["since"])}
        for row in rows
    ]


def list_children(lookup: PackageLookup) -> PackageChildren:
    """Return the number of children by relation, and the children with the most downloads."""
    counts = lookup.fetch("count_children")
    return {
        "by_relation": {RELATIONS[row["relation"]]: row["children"] for row in counts},
        "leading": [
            {
                "name": row["name"],
                "package": row["package"],
                "relation": RELATIONS[row["relation"]],
                "since": format_day(row["since"]),
                "downloads": row["downloads"],
                "downloads_date": format_known_day(row["seen_at"]),
            }
            for row in lookup.fetch("leading_children")
        ],
    }


def list_events(lookup: PackageLookup) -> list[PackageQualityEvent]:
    """Return the quality events about the package."""
    return [
        {
            "date": row["date"] or format_day(row["noted_at"]),
            "kind": row["kind"],
            "severity": row["severity"],
            "before": row["before"],
            "after": row["after"],
            "evidence": row["evidence"],
        }
        for row in lookup.fetch("events_of_package")
    ]


def list_cards(lookup: PackageLookup) -> list[PackageCard]:
    """Return the cards of the package, with the questions that the rules find answered."""
    return [
        {
            "since": format_day(row["since"]),
            "until": format_known_day(row["until"]),
            "state": row["state"],
            "size": row["size"],
            "answered": None if row["version"] is None else split_items(row["answered"]),
            "rules_version": row["version"],
        }
        for row in lookup.fetch("cards_of_package")
    ]


def split_items(items: str | None) -> list[str]:
    """Return the items of a text that SQL joined with commas, sorted.

    >>> split_items("training,description"), split_items(None)
    (['description', 'training'], [])
    """
    return sorted(items.split(",")) if items else []


def list_absences(lookup: PackageLookup) -> list[PackageAbsence]:
    """Return the times at which a census missed the package."""
    return [
        {
            "last_seen": format_day(row["last_seen"]),
            "missing_since": format_day(row["missing_since"]),
            "state": row["state"],
            "successor": row["successor"],
        }
        for row in lookup.fetch("absences_of_package")
    ]


def format_day(seconds: int) -> str:
    """Return the day of an instant.

    >>> format_day(86_399)
    '1970-01-01'
    """
    return isoformat_utc(seconds)[:10]


def format_known_day(seconds: int | None) -> str | None:
    """Return the day of an instant, None if the instant is unknown."""
    return None if seconds is None else format_day(seconds)
