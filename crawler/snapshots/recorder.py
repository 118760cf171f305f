"""Write the pages of one snapshot: begin it with its first page, resume it after a kill, end it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from crawler.parsing.redact import redact_spec, redact_text
from crawler.plan import CrawlPlan
from crawler.quality.gate import MAX_CLOCK_SKEW
from crawler.response import Page, Progress
from crawler.snapshots.ending import end_snapshot
from crawler.snapshots.kinds import CensusPosition, SnapshotKind
from crawler.spiders import RegistrySpider
from db import __version__
from db.rows import SnapshotSpec
from db.store import ResumableSnapshot, Store


class SnapshotRecorder:
    """Writes the pages of one crawl.

    Probe pages are buffered until the first page of the list arrives. So a crawl that fetches nothing leaves only a
    failed snapshot.
    """

    def __init__(
        self, kind: SnapshotKind[Any], writer: Store, resumed: ResumableSnapshot | None,
        show: Callable[[Page, Progress, str], None],
    ) -> None:  # fmt: skip
        self._kind = kind
        self._writer = writer
        self._show = show
        self._buffered_probes: list[Page] = []
        self._pages_without_new = 0
        self.snapshot = resumed.snapshot if resumed else None
        self.progress = writer.progress(resumed.snapshot) if resumed else Progress()

    @property
    def last_id(self) -> str:
        """The largest stable id of a census ordered by id."""
        return self._position().last_id

    @property
    def newest_ids(self) -> frozenset[str]:
        """The stable ids of the last page of a names census."""
        return self._position().newest_ids

    def store_page(self, spider: RegistrySpider, page: Page, quota: str) -> Progress:
        """Store a page, show progress and what is left of the quota, and return the progress."""
        page = self._kind.redact_page(page, spider.plan.keep_bodies)
        if self.snapshot is None and page.role == "probe":
            self._buffered_probes.append(page)
        else:
            before = self.progress
            self.progress = self._writer.save_page(self._begin(spider, page.fetched_at), page)
            self._pages_without_new = self._pages_without_new + 1 if self.progress.depth == before.depth else 0
        self._show(page, self.progress, quota)
        return self.progress

    def is_stuck(self, page: Page, max_pages_without_new: int) -> bool:
        """Return whether the last `max_pages_without_new` pages of the list brought no new package."""
        return page.role == "ranking" and self._pages_without_new >= max_pages_without_new

    def estimate_missed(self) -> int | None:
        """Return the estimated number of packages that the snapshot lacks, or None without an estimate."""
        if self.snapshot is None:
            return None
        return self._kind.estimate_missed(self._writer, self.snapshot, self.progress.depth)

    def record_failure(self, spider: RegistrySpider, reason: str) -> None:
        """Store a failed snapshot with the reason."""
        now = int(time.time())
        self._writer.end_snapshot(self._begin(spider, now), "failed", [], reason, now)

    def end_snapshot(self, reason: str | None = None) -> tuple[str, str | None]:
        """Judge what is stored, end the snapshot, and return its status and the reason for it."""
        return end_snapshot(self._kind, self._writer, self.snapshot or 0, reason)

    def _position(self) -> CensusPosition:
        return CensusPosition() if self.snapshot is None else self._kind.position(self._writer, self.snapshot)

    def _begin(self, spider: RegistrySpider, at: int) -> int:
        if self.snapshot is not None:
            return self.snapshot
        with self._writer.transaction():
            self.snapshot = self._writer.begin_snapshot(describe_snapshot(spider, at, int(time.time())))
            for page in self._buffered_probes:
                self._writer.save_page(self.snapshot, page)
        return self.snapshot


def describe_snapshot(spider: RegistrySpider, at: int, now: int) -> SnapshotSpec:
    """Return what a crawl that begins at an instant takes a snapshot of. `now` is the time on this computer."""
    plan = spider.plan
    settings = {"version": __version__, "with_counters": plan.with_counters, "longest": plan.max_seconds}
    if abs(now - at) > MAX_CLOCK_SKEW:  # the registry dates the snapshot, and its clock does not tell the age
        settings["local_start"] = now
    return redact_spec(SnapshotSpec(
        spider.describe_registry(), spider.ordered_by, spider.counter, plan.k, plan.endpoint,
        "the clock at its first page", taken_at=at, started_at=at, settings={**spider.probe_results, **settings},
    ))  # fmt: skip


def _local_start(snapshot: ResumableSnapshot) -> int:
    """Return when a snapshot began by the clock of this computer."""
    start = snapshot.settings.get("local_start")
    return start if isinstance(start, int) else snapshot.started_at


def resume_or_close(
    kind: SnapshotKind[Any], writer: Store, plan: CrawlPlan, ordered_by: str, resume: bool, now: int
) -> ResumableSnapshot | None:
    """Return the open snapshot to resume, and end all others as partial.

    A snapshot is resumed if `resume` is set, the snapshot is young enough and its endpoint is the same. The crawls
    that opened the others are gone: this process holds the writer's lock.
    """
    resumed = None
    for snapshot in writer.resumable_snapshots(plan.registry, ordered_by, plan.k):
        is_young = -60 <= now - _local_start(snapshot) <= plan.max_seconds
        has_endpoint = snapshot.source == redact_text(plan.endpoint)
        if resume and has_endpoint and is_young and resumed is None and snapshot.last_page is not None:
            resumed = snapshot
        else:
            reason = "too old to be resumed" if resume and not is_young else "a later crawl began anew"
            reason = reason if has_endpoint else "a later crawl used another endpoint"
            end_snapshot(kind, writer, snapshot.snapshot, f"interrupted, and {reason}")
    return resumed
