"""Take one look: begin it, run the spider, let each page be one transaction with the mark after it, end it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from crawler.changes.disappearance import Case, step
from crawler.changes.spider import ORDERS, Feed, FeedSpider
from crawler.errors import NotThere, four_parts
from crawler.fetching.runner import endpoint_of, run_spider, spider_for
from crawler.parsing.redact import redacted
from crawler.plan import Plan
from crawler.response import Page, Progress
from crawler.spiders.huggingface import HuggingFaceSpider
from db import ObservatoryError, UsageError
from db.census.missing import vanished
from db.cli import DONE, FAILED, PARTIAL
from db.connection import writing
from db.store.changes import LookStore

if TYPE_CHECKING:
    from crawler.fetching.settings import Manner

COUNTED = ("new", "edited", "known", "duplicates")


@dataclass
class Looked:
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


class Looking:
    """Where a look writes: what a snapshot's recording is to a snapshot."""

    def __init__(self, store: LookStore, source: str, told: Looked, show: Callable[[Looked, str], None]) -> None:
        self._store, self._source, self._told, self._show = store, source, told, show
        self._seen: dict[str, set[str]] = {order: set() for order in ORDERS}

    def take(self, spider: FeedSpider, page: Page, quota: str) -> Progress:
        """Store a page and the mark after it."""
        page = redacted(page, False)
        if self._told.look is None:
            self._told.look = self._store.begin_look(spider.registry(), self._source, page.fetched_at)
        look = self._told.look
        package = next(iter(spider.probes), None)
        if page.role == "absent" and package is not None:
            case = step(spider.cases[package], spider.probes.pop(package))
            self._store.record_absence(look, page, asdict(case))
            self._told.absent[case.state] = self._told.absent.get(case.state, 0) + 1
        else:
            feed = asdict(spider.feeds[page.role].after(page)) if page.role in ORDERS else None
            known = page if page.role in ORDERS else replace(page, observations=())
            counts = self._store.record_change(look, known, self._seen.get(page.role, ()), feed)
            self._seen.get(page.role, set()).update(one.stable_id for one in known.observations)
            for name in COUNTED:
                setattr(self._told, name, getattr(self._told, name) + counts[name])
        self._told.requests += 1
        self._show(self._told, quota)
        return Progress(pages=self._told.requests)

    def stuck(self, page: Page, idle_pages: int) -> bool:
        """A look ends at its mark or at the number of pages it was given."""
        return False


def take_look(
    path: Path, registry: str, manner: Manner, most: int, most_probes: int, show: Callable[[Looked, str], None]
) -> Looked:
    """Look at what has changed in a registry since the last look.

    Raises:
        ObservatoryError: the store cannot be used, or this registry cannot tell what has changed.
    """
    kind = spider_for(registry)
    if not issubclass(kind, HuggingFaceSpider):
        raise UsageError(
            f"What has changed in {registry} cannot be asked for.",
            why="Ecosyste.ms can order by updated_at only, which is when it last looked itself, not when a package "
            "changed; an hour of npm is thousands of rows of 100 KB that are as they were.",
            fix=f"Take snapshots instead: `observatory crawl snapshot {registry}`.",
        )
    told = Looked(registry)
    with writing(path) as database:
        store = LookStore(database)
        now, source = int(time.time()), endpoint_of(kind)
        store.miss(vanished(database.conn, registry))
        store.welcome_back(registry, now)
        feeds = [Feed(**dict(row)) for row in store.feeds(registry).values()]
        settings = {"feeds": feeds, "absent": due_cases(store, registry, now, most_probes)}
        plan = Plan(registry, most, endpoint=source, keep_bodies=False, settings=settings)
        looking = Looking(store, source, told, show)
        spider = run_spider(FeedSpider, manner, {"plan": plan, "recording": looking})
        _end(store, told, spider, looking)
        told.marks = {order: row["mark"] for order, row in store.feeds(registry).items()}
    return told


def due_cases(store: LookStore, registry: str, now: int, most: int) -> list[Case]:
    """The absent packages that it is time to ask for."""
    cases = [
        Case(row["package_id"], row["stable_id"], row["name"], row["missed_at"], "unknown", row["probes"],
             row["first_probe"], row["last_probe"])
        for row in store.undecided(registry)
    ]  # fmt: skip
    return [case for case in cases if case.due(now)][:most]


def _end(store: LookStore, told: Looked, spider: FeedSpider, looking: Looking) -> None:
    trouble: ObservatoryError | None = spider.trouble
    if isinstance(trouble, NotThere):
        raise trouble
    if trouble is not None:
        told.status, told.exit_code, told.error = "failed", FAILED, four_parts(trouble)
        told.reason = trouble.what
    elif not spider.walked:
        told.status, told.exit_code, told.reason = "stopped", PARTIAL, "stopped"
    elif spider.bounded:
        told.status, told.exit_code = "bounded", PARTIAL
        told.reason = f"{spider.plan.k} pages did not reach what is known; the next look goes on from there"
    else:
        told.status, told.exit_code = "caught up", DONE
    if told.look is not None:
        store.end_look(told.look, told.status, told.reason, int(time.time()))
