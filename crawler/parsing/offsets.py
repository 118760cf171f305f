"""Read all of a list whose pages are offsets into a living table, so that nothing can be passed over unseen (pure).

A row that appears before the offset pushes all behind it on, and some come twice; one that vanishes pulls them back,
and some are not seen. So every page begins before the end of the one before: while they share a row, nothing that was
there all the time lies between them. Where they share none, a page further back is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import pairwise

ROWS_PER_SHARED_ROW = 50  # of so many rows of a page, one is asked for again with the next page
MAX_RECHECKED_PAGES = 20  # pages that are asked for once more in the end


def find_page_before(row: int, size: int) -> tuple[int, int]:
    """Rows to a page, and the page's number: of those of up to `size` rows that begin at `row` or before, the one that
    reaches furthest.

    >>> find_page_before(0, 1000), find_page_before(980, 1000), find_page_before(1999, 1000)
    ((1000, 1), (980, 2), (999, 3))
    """
    row = max(0, row)
    reach, rows = max((row // rows * rows + rows, rows) for rows in range(size // 2 + 1, size + 1))
    return rows, reach // rows


def overlap_start(end: int, size: int) -> int:
    """Where the page after one that ended before row `end` has to begin, at the latest.

    >>> overlap_start(1000, 1000), find_page_before(overlap_start(1000, 1000), 1000)
    (980, (980, 2))
    """
    return end - max(1, size // ROWS_PER_SHARED_ROW)


def pages_to_recheck(rows: int, size: int) -> list[int]:
    """The numbers of the pages that are asked for once more, when so many rows were read.

    >>> pages_to_recheck(2500, 1000), len(pages_to_recheck(5_000_000, 1000)), pages_to_recheck(5_000_000, 1000)[-1]
    ([1, 2, 3], 20, 4751)
    """
    pages = -(-rows // size)
    many = min(MAX_RECHECKED_PAGES, pages)
    return [1 + number * pages // many for number in range(many)]


def count_out_of_order(names: Sequence[str]) -> int:
    """How many names stand before their neighbour's, by the kindest of three readings: databases order text by their
    own rules, of which case and punctuation are the odd ones.

    >>> count_out_of_order(["@a/b", "ab", "B-c", "b.d"]), count_out_of_order(["c", "b", "a"])
    (0, 2)
    """
    readings: tuple[Callable[[str], str], ...] = (str, _letters_only, _punctuation_as_space)
    return min(sum(read(one) > read(two) for one, two in pairwise(names)) for read in readings)


def _letters_only(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.casefold())


def _punctuation_as_space(name: str) -> str:
    return re.sub(r"[\W_]", " ", name.casefold())
