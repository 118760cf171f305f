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

from crawler.fetching.settings import Manner
from crawler.plan import Plan
from crawler.snapshots.take import take
from db.ticks import append, fold, ledger
from schedules.child_process import reason_of
from schedules.config import Schedule
from schedules.planner import Agenda
from schedules.timetable import Cron
from tests.db.store.test_kill import counted
from tests.forked_crawl import forked
from tests.simulated import Simulation

DAY = 86400
START = 1_767_225_600  # 2026-01-01, a Thursday
FAILING, KILLED, OFF, SET = 0.05, 0.04, 0.02, 0.02
FAULTS = (
    {"kind": "status", "code": 500}, {"kind": "status", "code": 503}, {"kind": "reset"}, {"kind": "html"},
    {"kind": "truncate", "fraction": 0.5}, {"kind": "truncate_gzip", "fraction": 0.7}, {"kind": "error_json"},
    {"kind": "not_list"}, {"kind": "duplicate_rows", "n": 40}, {"kind": "short_page", "n": 20},
    {"kind": "drop_field", "field": "_id"}, {"kind": "stale", "age": 90000},
)  # fmt: skip
LISTS = {"daily": ("huggingface/models", "huggingface/models", 100), "weekly": ("npm", "npm.example", 60)}
Row = tuple[str, str, int | None]  # stable id, name, downloads


@dataclass
class Box:
    """A store, the two registries, what they truly were, and a daemon that is killed and comes back."""

    folder: Path
    seed: int
    hub: Simulation
    truth: dict[int, list[Row]] = field(default_factory=dict)
    taken: dict[int, int] = field(default_factory=dict)
    kills: int = 0
    failing: int = 0
    requests: int = 0

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.store = self.folder / "observatory.db"
        self.schedules = {
            "daily": Schedule("daily", "crawl snapshot huggingface/models", Cron("0 0 * * *"), 20 * 3600),
            "weekly": Schedule("weekly", "crawl snapshot npm", Cron("0 0 * * MON"), 3 * DAY),
        }
        self.wrong = 0  # seconds by which our clock is ahead
        self.later = self.present = 0
        self.come_back()

    def now(self) -> int:
        """What our clock says: what the simulation's says, if nobody has set it."""
        true = datetime.fromisoformat(self.hub.now().replace("Z", "+00:00"))
        return int(true.timestamp()) + self.wrong + self.later

    def come_back(self) -> None:
        """A daemon starts: it reads what is on record, and decides what was missed."""
        fold(self.store)
        known = ledger(self.store)
        self.agenda = Agenda(self.schedules, known.decided, known.unfinished, first_retry=5)
        append(self.store, self.agenda.begin(self.now()))

    def live(self, days: int) -> None:
        """Let days go by, and do on each what is due."""
        for _ in range(days):
            self.hub.advance(1)
            if self.chance.random() < OFF:
                self.hub.advance(self.chance.choice((1, 2, 9)))
                self.come_back()
            self.wrong = self.chance.choice((-7200, 5400, 40 * DAY)) if self.chance.random() < SET else 0
            self.do_what_is_due()
        self.wrong = self.later = 0
        self.present = self.now()
        fold(self.store)

    def do_what_is_due(self) -> None:
        """One command after another, and those again that may pass."""
        self.later = 0
        append(self.store, self.agenda.look(self.now(), "clock untrusted" if self.wrong else "off"))
        while self.later < 200:
            tick = self.agenda.next(self.now())
            if tick is None and not self.agenda.waiting:
                break
            if tick is None:
                self.later += 5
                continue
            fold(self.store)
            append(self.store, [self.agenda.start(tick, self.now())])
            code = self.crawl(tick.schedule)
            if code < 0 and self.chance.random() < 0.5:
                self.come_back()  # it was killed with its daemon
            else:
                append(self.store, self.agenda.end(code, self.now(), reason_of(code, [])))

    def crawl(self, name: str) -> int:
        """One crawl, of which some requests fail, and which may be killed at any statement; its exit code."""
        registry, of_service, k = LISTS[name]
        self.hub.reset()
        struck = [number for number in range(1, 12) if self.chance.random() < FAILING]
        api = "huggingface" if name == "daily" else "ecosystems"
        self.hub.faults([{"api": api, "request": number, **self.chance.choice(FAULTS)} for number in struck])
        moment = self.chance.randint(1, 400) if self.chance.random() < KILLED else 0
        endpoint = self.hub.huggingface if name == "daily" else self.hub.ecosystems
        plan, ahead = Plan(registry, k, endpoint=endpoint, keep_bodies=False), self.now() - time.time()
        code = forked(lambda: crawl(self.store, plan, ahead, moment))
        self.kills += code < 0
        asked = len(self.hub.requests(api))
        self.requests += asked
        self.failing += sum(number <= asked for number in struck)
        for (snapshot,) in self.ask("SELECT max(snapshot_id) FROM snapshot"):
            if snapshot is not None and snapshot not in self.truth:
                rows = self.hub.truth(of_service, by="downloads", k=k)
                self.truth[int(str(snapshot))] = [(row["id"], row["name"], row["downloads"]) for row in rows]
                self.taken[int(str(snapshot))] = self.now() - self.wrong
        return code

    def ask(self, question: str) -> list[tuple[object, ...]]:
        """Rows of the store."""
        with sqlite3.connect(f"file:{self.store}?mode=ro", uri=True) as connection:
            return connection.execute(question).fetchall()


def crawl(store: Path, plan: Plan, ahead: float, moment: int) -> int:
    """What the command does, with a clock that is ahead of this machine's, killed at its k-th statement if that is
    not 0."""
    real = time.time
    time.time = lambda: real() + ahead
    if moment:
        counted(lambda number: os.kill(os.getpid(), signal.SIGKILL) if number == moment else None)
    manner = Manner(patience=0.5, pause=0.0, quiet=True, keep_bodies_days=0)
    return take(store, plan, manner, resume=True).exit_code
