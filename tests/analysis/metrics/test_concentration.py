"""Shares and Gini's coefficient of whole columns equal their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas import DataFrame

from analysis.metrics.concentration import ALL_ZERO, NO_CENSUS, concentration


def results(downloads, likes=None):
    rows = DataFrame({"package": range(len(downloads)), "downloads": downloads, "likes": likes or [1] * len(downloads)})
    return {result.name.removeprefix("concentration."): result for result in concentration(rows)}


def gini_of_pairs(values):
    """Return Gini's coefficient as half the relative mean difference of all pairs."""
    column = np.asarray(values, float)
    return np.abs(column[:, None] - column[None, :]).mean() / (2 * column.mean())


@given(st.lists(st.integers(0, 50), min_size=1, max_size=60).filter(any))
def test_the_results_equal_their_definitions(values):
    by_name = results(values)
    assert by_name["downloads.zero"].value == pytest.approx(values.count(0) / len(values))
    assert by_name["downloads.gini"].value == pytest.approx(gini_of_pairs(values), abs=1e-12)
    assert by_name["downloads.gini_without_zeros"].value == pytest.approx(
        gini_of_pairs([v for v in values if v]), abs=1e-12
    )
    assert by_name["downloads.top_1pct"].value == pytest.approx(max(values) / sum(values))
    assert by_name["downloads.gini_without_zeros"].n == len(values) - values.count(0)


def test_unknown_counters_are_left_out_and_counted():
    by_name = results([0, -1, 4, -1])
    assert by_name["downloads.zero"].value == 0.5 and by_name["downloads.zero"].n == 2
    assert "2 packages without a counter" in by_name["downloads.zero"].note
    assert results([-1, -1])["downloads.zero"].value is None


def test_counters_that_are_all_zero_have_no_coefficient():
    by_name = results([0, 0])
    assert by_name["downloads.zero"].value == 1 and by_name["downloads.gini"].note == ALL_ZERO


def test_a_snapshot_that_is_not_a_census_has_one_undefined_result():
    (result,) = concentration(DataFrame({"package": [], "downloads": [], "likes": []}))
    assert (result.value, result.note) == (None, NO_CENSUS)
