"""A replay of the shipped schedules: the daemon runs them for simulated days, and the true lists of each day are kept.

The clock of the daemon and of its commands follows the simulation (`tests/moved_clock`). It jumps from one moment of
the shipped schedules to the next. The hourly crawl of changes is caught up once after each jump.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from db.ticks import load_schedule_state
from schedules.config import Schedule, load_schedules, schedule_folders
from schedules.timetable import list_moments
from tests.db.builders import query
from tests.simulated import ROOT, Simulation

DAY = 86_400
START = datetime(2026, 1, 5, 1, tzinfo=UTC)  # a Monday
HOURLY = "hub-changes"
REGISTRIES = {"huggingface/models": "huggingface/models", "npm": "npm.example", "pypi": "pypi.example"}
MAX_WAIT = 180  # seconds


@dataclass
class ShippedReplay:
    """A store that a daemon fills by the shipped schedules, and the true lists of each day by registry."""

    folder: Path
    hub: Simulation
    truth: dict[str, dict[str, list[dict[str, Any]]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)
        self.store, self.clock = self.folder / "observatory.db", self.folder / "clock"
        self._move_clock(START.timestamp())
        self.environment = {
            **{name: value for name, value in os.environ.items() if name != "HF_TOKEN"},
            "HF_ENDPOINT": self.hub.huggingface,
            "ECOSYSTEMS_ENDPOINT": self.hub.ecosystems,
            "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1",
            "OBSERVATORY_DB": str(self.store),
            "MOVED_CLOCK": str(self.clock),
            "PYTHONPATH": os.pathsep.join([str(ROOT / "tests" / "moved_clock"), str(ROOT)]),
        }

    def run_days(self, days: int) -> None:
        """Run the daemon over all moments of some days, and stop the daemon."""
        first = int(START.timestamp())
        with (self.folder / "daemon.log").open("w") as log:
            daemon = self._start_daemon(log)
            try:
                for moment, names in self._list_moments(first, first + days * DAY):
                    self._pass_days(moment)
                    self._move_clock(moment)
                    daemon.send_signal(signal.SIGHUP)  # the daemon reads its clock
                    self._wait_for_ticks(daemon, moment, names)
            finally:
                daemon.terminate()
                daemon.wait(30)

    def observe(self, *arguments: str, columns: int = 80) -> str:
        """Run `observatory` with these arguments at the replayed time, and return its output."""
        command = [sys.executable, "-m", "schedules.cli", *arguments]
        options = {
            "cwd": self.folder,
            "env": {**self.environment, "COLUMNS": str(columns)},
            "capture_output": True,
            "text": True,
        }
        process = subprocess.run(command, check=False, **options)  # type: ignore[call-overload]
        assert process.returncode == 0, process.stderr
        return str(process.stdout)

    def query(self, statement: str) -> list[tuple[object, ...]]:
        """Return the rows of a statement on the store."""
        return query(self.store, statement)

    def true_names(self, day: str, registry: str, k: int) -> set[str]:
        """Return the stable ids of the true top K of a day."""
        return {row["id"] for row in self.truth[day][registry][:k]}

    def _start_daemon(self, log: Any) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "schedules", "run", "--schedules", "shipped", "--log", "json"]
        daemon = subprocess.Popen(command, cwd=self.folder, env=self.environment, text=True, stderr=log)
        deadline = time.monotonic() + MAX_WAIT
        while '"event": "started"' not in (self.folder / "daemon.log").read_text() and time.monotonic() < deadline:
            time.sleep(0.05)
        return daemon

    @staticmethod
    def _list_moments(first: int, last: int) -> list[tuple[int, set[str]]]:
        """Return the moments of all schedules but the hourly one, with the names of those that are due."""
        schedules = load_schedules(schedule_folders(["shipped"]))
        moments: dict[int, set[str]] = {}
        for name, schedule in schedules.items():
            for moment in _moments_of(schedule, first, last) if name != HOURLY else ():
                moments.setdefault(moment, set()).add(name)
        return sorted(moments.items())

    def _pass_days(self, moment: int) -> None:
        """Let the simulated days pass until the day of a moment, and keep the true lists of that day."""
        day = datetime.fromtimestamp(moment, UTC).date().isoformat()
        while day not in self.truth:
            if self.truth:
                self.hub.advance(1)
            today = self.hub.now()[:10]
            self.truth[today] = {registry: self.hub.truth(name, k=10**6) for registry, name in REGISTRIES.items()}

    def _move_clock(self, instant: float) -> None:
        """Set the simulated clock, and let each process of the replay read the same time."""
        self.hub.set_clock(instant)
        moved = self.clock.with_suffix(".new")
        moved.write_text(str(instant - time.time()), "ascii")
        moved.replace(self.clock)

    def _wait_for_ticks(self, daemon: subprocess.Popen[str], moment: int, names: set[str]) -> None:
        """Wait until the commands that are due have ended, and those that follow them."""
        deadline = time.monotonic() + MAX_WAIT
        while time.monotonic() < deadline:
            assert daemon.poll() is None, (self.folder / "daemon.log").read_text()[-2000:]
            with suppress(sqlite3.OperationalError):
                done = {name for (name,) in self.query(f"SELECT schedule FROM tick WHERE due_at = {moment}")}
                if names <= done and not load_schedule_state(self.store).unfinished:
                    return
            time.sleep(0.03)
        raise AssertionError((names, self.query("SELECT * FROM tick ORDER BY tick_id DESC LIMIT 5")))


def _moments_of(schedule: Schedule, first: int, last: int) -> list[int]:
    return list(list_moments(schedule.timetable, first, last)) if schedule.timetable else []


def read_report(replay: ShippedReplay) -> dict[str, Any]:
    """Return the report of the replayed store as a document."""
    report: dict[str, Any] = json.loads(replay.observe("report", "--format", "json"))
    return report
