"""Take one snapshot: choose the spider and the kind, begin or resume, crawl, judge, end."""

from __future__ import annotations

import dataclasses
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from crawler.errors import CrawlError, UnknownRegistryError, error_as_json
from crawler.fetching.progress import show_progress
from crawler.fetching.runner import run_spider
from crawler.fetching.settings import CrawlOptions
from crawler.plan import CrawlPlan
from crawler.registries import find_spider
from crawler.response import Page
from crawler.snapshots.kinds import load_kind
from crawler.snapshots.recorder import SnapshotRecorder, resume_or_close
from crawler.spiders import RegistrySpider
from db import SECONDS_PER_DAY
from db.cli import DONE, FAILED, PARTIAL
from db.connection import open_for_writing

EXIT_CODES = {"complete": DONE, "failed": FAILED}


@dataclass(frozen=True)
class SnapshotOutcome:
    """The result of one crawl, for a person or a program. `error` has the four parts of an error."""

    registry: str
    snapshot: int | None
    status: str
    exit_code: int
    listed: int = 0
    pages: int = 0
    duplicates: int = 0
    hidden: int = 0
    missed: int | None = None  # an estimate, for a names census
    reason: str | None = None
    error: dict[str, str] | None = None

    def as_json(self) -> dict[str, object]:
        """Return the documented shape, version 1."""
        return asdict(self)


def take_snapshot(path: Path, plan: CrawlPlan, options: CrawlOptions, resume: bool) -> SnapshotOutcome:
    """Take one snapshot into a store.

    Raises:
        ObservatoryError: the store cannot be used, or the registry or order of the plan does not exist.
    """
    spider_class = find_spider(plan.registry, plan.k is None)
    ordered_by = spider_class(plan).ordered_by  # raises for an order that the registry lacks, before the store opens
    kind = load_kind(spider_class.snapshot_kind)
    with open_for_writing(path) as database:
        writer, now = kind.writer_class(database), int(time.time())
        resumed = resume_or_close(kind, writer, plan, ordered_by, resume, now)
        if resumed:
            with_counters = bool(resumed.settings.get("with_counters", plan.with_counters))
            plan = dataclasses.replace(plan, settings=resumed.settings, with_counters=with_counters)
        elif resume and not options.quiet:
            hours = plan.max_seconds // 3600
            print(f"{plan.registry}: no open snapshot of the last {hours} hours; a new one begins", file=sys.stderr)
        with show_progress(plan.registry, kind.expected_size(writer, plan), options.quiet) as show:
            recorder = SnapshotRecorder(kind, writer, resumed, show)
            outcome = _crawl_snapshot(spider_class, plan, options, recorder, resumed.last_page if resumed else None)
        writer.prune_bodies(now - options.keep_bodies_days * SECONDS_PER_DAY)
        return outcome


def _crawl_snapshot(
    spider_class: type[RegistrySpider], plan: CrawlPlan, options: CrawlOptions, recorder: SnapshotRecorder,
    last_page: Page | None,
) -> SnapshotOutcome:  # fmt: skip
    resume_url = spider_class(plan).next_url(last_page, recorder.progress) if last_page else None
    if last_page and resume_url is None:  # the crawl was killed between its last page and its end
        return _ended_outcome(plan, recorder, *recorder.end_snapshot())
    spider = run_spider(spider_class, options, {"plan": plan, "resume_url": resume_url, "recorder": recorder})
    return _make_outcome(recorder, spider)


def _make_outcome(recorder: SnapshotRecorder, spider: RegistrySpider) -> SnapshotOutcome:
    error, plan = spider.crawl_error, spider.plan
    if error is None and spider.reached_end:
        return _ended_outcome(plan, recorder, *recorder.end_snapshot())
    if isinstance(error, UnknownRegistryError):
        raise error
    if not recorder.progress.depth:
        error = error or CrawlError("The crawl was stopped before its first page.", is_permanent=False)
        recorder.record_failure(spider, f"{error.gate}: {error.message}")
        return SnapshotOutcome(
            plan.registry, recorder.snapshot, "failed", FAILED, reason=error.message, error=error_as_json(error)
        )
    if error is not None and error.is_permanent:
        return _ended_outcome(plan, recorder, *recorder.end_snapshot(f"{error.gate}: {error.message}"), error)
    return _ended_outcome(plan, recorder, "open", error.message if error else "stopped", error)


def _ended_outcome(
    plan: CrawlPlan, recorder: SnapshotRecorder, status: str, reason: str | None, error: CrawlError | None = None
) -> SnapshotOutcome:
    progress = recorder.progress
    return SnapshotOutcome(
        plan.registry, recorder.snapshot, status, EXIT_CODES.get(status, PARTIAL), progress.depth, progress.pages,
        progress.duplicates, progress.hidden, recorder.estimate_missed(), reason,
        error_as_json(error) if error else None,
    )  # fmt: skip
