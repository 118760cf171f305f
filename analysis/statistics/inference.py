"""Intervals, tests and effect sizes over plain columns: 95 % intervals, and the same numbers every time (pure)."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt

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
    """A number, the interval around it, and how many observations it rests on; None where the data give none."""

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int = 0


@dataclass(frozen=True)
class RegressionLine:
    """A straight line through points; its intercept is None where it has no slope."""

    slope: Estimate
    intercept: float | None


def wilson_interval(successes: int, n: int) -> Estimate:
    """A share with Wilson's score interval (Wilson 1927, doi 10.1080/01621459.1927.10502953); without n it has none.

    >>> wilson_interval(0, 10)
    Estimate(value=0.0, low=0.0, high=0.2775..., n=10)
    """
    if n == 0:
        return Estimate(None)
    interval = stats.binomtest(successes, n).proportion_ci(method="wilson")
    return Estimate(successes / n, float(interval.low), float(interval.high), n)


def cluster_bootstrap(sums: ArrayLike, statistic: Statistic) -> Estimate:
    """A statistic of column sums, with the percentile interval of a bootstrap that draws whole clusters.

    `sums` has a row of sums for each cluster; `statistic` gets an array whose last axis is the columns' totals. `n` is
    the number of clusters. Clusters with equal sums are drawn together, by a multinomial draw of how often each kind
    comes up: the same distribution as drawing them one by one, at a cost that does not grow with their number. One
    cluster alone has no interval; resamples for which the statistic is undefined are left out.

    Field and Welsh 2007, doi 10.1111/j.1467-9868.2007.00593.x.
    """
    rows = np.atleast_2d(np.asarray(sums, float))
    kinds, counts = np.unique(rows, axis=0, return_counts=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = float(statistic(rows.sum(axis=0)))
        return _percentile_estimate(value, statistic(_draw_counts(counts) @ kinds), len(rows))


def ratio(numerators: ArrayLike, denominators: ArrayLike) -> Estimate:
    """The ratio of two sums over clusters, with the interval of `clustered`.

    >>> ratio([1, 0, 2], [1, 2, 2]).value
    0.6
    """
    return cluster_bootstrap(
        np.column_stack([numerators, denominators]), lambda totals: totals[..., 0] / totals[..., 1]
    )


def bootstrap(values: ArrayLike, statistic: WeightedStatistic) -> Estimate:
    """A statistic of a column, with the percentile interval of a bootstrap (Efron 1979, doi 10.1214/aos/1176344552).

    `statistic` gets the distinct values, ascending, and how often each occurs along the last axis.
    """
    column = np.asarray(values, float)
    if not len(column):
        return Estimate(None)
    distinct, counts = np.unique(column, return_counts=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = float(statistic(distinct, counts.astype(float)))
        return _percentile_estimate(value, statistic(distinct, _draw_counts(counts)), len(column))


def gini(values: ArrayLike) -> Estimate:
    """Gini's coefficient: 0 where all have the same, near 1 where one has everything; None where nobody has anything.

        G = sum_i (2i - n - 1) x_i / (n sum x),  x ascending

    >>> gini([1, 1, 1, 1]).value, gini([0, 0, 0, 8]).value
    (0.0, 0.75)
    """
    return bootstrap(values, weighted_gini)


def mean(values: ArrayLike) -> Estimate:
    """The mean, with a bootstrap interval.

    >>> mean([1, 2, 6]).value
    3.0
    """
    return bootstrap(values, lambda distinct, weights: (distinct * weights).sum(-1) / weights.sum(-1))


def median(values: ArrayLike) -> Estimate:
    """The median, with a bootstrap interval.

    >>> median([1, 2, 6, 9]).value
    4.0
    """
    return bootstrap(values, weighted_median)


def top_share(values: ArrayLike, k: int) -> Estimate:
    """The share of the sum that the k largest values have, with a bootstrap interval.

    >>> top_share([5, 3, 1, 1], 2).value
    0.8
    """
    return bootstrap(values, lambda distinct, weights: weighted_top_share(distinct, weights, k))


def spearman(x: ArrayLike, y: ArrayLike) -> Estimate:
    """Spearman's rank correlation with Fisher's interval and the variance of Bonett and Wright.

        z = artanh(r),  var(z) = (1 + r^2 / 2) / (n - 3)

    Bonett and Wright 2000, doi 10.1007/BF02294183. The variance is made for columns without many ties. Where either
    column is constant the correlation is undefined.
    """
    return _correlation(x, y, stats.spearmanr, lambda r, n: (1 + r * r / 2) / (n - 3), 3)


def kendall(x: ArrayLike, y: ArrayLike) -> Estimate:
    """Kendall's tau-b with Fisher's interval and the variance of Fieller, Hartley and Pearson.

        z = artanh(tau),  var(z) = 0.437 / (n - 4)

    Fieller, Hartley and Pearson 1957, doi 10.1093/biomet/44.3-4.470; good below 0.8, and made for columns without many
    ties. Where either column is constant the correlation is undefined.
    """
    return _correlation(x, y, stats.kendalltau, lambda r, n: 0.437 / (n - 4), 4)


def ols(x: ArrayLike, y: ArrayLike) -> RegressionLine:
    """The least squares line; the interval of its slope is Student's. Undefined where x is constant.

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
    error = line.stderr if np.ptp(ys) else 0.0  # of a constant y scipy says it is not a number
    half = float(stats.t.ppf(TAIL_QUANTILES[1], n - 2) * error)
    return RegressionLine(Estimate(slope, slope - half, slope + half, n), intercept)


def count_model(x: ArrayLike, counts: ArrayLike) -> Estimate:
    """How much the log of a count's mean grows with x, by a negative binomial regression (NB2) with Wald's interval.

    It allows for counts that are mostly zero with a heavy tail. None where the fit does not settle.
    """
    from statsmodels.discrete.discrete_model import NegativeBinomial

    # statsmodels' own start, from a Poisson fit, runs away on counts that are nearly all zero.
    level = float(np.log(np.mean(counts))) if np.any(counts) else 0.0
    return _fit_slope(NegativeBinomial, x, counts, start_params=[level, 0.0, 1.0], method="bfgs")


def hurdle(x: ArrayLike, counts: ArrayLike) -> Estimate:
    """How much the log-odds of a count above zero grow with x, by a logistic regression with Wald's interval.

    The first half of a hurdle model. None where x separates zeros from the rest, or there is only one of the two.
    """
    from statsmodels.discrete.discrete_model import Logit

    return _fit_slope(Logit, x, np.asarray(counts) > 0)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction of a family of p-values (Holm 1979, jstor 4615733), in the order they were given.

    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    if not p_values:
        return []
    from statsmodels.stats.multitest import multipletests

    return [float(p) for p in multipletests(p_values, method="holm")[1]]


def cliffs_delta(x: ArrayLike, y: ArrayLike) -> Estimate:
    """Cliff's delta, P(one > other) - P(one < other), with Cliff's asymmetric interval and Student's quantile.

    Cliff 1996, Ordinal methods for behavioral data analysis; Feng and Cliff 2004, Journal of Modern Applied Statistical
    Methods 3(2). `n` is of both groups. Where one lies wholly above the other, or has one member, there is no interval.

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
    """The interval of a correlation whose artanh is nearly normal with this variance (Fisher 1921)."""
    z, half = float(np.arctanh(r)), Z * sqrt(variance)
    return float(np.tanh(z - half)), float(np.tanh(z + half))


def weighted_gini(distinct: Column, weights: Column) -> Column:
    """Gini's coefficient of ascending values that occur `weights` times (along the last axis)."""
    n, sums = weights.sum(-1), (distinct * weights).sum(-1)
    below = weights.cumsum(-1) - weights
    return (distinct * weights * (2 * below + weights - n[..., None])).sum(-1) / (n * sums)


def weighted_median(distinct: Column, weights: Column) -> Column:
    """The median of ascending values that occur `weights` times (along the last axis)."""
    n, upto = weights.sum(-1)[..., None], weights.cumsum(-1)
    lower, upper = (distinct[(upto >= place).argmax(-1)] for place in ((n + 1) // 2, n // 2 + 1))
    return (lower + upper) / 2


def weighted_top_share(distinct: Column, weights: Column, k: int) -> Column:
    """The share the k largest have of the sum of ascending values that occur `weights` times (along the last axis)."""
    above = weights.sum(-1)[..., None] - weights.cumsum(-1)
    return (distinct * np.clip(k - above, 0, weights)).sum(-1) / (distinct * weights).sum(-1)


def _draw_counts(counts: Column) -> Column:
    """How often each kind comes up when as many are drawn as there are, RESAMPLES times."""
    drawn = np.random.default_rng(SEED).multinomial(counts.sum(), counts / counts.sum(), size=N_RESAMPLES)
    return drawn.astype(float)


def _percentile_estimate(value: float, resamples: Column, n: int) -> Estimate:
    if not np.isfinite(value):
        return Estimate(None, n=n)
    defined = resamples[np.isfinite(resamples)]
    if n < 2 or not len(defined):
        return Estimate(value, n=n)
    low, high = (float(limit) for limit in np.quantile(defined, TAIL_QUANTILES))
    # A statistic that resampling only ever lowers (a maximum, nearly) may lie outside: an interval holds its value.
    return Estimate(value, min(low, value), max(high, value), n)


def _correlation(
    x: ArrayLike, y: ArrayLike, measure: Callable[..., object], variance: Callable[[float, int], float], max_open_n: int
) -> Estimate:
    """A rank correlation with the interval of its artanh; n up to `least` leaves everything open, as in scipy."""
    xs, ys = np.asarray(x, float), np.asarray(y, float)
    n = len(xs)
    if n < 2 or np.ptp(xs) == 0 or np.ptp(ys) == 0:
        return Estimate(None, n=n)
    r = float(np.clip(measure(xs, ys).statistic, -1, 1))  # type: ignore[attr-defined]
    if abs(r) == 1 or n <= max_open_n:
        return Estimate(r, r if abs(r) == 1 else -1.0, r if abs(r) == 1 else 1.0, n)
    return Estimate(r, *fisher_interval(r, variance(r, n)), n)


def _fit_slope(model: Callable[..., object], x: ArrayLike, y: ArrayLike, **fit_options: object) -> Estimate:
    """The slope of a maximum likelihood model with one column and a constant."""
    xs, ys = np.asarray(x, float), np.asarray(y, float)
    n = len(xs)
    if n < 3 or np.ptp(xs) == 0 or np.ptp(ys) == 0:
        return Estimate(None, n=n)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # what they warn of is what is asked below: whether the fit has settled
        try:
            made = model(ys, np.column_stack([np.ones(n), xs]))
            fit = made.fit(disp=0, maxiter=MAX_ITERATIONS, **fit_options)  # type: ignore[attr-defined]
            slope, (low, high) = float(fit.params[1]), map(float, fit.conf_int()[1])
        except (np.linalg.LinAlgError, ValueError):
            return Estimate(None, n=n)
    settled = fit.mle_retvals["converged"] and np.isfinite([slope, low, high]).all()
    return Estimate(slope, low, high, n) if settled else Estimate(None, n=n)


def _dominance(values: Column, references: Column) -> Column:
    """For each of `ones`, P(it > other) - P(it < other); `others` ascending."""
    below, upto = np.searchsorted(references, values, "left"), np.searchsorted(references, values, "right")
    return (below + upto - len(references)) / len(references)


def _delta_variance(a: Column, b: Column, delta: float) -> float:
    m, n = len(a), len(b)
    rows, columns = _dominance(a, b), -_dominance(b, a)
    untied = m * n - (np.searchsorted(b, a, "right") - np.searchsorted(b, a, "left")).sum()
    within = untied - m * n * delta**2
    spread = n**2 * ((rows - delta) ** 2).sum() + m**2 * ((columns - delta) ** 2).sum() - within
    return max(float(spread) / (m * n * (m - 1) * (n - 1)), 0.0)
