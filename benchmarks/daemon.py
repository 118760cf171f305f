"""`python -m benchmarks.daemon`: a daemon that is killed again and again, and beside it one that lives on.

Both look at the simulated Hub on loopback, each into a store of its own in a temporary folder. The one is ended with
SIGKILL every 45 seconds and started anew; the other has its commands follow one another four times as fast, and is
left alone. At the end both are asked to stop, and what they left is looked at:

    periods     moments between the first and the last tick; of these `missing` from the ledger, or there `twice`
    unpaired    ticks on record as done without a complete snapshot that ended while they ran; and complete snapshots
                beyond the attempts that are on record
    check       what `observatory store check` ends with
    resident    memory of the daemon itself in MB: a third of its life after its start, and at its end (of lives that
                were killed, the middle one); `slope` is that of a line through what was seen after that third
    files       open descriptors at those two moments, and the most there were
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

from benchmarks.timing import print_table
from tests.simulated import Simulation

ROOT = Path(__file__).resolve().parent.parent
CRAWL = "crawl snapshot huggingface/models --top 50 --resume --quiet --delay 0 --body-retention 0"
TICKS = """
SELECT due_at, outcome, reason, started_at, ended_at, attempts FROM tick
WHERE schedule = 'top' AND outcome <> 'known' ORDER BY due_at
"""
LOOK = 0.5


@dataclass(frozen=True)
class ProcessSample:
    """What one look at a process saw: seconds since it was started, resident kilobytes, open descriptors."""

    at: float
    resident: int
    files: int


@dataclass
class ObservedDaemon:
    """A store with its schedules, and the lives of the daemon that looks after it."""

    folder: Path
    endpoint: str
    every: int
    lives: list[list[ProcessSample]] = field(default_factory=list)
    process: subprocess.Popen[bytes] | None = None
    began: float = 0.0

    def prepare(self, then_compute: bool) -> None:
        """Write the schedules."""
        shelf = self.folder / "schedules"
        shelf.mkdir(parents=True)
        then = '\nthen = ["after"]' if then_compute else ""
        (shelf / "top.toml").write_text(f'run = "{CRAWL}"\nevery = "{self.every} seconds"{then}\n', "utf-8")
        if then_compute:
            (shelf / "after.toml").write_text('run = "compute"\n', "utf-8")

    @property
    def store(self) -> Path:
        """The file of the store."""
        return self.folder / "observatory.db"

    def start(self) -> None:
        """A new life."""
        words = ["run", "--log", "json", "--db", str(self.store), "--schedules", str(self.folder / "schedules")]
        environment = {**os.environ, "HF_ENDPOINT": self.endpoint, "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"}
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "schedules", *words], cwd=ROOT, env=environment, stdout=log, stderr=log
            )
        self.began = time.monotonic()
        self.lives.append([])

    def look(self) -> None:
        """Note what the process takes now."""
        assert self.process
        own = Path(f"/proc/{self.process.pid}")
        resident = next(
            line.split()[1] for line in (own / "status").read_text("ascii").splitlines() if line.startswith("VmRSS")
        )
        self.lives[-1].append(
            ProcessSample(time.monotonic() - self.began, int(resident), len(list((own / "fd").iterdir())))
        )

    def end(self, at_once: bool) -> int:
        """Kill it, or ask it to stop; its exit code."""
        assert self.process
        (self.process.kill if at_once else self.process.terminate)()
        return self.process.wait(30)

    def rows(self, question: str) -> list[tuple[object, ...]]:
        """What the store answers."""
        connection = sqlite3.connect(f"file:{self.store}?mode=ro", uri=True)
        try:
            return connection.execute(question).fetchall()
        finally:
            connection.close()

    def done(self) -> int:
        """How often it has told so far that something is done."""
        return (self.folder / "log").read_text("utf-8").count('"outcome": "done"')

    def checked(self) -> int:
        """What `store check` ends with."""
        line = [sys.executable, "-m", "db", "check", "--db", str(self.store)]
        return subprocess.run(line, cwd=ROOT, capture_output=True, check=False).returncode


@dataclass(frozen=True)
class DaemonRecord:
    """What is in the ledger of a daemon in the end, and what it took."""

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


def look_back(place: ObservedDaemon) -> DaemonRecord:
    """Read the ledger, the snapshots and the samples."""
    ticks = place.rows(TICKS)
    snapshots = [int(str(row[0])) for row in place.rows("SELECT ended_at FROM snapshot WHERE status = 'complete'")]
    dues = [int(str(row[0])) for row in ticks]
    wanted = set(range(dues[0], dues[-1] + 1, place.every))
    done = [(int(str(row[3])), int(str(row[4]))) for row in ticks if row[1] == "done"]
    unpaired = sum(not any(begun <= one <= ended for one in snapshots) for begun, ended in done)
    unpaired += max(0, len(snapshots) - sum(int(str(row[5])) for row in ticks))
    lives = [life for life in (settled(life) for life in place.lives) if len(life) > 1]
    resident = [(life[0].resident / 1024, life[-1].resident / 1024) for life in lives]
    return DaemonRecord(
        len(place.lives), len(wanted), len(wanted - set(dues)), len(dues) - len(set(dues)),
        Counter(f"{row[1]}: {row[2]}" if row[2] else str(row[1]) for row in ticks), len(snapshots), unpaired,
        place.checked(),
        (*middle(resident), max(one.resident for life in lives for one in life) / 1024),
        slope(lives[0]) if len(lives) == 1 else None,
        (*middle([(life[0].files, life[-1].files) for life in lives]), max(one.files for one in sum(lives, []))),
    )  # fmt: skip


def settled(life: Sequence[ProcessSample]) -> list[ProcessSample]:
    """What was seen after the first third of a life."""
    return [one for one in life if one.at >= life[-1].at / 3]


def middle(pairs: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """The middle of the firsts, and of the seconds."""
    return statistics.median(first for first, _ in pairs), statistics.median(second for _, second in pairs)


def slope(life: Sequence[ProcessSample]) -> float:
    """Megabytes an hour, by least squares."""
    line = statistics.linear_regression([one.at for one in life], [one.resident / 1024 for one in life])
    return line.slope * 3600


def live(killed: ObservedDaemon, left_alone: ObservedDaemon | None, seconds: float, kill_after: float) -> None:
    """Let them live; the last life of each ends when it is asked to, with something done."""
    places = [killed, *([left_alone] if left_alone else [])]
    for place in places:
        place.start()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(min(LOOK, kill_after / 4))
        for place in places:
            place.look()
        if time.monotonic() - killed.began >= kill_after:
            killed.end(at_once=True)
            killed.start()
    before, deadline = killed.done(), time.monotonic() + 2 * killed.every + 30
    while killed.done() == before and time.monotonic() < deadline:
        time.sleep(LOOK / 5)
        killed.look()
    assert [place.end(at_once=False) for place in places] == [0] * len(places)


def run_daemons(
    folder: Path, every: int, seconds: float, kill_after: float, alone_every: int | None
) -> list[DaemonRecord]:
    """Both daemons against one simulation; what each left, the killed one first."""
    with Simulation(models=120) as pretend:
        killed = ObservedDaemon(folder / "killed", pretend.huggingface, every)
        alone = ObservedDaemon(folder / "alone", pretend.huggingface, alone_every) if alone_every else None
        for place in (killed, alone):
            if place:
                place.prepare(then_compute=seconds > 60)
        live(killed, alone, seconds, kill_after)
        return [look_back(place) for place in (killed, alone) if place]


def make_parser() -> argparse.ArgumentParser:
    """The words of the command."""
    made = argparse.ArgumentParser("python -m benchmarks.daemon", description=__doc__.splitlines()[0])
    made.add_argument("--seconds", type=float, default=600.0, help="how long (default: 600)")
    made.add_argument("--every", type=int, default=20, help="seconds between two moments (default: 20)")
    made.add_argument("--kill", type=float, default=45.0, help="seconds of a life (default: 45)")
    return made


def main(words: Sequence[str] | None = None) -> int:
    """Print one table; end with 1 if anything is missing, there twice, unpaired or broken."""
    asked = make_parser().parse_args(words)
    with tempfile.TemporaryDirectory() as folder:
        found = run_daemons(Path(folder), asked.every, asked.seconds, asked.kill, max(1, asked.every // 4))
    names = (f"killed every {asked.kill:g} s", "left alone")
    print_table(f"{asked.seconds:g} s, a moment every {asked.every} s and every {max(1, asked.every // 4)} s",
          ("", *names), [(name, *(format_record(left)[name] for left in found)) for name in format_record(found[0])])  # fmt: skip
    return 1 if any(left.missing or left.twice or left.unpaired or left.check for left in found) else 0


def format_record(left: DaemonRecord) -> dict[str, str]:
    """The rows of the table, for one daemon."""
    counted = ", ".join(f"{number} {name}" for name, number in sorted(left.outcomes.items()))
    return {
        "lives": str(left.lives), "periods": str(left.periods), "missing": str(left.missing), "twice": str(left.twice),
        "became": counted, "complete snapshots": str(left.snapshots), "unpaired": str(left.unpaired),
        "check": str(left.check),
        "resident MB: then, at the end, most": " ".join(f"{value:.1f}" for value in left.resident),
        "slope MB/h": "–" if left.slope is None else f"{left.slope:+.1f}",
        "files: then, at the end, most": " ".join(f"{value:g}" for value in left.files),
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
