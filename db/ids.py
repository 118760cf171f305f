"""Compact forms of what is stored by the million: identifiers as bytes, and names found by a short hash (pure)."""

from __future__ import annotations

import sqlite3
import struct
import zlib
from collections.abc import Sequence

from db.renames import current_name, other_name
from db.spellings import fold_text

HUB_ID_BYTES = 12
HEX_LENGTHS = (2 * HUB_ID_BYTES, 40)  # the digits of an id of the Hub, and of a git hash
HASH_MASK = (1 << 23) - 1  # three bytes in SQLite


def compact_id(text: str | None) -> str | bytes | None:
    """Return 24 or 40 lower-case hexadecimal digits as bytes, and any other text unchanged.

    >>> compact_id("0123456789abcdef01234567"), compact_id("name:gpt2")
    (b'\\x01#Eg\\x89\\xab\\xcd\\xef\\x01#Eg', 'name:gpt2')
    """
    if text is None or len(text) not in HEX_LENGTHS:
        return text
    try:
        content = bytes.fromhex(text)
    except ValueError:
        return text
    return content if content.hex() == text else text


def compact_ids(texts: Sequence[str]) -> Sequence[str | bytes | None]:
    """Return the compact form of many texts: fast if all of them are ids of the Hub.

    >>> compact_ids(["0123456789abcdef01234567"]), compact_ids(["0123456789abcdef01234567", "name:gpt2"])[1]
    ((b'\\x01#Eg\\x89\\xab\\xcd\\xef\\x01#Eg',), 'name:gpt2')
    """
    if set(map(len, texts)) == {2 * HUB_ID_BYTES}:
        joined = "".join(texts)
        try:
            content = bytes.fromhex(joined)
        except ValueError:
            content = b""
        if content.hex() == joined:
            return struct.unpack(f"{HUB_ID_BYTES}s" * len(texts), content)
    return [compact_id(text) for text in texts]


def short_hash(text: str) -> int:
    """Return a number below 2**23 by which a text is indexed. Different texts may share a number.

    >>> short_hash("gpt2")
    4232580
    """
    return zlib.crc32(text.encode("utf-8", "surrogatepass")) & HASH_MASK


def register_functions(connection: sqlite3.Connection) -> None:
    """Register the SQL functions of a connection.

    They are `compact(text)`, `short_hash(text)`, `current_name(registry, name)`, `other_name(registry, name)`, and
    `folded(text)`: a text between two spaces, as the patterns of redactions expect it.
    """
    connection.create_function("compact", 1, compact_id, deterministic=True)
    connection.create_function("short_hash", 1, short_hash, deterministic=True)
    connection.create_function("current_name", 2, current_name, deterministic=True)
    connection.create_function("folded", 1, lambda text: text and f" {fold_text(text)} ", deterministic=True)
    connection.create_function("other_name", 2, other_name, deterministic=True)
