"""Crawl the changes of one registry: begin, run the spider, store each page with its cursor, end."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from crawler.changes.disappearance import MissingPackage, apply_probe
from crawler.changes.spider import ORDERS, ChangeCursor, ChangeSpider
from crawler.endpoints import endpoint_url
from crawler.errors import UnknownRegistryError, error_as_json
from crawler.fetching.runner import run_spider
from crawler.parsing.redact import redact_page
from crawler.plan import CrawlPlan
from crawler.registries import find_spider
from crawler.response import Page, Progress
from crawler.spiders.huggingface import HuggingFaceSpider
from db import UsageError
from db.census.missing import find_missing_packages
from db.cli import DONE, FAILED, PARTIAL
from db.connection import open_for_writing
from db.store.changes import ChangeStore

if TYPE_CHECKING:
    from crawler.fetching.settings import CrawlOptions

COUNT_FIELDS = ("new", "edited", "known", "duplicates")


@dataclass
class ChangeCrawlOutcome:
    """The result of one crawl of changes. The names of the fields are the documented JSON keys."""

    registry: str
    look: int | None = None
    status: str = "failed"
    exit_code: int = FAILED
    requests: int = 0
    new: int = 0
    edited: int = 0
    known: int = 0
    duplicates: int = 0
    hidden: int = 0
    marks: dict[str, int | None] = field(default_factory=dict)
    absent: dict[str, int] = field(default_factory=dict)
    reason: str | None = None
    error: dict[str, str] | None = None

    def as_json(self) -> dict[str, object]:
        """Return the documented JSON object, version 1."""
        return asdict(self)


class ChangeRecorder:
    """Writer of the pages of one crawl of changes."""

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
        """Store one page with the cursor after it, and return the progress."""
        page = redact_page(page, keep_body=False)
        if self._outcome.look is None:
            registry = spider.describe_registry()
            self._outcome.look = self._store.begin_change_crawl(registry, self._source, page.fetched_at)
        package = next(iter(spider.probes), None)
        if page.role == "absent" and package is not None:
            self._store_probe(spider, page, package, self._outcome.look)
        else:
            self._store_changes(spider, page, self._outcome.look)
        self._outcome.requests += 1
        self._show_progress(self._outcome, quota)
        return Progress(pages=self._outcome.requests)

    def _store_probe(self, spider: ChangeSpider, page: Page, package: int, crawl: int) -> None:
        missing = apply_probe(spider.missing_packages[package], spider.probes.pop(package))
        self._store.save_missing_package(crawl, page, asdict(missing))
        self._outcome.absent[missing.state] = self._outcome.absent.get(missing.state, 0) + 1

    def _store_changes(self, spider: ChangeSpider, page: Page, crawl: int) -> None:
        cursor = asdict(spider.cursors[page.role].advance(page)) if page.role in ORDERS else None
        if page.role not in ORDERS:
            page = replace(page, observations=())  # only the pages of an order show changes
        counts = self._store.save_change_page(crawl, page, self._stored_ids.get(page.role, ()), cursor)
        self._stored_ids.get(page.role, set()).update(observation.stable_id for observation in page.observations)
        self._outcome.hidden += page.hidden
        for name in COUNT_FIELDS:
            setattr(self._outcome, name, getattr(self._outcome, name) + counts[name])

    def is_stuck(self, page: Page, max_pages_without_new: int) -> bool:
        """Return False: a crawl of changes ends at its high-water mark or at its limit of pages."""
        return False


def crawl_changes(
    path: Path,
    registry: str,
    options: CrawlOptions,
    max_pages: int,
    max_probes: int,
    show_progress: Callable[[ChangeCrawlOutcome, str], None],
) -> ChangeCrawlOutcome:
    """Crawl what changed in a registry since the last crawl of changes.

    Raises:
        ObservatoryError: the store cannot be used, or the registry cannot list its changes.
    """
    spider_class = find_spider(registry)
    if not issubclass(spider_class, HuggingFaceSpider):
        raise UsageError(
            f"The changes of {registry} cannot be crawled.",
            why="Ecosyste.ms sorts only by updated_at, which is when Ecosyste.ms itself last checked a package. "
            "An hour of npm is thousands of rows of 100 KB, most of them unchanged.",
            fix=f"Take snapshots instead: `observatory crawl snapshot {registry}`.",
        )
    outcome, source = ChangeCrawlOutcome(registry), endpoint_url(spider_class)
    with open_for_writing(path) as database:
        store = ChangeStore(database)
        now = int(time.time())
        store.open_missing(find_missing_packages(database.conn, registry))
        store.close_returned(registry, now)
        arguments = {
            "plan": CrawlPlan(registry, max_pages, endpoint=source, keep_bodies=False),
            "recorder": ChangeRecorder(store, source, outcome, show_progress),
            "cursors": [ChangeCursor(**dict(row)) for row in store.change_cursors(registry).values()],
            "missing_packages": find_due_packages(store, registry, now, max_probes),
        }
        spider = run_spider(ChangeSpider, options, arguments)
        _end_crawl(store, outcome, spider)
        outcome.marks = {order: row["high_water_mark"] for order, row in store.change_cursors(registry).items()}
    return outcome


def find_due_packages(store: ChangeStore, registry: str, now: int, limit: int) -> list[MissingPackage]:
    """Return at most `limit` missing packages that are due for a probe."""
    packages = [
        MissingPackage(row["package_id"], row["stable_id"], row["name"], row["missing_since"], "unknown", row["probes"],
             row["first_probe"], row["last_probe"])
        for row in store.pending_missing(registry)
    ]  # fmt: skip
    return [package for package in packages if package.is_due(now)][:limit]


def _end_crawl(store: ChangeStore, outcome: ChangeCrawlOutcome, spider: ChangeSpider) -> None:
    error = spider.crawl_error
    if isinstance(error, UnknownRegistryError):
        raise error
    outcome.status, outcome.exit_code, outcome.reason = _describe_end(spider)
    outcome.error = error_as_json(error) if error else None
    if outcome.look is not None:
        store.end_change_crawl(outcome.look, outcome.status, outcome.reason, int(time.time()))


def _describe_end(spider: ChangeSpider) -> tuple[str, int, str | None]:
    """Return the status, the exit code and the reason of an ended crawl (pure)."""
    if spider.crawl_error is not None:
        return "failed", FAILED, spider.crawl_error.message
    if not spider.reached_end:
        return "stopped", PARTIAL, "stopped"
    if spider.page_limit_reached:
        reason = f"{spider.plan.k} pages did not reach the high-water mark; the next crawl resumes there"
        return "bounded", PARTIAL, reason
    if spider.ended_above_mark:
        return "bounded", PARTIAL, "the list ended above the high-water mark; the next crawl begins at its top"
    return "caught up", DONE, None
