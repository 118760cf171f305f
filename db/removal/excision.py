"""Intervals without one observation: how a history reads if one snapshot had never been stored. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, order=True)
class ValueInterval:
    """The time for which a value was observed. `end` is None while it is the newest value."""

    start: int
    end: int | None
    value: object


@dataclass(frozen=True, slots=True)
class Sighting:
    """An instant at which another snapshot observed the package, and whether it was stored after the removed one."""

    at: int
    is_stored_later: bool


def excise(intervals: Iterable[ValueInterval], at: int, others: Sequence[Sighting]) -> list[ValueInterval]:
    """Return the intervals of one value or of exclusive values, as the other sightings alone would have made them.

    An interval that began at `at` begins at the next sighting that was stored later, or is dropped: what was stored
    before has intervals of its own. An interval that ended at `at` ends when the next sighting saw another value.

    >>> a, b = ValueInterval(1, 5, "a"), ValueInterval(5, None, "b")
    >>> excise([a, b], 5, [Sighting(1, False)])
    [ValueInterval(start=1, end=None, value='a')]
    >>> excise([a, b], 5, [Sighting(1, False), Sighting(9, True)])
    [ValueInterval(start=1, end=9, value='a'), ValueInterval(start=9, end=None, value='b')]
    """
    ordered = sorted(intervals, key=lambda interval: interval.start)
    if any(sighting.at == at for sighting in others):
        return ordered
    later = sorted(sighting.at for sighting in others if sighting.at > at)
    later_stored = sorted(sighting.at for sighting in others if sighting.at > at and sighting.is_stored_later)
    earlier = [interval for interval in ordered if interval.start < at]
    moved = [_begin_later(interval, later_stored) for interval in ordered if interval.start == at]
    following = [interval for interval in (*moved, *ordered) if interval is not None and interval.start > at]
    following.sort(key=lambda interval: interval.start)
    return _join(earlier, at, following, later[0] if later else None)


def _begin_later(interval: ValueInterval, instants: Sequence[int]) -> ValueInterval | None:
    """Return the interval from the first of these instants that it covers, or None."""
    covered = [instant for instant in instants if interval.end is None or instant < interval.end]
    return replace(interval, start=covered[0]) if covered else None


def _join(
    earlier: list[ValueInterval], at: int, following: list[ValueInterval], next_at: int | None
) -> list[ValueInterval]:
    """Return the intervals before and after, with a new end of the interval that ended at `at`."""
    ended = next((interval for interval in earlier if interval.end == at), None)
    if ended is None:
        return [*earlier, *following]
    successor = following[0] if following else None
    is_seen_otherwise = next_at is not None and (successor is None or next_at < successor.start)
    kept = [interval for interval in earlier if interval is not ended]
    if is_seen_otherwise or successor is None:
        return [*kept, replace(ended, end=next_at), *following]
    if successor.value == ended.value:
        return [*kept, replace(ended, end=successor.end), *following[1:]]
    return [*kept, replace(ended, end=successor.start), *following]
