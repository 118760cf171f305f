"""Counters by which past lists are ordered (pure)."""

from __future__ import annotations

import heapq
from collections.abc import Iterable

from crawler.response import Observation


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
