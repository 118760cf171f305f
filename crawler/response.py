"""What a spider takes and gives: an answer of a registry, and the page that was read from it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from db.rows import CensusPage, Event, Observation, Page, Parent, Progress, Registry, Reject

__all__ = ["CensusPage", "Event", "HttpResponse", "Observation", "Page", "Parent", "Progress", "Registry", "Reject"]


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """An HTTP answer without its transport: header names are lower case; `fetched_at` is seconds since 1970 UTC."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    fetched_at: int
    skew: int | None = None

    @property
    def sha256(self) -> str:
        """The hash of the body as it was received, before anything was removed from it."""
        return hashlib.sha256(self.body).hexdigest()
