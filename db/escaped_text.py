"""A text without its escapes, with the way back: JSON, URLs and HTML write the same character in other forms (pure)."""

from __future__ import annotations

import html
import re
from array import array
from bisect import bisect_right
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

MAX_ROUNDS = 3  # an escape may be escaped again
_ESCAPE = re.compile(
    r"\\u[0-9A-Fa-f]{4}|\\u\{[0-9A-Fa-f]{1,6}\}|\\x[0-9A-Fa-f]{2}|\\[\\/\"'bfnrt]|%[0-9A-Fa-f]{2}"
    r"|&(?:#[0-9]{1,8}|#[xX][0-9A-Fa-f]{1,7}|[A-Za-z]{2,8});?"
)
_SHORT_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
Span = tuple[int, int]


@dataclass(frozen=True)
class PlainText:
    """A text without escapes. Each position in `positions` is at the position in `originals` of the text before."""

    text: str
    positions: Sequence[int] = (0,)
    originals: Sequence[int] = (0,)

    def original_span(self, span: Span) -> Span:
        """Return the piece of the text before that gave a piece of this text."""
        start, end = span
        return self._original(start), self._original(end - 1, end=True)

    def _original(self, position: int, end: bool = False) -> int:
        """Return where a character was. Its end is the beginning of the next character."""
        position += end
        index = bisect_right(self.positions, position) - 1
        return self.originals[index] + position - self.positions[index]


def replace_escapes(text: str) -> list[PlainText]:
    """Return a text without its escapes, once for each time that it was escaped: the least escaped text is last.

    >>> [plain.text for plain in replace_escapes("jo&amp;#64;lab")]
    ['jo&amp;#64;lab', 'jo&#64;lab', 'jo@lab']
    """
    texts = [PlainText(text)]
    while len(texts) <= MAX_ROUNDS and any(mark in texts[-1].text for mark in ("\\", "%", "&")):
        plain = _replace_once(texts[-1].text)
        if plain.text == texts[-1].text:
            break
        texts.append(plain)
    return texts


def _replace_once(text: str) -> PlainText:
    pieces: list[str] = []
    positions, originals = array("q", [0]), array("q", [0])
    length = last = 0
    for match in _ESCAPE.finditer(text):
        character = _character_of(match[0])
        if len(character) != 1:
            continue
        length += match.start() - last
        pieces += [text[last : match.start()], character]
        positions.extend((length, length + 1))
        originals.extend((match.start(), match.end()))
        length, last = length + 1, match.end()
    return PlainText("".join((*pieces, text[last:])), positions, originals)


def _character_of(escape: str) -> str:
    if escape.startswith("&"):
        return html.unescape(escape if escape.endswith(";") else f"{escape};")
    if escape[1] in "ux" and len(escape) > 2:
        number = int(escape[2:].strip("{}"), 16)
        return chr(number) if number <= 0x10FFFF else ""
    return chr(int(escape[1:], 16)) if escape.startswith("%") else _SHORT_ESCAPES.get(escape[1], escape[1])


def cut_spans(text: str, spans: Iterable[tuple[Span, str]]) -> str:
    """Return a text with a replacement in the place of each span. Spans that touch each other are one.

    >>> cut_spans("abcdef", [((3, 5), "+"), ((1, 4), "-")])
    'a-f'
    """
    pieces, last = [], 0
    for (start, end), replacement in sorted(spans):
        if start >= last:
            pieces += [text[last:start], replacement]
        last = max(last, end)
    return "".join((*pieces, text[last:]))


def find_values(text: str, values: Collection[str], min_length_anywhere: int) -> Iterable[Span]:
    """Yield where a text has one of some values. A short value counts only as a whole word."""
    for value in values:
        if value in text:
            pattern = re.escape(value)
            if len(value) < min_length_anywhere:
                pattern = f"(?<![A-Za-z0-9]){pattern}(?![A-Za-z0-9])"
            yield from (match.span() for match in re.finditer(pattern, text))
