"""Fixed windows of real time, as both sites count requests."""

from __future__ import annotations

import math
from dataclasses import dataclass

from simulation.http.messages import current_time


@dataclass(frozen=True, slots=True)
class QuotaUse:
    """Where a client stands after one more request."""

    quota: int
    used: int
    resets_at: float

    @property
    def is_exceeded(self) -> bool:
        """Whether this request was one too many."""
        return self.used > self.quota

    @property
    def remaining(self) -> int:
        """How many requests are left in this window."""
        return max(0, self.quota - self.used)

    @property
    def seconds_left(self) -> int:
        """How long until the next window, rounded up."""
        return max(0, math.ceil(self.resets_at - current_time()))


class QuotaWindows:
    """Counts requests by client and bucket; a window opens with a request, or with the clock."""

    def __init__(self, length: float, aligned: bool) -> None:
        self.length = length
        self.aligned = aligned
        self.windows: dict[str, tuple[float, int]] = {}

    def consume(self, key: str, quota: int) -> QuotaUse:
        """Count one request and say where that leaves the client."""
        now = current_time()
        ends, used = self.windows.get(key, (0.0, 0))
        if now >= ends:
            ends, used = self._window_end(now), 0
        self.windows[key] = (ends, used + 1)
        return QuotaUse(quota, used + 1, ends)

    def _window_end(self, now: float) -> float:
        return (now // self.length + 1) * self.length if self.aligned else now + self.length
