"""How what comes by the million is kept small: identifiers as bytes, names found by a short hash (pure)."""

from __future__ import annotations

import sqlite3
import struct
import zlib
from collections.abc import Sequence

HUB_ID_BYTES = 12  # bytes of an id of the Hub
HEX_LENGTHS = (2 * HUB_ID_BYTES, 40)  # digits of those, and of git's hashes
HASH_MASK = (1 << 23) - 1  # three bytes in SQLite


def compact_id(text: str | None) -> str | bytes | None:
    """24 or 40 small hexadecimal digits as bytes, any other text as it is.

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
    """The same of many that are most likely all of the Hub's ids, without a look at each.

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
    """A number below 2**23 by which a text is found; others may have the same.

    >>> short_hash("gpt2")
    4232580
    """
    return zlib.crc32(text.encode("utf-8", "surrogatepass")) & HASH_MASK


def register_functions(connection: sqlite3.Connection) -> None:
    """Let SQL on a connection say `compact(text)` and `short_hash(text)`."""
    connection.create_function("compact", 1, compact_id, deterministic=True)
    connection.create_function("short_hash", 1, short_hash, deterministic=True)
