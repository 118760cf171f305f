"""A page and the URL of the next page, from a response (pure)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from crawler.parsing.redact import redact_text
from crawler.response import Event, HttpResponse, Observation, Page, Reject

STORED_HEADERS = (
    "age", "cf-cache-status", "current-page", "date", "etag", "last-modified", "page-items", "ratelimit",
    "ratelimit-policy", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "x-ratelimit-tier",
    "x-request-id",
)  # fmt: skip


def make_page(
    role: str, response: HttpResponse, received: int, observations: Iterable[Observation] = (), rejects: Iterable[Reject] = (),
    events: Iterable[Event] = (), disorder: int = 0, next_url: str | None = None, body: bytes | None = None,
) -> Page:  # fmt: skip
    """A page with the provenance of its answer."""
    kept = {name: redact_text(response.headers[name]) for name in STORED_HEADERS if name in response.headers}
    age = response.headers.get("age", "")
    return Page(
        role, response.url, response.fetched_at, response.status, len(response.body), response.sha256, kept, received,
        int(age) if age.isascii() and age.isdigit() and len(age) < 10 else None, response.skew, tuple(observations),
        tuple(rejects), tuple(events), disorder, next_url, body, "redacted" if body is response.body else "reduced",
    )  # fmt: skip


def next_link(response: HttpResponse) -> str | None:
    """The address of the next page, as the answer's Link header gives it."""
    found = re.search(r'<([^<>]{1,4000})>\s{0,9};\s{0,9}rel="next"', response.headers.get("link", "")[:20000])
    return found[1] if found else None
