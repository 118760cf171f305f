"""The power fails at any moment: no acknowledged commit is lost. The same trial without flushes finds losses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple
from pathlib import Path

import pytest

from tests.db.power_loss import CrashVerdict, RecordedRun, crash_states, judge_crashes, record_run, traced_statements
from tests.db.store.test_kill import run_to_end

STORE = "observatory.db"


@pytest.fixture(scope="module")
def statements(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return the statements that migrate a store, save a snapshot of three pages and end it."""
    return traced_statements(run_to_end, tmp_path_factory.mktemp("traced") / STORE)


def try_crashes(
    statements: list[str], folder: Path, journal: str, synchronous: str, step: int, min_states: int = 1
) -> tuple[RecordedRun, CrashVerdict]:
    """Record a run and judge its crash states, with one seed after another until there are enough states."""
    for name in ("run", "after"):
        (folder / name).mkdir()
    run = record_run(statements, folder / "run" / STORE, journal, synchronous)
    total, seed = CrashVerdict(), 0
    while total.states < min_states:
        seed += 1
        verdict = judge_crashes(run, folder / "after", STORE, step, seed)
        total = CrashVerdict(*(a + b for a, b in zip(astuple(total), astuple(verdict), strict=True)))
    return run, total


@pytest.mark.fault("A3")
def test_a_sample_of_power_losses_loses_no_commit(statements: list[str], tmp_path: Path) -> None:
    run, verdict = try_crashes(statements, tmp_path, "WAL", "FULL", 23)
    assert run.contents[-1][6] == "complete" and run.contents[-1][2] == 3
    assert verdict.states > 40
    assert (verdict.corrupt, verdict.lost, verdict.halves) == (0, 0, 0)


@pytest.mark.fault("A3")
def test_the_same_trial_without_flushes_finds_damage(statements: list[str], tmp_path: Path) -> None:
    _, verdict = try_crashes(statements, tmp_path, "WAL", "OFF", 41)
    assert verdict.corrupt + verdict.lost > 10, verdict


def kill_at_writes(statements: list[str], folder: Path, step: int) -> CrashVerdict:
    """Judge the states after every step-th write: the writes of a killed process stay, unlike after a power loss."""
    for name in ("run", "after"):
        (folder / name).mkdir()
    run = record_run(statements, folder / "run" / STORE, "WAL", "FULL")
    return judge_crashes(run, folder / "after", STORE, step, variants=("all",))


@pytest.mark.fault("A1")
def test_a_kill_at_some_writes_of_files_loses_no_commit(statements: list[str], tmp_path: Path) -> None:
    verdict = kill_at_writes(statements, tmp_path, 11)
    assert verdict.states > 20 and (verdict.corrupt, verdict.lost, verdict.halves) == (0, 0, 0)


@pytest.mark.fault("A1")
@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_kill_at_any_write_of_a_file_loses_no_commit(
    statements: list[str], tmp_path: Path, measured: Callable[[str], None]
) -> None:
    verdict = kill_at_writes(statements, tmp_path, 1)
    measured(str(verdict))
    assert verdict.states > 300 and (verdict.corrupt, verdict.lost, verdict.halves) == (0, 0, 0)


@pytest.mark.fault("A3")
@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("journal", ["WAL", "DELETE"])
def test_power_loss_in_two_thousand_states_loses_no_commit(
    statements: list[str], tmp_path: Path, journal: str, measured: Callable[[str], None]
) -> None:
    run, verdict = try_crashes(statements, tmp_path, journal, "FULL", 1, min_states=2000)
    measured(f"{journal}: {verdict}")
    assert verdict.states >= 2000, verdict
    assert (verdict.corrupt, verdict.lost, verdict.halves) == (0, 0, 0), verdict
    assert len({acknowledged for acknowledged, _ in crash_states(run)}) > 5


@pytest.mark.fault("A3")
@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_power_loss_without_flushes_loses_and_damages_much(
    statements: list[str], tmp_path: Path, measured: Callable[[str], None]
) -> None:
    _, verdict = try_crashes(statements, tmp_path, "WAL", "OFF", 1)
    measured(str(verdict))
    assert verdict.corrupt > 10 and verdict.lost > 10, verdict
