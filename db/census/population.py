"""Relations over a whole registry, as of one census: what SQL cannot say, because who was there stands in blocks.

Each function is a relation of its own name: it gives columns of equal length, empty where the snapshot is no census. It
asks a source: the store, or a lake that says the same.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

MAX_CATEGORIES = 5  # categories that are told apart; the rest is `other`
ATTRIBUTES = ("task", "library", "licence")
TEXT_COLUMNS = frozenset(("author", "name", "value", "relation", "library"))  # columns of questions that are text
NO_LABEL = -1
NO_SNAPSHOT = -1
FETCH_SIZE = 256  # rows at a time: with many more, making and forgetting them takes longer than asking
EDITS_OVERWRITTEN, EDITS_UNKNOWN = -1, -2  # instead of a number of edits
Columns = Mapping[str, object]


@dataclass(frozen=True)
class EncodedColumn:
    """A column of texts: for each row the place of its text among those there are, which stand as they first came."""

    codes: np.ndarray
    texts: list[str]


class Source(Protocol):
    """What knows a registry and its censuses."""

    def counters(self, snapshot: int) -> Mapping[str, np.ndarray]:
        """`package`, `downloads`, `likes`, `downloads_all_time` of a census, as `history.counters` gives them."""

    def columns(self, name: str, snapshot: int) -> Mapping[str, np.ndarray | EncodedColumn]:
        """The rows of a question of `db/queries/` as columns: numbers as int64, those of TEXTS as words."""


def fetch_columns(cursor: sqlite3.Cursor) -> Mapping[str, np.ndarray | EncodedColumn]:
    """The rows of a question as columns; never all of them in memory as rows."""
    parts: dict[str, list[np.ndarray]] = {column[0]: [np.empty(0, np.int64)] for column in cursor.description}
    texts: dict[str, dict[str, int]] = {name: {} for name in parts if name in TEXT_COLUMNS}
    while rows := cursor.fetchmany(FETCH_SIZE):
        for name, cells in zip(parts, zip(*rows, strict=True), strict=True):
            if name in texts:
                known = texts[name]
                cells = [known.setdefault(cell, len(known)) for cell in cells]
            parts[name].append(np.array(cells, np.int64))
    whole = {name: np.concatenate(part) for name, part in parts.items()}
    return {
        name: EncodedColumn(column, list(texts[name])) if name in texts else column for name, column in whole.items()
    }


@dataclass(frozen=True)
class PackageIndex:
    """Every package of a registry in the order of its number; -1 where it is not known when it was modified."""

    package: np.ndarray
    created_at: np.ndarray
    modified_at: np.ndarray
    author: EncodedColumn

    def positions(self, packages: np.ndarray) -> np.ndarray:
        """Where packages lie in these columns."""
        return np.searchsorted(self.package, packages)


def census(source: Source, snapshot: int) -> Columns:
    """The counters of every package of a census; -1 where the registry said nothing."""
    return source.counters(snapshot)


def population(source: Source, snapshot: int) -> Columns:
    """How many packages there are, and what happened since the census before, in all and by category.

    A row for each dimension ('' in all, task, library, licence, author) and category: `packages`, `births` (made
    since), `returns` (older, and not in the census before), `deaths` (in it, and not in this), `edits` (in both and
    modified since; -1 where a later census has overwritten that, -2 where the census does not say it), `days` between
    the two, `previous` its number or -1. Whose making nobody says is made when it was first written down.
    """
    names = ("dimension", "category", "packages", "births", "returns", "deaths", "edits", "days", "previous")
    rows = list(_population_rows(source, snapshot))
    return {name: [row[place] for row in rows] for place, name in enumerate(names)}


def edges(source: Source, snapshot: int) -> Columns:
    """The lineage edges of the packages of a census: child, parent (-1 unknown), relation, and whether it is there."""
    present = source.counters(snapshot)["package"]
    found = source.columns("edges_of_registry", snapshot)
    kept = _is_member(present, found["child"])
    parent, relation = found["parent"][kept], found["relation"]
    return {
        "child": found["child"][kept], "parent": parent,
        "relation": np.array(relation.texts, object)[relation.codes[kept]], "there": _is_member(present, parent),
    }  # fmt: skip


def uses(source: Source, snapshot: int) -> Columns:
    """Which libraries each package of a registry is used with, as of a census: package and library."""
    if not len(source.columns("censuses", snapshot)["snapshot"]):
        return {"package": np.empty(0, np.int64), "library": np.empty(0, object)}
    found = source.columns("libraries_of_registry", snapshot)
    library = found["library"]
    return {"package": found["package"], "library": np.array(library.texts, object)[library.codes]}


def _population_rows(source: Source, snapshot: int) -> Iterator[tuple[object, ...]]:
    censuses = source.columns("censuses", snapshot)
    if not len(censuses["snapshot"]):
        return
    (this,) = np.flatnonzero(censuses["snapshot"] == snapshot)
    taken_at, says_modified = int(censuses["taken_at"][this]), bool(censuses["says_modified"][this])
    earlier, is_newest = censuses["taken_at"] < taken_at, taken_at == censuses["taken_at"][-1]
    previous = int(censuses["snapshot"][earlier][-1]) if earlier.any() else NO_SNAPSHOT
    previous_at = int(censuses["taken_at"][earlier][-1]) if earlier.any() else 0
    present = source.counters(snapshot)["package"]
    before = source.counters(previous)["package"] if previous != NO_SNAPSHOT else np.empty(0, np.int64)
    known = PackageIndex(**source.columns("packages_of_registry", snapshot))
    there, was = known.positions(present), known.positions(before)
    arrived = there[~_is_member(before, present)]
    stayed = there[_is_member(before, present)]
    gone = was[~_is_member(present, before)]
    old = known.created_at[arrived] <= previous_at
    modified = known.modified_at[stayed]
    edited = stayed[(modified > previous_at) & (modified <= taken_at)]
    groups = (there, arrived[~old], arrived[old], gone, edited)
    days = (taken_at - previous_at) / 86400 if previous != NO_SNAPSHOT else -1.0
    for dimension, labels, categories in _dimensions(source, known, snapshot):
        for category, counts in _count_by_category(labels, categories, groups):
            counts = counts if previous != NO_SNAPSHOT else [counts[0], 0, 0, 0, 0]
            edits = EDITS_UNKNOWN if not says_modified else counts[4] if is_newest else EDITS_OVERWRITTEN
            yield (dimension, category, *counts[:4], edits, days, previous)


def _dimensions(source: Source, known: PackageIndex, snapshot: int) -> Iterator[tuple[str, np.ndarray, list[str]]]:
    yield "", np.zeros(len(known.package), np.int64), [""]
    found = source.columns("attributes_of_registry", snapshot)
    name, value = found["name"], found["value"]
    for attribute in ATTRIBUTES:
        of_it = np.isin(name.codes, [place for place, text in enumerate(name.texts) if text == attribute])
        kept, first, places = np.unique(value.codes[of_it], return_index=True, return_inverse=True)
        order = np.argsort(first)
        labels = np.full(len(known.package), NO_LABEL)
        labels[known.positions(found["package"][of_it])] = np.argsort(order)[places]
        yield attribute, labels, [value.texts[place] for place in kept[order]]
    yield "author", known.author.codes, known.author.texts


def _count_by_category(
    labels: np.ndarray, categories: list[str], groups: tuple[np.ndarray, ...]
) -> Iterator[tuple[str, list[int]]]:
    """The largest categories, then the others together, then those without any."""
    counts = [np.bincount(labels[group] + 1, minlength=len(categories) + 1) for group in groups]
    order = np.argsort(-counts[0][1:], kind="stable")
    for place in order[:MAX_CATEGORIES]:
        yield categories[place], [int(count[place + 1]) for count in counts]
    if len(order) > MAX_CATEGORIES:
        yield "other", [int(count[order[MAX_CATEGORIES:] + 1].sum()) for count in counts]
    if any(count[0] for count in counts):
        yield "unstated", [int(count[0]) for count in counts]


def _is_member(sorted_values: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Which of `wanted` are in `rising`."""
    if not len(sorted_values):
        return np.zeros(len(values), bool)
    places = np.minimum(np.searchsorted(sorted_values, values), len(sorted_values) - 1)
    return sorted_values[places] == values
