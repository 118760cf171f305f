"""The response of a registry, and the rows that spiders make of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from db.rows import CensusPage, Event, Observation, Page, Parent, Progress, Registry, Reject

__all__ = ["CensusPage", "Event", "HttpResponse", "Observation", "Page", "Parent", "Progress", "Registry", "Reject"]


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """An HTTP response without its transport: header names are in lower case, `fetched_at` is seconds since 1970 UTC.

    `skew` is by how many seconds the local clock is ahead of the registry's, None if unknown. `received_sha256` is the
    hash of the body as received, if the body is another one since. `hidden` rows were dropped from the body because the
    public does not see them. If `ends_hidden`, the last row is one of them. `notes` become events of the page.
    """

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    fetched_at: int
    skew: int | None = None
    received_sha256: str = ""
    hidden: int = 0
    ends_hidden: bool = False
    notes: tuple[Event, ...] = ()

    @property
    def sha256(self) -> str:
        """The hash of the body as received, before any redaction."""
        return self.received_sha256 or hashlib.sha256(self.body).hexdigest()
