"""Lineage over a whole registry: relations, dangling parents, descendants, and libraries that children keep."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from pandas import DataFrame, Index, Series

from analysis.compute.metric import CENSUS_NOTE, TOO_MANY_PARENTS, Result
from analysis.statistics.inference import weighted_gini
from analysis.statistics.lineage import count_descendants

VERSION = 2
APPLIES_TO = "census"

N_LIBRARIES = 5
NO_EDGES = "not a census, or no package of it states what it was made from"


def kinship(edges: DataFrame, uses: DataFrame, census: DataFrame) -> Iterator[Result]:
    """Measure the relations, dangling parents, descendants and kept libraries of every package of a census.

        relation.R = edges of relation R / edges;      made_from = packages with an edge / packages
        dangling   = edges whose parent is not in the census / edges;  never_seen = edges to names never seen / edges
        descendants: over parents that are in the census, n(p) = distinct children; share_with_one, mean, max, gini;
                     transitive.max = the most at any distance (packages on a cycle do not count themselves)
        kept.R     = P(c shares a library with p | p has one)   over the edges (p, c, R) between packages of the census
        kept.L     = P(L in lib(c) | L in lib(p))               over those edges, for the five most common libraries

    >>> edges = DataFrame({"child": [1, 2, 3], "parent": [0, 0, -1], "relation": "adapter"})
    >>> edges["there"] = edges["parent"] >= 0
    >>> uses = DataFrame({"package": [0, 1], "library": ["peft", "peft"]})
    >>> results = kinship(edges, uses, DataFrame({"package": range(4)}))
    >>> values = {result.name.removeprefix("kinship."): result.value for result in results}
    >>> [round(values[name], 2) for name in ("dangling", "descendants.mean", "kept.adapter", "kept.peft")]
    [0.33, 2.0, 0.5, 0.5]

    Caveats: edges are what packages say of themselves; where a relation is missing the Hub guesses it. A parent is not
    in the census if it was deleted, is private, or never existed. Formats and trackers are not libraries. n is the
    denominator. Self-loops are left out of descendants and kept libraries.

    After Metrics 1 and 3 of Jones et al., ESEM 2024, doi 10.1145/3674805.3686665, over the whole population.
    """
    if edges.empty:
        yield Result("kinship", None, note=NO_EDGES)
        return
    packages, children = len(census), int(edges["child"].nunique())
    yield Result("kinship.made_from", children / max(packages, children), n=packages, note=CENSUS_NOTE)
    yield from _edge_results(edges)
    links = edges[edges["there"] & (edges["child"] != edges["parent"])]
    links = links.drop_duplicates(["child", "parent", "relation"])
    yield from _descendant_results(links.drop_duplicates(["child", "parent"]))
    yield from _kept_library_results(links, uses)


def _edge_results(edges: DataFrame) -> Iterator[Result]:
    """Yield the shares of the edges: of each relation, and of those whose parent is missing or was never seen."""
    n = len(edges)
    for relation, count in edges["relation"].value_counts().sort_index().items():
        yield Result(f"kinship.relation.{relation}", count / n, n=n, note=CENSUS_NOTE)
    never_seen = int((edges["parent"] < 0).sum())
    dangling = int((~edges["there"]).sum())
    yield Result("kinship.dangling", dangling / n, n=n, note=CENSUS_NOTE)
    yield Result("kinship.never_seen", never_seen / n, n=n, note=CENSUS_NOTE)


def _descendant_results(pairs: DataFrame) -> Iterator[Result]:
    if pairs.empty:
        yield Result("kinship.descendants.parents", 0.0, n=0, note="no parent is in the census")
        return
    counts = pairs.groupby("parent").size().to_numpy()
    n = len(counts)
    distinct, frequencies = np.unique(counts, return_counts=True)
    values = {
        "parents": n, "share_with_one": float((counts == 1).mean()), "mean": counts.mean(), "max": counts.max(),
        "gini": weighted_gini(distinct.astype(float), frequencies.astype(float)),
    }  # fmt: skip
    for name, value in values.items():
        yield Result(f"kinship.descendants.{name}", float(value), n=n, note=CENSUS_NOTE)
    yield _transitive_result(pairs, n)


def _transitive_result(pairs: DataFrame, n: int) -> Result:
    transitive = count_descendants(pairs.assign(loop=False))
    largest = None if transitive is None else float(transitive.max())
    note = TOO_MANY_PARENTS if transitive is None else CENSUS_NOTE
    return Result("kinship.descendants.transitive.max", largest, n=n, note=note)


def _flag_kept(rows: DataFrame, uses: DataFrame) -> NDArray[np.bool_]:
    """Return for each edge and library of its parent whether the child has the library too."""
    codes = Series(range(uses["library"].nunique()), index=Index(uses["library"].unique()))
    used = uses["package"].to_numpy() * len(codes) + uses["library"].map(codes).to_numpy()
    expected = rows["child"].to_numpy() * len(codes) + rows["library"].map(codes).to_numpy()
    return np.isin(expected, used)


def _kept_library_results(links: DataFrame, uses: DataFrame) -> Iterator[Result]:
    """Join each edge with each library of its parent, and yield how often the child has the library too."""
    pairs = links.reset_index(drop=True).rename_axis("edge").reset_index()
    rows = pairs.merge(uses.rename(columns={"package": "parent"}), on="parent")
    if rows.empty:
        yield Result("kinship.kept", None, n=0, note="no parent in the census has a library")
        return
    rows["kept"] = _flag_kept(rows, uses)
    by_edge = rows.groupby("edge").agg(relation=("relation", "first"), kept=("kept", "any"))
    for relation, flags in by_edge.groupby("relation")["kept"]:
        yield Result(f"kinship.kept.{relation}", float(flags.mean()), n=len(flags), note=CENSUS_NOTE)
    counts = rows["library"].value_counts().sort_index()  # of tied libraries, the first by name
    for library in sorted(counts.sort_values(ascending=False, kind="stable").head(N_LIBRARIES).index):
        flags = rows.loc[rows["library"] == library, "kept"]
        yield Result(f"kinship.kept.{library}", float(flags.mean()), n=len(flags), note=CENSUS_NOTE)
