"""Fixed windows of real time, as both sites count requests."""

from __future__ import annotations

import math
from dataclasses import dataclass

from simulation.http.messages import real_now


@dataclass(frozen=True, slots=True)
class Spent:
    """Where a client stands after one more request."""

    quota: int
    used: int
    ends: float

    @property
    def over(self) -> bool:
        """Whether this request was one too many."""
        return self.used > self.quota

    @property
    def remaining(self) -> int:
        """How many requests are left in this window."""
        return max(0, self.quota - self.used)

    @property
    def seconds(self) -> int:
        """How long until the next window, rounded up."""
        return max(0, math.ceil(self.ends - real_now()))


class Windows:
    """Counts requests by client and bucket; a window opens with a request, or with the clock."""

    def __init__(self, length: float, aligned: bool) -> None:
        self.length = length
        self.aligned = aligned
        self.open: dict[str, tuple[float, int]] = {}

    def spend(self, key: str, quota: int) -> Spent:
        """Count one request and say where that leaves the client."""
        now = real_now()
        ends, used = self.open.get(key, (0.0, 0))
        if now >= ends:
            ends, used = self._end_of_window(now), 0
        self.open[key] = (ends, used + 1)
        return Spent(quota, used + 1, ends)

    def _end_of_window(self, now: float) -> float:
        return (now // self.length + 1) * self.length if self.aligned else now + self.length
