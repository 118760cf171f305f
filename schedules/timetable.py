"""When a schedule is due: five cron fields, or an interval counted from 1970. In UTC no moment is missing or double.

APScheduler reads the cron fields (`CronTrigger`) and computes their moments. Its scheduler is not used: the daemon has
to look at its clocks and to write its heartbeat every few seconds anyway, and starts what is due then.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from itertools import islice

from apscheduler.triggers.cron import CronTrigger

CRON_FIELDS = ("minute", "hour", "day", "month", "day_of_week")
MAX_CRON_GAP = 5 * 366 * 86400  # cron fields without a moment in five years (31 February) never have one


@dataclass(frozen=True)
class IntervalTimetable:
    """Every so many seconds, counted from the first second of 1970."""

    seconds: int

    def next_after(self, instant: int) -> int:
        """Return the first moment after an instant.

        >>> IntervalTimetable(3600).next_after(3600)
        7200
        """
        return (instant // self.seconds + 1) * self.seconds

    def __str__(self) -> str:
        return f"every {self.seconds} s"


@dataclass(frozen=True)
class CronTimetable:
    """Five fields: minute, hour, day of the month, month, and the name of a day of the week.

    Raises:
        ValueError: the fields cannot be used. The message says why.
    """

    line: str

    def __post_init__(self) -> None:
        fields = self.line.split()
        if len(fields) != len(CRON_FIELDS):
            raise ValueError(f"{self.line!r} has {len(fields)} fields, and cron has five")
        if re.search(r"\d", fields[4].partition("/")[0]):
            raise ValueError("the last field is a day by its name (MON), because programs number the days differently")
        if fields[2] != "*" and fields[4] != "*":
            raise ValueError("name a day of the month or of the week: programs differ in what both together mean")
        try:
            self.trigger.get_next_fire_time(None, datetime(2026, 1, 1, tzinfo=UTC))
            first = self.next_after(0)
        except (ValueError, TypeError, OverflowError, AttributeError, LookupError) as error:
            raise ValueError(f"{self.line!r}: {str(error) or 'cannot be read'}") from None
        if first > MAX_CRON_GAP:
            raise ValueError(f"{self.line!r} names a day that never comes")

    @cached_property
    def trigger(self) -> CronTrigger:
        """The fields as APScheduler reads them."""
        fields = dict(zip(CRON_FIELDS, self.line.lower().split(), strict=True))
        return CronTrigger(**fields, second=0, timezone=UTC)

    def next_after(self, instant: int) -> int:
        """Return the first moment after an instant.

        >>> CronTimetable("17 3 * * MON").next_after(1764041820)  # Tuesday 25 Nov 2025, 03:37
        1764559020
        """
        moment = self.trigger.get_next_fire_time(None, datetime.fromtimestamp(instant + 1, UTC))
        return int(moment.timestamp()) if moment else 2**62

    def __str__(self) -> str:
        return self.line


Timetable = IntervalTimetable | CronTimetable


def list_moments(timetable: Timetable, after: int, until: int) -> Iterator[int]:
    """Yield the moments after an instant, up to and including another instant.

    >>> list(list_moments(IntervalTimetable(60), 0, 180))
    [60, 120, 180]
    """
    moment = timetable.next_after(after)
    while moment <= until:
        yield moment
        moment = timetable.next_after(moment)


def list_newest_moments(timetable: Timetable, after: int, until: int, limit: int) -> tuple[list[int], bool]:
    """Return the newest moments after an instant, up to another one, and whether older ones were left out.

    If so, they are nine tenths of the limit at least. The work has a bound, however many years lie between the instants
    and however often the timetable is due.

    >>> list_newest_moments(IntervalTimetable(60), 0, 180, 2), list_newest_moments(IntervalTimetable(60), 0, 180, 3)
    (([120, 180], True), ([60, 120, 180], False))
    """
    moments = _first_moments(timetable, after, until, limit + 1)
    if len(moments) <= limit:
        return moments, False
    too_early, late_enough = after, until
    guess = until - (moments[-1] - moments[0])  # right at once for a timetable without pauses
    while late_enough - too_early > 1 and not limit * 9 // 10 <= len(moments) <= limit:
        middle = guess if too_early < guess < late_enough else (too_early + late_enough) // 2
        moments = _first_moments(timetable, middle, until, limit + 1)
        too_early, late_enough = (middle, late_enough) if len(moments) > limit else (too_early, middle)
        guess = 0
    return _first_moments(timetable, late_enough, until, limit), True


def _first_moments(timetable: Timetable, after: int, until: int, limit: int) -> list[int]:
    return list(islice(list_moments(timetable, after, until), limit))
