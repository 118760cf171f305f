"""Simulated time: whole days are advanced by hand, and seconds pass as in real time."""

from __future__ import annotations

import time

DAY = 86400


class SimulatedClock:
    """A clock: day zero, the days advanced since, and the real seconds since the start of the process."""

    def __init__(self, start: int | None = None) -> None:
        self.start = int(time.time()) if start is None else start
        self.days = 0
        self.started_at = time.monotonic()

    def day_start(self) -> int:
        """Return the deterministic part of the time: the same in every run after the same number of days."""
        return self.start + self.days * DAY

    def now(self) -> float:
        """Return the simulated time in epoch seconds."""
        return self.day_start() + time.monotonic() - self.started_at

    def set_time(self, instant: float) -> None:
        """Set the simulated time. The days that have been advanced stay."""
        self.started_at = time.monotonic() - (instant - self.day_start())


def format_iso(instant: float) -> str:
    """Return an instant as both sites write it: `2026-01-05T00:00:00.000Z`."""
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(instant))


def format_http_date(instant: float) -> str:
    """Return an instant as a Date header has it."""
    return time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(instant))
