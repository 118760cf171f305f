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
ADDRESS_REMOVED = b"[address removed]"
TOKEN_REMOVED = b"[token removed]"
SENSITIVE_MARKERS = ("@", "%40", "hf_", "sk-")


def redact_bytes(body: bytes) -> bytes:
    """The body with every e-mail address replaced, and every token of the Hub or of a judge.

    >>> redact_bytes(b'{"email": "jo.doe@mail.example.org", "name": "@types/node"}')
    b'{"email": "[address removed]", "name": "@types/node"}'
    """
    return _TOKEN.sub(TOKEN_REMOVED, _ADDRESS.sub(ADDRESS_REMOVED, body))


def may_contain_address(json: bytes) -> bool:
    r"""Whether a text of JSON has what an address needs, as it is or escaped.

    >>> may_contain_address(b'"a@b.example"'), may_contain_address(b'"a\\u0040b.example"'), may_contain_address(b'"a/b"')
    (True, True, False)
    """
    return b"@" in json or b"%40" in json or b"\\u" in json


def redact_page(page: Page, keep_body: bool) -> Page:
    """The page as it may be stored: no address in its rows, body, rejects, events or addresses; no body if none is
    kept."""
    return dataclasses.replace(
        redact_urls(page),
        observations=tuple(map(redact_observation, page.observations)),
        body=redact_bytes(page.body) if keep_body and page.body is not None else None,
        rejects=tuple(map(redact_reject, page.rejects)),
        events=tuple(map(redact_event, page.events)),
    )


def redact_urls(page: Page) -> Page:
    """The page without what a registry may have put into the address of the next one."""
    return dataclasses.replace(page, url=redact_text(page.url), next_url=page.next_url and redact_text(page.next_url))


def redact_observation(observation: Observation) -> Observation:
    """What authors write into tags is kept without addresses too."""
    said = (
        *observation.attributes.values(),
        *(name for name, _ in observation.libraries or ()),
        *(p.name for p in observation.parents or ()),
    )
    if not any(value and any(sign in value for sign in SENSITIVE_MARKERS) for value in said):
        return observation
    parents, libraries = observation.parents, observation.libraries
    return dataclasses.replace(
        observation,
        attributes={name: value and redact_text(value) for name, value in observation.attributes.items()},
        parents=parents and tuple(dataclasses.replace(one, name=redact_text(one.name)) for one in parents),
        libraries=libraries and tuple((redact_text(name), kind) for name, kind in libraries),
    )


def redact_event(event: Event) -> Event:
    """The event without addresses."""
    before, after = (text and redact_text(text) for text in (event.before, event.after))
    return dataclasses.replace(event, evidence=redact_text(event.evidence), before=before, after=after)


def redact_reject(reject: Reject) -> Reject:
    """The reject without addresses."""
    return dataclasses.replace(reject, raw=redact_text(reject.raw), reason=redact_text(reject.reason))


def redact_text(text: str) -> str:
    """The same of a text."""
    return redact_bytes(text.encode("utf-8", "replace")).decode("utf-8")
