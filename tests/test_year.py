"""A year in a box: what a year of runs, failures, kills and wrong clocks left is held against what truly was."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from analysis.__main__ import main as compute
from db.maintenance.check import BROKEN, check_store
from db.ticks import UNFINISHED_OUTCOMES
from schedules.timetable import list_moments
from tests.simulated import Simulation
from tests.simulated_year import START, SimulatedYear


def run_simulated_year(folder: Path, seed: int, days: int) -> SimulatedYear:
    """A box after so many days."""
    options = {"models": 150, "datasets": 5, "spaces": 5, "packages": 90}
    with Simulation(start="2026-01-01", seed=seed, quota=100_000, eco_quota=100_000, **options) as hub:
        box = SimulatedYear(folder, seed, hub)
        box.run_days(days)
        return box


def check_against_truth(box: SimulatedYear) -> dict[str, int]:
    """Every promise, against the truth; what there was of what."""
    complete = box.query(
        "SELECT snapshot_id, name, taken_at FROM snapshot JOIN registry USING (registry_id) WHERE status = 'complete'"
    )
    for number, registry, at in complete:
        snapshot = int(str(number))
        rows = box.query(f"SELECT package, name, downloads FROM v1_ranking WHERE snapshot = {snapshot} ORDER BY rank")
        if registry == "npm":  # Ecosyste.ms orders equals in no order, and knows packages by their names
            assert drop_last_ties((name, name, downloads) for _, name, downloads in rows) == drop_last_ties(
                box.truth[snapshot]
            )
        else:
            assert rows == box.truth[snapshot], snapshot
        assert abs(int(str(at)) - box.taken_at[snapshot]) < 300, "a complete snapshot is of its day"
    assert box.query("SELECT count(DISTINCT snapshot) FROM v1_ranking") == [(len(complete),)]
    assert all(one.verdict != BROKEN for one in check_store(box.store)), check_store(box.store)
    check_turnover(box)
    return {"complete": len(complete), **check_ticks(box), "requests": box.request_count, "failing": box.fault_count,
            "kills": box.kill_count}  # fmt: skip


def check_turnover(box: SimulatedYear) -> None:
    """What is computed of each daily list is what the truth of that day and of the day of the list before gives."""
    assert compute(["--db", str(box.store), "--metric", "turnover_as_published"]) == 0
    stays = dict(box.query(
        "SELECT snapshot_id, value FROM result JOIN snapshot USING (snapshot_id) JOIN registry USING (registry_id)"
        " WHERE registry.name = 'huggingface/models' AND result.name = 'remained' AND result.k = 100"
    ))  # fmt: skip
    daily = [int(str(number)) for (number,) in box.query(
        "SELECT snapshot_id FROM snapshot JOIN registry USING (registry_id)"
        " WHERE status = 'complete' AND name = 'huggingface/models' ORDER BY taken_at"
    )]  # fmt: skip
    assert len(daily) > 5
    for before, after in zip(daily, daily[1:], strict=False):
        both = {row[0] for row in box.truth[before]} & {row[0] for row in box.truth[after]}
        assert stays[after] == len(both), after


def drop_last_ties(rows: Iterable[tuple[object, ...]]) -> list[tuple[object, ...]]:
    """A list without those that share the last value: which of them are in it is chance."""
    found = sorted(rows, key=lambda row: (-int(str(row[2])), str(row[1])))
    return [row for row in found if row[2] != found[-1][2]]


def check_ticks(box: SimulatedYear) -> dict[str, int]:
    """Each moment is on record once; what is done has its snapshot, and nothing else is said to be."""
    counted = {"moments": 0, "done": 0, "gaps": 0}
    for name, registry in (("daily", "huggingface/models"), ("weekly", "npm")):
        ticks = box.query(
            "SELECT due_at, outcome, reason, started_at, ended_at, cause FROM tick"
            f" WHERE schedule = '{name}' AND outcome <> 'known' AND cause <> 'clock' ORDER BY due_at"
        )
        when = box.schedules[name].timetable
        assert when is not None
        dues = [int(str(row[0])) for row in ticks]
        present = box.present
        wanted = list(list_moments(when, START, present))
        assert [due for due in dues if due <= present] == wanted
        ends = box.query(
            "SELECT ended_at FROM snapshot JOIN registry USING (registry_id)"
            f" WHERE name = '{registry}' AND status = 'complete'"
        )
        for due, outcome, reason, started, ended, _ in ticks:
            assert outcome != "gap" or reason, due
            if outcome == "done":
                assert any(int(str(started)) <= int(str(end)) <= int(str(ended)) for (end,) in ends), due
        open_ones = [row for row in ticks if row[1] in UNFINISHED_OUTCOMES]
        assert len(open_ones) <= 1
        counted["moments"] += len(wanted)
        counted["done"] += sum(row[1] == "done" for row in ticks)
        counted["gaps"] += sum(row[1] == "gap" for row in ticks)
    return counted


@pytest.mark.fault("A1", "B2", "B4", "C5")
def test_eight_simulated_days_agree_with_the_truth(warmed: None, tmp_path: Path) -> None:
    told = check_against_truth(run_simulated_year(tmp_path, 33, 8))
    assert told["complete"] >= 8 and told["gaps"] and told["kills"] and told["failing"]


@pytest.mark.years
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    "seed", [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 21))], ids="seed{:02}".format
)
@pytest.mark.fault("A1", "B2", "B4", "C5")
def test_a_simulated_year_agrees_with_the_truth(warmed: None, tmp_path: Path, seed: int, measured: Callable[[str], None]) -> None:
    told = check_against_truth(run_simulated_year(tmp_path, seed, 365))
    measured(", ".join(f"{number} {name}" for name, number in told.items()))
    assert told["complete"] > 300 and told["gaps"] and told["kills"] and told["failing"] > 20
