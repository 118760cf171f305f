"""Groups are drawn the same way every time, and what sets them apart is what scipy and statsmodels say."""

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


def test_a_group_holds_the_extremes_and_draws_among_the_tied(rng: np.random.Generator) -> None:
    popularity = np.array([9.0, 8, 0, 0, 0, 0, 7, 1])
    drawn = [frozenset(draw_bottom(popularity, 3, rng).tolist()) for _ in range(60)]
    assert all(one <= {2, 3, 4, 5} and len(one) == 3 for one in drawn) and len(set(drawn)) == 4
    assert draw_top(popularity, 3, rng).tolist() == [0, 1, 6]
    assert set(draw_bottom(popularity, 5, rng).tolist()) == {2, 3, 4, 5, 7}


def test_draws_are_the_same_every_time_and_one_where_nothing_ties() -> None:
    tied = np.array([5.0, 4, 0, 0, 0, 0])
    first, second = ([(a.tolist(), b.tolist()) for a, b in draw_groups(tied, 2)] for _ in range(2))
    assert first == second and len(first) > 1
    assert len(list(draw_groups(np.arange(6.0), 2))) == 1
    assert all(not set(a) & set(b) for a, b in first)


def test_a_contrast_is_what_statsmodels_says(rng: np.random.Generator) -> None:
    one, other = rng.normal(1, 2, 60), rng.normal(0, 1, 40)
    found = compare_groups(one, other)
    compared = CompareMeans(DescrStatsW(one), DescrStatsW(other))
    assert found.welch == pytest.approx(compared.ttest_ind(usevar="unequal")[1])
    assert (found.difference.low, found.difference.high) == pytest.approx(compared.tconfint_diff(usevar="unequal"))
    assert found.d.value == pytest.approx((one.mean() - other.mean()) / np.sqrt(compared.std_meandiff_pooledvar**2 / (1 / 60 + 1 / 40)))  # fmt: skip
    assert found.d.low < found.d.value < found.d.high


def test_groups_that_do_not_vary_have_no_test() -> None:
    found = compare_groups(np.ones(5), np.ones(5))
    assert (found.difference.value, found.d.value, found.welch, found.mann_whitney) == (0.0, None, None, None)
    assert cohens_d(np.ones(3), np.zeros(3)).value is None


def test_the_interval_over_draws_holds_those_of_the_draws() -> None:
    found = pool_estimates([Estimate(value, value - 1, value + 1, 9) for value in (1.0, 2.0, 3.0)])
    assert found.value == 2.0 and found.low < 0.2 and found.high > 3.8
    assert pool_estimates([Estimate(None, n=3)]) == Estimate(None, n=3)


def test_tenths_are_equal_without_ties_and_hold_all_that_tie_together() -> None:
    assert (
        np.bincount(assign_deciles(np.random.default_rng(1).permutation(100).astype(float)))[1:].tolist() == [10] * 10
    )
    found = assign_deciles(np.array([0.0] * 90 + list(range(1, 11))))
    assert set(found[:90]) == {5} and set(found[90:]) == {10}
