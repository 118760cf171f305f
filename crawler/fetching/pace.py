"""Waiting times: quotas, Retry-After and exponential backoff, as arithmetic (pure)."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

MAX_WAIT = 15 * 60.0  # seconds, for one request; before a longer wait the crawl stops, to be resumed later
MAX_ATTEMPTS = 6
PASSING_STATUSES = {408, 421, 423, 425, 429, 499}  # refusals that concern the moment, and not the request
EPSILON = 0.001  # seconds: a rounded sum may end just before its window, where the request would count for the old one
_QUOTA = re.compile(r'"(\w{1,40})"\s*;\s*r\s*=\s*(\d{1,9})\s*;\s*t\s*=\s*(\d{1,6})')
_POLICY = re.compile(r"q\s*=\s*(\d{1,9})\s*;\s*w\s*=\s*(\d{1,6})")


def passes_later(status: int) -> bool:
    """Return whether the same request may be answered later: any failure of a server, and any success without a body.

    A firewall that tests a client answers 202. The services in front of a server have statuses of their own above 505.

    >>> [passes_later(status) for status in (202, 421, 429, 507, 599)], passes_later(200), passes_later(404)
    ([True, True, True, True, True], False, False)
    """
    return 200 < status < 300 or status >= 500 or status in PASSING_STATUSES


@dataclass(frozen=True, slots=True)
class Quota:
    """The stated quota of a registry: `remaining` requests of `limit` for the next `reset_in` seconds."""

    bucket: str
    remaining: int
    reset_in: float
    limit: int | None = None


def read_quota(headers: Mapping[str, str]) -> Quota | None:
    """Return the quota in the headers of a response, in either of the two dialects, None if there is none.

    The reset time of `x-ratelimit-*` is a time of the server's clock, so it is compared with the server's Date.

    >>> read_quota({"ratelimit": '"api";r=497;t=168', "ratelimit-policy": '"fixed window";"api";q=500;w=300'})
    Quota(bucket='api', remaining=497, reset_in=168.0, limit=500)
    >>> read_quota({"ratelimit": "nonsense"})
    """
    quota = _QUOTA.search(headers.get("ratelimit", "")[:200])
    if quota:
        policy = _POLICY.search(headers.get("ratelimit-policy", "")[:200])
        return Quota(quota[1], int(quota[2]), float(quota[3]), int(policy[1]) if policy else None)
    remaining = parse_int(headers.get("x-ratelimit-remaining"))
    reset = parse_int(headers.get("x-ratelimit-reset"))
    now = read_date(headers.get("date", ""))
    if remaining is None or reset is None or now is None:
        return None
    bucket, limit = headers.get("x-ratelimit-tier", "hour")[:40], parse_int(headers.get("x-ratelimit-limit"))
    return Quota(bucket, remaining, max(0.0, reset - now), limit)


def read_date(text: str) -> int | None:
    """Return an HTTP date as seconds since 1970, None if the text is not a date.

    >>> read_date("Mon, 23 Nov 2026 13:00:00 GMT")
    1795438800
    """
    try:
        return int(parsedate_to_datetime(text[:100]).timestamp())
    except (TypeError, ValueError, IndexError, OverflowError):
        return None


def read_retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of a Retry-After header in either form, None if there is no valid one.

    >>> read_retry_after({"retry-after": "7"})
    7.0
    >>> read_retry_after({"retry-after": "Mon, 23 Nov 2026 13:00:30 GMT", "date": "Mon, 23 Nov 2026 13:00:00 GMT"})
    30.0
    """
    text = headers.get("retry-after", "").strip()
    seconds = parse_int(text)
    if seconds is not None:
        return float(seconds)
    until, now = read_date(text), read_date(headers.get("date", ""))
    return float(max(0, until - now)) if until is not None and now is not None else None


def seconds_after_429(headers: Mapping[str, str], attempt: int) -> float:
    """Return the seconds until a retry: what the headers state, else 60, 120, 240, and 300 from then on.

    >>> seconds_after_429({"ratelimit": '"api";r=0;t=52'}, 1)
    53.0
    >>> seconds_after_429({}, 1), seconds_after_429({}, 4)
    (60.0, 300.0)
    """
    stated_wait = read_retry_after(headers)
    if stated_wait is not None:
        return stated_wait + 1
    quota = read_quota(headers)
    if quota and quota.remaining == 0:
        return quota.reset_in + 1
    return float(min(300, 60 * 2 ** (attempt - 1)))


def backoff_seconds(attempt: int, retry_for: float, jitter: float) -> float | None:
    """Return the seconds to wait after attempt number `attempt` failed, None after the last attempt.

    The waits are 1, 2, 4, … 32 sixty-fourths of `retry_for`: six attempts, about `retry_for` seconds in all.
    `jitter` (0 to 1) multiplies each wait by 0.5 to 1.5, so that many clients do not return at the same moment.

    >>> [backoff_seconds(n, 128, 0.5) for n in (1, 2, 6, 7)]
    [2.0, 4.0, 64.0, None]
    """
    if attempt > MAX_ATTEMPTS:
        return None
    return retry_for / 64 * float(2 ** (attempt - 1)) * (0.5 + jitter)


class QuotaBudget:
    """The remaining requests of one host in its current window, by the quota of its latest response."""

    def __init__(self, share: float = 1.0) -> None:
        """Create a budget that uses a share of the quota, above 0 and up to 1."""
        self._share = share
        self._remaining = math.inf
        self._limit: int | None = None
        self._resets_at = -math.inf

    def consume(self, now: float) -> None:
        """Count a request that is sent."""
        if now >= self._resets_at:
            self._remaining = math.inf if self._limit is None else self._limit
        self._remaining -= 1

    def update(self, quota: Quota, now: float) -> None:
        """Apply the quota of a response. A late response cannot raise the remaining requests of a window."""
        resets_at = now + quota.reset_in + 1  # registries round the seconds down
        same_window = now < self._resets_at and abs(resets_at - self._resets_at) < 3
        self._remaining = min(self._remaining, quota.remaining) if same_window else quota.remaining
        self._resets_at = min(self._resets_at, resets_at) if same_window else resets_at
        self._limit = quota.limit or self._limit

    def seconds_to_wait(self, now: float) -> float:
        """Return the seconds until the next request may be sent, 0 if at once."""
        reserve = 0 if self._limit is None else math.floor(self._limit * (1 - self._share))
        return 0.0 if self._remaining > reserve or now >= self._resets_at else self._resets_at - now + EPSILON

    def __str__(self) -> str:
        """Return the quota in words."""
        if math.isinf(self._remaining):
            return "quota not stated"
        return f"quota {self._remaining:.0f}/{self._limit or '?'}"


def parse_int(text: str | None) -> int | None:
    """Return the number in a header, None if the text is not a number of at most 12 digits."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= 12 else None
