"""How many packages are made from a package, and is it the popular ones? (Metric 3 of Jones et al., ESEM 2024)"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from pandas import DataFrame, Series

from analysis.compute.metric import Result
from analysis.statistics.inference import (
    Estimate,
    RegressionLine,
    count_model,
    gini,
    hurdle,
    kendall,
    mean,
    median,
    ols,
    ratio,
    spearman,
    top_share,
)
from analysis.statistics.lineage import (
    count_children,
    count_descendants,
    count_on_cycles,
    distinct_edges,
    fit_as_published,
)

VERSION = 1

RELATIONS = ("finetune", "adapter", "merge", "quantized", "unstated")
NO_LINEAGE = "no package of this snapshot says what it was made from, or it was not asked"
NO_DESCENDANTS = "no package has a descendant"
NO_DOWNLOADS = "too few packages with known and different downloads and descendants"
NO_FIT = "the model could not be fitted: too few packages, or counts that do not scatter enough"
TOO_MANY_PARENTS = "too many packages with several parents above one another to count in reasonable time"


def descendants(lineage: DataFrame, observed: DataFrame) -> Iterator[Result]:
    """How many packages are made from each package, how unequally, and how that goes with its own downloads.

        n(p)  = |{c : c says it was made from p}|, c and p different;   parents = {p : n(p) > 0}
        n*(p) = |{d : d is made from p, from something made from p, and so on}|, never p itself
        Gini  = sum_i (2i - N - 1) n_i / (N sum n),  n ascending over the N parents

    `links` counts pairs of child and parent, `links.R` those of one relation (its n is of all relations). `median`,
    `mean`, `max`, `share_with_one`, `gini` and the shares of the ten largest and of the largest 1 % (rounded down) are
    over parents, those with a dangling name among them. `dangling` is the share of edges whose parent is not known.

    The association is between a package's descendants and its own downloads in the same snapshot, over every listed
    package whose downloads are known, without descendants too: `spearman`, `kendall`; `count_model` (negative binomial)
    and `hurdle` (logit of having any) give the coefficient of log10(downloads + 1). `slope` is of log10 n(p) on log10
    downloads over those that have both.

    >>> edges = DataFrame({"child": [1, 2, 3], "child_name": ["b", "c", "d"], "parent": [0, 0, 1],
    ...                    "parent_name": ["a", "a", "b"], "relation": "finetune"})
    >>> listed = DataFrame({"package": [0, 1, 2, 3], "name": ["a", "b", "c", "d"], "downloads": [900, 80, 7, 6]})
    >>> found = {one.name: one.value for one in descendants(edges, listed)}
    >>> [found[f"descendants.{name}"] for name in ("links", "mean", "transitive.max", "spearman")]
    [3.0, 1.5, 3.0, 0.94868...]

    Caveats: only children in the list are seen, so counts grow with its depth. Edges are what packages say of
    themselves; where a relation is missing the Hub guesses it. `downloads` is the Hub's rolling count of 30 days. The
    intervals treat packages as drawn from a larger population: bootstrap for what is over parents, Fisher's for the
    correlations (made for few ties, and zeros tie), Student's for the slope, Wald's for the models. Counts have none.

    After Metric 3 of Jones et al., ESEM 2024, doi 10.1145/3674805.3686665.
    """
    if lineage.empty:
        yield Result("descendants", None, note=NO_LINEAGE)
        return
    edges = distinct_edges(lineage)
    counts = count_children(edges)
    yield from _link_results(edges)
    yield from _distribution_results(counts)
    yield from _transitive_results(edges)
    yield from _irregularity_results(edges)
    yield from _association_results(counts, observed)


def descendants_as_published(lineage: DataFrame, observed: DataFrame) -> Iterator[Result]:
    """The paper's fit of the number of descendants on what it takes for the parent's downloads.

        x(name) = the sum of the children's downloads,  y(name) = the number of children that name this parent
        log10 y = slope log10(x + 0.00001) + intercept,  over the distinct points (x, y)

    `spearman` is over all parents. `slope_with_duplicates` is the same fit with every parent in it.

    >>> edges = DataFrame({"child": [1, 2, 3], "child_name": ["b", "c", "d"], "parent": None,
    ...                    "parent_name": ["a", "a", "b"], "relation": "finetune"})
    >>> listed = DataFrame({"package": [1, 2, 3], "name": ["b", "c", "d"], "downloads": [60, 40, 10]})
    >>> found = {one.name: one.value for one in descendants_as_published(edges, listed)}
    >>> found["descendants.points"], round(found["descendants.slope"], 4)
    (2.0, 0.301)

    Known defects: x is not the parent's downloads but grows with the number of children by construction; parents are
    told apart by how children spell them (`GPT-2` had 163 and `gpt2` had 163); equal points are dropped, which makes
    the slope steeper (0.1479 against 0.089 on the paper's data); parents whose children have no downloads stand at
    -5 on a logarithmic axis. Use `descendants` to learn how popularity and descendants go together.

    Jones et al., ESEM 2024, doi 10.1145/3674805.3686665, number_DirectDescendants.
    """
    if lineage.empty:
        yield Result("descendants", None, note=NO_LINEAGE)
        return
    pairs = lineage.drop_duplicates(["child", "parent_name"])
    downloads = pairs["child"].map(_downloads_by_package(observed)).fillna(0)
    by_name = downloads.groupby(pairs["parent_name"])
    fit = fit_as_published(by_name.sum(), by_name.size())
    points = fit.line.slope.n
    parents = f"{len(by_name):,} parents by name"
    yield Result("descendants.points", float(points), n=len(by_name), note=f"distinct points of {parents}")
    yield _make_result("slope", fit.line.slope, "", NO_DOWNLOADS)
    yield _make_result("intercept", Estimate(fit.line.intercept, n=points), "", NO_DOWNLOADS)
    yield _make_result("spearman", fit.spearman, parents, NO_DOWNLOADS)
    yield _make_result("slope_with_duplicates", fit.with_duplicates.slope, parents, NO_DOWNLOADS)


def _link_results(edges: DataFrame) -> Iterator[Result]:
    between = edges[~edges["loop"]]
    pairs = between.drop_duplicates(["child", "parent"])
    yield Result("descendants.links", float(len(pairs)), n=len(pairs), note=f"{_self_loop_note(edges)} left out")
    for relation in RELATIONS:
        count = int((between["relation"] == relation).sum())
        yield Result(f"descendants.links.{relation}", float(count), n=len(between))


def _distribution_results(counts: Series) -> Iterator[Result]:
    """What is over parents."""
    n = len(counts)
    one_in_a_hundred = max(1, n // 100)
    yield Result("descendants.parents", float(n), n=n)
    yield _make_result("max", Estimate(float(counts.max()) if n else None, n=n), "", NO_DESCENDANTS)
    yield _make_result("median", median(counts), "", NO_DESCENDANTS)
    yield _make_result("mean", mean(counts), "", NO_DESCENDANTS)
    yield _make_result("share_with_one", mean(counts == 1), "", NO_DESCENDANTS)
    yield _make_result("top10_share", top_share(counts, 10), "", NO_DESCENDANTS)
    named = f"the largest {one_in_a_hundred:,}"
    yield _make_result("top1pct_share", top_share(counts, one_in_a_hundred), named, NO_DESCENDANTS)
    yield _make_result("gini", gini(counts), "", NO_DESCENDANTS)


def _transitive_results(edges: DataFrame) -> Iterator[Result]:
    counts = count_descendants(edges)
    otherwise = TOO_MANY_PARENTS if counts is None else NO_DESCENDANTS
    known = Series(dtype="int64") if counts is None else counts
    yield _make_result("transitive.mean", mean(known), "", otherwise)
    yield _make_result(
        "transitive.max", Estimate(float(known.max()) if len(known) else None, n=len(known)), "", otherwise
    )


def _irregularity_results(edges: DataFrame) -> Iterator[Result]:
    between = edges[~edges["loop"]]
    dangling = between["dangling"].to_numpy().astype(float)
    share = ratio(*_sum_by_parent(between, dangling)) if len(between) else Estimate(None)
    names = between["parent"][between["dangling"]].nunique()
    yield _make_result("dangling", Estimate(share.value, share.low, share.high, len(between)),
                  f"{names:,} names that name nothing known", NO_DESCENDANTS)  # fmt: skip
    yield Result("descendants.self_loops", float(edges["loop"].sum()), n=len(edges))
    packages = len(np.union1d(between["child"], between["parent"]))
    yield Result(
        "descendants.cycles", float(count_on_cycles(edges)), n=packages, note="packages on a cycle of two or more"
    )


def _sum_by_parent(edges: DataFrame, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    places = np.unique(edges["parent"].to_numpy(), return_inverse=True)[1]
    return np.bincount(places, weights=values), np.bincount(places)


def _association_results(counts: Series, observed: DataFrame) -> Iterator[Result]:
    """With the parent's own downloads, over all that are listed."""
    own = _downloads_by_package(observed).dropna()
    found = own.index.map(counts).fillna(0).to_numpy(float)
    x = own.to_numpy(float)
    note = _coverage_note(own, counts, len(observed) - len(own))
    yield _make_result("spearman", spearman(x, found), note, NO_DOWNLOADS)
    yield _make_result("kendall", kendall(x, found), note, NO_DOWNLOADS)
    both = (x > 0) & (found > 0)
    line = ols(np.log10(x[both]), np.log10(found[both]))
    yield _make_result("slope", line.slope, _join_notes(_intercept_note(line), note), NO_DOWNLOADS)
    per_tenfold = np.log10(x + 1)
    yield _model_result("count_model", count_model(per_tenfold, found), "descendants", note)
    yield _model_result("hurdle", hurdle(per_tenfold, found), "the odds of having any", note)


def _model_result(name: str, estimate: Estimate, outcome: str, note: str) -> Result:
    """A coefficient per tenfold downloads, with what it means in the note."""
    known = estimate.value is not None and estimate.value < 100
    means = f"ten times the downloads: {outcome} times {np.exp(estimate.value):.3g}" if known else ""
    return _make_result(name, estimate, _join_notes(means, note), NO_FIT)


def _intercept_note(line: RegressionLine) -> str:
    return "" if line.intercept is None else f"intercept {line.intercept:.4f}"


def _coverage_note(own: Series, counts: Series, unknown: int) -> str:
    """Who is in the association, and who could not be."""
    childless = int((~own.index.isin(counts.index)).sum())
    absent = int((~counts.index.isin(own.index)).sum())
    return _join_notes(
        f"{len(own):,} listed packages, {childless:,} of them without descendants",
        f"{absent:,} parents left out: they are not listed, so their downloads are not known" if absent else "",
        f"{unknown:,} listed packages left out: their downloads are not known" if unknown else "",
    )


def _downloads_by_package(observed: DataFrame) -> Series:
    return Series(observed["downloads"].astype(float).to_numpy(), index=observed["package"].to_numpy())


def _self_loop_note(edges: DataFrame) -> str:
    return f"{int(edges['loop'].sum()):,} self-loops"


def _make_result(name: str, estimate: Estimate, note: str, undefined_note: str) -> Result:
    told = _join_notes("" if estimate.value is not None else undefined_note, note)
    return Result(f"descendants.{name}", estimate.value, estimate.low, estimate.high, estimate.n, told)


def _join_notes(*parts: str) -> str:
    return "; ".join(part for part in parts if part)
