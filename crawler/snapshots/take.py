"""Take one snapshot: choose the spider, begin or go on, run it, let the gate judge, end."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from crawler.errors import CrawlError, NotThere, four_parts
from crawler.fetching.progress import shown
from crawler.fetching.runner import run_spider, spider_for
from crawler.fetching.settings import Manner
from crawler.plan import Plan
from crawler.response import Page
from crawler.snapshots.recorder import Recording, resume_or_close
from crawler.spiders import RegistrySpider
from db.census.names_writer import NamesStore
from db.census.writer import CensusStore
from db.cli import DONE, FAILED, PARTIAL
from db.connection import writing
from db.store import Store

SECONDS_A_DAY = 86400
EXIT_CODES = {"complete": DONE, "failed": FAILED}


@dataclass(frozen=True)
class Outcome:
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


def take(path: Path, plan: Plan, manner: Manner, resume: bool) -> Outcome:
    """Take one snapshot into a store.

    Raises:
        ObservatoryError: the store cannot be used, or the plan asks for something that is not there.
    """
    kind = spider_for(plan.registry, plan.k is None)
    ordered_by = kind(plan).ordered_by  # refuses an order the registry does not have before anything is opened
    with writing(path) as database:
        of_everything = CensusStore if kind.in_order_of_ids else NamesStore
        store = of_everything(database) if kind.of_everything else Store(database)
        now = int(time.time())
        resumed = resume_or_close(store, plan, ordered_by, resume, now)
        if resumed:
            asked = bool(resumed.settings.get("with_counters", plan.with_counters))
            plan = dataclasses.replace(plan, settings=resumed.settings, with_counters=asked)
        expected = store.expected(plan.registry) if isinstance(store, CensusStore) else plan.k
        with shown(plan.registry, expected, manner.quiet) as show:
            outcome = _crawl(kind, plan, manner, Recording(store, resumed, show), resumed and resumed.last_page)
        store.let_bodies_go(now - manner.keep_bodies_days * SECONDS_A_DAY)
        return outcome


def _crawl(
    kind: type[RegistrySpider], plan: Plan, manner: Manner, recording: Recording, last_page: Page | None
) -> Outcome:
    start_at = kind(plan).next_url(last_page, recording.progress) if last_page else None
    if last_page and start_at is None:  # it was killed between its last page and its end
        return _ended(plan, recording, *recording.end())
    return _outcome(
        plan, recording, run_spider(kind, manner, {"plan": plan, "resume_at": start_at, "recording": recording})
    )


def _outcome(plan: Plan, recording: Recording, spider: RegistrySpider) -> Outcome:
    trouble = spider.trouble
    if trouble is None and spider.walked:
        return _ended(plan, recording, *recording.end())
    if isinstance(trouble, NotThere):
        raise trouble
    if not recording.progress.depth:
        error = trouble or CrawlError("The crawl was stopped before its first page.", lasting=False)
        recording.fail(spider, f"{error.gate}: {error.what}")
        return Outcome(plan.registry, recording.snapshot, "failed", FAILED, reason=error.what, error=four_parts(error))
    if trouble is not None and trouble.lasting:
        return _ended(plan, recording, *recording.end(f"{trouble.gate}: {trouble.what}"), trouble)
    return _ended(plan, recording, "open", trouble.what if trouble else "stopped", trouble)


def _ended(
    plan: Plan, recording: Recording, status: str, why: str | None, trouble: CrawlError | None = None
) -> Outcome:
    progress = recording.progress
    return Outcome(
        plan.registry, recording.snapshot, status, EXIT_CODES.get(status, PARTIAL), progress.depth,
        progress.pages, progress.duplicates, recording.missed(), why, four_parts(trouble) if trouble else None,
    )  # fmt: skip
