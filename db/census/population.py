"""Relations over a whole registry, as of one census. They are not SQL, because the packages of a census are in blocks.

Each public function from `census` on is a relation of that name. It returns columns of equal length, which are empty if
the snapshot is not a census. It reads from a source: the store, or a lake with the same content.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from db import SECONDS_PER_DAY

MAX_CATEGORIES = 5  # the smaller categories become `other`
ATTRIBUTES = ("task", "library", "licence")
TEXT_COLUMNS = frozenset(("author", "name", "value", "relation", "library"))  # the columns of queries that are text
NO_LABEL = -1
NO_SNAPSHOT = -1
FETCH_SIZE = 256  # rows: with many more, allocating and freeing them takes longer than fetching
EDITS_OVERWRITTEN, EDITS_UNKNOWN = -1, -2  # in place of a number of edits
Columns = Mapping[str, object]


@dataclass(frozen=True)
class EncodedColumn:
    """A dictionary-encoded column of texts: `codes` are indices into `texts`, in order of first appearance."""

    codes: np.ndarray
    texts: list[str]


Table = Mapping[str, np.ndarray | EncodedColumn]


class Source(Protocol):
    """A source of a registry's packages and censuses."""

    def counters(self, snapshot: int) -> Mapping[str, np.ndarray]:
        """Return the counters of a census, as `db.census.history.load_counters` does."""

    def columns(self, name: str, snapshot: int) -> Table:
        """Return the rows of a query of `db/queries/` as columns: int64, or encoded for those of TEXT_COLUMNS."""


def fetch_columns(cursor: sqlite3.Cursor) -> Table:
    """Return the rows of a cursor as columns, without holding all of them in memory as rows."""
    chunks: dict[str, list[np.ndarray]] = {column[0]: [np.empty(0, np.int64)] for column in cursor.description}
    codes_by_text: dict[str, dict[str, int]] = {name: {} for name in chunks if name in TEXT_COLUMNS}
    while rows := cursor.fetchmany(FETCH_SIZE):
        for name, cells in zip(chunks, zip(*rows, strict=True), strict=True):
            codes = codes_by_text.get(name)
            numbers = cells if codes is None else [codes.setdefault(cell, len(codes)) for cell in cells]
            chunks[name].append(np.array(numbers, np.int64))
    columns = {name: np.concatenate(column) for name, column in chunks.items()}
    return {
        name: EncodedColumn(column, list(codes_by_text[name])) if name in codes_by_text else column
        for name, column in columns.items()
    }


@dataclass(frozen=True)
class PackageIndex:
    """Every package of a registry, ordered by number. `modified_at` is -1 where it is unknown."""

    package: np.ndarray
    created_at: np.ndarray
    modified_at: np.ndarray
    author: EncodedColumn

    def positions(self, packages: np.ndarray) -> np.ndarray:
        """Return the positions of packages in these columns."""
        return np.searchsorted(self.package, packages)


def census(source: Source, snapshot: int) -> Columns:
    """Return the counters of every package of a census, -1 where the registry gave none."""
    return source.counters(snapshot)


def population(source: Source, snapshot: int) -> Columns:
    """Return how many packages a census has, and what changed since the previous census, in all and by category.

    There is a row for each dimension ('' for all, task, library, licence, author) and category. The columns:

    - `packages`: in this census
    - `births`: created since the previous census
    - `returns`: older, and not in the previous census
    - `deaths`: in the previous census, and not in this one
    - `edits`: in both, and modified in between; -1 where a later census has overwritten the times of modification, -2
      where the census does not have them
    - `days`: the time between the two
    - `previous`: the number of the previous census, or -1

    Packages without a creation date count as created when first stored.
    """
    names = ("dimension", "category", "packages", "births", "returns", "deaths", "edits", "days", "previous")
    rows = list(_population_rows(source, snapshot))
    return {name: [row[index] for row in rows] for index, name in enumerate(names)}


def edges(source: Source, snapshot: int) -> Columns:
    """Return the lineage edges of a census: child, parent (-1 unknown), relation, and whether the parent is listed."""
    packages = source.counters(snapshot)["package"]
    table = source.columns("edges_of_registry", snapshot)
    child, parent, relation = _numbers(table, "child"), _numbers(table, "parent"), _texts(table, "relation")
    is_listed = _is_member(packages, child)
    return {
        "child": child[is_listed],
        "parent": parent[is_listed],
        "relation": np.array(relation.texts, object)[relation.codes[is_listed]],
        "there": _is_member(packages, parent[is_listed]),
    }


def uses(source: Source, snapshot: int) -> Columns:
    """Return the libraries that each package of a registry is used with, as of a census: package and library."""
    if not len(_numbers(source.columns("censuses", snapshot), "snapshot")):
        return {"package": np.empty(0, np.int64), "library": np.empty(0, object)}
    table = source.columns("libraries_of_registry", snapshot)
    library = _texts(table, "library")
    return {"package": _numbers(table, "package"), "library": np.array(library.texts, object)[library.codes]}


def _numbers(table: Table, name: str) -> np.ndarray:
    column = table[name]
    if isinstance(column, EncodedColumn):
        raise TypeError(f"the column {name} has texts, not numbers")
    return column


def _texts(table: Table, name: str) -> EncodedColumn:
    column = table[name]
    if not isinstance(column, EncodedColumn):
        raise TypeError(f"the column {name} has numbers, not texts")
    return column


def _package_index(source: Source, snapshot: int) -> PackageIndex:
    table = source.columns("packages_of_registry", snapshot)
    return PackageIndex(
        _numbers(table, "package"),
        _numbers(table, "created_at"),
        _numbers(table, "modified_at"),
        _texts(table, "author"),
    )


@dataclass(frozen=True)
class _CensusPair:
    """A census and the previous census of its registry: `previous` is NO_SNAPSHOT and `previous_at` 0 without one."""

    taken_at: int
    has_modified_at: bool
    is_newest: bool
    previous: int
    previous_at: int

    @property
    def days(self) -> float:
        """The time between the two in days, -1 without a previous census."""
        return -1.0 if self.previous == NO_SNAPSHOT else (self.taken_at - self.previous_at) / SECONDS_PER_DAY


def _find_pair(censuses: Table, snapshot: int) -> _CensusPair:
    numbers, instants = _numbers(censuses, "snapshot"), _numbers(censuses, "taken_at")
    (index,) = np.flatnonzero(numbers == snapshot)
    taken_at = int(instants[index])
    earlier = np.flatnonzero(instants < taken_at)
    return _CensusPair(
        taken_at,
        bool(_numbers(censuses, "says_modified")[index]),
        taken_at == instants[-1],
        int(numbers[earlier[-1]]) if len(earlier) else NO_SNAPSHOT,
        int(instants[earlier[-1]]) if len(earlier) else 0,
    )


def _population_rows(source: Source, snapshot: int) -> Iterator[tuple[object, ...]]:
    censuses = source.columns("censuses", snapshot)
    if not len(_numbers(censuses, "snapshot")):
        return
    pair = _find_pair(censuses, snapshot)
    has_previous = pair.previous != NO_SNAPSHOT
    packages = source.counters(snapshot)["package"]
    earlier_packages = source.counters(pair.previous)["package"] if has_previous else np.empty(0, np.int64)
    index = _package_index(source, snapshot)
    groups = _change_groups(index, packages, earlier_packages, pair)
    for dimension, labels, categories in _dimensions(source, index, snapshot):
        for category, counts in _count_by_category(labels, categories, groups):
            changes = counts if has_previous else [counts[0], 0, 0, 0, 0]
            edits = EDITS_UNKNOWN if not pair.has_modified_at else changes[4] if pair.is_newest else EDITS_OVERWRITTEN
            yield (dimension, category, *changes[:4], edits, pair.days, pair.previous)


def _change_groups(
    index: PackageIndex, packages: np.ndarray, earlier_packages: np.ndarray, pair: _CensusPair
) -> tuple[np.ndarray, ...]:
    """Return the positions of all packages of a census, then of births, returns, deaths and edits."""
    positions, earlier_positions = index.positions(packages), index.positions(earlier_packages)
    arrivals = positions[~_is_member(earlier_packages, packages)]
    stayed = positions[_is_member(earlier_packages, packages)]
    deaths = earlier_positions[~_is_member(packages, earlier_packages)]
    is_return = index.created_at[arrivals] <= pair.previous_at
    modified_at = index.modified_at[stayed]
    edits = stayed[(modified_at > pair.previous_at) & (modified_at <= pair.taken_at)]
    return positions, arrivals[~is_return], arrivals[is_return], deaths, edits


def _dimensions(source: Source, index: PackageIndex, snapshot: int) -> Iterator[tuple[str, np.ndarray, list[str]]]:
    """Yield the name of each dimension, the label of each package in it, and the categories that labels refer to."""
    yield "", np.zeros(len(index.package), np.int64), [""]
    table = source.columns("attributes_of_registry", snapshot)
    packages, name, value = _numbers(table, "package"), _texts(table, "name"), _texts(table, "value")
    for attribute in ATTRIBUTES:
        rows = np.isin(name.codes, [code for code, text in enumerate(name.texts) if text == attribute])
        codes, first_rows, labels_of_rows = np.unique(value.codes[rows], return_index=True, return_inverse=True)
        order = np.argsort(first_rows)
        labels = np.full(len(index.package), NO_LABEL)
        labels[index.positions(packages[rows])] = np.argsort(order)[labels_of_rows]
        yield attribute, labels, [value.texts[code] for code in codes[order]]
    yield "author", index.author.codes, index.author.texts


def _count_by_category(
    labels: np.ndarray, categories: list[str], groups: tuple[np.ndarray, ...]
) -> Iterator[tuple[str, list[int]]]:
    """Yield the counts of each group in the largest categories, then in all others, then in none."""
    counts = [np.bincount(labels[group] + 1, minlength=len(categories) + 1) for group in groups]
    order = np.argsort(-counts[0][1:], kind="stable")
    for label in order[:MAX_CATEGORIES]:
        yield categories[label], [int(count[label + 1]) for count in counts]
    if len(order) > MAX_CATEGORIES:
        yield "other", [int(count[order[MAX_CATEGORIES:] + 1].sum()) for count in counts]
    if any(count[0] for count in counts):
        yield "unstated", [int(count[0]) for count in counts]


def _is_member(sorted_values: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return for each value whether it is among the sorted ones."""
    if not len(sorted_values):
        return np.zeros(len(values), bool)
    indices = np.minimum(np.searchsorted(sorted_values, values), len(sorted_values) - 1)
    is_member: np.ndarray = sorted_values[indices] == values
    return is_member
