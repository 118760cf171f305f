"""Every number of inference.py equals that of scipy, statsmodels, a closed form or a publication."""

from __future__ import annotations

from math import log, sqrt

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import optimize, stats
from statsmodels.stats.proportion import proportion_confint

from analysis.statistics.inference import (
    Estimate,
    bootstrap,
    cliffs_delta,
    cluster_bootstrap,
    count_model,
    fisher_interval,
    gini,
    holm,
    hurdle,
    kendall,
    mean,
    median,
    ols,
    ratio,
    spearman,
    top_share,
    wilson_interval,
)

COUNTS = st.lists(st.integers(0, 50), min_size=1, max_size=40)
NUMBERS = st.lists(st.integers(-20, 20).map(float), min_size=2, max_size=25)
PAIRS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=4, max_size=30)
CLUSTERS = st.integers(1, 8).flatmap(lambda size: st.tuples(st.integers(0, size), st.just(size)))


def interval(estimate: Estimate) -> tuple[float | None, float | None]:
    return estimate.low, estimate.high


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_the_published_intervals(successes, n, low, high):
    """Newcombe 1998, Statistics in Medicine 17: 857-872, Table I, method 3."""
    assert interval(wilson_interval(successes, n)) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_equals_statsmodels(case):
    assert interval(wilson_interval(*case)) == pytest.approx(proportion_confint(*case, method="wilson"), abs=1e-9)


def test_a_share_of_nothing_is_undefined():
    assert wilson_interval(0, 0) == Estimate(None)


def test_a_cluster_bootstrap_equals_scipy():
    rng = np.random.default_rng(1)
    sizes = rng.integers(1, 12, 60)
    successes = rng.binomial(sizes, rng.beta(1, 1, 60))
    expected = stats.bootstrap(
        (successes, sizes), lambda a, b, axis: a.sum(axis) / b.sum(axis), paired=True, vectorized=True,
        n_resamples=20_000, method="percentile", rng=rng,
    ).confidence_interval  # fmt: skip
    assert interval(ratio(successes, sizes)) == pytest.approx((expected.low, expected.high), abs=0.02)


def test_clusters_of_one_give_the_binomial_interval():
    flags = np.repeat([1, 0], [30, 70])
    expected = stats.binom.ppf([0.025, 0.975], 100, 0.3) / 100
    assert interval(ratio(flags, np.ones(100))) == pytest.approx(tuple(expected), abs=0.011)


def test_correlated_clusters_widen_the_interval():
    together, apart = ratio([50] * 3 + [0] * 7, [50] * 10), wilson_interval(150, 500)
    assert together.high - together.low > 3 * (apart.high - apart.low)


@given(st.lists(CLUSTERS, min_size=2, max_size=12), st.randoms(use_true_random=False))
@settings(max_examples=30, deadline=None)
def test_the_interval_holds_the_share_whatever_the_order_of_the_clusters(clusters, random):
    first = ratio(*zip(*clusters, strict=True))
    random.shuffle(clusters)
    again = ratio(*zip(*clusters, strict=True))
    assert first == again
    assert 0 <= first.low <= first.value <= first.high <= 1
    assert first.value == pytest.approx(sum(k for k, _ in clusters) / sum(n for _, n in clusters))


def test_one_cluster_has_no_interval_and_a_zero_denominator_no_ratio():
    assert ratio([3], [4]) == Estimate(0.75, n=1)
    assert ratio([0, 0], [0, 0]) == Estimate(None, n=2)


def test_resamples_without_a_denominator_are_left_out():
    estimate = cluster_bootstrap([[1, 1], [0, 0], [0, 0]], lambda sums: sums[..., 0] / sums[..., 1])
    assert estimate == Estimate(1.0, 1.0, 1.0, 3)


def gini_by_differences(values: list[int]) -> float:
    """Half the mean difference of all pairs, over the mean."""
    column = np.asarray(values, float)
    return float(np.abs(column[:, None] - column).mean() / (2 * column.mean()))


@given(COUNTS)
@settings(deadline=None)
def test_gini_is_half_the_relative_mean_difference(counts):
    assume(sum(counts))
    assert gini(counts).value == pytest.approx(gini_by_differences(counts), abs=1e-12)


@given(COUNTS, st.integers(1, 9))
@settings(max_examples=30, deadline=None)
def test_gini_does_not_depend_on_the_unit(counts, times):
    assume(sum(counts))
    assert gini([times * count for count in counts]).value == pytest.approx(gini(counts).value, abs=1e-12)


def test_gini_of_nothing_is_undefined():
    assert gini([0, 0]).value is None
    assert gini([]).value is None


@given(COUNTS)
@settings(max_examples=50, deadline=None)
def test_mean_and_median_equal_numpy(counts):
    assert mean(counts).value == pytest.approx(np.mean(counts))
    assert median(counts).value == np.median(counts)


@given(COUNTS, st.integers(1, 12))
@settings(max_examples=50, deadline=None)
def test_the_top_share_equals_that_of_the_sorted_values(counts, k):
    assume(sum(counts))
    assert top_share(counts, k).value == pytest.approx(sum(sorted(counts)[-k:]) / sum(counts))


@pytest.mark.parametrize(("function", "reference"), [(mean, np.mean), (median, np.median)])
def test_a_bootstrap_of_values_equals_scipy(function, reference):
    values = np.random.default_rng(2).poisson(6, 200) ** 2
    expected = stats.bootstrap((values,), reference, n_resamples=10_000, method="percentile", rng=3).confidence_interval
    assert interval(function(values)) == pytest.approx((expected.low, expected.high), rel=0.04)


def test_an_interval_holds_its_value_even_where_resampling_only_lowers_it():
    largest = bootstrap([1] * 400 + [1000], lambda distinct, weights: np.where(weights > 0, distinct, 0).max(-1) * 1.0)
    assert largest.low <= largest.value <= largest.high


def test_spearman_gives_the_published_interval():
    """Bonett's own example of Bonett and Wright 2000: statpsych, `ci.spear`."""
    y = [21, 4, 9, 12, 35, 18, 10, 22, 24, 1, 6, 8, 13, 16, 19]
    x = [67, 28, 30, 28, 52, 40, 25, 37, 44, 10, 14, 20, 28, 40, 51]
    estimate = spearman(x, y)
    assert (estimate.value, *interval(estimate)) == pytest.approx((0.8699639, 0.5840951, 0.9638297), abs=1e-7)


def test_the_interval_of_kendall_is_the_published_one():
    """statpsych 2.0, `ci.kendalltau(.05, .734, 40)`: 0.6178 to 0.8188."""
    assert fisher_interval(0.734, 0.437 / (40 - 4)) == pytest.approx((0.6178, 0.8188), abs=5e-5)


@given(PAIRS)
@settings(deadline=None)
def test_correlations_equal_scipy_and_lie_in_their_intervals(pairs):
    x, y = zip(*pairs, strict=True)
    assume(len(set(x)) > 1 and len(set(y)) > 1)
    for function, reference in ((spearman, stats.spearmanr), (kendall, stats.kendalltau)):
        estimate = function(x, y)
        assert estimate.value == pytest.approx(reference(x, y).statistic)
        assert -1 <= estimate.low <= estimate.value <= estimate.high <= 1


def test_kendall_uses_the_variance_for_its_n():
    rng = np.random.default_rng(4)
    x = rng.normal(size=50)
    estimate = kendall(x, x + rng.normal(size=50))
    assert interval(estimate) == fisher_interval(estimate.value, 0.437 / 46)


@pytest.mark.parametrize("measure", [spearman, kendall])
def test_a_constant_has_no_correlation_and_three_points_an_open_interval(measure):
    assert measure([1, 1, 1], [1, 2, 3]) == Estimate(None, n=3)
    assert interval(measure([1, 2, 3], [1, 3, 2])) == (-1.0, 1.0)


@given(PAIRS)
@settings(deadline=None)
def test_the_line_equals_statsmodels(pairs):
    x, y = (np.asarray(column, float) for column in zip(*pairs, strict=True))
    assume(len(set(x)) > 1)
    expected, line = sm.OLS(y, sm.add_constant(x)).fit(), ols(x, y)
    assert (line.intercept, line.slope.value) == pytest.approx(tuple(expected.params), abs=1e-8)
    assert interval(line.slope) == pytest.approx(tuple(expected.conf_int()[1]), abs=1e-6)


def test_a_line_needs_two_points_and_an_interval_three():
    assert ols([1, 1], [1, 2]).slope == Estimate(None, n=2)
    assert ols([1, 2], [1, 3]).slope == Estimate(2.0, n=2)


def draw_counts(n: int = 800) -> tuple[np.ndarray, np.ndarray]:
    """Draw counts of a negative binomial whose mean grows threefold with each unit of x."""
    rng = np.random.default_rng(5)
    x = rng.uniform(0, 3, n)
    return x, rng.poisson(np.exp(-1 + 1.1 * x) * rng.gamma(0.5, 2, n))


def test_the_count_model_maximises_the_likelihood():
    x, y = draw_counts()

    def loss(parameters: np.ndarray) -> float:
        size, mu = np.exp(-parameters[2]), np.exp(parameters[0] + parameters[1] * x)
        return -stats.nbinom.logpmf(y, size, size / (size + mu)).sum()

    best = optimize.minimize(loss, [0, 0, 0], method="Nelder-Mead", options={"maxiter": 4000, "xatol": 1e-8})
    estimate = count_model(x, y)
    assert estimate.value == pytest.approx(best.x[1], abs=1e-3)
    assert estimate.low < 1.1 < estimate.high


def test_the_count_model_of_two_groups_is_the_ratio_of_their_means():
    group = np.repeat([0, 1], 300)
    counts = np.random.default_rng(6).negative_binomial(1, np.where(group, 0.1, 0.4))
    expected = log(counts[300:].mean() / counts[:300].mean())
    assert count_model(group, counts).value == pytest.approx(expected, abs=1e-4)


def test_the_count_model_handles_counts_that_are_nearly_all_zero():
    rng = np.random.default_rng(7)
    x = rng.normal(3, 1.5, 15_000)
    counts = rng.poisson(np.exp(-5 + 1.2 * x) * rng.gamma(0.1, 10, 15_000))
    estimate = count_model(x, counts)
    assert (counts == 0).mean() > 0.8
    assert estimate.low < 1.2 < estimate.high


def test_the_hurdle_of_two_groups_is_the_log_of_the_odds_ratio_with_its_interval():
    """The odds ratio of a 2 x 2 table and its standard error, sqrt(1/a + 1/b + 1/c + 1/d) (Woolf 1955)."""
    counts = np.repeat([5, 0, 1, 0], [30, 20, 10, 40])
    estimate = hurdle(np.repeat([1, 0], 50), counts)
    half = 1.959964 * sqrt(1 / 30 + 1 / 20 + 1 / 10 + 1 / 40)
    expected = log(30 * 40 / (20 * 10))
    assert (estimate.value, *interval(estimate)) == pytest.approx(
        (expected, expected - half, expected + half), abs=1e-5
    )


@pytest.mark.parametrize("counts", [[0, 0, 0, 0], [1, 1, 1, 1], [0, 0, 3, 4]])
def test_a_hurdle_that_separates_or_has_one_side_is_undefined(counts):
    assert hurdle([1, 2, 3, 4], counts) == Estimate(None, n=4)


@given(st.lists(st.tuples(st.floats(-2, 5), st.integers(0, 30)), max_size=40))
@settings(max_examples=60, deadline=None)
def test_a_model_gives_finite_numbers_or_none(rows):
    x, counts = [x for x, _ in rows], [count for _, count in rows]
    for estimate in (count_model(x, counts), hurdle(x, counts)):
        assert estimate.value is None or np.isfinite([estimate.value, estimate.low, estimate.high]).all()
        assert estimate.n == len(rows)


def test_holm_equals_r():
    """R 4, `p.adjust(c(0.01, 0.02, 0.03, 0.04, 0.05), "holm")`."""
    assert holm([0.01, 0.02, 0.03, 0.04, 0.05]) == pytest.approx([0.05, 0.08, 0.09, 0.09, 0.09])


@given(st.lists(st.floats(0, 1), max_size=12))
@settings(max_examples=40, deadline=None)
def test_holm_is_the_largest_of_the_steps_up_to_each(p_values):
    steps = [min(1.0, (len(p_values) - rank) * p) for rank, p in enumerate(sorted(p_values))]
    expected = dict(zip(sorted(p_values), np.maximum.accumulate(steps) if p_values else [], strict=True))
    assert all(corrected >= p for corrected, p in zip(holm(p_values), p_values, strict=True))
    assert len(set(p_values)) < len(p_values) or holm(p_values) == pytest.approx([expected[p] for p in p_values])


def test_cliffs_delta_gives_the_published_interval():
    """Data of Hogarty and Kromrey 1999, SUGI 24, paper 238; numbers printed by effsize's `cliff.delta`."""
    estimate = cliffs_delta([10, 10, 20, 20, 20, 30, 30, 30, 40, 50], [10, 20, 30, 40, 40, 50])
    assert (estimate.value, *interval(estimate)) == pytest.approx((-0.25, -0.7265846, 0.3890062), abs=1e-7)


@given(NUMBERS, NUMBERS)
def test_cliffs_delta_follows_from_mann_whitneys_u(x, y):
    u = stats.mannwhitneyu(x, y).statistic
    assert cliffs_delta(x, y).value == pytest.approx(2 * u / (len(x) * len(y)) - 1)


def cliff_by_matrix(x: list[float], y: list[float]) -> tuple[float, float]:
    """Return the interval from the matrix of every pair, as in Cliff 1996."""
    pairs = np.sign(np.subtract.outer(x, y))
    (m, n), d = pairs.shape, pairs.mean()
    rows, columns = ((pairs.mean(1) - d) ** 2).sum(), ((pairs.mean(0) - d) ** 2).sum()
    variance = max((n * n * rows + m * m * columns - ((pairs - d) ** 2).sum()) / (m * n * (m - 1) * (n - 1)), 0)
    t = stats.t.ppf(0.975, m + n - 2)
    half = t * sqrt(variance * ((1 - d * d) ** 2 + t * t * variance))
    return tuple((d - d**3 + sign * half) / (1 - d * d + t * t * variance) for sign in (-1, 1))


@given(NUMBERS, NUMBERS)
@settings(deadline=None)
def test_the_interval_of_cliffs_delta_equals_that_of_the_matrix_of_pairs(x, y):
    delta = cliffs_delta(x, y)
    assume(abs(delta.value) < 1)
    # A variance that is zero up to rounding has a larger square root.
    assert interval(delta) == pytest.approx(cliff_by_matrix(x, y), abs=1e-6)
    assert delta.low <= delta.value + 1e-9
    assert delta.high >= delta.value - 1e-9


def test_groups_that_do_not_overlap_have_no_interval():
    assert cliffs_delta([1, 2], [3, 4]) == Estimate(-1.0, n=4)
    assert cliffs_delta([], [1]) == Estimate(None, n=1)
