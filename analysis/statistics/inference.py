"""Intervals, tests and effect sizes of plain columns: 95 % intervals, with fixed seeds (pure)."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

SEED = 20_241_024
N_RESAMPLES = 2_000
TAIL_QUANTILES = (0.025, 0.975)
Z = float(stats.norm.ppf(TAIL_QUANTILES[1]))
MAX_ITERATIONS = 200

Column = NDArray[np.float64]
Statistic = Callable[[Column], Column]
WeightedStatistic = Callable[[Column, Column], Column]


@dataclass(frozen=True)
class Estimate:
    """A value with its interval and the number of observations behind it. None where the data do not define it."""

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int = 0


@dataclass(frozen=True)
class RegressionLine:
    """A straight line through points. The intercept is None where the slope is undefined."""

    slope: Estimate
    intercept: float | None


def wilson_interval(successes: int, n: int) -> Estimate:
    """Return a share with its Wilson score interval, or an undefined estimate if n is 0.

    Wilson 1927, doi 10.1080/01621459.1927.10502953.

    >>> wilson_interval(0, 10)
    Estimate(value=0.0, low=0.0, high=0.2775..., n=10)
    """
    if n == 0:
        return Estimate(None)
    interval = stats.binomtest(successes, n).proportion_ci(method="wilson")
    return Estimate(successes / n, float(interval.low), float(interval.high), n)


def cluster_bootstrap(sums: ArrayLike, statistic: Statistic) -> Estimate:
    """Return a statistic of column sums, with the percentile interval of a bootstrap over whole clusters.

    `sums` has one row of sums per cluster. `statistic` gets an array whose last axis is the columns' totals. `n` is the
    number of clusters. Clusters with equal sums are drawn together, by a multinomial draw of how often each kind
    occurs. The distribution is the same as when clusters are drawn one by one, and the cost does not grow with their
    number. A single cluster has no interval. Resamples for which the statistic is undefined are left out.

    scipy.stats.bootstrap has neither clusters nor the multinomial draw.

    Field and Welsh 2007, doi 10.1111/j.1467-9868.2007.00593.x.
    """
    rows = np.atleast_2d(np.asarray(sums, float))
    kinds, counts = np.unique(rows, axis=0, return_counts=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = float(statistic(rows.sum(axis=0)))
        return _percentile_estimate(value, statistic(_draw_counts(counts) @ kinds), len(rows))


def ratio(numerators: ArrayLike, denominators: ArrayLike) -> Estimate:
    """Return the ratio of two sums over clusters, with the interval of `cluster_bootstrap`.

    >>> ratio([1, 0, 2], [1, 2, 2]).value
    0.6
    """
    sums = np.column_stack([numerators, denominators])
    return cluster_bootstrap(sums, lambda totals: totals[..., 0] / totals[..., 1])


def bootstrap(values: ArrayLike, statistic: WeightedStatistic) -> Estimate:
    """Return a statistic of a column, with the percentile interval of a bootstrap.

    `statistic` gets the distinct values in ascending order, and along the last axis how often each occurs.

    Efron 1979, doi 10.1214/aos/1176344552.
    """
    column = np.asarray(values, float)
    if not len(column):
        return Estimate(None)
    distinct, counts = np.unique(column, return_counts=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = float(statistic(distinct, counts.astype(float)))
        return _percentile_estimate(value, statistic(distinct, _draw_counts(counts)), len(column))


def gini(values: ArrayLike) -> Estimate:
    """Return Gini's coefficient, from 0 (all values are equal) to nearly 1 (one value has the whole sum).

    The coefficient is None where the sum is 0.

        G = sum_i (2i - n - 1) x_i / (n sum x),  x ascending

    >>> gini([1, 1, 1, 1]).value, gini([0, 0, 0, 8]).value
    (0.0, 0.75)
    """
    return bootstrap(values, weighted_gini)


def mean(values: ArrayLike) -> Estimate:
    """Return the mean, with a bootstrap interval.

    >>> mean([1, 2, 6]).value
    3.0
    """
    return bootstrap(values, lambda distinct, weights: (distinct * weights).sum(-1) / weights.sum(-1))


def median(values: ArrayLike) -> Estimate:
    """Return the median, with a bootstrap interval.

    >>> median([1, 2, 6, 9]).value
    4.0
    """
    return bootstrap(values, weighted_median)


def top_share(values: ArrayLike, k: int) -> Estimate:
    """Return the share of the sum that belongs to the k largest values, with a bootstrap interval.

    >>> top_share([5, 3, 1, 1], 2).value
    0.8
    """
    return bootstrap(values, lambda distinct, weights: weighted_top_share(distinct, weights, k))


def spearman(x: ArrayLike, y: ArrayLike) -> Estimate:
    """Return Spearman's rank correlation with Fisher's interval and the variance of Bonett and Wright.

        z = artanh(r),  var(z) = (1 + r^2 / 2) / (n - 3)

    Bonett and Wright 2000, doi 10.1007/BF02294183. The variance was derived for columns with few ties. The correlation
    is undefined where either column is constant.
    """
    return _correlation(x, y, stats.spearmanr, lambda r, n: (1 + r * r / 2) / (n - 3), 3)


def kendall(x: ArrayLike, y: ArrayLike) -> Estimate:
    """Return Kendall's tau-b with Fisher's interval and the variance of Fieller, Hartley and Pearson.

        z = artanh(tau),  var(z) = 0.437 / (n - 4)

    Fieller, Hartley and Pearson 1957, doi 10.1093/biomet/44.3-4.470. The variance is good below 0.8, and was derived
    for columns with few ties. The correlation is undefined where either column is constant.
    """
    return _correlation(x, y, stats.kendalltau, lambda r, n: 0.437 / (n - 4), 4)


def ols(x: ArrayLike, y: ArrayLike) -> RegressionLine:
    """Return the least squares line, with Student's interval of the slope. The line is undefined where x is constant.

    >>> ols([0, 1, 2, 3], [1, 3, 5, 7]).intercept
    1.0
    """
    xs, ys = np.asarray(x, float), np.asarray(y, float)
    n = len(xs)
    if n < 2 or np.ptp(xs) == 0:
        return RegressionLine(Estimate(None, n=n), None)
    line = stats.linregress(xs, ys)
    slope, intercept = float(line.slope), float(line.intercept)
    if n < 3:
        return RegressionLine(Estimate(slope, n=n), intercept)
    error = line.stderr if np.ptp(ys) else 0.0  # scipy returns NaN for a constant y
    half = float(stats.t.ppf(TAIL_QUANTILES[1], n - 2) * error)
    return RegressionLine(Estimate(slope, slope - half, slope + half, n), intercept)


def count_model(x: ArrayLike, counts: ArrayLike) -> Estimate:
    """Return the growth with x of the log of a count's mean, by a negative binomial regression with Wald's interval.

    The model (NB2) allows for counts that are mostly zero with a heavy tail. The estimate is None where the fit does
    not converge.
    """
    from statsmodels.discrete.discrete_model import NegativeBinomial

    # The default start of statsmodels, a Poisson fit, diverges on counts that are nearly all zero.
    ys = np.asarray(counts, float)
    level = float(np.log(ys.mean())) if ys.any() else 0.0
    return _fit_slope(NegativeBinomial, x, counts, start_params=[level, 0.0, 1.0], method="bfgs")


def hurdle(x: ArrayLike, counts: ArrayLike) -> Estimate:
    """Return the growth with x of the log-odds of a count above zero, by a logistic regression with Wald's interval.

    The regression is the first half of a hurdle model. The estimate is None where x separates the zeros from the other
    counts, or where all counts are on one side.
    """
    from statsmodels.discrete.discrete_model import Logit

    return _fit_slope(Logit, x, np.asarray(counts) > 0)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected by Holm's step-down method (Holm 1979, jstor 4615733), in the same order.

    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    if not p_values:
        return []
    from statsmodels.stats.multitest import multipletests

    return [float(p) for p in multipletests(p_values, method="holm")[1]]


def cliffs_delta(x: ArrayLike, y: ArrayLike) -> Estimate:
    """Return Cliff's delta, P(x > y) - P(x < y), with Cliff's asymmetric interval and Student's quantile.

    Cliff 1996, Ordinal methods for behavioral data analysis; Feng and Cliff 2004, Journal of Modern Applied Statistical
    Methods 3(2). `n` counts both groups. There is no interval where one group lies wholly above the other, or has a
    single member.

    >>> cliffs_delta([1, 2, 3], [4, 5]).value
    -1.0
    """
    a, b = np.sort(np.asarray(x, float)), np.sort(np.asarray(y, float))
    m, n = len(a), len(b)
    if not m or not n:
        return Estimate(None, n=m + n)
    delta = float(_dominance(a, b).mean())
    if min(m, n) < 2 or abs(delta) == 1:
        return Estimate(delta, n=m + n)
    variance, t = _delta_variance(a, b, delta), float(stats.t.ppf(TAIL_QUANTILES[1], m + n - 2))
    half = t * sqrt(variance) * sqrt((1 - delta**2) ** 2 + t * t * variance)
    low, high = (delta - delta**3 - half, delta - delta**3 + half)
    scale = 1 - delta**2 + t * t * variance
    return Estimate(delta, low / scale, high / scale, m + n)


def fisher_interval(r: float, variance: float) -> tuple[float, float]:
    """Return the interval of a correlation whose artanh is nearly normal with this variance (Fisher 1921)."""
    z, half = float(np.arctanh(r)), Z * sqrt(variance)
    return float(np.tanh(z - half)), float(np.tanh(z + half))


def weighted_gini(distinct: Column, weights: Column) -> Column:
    """Return Gini's coefficient of ascending values, of which each occurs `weights` times (along the last axis)."""
    n, sums = weights.sum(-1), (distinct * weights).sum(-1)
    below = weights.cumsum(-1) - weights
    coefficients: Column = (distinct * weights * (2 * below + weights - n[..., None])).sum(-1) / (n * sums)
    return coefficients


def weighted_median(distinct: Column, weights: Column) -> Column:
    """Return the median of ascending values, of which each occurs `weights` times (along the last axis)."""
    n, cumulated = weights.sum(-1)[..., None], weights.cumsum(-1)
    lower, upper = (distinct[(cumulated >= rank).argmax(-1)] for rank in ((n + 1) // 2, n // 2 + 1))
    medians: Column = (lower + upper) / 2
    return medians


def weighted_top_share(distinct: Column, weights: Column, k: int) -> Column:
    """Return the share of the sum that belongs to the k largest of ascending values.

    Each value occurs `weights` times (along the last axis).
    """
    above = weights.sum(-1)[..., None] - weights.cumsum(-1)
    shares: Column = (distinct * np.clip(k - above, 0, weights)).sum(-1) / (distinct * weights).sum(-1)
    return shares


def _draw_counts(counts: NDArray[np.intp]) -> Column:
    """Draw how often each kind occurs in a resample of the same size, N_RESAMPLES times."""
    resamples = np.random.default_rng(SEED).multinomial(counts.sum(), counts / counts.sum(), size=N_RESAMPLES)
    return resamples.astype(float)


def _percentile_estimate(value: float, resamples: Column, n: int) -> Estimate:
    if not np.isfinite(value):
        return Estimate(None, n=n)
    defined = resamples[np.isfinite(resamples)]
    if n < 2 or not len(defined):
        return Estimate(value, n=n)
    low, high = (float(limit) for limit in np.quantile(defined, TAIL_QUANTILES))
    # Resampling can only lower some statistics (nearly the maximum): the interval is widened to hold the value.
    return Estimate(value, min(low, value), max(high, value), n)


def _correlation(
    x: ArrayLike, y: ArrayLike, measure: Callable[..., Any], variance: Callable[[float, int], float], max_open_n: int
) -> Estimate:
    """Return a rank correlation with the interval of its artanh.

    With `max_open_n` points or fewer the interval is [-1, 1], as in scipy.
    """
    xs, ys = np.asarray(x, float), np.asarray(y, float)
    n = len(xs)
    if n < 2 or np.ptp(xs) == 0 or np.ptp(ys) == 0:
        return Estimate(None, n=n)
    r = float(np.clip(measure(xs, ys).statistic, -1, 1))
    if abs(r) == 1 or n <= max_open_n:
        return Estimate(r, r if abs(r) == 1 else -1.0, r if abs(r) == 1 else 1.0, n)
    return Estimate(r, *fisher_interval(r, variance(r, n)), n)


def _fit_slope(model: Callable[..., Any], x: ArrayLike, y: ArrayLike, **fit_options: object) -> Estimate:
    """Return the slope of a maximum likelihood model with one column and a constant."""
    xs, ys = np.asarray(x, float), np.asarray(y, float)
    n = len(xs)
    if n < 3 or np.ptp(xs) == 0 or np.ptp(ys) == 0:
        return Estimate(None, n=n)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # about convergence, which is checked below
        try:
            fit = model(ys, np.column_stack([np.ones(n), xs])).fit(disp=0, maxiter=MAX_ITERATIONS, **fit_options)
            slope, (low, high) = float(fit.params[1]), map(float, fit.conf_int()[1])
        except (np.linalg.LinAlgError, ValueError):
            return Estimate(None, n=n)
    converged = fit.mle_retvals["converged"] and np.isfinite([slope, low, high]).all()
    return Estimate(slope, low, high, n) if converged else Estimate(None, n=n)


def _dominance(values: Column, references: Column) -> Column:
    """Return P(value > reference) - P(value < reference) for each of `values`. `references` are ascending."""
    below, upto = np.searchsorted(references, values, "left"), np.searchsorted(references, values, "right")
    return (below + upto - len(references)) / len(references)


def _delta_variance(a: Column, b: Column, delta: float) -> float:
    m, n = len(a), len(b)
    rows, columns = _dominance(a, b), -_dominance(b, a)
    untied = m * n - (np.searchsorted(b, a, "right") - np.searchsorted(b, a, "left")).sum()
    within = untied - m * n * delta**2
    spread = n**2 * ((rows - delta) ** 2).sum() + m**2 * ((columns - delta) ** 2).sum() - within
    return max(float(spread) / (m * n * (m - 1) * (n - 1)), 0.0)
