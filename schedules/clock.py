"""Three clocks beside each other: what time it is, how long we have been up, and how long we have been awake."""

from __future__ import annotations

import time
from dataclasses import dataclass

MIN_JUMP_SECONDS = 30.0  # seconds; less is a busy machine, or a clock that is being drawn level


@dataclass(frozen=True)
class ClockReading:
    """What the clocks said at one moment. Only `wall` can be set; only `awake` stands still in a suspended machine."""

    wall: float
    uptime: float
    awake_time: float

    @classmethod
    def read(cls) -> ClockReading:
        """What they say now."""
        boot = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
        return cls(time.time(), time.clock_gettime(boot), time.monotonic())


def is_clock_jump(before: ClockReading, now: ClockReading) -> str | None:
    """What happened between two looks: `set` (the clock was), `asleep` (the machine was), or nothing.

    >>> is_clock_jump(ClockReading(0, 0, 0), ClockReading(3600, 1, 1)), is_clock_jump(ClockReading(0, 0, 0), ClockReading(3600, 3600, 1))
    ('set', 'asleep')
    >>> is_clock_jump(ClockReading(0, 0, 0), ClockReading(1, 1, 1))
    """
    if abs((now.wall - before.wall) - (now.uptime - before.uptime)) > MIN_JUMP_SECONDS:
        return "set"
    return "asleep" if (now.uptime - before.uptime) - (now.awake_time - before.awake_time) > MIN_JUMP_SECONDS else None
