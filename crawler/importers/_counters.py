"""Counters by which past lists are ordered (pure)."""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable

from crawler.response import Observation
from db.cli import did_you_mean

KNOWN_COUNTERS = (
    "last-day", "last-week", "last-month", "last-year", "last-30-days", "last-365-days", "total", "dependents", "likes",
    "trending-score", "unstated",
)  # fmt: skip
COUNTER_PATTERN = re.compile(r"last-[1-9][0-9]{0,3}-(days|weeks|months|years)|other:\S.*")


def find_counter_fault(counter: str) -> str | None:
    """Return why a stated counter is not known, or None. Any other counter is stated as `other:` and words.

    >>> find_counter_fault("last-90-days"), find_counter_fault("other:stars of a week")
    (None, None)
    >>> str(find_counter_fault("lastweek")).split("?")[0]
    "there is no counter 'lastweek'. Did you mean last-week"
    """
    if counter in KNOWN_COUNTERS or COUNTER_PATTERN.fullmatch(counter):
        return None
    hint = did_you_mean(counter, KNOWN_COUNTERS)
    return f"there is no counter {counter!r}.{' ' if hint else ''}{hint} Known are {', '.join(KNOWN_COUNTERS)}"


def counter_value(observation: Observation, ordered_by: str) -> float | None:
    """Return the counter of an observation that orders a list.

    >>> counter_value(Observation("1", "a", likes=3), "likes")
    3
    """
    counters = {
        "downloads": observation.downloads,
        "likes": observation.likes,
        "dependents": observation.dependents,
        "trending": observation.trending,
    }
    return counters[ordered_by]


def sort_by_counter(
    observations: Iterable[Observation], ordered_by: str, top: int | None = None
) -> tuple[Observation, ...]:
    """Sort observations: largest counter first, equal counters by name, unknown counters last.

    With `top`, return only the first observations, without holding the others in memory.
    """

    def sort_key(observation: Observation) -> tuple[bool, float, str]:
        value = counter_value(observation, ordered_by)
        return value is None, -(value or 0), observation.name

    if top is None:
        return tuple(sorted(observations, key=sort_key))
    return tuple(heapq.nsmallest(top, observations, key=sort_key))
