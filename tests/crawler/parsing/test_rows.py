"""Rows are read one by one; a bad one is refused with its reason and stops nothing."""

from __future__ import annotations

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scrapy.utils.gz import gunzip

from crawler.parsing.huggingface_rows import HuggingFaceRow
from crawler.parsing.rows import NotAListError, count_inversions, read_rows, split_json_rows
from crawler.response import Observation

KEY = "621ffdc036468d709f17434d"
REQUIRED = frozenset({"id", "_id", "downloads"})


def seen(row: HuggingFaceRow) -> Observation:
    return Observation(row.key, row.id, row.downloads, row.likes)


def read(*rows: object) -> object:
    return read_rows(json.dumps(rows).encode(), HuggingFaceRow, REQUIRED, seen)


def good(**more: object) -> dict[str, object]:
    return {"_id": KEY, "id": "a/b", "downloads": 5, **more}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (good(downloads=-1), "downloads"),
        (good(downloads=2**63), "downloads"),
        (good(downloads=1.5), "downloads"),
        (good(downloads=True), "downloads"),
        (good(downloads="5"), "downloads"),
        (good(downloads=None), "downloads"),
        (good(id=""), "id"),
        (good(id="x" * 301), "id"),
        (good(id=["a"]), "id"),
        (good(id="a\x00b"), "name"),
        (good(id="a\ud800b"), "id"),
        (good(_id="gpt2"), "_id"),
        ({"id": "a/b", "downloads": 5}, "_id"),
        ("a/b", "not an object"),
        (None, "not an object"),
        ([], "not an object"),
    ],
)
@pytest.mark.fault("D1")
def test_a_row_without_what_it_must_have_is_refused_alone(row: object, reason: str) -> None:
    rows = read(good(), row, good())
    assert [observation.downloads for observation in rows.observations] == [5, 5]
    assert [(reject.position, reason in reject.reason) for reject in rows.rejects] == [(1, True)]


@pytest.mark.parametrize("value", [2**63 - 1, 0, 7])
@pytest.mark.fault("D9")
def test_every_count_that_fits_is_kept_exactly(value: int) -> None:
    assert read(good(downloads=value)).observations[0].downloads == value


@pytest.mark.fault("D1")
def test_optional_fields_of_another_type_are_dropped_and_counted_once_for_each_field() -> None:
    rows = read(good(likes="many"), good(likes=-3, tags="x"), good(likes=4))
    assert [observation.likes for observation in rows.observations] == [None, None, 4]
    assert sorted((event.after, event.evidence.split(":")[0]) for event in rows.events) == [
        ("likes", "2 rows"), ("tags", "1 rows")
    ]  # fmt: skip


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
def test_what_is_not_a_whole_list_is_said_to_be_none(body: bytes) -> None:
    with pytest.raises(NotAListError):
        split_json_rows(body)


@given(st.integers(1, 2000))
@pytest.mark.fault("C6")
def test_a_body_cut_anywhere_is_never_taken_for_a_list(cut: int) -> None:
    body = json.dumps([good(tags=["x" * 20] * 3)] * 12).encode()
    with pytest.raises(NotAListError):
        split_json_rows(body[: max(0, len(body) - cut)])


@pytest.mark.fault("C6")
def test_a_packed_body_cut_at_any_64th_byte_is_never_taken_for_a_list() -> None:
    body = json.dumps([good(tags=[f"tag-{number}-{number**3}"]) for number in range(900)]).encode()
    packed = gzip.compress(body)
    assert len(split_json_rows(gunzip(packed))) == 900
    for end in range(0, len(packed) - 8, 64):
        with pytest.raises((NotAListError, OSError)):
            split_json_rows(gunzip(packed[:end]))


@given(st.binary(max_size=400))
@pytest.mark.fault("D1")
def test_no_bytes_break_the_reader(body: bytes) -> None:
    try:
        read_rows(body, HuggingFaceRow, REQUIRED, seen)
    except NotAListError:
        pass


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
                    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20))  # fmt: skip
@pytest.mark.fault("D9")
def test_no_json_breaks_the_reader(value: object) -> None:
    rows = read_rows(json.dumps([value, good()]).encode(), HuggingFaceRow, REQUIRED, seen)
    assert rows.received == 2
    assert rows.observations[-1].name == "a/b"


def test_inversions_count_rows_above_the_one_before() -> None:
    assert count_inversions([5, 5, 4, None, None]) == 0
    assert count_inversions([1, 2, 3]) == 2
    assert count_inversions([None, 0]) == 1
