"""Relations over a whole registry, as of one census: what SQL cannot say, because who was there stands in blocks.

Each function is a relation of its own name: it gives columns of equal length, empty where the snapshot is no census.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from db import census
from db.rows import RELATIONS
from db.store import script

LARGEST = 5  # categories that are told apart; the rest is `other`
ATTRIBUTES = ("task", "library", "licence")
NO_LABEL = -1
OVERWRITTEN, NOT_SAID = -1, -2  # instead of a number of edits
Columns = Mapping[str, object]


@dataclass(frozen=True)
class Known:
    """Every package of a registry in the order of its number; -1 where it is not known when it was modified."""

    package: np.ndarray
    created_at: np.ndarray
    modified_at: np.ndarray
    author: tuple[np.ndarray, list[str]]

    def places(self, packages: np.ndarray) -> np.ndarray:
        """Where packages lie in these columns."""
        return np.searchsorted(self.package, packages)


def population(connection: sqlite3.Connection, snapshot: int) -> Columns:
    """How many packages there are, and what happened since the census before, in all and by category.

    A row for each dimension ('' in all, task, library, licence, author) and category: `packages`, `births` (made
    since), `returns` (older, and not in the census before), `deaths` (in it, and not in this), `edits` (in both and
    modified since; -1 where a later census has overwritten that, -2 where the census does not say it), `days` between
    the two, `previous` its number or -1. Whose making nobody says is made when it was first written down.
    """
    names = ("dimension", "category", "packages", "births", "returns", "deaths", "edits", "days", "previous")
    rows = list(_population(connection, snapshot)) if census.is_census(connection, snapshot) else []
    return {name: [row[place] for row in rows] for place, name in enumerate(names)}


def edges(connection: sqlite3.Connection, snapshot: int) -> Columns:
    """The lineage edges of the packages of a census: child, parent (-1 unknown), relation, and whether it is there."""
    present = census.counters(connection, snapshot)["package"]
    numbers = list(_plain(connection, "edges_of_registry", snapshot)) if len(present) else []
    table = np.array(numbers, np.int64).reshape(-1, 3)
    table = table[_in(present, table[:, 0])]
    return {
        "child": table[:, 0], "parent": table[:, 1], "relation": np.array(RELATIONS, object)[table[:, 2]],
        "there": _in(present, table[:, 1]),
    }  # fmt: skip


def uses(connection: sqlite3.Connection, snapshot: int) -> Columns:
    """Which libraries each package of a registry is used with, as of a census: package and library."""
    names: dict[str, str] = {}
    packages: list[int] = []
    libraries: list[str] = []
    if census.is_census(connection, snapshot):
        for package, library in _plain(connection, "uses_of_registry", snapshot):
            packages.append(package)
            libraries.append(names.setdefault(library, library))
    return {"package": np.array(packages, np.int64), "library": np.array(libraries, object)}


def _population(connection: sqlite3.Connection, snapshot: int) -> Iterator[tuple[object, ...]]:
    (when,) = _plain(connection, "census_before", snapshot)
    registry, taken_at, previous, previous_at, is_newest, says_modified = when
    present = census.counters(connection, snapshot)["package"]
    before = census.counters(connection, previous)["package"] if previous else np.empty(0, np.int64)
    known = _known(connection, registry)
    there, was = known.places(present), known.places(before)
    arrived = there[~_in(before, present)]
    stayed = there[_in(before, present)]
    gone = was[~_in(present, before)]
    old = known.created_at[arrived] <= (previous_at or 0)
    modified = known.modified_at[stayed]
    edited = stayed[(modified > (previous_at or 0)) & (modified <= taken_at)]
    groups = (there, arrived[~old], arrived[old], gone, edited)
    days = (taken_at - previous_at) / 86400 if previous else -1.0
    tail = (days, previous or -1)
    for dimension, labels, categories in _dimensions(connection, known, snapshot):
        for category, counts in _by_category(labels, categories, groups):
            counts = counts if previous else [counts[0], 0, 0, 0, 0]
            edits = NOT_SAID if not says_modified else counts[4] if is_newest else OVERWRITTEN
            yield (dimension, category, *counts[:4], edits, *tail)


def _dimensions(
    connection: sqlite3.Connection, known: Known, snapshot: int
) -> Iterator[tuple[str, np.ndarray, list[str]]]:
    yield "", np.zeros(len(known.package), np.int64), [""]
    labels = {name: np.full(len(known.package), NO_LABEL) for name in ATTRIBUTES}
    codes: dict[str, dict[str, int]] = {name: {} for name in ATTRIBUTES}
    packages: dict[str, list[int]] = {name: [] for name in ATTRIBUTES}
    values: dict[str, list[int]] = {name: [] for name in ATTRIBUTES}
    for package, name, value in _plain(connection, "attributes_of_registry", snapshot):
        packages[name].append(package)
        values[name].append(codes[name].setdefault(value, len(codes[name])))
    for name in ATTRIBUTES:
        labels[name][known.places(np.array(packages[name], np.int64))] = values[name]
        yield name, labels[name], list(codes[name])
    yield "author", *known.author


def _by_category(
    labels: np.ndarray, categories: list[str], groups: tuple[np.ndarray, ...]
) -> Iterator[tuple[str, list[int]]]:
    """The largest categories, then the others together, then those without any."""
    counts = [np.bincount(labels[group] + 1, minlength=len(categories) + 1) for group in groups]
    order = np.argsort(-counts[0][1:], kind="stable")
    for place in order[:LARGEST]:
        yield categories[place], [int(count[place + 1]) for count in counts]
    if len(order) > LARGEST:
        yield "other", [int(count[order[LARGEST:] + 1].sum()) for count in counts]
    if any(count[0] for count in counts):
        yield "unstated", [int(count[0]) for count in counts]


def _known(connection: sqlite3.Connection, registry: int) -> Known:
    (statement,) = script("packages_of_registry")
    cursor = connection.cursor()
    cursor.row_factory = None
    codes: dict[str, int] = {}
    rows = [
        (package, created, modified, codes.setdefault(author, len(codes)))
        for package, created, modified, author in cursor.execute(statement, {"registry": registry})
    ]
    table = np.array(rows, np.int64).reshape(-1, 4)
    return Known(table[:, 0], table[:, 1], table[:, 2], (table[:, 3], list(codes)))


def _plain(connection: sqlite3.Connection, name: str, snapshot: int) -> sqlite3.Cursor:
    (statement,) = script(name)
    cursor = connection.cursor()
    cursor.row_factory = None
    return cursor.execute(statement, {"snapshot": snapshot})


def _in(rising: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Which of `wanted` are in `rising`."""
    if not len(rising):
        return np.zeros(len(wanted), bool)
    places = np.minimum(np.searchsorted(rising, wanted), len(rising) - 1)
    return rising[places] == wanted
