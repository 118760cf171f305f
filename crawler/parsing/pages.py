"""A page and the URL of the next page, from a response (pure)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from crawler.parsing.redact import in_text
from crawler.response import Answer, Event, Observation, Page, Reject

KEPT_HEADERS = (
    "age", "cf-cache-status", "current-page", "date", "etag", "last-modified", "page-items", "ratelimit",
    "ratelimit-policy", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "x-ratelimit-tier",
    "x-request-id",
)  # fmt: skip


def page_of(
    role: str, answer: Answer, received: int, observations: Iterable[Observation] = (), rejects: Iterable[Reject] = (),
    events: Iterable[Event] = (), disorder: int = 0, next_url: str | None = None, body: bytes | None = None,
) -> Page:  # fmt: skip
    """A page with the provenance of its answer."""
    kept = {name: in_text(answer.headers[name]) for name in KEPT_HEADERS if name in answer.headers}
    age = answer.headers.get("age", "")
    return Page(
        role, answer.url, answer.fetched_at, answer.status, len(answer.body), answer.sha256, kept, received,
        int(age) if age.isascii() and age.isdigit() and len(age) < 10 else None, answer.skew, tuple(observations),
        tuple(rejects), tuple(events), disorder, next_url, body, "redacted" if body is answer.body else "reduced",
    )  # fmt: skip


def next_link(answer: Answer) -> str | None:
    """The address of the next page, as the answer's Link header gives it."""
    found = re.search(r'<([^<>]{1,4000})>\s{0,9};\s{0,9}rel="next"', answer.headers.get("link", "")[:20000])
    return found[1] if found else None
