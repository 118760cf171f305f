"""A simulated year: a Hub and an Ecosyste.ms whose days are advanced by hand, and a daemon that runs on their clock.

The crawls are real crawls. Each runs in a fork of this process, which has imported everything before, so that crawls
start fast. The clock of a crawl is the clock of the simulation. After each crawl the true lists are read from the
simulation, and kept.
"""

from __future__ import annotations

import os
import random
import signal
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
from tests.db.builders import query
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
    """A store, two registries, their true lists, and a daemon that is killed and restarted."""

    folder: Path
    seed: int
    hub: Simulation
    truth: dict[int, list[TrueRow]] = field(default_factory=dict)
    taken_at: dict[int, int] = field(default_factory=dict)
    kill_count: int = 0
    fault_count: int = 0
    request_count: int = 0

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.store = self.folder / "observatory.db"
        self.schedules = {
            "daily": Schedule("daily", "crawl snapshot huggingface/models", CronTimetable("0 0 * * *"), 20 * 3600),
            "weekly": Schedule("weekly", "crawl snapshot npm", CronTimetable("0 0 * * MON"), 3 * DAY),
        }
        self.clock_error = 0  # seconds by which the daemon's clock is ahead
        self.waited_seconds = self.present = 0
        self.restart_daemon()

    def now(self) -> int:
        """Return the daemon's time: the simulation's, unless the clock was set."""
        simulated = datetime.fromisoformat(self.hub.now().replace("Z", "+00:00"))
        return int(simulated.timestamp()) + self.clock_error + self.waited_seconds

    def restart_daemon(self) -> None:
        """Start a daemon: it reads the recorded ticks, and decides what was missed."""
        flush_journal(self.store)
        state = load_schedule_state(self.store)
        self.planner = Planner(self.schedules, state.decided_until, state.unfinished, first_retry=5)
        append_ticks(self.store, self.planner.resume(self.now()))

    def run_days(self, days: int) -> None:
        """Advance the time by some days, and run what is due on each."""
        for _ in range(days):
            self.hub.advance(1)
            if self.random.random() < DOWNTIME_SHARE:
                self.hub.advance(self.random.choice((1, 2, 9)))
                self.restart_daemon()
            self.clock_error = (
                self.random.choice((-7200, 5400, 40 * DAY)) if self.random.random() < CLOCK_SET_SHARE else 0
            )
            self.run_due_commands()
        self.clock_error = self.waited_seconds = 0
        self.present = self.now()
        flush_journal(self.store)

    def run_due_commands(self) -> None:
        """Run the due commands, and retry those whose failure passes."""
        self.waited_seconds = 0
        append_ticks(self.store, self.planner.update(self.now(), "clock untrusted" if self.clock_error else "off"))
        while self.waited_seconds < 200:
            tick = self.planner.next_tick(self.now())
            if tick is None and not self.planner.queue:
                break
            if tick is None:
                self.waited_seconds += 5
                continue
            flush_journal(self.store)
            append_ticks(self.store, [self.planner.start(tick, self.now())])
            code = self.run_crawl(tick.schedule)
            if code < 0 and self.random.random() < 0.5:
                self.restart_daemon()  # the daemon was killed too
            else:
                append_ticks(self.store, self.planner.finish(code, self.now(), failure_reason(code, None)))

    def run_crawl(self, name: str) -> int:
        """Run one crawl and return its exit code. Some of its requests fail, and a kill at any statement may end it."""
        registry, simulated_name, k = LISTS[name]
        self.hub.reset()
        faulty_requests = [number for number in range(1, 12) if self.random.random() < FAULT_SHARE]
        api = "huggingface" if name == "daily" else "ecosystems"
        self.hub.faults([{"api": api, "request": number, **self.random.choice(FAULTS)} for number in faulty_requests])
        kill_at = self.random.randint(1, 400) if self.random.random() < KILL_SHARE else 0
        endpoint = self.hub.huggingface if name == "daily" else self.hub.ecosystems
        plan, ahead = CrawlPlan(registry, k, endpoint=endpoint, keep_bodies=False), self.now() - time.time()
        code = run_forked(lambda: run_crawl_killed_at(self.store, plan, ahead, kill_at))
        self.kill_count += code < 0
        count = len(self.hub.requests(api))
        self.request_count += count
        self.fault_count += sum(number <= count for number in faulty_requests)
        for (snapshot,) in self.query("SELECT max(snapshot_id) FROM snapshot"):
            if snapshot is not None and snapshot not in self.truth:
                rows = self.hub.truth(simulated_name, by="downloads", k=k)
                self.truth[int(str(snapshot))] = [(row["id"], row["name"], row["downloads"]) for row in rows]
                self.taken_at[int(str(snapshot))] = self.now() - self.clock_error
        return code

    def query(self, statement: str) -> list[tuple[object, ...]]:
        """Return rows of the store."""
        return query(self.store, statement)


def run_crawl_killed_at(store: Path, plan: CrawlPlan, ahead: float, kill_at: int) -> int:
    """Crawl with a clock that is ahead of this machine's, and end by a kill at a statement unless its number is 0."""
    real_time = time.time
    time.time = lambda: real_time() + ahead
    if kill_at:
        call_at_statements(lambda number: os.kill(os.getpid(), signal.SIGKILL) if number == kill_at else None)
    options = CrawlOptions(retry_for=0.5, delay=0.0, quiet=True, keep_bodies_days=0)
    return take_snapshot(store, plan, options, resume=True).exit_code
