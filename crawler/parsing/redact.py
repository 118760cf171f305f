"""Remove personal addresses, and tokens that somebody let slip, from what is kept or told (pure)."""

from __future__ import annotations

import dataclasses
import re

from crawler.response import Event, Observation, Page, Reject

# The @ may be written as it is or escaped. Each class is bounded, so that a long body takes linear time.
_ADDRESS = re.compile(
    rb"[A-Za-z0-9_\x80-\xff][A-Za-z0-9._%+'\x80-\xff-]{0,63}(?:@|\\u0040|%40)"
    rb"(?:[A-Za-z0-9\x80-\xff-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![A-Za-z0-9-])",
    re.IGNORECASE,
)
_TOKEN = re.compile(
    rb"(?<![A-Za-z0-9_])hf_[A-Za-z0-9]{30,200}"
    rb"|(?<![A-Za-z0-9_-])sk-(?=[A-Za-z0-9_-]{0,60}[0-9])(?=[A-Za-z0-9_-]{0,60}[A-Z])[A-Za-z0-9_-]{20,200}"
)
PUT_INSTEAD = b"[address removed]"
TOKEN_REMOVED = b"[token removed]"
SIGNS = ("@", "%40", "hf_", "sk-")


def without_addresses(body: bytes) -> bytes:
    """The body with every e-mail address replaced, and every token of the Hub or of a judge.

    >>> without_addresses(b'{"email": "jo.doe@mail.example.org", "name": "@types/node"}')
    b'{"email": "[address removed]", "name": "@types/node"}'
    """
    return _TOKEN.sub(TOKEN_REMOVED, _ADDRESS.sub(PUT_INSTEAD, body))


def may_hold_address(json: bytes) -> bool:
    r"""Whether a text of JSON has what an address needs, as it is or escaped.

    >>> may_hold_address(b'"a@b.example"'), may_hold_address(b'"a\\u0040b.example"'), may_hold_address(b'"a/b"')
    (True, True, False)
    """
    return b"@" in json or b"%40" in json or b"\\u" in json


def redacted(page: Page, keep_body: bool) -> Page:
    """The page as it may be stored: no address in its rows, body, rejects, events or addresses; no body if none is
    kept."""
    return dataclasses.replace(
        redacted_way(page),
        observations=tuple(map(without_addresses_in, page.observations)),
        body=without_addresses(page.body) if keep_body and page.body is not None else None,
        rejects=tuple(map(redacted_reject, page.rejects)),
        events=tuple(map(redacted_event, page.events)),
    )


def redacted_way(page: Page) -> Page:
    """The page without what a registry may have put into the address of the next one."""
    return dataclasses.replace(page, url=in_text(page.url), next_url=page.next_url and in_text(page.next_url))


def without_addresses_in(seen: Observation) -> Observation:
    """What authors write into tags is kept without addresses too."""
    said = (
        *seen.attributes.values(),
        *(name for name, _ in seen.libraries or ()),
        *(p.name for p in seen.parents or ()),
    )
    if not any(value and any(sign in value for sign in SIGNS) for value in said):
        return seen
    parents, libraries = seen.parents, seen.libraries
    return dataclasses.replace(
        seen,
        attributes={name: value and in_text(value) for name, value in seen.attributes.items()},
        parents=parents and tuple(dataclasses.replace(one, name=in_text(one.name)) for one in parents),
        libraries=libraries and tuple((in_text(name), kind) for name, kind in libraries),
    )


def redacted_event(event: Event) -> Event:
    """The event without addresses."""
    before, after = (text and in_text(text) for text in (event.before, event.after))
    return dataclasses.replace(event, evidence=in_text(event.evidence), before=before, after=after)


def redacted_reject(reject: Reject) -> Reject:
    """The reject without addresses."""
    return dataclasses.replace(reject, raw=in_text(reject.raw), reason=in_text(reject.reason))


def in_text(text: str) -> str:
    """The same of a text."""
    return without_addresses(text.encode("utf-8", "replace")).decode("utf-8")
