"""Descendants of packages, and their association with popularity (Metric 3 of Jones et al., ESEM 2024)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from pandas import DataFrame, Series

from analysis.compute.metric import NO_LINEAGE, TOO_MANY_PARENTS, Result, join_notes, list_depth, results_at_depths
from analysis.statistics.inference import (
    Column,
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
    RELATIONS,
    count_children,
    count_descendants,
    count_on_cycles,
    distinct_edges,
    fit_as_published,
)

VERSION = 2

NO_DESCENDANTS = "no package has a descendant"
NO_DOWNLOADS = "too few packages with known and different downloads and descendants"
NO_FIT = "the model could not be fitted: too few packages, or too little variation in the counts"


def descendants(lineage: DataFrame, observed: DataFrame) -> Iterator[Result]:
    """Measure how many packages are made from each package, how unequally, and the association with its downloads.

        n(p)  = |{c : c says it was made from p}|, c and p different;   parents = {p : n(p) > 0}
        n*(p) = |{d : d is made from p, from something made from p, and so on}|, never p itself
        Gini  = sum_i (2i - N - 1) n_i / (N sum n),  n ascending over the N parents

    `links` counts pairs of child and parent, `links.R` those of one relation (its n is of all relations). `median`,
    `mean`, `max`, `share_with_one`, `gini` and the shares of the ten largest and of the largest 1 % (rounded down) are
    over parents, dangling names included. `dangling` is the share of edges whose parent is not in the store.

    The association is between a package's descendants and its own downloads in the same snapshot, over every listed
    package with known downloads, with or without descendants: `spearman`, `kendall`. `count_model` (negative binomial)
    and `hurdle` (logit of having any) give the coefficient of log10(downloads + 1). `slope` is of log10 n(p) on log10
    downloads over the packages that have both.

    Results of the whole list have a k of 0. The same results with a k of 1,000, 5,000 or 15,000 are of the first k
    packages: only they are children, and only they have downloads.

    >>> edges = DataFrame({"child": [1, 2, 3], "child_name": ["b", "c", "d"], "parent": [0, 0, 1],
    ...                    "parent_name": ["a", "a", "b"], "relation": "finetune"})
    >>> listed = DataFrame({"package": [0, 1, 2, 3], "name": ["a", "b", "c", "d"], "downloads": [900, 80, 7, 6]})
    >>> values = {result.name: result.value for result in descendants(edges, listed)}
    >>> [values[f"descendants.{name}"] for name in ("links", "mean", "transitive.max", "spearman")]
    [3.0, 1.5, 3.0, 0.94868...]

    Caveats: only listed children count, so counts grow with the depth of the list: compare equal k above 0. Edges are
    what packages say of themselves; where a relation is missing the Hub guesses it. `downloads` is the Hub's rolling
    count of 30 days. The intervals treat packages as drawn from a larger population: bootstrap for results over
    parents, Fisher's for the correlations (derived for few ties, and zeros tie), Student's for the slope, Wald's for
    the models. Counts have no interval.

    After Metric 3 of Jones et al., ESEM 2024, doi 10.1145/3674805.3686665.
    """
    yield from results_at_depths(list_depth(lineage), lambda k: _population_results(*_first(lineage, observed, k)))


def _first(lineage: DataFrame, observed: DataFrame, k: int) -> tuple[DataFrame, DataFrame]:
    """Return the edges of the first k packages of a list, and these packages. All of both, if the list has no depth."""
    return (lineage[lineage["child_rank"] <= k], observed[observed["rank"] <= k]) if k else (lineage, observed)


def _population_results(lineage: DataFrame, observed: DataFrame) -> Iterator[Result]:
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
    """Compute the paper's fit of the number of descendants on what the paper takes for the parent's downloads.

        x(name) = the sum of the children's downloads,  y(name) = the number of children that name this parent
        log10 y = slope log10(x + 0.00001) + intercept,  over the distinct points (x, y)

    `spearman` is over all parents. `slope_with_duplicates` is the same fit over every parent. k is as in `descendants`.

    >>> edges = DataFrame({"child": [1, 2, 3], "child_name": ["b", "c", "d"], "parent": None,
    ...                    "parent_name": ["a", "a", "b"], "relation": "finetune"})
    >>> listed = DataFrame({"package": [1, 2, 3], "name": ["b", "c", "d"], "downloads": [60, 40, 10]})
    >>> values = {result.name: result.value for result in descendants_as_published(edges, listed)}
    >>> values["descendants.points"], round(values["descendants.slope"], 4)
    (2.0, 0.301)

    Known defects: x is not the parent's downloads, and grows with the number of children by construction. Parents are
    identified by the spelling of their children (`GPT-2` had 163 and `gpt2` had 163). Equal points are dropped, which
    makes the slope steeper (0.1479 against 0.089 on the paper's data). Parents whose children have no downloads stand
    at -5 on a logarithmic axis. Use `descendants` to measure how popularity and descendants are associated.

    Jones et al., ESEM 2024, doi 10.1145/3674805.3686665, number_DirectDescendants.
    """
    yield from results_at_depths(list_depth(lineage), lambda k: _published_results(*_first(lineage, observed, k)))


def _published_results(lineage: DataFrame, observed: DataFrame) -> Iterator[Result]:
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
    links = edges[~edges["loop"]]
    pairs = links.drop_duplicates(["child", "parent"])
    loops = f"{int(edges['loop'].sum()):,} self-loops left out"
    yield Result("descendants.links", float(len(pairs)), n=len(pairs), note=loops)
    for relation in RELATIONS:
        count = int((links["relation"] == relation).sum())
        yield Result(f"descendants.links.{relation}", float(count), n=len(links))


def _distribution_results(counts: Series) -> Iterator[Result]:
    """Yield the results over parents."""
    n = len(counts)
    one_percent = max(1, n // 100)
    yield Result("descendants.parents", float(n), n=n)
    yield _make_result("max", Estimate(float(counts.max()) if n else None, n=n), "", NO_DESCENDANTS)
    yield _make_result("median", median(counts), "", NO_DESCENDANTS)
    yield _make_result("mean", mean(counts), "", NO_DESCENDANTS)
    yield _make_result("share_with_one", mean(counts == 1), "", NO_DESCENDANTS)
    yield _make_result("top10_share", top_share(counts, 10), "", NO_DESCENDANTS)
    share = top_share(counts, one_percent)
    yield _make_result("top1pct_share", share, f"the largest {one_percent:,}", NO_DESCENDANTS)
    yield _make_result("gini", gini(counts), "", NO_DESCENDANTS)


def _transitive_results(edges: DataFrame) -> Iterator[Result]:
    counts = count_descendants(edges)
    undefined_note = TOO_MANY_PARENTS if counts is None else NO_DESCENDANTS
    values = Series(dtype="int64") if counts is None else counts
    largest = Estimate(float(values.max()) if len(values) else None, n=len(values))
    yield _make_result("transitive.mean", mean(values), "", undefined_note)
    yield _make_result("transitive.max", largest, "", undefined_note)


def _irregularity_results(edges: DataFrame) -> Iterator[Result]:
    links = edges[~edges["loop"]]
    dangling = links["dangling"].to_numpy().astype(float)
    share = ratio(*_sum_by_parent(links, dangling)) if len(links) else Estimate(None)
    names = links["parent"][links["dangling"]].nunique()
    yield _make_result("dangling", Estimate(share.value, share.low, share.high, len(links)),
                       f"names of packages that are not in the store: {names:,}", NO_DESCENDANTS)  # fmt: skip
    yield Result("descendants.self_loops", float(edges["loop"].sum()), n=len(edges))
    packages, on_cycles = len(np.union1d(links["child"], links["parent"])), count_on_cycles(edges)
    yield Result("descendants.cycles", float(on_cycles), n=packages, note="packages on a cycle of two or more")


def _sum_by_parent(edges: DataFrame, values: Column) -> tuple[Column, Column]:
    codes = np.unique(edges["parent"].to_numpy(), return_inverse=True)[1]
    return np.bincount(codes, weights=values).astype(float), np.bincount(codes).astype(float)


def _association_results(counts: Series, observed: DataFrame) -> Iterator[Result]:
    """Yield the associations with the parent's own downloads, over all listed packages."""
    downloads = _downloads_by_package(observed).dropna()
    x, y = downloads.to_numpy(float), counts.reindex(downloads.index).fillna(0).to_numpy(float)
    note = _coverage_note(downloads, counts, len(observed) - len(downloads))
    yield _make_result("spearman", spearman(x, y), note, NO_DOWNLOADS)
    yield _make_result("kendall", kendall(x, y), note, NO_DOWNLOADS)
    positive = (x > 0) & (y > 0)
    line = ols(np.log10(x[positive]), np.log10(y[positive]))
    yield _make_result("slope", line.slope, join_notes(_intercept_note(line), note), NO_DOWNLOADS)
    tenfolds = np.log10(x + 1)
    yield _model_result("count_model", count_model(tenfolds, y), "descendants", note)
    yield _model_result("hurdle", hurdle(tenfolds, y), "the odds of having any", note)


def _model_result(name: str, estimate: Estimate, outcome: str, note: str) -> Result:
    """Make the result of a coefficient per tenfold downloads, with its meaning in the note."""
    meaning = ""
    if estimate.value is not None and estimate.value < 100:
        meaning = f"tenfold downloads multiply {outcome} by {np.exp(estimate.value):.3g}"
    return _make_result(name, estimate, join_notes(meaning, note), NO_FIT)


def _intercept_note(line: RegressionLine) -> str:
    return "" if line.intercept is None else f"intercept {line.intercept:.4f}"


def _coverage_note(downloads: Series, counts: Series, unknown: int) -> str:
    """Describe which packages the association covers, and which are left out."""
    childless = int((~downloads.index.isin(counts.index)).sum())
    absent = int((~counts.index.isin(downloads.index)).sum())
    return join_notes(
        f"{len(downloads):,} listed packages, {childless:,} of them without descendants",
        f"{absent:,} parents left out: not listed, so their downloads are unknown" if absent else "",
        f"{unknown:,} listed packages left out: their downloads are unknown" if unknown else "",
    )


def _downloads_by_package(observed: DataFrame) -> Series:
    return Series(observed["downloads"].astype(float).to_numpy(), index=observed["package"].to_numpy())


def _make_result(name: str, estimate: Estimate, note: str, undefined_note: str) -> Result:
    full_note = join_notes("" if estimate.value is not None else undefined_note, note)
    return Result(f"descendants.{name}", estimate.value, estimate.low, estimate.high, estimate.n, full_note)
