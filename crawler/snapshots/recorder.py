"""One snapshot being taken: begun with its first page, gone on with after a kill, judged and ended."""

from __future__ import annotations

import time
from collections.abc import Callable

from crawler.parsing.redact import redacted, redacted_way
from crawler.plan import Plan
from crawler.quality.names_gate import missed, pages_of
from crawler.response import CensusPage, Page, Progress
from crawler.snapshots.ending import end_snapshot
from crawler.spiders import RegistrySpider
from db import __version__
from db.census.names_writer import NamesStore
from db.census.writer import CensusStore
from db.rows import Asked
from db.store import Resumable, Store


class Recording:
    """Where a crawl writes. The first questions of a crawl are held back until a page of the list has come: a crawl
    that learns nothing leaves a failed snapshot, and nothing that looks taken."""

    def __init__(self, store: Store, resumed: Resumable | None, show: Callable[[Page, Progress, str], None]) -> None:
        self._store = store
        self._show = show
        self._held_back: list[Page] = []
        self._idle_pages = 0
        self.snapshot = resumed.snapshot if resumed else None
        self.progress = store.progress(resumed.snapshot) if resumed else Progress()

    def take(self, spider: RegistrySpider, page: Page, quota: str) -> Progress:
        """Store a page, and show how far the snapshot has come and what is left of the quota."""
        # the rows of a census are made without addresses
        census = isinstance(page, CensusPage)
        page = redacted_way(page) if census else redacted(page, spider.plan.keep_bodies)
        if self.snapshot is None and page.role == "probe":
            self._held_back.append(page)
        else:
            self._begin(spider, page.fetched_at)
            before = self.progress
            self.progress = self._store.record(self.snapshot or 0, page)
            self._idle_pages = self._idle_pages + 1 if self.progress.depth == before.depth else 0
        self._show(page, self.progress, quota)
        return self.progress

    @property
    def last_id(self) -> str:
        """The largest stable id that a census has come to."""
        census = isinstance(self._store, CensusStore) and self.snapshot is not None
        return self._store.last_id(self.snapshot) if census else ""

    @property
    def newest_ids(self) -> frozenset[str]:
        """The stable ids of the last page of a census that is in no order of them."""
        census = isinstance(self._store, NamesStore) and self.snapshot is not None
        return self._store.newest_ids(self.snapshot) if census else frozenset()

    def missed(self) -> int | None:
        """About how many packages the snapshot lacks, where there is an estimate."""
        pages = pages_of(self._store.ask("names_pages", snapshot=self.snapshot))
        found = missed(pages, self.progress.depth)
        return found and found.about

    def stuck(self, page: Page, idle_pages: int) -> bool:
        """Whether the list goes round in circles: so many pages of it in a row brought no new package."""
        return page.role == "ranking" and self._idle_pages >= idle_pages

    def fail(self, spider: RegistrySpider, reason: str) -> None:
        """Keep on record that a snapshot was tried and why it came to nothing."""
        now = int(time.time())
        self._begin(spider, now)
        self._store.end(self.snapshot or 0, "failed", [], reason, now)

    def end(self, reason: str | None = None) -> tuple[str, str | None]:
        """Let the gate judge what is stored, and end the snapshot; its status and why.

        With a `reason` it was broken off, and is not complete whatever the gate says.
        """
        return end_snapshot(self._store, self.snapshot or 0, reason)

    def _begin(self, spider: RegistrySpider, at: int) -> None:
        if self.snapshot is not None:
            return
        plan = spider.plan
        asked = Asked(
            spider.registry(), spider.ordered_by, spider.counter, plan.k, plan.endpoint, "the clock at its first page",
            taken_at=at, started_at=at,
            settings={**spider.learned, "version": __version__, "with_counters": plan.with_counters,
                      "longest": plan.longest},
        )  # fmt: skip
        with self._store.transaction():
            self.snapshot = self._store.begin(asked)
            for page in self._held_back:
                self._store.record(self.snapshot, page)


def resume_or_close(store: Store, plan: Plan, ordered_by: str, resume: bool, now: int) -> Resumable | None:
    """The open snapshot to go on with, if one was asked for, is young enough and of the same endpoint; all others are
    ended as partial.

    We hold the writer's lock, so whoever opened them is gone.
    """
    going_on = None
    for found in store.resumable(plan.registry, ordered_by, plan.k):
        old = not -60 <= now - found.started_at <= plan.longest
        same = found.source == plan.endpoint
        if resume and same and not old and going_on is None and found.last_page is not None:
            going_on = found
        else:
            why = "too old to be gone on with" if resume and old else "a later crawl began anew"
            why = why if same else "a later crawl asked another endpoint"
            end_snapshot(store, found.snapshot, f"interrupted, and {why}")
    return going_on
