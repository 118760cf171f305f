"""A page and the URL of the next page, from a response (pure)."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urljoin

import weblinking

from crawler.parsing.redact import redact_text
from crawler.response import Event, HttpResponse, Observation, Page, Reject

STORED_HEADERS = (
    "age", "cf-cache-status", "current-page", "date", "etag", "last-modified", "page-items", "ratelimit",
    "ratelimit-policy", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "x-ratelimit-tier",
    "x-request-id",
)  # fmt: skip
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
        role, response.url, response.fetched_at, response.status, len(response.body), response.sha256, headers,
        received + response.hidden, _read_age(response), response.skew, tuple(observations), tuple(rejects),
        (*response.notes, *events), disorder, next_url, body,
        "redacted" if body is response.body and not response.hidden else "reduced", response.hidden,
    )  # fmt: skip


def _read_age(response: HttpResponse) -> int | None:
    age = response.headers.get("age", "")
    return int(age) if age.isascii() and age.isdigit() and len(age) <= MAX_AGE_DIGITS else None


def next_link(response: HttpResponse) -> str | None:
    """Return the URL of the next page from the Link header in any form of RFC 8288, or None if there is none."""
    for link in weblinking.parse(response.headers.get("link", "")[:MAX_LINK_LENGTH]):
        relations = (link.get("rel") or "").lower().replace("'", " ").split()  # some servers use single quotes
        if "next" in relations and link.uri and _is_same_page(link.anchor, response.url):
            return _resolve_url(response.url, link.uri)
    return None


def is_full_page(received: int, requested: int, unit: int) -> bool:
    """Return whether a list may continue after a page, although the page names no next one.

    A server that makes smaller pages than requested makes them of a multiple of `unit` rows.

    >>> is_full_page(999, 999, 100), is_full_page(500, 1000, 100), is_full_page(317, 1000, 100), is_full_page(0, 0, 100)
    (True, True, False, False)
    """
    return 0 < requested <= received or (received > 0 and received % unit == 0)


def _is_same_page(anchor: str | None, url: str) -> bool:
    """Return whether a link is about the page itself. An anchor names another one."""
    return anchor is None or _resolve_url(url, anchor).partition("#")[0] == url.partition("#")[0]


def _resolve_url(base: str, reference: str) -> str:
    """Return the absolute URL of a reference. A reference that is no URL is returned as it is."""
    try:
        return urljoin(base, reference)
    except ValueError:
        return reference
