"""Remove personal addresses from a body before it is kept (pure)."""

from __future__ import annotations

import dataclasses
import re

from crawler.items import Observation, Page

# The @ may be written as it is or escaped. Each class is bounded, so that a long body takes linear time.
_ADDRESS = re.compile(
    rb"[A-Za-z0-9._%+'-]{1,64}(?:@|\\u0040|%40)(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![A-Za-z0-9-])",
    re.IGNORECASE,
)
PUT_INSTEAD = b"[address removed]"


def without_addresses(body: bytes) -> bytes:
    """The body with every e-mail address replaced.

    >>> without_addresses(b'{"email": "jo.doe@mail.example.org", "name": "@types/node"}')
    b'{"email": "[address removed]", "name": "@types/node"}'
    """
    return _ADDRESS.sub(PUT_INSTEAD, body)


def redacted(page: Page, keep_body: bool) -> Page:
    """The page as it may be stored: no address in its rows, body, rejects or events; no body if none is kept."""
    return dataclasses.replace(
        page,
        observations=tuple(map(_observation, page.observations)),
        body=without_addresses(page.body) if keep_body and page.body is not None else None,
        rejects=tuple(dataclasses.replace(reject, raw=_text(reject.raw)) for reject in page.rejects),
        events=tuple(dataclasses.replace(event, evidence=_text(event.evidence)) for event in page.events),
    )


def _observation(seen: Observation) -> Observation:
    """What authors write into tags is kept without addresses too."""
    if not any(value and "@" in value for value in seen.attributes.values()):
        return seen
    cleaned = {name: value and _text(value) for name, value in seen.attributes.items()}
    return dataclasses.replace(seen, attributes=cleaned)


def _text(text: str) -> str:
    return without_addresses(text.encode("utf-8", "replace")).decode("utf-8")
