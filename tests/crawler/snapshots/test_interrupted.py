"""A crawl, as the command takes it, that is stopped, killed or put to sleep at any statement it sends to the store."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from crawler.fetching.settings import CrawlOptions
from crawler.plan import CrawlPlan
from crawler.snapshots.take import take_snapshot
from tests.crawler.conftest import ROOT, environment
from tests.db.store.test_kill import call_at_statements
from tests.forked_crawl import run_forked
from tests.simulated import Simulation

HUB = "huggingface/models"
K = 3000
STATEMENTS = 700  # of one such crawl, about


@pytest.fixture(scope="module")
def pretend(warmed: None) -> Iterator[Simulation]:
    with Simulation(models=3200, datasets=5, spaces=5, packages=5, quota=100_000) as running:
        yield running


@pytest.fixture(scope="module")
def whole(pretend: Simulation, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The digest of a crawl that was left alone."""
    path = tmp_path_factory.mktemp("whole") / "store.db"
    assert crawled(pretend, path) == 0
    return str(asked(path, "SELECT digest FROM snapshot")[0][0])


def asked(path: Path, question: str) -> list[tuple[object, ...]]:
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        return connection.execute(question).fetchall()


def crawled(pretend: Simulation, path: Path, at: Callable[[int], None] | None = None, k: int | None = K) -> int:
    """One crawl in a process of its own, which does something before each of its statements; its exit code."""

    def do() -> int:
        if at:
            call_at_statements(at)
        plan = CrawlPlan(HUB, k, endpoint=pretend.huggingface, keep_bodies=False)
        return take_snapshot(
            path, plan, CrawlOptions(retry_for=2.0, quiet=True, keep_bodies_days=0), resume=True
        ).exit_code

    return run_forked(do)


def signalled(pretend: Simulation, path: Path, number: int, moment: int, whole: str) -> int:
    """Send it a signal at its k-th statement, look at what is there, and go on; what the first crawl ended with."""
    code = crawled(pretend, path, lambda n: os.kill(os.getpid(), number) if n == moment else None)
    assert code in (-number, 0, *((1, 3, 70) if number != signal.SIGKILL else ())), code  # 70: not yet listening
    if code == 0:
        return code
    if path.exists() and asked(path, "SELECT count(*) FROM sqlite_master WHERE name = 'snapshot'") == [(1,)]:
        assert asked(path, "PRAGMA integrity_check") == [("ok",)]
        assert asked(path, "SELECT count(*) FROM snapshot WHERE status = 'complete'") == [(0,)] or code == -number
        assert asked(path, "SELECT count(*) % 1000 FROM ranking") == [(0,)]
    assert crawled(pretend, path) == 0
    assert asked(path, "SELECT DISTINCT digest FROM snapshot WHERE status = 'complete'") == [(whole,)]
    return code


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
@pytest.mark.fault("A1", "A13")
def test_a_crawl_that_is_killed_or_stopped_anywhere_comes_to_the_same_end(
    pretend: Simulation, whole: str, tmp_path: Path, number: int, measured: Callable[[str], None]
) -> None:
    step = 3 if number == signal.SIGKILL else 30
    codes = [
        signalled(pretend, tmp_path / f"{moment}.db", number, moment, whole)
        for moment in range(1, STATEMENTS, step)
    ]  # fmt: skip
    measured(f"{sum(code != 0 for code in codes)} times {signal.Signals(number).name}")
    assert sum(code != 0 for code in codes) > len(codes) / 2, "most of them are stopped before they are done"


@pytest.mark.slow
@pytest.mark.parametrize(("hours", "status"), [(0.4, "complete"), (7, "partial")])
@pytest.mark.fault("B3")
def test_a_machine_that_slept_between_two_pages_goes_on_or_is_too_late(
    pretend: Simulation, tmp_path: Path, hours: float, status: str
) -> None:
    pretend.reset()
    pretend.faults([{"api": "huggingface", "request": 3, "kind": "wrong_date", "seconds": hours * 3600, "times": -1}])
    real, path = time.time, tmp_path / "store.db"

    def sleep(number: int) -> None:
        if number == 420:  # between the first page and the second
            time.time = lambda: real() + hours * 3600

    assert crawled(pretend, path, sleep) == (0 if status == "complete" else 3)
    pretend.reset()
    ((said, reason, took),) = asked(path, "SELECT status, reason, ended_at - started_at FROM snapshot")
    assert said == status and ("G9 duration" in str(reason)) == (status == "partial")
    assert abs(int(str(took)) - hours * 3600) < 60, "the time it slept is counted"


# A process of little memory that starts another: what that one held at most is told with what its parent held.
WATCHED = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)
sys.exit(done.returncode)
"""


def megabytes(hub: Simulation, path: Path, *words: str) -> float:
    """The most memory that the command has held."""
    line = [sys.executable, "-c", WATCHED, sys.executable, "-m", "crawler", "snapshot", HUB, *words, "--quiet"]
    line += ["--keep-bodies", "0", "--db", str(path)]
    done = subprocess.run(line, cwd=ROOT, env=environment(hub), capture_output=True, text=True, check=True)
    return float(done.stdout)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.fault("A12")
def test_what_a_crawl_holds_hardly_grows_with_its_pages(tmp_path: Path, measured: Callable[[str], None]) -> None:
    with Simulation(models=60_000, datasets=5, spaces=5, packages=5, quota=100_000) as hub:
        few = megabytes(hub, tmp_path / "few.db", "--top", "4000")
        many = megabytes(hub, tmp_path / "many.db", "--top", "40000")
        census = megabytes(hub, tmp_path / "census.db", "--full")
    measured(f"{few:.0f} MB for 4 pages, {many:.0f} for 40, {census:.0f} for a census of 60")
    assert many < few + 25 and max(many, census) < 300
