"""Rows are read one by one. An invalid row is rejected with its reason, and the others are kept."""

from __future__ import annotations

import contextlib
import gzip
import json
from collections.abc import Set

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scrapy.utils.gz import gunzip

from crawler.parsing.huggingface_rows import HuggingFaceRow
from crawler.parsing.rows import NotAListError, ParsedRows, count_inversions, read_rows, split_json_rows
from crawler.response import Observation

KEY = "621ffdc036468d709f17434d"
REQUIRED = frozenset({"id", "_id", "downloads"})


def observe(row: HuggingFaceRow, dropped: Set[str]) -> Observation:
    return Observation(row.key, row.id, row.downloads, row.likes)


def read_objects(*rows: object) -> ParsedRows:
    return read_rows(json.dumps(rows).encode(), HuggingFaceRow, REQUIRED, observe)


def make_row(**more: object) -> dict[str, object]:
    return {"_id": KEY, "id": "a/b", "downloads": 5, **more}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (make_row(downloads=-1), "downloads"),
        (make_row(downloads=2**63), "downloads"),
        (make_row(downloads=1.5), "downloads"),
        (make_row(downloads=True), "downloads"),
        (make_row(downloads="5"), "downloads"),
        (make_row(downloads=None), "downloads"),
        (make_row(id=""), "id"),
        (make_row(id="x" * 301), "id"),
        (make_row(id=["a"]), "id"),
        (make_row(id="a\x00b"), "name"),
        (make_row(id="a\ud800b"), "id"),
        (make_row(_id="gpt2"), "_id"),
        ({"id": "a/b", "downloads": 5}, "_id"),
        ("a/b", "not an object"),
        (None, "not an object"),
        ([], "not an object"),
    ],
)
@pytest.mark.fault("D1")
def test_a_row_without_a_required_field_is_rejected_alone(row: object, reason: str) -> None:
    rows = read_objects(make_row(), row, make_row())
    assert [observation.downloads for observation in rows.observations] == [5, 5]
    assert [(reject.position, reason in reject.reason) for reject in rows.rejects] == [(1, True)]


@pytest.mark.parametrize("value", [2**63 - 1, 0, 7])
@pytest.mark.fault("D9")
def test_every_count_that_fits_is_stored_exactly(value: int) -> None:
    assert read_objects(make_row(downloads=value)).observations[0].downloads == value


@pytest.mark.fault("D1")
def test_optional_fields_of_another_type_are_dropped_with_one_event_for_each_field() -> None:
    rows = read_objects(make_row(likes="many"), make_row(likes=-3, tags="x"), make_row(likes=4))
    assert [observation.likes for observation in rows.observations] == [None, None, 4]
    assert sorted((event.after, event.evidence.split(":")[0]) for event in rows.events) == [
        ("likes", "2 rows"),
        ("tags", "1 rows"),
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b'{"error": "no"}',
        b"null",
        b'"x"',
        b"<html></html>",
        b"[1,",
        b'[{"id": "a"',
        b"[" * 100_000,
        b"\xff\xfe",
    ],
)
def test_a_body_that_is_not_a_whole_list_is_refused(body: bytes) -> None:
    with pytest.raises(NotAListError):
        split_json_rows(body)


@given(st.integers(1, 2000))
@pytest.mark.fault("C6")
def test_a_body_cut_anywhere_is_never_read_as_a_list(cut: int) -> None:
    body = json.dumps([make_row(tags=["x" * 20] * 3)] * 12).encode()
    with pytest.raises(NotAListError):
        split_json_rows(body[: max(0, len(body) - cut)])


@pytest.mark.fault("C6")
def test_a_gzip_body_cut_at_any_64th_byte_is_never_read_as_a_list() -> None:
    body = json.dumps([make_row(tags=[f"tag-{number}-{number**3}"]) for number in range(900)]).encode()
    compressed = gzip.compress(body)
    assert len(split_json_rows(gunzip(compressed))) == 900
    for end in range(0, len(compressed) - 8, 64):
        with pytest.raises((NotAListError, OSError)):
            split_json_rows(gunzip(compressed[:end]))


@given(st.binary(max_size=400))
@pytest.mark.fault("D1")
def test_no_bytes_crash_the_reader(body: bytes) -> None:
    with contextlib.suppress(NotAListError):
        read_rows(body, HuggingFaceRow, REQUIRED, observe)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
                    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20))  # fmt: skip
@pytest.mark.fault("D9")
def test_no_json_crashes_the_reader(value: object) -> None:
    rows = read_rows(json.dumps([value, make_row()]).encode(), HuggingFaceRow, REQUIRED, observe)
    assert rows.received == 2
    assert rows.observations[-1].name == "a/b"


def test_inversions_count_values_above_their_predecessor() -> None:
    assert count_inversions([5, 5, 4, None, None]) == 0
    assert count_inversions([1, 2, 3]) == 2
    assert count_inversions([None, 0]) == 1
