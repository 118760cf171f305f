"""The size of pages follows what the server can make, and grows again."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.parsing.page_size import PageSize

ROWS = 20_000


def read_list(can_make: Callable[[int, int], bool], start: int = 0) -> tuple[int, int]:
    """Return the number of requests for all rows, and of those that failed."""
    size, row, requests, failures, rows = PageSize(1000), start, 0, 0, 1000
    while row < ROWS:
        requests += 1
        if can_make(row, rows):
            row, rows = row + rows, size.count_page()
        else:
            failures += 1
            rows = size.shrink(rows) or pytest.fail("a page of one row can be made")
    return requests, failures


@given(st.integers(0, ROWS - 1))
@pytest.mark.fault("C19")
def test_every_row_around_one_that_fails_beside_others_is_read_in_few_requests(poison: int) -> None:
    requests, failures = read_list(lambda row, rows: rows == 1 or not row <= poison < row + rows)
    assert requests < 20 + 200 and failures < 40


@pytest.mark.parametrize("largest", [1, 7, 100, 499, 500, 999])
@pytest.mark.fault("C19")
def test_a_size_that_always_fails_is_tried_ever_more_rarely(largest: int) -> None:
    requests, failures = read_list(lambda row, rows: rows <= largest)
    assert failures < 40 + requests / 20


@pytest.mark.fault("C19")
def test_after_an_outage_the_pages_are_large_again_at_once() -> None:
    outage = iter([True] * 3 + [False] * 9)
    requests, failures = read_list(lambda row, rows: next(outage, True))
    assert (failures, requests) == (9, 20 + 9 + 9)


def test_an_interrupted_crawl_keeps_its_size() -> None:
    assert (PageSize(1000, 250).rows, PageSize(1000, 0).rows, PageSize(100, 1000).rows) == (250, 1000, 100)
    assert PageSize(1000, 250).count_page() == 500
