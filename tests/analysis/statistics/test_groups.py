"""Groups are drawn reproducibly, and their comparison equals that of scipy and statsmodels."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

from analysis.statistics.groups import (
    assign_deciles,
    cohens_d,
    compare_groups,
    draw_bottom,
    draw_groups,
    draw_top,
    pool_estimates,
)
from analysis.statistics.inference import Estimate


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def test_a_group_has_the_extremes_and_draws_among_ties(rng: np.random.Generator) -> None:
    popularity = np.array([9.0, 8, 0, 0, 0, 0, 7, 1])
    draws = [frozenset(draw_bottom(popularity, 3, rng).tolist()) for _ in range(60)]
    assert all(draw <= {2, 3, 4, 5} and len(draw) == 3 for draw in draws) and len(set(draws)) == 4
    assert draw_top(popularity, 3, rng).tolist() == [0, 1, 6]
    assert set(draw_bottom(popularity, 5, rng).tolist()) == {2, 3, 4, 5, 7}


def test_draws_are_reproducible_and_single_without_ties() -> None:
    tied = np.array([5.0, 4, 0, 0, 0, 0])
    first, second = ([(a.tolist(), b.tolist()) for a, b in draw_groups(tied, 2)] for _ in range(2))
    assert first == second and len(first) > 1
    assert len(list(draw_groups(np.arange(6.0), 2))) == 1
    assert all(not set(a) & set(b) for a, b in first)


def test_a_comparison_equals_statsmodels(rng: np.random.Generator) -> None:
    above, below = rng.normal(1, 2, 60), rng.normal(0, 1, 40)
    comparison = compare_groups(above, below)
    compared = CompareMeans(DescrStatsW(above), DescrStatsW(below))
    assert comparison.welch == pytest.approx(compared.ttest_ind(usevar="unequal")[1])
    assert (comparison.difference.low, comparison.difference.high) == pytest.approx(
        compared.tconfint_diff(usevar="unequal")
    )
    deviation = np.sqrt(compared.std_meandiff_pooledvar**2 / (1 / 60 + 1 / 40))
    assert comparison.d.value == pytest.approx((above.mean() - below.mean()) / deviation)
    assert comparison.d.low < comparison.d.value < comparison.d.high


def test_groups_without_variation_have_no_test() -> None:
    comparison = compare_groups(np.ones(5), np.ones(5))
    assert (comparison.difference.value, comparison.d.value, comparison.welch, comparison.mann_whitney) == (
        0.0,
        None,
        None,
        None,
    )
    assert cohens_d(np.ones(3), np.zeros(3)).value is None


def test_the_pooled_interval_covers_the_intervals_of_the_draws() -> None:
    pooled = pool_estimates([Estimate(value, value - 1, value + 1, 9) for value in (1.0, 2.0, 3.0)])
    assert pooled.value == 2.0 and pooled.low < 0.2 and pooled.high > 3.8
    assert pool_estimates([Estimate(None, n=3)]) == Estimate(None, n=3)


def test_deciles_are_equal_without_ties_and_keep_ties_together() -> None:
    assert (
        np.bincount(assign_deciles(np.random.default_rng(1).permutation(100).astype(float)))[1:].tolist() == [10] * 10
    )
    tied = assign_deciles(np.array([0.0] * 90 + list(range(1, 11))))
    assert set(tied[:90]) == {5} and set(tied[90:]) == {10}
