"""`python -m benchmarks.troubles`: the daemon in troubles that once stopped it, overwhelmed it or misled its readers.

Each trouble has a daemon and a store of its own in a temporary folder, and ends with a request to stop:

    full log disk     every write to the log fails: /dev/full
    dead reader       the log is a pipe that is full, and nobody reads it
    closed reader     the log is a pipe that nobody has open any more
    missed moments    900 moments passed while no daemon ran, and the hook takes two seconds for each event
    clock at 1970     the daemon starts on 2 January 1970, and five seconds later the clock is set to the present
    held output       each command leaves a process that keeps its output open

The columns: whether all was right; seconds from the request to stop until the end; the peak of resident memory in MB;
processor seconds; moments done, and gaps; the most hooks that ran at once.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.timing import print_table
from db.ticks import Tick, append_ticks

ROOT = Path(__file__).resolve().parent.parent
MISSED_MOMENTS = 900
STOP_LIMIT = 12.0
MEMORY_LIMIT = 120.0
RUN_DAEMON = "import runpy, sys; sys.argv[0] = 'schedules'; runpy.run_module('schedules', run_name='__main__')"
CLOCK_OF_1970 = """
import sys, time
real, start = time.time, time.time()
time.time = lambda: real() if real() - start > 5 else 86400 + real() - start
"""
LEAVE_A_PROCESS = """
import sys
import schedules.child_process as child_process
child_process.OUTPUT_SECONDS = 0.3
code = "import subprocess, sys; subprocess.Popen(['sleep', '60'])"
child_process.OBSERVATORY_COMMAND = [sys.executable, "-c", code]
"""


@dataclass
class TroubledDaemon:
    """A daemon with one schedule, which is due each second and succeeds."""

    folder: Path
    arguments: list[str] = field(default_factory=list)
    before: str = ""
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        (self.folder / "schedules").mkdir(parents=True)
        (self.folder / "schedules" / "top.toml").write_text('run = "store schema"\nevery = "1 second"\n', "utf-8")

    @property
    def store(self) -> Path:
        """The file of the store."""
        return self.folder / "observatory.db"

    def start(self, log: Any = subprocess.DEVNULL) -> None:
        """Start the daemon with a file or descriptor for its log."""
        options = ["run", "--log", "json", "--db", str(self.store), "--schedules", str(self.folder / "schedules")]
        self.process = subprocess.Popen(
            [sys.executable, "-c", self.before + RUN_DAEMON, *options, *self.arguments],
            cwd=ROOT, stdout=log, stderr=log,
        )  # fmt: skip

    def wait_for_done(self, number: int, seconds: float = 60) -> None:
        """Wait until so many moments are done."""
        deadline = time.monotonic() + seconds
        while self.count_outcomes()["done"] < number and time.monotonic() < deadline:
            time.sleep(0.1)

    def count_outcomes(self) -> Counter[str]:
        """Return the number of moments by their outcome, as far as they are in the store."""
        if not self.store.exists():
            return Counter()
        with closing(sqlite3.connect(f"file:{self.store}?mode=ro", uri=True)) as connection:
            try:
                return Counter(dict(connection.execute("SELECT outcome, count(*) FROM tick GROUP BY outcome")))
            except sqlite3.OperationalError:  # the store is being created
                return Counter()


@dataclass(frozen=True)
class Ending:
    """How a daemon in trouble ended."""

    trouble: str
    is_right: bool
    seconds: float
    megabytes: float
    processor: float
    outcomes: Counter[str]
    hooks: int = 0


def stop(daemon: TroubledDaemon, trouble: str, is_right: bool = True, hooks: int = 0) -> Ending:
    """Ask a daemon to stop, and return how it ended. It has to end with 0 in time, and with moments done."""
    assert daemon.process
    status = Path(f"/proc/{daemon.process.pid}/status").read_text("ascii")
    peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1024
    times = Path(f"/proc/{daemon.process.pid}/stat").read_text("ascii").rsplit(")", 1)[1].split()
    started_at = time.monotonic()
    daemon.process.terminate()
    try:
        code = daemon.process.wait(STOP_LIMIT + 10)
    except subprocess.TimeoutExpired:
        daemon.process.kill()
        code = daemon.process.wait()
    seconds = time.monotonic() - started_at
    outcomes = daemon.count_outcomes()
    ended_well = code == 0 and seconds < STOP_LIMIT and peak < MEMORY_LIMIT and outcomes["done"] > 1
    processor = (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK")
    return Ending(trouble, is_right and ended_well, seconds, peak, processor, outcomes, hooks)


def run_with_full_log_disk(folder: Path) -> Ending:
    """Run a daemon whose log is on a full disk."""
    daemon = TroubledDaemon(folder)
    with Path("/dev/full").open("wb") as log:
        daemon.start(log)
        daemon.wait_for_done(3)
        return stop(daemon, "full log disk")


def run_with_dead_reader(folder: Path) -> Ending:
    """Run a daemon whose log is a full pipe."""
    daemon = TroubledDaemon(folder)
    reader, writer = os.pipe()
    fill_pipe(writer)
    try:
        daemon.start(writer)
        daemon.wait_for_done(3)
        return stop(daemon, "dead reader")
    finally:
        os.close(reader)
        os.close(writer)


def fill_pipe(writer: int) -> None:
    """Write into a pipe until it has no room."""
    os.set_blocking(writer, False)
    try:
        while True:
            os.write(writer, b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(writer, True)


def run_with_closed_reader(folder: Path) -> Ending:
    """Run a daemon whose log is a pipe without a reader."""
    daemon = TroubledDaemon(folder)
    reader, writer = os.pipe()
    daemon.start(writer)
    os.close(reader)
    os.close(writer)
    daemon.wait_for_done(3)
    return stop(daemon, "closed reader")


def run_after_missed_moments(folder: Path) -> Ending:
    """Run a daemon after 900 missed moments, with a slow hook. All are recorded, and hooks do not pile up."""
    hook = f"sleep 2; cat >> '{folder}/hooks'; echo >> '{folder}/hooks'"
    daemon = TroubledDaemon(folder, ["--on-event", hook])
    append_ticks(daemon.store, [Tick("top", int(time.time()) - MISSED_MOMENTS - 1, "time", "gap", "off")])
    daemon.start()
    assert daemon.process
    counts: list[int] = []
    ended = threading.Event()
    counter = threading.Thread(target=count_hooks, args=(daemon.process.pid, counts, ended))
    counter.start()
    daemon.wait_for_done(5)
    gaps = daemon.count_outcomes()["gap"]
    ending = stop(daemon, "missed moments")
    ended.set()
    counter.join()
    reported = (folder / "hooks").read_text("utf-8").count('"event"')
    is_right = ending.is_right and gaps >= MISSED_MOMENTS and max(counts) <= 4 and 0 < reported < 100
    return Ending(**{**vars(ending), "is_right": is_right, "hooks": max(counts)})


def count_hooks(daemon: int, counts: list[int], ended: threading.Event) -> None:
    """Count the shells that a daemon has started, again and again until an event."""
    while not ended.wait(0.05):
        listed = subprocess.run(["pgrep", "-c", "-P", str(daemon), "^sh$"], capture_output=True, text=True, check=False)
        counts.append(int(listed.stdout or 0))


def run_from_1970(folder: Path) -> Ending:
    """Run a daemon whose clock is set from 1970 to the present while it runs."""
    daemon = TroubledDaemon(folder, before=CLOCK_OF_1970)
    daemon.start()
    time.sleep(6)
    daemon.wait_for_done(daemon.count_outcomes()["done"] + 2)
    return stop(daemon, "clock at 1970")


def run_with_held_output(folder: Path) -> Ending:
    """Run a daemon whose commands leave a process that keeps the output open."""
    daemon = TroubledDaemon(folder, before=LEAVE_A_PROCESS)
    daemon.start()
    daemon.wait_for_done(3)
    return stop(daemon, "held output")


TROUBLES: dict[str, Callable[[Path], Ending]] = {
    "full-log-disk": run_with_full_log_disk,
    "dead-reader": run_with_dead_reader,
    "closed-reader": run_with_closed_reader,
    "missed-moments": run_after_missed_moments,
    "clock-at-1970": run_from_1970,
    "held-output": run_with_held_output,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Print one table, and return 1 if a daemon did not end right."""
    parser = argparse.ArgumentParser("python -m benchmarks.troubles", description=__doc__.splitlines()[0])
    parser.add_argument("troubles", nargs="*", metavar="TROUBLE", help=f"{', '.join(TROUBLES)} (default: all)")
    names = parser.parse_args(argv).troubles or list(TROUBLES)
    with tempfile.TemporaryDirectory() as folder:
        endings = [TROUBLES[name](Path(folder) / name) for name in names]
    titles = ("trouble", "right", "seconds to stop", "peak MB", "processor s", "done", "gaps", "hooks at once")
    print_table("the daemon in trouble", titles, [format_ending(ending) for ending in endings])
    return int(not all(ending.is_right for ending in endings))


def format_ending(ending: Ending) -> tuple[str, ...]:
    """Return the cells of one daemon."""
    numbers = (f"{number:.1f}" for number in (ending.seconds, ending.megabytes, ending.processor))
    counts = (str(ending.outcomes["done"]), str(ending.outcomes["gap"]), str(ending.hooks))
    return (ending.trouble, "yes" if ending.is_right else "NO", *numbers, *counts)


if __name__ == "__main__":
    sys.exit(main())
