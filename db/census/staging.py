"""The staged pages of an open census: the packages of each page, their counters and, on the Hub, their ids.

A census in the order of these ids gets its digest from its pages. `store check` later compares the stored census
with the digest.
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

STAGED_COLUMNS = 1 + len(COUNTER_COLUMNS)  # the packages, and each counter
IDS_FLAG = 64  # in the first byte of a page, added to the width of a number

Key = str | bytes | None


class CensusDigest:
    """The sha256 of a census: of the stable ids and of each counter, in the order of the stable ids."""

    def __init__(self) -> None:
        self._hashes = [hashlib.sha256() for _ in range(STAGED_COLUMNS)]

    def update(self, ids: bytes, columns: Iterable[np.ndarray]) -> None:
        """Add some packages: their ids, one on a line, and their counters."""
        ids_hash, *column_hashes = self._hashes
        ids_hash.update(ids)
        for column, column_hash in zip(columns, column_hashes, strict=True):
            column_hash.update(column.astype("<i8").tobytes())

    def hexdigest(self) -> str:
        """Return the digest in hexadecimal digits."""
        return hashlib.sha256(b"".join(part.digest() for part in self._hashes)).hexdigest()


def encode_page(
    packages: Sequence[int | None], columns: Iterable[Sequence[int | None]], keys: Sequence[Key] = ()
) -> bytes:
    """Encode the packages and counters of one page, with the keys if all of them are ids of the Hub."""
    wide = _as_matrix([packages, *columns])
    narrow = wide.astype(np.int32)
    numbers = narrow if np.array_equal(narrow, wide) else wide
    hub_ids = [key for key in keys if isinstance(key, bytes)]
    if len(hub_ids) == len(keys) == len(packages) and set(map(len, hub_ids)) <= {HUB_ID_BYTES}:
        return bytes([numbers.itemsize | IDS_FLAG]) + zstandard.compress(numbers.tobytes() + b"".join(hub_ids), 1)
    return bytes([numbers.itemsize]) + zstandard.compress(numbers.tobytes(), 1)


def load_staged(connection: sqlite3.Connection, snapshot: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return the packages of an open census, ascending, and their counters, without a second copy in memory."""
    formats = [_page_format(content) for content in _iter_contents(connection, snapshot)]
    width = max((page_format.width for page_format in formats), default=4)
    matrix = np.empty((STAGED_COLUMNS, sum(page_format.rows for page_format in formats)), f"i{width}")
    start = 0
    for page, _ in _iter_pages(connection, snapshot):
        matrix[:, start : start + page.shape[1]] = page
        start += page.shape[1]
    if np.any(matrix[0, 1:] < matrix[0, :-1]):  # rare: packages are mostly numbered in the order of their stable ids
        order = np.argsort(matrix[0], kind="stable")
        for column in matrix:
            column[:] = column[order]
    packages, *columns = matrix
    return packages, columns


def iter_staged_packages(
    connection: sqlite3.Connection, snapshot: int, newest_first: bool = False
) -> Iterator[np.ndarray]:
    """Return an iterator over the packages of each page of an open census."""
    return (page[0] for page, _ in _iter_pages(connection, snapshot, newest_first))


def compute_staged_digest(connection: sqlite3.Connection, snapshot: int) -> str | None:
    """Return the digest of an open census, None if its pages have no ids or the ids are not ascending throughout."""
    digest, last_key = CensusDigest(), np.zeros(1, f"S{HUB_ID_BYTES}")
    for (_, *columns), ids in _iter_pages(connection, snapshot):
        if ids is None:
            return None
        keys = np.concatenate([last_key, np.frombuffer(ids, last_key.dtype)])
        if not np.all(keys[1:] > keys[:-1]):
            return None
        digest.update(hex_lines(ids), columns)
        last_key = keys[-1:]
    return digest.hexdigest()


def hex_lines(ids: bytes) -> bytes:
    """Return concatenated ids of the Hub in hexadecimal digits, one id on a line.

    >>> hex_lines(bytes(11) + b"a" + bytes(11) + b"b")
    b'000000000000000000000061\\n000000000000000000000062\\n'
    """
    return (ids.hex("\n", HUB_ID_BYTES) + "\n").encode() if ids else b""


def _as_matrix(columns: Sequence[Sequence[int | None]]) -> np.ndarray:
    try:
        return np.array(columns, np.int64)
    except TypeError:  # some values are None
        numbers = [[MISSING_VALUE if value is None else value for value in column] for column in columns]
        return np.array(numbers, np.int64)


def _iter_contents(connection: sqlite3.Connection, snapshot: int, newest_first: bool = False) -> Iterator[bytes]:
    rows = connection.execute(
        "SELECT content FROM census_page WHERE snapshot_id = ?1 ORDER BY iif(?2, -number, number)",
        (snapshot, newest_first),
    )
    return (row[0] for row in rows)


def _iter_pages(
    connection: sqlite3.Connection, snapshot: int, newest_first: bool = False
) -> Iterator[tuple[np.ndarray, bytes | None]]:
    """Return an iterator over the numbers and the ids of each page."""
    return map(_decode_page, _iter_contents(connection, snapshot, newest_first))


def _decode_page(content: bytes) -> tuple[np.ndarray, bytes | None]:
    page_format = _page_format(content)
    raw = zstandard.decompress(content[page_format.start :])
    numbers = np.frombuffer(raw, f"i{page_format.width}", STAGED_COLUMNS * page_format.rows)
    return numbers.reshape(STAGED_COLUMNS, -1), raw[numbers.nbytes :] if page_format.has_ids else None


class _PageFormat(NamedTuple):
    """The format of a staged page: where its compressed part starts, and the content of that part."""

    start: int
    width: int
    has_ids: bool
    rows: int


def _page_format(content: bytes) -> _PageFormat:
    width, has_ids, start = content[0] & ~IDS_FLAG, bool(content[0] & IDS_FLAG), 1
    if width not in (4, 8):  # a page of the first format has no width: its numbers have eight bytes
        width, has_ids, start = 8, False, 0
    row_size = STAGED_COLUMNS * width + (HUB_ID_BYTES if has_ids else 0)
    return _PageFormat(start, width, has_ids, zstandard.frame_content_size(content[start:]) // row_size)
