"""Take one snapshot: choose the spider, begin or go on, run it, let the gate judge, end."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from crawler.errors import CrawlError, UnknownRegistryError, error_as_json
from crawler.fetching.progress import show_progress
from crawler.fetching.runner import find_spider, run_spider
from crawler.fetching.settings import CrawlOptions
from crawler.plan import CrawlPlan
from crawler.response import Page
from crawler.snapshots.recorder import SnapshotRecorder, resume_or_close
from crawler.spiders import RegistrySpider
from db.census.names_writer import NamesCensusStore
from db.census.writer import CensusStore
from db.cli import DONE, FAILED, PARTIAL
from db.connection import open_for_writing
from db.store import Store

SECONDS_PER_DAY = 86400
EXIT_CODES = {"complete": DONE, "failed": FAILED}


@dataclass(frozen=True)
class SnapshotOutcome:
    """How a crawl went, for a person or a program; `error` is in four parts."""

    registry: str
    snapshot: int | None
    status: str
    exit_code: int
    listed: int = 0
    pages: int = 0
    duplicates: int = 0
    missed: int | None = None  # about so many, where that can be told
    reason: str | None = None
    error: dict[str, str] | None = None

    def as_json(self) -> dict[str, object]:
        """The documented shape, version 1."""
        return asdict(self)


def take_snapshot(path: Path, plan: CrawlPlan, options: CrawlOptions, resume: bool) -> SnapshotOutcome:
    """Take one snapshot into a store.

    Raises:
        ObservatoryError: the store cannot be used, or the plan asks for something that is not there.
    """
    kind = find_spider(plan.registry, plan.k is None)
    ordered_by = kind(plan).ordered_by  # refuses an order the registry does not have before anything is opened
    with open_for_writing(path) as database:
        of_everything = CensusStore if kind.ordered_by_id else NamesCensusStore
        store = of_everything(database) if kind.is_census else Store(database)
        now = int(time.time())
        resumed = resume_or_close(store, plan, ordered_by, resume, now)
        if resumed:
            asked = bool(resumed.settings.get("with_counters", plan.with_counters))
            plan = dataclasses.replace(plan, settings=resumed.settings, with_counters=asked)
        expected = store.expected_size(plan.registry) if isinstance(store, CensusStore) else plan.k
        with show_progress(plan.registry, expected, options.quiet) as show:
            outcome = _crawl_snapshot(
                kind, plan, options, SnapshotRecorder(store, resumed, show), resumed and resumed.last_page
            )
        store.prune_bodies(now - options.keep_bodies_days * SECONDS_PER_DAY)
        return outcome


def _crawl_snapshot(
    spider_class: type[RegistrySpider],
    plan: CrawlPlan,
    options: CrawlOptions,
    recorder: SnapshotRecorder,
    last_page: Page | None,
) -> SnapshotOutcome:
    start_at = spider_class(plan).next_url(last_page, recorder.progress) if last_page else None
    if last_page and start_at is None:  # it was killed between its last page and its end
        return _ended_outcome(plan, recorder, *recorder.end_snapshot())
    return _make_outcome(
        plan, recorder, run_spider(spider_class, options, {"plan": plan, "resume_url": start_at, "recorder": recorder})
    )


def _make_outcome(plan: CrawlPlan, recorder: SnapshotRecorder, spider: RegistrySpider) -> SnapshotOutcome:
    trouble = spider.crawl_error
    if trouble is None and spider.reached_end:
        return _ended_outcome(plan, recorder, *recorder.end_snapshot())
    if isinstance(trouble, UnknownRegistryError):
        raise trouble
    if not recorder.progress.depth:
        error = trouble or CrawlError("The crawl was stopped before its first page.", is_permanent=False)
        recorder.record_failure(spider, f"{error.gate}: {error.message}")
        return SnapshotOutcome(
            plan.registry, recorder.snapshot, "failed", FAILED, reason=error.message, error=error_as_json(error)
        )
    if trouble is not None and trouble.is_permanent:
        return _ended_outcome(plan, recorder, *recorder.end_snapshot(f"{trouble.gate}: {trouble.message}"), trouble)
    return _ended_outcome(plan, recorder, "open", trouble.message if trouble else "stopped", trouble)


def _ended_outcome(
    plan: CrawlPlan, recorder: SnapshotRecorder, status: str, reason: str | None, crawl_error: CrawlError | None = None
) -> SnapshotOutcome:
    progress = recorder.progress
    return SnapshotOutcome(
        plan.registry, recorder.snapshot, status, EXIT_CODES.get(status, PARTIAL), progress.depth,
        progress.pages, progress.duplicates, recorder.estimate_missed(), reason, error_as_json(crawl_error) if crawl_error else None,
    )  # fmt: skip
