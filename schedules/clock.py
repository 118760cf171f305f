"""Three clocks beside each other: what time it is, how long we have been up, and how long we have been awake."""

from __future__ import annotations

import time
from dataclasses import dataclass

JUMP = 30.0  # seconds; less is a busy machine, or a clock that is being drawn level


@dataclass(frozen=True)
class Clocks:
    """What the clocks said at one moment. Only `wall` can be set; only `awake` stands still in a suspended machine."""

    wall: float
    up: float
    awake: float

    @classmethod
    def read(cls) -> Clocks:
        """What they say now."""
        boot = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
        return cls(time.time(), time.clock_gettime(boot), time.monotonic())


def jumped(before: Clocks, now: Clocks) -> str | None:
    """What happened between two looks: `set` (the clock was), `asleep` (the machine was), or nothing.

    >>> jumped(Clocks(0, 0, 0), Clocks(3600, 1, 1)), jumped(Clocks(0, 0, 0), Clocks(3600, 3600, 1))
    ('set', 'asleep')
    >>> jumped(Clocks(0, 0, 0), Clocks(1, 1, 1))
    """
    if abs((now.wall - before.wall) - (now.up - before.up)) > JUMP:
        return "set"
    return "asleep" if (now.up - before.up) - (now.awake - before.awake) > JUMP else None
