"""The popular against the rest: groups, repeated draws from the tied, and what sets two groups apart (pure)."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from analysis.statistics.inference import SEED, Estimate, cliffs_delta

Column = NDArray[np.float64]
N_DRAWS = 25
TAIL_QUANTILES = (0.025, 0.975)


@dataclass(frozen=True)
class GroupComparison:
    """How far a group lies above another; the p-values are two-sided, None where a test does not apply."""

    difference: Estimate
    d: Estimate
    delta: Estimate
    welch: float | None
    mann_whitney: float | None


def draw_top(popularity: Column, k: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """The places of the k largest; those that tie with the last of them are drawn."""
    return draw_bottom(-popularity, k, rng)


def draw_bottom(popularity: Column, k: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """The places of the k smallest; those that tie with the last of them are drawn.

    >>> draw_bottom(np.array([9.0, 0, 5, 1]), 2, np.random.default_rng(1)).tolist()
    [1, 3]
    """
    limit = np.partition(popularity, k - 1)[k - 1]
    below = np.flatnonzero(popularity < limit)
    drawn = rng.choice(np.flatnonzero(popularity == limit), k - len(below), replace=False)
    return np.sort(np.concatenate([below, drawn]))


def draw_groups(popularity: Column, k: int) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Pairs of a top and a bottom group, the same ones every time; one pair where nothing ties at either edge."""
    rng = np.random.default_rng(SEED)
    ordered = np.sort(popularity)
    tied = ordered[k - 1] == ordered[k] or ordered[-k] == ordered[-k - 1]
    for _ in range(N_DRAWS if tied else 1):
        yield draw_top(popularity, k, rng), draw_bottom(popularity, k, rng)


def compare_groups(above: Column, below: Column) -> GroupComparison:
    """What sets one group apart from another.

    Welch's t-test (1947, doi 10.1093/biomet/34.1-2.28) with its interval of the difference of means; Cohen's d with the
    pooled standard deviation and its large-sample interval (Hedges and Olkin 1985); Cliff's delta; Mann and Whitney's
    test (1947, doi 10.1214/aoms/1177730491), its p by the normal approximation with ties.
    """
    n = len(above) + len(below)
    value = float(above.mean() - below.mean())
    delta = cliffs_delta(above, below)
    if min(len(above), len(below)) < 2 or (np.ptp(above) == 0 and np.ptp(below) == 0):
        return GroupComparison(Estimate(value, n=n), Estimate(None, n=n), delta, None, None)
    test = welch_t_test(above, below)
    interval = test.confidence_interval()
    ranks = stats.mannwhitneyu(above, below, method="asymptotic")
    difference = Estimate(value, float(interval.low), float(interval.high), n)
    return GroupComparison(difference, cohens_d(above, below), delta, float(test.pvalue), float(ranks.pvalue))


def welch_t_test(above: Column, below: Column, alternative: str = "two-sided") -> object:
    """Welch's t-test of two groups of which at least one varies."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of a group in which nothing varies; the other one does
        return stats.ttest_ind(above, below, equal_var=False, alternative=alternative)


def cohens_d(above: Column, below: Column) -> Estimate:
    """The difference of the means in pooled standard deviations; None where nothing varies.

    >>> round(cohens_d(np.array([2.0, 4, 6]), np.array([1.0, 3, 5])).value, 3)
    0.5
    """
    m, n = len(above), len(below)
    pooled = sqrt(((m - 1) * above.var(ddof=1) + (n - 1) * below.var(ddof=1)) / (m + n - 2))
    if not pooled:
        return Estimate(None, n=m + n)
    d = float((above.mean() - below.mean()) / pooled)
    half = float(stats.norm.ppf(TAIL_QUANTILES[1])) * sqrt((m + n) / (m * n) + d * d / (2 * (m + n)))
    return Estimate(d, d - half, d + half, m + n)


def pool_estimates(estimates: list[Estimate]) -> Estimate:
    """One estimate of many draws: the mean of the values, and an interval that holds nearly all of their intervals."""
    defined = [one for one in estimates if one.value is not None]
    if not defined:
        return Estimate(None, n=estimates[0].n if estimates else 0)
    value = float(np.mean([one.value for one in defined]))
    lows, highs = ([limit for limit in limits if limit is not None]
                   for limits in zip(*((one.low, one.high) for one in defined), strict=True))  # fmt: skip
    if not lows or not highs:
        return Estimate(value, n=defined[0].n)
    return Estimate(
        value, float(np.quantile(lows, TAIL_QUANTILES[0])), float(np.quantile(highs, TAIL_QUANTILES[1])), defined[0].n
    )


def max_p_value(p_values: list[float | None]) -> float | None:
    """The p-value of the draw that speaks least against chance."""
    known = [p for p in p_values if p is not None]
    return max(known) if known else None


def assign_deciles(popularity: Column) -> NDArray[np.intp]:
    """The tenth each is in, from 1 (least popular) to 10; those that tie are all in the tenth of their middle.

    >>> assign_deciles(np.array([5.0, 1, 2, 3])).tolist(), assign_deciles(np.zeros(4)).tolist()
    ([9, 2, 4, 7], [6, 6, 6, 6])
    """
    middle = (stats.rankdata(popularity) - 0.5) / len(popularity)
    return np.minimum((middle * 10).astype(int), 9) + 1
