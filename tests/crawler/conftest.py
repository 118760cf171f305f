"""Crawls as they are really run: the command in a process of its own, against a simulation on loopback."""

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
class Crawled:
    """One run of the command: what it said and left."""

    exit_code: int
    told: str
    errors: str
    db: Path

    @property
    def outcome(self) -> dict[str, object]:
        """What the command printed as JSON; of snapshots, the first."""
        told = json.loads(self.told)
        return told["snapshots"][0] if "snapshots" in told else told

    def rows(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        """What the store answers to a question."""
        with sqlite3.connect(f"file:{self.db}?mode=ro", uri=True) as connection:
            return connection.execute(statement, values).fetchall()

    def ranking(self, snapshot: int | None = None) -> list[tuple[object, ...]]:
        """Rank, package and downloads of a snapshot, the newest if none is named, complete or not."""
        return self.rows(
            "SELECT rank, stable_id, r.downloads FROM ranking r JOIN package USING (package_id)"
            " WHERE snapshot_id = coalesce(?, (SELECT max(snapshot_id) FROM snapshot)) ORDER BY rank",
            snapshot,
        )

    def finding(self, gate: str) -> tuple[object, ...]:
        """Outcome and measure of one gate of the newest snapshot."""
        (found,) = self.rows(
            "SELECT outcome, measured FROM gate_result WHERE gate = ? ORDER BY snapshot_id DESC LIMIT 1", gate
        )
        return found


Crawl = Callable[..., Crawled]


def killed(pretend: Simulation, api: str, folder: Path, words: Sequence[str], pages: int) -> Crawled:
    """What a crawl leaves that is killed as soon as so many pages are stored."""
    pretend.faults([{"api": api, "request": pages + 1, "kind": "stall", "seconds": 0.7}])
    line = [*words, "--db", str(folder / "store.db"), "--format", "json"]
    child = start_crawl_command(line, environment(pretend), folder / "out", folder / "errors")
    left = Crawled(0, "", "", folder / "store.db")
    while os.waitpid(child, os.WNOHANG)[0] == 0:
        try:
            if left.rows("SELECT count(*) FROM page")[0][0] >= pages:
                os.kill(child, signal.SIGKILL)
        except sqlite3.Error:  # the store is just being made
            pass
        time.sleep(0.002)
    pretend.reset()
    return left


def environment(pretend: Simulation | None, **more: str) -> dict[str, str]:
    """Where the command finds the services."""
    found = {**os.environ, **more}
    if pretend is not None:
        found |= {"HF_ENDPOINT": pretend.huggingface, "ECOSYSTEMS_ENDPOINT": pretend.ecosystems}
    return found


@pytest.fixture(scope="module")
def pretend() -> Iterator[Simulation]:
    """A Hub of 3,500 models and an Ecosyste.ms, the same for all tests of a module, without a clock of its own.

    Their quota is more than the tests of a module use: a crawl would wait for it.
    """
    with Simulation(models=3500, datasets=150, spaces=150, packages=400, quota=10**6, eco_quota=10**6) as running:
        yield running


@pytest.fixture
def crawl(warmed: None, pretend: Simulation, tmp_path: Path) -> Crawl:
    """Run `observatory crawl …` against the simulation, with nothing planned to go wrong unless the test says so."""
    pretend.reset()

    def run(*words: str, db: str = "store.db", env: dict[str, str] | None = None, form: str = "json") -> Crawled:
        path = tmp_path / db
        out, errors = tmp_path / "out", tmp_path / "errors"
        line = [*words, "--db", str(path), "--format", form]
        code = wait_for_process(start_crawl_command(line, env or environment(pretend), out, errors))
        return Crawled(code, out.read_text("utf-8"), errors.read_text("utf-8"), path)

    return run
