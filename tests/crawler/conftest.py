"""Real crawls: the command in its own process, against a simulation on loopback."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.forked_crawl import start_crawl_command, wait_for_process
from tests.simulated import Simulation

ROOT = Path(__file__).resolve().parents[2]
HUB = "huggingface/models"


@dataclass
class CrawlRun:
    """One run of the command: its exit code, its output, and its store."""

    exit_code: int
    output: str
    errors: str
    db: Path

    @property
    def outcome(self) -> dict[str, object]:
        """The JSON output of the command, of snapshots the first one."""
        output = json.loads(self.output)
        return output["snapshots"][0] if "snapshots" in output else output

    def rows(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        """Return the rows of a query of the store."""
        with sqlite3.connect(f"file:{self.db}?mode=ro", uri=True) as connection:
            return connection.execute(statement, values).fetchall()

    def ranking(self, snapshot: int | None = None) -> list[tuple[object, ...]]:
        """Return rank, package and downloads of a snapshot, by default the newest, complete or not."""
        return self.rows(
            "SELECT rank, stable_id, r.downloads FROM ranking r JOIN package USING (package_id)"
            " WHERE snapshot_id = coalesce(?, (SELECT max(snapshot_id) FROM snapshot)) ORDER BY rank",
            snapshot,
        )

    def gate_result(self, gate: str) -> tuple[object, ...]:
        """Return the outcome and the measured text of one gate of the newest snapshot."""
        (result,) = self.rows(
            "SELECT outcome, measured FROM gate_result WHERE gate = ? ORDER BY snapshot_id DESC LIMIT 1", gate
        )
        return result


Crawl = Callable[..., CrawlRun]


def run_killed_crawl(pretend: Simulation, api: str, folder: Path, arguments: Sequence[str], pages: int) -> CrawlRun:
    """Run a crawl and kill it as soon as a number of pages is stored."""
    pretend.faults([{"api": api, "request": pages + 1, "kind": "stall", "seconds": 0.7}])
    arguments = [*arguments, "--db", str(folder / "store.db"), "--format", "json"]
    child = start_crawl_command(arguments, environment(pretend), folder / "out", folder / "errors")
    crawled = CrawlRun(0, "", "", folder / "store.db")
    while os.waitpid(child, os.WNOHANG)[0] == 0:
        try:
            if int(str(crawled.rows("SELECT count(*) FROM page")[0][0])) >= pages:
                os.kill(child, signal.SIGKILL)
        except sqlite3.Error:  # the store does not exist yet
            pass
        time.sleep(0.002)
    pretend.reset()
    return crawled


def environment(pretend: Simulation | None, **variables: str) -> dict[str, str]:
    """Return the environment of the command, with the endpoints of a simulation."""
    endpoints = {"HF_ENDPOINT": pretend.huggingface, "ECOSYSTEMS_ENDPOINT": pretend.ecosystems} if pretend else {}
    return {**os.environ, **variables, **endpoints}


@pytest.fixture(scope="module")
def pretend() -> Iterator[Simulation]:
    """Start a Hub of 3,500 models and an Ecosyste.ms for all tests of a module, without a simulated clock.

    The quota is larger than the requests of a module, because a crawl would wait for it.
    """
    with Simulation(models=3500, datasets=150, spaces=150, packages=400, quota=10**6, eco_quota=10**6) as simulation:
        yield simulation


@pytest.fixture
def crawl(warmed: None, pretend: Simulation, tmp_path: Path) -> Crawl:
    """Run `observatory crawl …` against the simulation, without faults unless the test plans some."""
    pretend.reset()

    def run(*words: str, db: str = "store.db", env: dict[str, str] | None = None, form: str = "json") -> CrawlRun:
        path = tmp_path / db
        out, errors = tmp_path / "out", tmp_path / "errors"
        arguments = [*words, "--db", str(path), "--format", form]
        code = wait_for_process(start_crawl_command(arguments, env or environment(pretend), out, errors))
        return CrawlRun(code, out.read_text("utf-8"), errors.read_text("utf-8"), path)

    return run
