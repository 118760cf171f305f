"""Crawls that are stopped, killed or suspended at any statement that they send to the store."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from crawler.fetching.settings import CrawlOptions
from crawler.plan import CrawlPlan
from crawler.snapshots.take import take_snapshot
from tests.crawler.conftest import HUB, ROOT, environment
from tests.db.builders import query
from tests.db.store.test_kill import call_at_statements
from tests.forked_crawl import run_forked
from tests.simulated import Simulation

K = 3000
STATEMENTS = 1400  # about 650 create the store, and each page has about 13,000


@pytest.fixture(scope="module")
def pretend(warmed: None) -> Iterator[Simulation]:
    """Start a Hub with more models than the crawls fetch."""
    with Simulation(models=3200, datasets=5, spaces=5, packages=5, quota=100_000) as simulation:
        yield simulation


@pytest.fixture(scope="module")
def undisturbed_digest(pretend: Simulation, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the digest of a crawl without interruption."""
    path = tmp_path_factory.mktemp("undisturbed") / "store.db"
    assert run_crawl(pretend, path) == 0
    return str(query(path, "SELECT digest FROM snapshot")[0][0])


def run_crawl(
    pretend: Simulation, path: Path, before_statement: Callable[[int], None] | None = None, k: int | None = K
) -> int:
    """Crawl in a process of its own, call a function before each statement, and return the exit code."""

    def take() -> int:
        if before_statement:
            call_at_statements(before_statement)
        plan = CrawlPlan(HUB, k, endpoint=pretend.huggingface, keep_bodies=False)
        return take_snapshot(
            path, plan, CrawlOptions(retry_for=2.0, quiet=True, keep_bodies_days=0), resume=True
        ).exit_code

    return run_forked(take)


def crawl_with_signal(pretend: Simulation, path: Path, number: int, statement: int, undisturbed_digest: str) -> int:
    """Send a signal to a crawl at one statement, check the store, resume, and return the first exit code."""
    code = run_crawl(pretend, path, lambda n: os.kill(os.getpid(), number) if n == statement else None)
    assert code in (-number, 0, *((1, 3, 70) if number != signal.SIGKILL else ())), code  # 70: no signal handler yet
    if code == 0:
        return code
    if path.exists() and query(path, "SELECT count(*) FROM sqlite_master WHERE name = 'snapshot'") == [(1,)]:
        assert query(path, "PRAGMA integrity_check") == [("ok",)]
        assert query(path, "SELECT count(*) FROM snapshot WHERE status = 'complete'") == [(0,)] or code == -number
        assert query(path, "SELECT count(*) % 1000 FROM ranking") == [(0,)]
    assert run_crawl(pretend, path) == 0
    assert query(path, "SELECT DISTINCT digest FROM snapshot WHERE status = 'complete'") == [(undisturbed_digest,)]
    return code


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
@pytest.mark.fault("A1", "A13")
def test_a_crawl_killed_or_stopped_at_any_statement_and_resumed_has_the_same_digest(
    pretend: Simulation, undisturbed_digest: str, tmp_path: Path, number: int, measured: Callable[[str], None]
) -> None:
    step = 5 if number == signal.SIGKILL else 30
    codes = [
        crawl_with_signal(pretend, tmp_path / f"{statement}.db", number, statement, undisturbed_digest)
        for statement in range(1, STATEMENTS, step)
    ]
    measured(f"{sum(code != 0 for code in codes)} times {signal.Signals(number).name}")
    assert sum(code != 0 for code in codes) > len(codes) / 2, "most crawls are stopped before they end"


@pytest.mark.slow
@pytest.mark.parametrize(("hours", "status"), [(0.4, "complete"), (7, "partial")])
@pytest.mark.fault("B3")
def test_a_crawl_on_a_machine_that_was_suspended_continues_or_is_too_late(
    pretend: Simulation, tmp_path: Path, hours: float, status: str
) -> None:
    pretend.reset()
    pretend.faults([{"api": "huggingface", "request": 3, "kind": "wrong_date", "seconds": hours * 3600, "times": -1}])
    real_time, path = time.time, tmp_path / "store.db"

    def suspend(number: int) -> None:
        if number == 5000:  # while the first page is stored
            time.time = lambda: real_time() + hours * 3600

    assert run_crawl(pretend, path, suspend) == (0 if status == "complete" else 3)
    pretend.reset()
    ((stored_status, reason, duration),) = query(path, "SELECT status, reason, ended_at - started_at FROM snapshot")
    assert stored_status == status and ("G9 duration" in str(reason)) == (status == "partial")
    assert abs(duration - hours * 3600) < 60, "the duration includes the suspension"


# A small process that starts the command, because the peak memory of a child includes the peak of its parent.
MEMORY_SCRIPT = """
import resource, subprocess, sys
process = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)
sys.exit(process.returncode)
"""


def measure_memory(hub: Simulation, path: Path, *options: str) -> float:
    """Return the peak memory of a crawl in megabytes."""
    command = [sys.executable, "-c", MEMORY_SCRIPT, sys.executable, "-m", "crawler", "snapshot", HUB, *options]
    command += ["--quiet", "--body-retention", "0", "--db", str(path)]
    process = subprocess.run(command, cwd=ROOT, env=environment(hub), capture_output=True, text=True, check=True)
    return float(process.stdout)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.fault("A12")
def test_the_memory_of_a_crawl_hardly_grows_with_its_pages(tmp_path: Path, measured: Callable[[str], None]) -> None:
    with Simulation(models=60_000, datasets=5, spaces=5, packages=5, quota=100_000) as hub:
        small = measure_memory(hub, tmp_path / "small.db", "--top", "4000")
        large = measure_memory(hub, tmp_path / "large.db", "--top", "40000")
        census = measure_memory(hub, tmp_path / "census.db", "--full")
    measured(f"{small:.0f} MB for 4 pages, {large:.0f} for 40, {census:.0f} for a census of 60")
    assert large < small + 25 and max(large, census) < 300
