"""Long names in the columns of a text table: broken at their marks before they are broken anywhere else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.text import Text


@dataclass(frozen=True)
class BreakableCell:
    """A cell whose text may be broken, and is never cut."""

    text: str

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        # A part that is still too wide is folded by Rich.
        yield Text("\n".join(break_lines(self.text, options.max_width)), overflow="fold")

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        widest_word = max(map(cell_len, self.text.split()), default=0)
        return Measurement(widest_word, cell_len(self.text)).with_maximum(options.max_width)


def break_lines(text: str, width: int) -> Iterator[str]:
    """Yield the lines of a text: broken at spaces, and a word that is wider than a line after `/`, `-` or `_`.

    >>> list(break_lines("org/large-model of 2026", 9))
    ['org/', 'large-', 'model of', '2026']
    """
    line = ""
    for part in _iter_parts(text, width):
        if line and cell_len((line + part).rstrip()) > width:
            yield line.rstrip()
            line = ""
        line += part
    yield line.rstrip()


def _iter_parts(text: str, width: int) -> Iterator[str]:
    """Yield each word with the space after it, or the parts of a word that is wider than a line."""
    for word in re.findall(r"\S+\s*", text):
        yield from [word] if cell_len(word.rstrip()) <= width else re.findall(r"[^/_-]*[/_-]+|[^/_-]+", word)
