"""The number of rows to request per page: halved when a page fails, and doubled again after pages that came."""

from __future__ import annotations

MAX_PAGES_BEFORE_GROWTH = 64
GROWTH_FACTOR = 4  # of that number, after each size that failed


class PageSize:
    """The page size of one list. A larger size is tried again after ever more pages while it keeps failing.

    >>> size = PageSize(1000)
    >>> size.shrink(1000), size.count_page(), size.shrink(1000), [size.count_page() for _ in range(4)]
    (500, 1000, 500, [500, 500, 500, 1000])
    >>> size.shrink(1)
    """

    def __init__(self, largest: int, rows: int = 0) -> None:
        """Begin with the largest size, or with the size of an interrupted crawl."""
        self.largest = largest
        self.rows = min(rows, largest) or largest
        self._pages, self._pages_before_growth, self._has_grown = 0, 1, False

    def shrink(self, requested: int) -> int | None:
        """Halve the size of a page that failed, or return None for a page of one row."""
        if requested < 2:
            return None
        if self._has_grown:
            self._pages_before_growth = min(GROWTH_FACTOR * self._pages_before_growth, MAX_PAGES_BEFORE_GROWTH)
        self.rows, self._pages, self._has_grown = requested // 2, 0, False
        return self.rows

    def count_page(self) -> int:
        """Count a page that came, and return the size of the next one."""
        if self._has_grown:
            self._pages_before_growth, self._has_grown = max(1, self._pages_before_growth // GROWTH_FACTOR), False
        self._pages += 1
        if self.rows < self.largest and self._pages >= self._pages_before_growth:
            self.rows, self._pages, self._has_grown = min(self.largest, 2 * self.rows), 0, True
        return self.rows
