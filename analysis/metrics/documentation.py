"""Documentation of the most and the least popular packages (Metric 4 of Jones et al., ESEM 2024)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
from pandas import DataFrame, Series

from analysis.compute.metric import Result, list_depth, results_by_population
from analysis.statistics.groups import (
    GroupComparison,
    Positions,
    assign_deciles,
    cohens_d,
    compare_groups,
    draw_groups,
    max_p_value,
    pool_estimates,
    welch_t_test,
)
from analysis.statistics.inference import Column, Estimate, holm, mean, spearman, wilson_interval

VERSION = 3
APPLIES_TO = "cards"

ITEMS, FIELDS = 5, 14
COLUMNS_AS_PUBLISHED = 17
POPULARITY = ("downloads", "likes", "descendants")
NO_CARDS = (
    "no card of a package of this list is known for its date (an imported card counts for 182 days): run "
    "`observatory crawl cards`"
)
NO_SCORES = "no card of this list has been scored: run `observatory score`"
MIN_POPULATION = 5000  # two groups of 1,000 within the first 1,000 packages do not exist
LIST_TOO_SHORT = "fewer than two groups of K packages with known documentation"
ALL_EQUAL = "all values are equal"
NOT_STATED = "the list does not state it for any package"


def documentation(cards: DataFrame, scores: DataFrame, depths: DataFrame) -> Iterator[Result]:
    """Compare the documentation of the most popular packages with that of the least popular.

        completeness(p) = the questions its card answers / 5;  0 where it has no card
        metadata(p)     = the fields with a value, of the 14 of the paper's script / 14
        difference      = mean over the top K - mean over the bottom K

    Each scorer has its own results at its newest version (`documentation.rules.…`, `documentation.openai.…`), as has
    `documentation.metadata.…`. Scorers are never mixed. Popularity is by downloads, likes and descendants. Where
    packages tie at the edge of a group, 25 groups are drawn from them with a fixed seed: the value is the mean over the
    draws, the interval holds 95 % of the draws' limits, and the p-value is the largest. `d` is Cohen's d, `delta`
    Cliff's delta. `welch_p` and `mann_whitney_p` are two-sided, and corrected by Holm over the three popularities.
    `decile.1` to `decile.10` are means over tenths of all packages, least popular first, with ties in the same tenth.
    `trend` is Spearman's correlation over all packages. `coverage` is the share of the list with known documentation.
    `documentation.of15000.…` and `documentation.of5000.…` are the same results over the first 15,000 or 5,000 packages.

    >>> listed = DataFrame({"package": range(8), "rank": range(1, 9), "downloads": [80, 70, 60, 50, 4, 3, 2, 1],
    ...                     "likes": 0, "descendants": 0, "state": "card", "card": range(8), "fields": 7})
    >>> scores = DataFrame({"scorer": "rules", "version": "1", "card": range(8), "yes": [5, 4, 5, 4, 1, 0, 1, 0],
    ...                     "found": 5, "scored_at": 0})
    >>> results = documentation(listed, scores, DataFrame({"k": [4]}))
    >>> values = {(result.name, result.k): result.value for result in results}
    >>> names = ("top", "bottom", "difference", "delta")
    >>> [round(values[f"documentation.rules.downloads.{name}", 4], 2) for name in names]
    [0.9, 0.1, 0.8, 1.0]
    >>> values["documentation.metadata.downloads.top", 4]
    0.5

    Caveats: an association is not a cause, and the groups are extremes, which makes d large: read the trend beside it.
    Scorers err, and how often they err is measured separately. A field is present or not, and its correctness is not
    checked. Packages whose documentation is unknown (not fetched, gated, gone, not scored; or an imported card that was
    last seen more than 182 days before the list) are left out and counted in the notes. The intervals treat packages as
    drawn from a larger population.

    After Metric 4 of Jones et al., ESEM 2024, doi 10.1145/3674805.3686665.
    """
    yield from _prefixed_results(cards, lambda first: _population_results(first, scores, depths))


def _prefixed_results(cards: DataFrame, compute: Callable[[DataFrame], Iterable[Result]]) -> Iterator[Result]:
    """Yield the results of the whole list, then those of each population with its depth in their names."""
    depth = list_depth(cards)
    by_population = results_by_population(depth, lambda k: compute(cards[cards["rank"] <= k] if k else cards))
    for k, results in by_population:
        if k == 0:
            yield from results
        elif k >= MIN_POPULATION:
            names = (result.name.replace("documentation", f"documentation.of{k}", 1) for result in results)
            yield from (replace(result, name=name) for result, name in zip(results, names, strict=True))


def _population_results(cards: DataFrame, scores: DataFrame, depths: DataFrame) -> Iterator[Result]:
    fetched = cards[cards["state"].isin(["card", "none"])]
    if fetched.empty:
        yield Result("documentation", None, note=NO_CARDS)
        return
    sources = {scorer: _completeness_by_package(fetched, rows) for scorer, rows in _newest_versions(scores)}
    if not sources:
        yield Result("documentation.rules.coverage", None, note=NO_SCORES)
    sources["metadata"] = Series(fetched["fields"].to_numpy(float) / FIELDS, index=fetched.index)
    for name, values in sources.items():
        yield from _source_results(f"documentation.{name}", cards, values.dropna(), depths)


def documentation_as_published(cards: DataFrame, scores: DataFrame, depths: DataFrame) -> Iterator[Result]:
    """Compute the paper's score, groups and test.

        card = the questions answered / 5, where a question without a finding counts as no
        meta = (fields of the 14 with a value + name + downloads + likes) / 17
        documentation = (card + meta) / 2

    The first K are compared with the last K of the sorted list, by downloads, likes and descendants: `top`, `bottom`,
    `d` (Cohen's), and `p` of a one-sided Welch t-test, corrected by Holm over the three. A scorer takes the judge's
    place: `openai` if it has read cards of this list, else `rules`. The note names the scorer. The paper's population
    is the first 15,000 packages: `documentation.of15000.…`.

    >>> listed = DataFrame({"package": range(4), "rank": range(1, 5), "downloads": [80, 70, 2, 1], "likes": 0,
    ...                     "descendants": 0, "state": "card", "card": range(4), "fields": [14, 14, 0, 0]})
    >>> scores = DataFrame({"scorer": "rules", "version": "1", "card": range(4), "yes": [5, 5, 0, 0], "found": 5,
    ...                     "scored_at": 0})
    >>> results = documentation_as_published(listed, scores, DataFrame({"k": [2]}))
    >>> values = {result.name: result.value for result in results}
    >>> values["documentation.downloads.top"], round(values["documentation.downloads.bottom"], 4)
    (1.0, 0.0882)

    Known defects: three of the 17 columns always have a value, and two of them define the groups. Which of the tied
    packages at the bottom are in the last K is an accident of sorting. A card that could not be read counts as a card
    without answers. Extreme groups make d large. What counts today as a value of the script's fields is this project's
    definition (docs/measuring.md). The paper's third popularity is the number of GitHub repositories that use a model;
    descendants take its place. Use `documentation`.

    Jones et al., ESEM 2024, doi 10.1145/3674805.3686665, model_cards and analysis.
    """
    yield from _prefixed_results(cards, lambda first: _published_population_results(first, scores, depths))


def _published_population_results(cards: DataFrame, scores: DataFrame, depths: DataFrame) -> Iterator[Result]:
    fetched = cards[cards["state"].isin(["card", "none"])]
    by_scorer = dict(_newest_versions(scores))
    if fetched.empty or not by_scorer:
        yield Result("documentation", None, note=NO_CARDS if fetched.empty else NO_SCORES)
        return
    scorer = "openai" if "openai" in by_scorer else min(by_scorer)
    answered = fetched["card"].map(by_scorer[scorer].set_index("card")["yes"]).fillna(0).to_numpy(float) / ITEMS
    stated = 1 + fetched["downloads"].notna() + fetched["likes"].notna() + fetched["fields"]
    value = (answered + stated.to_numpy(float) / COLUMNS_AS_PUBLISHED) / 2
    ks = [int(k) for k in depths["k"] if 2 * k <= len(fetched)]
    if not ks:
        yield Result("documentation", None, n=len(fetched), note=LIST_TOO_SHORT)
    for k in ks:
        yield from _published_results(fetched, value, k, f"scorer: {scorer}")


def _newest_versions(scores: DataFrame) -> Iterator[tuple[str, DataFrame]]:
    """Yield the rows of each scorer at its newest version.

    >>> rows = DataFrame({"scorer": "rules", "version": ["1", "2"], "card": 1, "scored_at": [3, 4]})
    >>> [(scorer, list(newest["version"])) for scorer, newest in _newest_versions(rows)]
    [('rules', ['2'])]
    """
    by_scorers = scores[scores["scorer"] != "reference"]  # a reader labels only a few cards
    for scorer, rows in by_scorers.groupby("scorer"):
        newest = rows.sort_values(["scored_at", "version"])["version"].iloc[-1]
        yield str(scorer), rows[rows["version"] == newest]


def _completeness_by_package(fetched: DataFrame, rows: DataFrame) -> Series:
    """Return the completeness of each row of `fetched`, NaN where it is unknown."""
    yes_counts = rows[rows["found"] == ITEMS].set_index("card")["yes"]
    completeness = fetched["card"].map(yes_counts) / ITEMS
    return completeness.where(fetched["state"] == "card", 0.0)


def _source_results(name: str, cards: DataFrame, values: Series, depths: DataFrame) -> Iterator[Result]:
    """Yield every result of one source of documentation values: a scorer, or the metadata."""
    share = wilson_interval(len(values), len(cards))
    yield _make_result(f"{name}.coverage", share, f"{len(values):,} of {len(cards):,} listed packages")
    comparisons: dict[tuple[str, int], list[GroupComparison]] = {}
    for by in POPULARITY:
        popularity = cards.loc[values.index, by]
        stated = popularity.notna().to_numpy()
        x, y = popularity.to_numpy(float)[stated], values.to_numpy(float)[stated]
        yield from _trend_results(f"{name}.{by}", x, y)
        for k in (int(k) for k in depths["k"] if 2 * k <= len(x)):
            pairs = list(draw_groups(x, k)) if np.ptp(x) else []
            comparisons[by, k] = [compare_groups(y[above], y[below]) for above, below in pairs]
            yield from _group_results(f"{name}.{by}", y, pairs, comparisons[by, k], k)
    yield from _test_results(name, comparisons)


def _trend_results(name: str, x: Column, y: Column) -> Iterator[Result]:
    trend = spearman(x, y)
    undefined_note = ALL_EQUAL if len(x) else NOT_STATED
    yield _make_result(f"{name}.trend", trend, "" if trend.value is not None else undefined_note)
    deciles = assign_deciles(x) if len(x) and np.ptp(x) else np.zeros(len(x), np.intp)
    for decile in range(1, 11):
        if (deciles == decile).any():
            yield _make_result(f"{name}.decile.{decile:02}", mean(y[deciles == decile]))


def _group_results(
    name: str, y: Column, pairs: Sequence[tuple[Positions, Positions]], comparisons: Sequence[GroupComparison], k: int
) -> Iterator[Result]:
    if not pairs:
        yield Result(f"{name}.difference", None, n=len(y), note=ALL_EQUAL, k=k)
        return
    note = f"{len(pairs)} draws from the tied packages" if len(pairs) > 1 else "no ties at the edges"
    yield _make_result(f"{name}.top", pool_estimates([mean(y[above]) for above, _ in pairs]), note, k)
    yield _make_result(f"{name}.bottom", pool_estimates([mean(y[below]) for _, below in pairs]), note, k)
    for measure in ("difference", "d", "delta"):
        pooled = pool_estimates([getattr(comparison, measure) for comparison in comparisons])
        yield _make_result(f"{name}.{measure}", pooled, note, k)


def _test_results(name: str, comparisons: Mapping[tuple[str, int], Sequence[GroupComparison]]) -> Iterator[Result]:
    """Yield the p-values, corrected over the popularities at each K."""
    for test in ("welch", "mann_whitney"):
        for k in sorted({k for _, k in comparisons}):
            p_values: dict[str, float] = {}
            for (by, depth), draws in comparisons.items():
                p = max_p_value([getattr(comparison, test) for comparison in draws]) if depth == k else None
                if p is not None:
                    p_values[by] = p
            for (by, p), corrected in zip(p_values.items(), holm(list(p_values.values())), strict=True):
                note = f"uncorrected {p:.3g}; corrected over {', '.join(p_values)}"
                yield Result(f"{name}.{by}.{test}_p", corrected, n=2 * k, note=note, k=k)


def _published_results(fetched: DataFrame, value: Column, k: int, note: str) -> Iterator[Result]:
    p_values: dict[str, float] = {}
    for by in POPULARITY:
        if fetched[by].nunique() < 2:  # sorting by a constant makes no groups
            undefined_note = ALL_EQUAL if fetched[by].notna().any() else NOT_STATED
            yield Result(f"documentation.{by}.d", None, n=len(fetched), note=undefined_note, k=k)
            continue
        order = np.argsort(-fetched[by].to_numpy(float, na_value=0), kind="stable")
        above, below = value[order[:k]], value[order[-k:]]
        yield Result(f"documentation.{by}.top", float(above.mean()), n=k, note=note, k=k)
        yield Result(f"documentation.{by}.bottom", float(below.mean()), n=k, note=note, k=k)
        d = cohens_d(above, below)
        yield Result(f"documentation.{by}.d", d.value, n=d.n, note=note if d.value is not None else ALL_EQUAL, k=k)
        if d.value is not None:
            p_values[by] = welch_t_test(above, below, "greater").p
    for (by, p), corrected in zip(p_values.items(), holm(list(p_values.values())), strict=True):
        yield Result(f"documentation.{by}.p", corrected, n=2 * k, note=f"uncorrected {p:.3g}; {note}", k=k)


def _make_result(name: str, estimate: Estimate, note: str = "", k: int = 0) -> Result:
    undefined_note = "" if estimate.value is not None else ALL_EQUAL
    return Result(name, estimate.value, estimate.low, estimate.high, estimate.n, note or undefined_note, k)
