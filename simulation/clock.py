"""Simulated time: whole days are advanced by hand, seconds pass as they really do."""

from __future__ import annotations

import time

DAY = 86400


class SimulatedClock:
    """Day zero, the days advanced since, and the real seconds since the process began."""

    def __init__(self, start: int | None = None) -> None:
        self.start = int(time.time()) if start is None else start
        self.days = 0
        self.started_at = time.monotonic()

    def day_start(self) -> int:
        """Return the deterministic part of now: the same on every run after the same days."""
        return self.start + self.days * DAY

    def now(self) -> float:
        """Return the simulated present in epoch seconds."""
        return self.day_start() + time.monotonic() - self.started_at


def format_iso(moment: float) -> str:
    """Return a moment as both sites write it: `2026-01-05T00:00:00.000Z`."""
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(moment))


def format_http_date(moment: float) -> str:
    """Return a moment as a Date header has it."""
    return time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(moment))
