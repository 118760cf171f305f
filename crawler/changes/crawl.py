"""Take one look: begin it, run the spider, let each page be one transaction with the mark after it, end it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from crawler.changes.disappearance import MissingPackage, apply_probe
from crawler.changes.spider import ORDERS, ChangeCursor, ChangeSpider
from crawler.errors import UnknownRegistryError, error_as_json
from crawler.fetching.runner import endpoint_url, run_spider
from crawler.parsing.redact import redact_page
from crawler.plan import CrawlPlan
from crawler.registries import find_spider
from crawler.response import Page, Progress
from crawler.spiders.huggingface import HuggingFaceSpider
from db import ObservatoryError, UsageError
from db.census.missing import find_missing_packages
from db.cli import DONE, FAILED, PARTIAL
from db.connection import open_for_writing
from db.store.changes import ChangeStore

if TYPE_CHECKING:
    from crawler.fetching.settings import CrawlOptions

COUNT_FIELDS = ("new", "edited", "known", "duplicates")


@dataclass
class ChangeCrawlOutcome:
    """What a look brought, for a person or a program."""

    registry: str
    look: int | None = None
    status: str = "failed"
    exit_code: int = FAILED
    requests: int = 0
    new: int = 0
    edited: int = 0
    known: int = 0
    duplicates: int = 0
    marks: dict[str, int | None] = field(default_factory=dict)
    absent: dict[str, int] = field(default_factory=dict)
    reason: str | None = None
    error: dict[str, str] | None = None

    def as_json(self) -> dict[str, object]:
        """The documented shape, version 1."""
        return asdict(self)


class ChangeRecorder:
    """Where a look writes: what a snapshot's recording is to a snapshot."""

    def __init__(
        self,
        store: ChangeStore,
        source: str,
        outcome: ChangeCrawlOutcome,
        show_progress: Callable[[ChangeCrawlOutcome, str], None],
    ) -> None:
        self._store, self._source, self._outcome, self._show_progress = store, source, outcome, show_progress
        self._stored_ids: dict[str, set[str]] = {order: set() for order in ORDERS}

    def store_page(self, spider: ChangeSpider, page: Page, quota: str) -> Progress:
        """Store a page and the mark after it."""
        page = redact_page(page, False)
        if self._outcome.look is None:
            self._outcome.look = self._store.begin_change_crawl(
                spider.describe_registry(), self._source, page.fetched_at
            )
        look = self._outcome.look
        package = next(iter(spider.probes), None)
        if page.role == "absent" and package is not None:
            case = apply_probe(spider.missing_packages[package], spider.probes.pop(package))
            self._store.save_missing_package(look, page, asdict(case))
            self._outcome.absent[case.state] = self._outcome.absent.get(case.state, 0) + 1
        else:
            feed = asdict(spider.cursors[page.role].advance(page)) if page.role in ORDERS else None
            known = page if page.role in ORDERS else replace(page, observations=())
            counts = self._store.save_change_page(look, known, self._stored_ids.get(page.role, ()), feed)
            self._stored_ids.get(page.role, set()).update(one.stable_id for one in known.observations)
            for name in COUNT_FIELDS:
                setattr(self._outcome, name, getattr(self._outcome, name) + counts[name])
        self._outcome.requests += 1
        self._show_progress(self._outcome, quota)
        return Progress(pages=self._outcome.requests)

    def is_stuck(self, page: Page, max_pages_without_new: int) -> bool:
        """A look ends at its mark or at the number of pages it was given."""
        return False


def crawl_changes(
    path: Path,
    registry: str,
    options: CrawlOptions,
    max_pages: int,
    max_probes: int,
    show_progress: Callable[[ChangeCrawlOutcome, str], None],
) -> ChangeCrawlOutcome:
    """Look at what has changed in a registry since the last look.

    Raises:
        ObservatoryError: the store cannot be used, or this registry cannot tell what has changed.
    """
    kind = find_spider(registry)
    if not issubclass(kind, HuggingFaceSpider):
        raise UsageError(
            f"What has changed in {registry} cannot be asked for.",
            why="Ecosyste.ms can order by updated_at only, which is when it last looked itself, not when a package "
            "changed; an hour of npm is thousands of rows of 100 KB that are as they were.",
            fix=f"Take snapshots instead: `observatory crawl snapshot {registry}`.",
        )
    told = ChangeCrawlOutcome(registry)
    with open_for_writing(path) as database:
        store = ChangeStore(database)
        now, source = int(time.time()), endpoint_url(kind)
        store.open_missing(find_missing_packages(database.conn, registry))
        store.close_returned(registry, now)
        feeds = [ChangeCursor(**dict(row)) for row in store.change_cursors(registry).values()]
        settings = {"feeds": feeds, "absent": find_due_packages(store, registry, now, max_probes)}
        plan = CrawlPlan(registry, max_pages, endpoint=source, keep_bodies=False, settings=settings)
        looking = ChangeRecorder(store, source, told, show_progress)
        spider = run_spider(ChangeSpider, options, {"plan": plan, "recorder": looking})
        _end_crawl(store, told, spider, looking)
        told.marks = {order: row["high_water_mark"] for order, row in store.change_cursors(registry).items()}
    return told


def find_due_packages(store: ChangeStore, registry: str, now: int, limit: int) -> list[MissingPackage]:
    """The absent packages that it is time to ask for."""
    cases = [
        MissingPackage(row["package_id"], row["stable_id"], row["name"], row["missing_since"], "unknown", row["probes"],
             row["first_probe"], row["last_probe"])
        for row in store.pending_missing(registry)
    ]  # fmt: skip
    return [case for case in cases if case.is_due(now)][:limit]


def _end_crawl(store: ChangeStore, outcome: ChangeCrawlOutcome, spider: ChangeSpider, recorder: ChangeRecorder) -> None:
    trouble: ObservatoryError | None = spider.crawl_error
    if isinstance(trouble, UnknownRegistryError):
        raise trouble
    if trouble is not None:
        outcome.status, outcome.exit_code, outcome.error = "failed", FAILED, error_as_json(trouble)
        outcome.reason = trouble.message
    elif not spider.reached_end:
        outcome.status, outcome.exit_code, outcome.reason = "stopped", PARTIAL, "stopped"
    elif spider.page_limit_reached:
        outcome.status, outcome.exit_code = "bounded", PARTIAL
        outcome.reason = f"{spider.plan.k} pages did not reach what is known; the next look goes on from there"
    else:
        outcome.status, outcome.exit_code = "caught up", DONE
    if outcome.look is not None:
        store.end_change_crawl(outcome.look, outcome.status, outcome.reason, int(time.time()))
