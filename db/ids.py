"""How what comes by the million is kept small: identifiers as bytes, names found by a short hash (pure)."""

from __future__ import annotations

import sqlite3
import struct
import zlib
from collections.abc import Sequence

HUB_ID = 12  # bytes of an id of the Hub
HEX_LENGTHS = (2 * HUB_ID, 40)  # digits of those, and of git's hashes
SHORT = (1 << 23) - 1  # three bytes in SQLite


def compact(text: str | None) -> str | bytes | None:
    """24 or 40 small hexadecimal digits as bytes, any other text as it is.

    >>> compact("0123456789abcdef01234567"), compact("name:gpt2")
    (b'\\x01#Eg\\x89\\xab\\xcd\\xef\\x01#Eg', 'name:gpt2')
    """
    if text is None or len(text) not in HEX_LENGTHS:
        return text
    try:
        content = bytes.fromhex(text)
    except ValueError:
        return text
    return content if content.hex() == text else text


def compact_all(texts: Sequence[str]) -> Sequence[str | bytes | None]:
    """The same of many that are most likely all of the Hub's ids, without a look at each.

    >>> compact_all(["0123456789abcdef01234567"]), compact_all(["0123456789abcdef01234567", "name:gpt2"])[1]
    ((b'\\x01#Eg\\x89\\xab\\xcd\\xef\\x01#Eg',), 'name:gpt2')
    """
    if set(map(len, texts)) == {2 * HUB_ID}:
        joined = "".join(texts)
        try:
            content = bytes.fromhex(joined)
        except ValueError:
            content = b""
        if content.hex() == joined:
            return struct.unpack(f"{HUB_ID}s" * len(texts), content)
    return [compact(text) for text in texts]


def short_hash(text: str) -> int:
    """A number below 2**23 by which a text is found; others may have the same.

    >>> short_hash("gpt2")
    4232580
    """
    return zlib.crc32(text.encode("utf-8", "surrogatepass")) & SHORT


def teach(connection: sqlite3.Connection) -> None:
    """Let SQL on a connection say `compact(text)` and `short_hash(text)`."""
    connection.create_function("compact", 1, compact, deterministic=True)
    connection.create_function("short_hash", 1, short_hash, deterministic=True)
