"""Text that was whole once: cut, doubled, with bytes that do not belong there."""

from __future__ import annotations

import random
from collections.abc import Callable

from crawler.parsing.rows import ParsedRows, read_rows
from crawler.response import Observation

SAMPLE_BODIES = (
    '[{"_id": "621ffdc036468d709f17434d", "id": "a/b", "downloads": 5, "tags": ["x"],'
    ' "createdAt": "2022-03-02T23:29:04.000Z"}]',
    '[{"_id": "1", "id": "a", "downloads": -1}, {"_id": "2", "id": "\\ud800", "downloads": 1e999}]',
    '{"error": "no"}', "[[[[[[[[]]]]]]]]", '[{"id": null, "downloads": 99999999999999999999}]',
)  # fmt: skip
ODD_PIECES = (
    "\0",
    "\ud800",
    "[" * 50,
    '"',
    "\\",
    "NaN",
    "1e999",
    "9" * 30,
    "\u202e",
    ",",
    "}",
    "\n",
    "=",
    ";",
    "٣",
    "\xff",
)


def mangle(random_source: random.Random, text: str) -> str:
    """A text with a few things done to it."""
    for _ in range(random_source.randint(0, 4)):
        at, end = sorted((random_source.randint(0, len(text)), random_source.randint(0, len(text))))
        text = random_source.choice((
            text[:at], text[at:], text[:at] + random_source.choice(ODD_PIECES) + text[at:], text[:end] + text[at:],
            text[:at] + text[end:], text[:at] + chr(random_source.randrange(0x2FF)) + text[at + 1 :],
        ))  # fmt: skip
    return text[:5000]


def read_body_rows(text: str, row_type: type, observe: Callable[[object], Observation]) -> ParsedRows:
    """The rows of a body; half a character is what a cut body has too."""
    return read_rows(text.encode("utf-8", "surrogatepass"), row_type, frozenset({"id", "_id"}), observe)
