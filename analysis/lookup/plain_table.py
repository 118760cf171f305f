"""Tables and sentences of plain text within a width (pure)."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Sequence

MIN_WIDTH, MAX_WIDTH = 60, 100
MIN_CELL = 12
GAP = "  "
UNKNOWN = "–"


def terminal_width() -> int:
    """Return the width for text: the width of the terminal, but not below 60 and not above 100."""
    return max(MIN_WIDTH, min(MAX_WIDTH, shutil.get_terminal_size((80, 24)).columns))


def format_table(headings: str, rows: Sequence[Sequence[str]], width: int, stretch: int = -1) -> list[str]:
    """Return the lines of a table with an indent. A heading in capitals has its column aligned to the left.

    The column number `stretch` is shortened if the table is wider than the width.

    >>> print("\\n".join(format_table("rank NAME", [("1", "gpt2"), ("12", "bert")], 60)))
      rank  name
         1  gpt2
        12  bert
    """
    words = headings.split()
    lines = [[word.lower().replace("_", " ") for word in words], *map(list, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(words))]
    excess = sum(widths) + len(GAP) * len(widths) - width
    if excess > 0:
        widths[stretch] = max(MIN_CELL, widths[stretch] - excess)
    cells = [
        [align_cell(cell, size, word.isupper()) for cell, size, word in zip(line, widths, words, strict=True)]
        for line in lines
    ]
    return [(GAP + GAP.join(line)).rstrip() for line in cells]


def align_cell(text: str, width: int, is_left: bool) -> str:
    """Return a text in exactly a width, shortened if it is longer.

    >>> align_cell("abcdef", 4, True), align_cell("7", 3, False)
    ('abc…', '  7')
    """
    short = text if len(text) <= width else text[: width - 1] + "…"
    return short.ljust(width) if is_left else short.rjust(width)


def format_number(value: float | None) -> str:
    """Return a number with commas, or a dash.

    >>> format_number(1234), format_number(0.5), format_number(None)
    ('1,234', '0.5', '–')
    """
    if value is None:
        return UNKNOWN
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"


def wrap_text(text: str, width: int, indent: str = GAP, hanging: int = 2) -> list[str]:
    """Return a text as lines within a width. The lines after the first are indented by `hanging` more characters."""
    further = indent + " " * hanging
    return textwrap.wrap(text, width, initial_indent=indent, subsequent_indent=further, break_on_hyphens=False)
