"""The staged pages of an open census."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from db.census.staging import CensusDigest, compute_staged_digest, encode_page, iter_staged_packages, load_staged
from db.store import Store
from tests.db.builders import begin_snapshot, make_store, query

ROWS = st.lists(
    st.tuples(st.integers(0, 2**40), *[st.one_of(st.none(), st.integers(0, 5), st.integers(2**31 - 1, 2**63 - 1))] * 3),
    max_size=6,
)


def store_with(*contents: bytes) -> Store:
    """Return a store whose snapshot 1 is an open census of these pages."""
    store = make_store()
    begin_snapshot(store, k=None)
    for number, content in enumerate(contents):
        query(store, "INSERT INTO census_page VALUES (1, ?, '', '{}', ?)", number, content)
    return store


@settings(max_examples=40, deadline=None)
@given(st.lists(ROWS, max_size=4), st.booleans())
def test_pages_are_read_back_in_the_order_of_their_packages(pages: list[list[tuple]], with_ids: bool) -> None:
    contents = []
    for rows in pages:
        packages, *columns = [list(column) for column in zip(*rows, strict=True)] or [[], [], [], []]
        keys = [bytes(12)] * len(rows) if with_ids else ["name:x"] * len(rows)
        contents.append(encode_page(packages, columns, keys))
    store = store_with(*contents)
    assert [page.tolist() for page in iter_staged_packages(store.connection, 1)] == [
        [row[0] for row in p] for p in pages
    ]
    packages, columns = load_staged(store.connection, 1)
    expected = sorted((row for page in pages for row in page), key=lambda row: row[0])
    assert packages.tolist() == [row[0] for row in expected]
    values = [[-1 if value is None else value for value in row[1:]] for row in expected]
    assert [list(row) for row in zip(*[column.tolist() for column in columns], strict=True)] == values


def test_pages_of_the_first_format_without_a_width_are_read() -> None:
    old = zstandard.compress(np.array([[3, 4], [10, 20], [1, 2], [-1, -1]], np.int64).tobytes())
    packages, columns = load_staged(store_with(old).connection, 1)
    assert packages.tolist() == [3, 4] and [column.tolist() for column in columns] == [[10, 20], [1, 2], [-1, -1]]


def test_the_digest_covers_the_ids_and_each_counter_in_the_order_of_the_ids() -> None:
    first = encode_page([1, 2], [[5, 6], [0, 0], [None, 9]], [b"a" * 12, b"b" * 12])
    store = store_with(first, encode_page([], [[], [], []], []), encode_page([7], [[8], [1], [2]], [b"c" * 12]))
    ids = "".join(f"{key * 12}\n" for key in ("61", "62", "63")).encode()
    columns = [[5, 6, 8], [0, 0, 1], [-1, 9, 2]]
    parts = [ids, *(np.array(column, "<i8").tobytes() for column in columns)]
    expected = hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()
    assert compute_staged_digest(store.connection, 1) == expected
    digest = CensusDigest()
    digest.update(ids[:25], [np.array(column[:1]) for column in columns])
    digest.update(ids[25:], [np.array(column[1:]) for column in columns])
    assert digest.hexdigest() == expected


@pytest.mark.parametrize(
    "keys",
    [
        [["name:a", "name:b"], [b"c" * 12]],
        [[b"b" * 12, b"a" * 12], [b"c" * 12]],
        [[b"a" * 12, b"c" * 12], [b"b" * 12]],
        [[b"a" * 12, b"b" * 12], [b"b" * 12]],
        [[b"a" * 20, b"b" * 20], [b"c" * 12]],
    ],
)
def test_pages_with_foreign_or_unordered_ids_have_no_digest(keys: list[list[str | bytes]]) -> None:
    pages = [encode_page(list(range(len(page))), [[1] * len(page)] * 3, page) for page in keys]
    assert compute_staged_digest(store_with(*pages).connection, 1) is None
