"""A3: the power goes at any moment. Nothing that was acknowledged is lost, and the same trial fails without flushes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple
from pathlib import Path

import pytest

from tests.db.power_loss import CrashVerdict, RecordedRun, crash_states, judge_crashes, record_run, traced_statements
from tests.db.store.test_kill import run_to_end

STORE = "observatory.db"


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The statements of migrating a store, taking a snapshot of three pages and ending it."""
    return traced_statements(run_to_end, tmp_path_factory.mktemp("traced") / STORE)


def tried(
    said: list[str], folder: Path, journal: str, synchronous: str, every: int, least: int = 1
) -> tuple[RecordedRun, CrashVerdict]:
    """Record a run; look at its crash states, drawn again until there are enough of them."""
    for name in ("run", "after"):
        (folder / name).mkdir()
    recorded = record_run(said, folder / "run" / STORE, journal, synchronous)
    whole, seed = CrashVerdict(), 0
    while whole.states < least:
        seed += 1
        one = judge_crashes(recorded, folder / "after", STORE, every, seed)
        whole = CrashVerdict(*(a + b for a, b in zip(astuple(whole), astuple(one), strict=True)))
    return recorded, whole


@pytest.mark.fault("A3")
def test_power_loss_a_sample(said: list[str], tmp_path: Path) -> None:
    recorded, verdict = tried(said, tmp_path, "WAL", "FULL", 23)
    assert recorded.contents[-1][6] == "complete" and recorded.contents[-1][2] == 3
    assert verdict.states > 40
    assert (verdict.corrupt, verdict.lost, verdict.halves) == (0, 0, 0)


@pytest.mark.fault("A3")
def test_without_flushes_the_same_trial_finds_damage(said: list[str], tmp_path: Path) -> None:
    _, verdict = tried(said, tmp_path, "WAL", "OFF", 41)
    assert verdict.corrupt + verdict.lost > 10, verdict


def killed_at_writes(said: list[str], folder: Path, every: int) -> CrashVerdict:
    """A process that is killed has written what it has written: the states after every so-many-th write to a file."""
    for name in ("run", "after"):
        (folder / name).mkdir()
    recorded = record_run(said, folder / "run" / STORE, "WAL", "FULL")
    return judge_crashes(recorded, folder / "after", STORE, every, variants=("all",))


@pytest.mark.fault("A1")
def test_killed_at_some_writes_of_files(said: list[str], tmp_path: Path) -> None:
    verdict = killed_at_writes(said, tmp_path, 11)
    assert verdict.states > 20 and (verdict.corrupt, verdict.lost, verdict.halves) == (0, 0, 0)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.fault("A1")
def test_killed_at_every_write_of_a_file(said: list[str], tmp_path: Path, measured: Callable[[str], None]) -> None:
    verdict = killed_at_writes(said, tmp_path, 1)
    measured(str(verdict))
    assert verdict.states > 300 and (verdict.corrupt, verdict.lost, verdict.halves) == (0, 0, 0)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("journal", ["WAL", "DELETE"])
@pytest.mark.fault("A3")
def test_power_loss_in_two_thousand_states(
    said: list[str], tmp_path: Path, journal: str, measured: Callable[[str], None]
) -> None:
    recorded, verdict = tried(said, tmp_path, journal, "FULL", 1, least=2000)
    measured(f"{journal}: {verdict}")
    assert verdict.states >= 2000, verdict
    assert (verdict.corrupt, verdict.lost, verdict.halves) == (0, 0, 0), verdict
    assert len({number for number, _ in crash_states(recorded)}) > 5


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.fault("A3")
def test_without_flushes_much_is_lost_and_much_is_damaged(
    said: list[str], tmp_path: Path, measured: Callable[[str], None]
) -> None:
    _, verdict = tried(said, tmp_path, "WAL", "OFF", 1)
    measured(str(verdict))
    assert verdict.corrupt > 10 and verdict.lost > 10, verdict
