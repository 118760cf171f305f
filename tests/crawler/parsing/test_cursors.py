"""Where a list of the Hub goes on, and what that says of rows that should have been there."""

from __future__ import annotations

import base64
from urllib.parse import quote

import pytest

from crawler.parsing.cursors import (
    ListPosition,
    cursor_keys,
    cursor_position,
    last_row_position,
    list_position,
    lost_row_events,
)
from crawler.response import Reject


def address(cursor: str) -> str:
    return "https://hub.example/api/models?sort=downloads&cursor=" + quote(base64.b64encode(cursor.encode()))


def after(downloads: int | None, stable_id: str) -> str:
    said = "null" if downloads is None else str(downloads)
    return address(f'{{"$or":[{{"downloads":{said},"_id":{{"$gt":"{stable_id}"}}}},{{"downloads":{{"$lt":{said}}}}}]}}')


@pytest.mark.parametrize(
    ("cursor", "form"),
    [
        ('{"_id":{"$gt":"6a0e3141f27e4e44e999a28a"}}', "_id"),
        (
            '{"$or":[{"downloads":2,"_id":{"$gt":"6390d9"}},{"downloads":{"$lt":2}},{"downloads":null}]}',
            "downloads, _id",
        ),
        ("not json", ""),
        ("[]", ""),
        ('{"$or": 7}', ""),
    ],
)
def test_the_keys_of_a_cursor_are_read(cursor: str, form: str) -> None:
    assert cursor_keys(address(cursor)) == form


@pytest.mark.parametrize("url", [None, "", "https://hub.example/?cursor=%%%", "https://hub.example/?cursor=AAAA"])
def test_a_cursor_that_is_none_says_nothing(url: str | None) -> None:
    assert (cursor_keys(url), cursor_position(url), list(lost_row_events(url, list_position(4, "6a")))) == (
        "",
        None,
        [],
    )


@pytest.mark.parametrize(
    ("last", "following", "lost"),
    [
        (list_position(9, "b"), after(9, "b"), 0),
        (list_position(9, "b"), after(4, "a"), 1),
        (list_position(9, "b"), after(9, "c"), 1),
        (list_position(9, "b"), after(None, "a"), 1),
        (list_position(9, "b"), after(12, "a"), 0),
        (list_position(9, "b"), after(9, "a"), 0),
        (list_position(None, "b"), after(None, "b"), 0),
        (list_position(0, "6a"), address('{"_id":{"$gt":"6b"}}'), 1),
        (list_position(0, "6a"), address('{"_id":{"$gt":"6a"}}'), 0),
        (list_position(9, "b"), address('{"_id":{"$lt":"6a"}}'), 0),
        (None, after(4, "a"), 0),
    ],
)
def test_rows_are_lost_where_the_list_goes_on_further_down_than_its_last_row(
    last: ListPosition | None, following: str, lost: int
) -> None:
    assert len(list(lost_row_events(following, last))) == lost


def test_a_last_row_that_could_not_be_read_has_no_place() -> None:
    assert last_row_position(3, [list_position(1, "a")], []) == list_position(1, "a")
    assert last_row_position(3, [list_position(1, "a")], [Reject(2, "no name", "{}")]) is None
    assert last_row_position(0, [], []) is None
