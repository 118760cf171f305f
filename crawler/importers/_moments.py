"""Read the moments in a table: text, dates, and numbers of any unit since 1970 (pure)."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, time
from decimal import Decimal

from crawler.parsing.redact import excerpt

UNITS = (1, 10**3, 10**6, 10**9)  # of a number of seconds, milliseconds, microseconds or nanoseconds
FIRST, LAST = 631_152_000, 4_102_444_800  # 1990 and 2100: only one unit makes a number a moment of these years
EMPTY_MOMENTS = ("", "nan", "nat", "none", "null")


def parse_moment(value: object) -> datetime | None:
    """Return a moment in UTC, or None for an empty cell. A moment without a zone is UTC.

    >>> [f"{parse_moment(value):%F %T}" for value in (1646263744, "1646263744000", "2022-03-02 23:29:04 UTC")]
    ['2022-03-02 23:29:04', '2022-03-02 23:29:04', '2022-03-02 23:29:04']
    >>> str(parse_moment("2022-03-03T01:29:04+02:00")), str(parse_moment("2022-03-02"))
    ('2022-03-02 23:29:04+00:00', '2022-03-02 00:00:00+00:00')

    Raises:
        ValueError: the value is no moment.
    """
    if isinstance(value, datetime):
        return _in_utc(value)
    if isinstance(value, date):
        return datetime.combine(value, time(), UTC)
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, str):
        return _parse_text(value.strip())
    if value is None or (isinstance(value, float | Decimal) and math.isnan(value)):
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise ValueError(f"not a moment: {excerpt(str(value), 60)!r}")
    return _parse_number(value)


def _parse_text(text: str) -> datetime | None:
    if text.lower() in EMPTY_MOMENTS:
        return None
    if text.isascii() and text.isdigit() and len(text) != len("20220302"):
        return _parse_number(int(text[:40]))
    try:
        return _in_utc(datetime.fromisoformat(text.removesuffix(" UTC")))
    except ValueError:
        raise ValueError(f"not a moment: {excerpt(text, 60)!r}") from None


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except OverflowError:
        raise ValueError(f"not a moment: {moment}") from None


def _parse_number(number: float | Decimal) -> datetime:
    if not isinstance(number, int) and not math.isfinite(number):
        raise ValueError(f"not a moment: {number}")
    seconds = next((int(number) // unit for unit in UNITS if FIRST <= int(number) // unit <= LAST), None)
    if seconds is None:
        raise ValueError("not a moment of the years 1990 to 2100")
    return datetime.fromtimestamp(seconds, UTC)
