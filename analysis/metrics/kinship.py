"""Who is made from whom over a whole registry: relations, dangling parents, descendants, libraries that are kept."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from pandas import DataFrame, Index, Series

from analysis.compute.metric import Result
from analysis.statistics.inference import weighted_gini
from analysis.statistics.lineage import count_descendants

VERSION = 2
APPLIES_TO = "census"

N_LIBRARIES = 5
NO_EDGES = "no census, or no package of it says what it was made from"
TOO_MANY_PARENTS = "too many packages with several parents above one another to count in reasonable time"
CENSUS_NOTE = "a census: no sampling error"


def kinship(edges: DataFrame, uses: DataFrame, census: DataFrame) -> Iterator[Result]:
    """Relation mix, dangling parents, descendants and kept libraries of every package of a census.

        relation.R = edges of relation R / edges;      made_from = packages with an edge / packages
        dangling   = edges whose parent is not in the census / edges;  never_seen = edges to names never seen / edges
        descendants: over parents that are in the census, n(p) = distinct children; share_with_one, mean, max, gini;
                     transitive.max = the most at any distance (a ring does not count twice)
        kept.R     = P(c shares a library with p | p has one)   over the edges (p, c, R) between packages of the census
        kept.L     = P(L in lib(c) | L in lib(p))               over those edges, for the five most common libraries

    >>> edges = DataFrame({"child": [1, 2, 3], "parent": [0, 0, -1], "relation": "adapter"})
    >>> edges["there"] = edges["parent"] >= 0
    >>> uses = DataFrame({"package": [0, 1], "library": ["peft", "peft"]})
    >>> found = {one.name: one.value for one in kinship(edges, uses, DataFrame({"package": range(4)}))}
    >>> [round(found[f"kinship.{name}"], 2) for name in ("dangling", "descendants.mean", "kept.adapter", "kept.peft")]
    [0.33, 2.0, 0.5, 0.5]

    Caveats: edges are what packages say of themselves; where a relation is missing the Hub guesses it. A parent is not
    in the census if it was deleted, is private, or never existed. Formats and trackers are no libraries. n is what the
    denominator counts. Self-loops are left out of descendants and kept libraries.

    After Metrics 1 and 3 of Jones et al., ESEM 2024, doi 10.1145/3674805.3686665, over the population and not a list.
    """
    if edges.empty:
        yield Result("kinship", None, note=NO_EDGES)
        return
    n = len(edges)
    packages, children = len(census), int(edges["child"].nunique())
    yield Result("kinship.made_from", children / max(packages, children), n=packages, note=CENSUS_NOTE)
    for relation, count in edges["relation"].value_counts().sort_index().items():
        yield Result(f"kinship.relation.{relation}", count / n, n=n, note=CENSUS_NOTE)
    unknown = int((edges["parent"] < 0).sum())
    lost = int((~edges["there"]).sum())
    yield Result("kinship.dangling", lost / n, n=n, note=CENSUS_NOTE)
    yield Result("kinship.never_seen", unknown / n, n=n, note=CENSUS_NOTE)
    between = edges[edges["there"] & (edges["child"] != edges["parent"])]
    between = between.drop_duplicates(["child", "parent", "relation"])
    yield from _descendant_results(between.drop_duplicates(["child", "parent"]))
    yield from _kept_library_results(between, uses)


def _descendant_results(pairs: DataFrame) -> Iterator[Result]:
    if pairs.empty:
        yield Result("kinship.descendants.parents", 0.0, n=0, note="no parent is in the census")
        return
    counts = pairs.groupby("parent").size().to_numpy()
    n = len(counts)
    distinct, often = np.unique(counts, return_counts=True)
    values = {
        "parents": n, "share_with_one": float((counts == 1).mean()), "mean": counts.mean(), "max": counts.max(),
        "gini": weighted_gini(distinct.astype(float), often.astype(float)),
    }  # fmt: skip
    for name, value in values.items():
        yield Result(f"kinship.descendants.{name}", float(value), n=n, note=CENSUS_NOTE)
    far = count_descendants(pairs.assign(loop=False))
    largest = None if far is None else float(far.max())
    yield Result(
        "kinship.descendants.transitive.max", largest, n=n, note=CENSUS_NOTE if far is not None else TOO_MANY_PARENTS
    )


def _kept_library_results(between: DataFrame, uses: DataFrame) -> Iterator[Result]:
    """Each edge beside each library of its parent, and whether the child has it too."""
    pairs = between.reset_index(drop=True).rename_axis("edge").reset_index()
    rows = pairs.merge(uses.rename(columns={"package": "parent"}), on="parent")
    if rows.empty:
        yield Result("kinship.kept", None, n=0, note="no parent in the census has a library")
        return
    codes = Series(range(uses["library"].nunique()), index=Index(uses["library"].unique()))
    has = uses["package"].to_numpy() * len(codes) + uses["library"].map(codes).to_numpy()
    asked = rows["child"].to_numpy() * len(codes) + rows["library"].map(codes).to_numpy()
    rows["kept"] = np.isin(asked, has)
    by_edge = rows.groupby("edge").agg(relation=("relation", "first"), kept=("kept", "any"))
    for relation, flags in by_edge.groupby("relation")["kept"]:
        yield Result(f"kinship.kept.{relation}", float(flags.mean()), n=len(flags), note=CENSUS_NOTE)
    counts = rows["library"].value_counts().sort_index()  # of libraries that tie, the first by name
    for library in sorted(counts.sort_values(ascending=False, kind="stable").head(N_LIBRARIES).index):
        flags = rows.loc[rows["library"] == library, "kept"]
        yield Result(f"kinship.kept.{library}", float(flags.mean()), n=len(flags), note=CENSUS_NOTE)
