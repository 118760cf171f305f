"""Library support that children keep from their parents (Metric 1 of Jones et al., ESEM 2024)."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pandas import DataFrame, Series

from analysis.compute.metric import NO_LINEAGE, Result, join_notes, list_depth, results_at_depths
from analysis.statistics.inference import Column, Estimate, cluster_bootstrap, ratio, wilson_interval
from analysis.statistics.lineage import RELATIONS, distinct_edges

VERSION = 2

MIN_DENOMINATOR = 20
RESERVED_NAMES = ("coverage", "gain", "lift")  # words of result names: a library of this name could take their place

Flags = NDArray[np.bool_]
ResultsAndLeftOut = Generator[Result, None, int]  # yields results, returns how many libraries were left out


@dataclass(frozen=True)
class BaseUses:
    """Edges between different packages whose parent has known libraries, and the packages that support each library."""

    edges: DataFrame
    uses: DataFrame
    packages_by_library: dict[str, Series]

    def support_flags(self, library: str) -> tuple[Flags, Flags]:
        """Return for each edge whether its child, and whether its parent, supports a library."""
        packages = self.packages_by_library[library]
        return self.edges["child"].isin(packages).to_numpy(), self.edges["parent"].isin(packages).to_numpy()


def preservation(lineage: DataFrame, libraries: DataFrame) -> Iterator[Result]:
    """Measure how many of the packages made from others support a library that the parent supports.

        preservation.L      = |{d in D_L : L in lib(d)}| / |D_L|,  D_L = the distinct direct descendants of
                              B_L = {p : L in lib(p), and at least one other library}   (Eq. 1 of the paper)
        preservation.L.R    = P(L in lib(c) | L in lib(p))          over the edges (p, c, R)
        preservation.gain.L.R = P(L in lib(c) | L not in lib(p))    over the edges (p, c, R)
        preservation.lift.L.R = preservation.L.R / P(L in lib(c))   over the edges (p, c, R)
        preservation.coverage.R = the share of the edges of relation R whose parent is known with its libraries

    R is finetune, adapter, merge, quantized or unstated. `preservation.coverage` is over all of them. Formats (of the
    files) and trackers (of the logs) are not libraries: they have a result too, whose note begins with `format` or
    `tracker`, but they are not "another library" of a parent. The interval is a bootstrap that draws parents, with all
    their children. Wilson's interval, which treats edges as independent, is in the note.

    Results of the whole list have a k of 0. The same results with a k of 1,000, 5,000 or 15,000 are of the children
    among the first k packages.

    >>> edges = DataFrame({"child": range(1, 41), "child_name": "c", "parent": 0, "parent_name": "p",
    ...                    "relation": "adapter"})
    >>> uses = DataFrame([(0, "a", "library"), (0, "b", "library"), *((c, "a", "library") for c in range(1, 31))],
    ...                  columns=["package", "library", "kind"])
    >>> {result.name: result.value for result in preservation(edges, uses)}["preservation.a.adapter"]
    0.75

    Caveats: only listed children count, and only parents that are in the store. A package without a known library
    supports none. Adapters of transformers models state `peft`, so read the relations separately. Since August 2024 the
    Hub no longer takes `transformers` as the library of every package with a config.json: a series across that date has
    a break. Edges are what packages say of themselves. Left out are self-loops (counted in the note of the coverage),
    libraries with fewer than 20 in the denominator, and libraries whose name is a word of this metric.

    After Metric 1 of Jones et al., ESEM 2024, doi 10.1145/3674805.3686665.
    """
    yield from results_at_depths(list_depth(lineage), lambda k: _population_results(_first(lineage, k), libraries))


def _first(lineage: DataFrame, k: int) -> DataFrame:
    """Return the edges of the first k packages of a list, or all if the list has no depth."""
    return lineage[lineage["child_rank"] <= k] if k else lineage


def _population_results(lineage: DataFrame, libraries: DataFrame) -> Iterator[Result]:
    if lineage.empty:
        yield Result("preservation", None, note=NO_LINEAGE)
        return
    edges = distinct_edges(lineage)
    links, loops = edges[~edges["loop"]], int(edges["loop"].sum())
    base_uses = _collect_base_uses(links, libraries)
    left_out = yield from _equation_results(base_uses)
    yield _coverage_result("preservation.coverage", links, libraries, left_out, f"{loops:,} self-loops left out")
    for relation in RELATIONS:
        of_relation = base_uses.edges[base_uses.edges["relation"] == relation]
        left_out = yield from _relation_results(
            relation, BaseUses(of_relation, base_uses.uses, base_uses.packages_by_library)
        )
        relation_links = links[links["relation"] == relation]
        yield _coverage_result(f"preservation.coverage.{relation}", relation_links, libraries, left_out)


def preservation_as_published(lineage: DataFrame, libraries: DataFrame) -> Iterator[Result]:
    """Compute library preservation as the paper's artifact does: how common a library is among descendants.

        D = the distinct children with two or more libraries;  preservation.L = |{m in D : L in lib(m)}| / |D|

    k is as in `preservation`.

    >>> edges = DataFrame({"child": [1, 2], "child_name": ["b", "c"], "parent": [9, 9], "parent_name": "a",
    ...                    "relation": "unstated"})
    >>> uses = DataFrame([(1, "x", "library"), (1, "y", "format"), (2, "x", "library")],
    ...                  columns=["package", "library", "kind"])
    >>> [(result.name, result.value, result.note) for result in preservation_as_published(edges, uses)]
    [('preservation.x', 1.0, '1 of 1'), ('preservation.y', 1.0, '1 of 1')]

    Known defects: the parent is never read, so nothing is "preserved". Children with one library are left out, which
    biases every share upward. Formats and trackers are mixed with libraries. Use `preservation` to measure what
    children keep. The interval is Wilson's. The published counts (Figure 5: transformers 2,699, safetensors 1,929,
    tensorboard 1,173, timm 263, …) cannot be recomputed here, because that needs the artifact's own database.

    Jones et al., ESEM 2024, doi 10.1145/3674805.3686665, proportion_DirectDescendantsToLibrary.py.
    """
    yield from results_at_depths(list_depth(lineage), lambda k: _published_results(_first(lineage, k), libraries))


def _published_results(lineage: DataFrame, libraries: DataFrame) -> Iterator[Result]:
    if lineage.empty:
        yield Result("preservation", None, note=NO_LINEAGE)
        return
    uses = libraries.drop_duplicates(["package", "library"])
    uses = uses[uses["package"].isin(lineage["child"])]
    several = uses[uses.groupby("package")["library"].transform("size") >= 2]
    n = int(several["package"].nunique())
    if n == 0:
        yield Result("preservation", None, n=0, note="no descendant has two or more known libraries")
    for library, count in several.groupby("library").size().items():
        share = wilson_interval(int(count), n)
        yield Result(f"preservation.{library}", share.value, share.low, share.high, n, f"{count:,} of {n:,}")


def _collect_base_uses(links: DataFrame, libraries: DataFrame) -> BaseUses:
    uses = libraries.drop_duplicates(["package", "library"])
    packages_by_library = {str(library): packages for library, packages in uses.groupby("library")["package"]}
    return BaseUses(links[links["parent"].isin(uses["package"])], uses, packages_by_library)


def _equation_results(base_uses: BaseUses) -> ResultsAndLeftOut:
    """Yield Eq. 1 for each library. Return how many libraries had too few descendants."""
    left_out = 0
    bases = _find_bases(base_uses.uses)
    for library, (count, kind) in _count_supported_edges(base_uses.edges["parent"], bases).items():
        edges = base_uses.edges[base_uses.edges["parent"].isin(bases["package"][bases["library"] == library])]
        # A child of several of the parents counts once: with the first parent, also when parents are drawn.
        edges = edges.drop_duplicates("child") if count >= MIN_DENOMINATOR else edges[:0]
        if len(edges) < MIN_DENOMINATOR or _is_reserved_name(library):
            left_out += 1
            continue
        supports = edges["child"].isin(base_uses.packages_by_library[library]).to_numpy()
        estimate = ratio(*_sum_by_cluster(edges["parent"], supports, np.ones(len(edges))))
        yield _share_result(f"preservation.{library}", estimate, int(supports.sum()), len(edges), kind)
    return left_out


def _find_bases(uses: DataFrame) -> DataFrame:
    """Return the rows whose package has at least one other library. Formats and trackers are not libraries."""
    is_library = (uses["kind"] == "library").astype(int)
    return uses[is_library.groupby(uses["package"]).transform("sum") > is_library]


def _relation_results(relation: str, base_uses: BaseUses) -> ResultsAndLeftOut:
    """Yield the results of each library over the edges of one relation. Return how many libraries had too few edges."""
    left_out = 0
    parents = base_uses.edges["parent"]
    with_parent, with_child = (
        _count_supported_edges(base_uses.edges[column], base_uses.uses) for column in ("parent", "child")
    )
    for library, kind in sorted({name: kind for name, (_, kind) in (with_parent | with_child).items()}.items()):
        count, child_count = (counts.get(library, (0, ""))[0] for counts in (with_parent, with_child))
        if _is_reserved_name(library) or max(count, child_count) < MIN_DENOMINATOR:
            left_out += count > 0
            continue
        name = f"{library}.{relation}"
        child, parent = base_uses.support_flags(library)
        left_out += 0 < count < MIN_DENOMINATOR
        if count >= MIN_DENOMINATOR:
            yield _conditional_result(f"preservation.{name}", parents, child, parent, kind)
            yield _lift_result(f"preservation.lift.{name}", parents, child, parent, kind)
        if len(parents) - count >= MIN_DENOMINATOR:
            yield _conditional_result(f"preservation.gain.{name}", parents, child, ~parent, kind)
    return left_out


def _count_supported_edges(packages: Series, uses: DataFrame) -> dict[str, tuple[int, str]]:
    """Count for each library the edges whose package supports it, with its kind. Libraries without edges are omitted.

    `packages` has one package per edge: its child or its parent.
    """
    edge_counts = uses["package"].map(packages.value_counts()).fillna(0).astype(int)
    counts = DataFrame({"library": uses["library"], "kind": uses["kind"], "edges": edge_counts})[edge_counts > 0]
    by_library = counts.groupby("library").agg(edges=("edges", "sum"), kind=("kind", "first"))
    columns = by_library.index, by_library["edges"], by_library["kind"]
    return {str(library): (int(edges), str(kind)) for library, edges, kind in zip(*columns, strict=True)}


def _conditional_result(name: str, parents: Series, child: Flags, condition: Flags, kind: str) -> Result:
    """Make the result of the share of the edges with `condition` whose child supports the library."""
    n, successes = int(condition.sum()), int((child & condition).sum())
    estimate = ratio(*_sum_by_cluster(parents[condition], child[condition], np.ones(n)))
    return _share_result(name, estimate, successes, n, kind)


def _lift_result(name: str, parents: Series, child: Flags, parent: Flags, kind: str) -> Result:
    sums = _sum_by_cluster(parents, child & parent, parent, child, np.ones(len(parents)))
    lift = cluster_bootstrap(np.column_stack(sums), lambda s: s[..., 0] / s[..., 1] / (s[..., 2] / s[..., 3]))
    note = "" if lift.value is not None else "no child supports it"
    return Result(name, lift.value, lift.low, lift.high, int(parent.sum()), _join_with_kind(kind, note))


def _coverage_result(name: str, edges: DataFrame, libraries: DataFrame, left_out: int, *notes: str) -> Result:
    if edges.empty:
        return Result(name, None, n=0, note=join_notes("no edge of this relation", *notes))
    covered = edges["parent"].isin(libraries["package"]).to_numpy()
    share = ratio(*_sum_by_cluster(edges["parent"], covered, np.ones(len(edges))))
    too_small = f"{left_out:,} libraries with fewer than {MIN_DENOMINATOR} in the denominator left out"
    return _share_result(name, share, int(covered.sum()), len(edges), "library", too_small if left_out else "", *notes)


def _sum_by_cluster(clusters: Series, *columns: NDArray[np.generic]) -> list[Column]:
    """Sum each column by cluster."""
    codes = np.unique(clusters.to_numpy(), return_inverse=True)[1]
    return [np.bincount(codes, weights=column.astype(float)).astype(float) for column in columns]


def _share_result(name: str, share: Estimate, successes: int, n: int, kind: str, *notes: str) -> Result:
    wilson = wilson_interval(successes, n)

    one_parent = "all have the same parent, so there is no interval" if share.low is None else ""
    note = _join_with_kind(kind, f"Wilson [{wilson.low:.3f}, {wilson.high:.3f}]", one_parent, *notes)
    return Result(name, share.value, share.low, share.high, n, note)


def _join_with_kind(kind: str, *notes: str) -> str:
    return join_notes("" if kind == "library" else kind, *notes)


def _is_reserved_name(library: str) -> bool:
    """Return whether a result named after this library could be mistaken for another result of this metric."""
    first, last = library.split(".")[0], library.split(".")[-1]
    return first in RESERVED_NAMES or last in RELATIONS
