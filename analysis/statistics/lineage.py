"""Lineage graphs: distinct edges, cycles, direct and transitive descendants, and the paper's fit (pure)."""

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
from db.rows import RELATIONS as RELATIONS

EPSILON = 1e-5
MAX_COPIES = 200_000_000

Codes = NDArray[np.int64]


@dataclass(frozen=True)
class PublishedFit:
    """The fit of the paper's Figure 7: on distinct points, and on all points."""

    line: RegressionLine
    with_duplicates: RegressionLine
    spearman: Estimate


def distinct_edges(lineage: DataFrame) -> DataFrame:
    """Return the distinct edges of the relation `lineage`, sorted: child, parent, relation, dangling, loop.

    A parent that is not in the store is identified by its name, and gets a negative number. `loop` marks a child
    that is its own parent, or that names itself.

    >>> distinct_edges(DataFrame({"child": [1, 1, 2], "child_name": ["a", "a", "b"], "parent": [None, None, 2.0],
    ...                           "parent_name": ["gone", "gone", "b"], "relation": "merge"})).values.tolist()
    [[1, -2, 'merge', True, False], [2, 2, 'merge', False, True]]
    """
    parent = to_numeric(lineage["parent"]).astype(float)
    names = -1 - factorize(lineage["parent_name"], sort=True)[0]
    stored = parent.notna()
    edges = DataFrame(
        {
            "child": lineage["child"].astype("int64"),
            "parent": np.where(stored, parent.fillna(0).astype("int64"), names),
            "relation": lineage["relation"],
            "dangling": ~stored,
        }
    )
    same_name = lineage["parent_name"] == lineage["child_name"]
    edges["loop"] = (edges["child"] == edges["parent"]) | (edges["dangling"] & same_name)
    key = ["child", "parent", "relation"]
    return edges.drop_duplicates(key).sort_values(key, ignore_index=True)


def count_children(edges: DataFrame) -> Series:
    """Count the distinct children of each parent over all relations. Self-loops are not children."""
    pairs = edges[~edges["loop"]].drop_duplicates(["child", "parent"])
    return pairs.groupby("parent").size()


def count_parents_by_downloads(lineage: DataFrame, observed: DataFrame) -> DataFrame:
    """Count the listed parents by their own downloads and descendants. The columns are downloads, descendants, n.

    >>> edges = DataFrame({"child": [1, 2], "child_name": ["b", "c"], "parent": [0, 0], "parent_name": "a",
    ...                    "relation": "finetune"})
    >>> listed = DataFrame({"package": [0, 1, 2], "downloads": [900, 80, 7]})
    >>> count_parents_by_downloads(edges, listed).values.tolist()
    [[900, 2, 1]]
    """
    counts = count_children(distinct_edges(lineage))
    parents = observed[observed["package"].isin(counts.index) & observed["downloads"].notna()]
    columns = {"downloads": parents["downloads"], "descendants": parents["package"].map(counts)}
    return DataFrame(columns).astype("int64").value_counts(sort=False).rename("n").reset_index()


def count_descendants(edges: DataFrame, max_copies: int = MAX_COPIES) -> Series | None:
    """Count the packages that descend from each parent at any distance. No package descends from itself.

    Packages that descend from each other (strongly connected components, by scipy) are merged into one node. The
    resulting graph has no cycles, and is traversed from the children up. The set of a component grows out of the
    largest set below it that no other component needs. A forest therefore costs little more than its size, whatever its
    depth, and only sets of packages with several parents are copied. Return None if more than `max_copies` copies are
    needed.
    """
    pairs = edges[~edges["loop"]]
    packages, children, parents = _encode_packages(pairs)
    component = _strong_components(children, parents, len(packages))
    members = [component_members.tolist() for component_members in _iter_members(component)]
    below = _children_by_component(component[children], component[parents])
    sizes = _count_below(below, members, max_copies)
    if sizes is None:
        return None
    counts = {
        int(packages[member]): size + len(members[top]) - 1 for top, size in sizes.items() for member in members[top]
    }
    return Series(counts, dtype="int64").reindex(np.unique(pairs["parent"]))


def count_on_cycles(edges: DataFrame) -> int:
    """Count the packages on a cycle of two or more.

    >>> count_on_cycles(DataFrame({"child": [1, 2, 3], "parent": [2, 1, 1], "loop": False}))
    2
    """
    packages, children, parents = _encode_packages(edges[~edges["loop"]])
    sizes = np.bincount(_strong_components(children, parents, len(packages)))
    return int(sizes[sizes > 1].sum())


def fit_as_published(downloads: ArrayLike, counts: ArrayLike) -> PublishedFit:
    """Fit log10(count) on log10(downloads + 0.00001) with one row per parent, as the paper does.

    The line drops rows that are equal. Spearman's correlation is over all rows, as in the paper.
    """
    rows = np.column_stack([np.asarray(downloads, float), np.asarray(counts, float)]).reshape(-1, 2)
    return PublishedFit(_fit_log_line(np.unique(rows, axis=0)), _fit_log_line(rows), spearman(rows[:, 0], rows[:, 1]))


def _fit_log_line(rows: NDArray[np.float64]) -> RegressionLine:
    return ols(np.log10(rows[:, 0] + EPSILON), np.log10(rows[:, 1]))


def _encode_packages(pairs: DataFrame) -> tuple[Codes, Codes, Codes]:
    """Return the distinct packages, and the children and parents as indices into them."""
    both = np.concatenate([pairs["child"].to_numpy(), pairs["parent"].to_numpy()])
    packages, codes = np.unique(both, return_inverse=True)
    return packages, codes[: len(pairs)], codes[len(pairs) :]


def _strong_components(children: Codes, parents: Codes, n: int) -> Codes:
    if n == 0:
        return np.zeros(0, dtype=np.int64)
    graph = coo_array((np.ones(len(children), dtype=np.int8), (parents, children)), shape=(n, n)).tocsr()
    labels: Codes = connected_components(graph, directed=True, connection="strong")[1]
    return labels


def _iter_members(component: Codes) -> Iterator[Codes]:
    order = np.argsort(component, kind="stable")
    yield from np.split(order, np.flatnonzero(np.diff(component[order])) + 1) if len(order) else ()


def _children_by_component(children: Codes, parents: Codes) -> dict[int, set[int]]:
    """Return the components directly below each component that has any below it, or is a cycle."""
    below: dict[int, set[int]] = {}
    for child, parent in zip(children.tolist(), parents.tolist(), strict=True):
        components = below.setdefault(parent, set())
        if child != parent:
            components.add(child)
    return below


def _count_below(below: dict[int, set[int]], members: list[list[int]], max_copies: int) -> dict[int, int] | None:
    """Count the packages below each component, without its own members."""
    uses: dict[int, int] = {}
    for components in below.values():
        for component in components:
            uses[component] = uses.get(component, 0) + 1
    sizes: dict[int, int] = {}
    sets: dict[int, set[int]] = {}
    inner = {top: [component for component in components if component in below] for top, components in below.items()}
    for top in TopologicalSorter(inner).static_order():
        unshared = [component for component in inner[top] if uses[component] == 1]
        largest = max(unshared, key=lambda component: sizes[component], default=None)
        descendants = set() if largest is None else sets.pop(largest)
        for component in below[top]:
            uses[component] -= 1
            descendants.update(members[component])
            if component in sets:
                max_copies -= sizes[component]
                descendants |= sets[component] if uses[component] else sets.pop(component)
        if max_copies < 0:
            return None
        sizes[top] = len(descendants)
        if top in uses:
            sets[top] = descendants
    return sizes
