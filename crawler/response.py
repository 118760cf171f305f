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

    `skew` is by how many seconds the local clock is ahead of the registry's, None if unknown. `hidden` rows were
    dropped from the body because the public does not see them. If `ends_hidden`, the last row is one of them.
    `as_received` is then the whole body. `notes` become events of the page.
    """

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    fetched_at: int
    skew: int | None = None
    hidden: int = 0
    ends_hidden: bool = False
    as_received: bytes = b""
    notes: tuple[Event, ...] = ()

    @property
    def size(self) -> int:
        """The size of the body as received."""
        return len(self.as_received or self.body)

    @property
    def sha256(self) -> str:
        """The hash of the body as received, before any row was dropped and before any redaction."""
        return hashlib.sha256(self.as_received or self.body).hexdigest()
