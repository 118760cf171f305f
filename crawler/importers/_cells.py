"""Read the cells of a table: counts in the forms that programs write, names, and ranks with their gaps (pure)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal, InvalidOperation

from crawler.parsing.redact import excerpt

MAX_COUNT = 2**63 - 1
MAX_DIGITS = 400  # of a number in a cell: more are not a count, and take long to read
MAX_NAME_LENGTH = 300
MAX_EXCERPT = 60  # characters of a cell that are told
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")  # half of a character, as JSON may escape it, cannot be stored
EMPTY_CELLS = ("", "nan", "none", "null", "na", "n/a", "<na>")
GROUPED_DIGITS = re.compile(r"[0-9]{1,3}(,[0-9]{3})+(\.0*)?")


def parse_count(value: object, column: str) -> int | None:
    """Parse the count in a cell, of text or of any type that a table has. Return None for an empty cell.

    >>> [parse_count(value, "downloads") for value in ("12", "12.0", "1,234", "1.5e3", "NaN", 12.0, b"12", None)]
    [12, 12, 1234, 1500, None, 12, 12, None]

    Raises:
        ValueError: the cell is not a count.
    """
    if type(value) is int and 0 <= value <= MAX_COUNT:
        return value
    text = format_cell(value, column).strip()
    if text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS:
        number = Decimal(text)
    elif text.lower() in EMPTY_CELLS:
        return None
    else:
        number = _parse_decimal(text, column)
    if not number.is_finite() or number.adjusted() > MAX_DIGITS or not 0 <= number <= MAX_COUNT or number % 1:
        raise ValueError(f"{column} is not a count: {excerpt(text, MAX_EXCERPT)!r}")
    return int(number)


def format_cell(value: object, column: str) -> str:
    """Return a cell as text, '' for an empty cell.

    >>> format_cell(None, "downloads"), format_cell(b"7", "downloads"), format_cell(7.5, "downloads")
    ('', '7', '7.5')

    Raises:
        ValueError: the cell is true, false, a list or an object.
    """
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise ValueError(f"{column} is not a number: {excerpt(str(value), MAX_EXCERPT)!r}")
    return str(value)


def check_name(name: object) -> str:
    """Return a name without the spaces around it.

    Raises:
        ValueError: the cell holds no name, or a name that cannot be stored.
    """
    decoded = name.decode("utf-8", "surrogateescape") if isinstance(name, bytes) else name
    text = decoded.strip() if isinstance(decoded, str) else ""
    if not text or len(text) > MAX_NAME_LENGTH or UNSTORABLE.search(text):
        raise ValueError(f"no name, or a name that cannot be stored: {excerpt(str(name), MAX_EXCERPT)!r}")
    return text


def _parse_decimal(text: str, column: str) -> Decimal:
    if GROUPED_DIGITS.fullmatch(text):
        text = text.replace(",", "")
    try:
        if not text.isascii() or "_" in text or len(text) > MAX_DIGITS:
            raise InvalidOperation
        return Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{column} is not a number: {excerpt(text, MAX_EXCERPT)!r}") from None


def is_number(text: str | None) -> bool:
    """Return whether a cell holds a number, of any size or sign.

    >>> is_number("1,234"), is_number("-1"), is_number("requests"), is_number("")
    (True, True, False, False)
    """
    try:
        return _parse_decimal((text or "").strip(), "").is_finite()
    except ValueError:
        return False


def describe_gap(ranks: Sequence[int], unread: int) -> str | None:
    """Return which ranks are missing from sorted ranks, or None. As many rows as are missing may be unread.

    Packages that share a rank leave the next ranks free: after 1, 2, 2 comes 4.

    >>> describe_gap([1, 2, 2, 4], 0), describe_gap([1, 2, 5], 1)
    (None, 'the file has no row of the ranks 3 to 4')
    """
    first = min([1, *ranks[:1]])
    for position, rank in enumerate(ranks):
        if rank - first - position > unread:
            start = ranks[position - 1] + 1 if position else first
            ranks_in_words = f"rank {start:,}" if start == rank - 1 else f"the ranks {start:,} to {rank - 1:,}"
            return f"the file has no row of {ranks_in_words}"
    return None


def count_undecided(ranked: Iterable[tuple[int, float | None]]) -> int:
    """Return how many rows share a rank although their counts differ or are unknown.

    >>> count_undecided([(1, 9), (2, 5), (2, 5), (4, 3), (4, None)])
    2
    """
    counts_by_rank: dict[int, list[float | None]] = {}
    for rank, count in ranked:
        counts_by_rank.setdefault(rank, []).append(count)
    return sum(len(counts) for counts in counts_by_rank.values() if len(counts) > 1 and not _are_equal(counts))


def _are_equal(counts: Sequence[float | None]) -> bool:
    return None not in counts and len(set(counts)) == 1
