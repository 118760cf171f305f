"""Do the packages made from others still support their libraries? (Metric 1 of Jones et al., ESEM 2024)"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pandas import DataFrame, Series

from analysis.compute.metric import Result
from analysis.statistics.inference import Estimate, cluster_bootstrap, ratio, wilson_interval
from analysis.statistics.lineage import distinct_edges

VERSION = 1

RELATIONS = ("finetune", "adapter", "merge", "quantized", "unstated")
MIN_DENOMINATOR = 20
NO_LINEAGE = "no package of this snapshot says what it was made from, or it was not asked"

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class BaseUses:
    """Edges between different packages whose parent's libraries are known, and who supports which library."""

    edges: DataFrame
    uses: DataFrame
    packages_by_library: dict[str, Series]

    def support_flags(self, library: str) -> tuple[Flags, Flags]:
        """Whether the child, and the parent, of each edge supports a library."""
        who = self.packages_by_library[library]
        return tuple(self.edges[column].isin(who).to_numpy() for column in ("child", "parent"))


def preservation(lineage: DataFrame, libraries: DataFrame) -> Iterator[Result]:
    """How many of the packages made from others support a library that the parent supports.

        preservation.L      = |{d in D_L : L in lib(d)}| / |D_L|,  D_L = the distinct direct descendants of
                              B_L = {p : L in lib(p), and at least one other library}   (Eq. 1 of the paper)
        preservation.L.R    = P(L in lib(c) | L in lib(p))          over the edges (p, c, R)
        preservation.gain.L.R = P(L in lib(c) | L not in lib(p))    over the edges (p, c, R)
        preservation.lift.L.R = preservation.L.R / P(L in lib(c))   over the edges (p, c, R)
        preservation.coverage.R = the share of the edges of relation R whose parent is known with its libraries

    R is finetune, adapter, merge, quantized or unstated; `preservation.coverage` is of all of them. Formats (what the
    files are) and trackers (what the logs are) are no libraries: they have a result too, whose note begins with the
    word, but are not "another library" of a parent. The interval is of a bootstrap that draws parents, with all their
    children; Wilson's, as if edges were independent, is in the note.

    >>> edges = DataFrame({"child": range(1, 41), "child_name": "c", "parent": 0, "parent_name": "p",
    ...                    "relation": "adapter"})
    >>> known = DataFrame([(0, "a", "library"), (0, "b", "library"), *((c, "a", "library") for c in range(1, 31))],
    ...                   columns=["package", "library", "kind"])
    >>> {one.name: one.value for one in preservation(edges, known)}["preservation.a.adapter"]
    0.75

    Caveats: only children in the list are seen, and parents that have been seen; a package without any known library
    supports none. Adapters of transformers models say `peft`, so read the relations apart. Since August 2024 the Hub no
    longer takes `transformers` as the library of whatever has a config.json: a series across that date breaks there.
    Edges are what packages say of themselves. Self-loops are left out, and counted in the note of the coverage; so are
    libraries with fewer than 20 in the denominator, or whose name is a word of this metric.

    After Metric 1 of Jones et al., ESEM 2024, doi 10.1145/3674805.3686665.
    """
    if lineage.empty:
        yield Result("preservation", None, note=NO_LINEAGE)
        return
    edges = distinct_edges(lineage)
    between, loops = edges[~edges["loop"]], int(edges["loop"].sum())
    known = _collect_base_uses(between, libraries)
    left_out = yield from _equation_results(known)
    yield _coverage_result("preservation.coverage", between, libraries, left_out, f"{loops:,} self-loops left out")
    for relation in RELATIONS:
        here = known.edges[known.edges["relation"] == relation]
        left_out = yield from _relation_results(relation, BaseUses(here, known.uses, known.packages_by_library))
        every = between[between["relation"] == relation]
        yield _coverage_result(f"preservation.coverage.{relation}", every, libraries, left_out)


def preservation_as_published(lineage: DataFrame, libraries: DataFrame) -> Iterator[Result]:
    """What the paper's artifact computed as library preservation: how common a library is among descendants.

        D = the distinct children with two or more libraries;  preservation.L = |{m in D : L in lib(m)}| / |D|

    >>> edges = DataFrame({"child": [1, 2], "child_name": ["b", "c"], "parent": [9, 9], "parent_name": "a",
    ...                    "relation": "unstated"})
    >>> known = DataFrame([(1, "x", "library"), (1, "y", "format"), (2, "x", "library")],
    ...                   columns=["package", "library", "kind"])
    >>> [(one.name, one.value, one.note) for one in preservation_as_published(edges, known)]
    [('preservation.x', 1.0, '1 of 1'), ('preservation.y', 1.0, '1 of 1')]

    Known defects: the parent is never looked at, so nothing is "preserved"; children with one library are left out,
    which biases every share upward; formats and trackers are mixed with libraries. Use `preservation` to learn what is
    kept. The interval is Wilson's. The published counts (Figure 5: transformers 2,699, safetensors 1,929, tensorboard
    1,173, timm 263, …) cannot be computed again here: that takes the artifact's own database.

    Jones et al., ESEM 2024, doi 10.1145/3674805.3686665, proportion_DirectDescendantsToLibrary.py.
    """
    if lineage.empty:
        yield Result("preservation", None, note=NO_LINEAGE)
        return
    rows = libraries.drop_duplicates(["package", "library"])
    rows = rows[rows["package"].isin(lineage["child"])]
    several = rows[rows.groupby("package")["library"].transform("size") >= 2]
    n = int(several["package"].nunique())
    if n == 0:
        yield Result("preservation", None, n=0, note="no descendant has two or more known libraries")
    for library, count in several.groupby("library").size().items():
        share = wilson_interval(int(count), n)
        yield Result(f"preservation.{library}", share.value, share.low, share.high, n, f"{count:,} of {n:,}")


def _collect_base_uses(between: DataFrame, libraries: DataFrame) -> BaseUses:
    rows = libraries.drop_duplicates(["package", "library"])
    users = {str(library): packages for library, packages in rows.groupby("library")["package"]}
    return BaseUses(between[between["parent"].isin(rows["package"])], rows, users)


def _equation_results(base_uses: BaseUses) -> Iterator[Result]:
    """Eq. 1 for each library; how many libraries had too few descendants."""
    left_out = 0
    bases = _find_bases(base_uses.uses)
    for library, (count, kind) in _count_supported_edges(base_uses.edges["parent"], bases).items():
        below = base_uses.edges[base_uses.edges["parent"].isin(bases["package"][bases["library"] == library])]
        # A child of several of the parents counts once: with the first of them, in the drawing of parents too.
        below = below.drop_duplicates("child") if count >= MIN_DENOMINATOR else below[:0]
        if len(below) < MIN_DENOMINATOR or _is_reserved_name(library):
            left_out += 1
            continue
        kept = below["child"].isin(base_uses.packages_by_library[library]).to_numpy()
        estimate = ratio(*_sum_by_cluster(below["parent"], kept, np.ones(len(below))))
        yield _share_result(f"preservation.{library}", estimate, int(kept.sum()), len(below), kind)
    return left_out


def _find_bases(uses: DataFrame) -> DataFrame:
    """The rows whose package has at least one library besides the one of the row; formats and trackers are none."""
    is_library = (uses["kind"] == "library").astype(int)
    return uses[is_library.groupby(uses["package"]).transform("sum") > is_library]


def _relation_results(relation: str, base_uses: BaseUses) -> Iterator[Result]:
    """What is known of each library over the edges of one relation; how many libraries had too few edges."""
    left_out = 0
    parents = base_uses.edges["parent"]
    with_parent, with_child = (
        _count_supported_edges(base_uses.edges[column], base_uses.uses) for column in ("parent", "child")
    )
    for library, kind in sorted({name: kind for name, (_, kind) in (with_parent | with_child).items()}.items()):
        count, gained = (counts.get(library, (0, ""))[0] for counts in (with_parent, with_child))
        if _is_reserved_name(library) or max(count, gained) < MIN_DENOMINATOR:
            left_out += count > 0
            continue
        name, child, parent = f"{library}.{relation}", *base_uses.support_flags(library)
        left_out += 0 < count < MIN_DENOMINATOR
        if count >= MIN_DENOMINATOR:
            yield _conditional_result(f"preservation.{name}", parents, child, parent, kind)
            yield _lift_result(f"preservation.lift.{name}", parents, child, parent, kind)
        if len(parents) - count >= MIN_DENOMINATOR:
            yield _conditional_result(f"preservation.gain.{name}", parents, child, ~parent, kind)
    return left_out


def _count_supported_edges(packages: Series, uses: DataFrame) -> dict[str, tuple[int, str]]:
    """How many of these packages support each library, and its kind; libraries that none supports are left away."""
    often = uses["package"].map(packages.value_counts()).fillna(0).astype(int)
    used = DataFrame({"library": uses["library"], "kind": uses["kind"], "often": often})[often > 0]
    each = used.groupby("library").agg(often=("often", "sum"), kind=("kind", "first"))
    return {str(row.Index): (int(row.often), str(row.kind)) for row in each.itertuples()}


def _conditional_result(name: str, parents: Series, child: Flags, condition: Flags, kind: str) -> Result:
    """The share of the given edges whose child supports the library."""
    n, kept = int(condition.sum()), int((child & condition).sum())
    return _share_result(name, ratio(*_sum_by_cluster(parents[condition], child[condition], np.ones(n))), kept, n, kind)


def _lift_result(name: str, parents: Series, child: Flags, parent: Flags, kind: str) -> Result:
    sums = _sum_by_cluster(parents, child & parent, parent, child, np.ones(len(parents)))
    lift = cluster_bootstrap(np.column_stack(sums), lambda s: s[..., 0] / s[..., 1] / (s[..., 2] / s[..., 3]))
    note = "" if lift.value is not None else "no child supports it"
    return Result(name, lift.value, lift.low, lift.high, int(parent.sum()), _join_notes(kind, note))


def _coverage_result(name: str, edges: DataFrame, libraries: DataFrame, left_out: int, *notes: str) -> Result:
    if edges.empty:
        return Result(name, None, n=0, note=_join_notes("library", "no edge of this relation", *notes))
    known = edges["parent"].isin(libraries["package"]).to_numpy()
    share = ratio(*_sum_by_cluster(edges["parent"], known, np.ones(len(edges))))
    few = f"{left_out:,} libraries with fewer than {MIN_DENOMINATOR} in the denominator left out" if left_out else ""
    return _share_result(name, share, int(known.sum()), len(edges), "library", few, *notes)


def _sum_by_cluster(clusters: Series, *columns: NDArray[np.generic]) -> list[NDArray[np.float64]]:
    """Each column summed up by cluster."""
    places = np.unique(clusters.to_numpy(), return_inverse=True)[1]
    return [np.bincount(places, weights=column.astype(float)) for column in columns]


def _share_result(name: str, share: Estimate, successes: int, n: int, kind: str, *notes: str) -> Result:
    around = wilson_interval(successes, n)
    told = f"Wilson [{around.low:.3f}, {around.high:.3f}]"
    alone = "all have the same parent, so there is no interval" if share.low is None else ""
    return Result(name, share.value, share.low, share.high, n, _join_notes(kind, told, alone, *notes))


def _join_notes(kind: str, *parts: str) -> str:
    return "; ".join(part for part in ("" if kind == "library" else kind, *parts) if part)


def _is_reserved_name(library: str) -> bool:
    """Whether a result named after this library could be taken for another result of this metric."""
    first, last = library.split(".")[0], library.split(".")[-1]
    return first in ("coverage", "gain", "lift") or last in RELATIONS
