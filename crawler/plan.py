"""What a crawl is to fetch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from crawler.response import Page, Progress


@dataclass(frozen=True)
class CrawlPlan:
    """What a crawl is to look at: one list of one registry (all of it if `k` is None), where and how to ask for it, and
    how many seconds it may take, or lie open until it is gone on with."""

    registry: str
    k: int | None
    ordered_by: str | None = None
    endpoint: str = ""
    with_counters: bool = True
    keep_bodies: bool = True
    settings: Mapping[str, object] = field(default_factory=dict)
    max_seconds: int = 6 * 3600


class PageRecorder(Protocol):
    """Writes the pages of one crawl. Spiders and pipelines know a recorder only by these members."""

    @property
    def last_id(self) -> str:
        """The largest stable id of the pages of a census stored so far."""

    @property
    def newest_ids(self) -> frozenset[str]:
        """The stable ids of the last stored page of a census without an order of ids."""

    def store_page(self, spider: Any, page: Page, quota: str) -> Progress:
        """Store one page and return the progress of the crawl."""

    def is_stuck(self, page: Page, max_pages_without_new: int) -> bool:
        """Return whether the last `idle_pages` pages brought no new package."""
