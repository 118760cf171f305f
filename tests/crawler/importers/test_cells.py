"""Counts are read in the forms that programs write, and exactly or not at all."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.importers._cells import MAX_COUNT, check_name, count_undecided, describe_gap, is_number, parse_count
from crawler.importers._moments import parse_moment

counts = st.integers(0, MAX_COUNT)


@given(counts)
def test_a_count_is_read_exactly_in_each_form(count: int) -> None:
    for text in (str(count), f"{count:,}", f"{count}.0", f" {count} ", f"{count}e0", f"{count:,}.00"):
        assert parse_count(text, "n") == count


@given(st.integers(0, MAX_COUNT // 1000))
def test_a_count_with_an_exponent_is_read_exactly(thousands: int) -> None:
    assert parse_count(f"{thousands}e3", "n") == thousands * 1000


@pytest.mark.parametrize(
    "text",
    ["-1", "1.5", "1e-3", "inf", "-inf", "1e400", "9" * 500, str(MAX_COUNT + 1), "1,23", "12,34,567", "1_000", "²",
     "12 k", "0x10", "1e99999999999"],
)  # fmt: skip
def test_a_cell_that_is_no_count_is_refused_with_its_text(text: str) -> None:
    with pytest.raises(ValueError, match=r"^downloads is not a (count|number): "):
        parse_count(text, "downloads")


@pytest.mark.fault("G1")
@pytest.mark.parametrize(
    "parse", [lambda text: parse_count(text, "n"), lambda text: check_name(text + "\0"), parse_moment]
)
@pytest.mark.parametrize("before", [0, 45, 51])
def test_the_address_in_a_cell_is_not_told_even_in_half(parse: Callable[[str], object], before: int) -> None:
    with pytest.raises(ValueError, match=r"\[address") as error:
        parse("x" * before + " jo.doe@laboratory.example ")
    assert "jo.d" not in str(error.value) and "labor" not in str(error.value)


@pytest.mark.parametrize("text", [None, "", "  ", "nan", "NaN", "None", "NULL", "NA", "N/A", "<NA>"])
def test_an_empty_cell_is_unknown_and_not_zero(text: str | None) -> None:
    assert parse_count(text, "downloads") is None
    assert not is_number(text)


@given(st.lists(st.integers(1, 50), min_size=1))
def test_ranks_that_packages_share_have_no_gap(groups: list[int]) -> None:
    ranks = [1 + sum(groups[:index]) for index, size in enumerate(groups) for _ in range(size)]
    assert describe_gap(ranks, 0) is None
    assert describe_gap([rank - 1 for rank in ranks], 0) is None


@given(st.integers(0, 40), st.integers(1, 1000), st.integers(1, 40))
def test_a_gap_is_found_wherever_it_is(before: int, missing: int, after: int) -> None:
    ranks = [*range(1, before + 1), *range(before + missing + 1, before + missing + after + 1)]
    words = f"rank {before + 1:,}" if missing == 1 else f"the ranks {before + 1:,} to {before + missing:,}"
    assert describe_gap(ranks, 0) == describe_gap(ranks, missing - 1) == f"the file has no row of {words}"
    assert describe_gap(ranks, missing) is None


def test_rows_that_share_a_rank_are_decided_by_equal_counts_only() -> None:
    assert count_undecided([(1, 9), (2, 5), (2, 5), (4, 1)]) == 0
    assert count_undecided([(1, None), (2, None), (2, None), (2, 5)]) == 3
