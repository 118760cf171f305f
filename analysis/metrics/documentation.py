"""Are popular packages better documented? (Metric 4 of Jones et al., ESEM 2024)"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from pandas import DataFrame, Series

from analysis.compute.metric import Result
from analysis.statistics.groups import (
    GroupComparison,
    assign_deciles,
    cohens_d,
    compare_groups,
    draw_groups,
    max_p_value,
    pool_estimates,
    welch_t_test,
)
from analysis.statistics.inference import Estimate, holm, mean, spearman, wilson_interval

VERSION = 2
APPLIES_TO = "cards"

ITEMS, FIELDS = 5, 14
COLUMNS_AS_PUBLISHED = 17
POPULARITY = ("downloads", "likes", "descendants")
NO_CARDS = "no card of a package of this list has been looked at: `observatory crawl cards`"
NO_SCORES = "no card of this list has been read: `observatory score`"
LIST_TOO_SHORT = "fewer than two groups of K packages whose documentation is known"
ALL_EQUAL = "all are alike"
NOT_STATED = "the list does not say it of any package"


def documentation(cards: DataFrame, scores: DataFrame, depths: DataFrame) -> Iterator[Result]:
    """How much better the most popular packages are documented than the least popular ones.

        completeness(p) = the questions its card answers / 5;  0 where it has no card
        metadata(p)     = the fields with a value, of the 14 of the paper's script / 14
        difference      = mean over the top K - mean over the bottom K

    By each scorer of its own (`documentation.rules.…`, `documentation.openai.…`, never mixed, each at its newest
    version) and for `documentation.metadata.…`; for popularity by downloads, likes and descendants. Where packages tie
    at the edge of a group, 25 groups are drawn from them, always the same ones: the value is the mean over the draws,
    the interval holds 95 % of the draws' limits, and the p-value is the largest. `d` is Cohen's d, `delta` Cliff's
    delta, `welch_p` and `mann_whitney_p` are two-sided and corrected by Holm over the three popularities. `decile.1` to
    `decile.10` are means over tenths of all packages, least popular first, with all that tie in one tenth, and `trend`
    is Spearman's correlation over all packages. `coverage` is the share of the list whose documentation is known.

    >>> listed = DataFrame({"package": range(8), "rank": range(1, 9), "downloads": [80, 70, 60, 50, 4, 3, 2, 1],
    ...                     "likes": 0, "descendants": 0, "state": "card", "card": range(8), "fields": 7})
    >>> read = DataFrame({"scorer": "rules", "version": "1", "card": range(8), "yes": [5, 4, 5, 4, 1, 0, 1, 0],
    ...                   "found": 5, "scored_at": 0})
    >>> found = {(one.name, one.k): one.value for one in documentation(listed, read, DataFrame({"k": [4]}))}
    >>> names = ("top", "bottom", "difference", "delta")
    >>> [round(found[f"documentation.rules.downloads.{name}", 4], 2) for name in names]
    [0.9, 0.1, 0.8, 1.0]
    >>> found["documentation.metadata.downloads.top", 4]
    0.5

    Caveats: an association, not a cause, and the groups are extremes, which makes d large: read the trend beside it.
    Scorers err; how often is measured apart. A field is present or not; whether it is right is not asked. What is not
    known (not looked at, gated, gone, not read) is left out and counted in the notes. The intervals treat packages as
    drawn from a larger population.

    After Metric 4 of Jones et al., ESEM 2024, doi 10.1145/3674805.3686665.
    """
    looked = cards[cards["state"].isin(["card", "none"])]
    if looked.empty:
        yield Result("documentation", None, note=NO_CARDS)
        return
    readings = {scorer: _completeness_by_package(looked, rows) for scorer, rows in _newest_versions(scores)}
    if not readings:
        yield Result("documentation.rules.coverage", None, note=NO_SCORES)
    readings["metadata"] = Series(looked["fields"].to_numpy(float) / FIELDS, index=looked.index)
    for name, known in readings.items():
        yield from _source_results(f"documentation.{name}", cards, known.dropna(), depths)


def documentation_as_published(cards: DataFrame, scores: DataFrame, depths: DataFrame) -> Iterator[Result]:
    """The paper's score, groups and test.

        card = the questions answered / 5, a question without a finding counting as no
        meta = (fields of the 14 with a value + name + downloads + likes) / 17
        documentation = (card + meta) / 2

    The first K against the last K of the list as it is sorted, by downloads, likes and descendants: `top`, `bottom`,
    `d` (Cohen's), and `p` of a one-sided Welch t-test, corrected by Holm over the three. A scorer takes the judge's
    place: `openai` where it has read cards of this list, else `rules`; the note says which.

    >>> listed = DataFrame({"package": range(4), "rank": range(1, 5), "downloads": [80, 70, 2, 1], "likes": 0,
    ...                     "descendants": 0, "state": "card", "card": range(4), "fields": [14, 14, 0, 0]})
    >>> read = DataFrame({"scorer": "rules", "version": "1", "card": range(4), "yes": [5, 5, 0, 0], "found": 5,
    ...                   "scored_at": 0})
    >>> found = {one.name: one.value for one in documentation_as_published(listed, read, DataFrame({"k": [2]}))}
    >>> found["documentation.downloads.top"], round(found["documentation.downloads.bottom"], 4)
    (1.0, 0.0882)

    Known defects: three of the 17 columns are always there and two of them define the groups; which of the tied
    packages at the bottom are in the last K is an accident of sorting; a card that could not be read counts as one that
    says nothing; extreme groups make d large. What counts today as a value of
    the script's fields is this project's definition (docs/measuring.md). The paper's third popularity is the number of
    GitHub repositories that use a model; descendants take its place. Use `documentation`.

    Jones et al., ESEM 2024, doi 10.1145/3674805.3686665, model_cards and analysis.
    """
    looked = cards[cards["state"].isin(["card", "none"])]
    chosen = dict(_newest_versions(scores))
    if looked.empty or not chosen:
        yield Result("documentation", None, note=NO_CARDS if looked.empty else NO_SCORES)
        return
    scorer = "openai" if "openai" in chosen else min(chosen)
    answered = looked["card"].map(chosen[scorer].set_index("card")["yes"]).fillna(0).to_numpy(float) / ITEMS
    stated = 1 + looked["downloads"].notna() + looked["likes"].notna() + looked["fields"]
    value = (answered + stated.to_numpy(float) / COLUMNS_AS_PUBLISHED) / 2
    depth = [int(k) for k in depths["k"] if 2 * k <= len(looked)]
    if not depth:
        yield Result("documentation", None, n=len(looked), note=LIST_TOO_SHORT)
    for k in depth:
        yield from _published_results(looked, value, k, f"scorer: {scorer}")


def _newest_versions(scores: DataFrame) -> Iterator[tuple[str, DataFrame]]:
    """The rows of each scorer at its newest version.

    >>> rows = DataFrame({"scorer": "rules", "version": ["1", "2"], "card": 1, "scored_at": [3, 4]})
    >>> [(scorer, list(found["version"])) for scorer, found in _newest_versions(rows)]
    [('rules', ['2'])]
    """
    for scorer, rows in scores[scores["scorer"] != "reference"].groupby(
        "scorer"
    ):  # labels of a few cards are no reader
        last = rows.sort_values(["scored_at", "version"])["version"].iloc[-1]
        yield str(scorer), rows[rows["version"] == last]


def _completeness_by_package(fetched: DataFrame, rows: DataFrame) -> Series:
    """By the places of `looked`; not a number where it is not known."""
    whole = rows[rows["found"] == ITEMS].set_index("card")["yes"]
    known = fetched["card"].map(whole) / ITEMS
    return known.where(fetched["state"] == "card", 0.0)


def _source_results(name: str, cards: DataFrame, values: Series, depths: DataFrame) -> Iterator[Result]:
    """Everything about one way to read documentation."""
    share = wilson_interval(len(values), len(cards))
    yield _make_result(f"{name}.coverage", share, f"{len(values):,} of {len(cards):,} listed packages")
    contrasts: dict[tuple[str, int], list[GroupComparison]] = {}
    for by in POPULARITY:
        popularity = cards.loc[values.index, by]
        there = popularity.notna().to_numpy()
        x, y = popularity.to_numpy(float)[there], values.to_numpy(float)[there]
        yield from _trend_results(f"{name}.{by}", x, y)
        for k in (int(k) for k in depths["k"] if 2 * k <= len(x)):
            pairs = list(draw_groups(x, k)) if np.ptp(x) else []
            contrasts[by, k] = [compare_groups(y[above], y[below]) for above, below in pairs]
            yield from _group_results(f"{name}.{by}", y, pairs, contrasts[by, k], k)
    yield from _test_results(name, contrasts)


def _trend_results(name: str, x: np.ndarray, y: np.ndarray) -> Iterator[Result]:
    found = spearman(x, y)
    yield _make_result(f"{name}.trend", found, "" if found.value is not None else ALL_EQUAL if len(x) else NOT_STATED)
    tenth = assign_deciles(x) if len(x) and np.ptp(x) else np.zeros(len(x))
    for number in range(1, 11):
        if (tenth == number).any():
            yield _make_result(f"{name}.decile.{number:02}", mean(y[tenth == number]))


def _group_results(
    name: str, y: np.ndarray, pairs: Sequence, comparisons: Sequence[GroupComparison], k: int
) -> Iterator[Result]:
    if not pairs:
        yield Result(f"{name}.difference", None, n=len(y), note=ALL_EQUAL, k=k)
        return
    note = f"{len(pairs)} draws from the tied" if len(pairs) > 1 else "nothing ties at the edges"
    yield _make_result(f"{name}.top", pool_estimates([mean(y[above]) for above, _ in pairs]), note, k)
    yield _make_result(f"{name}.bottom", pool_estimates([mean(y[below]) for _, below in pairs]), note, k)
    for what in ("difference", "d", "delta"):
        yield _make_result(f"{name}.{what}", pool_estimates([getattr(one, what) for one in comparisons]), note, k)


def _test_results(name: str, comparisons: Mapping[tuple[str, int], Sequence[GroupComparison]]) -> Iterator[Result]:
    """The p-values, corrected over the popularities at each K."""
    for what in ("welch", "mann_whitney"):
        for k in sorted({k for _, k in comparisons}):
            raw = {
                by: max_p_value([getattr(one, what) for one in found])
                for (by, at), found in comparisons.items()
                if at == k
            }
            known = {by: p for by, p in raw.items() if p is not None}
            for (by, p), corrected in zip(known.items(), holm(list(known.values())), strict=True):
                note = f"uncorrected {p:.3g}; corrected over {', '.join(known)}"
                yield Result(f"{name}.{by}.{what}_p", corrected, n=2 * k, note=note, k=k)


def _published_results(fetched: DataFrame, value: np.ndarray, k: int, note: str) -> Iterator[Result]:
    ps: dict[str, float] = {}
    for by in POPULARITY:
        if fetched[by].nunique() < 2:  # sorting would not make groups of it
            note_of_it = ALL_EQUAL if fetched[by].notna().any() else NOT_STATED
            yield Result(f"documentation.{by}.d", None, n=len(fetched), note=note_of_it, k=k)
            continue
        order = np.argsort(-fetched[by].to_numpy(float, na_value=0), kind="stable")
        above, below = value[order[:k]], value[order[-k:]]
        yield Result(f"documentation.{by}.top", float(above.mean()), n=k, note=note, k=k)
        yield Result(f"documentation.{by}.bottom", float(below.mean()), n=k, note=note, k=k)
        d = cohens_d(above, below)
        yield Result(f"documentation.{by}.d", d.value, n=d.n, note=note if d.value is not None else ALL_EQUAL, k=k)
        if d.value is not None:
            ps[by] = float(welch_t_test(above, below, "greater").pvalue)
    for (by, p), corrected in zip(ps.items(), holm(list(ps.values())), strict=True):
        yield Result(f"documentation.{by}.p", corrected, n=2 * k, note=f"uncorrected {p:.3g}; {note}", k=k)


def _make_result(name: str, estimate: Estimate, note: str = "", k: int = 0) -> Result:
    return Result(
        name,
        estimate.value,
        estimate.low,
        estimate.high,
        estimate.n,
        note or ("" if estimate.value is not None else ALL_EQUAL),
        k,
    )
