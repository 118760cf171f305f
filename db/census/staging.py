"""The pages of an open census, until it ends: of each its packages, their counters and, if they are the Hub's, the ids.

A census that comes in the order of those ids has its digest made of what was seen, page by page; what is stored in the
end is then held against that by `store check`.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import zstandard

from db.census.blocks import COLUMNS, NOTHING
from db.ids import HUB_ID

STAGED = 1 + len(COLUMNS)  # packages, and each counter
WITH_IDS = 64  # beside the width of a number, in the first byte of a page

Key = str | bytes | None


class Digest:
    """The sha256 of a census: who was there, by the registry's own ids, and each counter, in the order of those ids."""

    def __init__(self) -> None:
        self._hashes = [hashlib.sha256() for _ in range(STAGED)]

    def add(self, ids: bytes, columns: Iterable[np.ndarray]) -> None:
        """Go on with some packages: the ids, each on a line of its own, and their counters."""
        self._hashes[0].update(ids)
        for column, one in zip(columns, self._hashes[1:], strict=True):
            one.update(column.astype("<i8").tobytes())

    def hexdigest(self) -> str:
        """What it has come to."""
        return hashlib.sha256(b"".join(one.digest() for one in self._hashes)).hexdigest()


def stage(packages: Sequence[int], columns: Iterable[Sequence[int | None]], keys: Sequence[Key] = ()) -> bytes:
    """The counters of one page, until its census ends."""
    said = _numbers([packages, *columns])
    narrow = said.astype(np.int32)
    form = narrow if np.array_equal(narrow, said) else said
    if len(keys) == len(packages) and set(map(type, keys)) <= {bytes} and set(map(len, keys)) <= {HUB_ID}:
        return bytes([form.itemsize | WITH_IDS]) + zstandard.compress(form.tobytes() + b"".join(keys), 1)
    return bytes([form.itemsize]) + zstandard.compress(form.tobytes(), 1)


def staged(connection: sqlite3.Connection, snapshot: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """The packages of an open census, rising, and their counters; never anything of it in memory twice."""
    forms = [_form(content) for content in _contents(connection, snapshot)]
    width = max([form.width for form in forms], default=4)
    found, at = np.empty((STAGED, sum(form.rows for form in forms)), f"i{width}"), 0
    for page, _ in _pages(connection, snapshot):
        found[:, at : at + page.shape[1]] = page
        at += page.shape[1]
    if np.any(found[0, 1:] < found[0, :-1]):  # seldom: who was known first has the smaller id of the registry, too
        order = np.argsort(found[0], kind="stable")
        for column in found:
            column[:] = column[order]
    packages, *columns = found
    return packages, columns


def staged_packages(connection: sqlite3.Connection, snapshot: int, newest_first: bool = False) -> Iterator[np.ndarray]:
    """The packages of each page of an open census."""
    return (page[0] for page, _ in _pages(connection, snapshot, newest_first))


def digest_of_staged(connection: sqlite3.Connection, snapshot: int) -> str | None:
    """The digest of an open census; None where its pages have no ids, or these do not rise throughout."""
    digest, last = Digest(), np.zeros(1, f"S{HUB_ID}")
    for (_, *columns), ids in _pages(connection, snapshot):
        if ids is None:
            return None
        keys = np.concatenate([last, np.frombuffer(ids, last.dtype)])
        if not np.all(keys[1:] > keys[:-1]):
            return None
        digest.add(lines(ids), columns)
        last = keys[-1:]
    return digest.hexdigest()


def lines(ids: bytes) -> bytes:
    """Ids of the Hub, which have no space between them, in hexadecimal digits, each on a line.

    >>> lines(bytes(11) + b"a" + bytes(11) + b"b")
    b'000000000000000000000061\\n000000000000000000000062\\n'
    """
    return (ids.hex("\n", HUB_ID) + "\n").encode() if ids else b""


def _numbers(columns: Sequence[Sequence[int | None]]) -> np.ndarray:
    try:
        return np.array(columns, np.int64)
    except TypeError:  # of some nothing is said
        return np.array([[NOTHING if value is None else value for value in column] for column in columns], np.int64)


def _contents(connection: sqlite3.Connection, snapshot: int, newest_first: bool = False) -> Iterator[bytes]:
    pages = connection.execute(
        "SELECT content FROM census_page WHERE snapshot_id = ?1 ORDER BY iif(?2, -number, number)",
        (snapshot, newest_first),
    )
    return (row[0] for row in pages)


def _pages(
    connection: sqlite3.Connection, snapshot: int, newest_first: bool = False
) -> Iterator[tuple[np.ndarray, bytes | None]]:
    """The numbers of each page, and its ids."""
    return map(_page, _contents(connection, snapshot, newest_first))


def _page(content: bytes) -> tuple[np.ndarray, bytes | None]:
    form = _form(content)
    raw = zstandard.decompress(content[form.begins :])
    numbers = np.frombuffer(raw, f"i{form.width}", STAGED * form.rows).reshape(STAGED, -1)
    return numbers, raw[numbers.nbytes :] if form.with_ids else None


class _Form(NamedTuple):
    """How a page is staged: where its compressed part begins, and what is in that."""

    begins: int
    width: int
    with_ids: bool
    rows: int


def _form(content: bytes) -> _Form:
    width, with_ids, begins = content[0] & ~WITH_IDS, bool(content[0] & WITH_IDS), 1
    if width not in (4, 8):  # what was staged before there was a width is of eight bytes
        width, with_ids, begins = 8, False, 0
    a_row = STAGED * width + (HUB_ID if with_ids else 0)
    return _Form(begins, width, with_ids, zstandard.frame_content_size(content[begins:]) // a_row)
