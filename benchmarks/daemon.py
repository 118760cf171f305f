"""`python -m benchmarks.daemon`: a daemon that is killed again and again, compared with a daemon that is left alone.

Both crawl the simulated Hub on loopback, each with a store of its own in a temporary folder. One daemon is killed with
SIGKILL every 45 seconds and started again. The other runs its commands four times as often and is left alone. At the
end both are asked to stop, and their records are read:

    periods     due times between the first and the last tick: `missing` from the record, or recorded `twice`
    unpaired    ticks recorded as done without a complete snapshot that ended while they ran, and complete snapshots
                beyond the recorded attempts
    check       the exit code of `observatory store check`
    resident    memory of the daemon itself in MB, after a third of its life and at its end (for killed lives, the
                median); `slope` is that of a line through the samples after that third
    files       open descriptors at those two times, and their maximum
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.timing import print_table
from tests.simulated import Simulation

ROOT = Path(__file__).resolve().parent.parent
CRAWL = "crawl snapshot huggingface/models --top 50 --resume --quiet --delay 0 --body-retention 0"
TICKS = """
SELECT due_at, outcome, reason, started_at, ended_at, attempts FROM tick
WHERE schedule = 'top' AND outcome <> 'known' ORDER BY due_at
"""
SAMPLE_INTERVAL = 0.5


@dataclass(frozen=True)
class ProcessSample:
    """One sample of a process: seconds since its start, resident kilobytes, open descriptors."""

    seconds: float
    resident: int
    files: int


class TickRow(NamedTuple):
    """A row of `TICKS`."""

    due_at: int
    outcome: str
    reason: str | None
    started_at: int
    ended_at: int
    attempts: int


@dataclass
class ObservedDaemon:
    """A store with its schedules, and the samples of each life of its daemon."""

    folder: Path
    endpoint: str
    every: int
    lives: list[list[ProcessSample]] = field(default_factory=list)
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0

    def prepare(self, then_compute: bool) -> None:
        """Write the schedules."""
        schedules = self.folder / "schedules"
        schedules.mkdir(parents=True)
        then = '\nthen = ["after"]' if then_compute else ""
        (schedules / "top.toml").write_text(f'run = "{CRAWL}"\nevery = "{self.every} seconds"{then}\n', "utf-8")
        if then_compute:
            (schedules / "after.toml").write_text('run = "compute"\n', "utf-8")

    @property
    def store(self) -> Path:
        """The file of the store."""
        return self.folder / "observatory.db"

    def start(self) -> None:
        """Start a new life of the daemon."""
        arguments = ["run", "--log", "json", "--db", str(self.store), "--schedules", str(self.folder / "schedules")]
        environment = {**os.environ, "HF_ENDPOINT": self.endpoint, "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"}
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "schedules", *arguments], cwd=ROOT, env=environment, stdout=log, stderr=log
            )
        self.started_at = time.monotonic()
        self.lives.append([])

    def sample(self) -> None:
        """Add a sample of the process."""
        assert self.process
        folder = Path(f"/proc/{self.process.pid}")
        status = (folder / "status").read_text("ascii")
        resident = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
        files = len(list((folder / "fd").iterdir()))
        self.lives[-1].append(ProcessSample(time.monotonic() - self.started_at, resident, files))

    def stop(self, kill: bool) -> int:
        """Kill the daemon or ask it to stop, and return its exit code."""
        assert self.process
        if kill:
            self.process.kill()
        else:
            self.process.terminate()
        return self.process.wait(30)

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query to the store."""
        connection = sqlite3.connect(f"file:{self.store}?mode=ro", uri=True)
        try:
            return connection.execute(statement).fetchall()
        finally:
            connection.close()

    def count_done(self) -> int:
        """Return the number of done ticks in the log so far."""
        return (self.folder / "log").read_text("utf-8").count('"outcome": "done"')

    def check_store(self) -> int:
        """Run `store check`, and return its exit code."""
        line = [sys.executable, "-m", "db", "check", "--db", str(self.store)]
        return subprocess.run(line, cwd=ROOT, capture_output=True, check=False).returncode


@dataclass(frozen=True)
class DaemonRecord:
    """The ticks and snapshots of a daemon at the end, and its memory and files."""

    lives: int
    periods: int
    missing: int
    twice: int
    outcomes: Counter[str]
    snapshots: int
    unpaired: int
    check: int
    resident: tuple[float, float, float]
    slope: float | None
    files: tuple[float, float, int]


def read_record(daemon: ObservedDaemon) -> DaemonRecord:
    """Read the ticks, the snapshots and the samples of a daemon."""
    ticks = [TickRow(*row) for row in daemon.query(TICKS)]
    snapshots = [int(str(row[0])) for row in daemon.query("SELECT ended_at FROM snapshot WHERE status = 'complete'")]
    due_times = [tick.due_at for tick in ticks]
    expected = set(range(due_times[0], due_times[-1] + 1, daemon.every))
    done = [(tick.started_at, tick.ended_at) for tick in ticks if tick.outcome == "done"]
    unpaired = sum(not any(start <= ended_at <= end for ended_at in snapshots) for start, end in done)
    unpaired += max(0, len(snapshots) - sum(tick.attempts for tick in ticks))
    lives = [life for life in (skip_first_third(life) for life in daemon.lives) if len(life) > 1]
    samples = [sample for life in lives for sample in life]
    memory = median_pair([(life[0].resident / 1024, life[-1].resident / 1024) for life in lives])
    files = median_pair([(life[0].files, life[-1].files) for life in lives])
    return DaemonRecord(
        lives=len(daemon.lives),
        periods=len(expected),
        missing=len(expected - set(due_times)),
        twice=len(due_times) - len(set(due_times)),
        outcomes=Counter(f"{tick.outcome}: {tick.reason}" if tick.reason else tick.outcome for tick in ticks),
        snapshots=len(snapshots),
        unpaired=unpaired,
        check=daemon.check_store(),
        resident=(*memory, max(sample.resident for sample in samples) / 1024),
        slope=fit_slope(lives[0]) if len(lives) == 1 else None,
        files=(*files, max(sample.files for sample in samples)),
    )


def skip_first_third(life: Sequence[ProcessSample]) -> list[ProcessSample]:
    """Return the samples after the first third of a life."""
    return [sample for sample in life if sample.seconds >= life[-1].seconds / 3]


def median_pair(pairs: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return the median of the first values and of the second values."""
    return statistics.median(first for first, _ in pairs), statistics.median(second for _, second in pairs)


def fit_slope(life: Sequence[ProcessSample]) -> float:
    """Return the growth of memory in megabytes an hour, by least squares."""
    seconds, megabytes = [sample.seconds for sample in life], [sample.resident / 1024 for sample in life]
    return statistics.linear_regression(seconds, megabytes).slope * 3600


def run_lives(killed: ObservedDaemon, undisturbed: ObservedDaemon | None, seconds: float, kill_after: float) -> None:
    """Run the daemons. The last life of each ends with a request to stop, after a done tick."""
    daemons = [killed, *([undisturbed] if undisturbed else [])]
    for daemon in daemons:
        daemon.start()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(min(SAMPLE_INTERVAL, kill_after / 4))
        for daemon in daemons:
            daemon.sample()
        if time.monotonic() - killed.started_at >= kill_after:
            killed.stop(kill=True)
            killed.start()
    done, deadline = killed.count_done(), time.monotonic() + 2 * killed.every + 30
    while killed.count_done() == done and time.monotonic() < deadline:
        time.sleep(SAMPLE_INTERVAL / 5)
        killed.sample()
    assert [daemon.stop(kill=False) for daemon in daemons] == [0] * len(daemons)


def run_daemons(
    folder: Path, every: int, seconds: float, kill_after: float, alone_every: int | None
) -> list[DaemonRecord]:
    """Run both daemons against one simulation, and return their records, that of the killed daemon first."""
    with Simulation(models=120) as simulation:
        killed = ObservedDaemon(folder / "killed", simulation.huggingface, every)
        undisturbed = ObservedDaemon(folder / "alone", simulation.huggingface, alone_every) if alone_every else None
        daemons = [killed, *([undisturbed] if undisturbed else [])]
        for daemon in daemons:
            daemon.prepare(then_compute=seconds > 60)
        run_lives(killed, undisturbed, seconds, kill_after)
        return [read_record(daemon) for daemon in daemons]


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command."""
    parser = argparse.ArgumentParser("python -m benchmarks.daemon", description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=600.0, help="duration (default: 600)")
    parser.add_argument("--every", type=int, default=20, help="seconds between two due times (default: 20)")
    parser.add_argument("--kill", type=float, default=45.0, help="seconds of a life that is killed (default: 45)")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Print one table, and return 1 if a tick is missing, recorded twice or unpaired, or a store is broken."""
    options = make_parser().parse_args(argv)
    alone_every = max(1, options.every // 4)
    with tempfile.TemporaryDirectory() as folder:
        records = run_daemons(Path(folder), options.every, options.seconds, options.kill, alone_every)
    title = f"{options.seconds:g} s, a tick every {options.every} s and every {alone_every} s"
    columns = [format_record(record) for record in records]
    rows = [(name, *(column[name] for column in columns)) for name in columns[0]]
    print_table(title, ("", f"killed every {options.kill:g} s", "left alone"), rows)
    return int(any(record.missing or record.twice or record.unpaired or record.check for record in records))


def format_record(record: DaemonRecord) -> dict[str, str]:
    """Return the cells of the table for one daemon, by the titles of the rows."""
    outcomes = ", ".join(f"{number} {name}" for name, number in sorted(record.outcomes.items()))
    return {
        "lives": str(record.lives),
        "periods": str(record.periods),
        "missing": str(record.missing),
        "twice": str(record.twice),
        "outcomes": outcomes,
        "complete snapshots": str(record.snapshots),
        "unpaired": str(record.unpaired),
        "check": str(record.check),
        "resident MB: at a third, at the end, maximum": " ".join(f"{value:.1f}" for value in record.resident),
        "slope MB/h": "–" if record.slope is None else f"{record.slope:+.1f}",
        "files: at a third, at the end, maximum": " ".join(f"{value:g}" for value in record.files),
    }


if __name__ == "__main__":
    sys.exit(main())
