"""One snapshot being taken: begun with its first page, gone on with after a kill, judged and ended."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from crawler.checks import as_evidence, judge, verdict
from crawler.events import detect
from crawler.items import Page, Progress
from crawler.redact import redacted
from db import __version__
from db.events import changed, histories, note
from db.rows import Asked
from db.store import Resumable, Store

if TYPE_CHECKING:
    from crawler.spiders import Plan, RegistrySpider

OLDEST_RESUMED = 6 * 3600


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
        page = redacted(page, spider.plan.keep_bodies)
        if self.snapshot is None and page.role == "probe":
            self._held_back.append(page)
        else:
            self._begin(spider, page.fetched_at)
            before = self.progress
            self.progress = self._store.record(self.snapshot or 0, page)
            self._idle_pages = self._idle_pages + 1 if self.progress.depth == before.depth else 0
        self._show(page, self.progress, quota)
        return self.progress

    def stuck(self, page: Page) -> bool:
        """Whether the list goes round in circles: two pages of it in a row brought no package that was not there."""
        return page.role == "ranking" and self._idle_pages >= 2

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
            settings={**spider.learned, "version": __version__, "with_counters": plan.with_counters},
        )  # fmt: skip
        with self._store.transaction():
            self.snapshot = self._store.begin(asked)
            for page in self._held_back:
                self._store.record(self.snapshot, page)


def end_snapshot(store: Store, snapshot: int, reason: str | None = None) -> tuple[str, str | None]:
    """Judge and end an open snapshot; its status and why."""
    (row,) = store.ask("evidence", snapshot=snapshot)
    presence = {found["field"]: found["share"] for found in store.ask("presence", snapshot=snapshot) if found["share"]}
    baseline = [(found["field"], found["share"]) for found in store.ask("baseline", snapshot=snapshot)]
    sentinels = [(found["name"], bool(found["present"])) for found in store.ask("sentinels", snapshot=snapshot)]
    findings = judge(as_evidence(dict(row)), presence, baseline, sentinels)
    status, why = verdict(findings)
    if reason:
        status, why = "partial", f"{reason}; {why}" if why else reason
    if not row["listed"]:
        status = "failed"
    now = int(time.time())
    with store.transaction():
        store.end(snapshot, status, findings, why, now, presence)
        if status == "complete":
            note(store, snapshot, [*detect(histories(store, snapshot)), *changed(store, snapshot)], now)
    return status, why


def resume_or_close(store: Store, plan: Plan, ordered_by: str, resume: bool, now: int) -> Resumable | None:
    """The open snapshot to go on with, if one was asked for, is young enough and of the same endpoint; all others are
    ended as partial.

    We hold the writer's lock, so whoever opened them is gone.
    """
    going_on = None
    for found in store.resumable(plan.registry, ordered_by, plan.k):
        old = not -60 <= now - found.started_at <= OLDEST_RESUMED
        same = found.source == plan.endpoint
        if resume and same and not old and going_on is None and found.last_page is not None:
            going_on = found
        else:
            why = "too old to be gone on with" if resume and old else "a later crawl began anew"
            why = why if same else "a later crawl asked another endpoint"
            end_snapshot(store, found.snapshot, f"interrupted, and {why}")
    return going_on
