"""What a crawl fetches, and who writes its pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from crawler.response import Page, Progress


@dataclass(frozen=True)
class CrawlPlan:
    """One list of one registry, and how to request it. The list is the whole registry if `k` is None.

    `max_seconds` limits both the duration of a crawl and the age at which an open snapshot can be resumed.
    """

    registry: str
    k: int | None
    ordered_by: str | None = None
    endpoint: str = ""
    with_counters: bool = True
    keep_bodies: bool = True
    settings: Mapping[str, object] = field(default_factory=dict)
    max_seconds: int = 6 * 3600

    @property
    def top(self) -> int:
        """The number of places of a ranking.

        Raises:
            ValueError: the plan is a census, which has no last place.
        """
        if self.k is None:
            raise ValueError("a census has no last place")
        return self.k


@dataclass(frozen=True)
class ListedRegistry:
    """A registry that a service is known to have: its orders, and what its counters mean."""

    name: str
    orders: tuple[str, ...]
    counts: str


class PageRecorder(Protocol):
    """Writes the pages of one crawl. Spiders and pipelines know a recorder only by these members."""

    @property
    def last_id(self) -> str:
        """The largest stable id of a census ordered by id; empty at its beginning."""

    @property
    def newest_ids(self) -> frozenset[str]:
        """The stable ids of the last page of a names census; empty at its beginning."""

    def store_page(self, spider: Any, page: Page, quota: str) -> Progress:
        """Store one page and return the progress of the crawl."""

    def is_stuck(self, page: Page, max_pages_without_new: int) -> bool:
        """Return whether the last pages of the list brought no new package."""
