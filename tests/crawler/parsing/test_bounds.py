"""A body of any size and shape is read within bounds, or refused in words."""

from __future__ import annotations

import json

import pytest

from crawler.parsing.ecosystems_rows import read_period, reduce_body
from crawler.parsing.huggingface_rows import HuggingFaceRow
from crawler.parsing.rows import MAX_ROW_BYTES, MAX_ROWS, MAX_VALUES, NotAListError, UnreadableRowError, read_row
from crawler.parsing.rows import split_json_rows as split

DEEP = b'{"name": "a", "downloads": 3, "downloads_period": "total", "x": ' + b"[" * 1500 + b"]" * 1500 + b"}"
HUGE = b'{"name": "a", "downloads": 3, "downloads_period": "total", "x": ' + b"9" * 10_000 + b"}"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"[" + b"[]," * (MAX_VALUES + 1) + b"[]]", "too large: it has more than 1,000,000 values"),
        (b"[" + b"1," * MAX_ROWS + b"1]", "too large: it has 20,001 rows"),
        (b"[" + b"1," * MAX_ROWS + b"NaN]", "too large: it has 20,001 rows"),
        (b"[" * 100_000, "not JSON"),
    ],
    ids=["values", "rows", "rows with NaN", "depth"],
)
@pytest.mark.fault("C11")
def test_a_page_of_too_many_rows_or_values_is_refused(body: bytes, reason: str) -> None:
    with pytest.raises(NotAListError, match=reason):
        split(body)


@pytest.mark.fault("C11")
def test_a_row_that_is_too_large_is_rejected() -> None:
    row = json.dumps({"id": "a/b", "_id": "0" * 24, "sha": "0" * MAX_ROW_BYTES}).encode()
    with pytest.raises(UnreadableRowError, match="the row is too large"):
        read_row(row, HuggingFaceRow, frozenset({"id"}), [])


@pytest.mark.parametrize("row", [DEEP, HUGE], ids=["deep", "huge number"])
@pytest.mark.fault("C11")
def test_a_field_of_any_depth_or_size_that_is_not_stored_costs_at_most_its_row(row: bytes) -> None:
    other = b'{"name": "b", "downloads": 2, "maintainers": [{"email": "c@d.example"}]}'
    reduced = json.loads(reduce_body(row[:-1] + b"}"))
    assert reduced in ([None], [{"name": "a", "downloads": 3, "downloads_period": "total"}])
    assert json.loads(reduce_body(b"[" + other + b"]")) == [{"name": "b", "downloads": 2}]


def test_the_period_of_a_row_with_a_huge_number_is_read() -> None:
    assert read_period(b"[" + HUGE + b"]", 3) == "total"
    assert read_period(b'[{"name": "a", "downloads_period": 7}]', 3) == "unstated"
