"""Remove e-mail addresses and leaked tokens from everything that is stored or printed (pure)."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace

from crawler.response import Event, HttpResponse, Observation, Page, Reject
from db.private_text import find_private_text, remove_addresses, remove_private_text, remove_values
from db.rows import SnapshotSpec

EXCERPT_MARGIN = 8_000  # characters that are searched beyond the end of an excerpt
ASCII_ESCAPE = re.compile(
    rb"\\(?:u00[2-7]|/)|%[2-7][0-9A-Fa-f]|&(?:#|amp)"
)  # of a character that a credential may have
REVISION = re.compile("[0-9a-f]{40}")


def redact_text(text: str) -> str:
    """Replace every e-mail address and token in a text."""
    return remove_private_text(text).encode("utf-8", "replace").decode("utf-8")


def redact_bytes(body: bytes, credentials: Collection[str] = ()) -> bytes:
    """Replace every e-mail address, token and credential.

    >>> redact_bytes(b'{"email": "jo.doe@mail.example.org", "name": "@types/node"}')
    b'{"email": "[address removed]", "name": "@types/node"}'
    """
    text = body.decode("utf-8", "surrogateescape")
    return remove_private_text(text, credentials).encode("utf-8", "surrogateescape")


def excerpt(text: str, length: int) -> str:
    """Return the beginning of a text. It is redacted first: half an address or token would not be recognised.

    >>> excerpt("from jo@lab.example and others", 14)
    'from [address '
    """
    return redact_text(text[: length + EXCERPT_MARGIN])[:length]


def redact_response(response: HttpResponse, credentials: Collection[str]) -> HttpResponse:
    """Return a response without the credentials of this run, which a server may echo anywhere.

    >>> redact_response(HttpResponse("u", 200, {"x": "of my-secret-1"}, b'["my-secret-1"]', 0), ("my-secret-1",)).body
    b'["[token removed]"]'
    """
    headers = {name: remove_values(value, credentials) for name, value in response.headers.items()}
    body = response.body
    if ASCII_ESCAPE.search(body) or any(value.encode() in body for value in credentials):
        text = body.decode("utf-8", "surrogateescape")
        body = remove_values(text, credentials).encode("utf-8", "surrogateescape")
    if body == response.body and headers == response.headers:
        return response
    return replace(response, headers=headers, body=body, received_sha256=response.sha256)


def redact_json(value: object) -> object:
    """Return a JSON value whose texts are redacted.

    >>> redact_json({"a": ["jo@lab.example", 1]})
    {'a': ['[address removed]', 1]}
    """
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, Mapping):
        return {name: redact_json(entry) for name, entry in value.items()}
    return [redact_json(entry) for entry in value] if isinstance(value, list) else value


def redact_spec(spec: SnapshotSpec) -> SnapshotSpec:
    """Return what a snapshot is of, as it may be stored. Its settings have what the first responses said."""
    settings = {name: redact_json(value) for name, value in spec.settings.items()}
    counter, source, evidence = map(redact_text, (spec.counter, spec.source, spec.date_evidence))
    return replace(spec, counter=counter, source=source, date_evidence=evidence, settings=settings)


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
    """Redact what authors write into the fields of an observation. Names are not searched for tokens."""
    parents, libraries = observation.parents, observation.libraries
    sha = observation.sha if observation.sha and not REVISION.fullmatch(observation.sha) else None
    names = [name for name, _ in libraries or ()] + [parent.name for parent in parents or ()]
    if not find_private_text("\n".join(filter(None, (sha, *observation.attributes.values(), *names)))):
        return observation
    return replace(
        observation,
        sha=redact_text(sha) if sha else observation.sha,
        attributes={name: value and redact_text(value) for name, value in observation.attributes.items()},
        parents=parents and tuple(replace(parent, name=remove_addresses(parent.name)) for parent in parents),
        libraries=libraries and tuple((redact_text(name), kind) for name, kind in libraries),
    )


def redact_event(event: Event) -> Event:
    """Redact the texts of an event."""
    before, after = (text and redact_text(text) for text in (event.before, event.after))
    return replace(event, evidence=redact_text(event.evidence), before=before, after=after)


def redact_reject(reject: Reject) -> Reject:
    """Redact the texts of a rejected row."""
    return replace(reject, raw=redact_text(reject.raw), reason=redact_text(reject.reason))
