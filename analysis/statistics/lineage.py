"""Who descends from whom: links, cycles, direct and transitive descendants, and the paper's fit (pure)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import TopologicalSorter

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pandas import DataFrame, Series, factorize, to_numeric
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from analysis.statistics.inference import Estimate, RegressionLine, ols, spearman

EPSILON = 1e-5
MAX_COPIES = 200_000_000

Codes = NDArray[np.int64]


@dataclass(frozen=True)
class PublishedFit:
    """The fit behind the paper's Figure 7: on distinct points, and what it is on all of them."""

    line: RegressionLine
    with_duplicates: RegressionLine
    spearman: Estimate


def distinct_edges(lineage: DataFrame) -> DataFrame:
    """The distinct edges of the relation `lineage`, in their own order: child, parent, relation, dangling, loop.

    A parent that is not known is told apart by its name and gets a negative number. `loop` is a child that is its own
    parent, or names itself.

    >>> distinct_edges(DataFrame({"child": [1, 1, 2], "child_name": ["a", "a", "b"], "parent": [None, None, 2.0],
    ...                  "parent_name": ["gone", "gone", "b"], "relation": "merge"})).values.tolist()
    [[1, -2, 'merge', True, False], [2, 2, 'merge', False, True]]
    """
    parent = to_numeric(lineage["parent"]).astype(float)
    names = -1 - factorize(lineage["parent_name"], sort=True)[0]
    known = parent.notna()
    edges = DataFrame({
        "child": lineage["child"].astype("int64"),
        "parent": parent.fillna(0).astype("int64").where(known, names),
        "relation": lineage["relation"],
        "dangling": ~known,
    })  # fmt: skip
    named = lineage["parent_name"] == lineage["child_name"]
    edges["loop"] = (edges["child"] == edges["parent"]) | (edges["dangling"] & named)
    key = ["child", "parent", "relation"]
    return edges.drop_duplicates(key).sort_values(key, ignore_index=True)


def count_children(edges: DataFrame) -> Series:
    """How many distinct children each parent has, whatever the relation; self-loops are not children."""
    pairs = edges[~edges["loop"]].drop_duplicates(["child", "parent"])
    return pairs.groupby("parent").size()


def count_parents_by_downloads(lineage: DataFrame, observed: DataFrame) -> DataFrame:
    """How many listed parents have these downloads of their own and this many descendants: downloads, descendants, n.

    >>> edges = DataFrame({"child": [1, 2], "child_name": ["b", "c"], "parent": [0, 0], "parent_name": "a",
    ...                    "relation": "finetune"})
    >>> count_parents_by_downloads(edges, DataFrame({"package": [0, 1, 2], "downloads": [900, 80, 7]})).values.tolist()
    [[900, 2, 1]]
    """
    counts = count_children(distinct_edges(lineage))
    known = observed[observed["package"].isin(counts.index) & observed["downloads"].notna()]
    rows = DataFrame({"downloads": known["downloads"], "descendants": known["package"].map(counts)}).astype("int64")
    return rows.value_counts(sort=False).rename("n").reset_index()


def count_descendants(edges: DataFrame, max_copies: int = MAX_COPIES) -> Series | None:
    """How many packages descend from each parent, at any distance; no package descends from itself.

    Packages that descend from each other (strongly connected components, by scipy) are taken together, which leaves a
    graph without cycles; it is gone through from the children up. Each component's set of descendants grows out of the
    largest set below it that nobody else needs, so a forest costs little more than its size whatever its depth, and
    only packages with several parents are copied. None where more than `most` copies would be needed.
    """
    pairs = edges[~edges["loop"]]
    packages, children, parents = _encode_packages(pairs)
    component = _strong_components(children, parents, len(packages))
    members = [component_members.tolist() for component_members in _iter_members(component)]
    below = _children_by_component(component[children], component[parents])
    sets = _count_below(below, members, max_copies)
    if sets is None:
        return None
    counts = {
        int(packages[member]): size + len(members[top]) - 1 for top, size in sets.items() for member in members[top]
    }
    return Series(counts, dtype="int64").reindex(np.unique(pairs["parent"]))


def count_on_cycles(edges: DataFrame) -> int:
    """How many packages are on a cycle of two or more.

    >>> count_on_cycles(DataFrame({"child": [1, 2, 3], "parent": [2, 1, 1], "loop": False}))
    2
    """
    packages, children, parents = _encode_packages(edges[~edges["loop"]])
    sizes = np.bincount(_strong_components(children, parents, len(packages)))
    return int(sizes[sizes > 1].sum())


def fit_as_published(downloads: ArrayLike, counts: ArrayLike) -> PublishedFit:
    """The paper's fit of log10(count) on log10(downloads + 0.00001), a row for each parent; its line drops equal rows.

    Spearman's correlation is of all rows, as the paper's is.
    """
    rows = np.column_stack([np.asarray(downloads, float), np.asarray(counts, float)]).reshape(-1, 2)
    return PublishedFit(_fit_log_line(np.unique(rows, axis=0)), _fit_log_line(rows), spearman(rows[:, 0], rows[:, 1]))


def _fit_log_line(rows: NDArray[np.float64]) -> RegressionLine:
    return ols(np.log10(rows[:, 0] + EPSILON), np.log10(rows[:, 1]))


def _encode_packages(pairs: DataFrame) -> tuple[Codes, Codes, Codes]:
    """The packages, and children and parents as places among them."""
    both = np.concatenate([pairs["child"].to_numpy(), pairs["parent"].to_numpy()])
    packages, places = np.unique(both, return_inverse=True)
    return packages, places[: len(pairs)], places[len(pairs) :]


def _strong_components(children: Codes, parents: Codes, n: int) -> Codes:
    if n == 0:
        return np.zeros(0, dtype=np.int64)
    graph = coo_array((np.ones(len(children), dtype=np.int8), (parents, children)), shape=(n, n)).tocsr()
    return connected_components(graph, directed=True, connection="strong")[1]


def _iter_members(component: Codes) -> Iterator[Codes]:
    order = np.argsort(component, kind="stable")
    yield from np.split(order, np.flatnonzero(np.diff(component[order])) + 1) if len(order) else ()


def _children_by_component(children: Codes, parents: Codes) -> dict[int, set[int]]:
    """The components directly below each one that has any below it, or is a cycle."""
    below: dict[int, set[int]] = {}
    for child, parent in zip(children.tolist(), parents.tolist(), strict=True):
        found = below.setdefault(parent, set())
        if child != parent:
            found.add(child)
    return below


def _count_below(below: dict[int, set[int]], members: list[list[int]], max_copies: int) -> dict[int, int] | None:
    """How many packages are below each component, its own members not among them."""
    waiting: dict[int, int] = {}
    for under in below.values():
        for one in under:
            waiting[one] = waiting.get(one, 0) + 1
    sizes: dict[int, int] = {}
    held: dict[int, set[int]] = {}
    inner = {top: [one for one in under if one in below] for top, under in below.items()}
    for top in TopologicalSorter(inner).static_order():
        free = [one for one in inner[top] if waiting[one] == 1]
        grown = max(free, key=lambda one: sizes[one], default=None)
        found = set() if grown is None else held.pop(grown)
        for one in below[top]:
            waiting[one] -= 1
            found.update(members[one])
            if one in held:
                max_copies -= sizes[one]
                found |= held[one] if waiting[one] else held.pop(one)
        if max_copies < 0:
            return None
        sizes[top] = len(found)
        if top in waiting:
            held[top] = found
    return sizes
