"""Remove e-mail addresses and leaked tokens from everything that is stored or printed (pure)."""

from __future__ import annotations

import re
from dataclasses import replace

from crawler.response import Event, Observation, Page, Reject

# The @ may be plain or escaped. Every repetition is bounded, so that a long body takes linear time.
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
    """Replace every e-mail address, and every token of the Hub or of a judge.

    >>> redact_bytes(b'{"email": "jo.doe@mail.example.org", "name": "@types/node"}')
    b'{"email": "[address removed]", "name": "@types/node"}'
    """
    return _TOKEN.sub(TOKEN_REMOVED, _ADDRESS.sub(ADDRESS_REMOVED, body))


def may_contain_address(json: bytes) -> bool:
    r"""Return whether a JSON text has the @ of an address, plain or escaped.

    >>> [may_contain_address(text) for text in (b'"a@b.example"', b'"a\\u0040b.example"', b'"a/b"')]
    [True, True, False]
    """
    return b"@" in json or b"%40" in json or b"\\u" in json


def redact_page(page: Page, keep_body: bool) -> Page:
    """Return a page as it may be stored: redacted everywhere, and without its body unless `keep_body`."""
    return replace(
        redact_urls(page),
        observations=tuple(map(redact_observation, page.observations)),
        body=redact_bytes(page.body) if keep_body and page.body is not None else None,
        rejects=tuple(map(redact_reject, page.rejects)),
        events=tuple(map(redact_event, page.events)),
    )


def redact_urls(page: Page) -> Page:
    """Redact the URLs of a page. A registry may put anything into the URL of the next page."""
    return replace(page, url=redact_text(page.url), next_url=page.next_url and redact_text(page.next_url))


def redact_observation(observation: Observation) -> Observation:
    """Redact what authors write into tags and names of an observation."""
    parents, libraries = observation.parents, observation.libraries
    names = [name for name, _ in libraries or ()] + [parent.name for parent in parents or ()]
    texts = (*observation.attributes.values(), *names)
    if not any(text and any(marker in text for marker in SENSITIVE_MARKERS) for text in texts):
        return observation
    return replace(
        observation,
        attributes={name: value and redact_text(value) for name, value in observation.attributes.items()},
        parents=parents and tuple(replace(parent, name=redact_text(parent.name)) for parent in parents),
        libraries=libraries and tuple((redact_text(name), kind) for name, kind in libraries),
    )


def redact_event(event: Event) -> Event:
    """Redact the texts of an event."""
    before, after = (text and redact_text(text) for text in (event.before, event.after))
    return replace(event, evidence=redact_text(event.evidence), before=before, after=after)


def redact_reject(reject: Reject) -> Reject:
    """Redact the texts of a rejected row."""
    return replace(reject, raw=redact_text(reject.raw), reason=redact_text(reject.reason))


def redact_text(text: str) -> str:
    """Replace every e-mail address and token in a text."""
    return redact_bytes(text.encode("utf-8", "replace")).decode("utf-8")
