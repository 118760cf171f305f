"""How long to wait: quotas, Retry-After and back-off, as arithmetic (pure)."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

MAX_WAIT = 15 * 60.0  # for one request; longer than this the crawl stops and is resumed later
_QUOTA = re.compile(r'"(\w{1,40})"\s*;\s*r\s*=\s*(\d{1,9})\s*;\s*t\s*=\s*(\d{1,6})')
_POLICY = re.compile(r"q\s*=\s*(\d{1,9})\s*;\s*w\s*=\s*(\d{1,6})")


@dataclass(frozen=True, slots=True)
class Quota:
    """What a registry says is left: `remaining` requests of `limit` until `reset_in` seconds from now."""

    bucket: str
    remaining: int
    reset_in: float
    limit: int | None = None


def read_quota(headers: Mapping[str, str]) -> Quota | None:
    """The quota an answer states, in either of the two dialects; None if it states none.

    The reset of `x-ratelimit-*` is an instant of the server's clock, so it is held against the server's own Date.

    >>> read_quota({"ratelimit": '"api";r=497;t=168', "ratelimit-policy": '"fixed window";"api";q=500;w=300'})
    Quota(bucket='api', remaining=497, reset_in=168.0, limit=500)
    >>> read_quota({"ratelimit": "nonsense"})
    """
    stated = _QUOTA.search(headers.get("ratelimit", "")[:200])
    if stated:
        policy = _POLICY.search(headers.get("ratelimit-policy", "")[:200])
        return Quota(stated[1], int(stated[2]), float(stated[3]), int(policy[1]) if policy else None)
    remaining = _parse_int(headers.get("x-ratelimit-remaining"))
    reset = _parse_int(headers.get("x-ratelimit-reset"))
    now = read_date(headers.get("date", ""))
    if remaining is None or reset is None or now is None:
        return None
    return Quota(
        headers.get("x-ratelimit-tier", "hour")[:40],
        remaining,
        max(0.0, reset - now),
        _parse_int(headers.get("x-ratelimit-limit")),
    )


def read_date(text: str) -> int | None:
    """An HTTP date as seconds since 1970; None if it is none.

    >>> read_date("Mon, 23 Nov 2026 13:00:00 GMT")
    1795438800
    """
    try:
        return int(parsedate_to_datetime(text[:100]).timestamp())
    except (TypeError, ValueError, IndexError, OverflowError):
        return None


def read_retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds a Retry-After asks for, in its two forms; None if it asks for nothing sensible.

    >>> read_retry_after({"retry-after": "7"})
    7.0
    >>> read_retry_after({"retry-after": "Mon, 23 Nov 2026 13:00:30 GMT", "date": "Mon, 23 Nov 2026 13:00:00 GMT"})
    30.0
    """
    text = headers.get("retry-after", "").strip()
    seconds = _parse_int(text)
    if seconds is not None:
        return float(seconds)
    until, now = read_date(text), read_date(headers.get("date", ""))
    return float(max(0, until - now)) if until is not None and now is not None else None


def seconds_after_429(headers: Mapping[str, str], attempt: int) -> float:
    """Seconds until it may be tried again: what the answer says, else a minute, doubled each time up to five.

    >>> seconds_after_429({"ratelimit": '"api";r=0;t=52'}, 1)
    53.0
    >>> seconds_after_429({}, 1), seconds_after_429({}, 4)
    (60.0, 300.0)
    """
    asked = read_retry_after(headers)
    if asked is not None:
        return asked + 1
    quota = read_quota(headers)
    if quota and quota.remaining == 0:
        return quota.reset_in + 1
    return float(min(300, 60 * 2 ** (attempt - 1)))


def backoff_seconds(attempt: int, retry_for: float, jitter: float) -> float | None:
    """Seconds to wait before the attempt after number `attempt` failed; None when patience is at its end.

    The waits are 1, 2, 4, … 32 sixty-fourths of `patience` (six tries, about as long as `patience` in all), each
    spread by `chance` (0 to 1) over half to one and a half of itself, so that many clients do not come back at once.

    >>> [backoff_seconds(n, 128, 0.5) for n in (1, 2, 6, 7)]
    [2.0, 4.0, 64.0, None]
    """
    if attempt > 6:
        return None
    return retry_for / 64 * 2 ** (attempt - 1) * (0.5 + jitter)


EPSILON = (
    0.001  # seconds: a sum of floats may end just before the window does, and the request would count in the old one
)


class QuotaBudget:
    """What may still be asked of one host in its current window, by what its answers said last."""

    def __init__(self, share: float = 1.0) -> None:
        """`share` is the part of the quota we allow ourselves, above 0 and up to 1."""
        self._share = share
        self._remaining = math.inf
        self._limit: int | None = None
        self._resets_at = -math.inf

    def consume(self, now: float) -> None:
        """A request goes out."""
        if now >= self._resets_at:
            self._remaining = math.inf if self._limit is None else self._limit
        self._remaining -= 1

    def update(self, quota: Quota, now: float) -> None:
        """An answer has stated the quota. In one window the rest only falls: late answers do not raise it."""
        resets_at = now + quota.reset_in + 1  # the second is cut off in what they state
        same_window = now < self._resets_at and abs(resets_at - self._resets_at) < 3
        self._remaining = min(self._remaining, quota.remaining) if same_window else quota.remaining
        self._resets_at = min(self._resets_at, resets_at) if same_window else resets_at
        self._limit = quota.limit or self._limit

    def seconds_to_wait(self, now: float) -> float:
        """Seconds until the next request may go out; 0 if at once."""
        reserve = 0 if self._limit is None else math.floor(self._limit * (1 - self._share))
        return 0.0 if self._remaining > reserve or now >= self._resets_at else self._resets_at - now + EPSILON

    def __str__(self) -> str:
        """The quota as it is shown to people."""
        if math.isinf(self._remaining):
            return "quota not stated"
        return f"quota {self._remaining:.0f}/{self._limit or '?'}"


def _parse_int(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= 12 else None
