"""Remove personal addresses from a body before it is kept (pure)."""

from __future__ import annotations

import dataclasses
import re

from crawler.items import Event, Observation, Page, Reject

# The @ may be written as it is or escaped. Each class is bounded, so that a long body takes linear time.
_ADDRESS = re.compile(
    rb"[A-Za-z0-9_\x80-\xff][A-Za-z0-9._%+'\x80-\xff-]{0,63}(?:@|\\u0040|%40)"
    rb"(?:[A-Za-z0-9\x80-\xff-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![A-Za-z0-9-])",
    re.IGNORECASE,
)
PUT_INSTEAD = b"[address removed]"


def without_addresses(body: bytes) -> bytes:
    """The body with every e-mail address replaced.

    >>> without_addresses(b'{"email": "jo.doe@mail.example.org", "name": "@types/node"}')
    b'{"email": "[address removed]", "name": "@types/node"}'
    """
    return _ADDRESS.sub(PUT_INSTEAD, body)


def may_hold_address(json: bytes) -> bool:
    """Whether a text of JSON has what an address needs, as it is or escaped.

    >>> may_hold_address(b'"a@b.example"'), may_hold_address(b'"a\\u0040b.example"'), may_hold_address(b'"a/b"')
    (True, True, False)
    """
    return b"@" in json or b"%40" in json or b"\\u" in json


def redacted(page: Page, keep_body: bool) -> Page:
    """The page as it may be stored: no address in its rows, body, rejects or events; no body if none is kept."""
    return dataclasses.replace(
        page,
        observations=tuple(map(without_addresses_in, page.observations)),
        body=without_addresses(page.body) if keep_body and page.body is not None else None,
        rejects=tuple(map(redacted_reject, page.rejects)),
        events=tuple(map(redacted_event, page.events)),
    )


def without_addresses_in(seen: Observation) -> Observation:
    """What authors write into tags is kept without addresses too."""
    said = (
        *seen.attributes.values(),
        *(name for name, _ in seen.libraries or ()),
        *(p.name for p in seen.parents or ()),
    )
    if not any(value and ("@" in value or "%40" in value) for value in said):
        return seen
    parents, libraries = seen.parents, seen.libraries
    return dataclasses.replace(
        seen,
        attributes={name: value and _text(value) for name, value in seen.attributes.items()},
        parents=parents and tuple(dataclasses.replace(one, name=_text(one.name)) for one in parents),
        libraries=libraries and tuple((_text(name), kind) for name, kind in libraries),
    )


def redacted_event(event: Event) -> Event:
    """The event without addresses."""
    before, after = (text and _text(text) for text in (event.before, event.after))
    return dataclasses.replace(event, evidence=_text(event.evidence), before=before, after=after)


def redacted_reject(reject: Reject) -> Reject:
    """The reject without addresses."""
    return dataclasses.replace(reject, raw=_text(reject.raw), reason=_text(reject.reason))


def _text(text: str) -> str:
    return without_addresses(text.encode("utf-8", "replace")).decode("utf-8")
