"""Comparison of the most and the least popular packages: groups, random draws among ties, tests (pure)."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from analysis.statistics.inference import SEED, TAIL_QUANTILES, Column, Estimate, cliffs_delta

Positions = NDArray[np.intp]
N_DRAWS = 25


@dataclass(frozen=True)
class GroupComparison:
    """How far one group lies above another. The p-values are two-sided, and None where a test does not apply."""

    difference: Estimate
    d: Estimate
    delta: Estimate
    welch: float | None
    mann_whitney: float | None


@dataclass(frozen=True)
class WelchTest:
    """Welch's t-test: its p-value, and the 95 % interval of the difference of the means."""

    p: float
    low: float
    high: float


def draw_top(popularity: Column, k: int, rng: np.random.Generator) -> Positions:
    """Return the positions of the k largest values. Values that tie at the edge are drawn at random."""
    return draw_bottom(-popularity, k, rng)


def draw_bottom(popularity: Column, k: int, rng: np.random.Generator) -> Positions:
    """Return the positions of the k smallest values. Values that tie at the edge are drawn at random.

    >>> draw_bottom(np.array([9.0, 0, 5, 1]), 2, np.random.default_rng(1)).tolist()
    [1, 3]
    """
    limit = np.partition(popularity, k - 1)[k - 1]
    below = np.flatnonzero(popularity < limit)
    draw = rng.choice(np.flatnonzero(popularity == limit), k - len(below), replace=False)
    return np.sort(np.concatenate([below, draw]))


def draw_groups(popularity: Column, k: int) -> Iterator[tuple[Positions, Positions]]:
    """Yield pairs of a top and a bottom group, with a fixed seed. Without ties at either edge there is one pair."""
    rng = np.random.default_rng(SEED)
    ordered = np.sort(popularity)
    tied = ordered[k - 1] == ordered[k] or ordered[-k] == ordered[-k - 1]
    for _ in range(N_DRAWS if tied else 1):
        yield draw_top(popularity, k, rng), draw_bottom(popularity, k, rng)


def compare_groups(above: Column, below: Column) -> GroupComparison:
    """Compare two groups by tests and effect sizes.

    Welch's t-test (1947, doi 10.1093/biomet/34.1-2.28) with the interval of the difference of means; Cohen's d with the
    pooled standard deviation and its large-sample interval (Hedges and Olkin 1985); Cliff's delta; Mann and Whitney's
    test (1947, doi 10.1214/aoms/1177730491), with p by the normal approximation with ties.
    """
    n = len(above) + len(below)
    value = float(above.mean() - below.mean())
    delta = cliffs_delta(above, below)
    if min(len(above), len(below)) < 2 or (np.ptp(above) == 0 and np.ptp(below) == 0):
        return GroupComparison(Estimate(value, n=n), Estimate(None, n=n), delta, None, None)
    test = welch_t_test(above, below)
    ranks = stats.mannwhitneyu(above, below, method="asymptotic")
    difference = Estimate(value, test.low, test.high, n)
    return GroupComparison(difference, cohens_d(above, below), delta, test.p, float(ranks.pvalue))


def welch_t_test(above: Column, below: Column, alternative: str = "two-sided") -> WelchTest:
    """Run Welch's t-test on two groups, of which at least one varies."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # about a group without variation: the other group varies
        test = stats.ttest_ind(above, below, equal_var=False, alternative=alternative)
    interval = test.confidence_interval()
    return WelchTest(float(test.pvalue), float(interval.low), float(interval.high))


def cohens_d(above: Column, below: Column) -> Estimate:
    """Return the difference of the means in pooled standard deviations, or None where nothing varies.

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


def pool_estimates(estimates: Sequence[Estimate]) -> Estimate:
    """Pool the estimates of several draws: the mean of the values, and an interval that covers most intervals."""
    defined = [estimate for estimate in estimates if estimate.value is not None]
    if not defined:
        return Estimate(None, n=estimates[0].n if estimates else 0)
    value = float(np.mean([estimate.value for estimate in defined if estimate.value is not None]))
    lows = [estimate.low for estimate in defined if estimate.low is not None]
    highs = [estimate.high for estimate in defined if estimate.high is not None]
    if not lows or not highs:
        return Estimate(value, n=defined[0].n)
    low, high = float(np.quantile(lows, TAIL_QUANTILES[0])), float(np.quantile(highs, TAIL_QUANTILES[1]))
    return Estimate(value, low, high, defined[0].n)


def max_p_value(p_values: Sequence[float | None]) -> float | None:
    """Return the largest p-value of several draws, or None if no draw has one."""
    return max((p for p in p_values if p is not None), default=None)


def assign_deciles(popularity: Column) -> Positions:
    """Return the decile of each value, from 1 (least popular) to 10. Tied values share the decile of their mean rank.

    >>> assign_deciles(np.array([5.0, 1, 2, 3])).tolist(), assign_deciles(np.zeros(4)).tolist()
    ([9, 2, 4, 7], [6, 6, 6, 6])
    """
    middle = (stats.rankdata(popularity) - 0.5) / len(popularity)
    deciles: Positions = np.minimum((middle * 10).astype(int), 9) + 1
    return deciles
