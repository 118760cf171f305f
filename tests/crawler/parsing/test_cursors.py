"""The cursor of the next page shows where a list continues, and whether rows were lost."""

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


def make_url(cursor: str) -> str:
    return "https://hub.example/api/models?sort=downloads&cursor=" + quote(base64.b64encode(cursor.encode()))


def url_after(downloads: int | None, stable_id: str) -> str:
    value = "null" if downloads is None else str(downloads)
    return make_url(
        f'{{"$or":[{{"downloads":{value},"_id":{{"$gt":"{stable_id}"}}}},{{"downloads":{{"$lt":{value}}}}}]}}'
    )


@pytest.mark.parametrize(
    ("cursor", "keys"),
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
def test_the_keys_of_a_cursor_are_read(cursor: str, keys: str) -> None:
    assert cursor_keys(make_url(cursor)) == keys


@pytest.mark.parametrize("url", [None, "", "https://hub.example/?cursor=%%%", "https://hub.example/?cursor=AAAA"])
def test_an_unreadable_cursor_gives_no_position_and_no_event(url: str | None) -> None:
    assert (cursor_keys(url), cursor_position(url), list(lost_row_events(url, list_position(4, "6a")))) == (
        "",
        None,
        [],
    )


@pytest.mark.parametrize(
    ("last", "next_url", "lost"),
    [
        (list_position(9, "b"), url_after(9, "b"), 0),
        (list_position(9, "b"), url_after(4, "a"), 1),
        (list_position(9, "b"), url_after(9, "c"), 1),
        (list_position(9, "b"), url_after(None, "a"), 1),
        (list_position(9, "b"), url_after(12, "a"), 0),
        (list_position(9, "b"), url_after(9, "a"), 0),
        (list_position(None, "b"), url_after(None, "b"), 0),
        (list_position(0, "6a"), make_url('{"_id":{"$gt":"6b"}}'), 1),
        (list_position(0, "6a"), make_url('{"_id":{"$gt":"6a"}}'), 0),
        (list_position(9, "b"), make_url('{"_id":{"$lt":"6a"}}'), 0),
        (None, url_after(4, "a"), 0),
    ],
)
def test_rows_are_lost_if_the_next_page_begins_below_the_last_row(
    last: ListPosition | None, next_url: str, lost: int
) -> None:
    assert len(list(lost_row_events(next_url, last))) == lost


def test_a_rejected_last_row_has_no_position() -> None:
    assert last_row_position(3, [list_position(1, "a")], []) == list_position(1, "a")
    assert last_row_position(3, [list_position(1, "a")], [Reject(2, "no name", "{}")]) is None
    assert last_row_position(0, [], []) is None
