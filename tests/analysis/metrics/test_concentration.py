"""Shares and Gini's coefficient of whole columns, by their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas import DataFrame

from analysis.metrics.concentration import ALL_ZERO, NO_CENSUS, concentration


def results(downloads, likes=None):
    rows = DataFrame({"package": range(len(downloads)), "downloads": downloads, "likes": likes or [1] * len(downloads)})
    return {one.name.removeprefix("concentration."): one for one in concentration(rows)}


def pairs(values):
    """Gini's coefficient as half the relative mean difference of all pairs."""
    column = np.asarray(values, float)
    return np.abs(column[:, None] - column[None, :]).mean() / (2 * column.mean())


@given(st.lists(st.integers(0, 50), min_size=1, max_size=60).filter(any))
def test_the_numbers_are_their_definitions(values):
    found = results(values)
    assert found["downloads.zero"].value == pytest.approx(values.count(0) / len(values))
    assert found["downloads.gini"].value == pytest.approx(pairs(values), abs=1e-12)
    assert found["downloads.gini_without_zeros"].value == pytest.approx(pairs([v for v in values if v]), abs=1e-12)
    assert found["downloads.top_1pct"].value == pytest.approx(max(values) / sum(values))
    assert found["downloads.gini_without_zeros"].n == len(values) - values.count(0)


def test_a_counter_that_is_not_known_is_left_out_and_counted():
    found = results([0, -1, 4, -1])
    assert found["downloads.zero"].value == 0.5 and found["downloads.zero"].n == 2
    assert "2 packages without a counter" in found["downloads.zero"].note
    assert results([-1, -1])["downloads.zero"].value is None


def test_where_nobody_has_anything_there_is_no_coefficient():
    found = results([0, 0])
    assert found["downloads.zero"].value == 1 and found["downloads.gini"].note == ALL_ZERO


def test_what_is_no_census_has_one_line():
    (only,) = concentration(DataFrame({"package": [], "downloads": [], "likes": []}))
    assert (only.value, only.note) == (None, NO_CENSUS)
