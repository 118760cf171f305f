"""One snapshot being taken: begun with its first page, gone on with after a kill, judged and ended."""

from __future__ import annotations

import time
from collections.abc import Callable

from crawler.parsing.redact import redact_page, redact_urls
from crawler.plan import CrawlPlan
from crawler.quality.names_gate import estimate_missed, read_names_pages
from crawler.response import CensusPage, Page, Progress
from crawler.snapshots.ending import end_snapshot
from crawler.spiders import RegistrySpider
from db import __version__
from db.census.names_writer import NamesCensusStore
from db.census.writer import CensusStore
from db.rows import SnapshotSpec
from db.store import ResumableSnapshot, Store


class SnapshotRecorder:
    """Where a crawl writes. The first questions of a crawl are held back until a page of the list has come: a crawl
    that learns nothing leaves a failed snapshot, and nothing that looks taken."""

    def __init__(
        self, store: Store, resumed: ResumableSnapshot | None, show: Callable[[Page, Progress, str], None]
    ) -> None:
        self._store = store
        self._show = show
        self._buffered_probes: list[Page] = []
        self._pages_without_new = 0
        self.snapshot = resumed.snapshot if resumed else None
        self.progress = store.progress(resumed.snapshot) if resumed else Progress()

    def store_page(self, spider: RegistrySpider, page: Page, quota: str) -> Progress:
        """Store a page, and show how far the snapshot has come and what is left of the quota."""
        # the rows of a census are made without addresses
        census = isinstance(page, CensusPage)
        page = redact_urls(page) if census else redact_page(page, spider.plan.keep_bodies)
        if self.snapshot is None and page.role == "probe":
            self._buffered_probes.append(page)
        else:
            self._begin(spider, page.fetched_at)
            before = self.progress
            self.progress = self._store.save_page(self.snapshot or 0, page)
            self._pages_without_new = self._pages_without_new + 1 if self.progress.depth == before.depth else 0
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
        census = isinstance(self._store, NamesCensusStore) and self.snapshot is not None
        return self._store.newest_ids(self.snapshot) if census else frozenset()

    def estimate_missed(self) -> int | None:
        """About how many packages the snapshot lacks, where there is an estimate."""
        pages = read_names_pages(self._store.query("names_census_pages", snapshot=self.snapshot))
        found = estimate_missed(pages, self.progress.depth)
        return found and found.estimate

    def is_stuck(self, page: Page, max_pages_without_new: int) -> bool:
        """Whether the list goes round in circles: so many pages of it in a row brought no new package."""
        return page.role == "ranking" and self._pages_without_new >= max_pages_without_new

    def record_failure(self, spider: RegistrySpider, reason: str) -> None:
        """Keep on record that a snapshot was tried and why it came to nothing."""
        now = int(time.time())
        self._begin(spider, now)
        self._store.end_snapshot(self.snapshot or 0, "failed", [], reason, now)

    def end_snapshot(self, reason: str | None = None) -> tuple[str, str | None]:
        """Let the gate judge what is stored, and end the snapshot; its status and why.

        With a `reason` it was broken off, and is not complete whatever the gate says.
        """
        return end_snapshot(self._store, self.snapshot or 0, reason)

    def _begin(self, spider: RegistrySpider, at: int) -> None:
        if self.snapshot is not None:
            return
        plan = spider.plan
        asked = SnapshotSpec(
            spider.describe_registry(), spider.ordered_by, spider.counter, plan.k, plan.endpoint, "the clock at its first page",
            taken_at=at, started_at=at,
            settings={**spider.probe_results, "version": __version__, "with_counters": plan.with_counters,
                      "longest": plan.max_seconds},
        )  # fmt: skip
        with self._store.transaction():
            self.snapshot = self._store.begin_snapshot(asked)
            for page in self._buffered_probes:
                self._store.save_page(self.snapshot, page)


def resume_or_close(store: Store, plan: CrawlPlan, ordered_by: str, resume: bool, now: int) -> ResumableSnapshot | None:
    """The open snapshot to go on with, if one was asked for, is young enough and of the same endpoint; all others are
    ended as partial.

    We hold the writer's lock, so whoever opened them is gone.
    """
    going_on = None
    for found in store.resumable_snapshots(plan.registry, ordered_by, plan.k):
        old = not -60 <= now - found.started_at <= plan.max_seconds
        same = found.source == plan.endpoint
        if resume and same and not old and going_on is None and found.last_page is not None:
            going_on = found
        else:
            why = "too old to be gone on with" if resume and old else "a later crawl began anew"
            why = why if same else "a later crawl asked another endpoint"
            end_snapshot(store, found.snapshot, f"interrupted, and {why}")
    return going_on
