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

from db.census.blocks import COUNTER_COLUMNS, MISSING_VALUE
from db.ids import HUB_ID_BYTES

STAGED_COLUMNS = 1 + len(COUNTER_COLUMNS)  # packages, and each counter
IDS_FLAG = 64  # beside the width of a number, in the first byte of a page

Key = str | bytes | None


class CensusDigest:
    """The sha256 of a census: who was there, by the registry's own ids, and each counter, in the order of those ids."""

    def __init__(self) -> None:
        self._hashes = [hashlib.sha256() for _ in range(STAGED_COLUMNS)]

    def update(self, ids: bytes, columns: Iterable[np.ndarray]) -> None:
        """Go on with some packages: the ids, each on a line of its own, and their counters."""
        self._hashes[0].update(ids)
        for column, one in zip(columns, self._hashes[1:], strict=True):
            one.update(column.astype("<i8").tobytes())

    def hexdigest(self) -> str:
        """What it has come to."""
        return hashlib.sha256(b"".join(one.digest() for one in self._hashes)).hexdigest()


def encode_page(packages: Sequence[int], columns: Iterable[Sequence[int | None]], keys: Sequence[Key] = ()) -> bytes:
    """The counters of one page, until its census ends."""
    said = _as_matrix([packages, *columns])
    narrow = said.astype(np.int32)
    form = narrow if np.array_equal(narrow, said) else said
    if len(keys) == len(packages) and set(map(type, keys)) <= {bytes} and set(map(len, keys)) <= {HUB_ID_BYTES}:
        return bytes([form.itemsize | IDS_FLAG]) + zstandard.compress(form.tobytes() + b"".join(keys), 1)
    return bytes([form.itemsize]) + zstandard.compress(form.tobytes(), 1)


def load_staged(connection: sqlite3.Connection, snapshot: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """The packages of an open census, rising, and their counters; never anything of it in memory twice."""
    forms = [_page_format(content) for content in _iter_contents(connection, snapshot)]
    width = max([form.width for form in forms], default=4)
    found, at = np.empty((STAGED_COLUMNS, sum(form.rows for form in forms)), f"i{width}"), 0
    for page, _ in _iter_pages(connection, snapshot):
        found[:, at : at + page.shape[1]] = page
        at += page.shape[1]
    if np.any(found[0, 1:] < found[0, :-1]):  # seldom: who was known first has the smaller id of the registry, too
        order = np.argsort(found[0], kind="stable")
        for column in found:
            column[:] = column[order]
    packages, *columns = found
    return packages, columns


def iter_staged_packages(
    connection: sqlite3.Connection, snapshot: int, newest_first: bool = False
) -> Iterator[np.ndarray]:
    """The packages of each page of an open census."""
    return (page[0] for page, _ in _iter_pages(connection, snapshot, newest_first))


def compute_staged_digest(connection: sqlite3.Connection, snapshot: int) -> str | None:
    """The digest of an open census; None where its pages have no ids, or these do not rise throughout."""
    digest, last = CensusDigest(), np.zeros(1, f"S{HUB_ID_BYTES}")
    for (_, *columns), ids in _iter_pages(connection, snapshot):
        if ids is None:
            return None
        keys = np.concatenate([last, np.frombuffer(ids, last.dtype)])
        if not np.all(keys[1:] > keys[:-1]):
            return None
        digest.update(hex_lines(ids), columns)
        last = keys[-1:]
    return digest.hexdigest()


def hex_lines(ids: bytes) -> bytes:
    """Ids of the Hub, which have no space between them, in hexadecimal digits, each on a line.

    >>> hex_lines(bytes(11) + b"a" + bytes(11) + b"b")
    b'000000000000000000000061\\n000000000000000000000062\\n'
    """
    return (ids.hex("\n", HUB_ID_BYTES) + "\n").encode() if ids else b""


def _as_matrix(columns: Sequence[Sequence[int | None]]) -> np.ndarray:
    try:
        return np.array(columns, np.int64)
    except TypeError:  # of some nothing is said
        return np.array(
            [[MISSING_VALUE if value is None else value for value in column] for column in columns], np.int64
        )


def _iter_contents(connection: sqlite3.Connection, snapshot: int, newest_first: bool = False) -> Iterator[bytes]:
    pages = connection.execute(
        "SELECT content FROM census_page WHERE snapshot_id = ?1 ORDER BY iif(?2, -number, number)",
        (snapshot, newest_first),
    )
    return (row[0] for row in pages)


def _iter_pages(
    connection: sqlite3.Connection, snapshot: int, newest_first: bool = False
) -> Iterator[tuple[np.ndarray, bytes | None]]:
    """The numbers of each page, and its ids."""
    return map(_decode_page, _iter_contents(connection, snapshot, newest_first))


def _decode_page(content: bytes) -> tuple[np.ndarray, bytes | None]:
    form = _page_format(content)
    raw = zstandard.decompress(content[form.start :])
    numbers = np.frombuffer(raw, f"i{form.width}", STAGED_COLUMNS * form.rows).reshape(STAGED_COLUMNS, -1)
    return numbers, raw[numbers.nbytes :] if form.has_ids else None


class _PageFormat(NamedTuple):
    """How a page is staged: where its compressed part begins, and what is in that."""

    start: int
    width: int
    has_ids: bool
    rows: int


def _page_format(content: bytes) -> _PageFormat:
    width, with_ids, begins = content[0] & ~IDS_FLAG, bool(content[0] & IDS_FLAG), 1
    if width not in (4, 8):  # what was staged before there was a width is of eight bytes
        width, with_ids, begins = 8, False, 0
    a_row = STAGED_COLUMNS * width + (HUB_ID_BYTES if with_ids else 0)
    return _PageFormat(begins, width, with_ids, zstandard.frame_content_size(content[begins:]) // a_row)
