"""Quotas: both sites count requests in fixed windows of real time."""

from __future__ import annotations

import math
from dataclasses import dataclass

from simulation.http.messages import current_time


@dataclass(frozen=True, slots=True)
class QuotaUse:
    """The state of a client's quota after one request."""

    quota: int
    used: int
    resets_at: float

    @property
    def is_exceeded(self) -> bool:
        """Whether the request exceeded the quota."""
        return self.used > self.quota

    @property
    def remaining(self) -> int:
        """The requests that are left in the window."""
        return max(0, self.quota - self.used)

    @property
    def seconds_left(self) -> int:
        """The seconds until the next window, rounded up."""
        return max(0, math.ceil(self.resets_at - current_time()))


class QuotaWindows:
    """Counts of requests by client and bucket. A window opens with a request, or is aligned to the clock."""

    def __init__(self, length: float, aligned: bool) -> None:
        self.length = length
        self.aligned = aligned
        self.windows: dict[str, tuple[float, int]] = {}

    def consume(self, key: str, quota: int) -> QuotaUse:
        """Count one request, and return the state of the quota."""
        now = current_time()
        ends, used = self.windows.get(key, (0.0, 0))
        if now >= ends:
            ends, used = self._window_end(now), 0
        self.windows[key] = (ends, used + 1)
        return QuotaUse(quota, used + 1, ends)

    def _window_end(self, now: float) -> float:
        return (now // self.length + 1) * self.length if self.aligned else now + self.length
