"""A year in a box: a simulated Hub and Ecosyste.ms whose days go by at will, and a daemon that decides by their clock.

Crawls are the real ones, each in a child process that is made quickly: everything is imported before, and the child is
a fork. Its clock is the simulation's. What the registries were at each crawl is asked of the simulation, and kept.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import time
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from crawler.fetching.settings import CrawlOptions
from crawler.plan import CrawlPlan
from crawler.snapshots.take import take_snapshot
from db.ticks import append_ticks, flush_journal, load_schedule_state
from schedules.child_process import failure_reason
from schedules.config import Schedule
from schedules.planner import Planner
from schedules.timetable import CronTimetable
from tests.db.store.test_kill import call_at_statements
from tests.forked_crawl import run_forked
from tests.simulated import Simulation

DAY = 86400
START = 1_767_225_600  # 2026-01-01, a Thursday
FAULT_SHARE, KILL_SHARE, DOWNTIME_SHARE, CLOCK_SET_SHARE = 0.05, 0.04, 0.02, 0.02
FAULTS = (
    {"kind": "status", "code": 500}, {"kind": "status", "code": 503}, {"kind": "reset"}, {"kind": "html"},
    {"kind": "truncate", "fraction": 0.5}, {"kind": "truncate_gzip", "fraction": 0.7}, {"kind": "error_json"},
    {"kind": "not_list"}, {"kind": "duplicate_rows", "n": 40}, {"kind": "short_page", "n": 20},
    {"kind": "drop_field", "field": "_id"}, {"kind": "stale", "age": 90000},
)  # fmt: skip
LISTS = {"daily": ("huggingface/models", "huggingface/models", 100), "weekly": ("npm", "npm.example", 60)}
TrueRow = tuple[str, str, int | None]  # stable id, name, downloads


@dataclass
class SimulatedYear:
    """A store, the two registries, what they truly were, and a daemon that is killed and comes back."""

    folder: Path
    seed: int
    hub: Simulation
    truth: dict[int, list[TrueRow]] = field(default_factory=dict)
    taken_at: dict[int, int] = field(default_factory=dict)
    kill_count: int = 0
    fault_count: int = 0
    request_count: int = 0

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.store = self.folder / "observatory.db"
        self.schedules = {
            "daily": Schedule("daily", "crawl snapshot huggingface/models", CronTimetable("0 0 * * *"), 20 * 3600),
            "weekly": Schedule("weekly", "crawl snapshot npm", CronTimetable("0 0 * * MON"), 3 * DAY),
        }
        self.clock_error = 0  # seconds by which our clock is ahead
        self.waited_seconds = self.present = 0
        self.restart_daemon()

    def now(self) -> int:
        """What our clock says: what the simulation's says, if nobody has set it."""
        true = datetime.fromisoformat(self.hub.now().replace("Z", "+00:00"))
        return int(true.timestamp()) + self.clock_error + self.waited_seconds

    def restart_daemon(self) -> None:
        """A daemon starts: it reads what is on record, and decides what was missed."""
        flush_journal(self.store)
        known = load_schedule_state(self.store)
        self.agenda = Planner(self.schedules, known.decided_until, known.unfinished, first_retry=5)
        append_ticks(self.store, self.agenda.resume(self.now()))

    def run_days(self, days: int) -> None:
        """Let days go by, and do on each what is due."""
        for _ in range(days):
            self.hub.advance(1)
            if self.chance.random() < DOWNTIME_SHARE:
                self.hub.advance(self.chance.choice((1, 2, 9)))
                self.restart_daemon()
            self.clock_error = (
                self.chance.choice((-7200, 5400, 40 * DAY)) if self.chance.random() < CLOCK_SET_SHARE else 0
            )
            self.run_due_commands()
        self.clock_error = self.waited_seconds = 0
        self.present = self.now()
        flush_journal(self.store)

    def run_due_commands(self) -> None:
        """One command after another, and those again that may pass."""
        self.waited_seconds = 0
        append_ticks(self.store, self.agenda.update(self.now(), "clock untrusted" if self.clock_error else "off"))
        while self.waited_seconds < 200:
            tick = self.agenda.next_tick(self.now())
            if tick is None and not self.agenda.queue:
                break
            if tick is None:
                self.waited_seconds += 5
                continue
            flush_journal(self.store)
            append_ticks(self.store, [self.agenda.start(tick, self.now())])
            code = self.run_crawl(tick.schedule)
            if code < 0 and self.chance.random() < 0.5:
                self.restart_daemon()  # it was killed with its daemon
            else:
                append_ticks(self.store, self.agenda.finish(code, self.now(), failure_reason(code, [])))

    def run_crawl(self, name: str) -> int:
        """One crawl, of which some requests fail, and which may be killed at any statement; its exit code."""
        registry, of_service, k = LISTS[name]
        self.hub.reset()
        struck = [number for number in range(1, 12) if self.chance.random() < FAULT_SHARE]
        api = "huggingface" if name == "daily" else "ecosystems"
        self.hub.faults([{"api": api, "request": number, **self.chance.choice(FAULTS)} for number in struck])
        moment = self.chance.randint(1, 400) if self.chance.random() < KILL_SHARE else 0
        endpoint = self.hub.huggingface if name == "daily" else self.hub.ecosystems
        plan, ahead = CrawlPlan(registry, k, endpoint=endpoint, keep_bodies=False), self.now() - time.time()
        code = run_forked(lambda: run_crawl_killed_at(self.store, plan, ahead, moment))
        self.kill_count += code < 0
        asked = len(self.hub.requests(api))
        self.request_count += asked
        self.fault_count += sum(number <= asked for number in struck)
        for (snapshot,) in self.query("SELECT max(snapshot_id) FROM snapshot"):
            if snapshot is not None and snapshot not in self.truth:
                rows = self.hub.truth(of_service, by="downloads", k=k)
                self.truth[int(str(snapshot))] = [(row["id"], row["name"], row["downloads"]) for row in rows]
                self.taken_at[int(str(snapshot))] = self.now() - self.clock_error
        return code

    def query(self, question: str) -> list[tuple[object, ...]]:
        """Rows of the store."""
        with sqlite3.connect(f"file:{self.store}?mode=ro", uri=True) as connection:
            return connection.execute(question).fetchall()


def run_crawl_killed_at(store: Path, plan: CrawlPlan, ahead: float, moment: int) -> int:
    """What the command does, with a clock that is ahead of this machine's, killed at its k-th statement if that is
    not 0."""
    real = time.time
    time.time = lambda: real() + ahead
    if moment:
        call_at_statements(lambda number: os.kill(os.getpid(), signal.SIGKILL) if number == moment else None)
    manner = CrawlOptions(retry_for=0.5, delay=0.0, quiet=True, keep_bodies_days=0)
    return take_snapshot(store, plan, manner, resume=True).exit_code
