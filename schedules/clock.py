"""Three clocks side by side: the time, the time since boot, and the time awake since boot."""

from __future__ import annotations

import time
from dataclasses import dataclass

MIN_JUMP_SECONDS = 30.0  # a busy machine, or a clock that is being adjusted slowly, differs by less


@dataclass(frozen=True)
class ClockReading:
    """The three clocks at one moment. Only `wall` can be set, and only `awake_time` stops during a suspend."""

    wall: float
    uptime: float
    awake_time: float

    @classmethod
    def read(cls) -> ClockReading:
        """Read the clocks now."""
        boot = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
        return cls(time.time(), time.clock_gettime(boot), time.monotonic())


def is_clock_jump(before: ClockReading, now: ClockReading) -> bool:
    """Return whether somebody set the clock between two readings.

    >>> is_clock_jump(ClockReading(0, 0, 0), ClockReading(3600, 1, 1))
    True
    >>> is_clock_jump(ClockReading(0, 0, 0), ClockReading(3600, 3600, 1))
    False
    """
    return abs((now.wall - before.wall) - (now.uptime - before.uptime)) > MIN_JUMP_SECONDS


def is_suspend(before: ClockReading, now: ClockReading) -> bool:
    """Return whether the machine was suspended between two readings.

    >>> is_suspend(ClockReading(0, 0, 0), ClockReading(3600, 3600, 1))
    True
    """
    return (now.uptime - before.uptime) - (now.awake_time - before.awake_time) > MIN_JUMP_SECONDS
