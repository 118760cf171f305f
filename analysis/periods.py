"""Periods between two dates: their days, and whether they overlap."""

from __future__ import annotations

from datetime import date
from typing import TypedDict


class Period(TypedDict):
    """What every result has: the date of its list, and the date of the list it is compared with, if there is one."""

    date: str
    previous_date: str | None


def count_days(first: str, second: str) -> int:
    """Return the days between two dates.

    >>> count_days("2026-01-05", "2026-01-01")
    4
    """
    return abs((date.fromisoformat(first) - date.fromisoformat(second)).days)


def count_gap_days(period: Period) -> int | None:
    """Return the days between the two lists of a result, or None if it is of one list.

    >>> count_gap_days({"date": "2026-01-05", "previous_date": "2026-01-01"})
    4
    """
    return None if period["previous_date"] is None else count_days(period["previous_date"], period["date"])


def have_overlap(first: Period, second: Period) -> bool:
    """Return whether two periods have days in common. A single date is no period.

    >>> year = Period(date="2026-12-31", previous_date="2026-01-01")
    >>> [have_overlap(year, {"date": day, "previous_date": "2025-12-01"}) for day in ("2026-01-02", "2026-01-01")]
    [True, False]
    """
    starts = [period["previous_date"] or period["date"] for period in (first, second)]
    return max(starts) < min(first["date"], second["date"])
