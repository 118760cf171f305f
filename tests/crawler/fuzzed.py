"""Valid texts that are cut, doubled, or have foreign characters inserted."""

from __future__ import annotations

import random
from collections.abc import Callable, Set
from typing import TypeVar

import msgspec

from crawler.parsing.rows import ParsedRows, read_rows
from crawler.response import Observation

RowT = TypeVar("RowT", bound=msgspec.Struct)
SAMPLE_BODIES = (
    '[{"_id": "621ffdc036468d709f17434d", "id": "a/b", "downloads": 5, "tags": ["x"],'
    ' "createdAt": "2022-03-02T23:29:04.000Z"}]',
    '[{"_id": "1", "id": "a", "downloads": -1}, {"_id": "2", "id": "\\ud800", "downloads": 1e999}]',
    '{"error": "no"}',
    "[[[[[[[[]]]]]]]]",
    '[{"id": null, "downloads": 99999999999999999999}]',
)
ODD_PIECES = (
    "\0", "\ud800", "[" * 50, '"', "\\", "NaN", "1e999", "9" * 30, "\u202e", ",", "}", "\n", "=", ";", "٣", "\xff",
)  # fmt: skip


def mangle(random_source: random.Random, text: str) -> str:
    """Return a text with up to four random changes."""
    for _ in range(random_source.randint(0, 4)):
        start, end = sorted((random_source.randint(0, len(text)), random_source.randint(0, len(text))))
        text = random_source.choice((
            text[:start], text[start:], text[:start] + random_source.choice(ODD_PIECES) + text[start:],
            text[:end] + text[start:], text[:start] + text[end:],
            text[:start] + chr(random_source.randrange(0x2FF)) + text[start + 1 :],
        ))  # fmt: skip
    return text[:5000]


def read_body_rows(text: str, row_type: type[RowT], observe: Callable[[RowT, Set[str]], Observation]) -> ParsedRows:
    """Read the rows of a body, which may have lone surrogates like a body that was cut."""
    return read_rows(text.encode("utf-8", "surrogatepass"), row_type, frozenset({"id", "_id"}), observe)
