"""Page through a list by offsets although rows appear and vanish, without missing a row unnoticed (pure).

A row that appears before the offset pushes later rows back, and some are read twice. A row that vanishes pulls later
rows forward, and some are missed. So every page begins before the end of the previous one. While two pages share a
row, no row that existed all the time lies between them. If they share none, a page further back is requested.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import pairwise

ROWS_PER_SHARED_ROW = 50  # one of 50 rows of a page is requested again with the next page
MAX_RECHECKED_PAGES = 20  # pages that are requested again at the end


def find_page_before(row: int, size: int) -> tuple[int, int]:
    """Return the page size and page number that begin at or before a row and reach furthest.

    The page size is more than half of `size`, and at most `size`.

    >>> find_page_before(0, 1000), find_page_before(980, 1000), find_page_before(1999, 1000)
    ((1000, 1), (980, 2), (999, 3))
    """
    row = max(0, row)
    end, rows = max((row // rows * rows + rows, rows) for rows in range(size // 2 + 1, size + 1))
    return rows, end // rows


def overlap_start(end: int, size: int) -> int:
    """Return the last row at which the page after one that ended before row `end` may begin.

    >>> overlap_start(1000, 1000), find_page_before(overlap_start(1000, 1000), 1000)
    (980, (980, 2))
    """
    return end - max(1, size // ROWS_PER_SHARED_ROW)


def pages_to_recheck(rows: int, size: int) -> list[int]:
    """Return the numbers of the pages to request again after `rows` rows, evenly spread over the list.

    >>> pages_to_recheck(2500, 1000), len(pages_to_recheck(5_000_000, 1000)), pages_to_recheck(5_000_000, 1000)[-1]
    ([1, 2, 3], 20, 4751)
    """
    pages = -(-rows // size)
    sample_size = min(MAX_RECHECKED_PAGES, pages)
    return [1 + index * pages // sample_size for index in range(sample_size)]


def count_out_of_order(names: Sequence[str]) -> int:
    """Return how many names sort before their predecessor, in the most favourable of three collations.

    Databases sort text by rules of their own, and differ most in case and punctuation.

    >>> count_out_of_order(["@a/b", "ab", "B-c", "b.d"]), count_out_of_order(["c", "b", "a"])
    (0, 2)
    """
    collations: tuple[Callable[[str], str], ...] = (str, _letters_only, _punctuation_as_space)
    return min(sum(key(first) > key(second) for first, second in pairwise(names)) for key in collations)


def _letters_only(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.casefold())


def _punctuation_as_space(name: str) -> str:
    return re.sub(r"[\W_]", " ", name.casefold())
