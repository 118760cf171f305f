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
NEXT_LINK = re.compile(r'<([^<>]{1,4000})>\s{0,9};\s{0,9}rel="next"')
MAX_LINK_LENGTH = 20_000
MAX_AGE_DIGITS = 9


def make_page(
    role: str,
    response: HttpResponse,
    received: int,
    observations: Iterable[Observation] = (),
    rejects: Iterable[Reject] = (),
    events: Iterable[Event] = (),
    disorder: int = 0,
    next_url: str | None = None,
    body: bytes | None = None,
) -> Page:
    """Return a page with the provenance of its response. `received` counts the rows that the response still has."""
    headers = {name: redact_text(response.headers[name]) for name in STORED_HEADERS if name in response.headers}
    return Page(
        role, response.url, response.fetched_at, response.status, response.size, response.sha256, headers,
        received + response.hidden, _read_age(response), response.skew, tuple(observations), tuple(rejects),
        (*response.notes, *events), disorder, next_url, body,
        "redacted" if body is response.body and not response.hidden else "reduced", response.hidden,
    )  # fmt: skip


def _read_age(response: HttpResponse) -> int | None:
    age = response.headers.get("age", "")
    return int(age) if age.isascii() and age.isdigit() and len(age) <= MAX_AGE_DIGITS else None


def next_link(response: HttpResponse) -> str | None:
    """Return the URL of the next page from the Link header, or None if there is none."""
    match = NEXT_LINK.search(response.headers.get("link", "")[:MAX_LINK_LENGTH])
    return match[1] if match else None
