"""A year in a box: what a year of runs, failures, kills and wrong clocks left is held against what truly was."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from analysis.__main__ import main as compute
from db.maintenance.check import BROKEN, check
from db.ticks import UNFINISHED
from schedules.timetable import moments
from tests.simulated import Simulation
from tests.simulated_year import START, Box


def lived(folder: Path, seed: int, days: int) -> Box:
    """A box after so many days."""
    options = {"models": 150, "datasets": 5, "spaces": 5, "packages": 90}
    with Simulation(start="2026-01-01", seed=seed, quota=100_000, eco_quota=100_000, **options) as hub:
        box = Box(folder, seed, hub)
        box.live(days)
        return box


def nothing_is_untrue(box: Box) -> dict[str, int]:
    """Every promise, against the truth; what there was of what."""
    complete = box.ask(
        "SELECT snapshot_id, name, taken_at FROM snapshot JOIN registry USING (registry_id) WHERE status = 'complete'"
    )
    for number, registry, at in complete:
        snapshot = int(str(number))
        rows = box.ask(f"SELECT package, name, downloads FROM v1_ranking WHERE snapshot = {snapshot} ORDER BY rank")
        if registry == "npm":  # Ecosyste.ms orders equals in no order, and knows packages by their names
            assert settled((name, name, downloads) for _, name, downloads in rows) == settled(box.truth[snapshot])
        else:
            assert rows == box.truth[snapshot], snapshot
        assert abs(int(str(at)) - box.taken[snapshot]) < 300, "a complete snapshot is of its day"
    assert box.ask("SELECT count(DISTINCT snapshot) FROM v1_ranking") == [(len(complete),)]
    assert all(one.verdict != BROKEN for one in check(box.store)), check(box.store)
    turnover_is_true(box)
    return {"complete": len(complete), **ledger_is_whole(box), "requests": box.requests, "failing": box.failing,
            "kills": box.kills}  # fmt: skip


def turnover_is_true(box: Box) -> None:
    """What is computed of each daily list is what the truth of that day and of the day of the list before gives."""
    assert compute(["--db", str(box.store), "--metric", "turnover_as_published"]) == 0
    stays = dict(box.ask(
        "SELECT snapshot_id, value FROM result JOIN snapshot USING (snapshot_id) JOIN registry USING (registry_id)"
        " WHERE registry.name = 'huggingface/models' AND result.name = 'remained' AND result.k = 100"
    ))  # fmt: skip
    daily = [int(str(number)) for (number,) in box.ask(
        "SELECT snapshot_id FROM snapshot JOIN registry USING (registry_id)"
        " WHERE status = 'complete' AND name = 'huggingface/models' ORDER BY taken_at"
    )]  # fmt: skip
    assert len(daily) > 5
    for before, after in zip(daily, daily[1:], strict=False):
        both = {row[0] for row in box.truth[before]} & {row[0] for row in box.truth[after]}
        assert stays[after] == len(both), after


def settled(rows: Iterable[tuple[object, ...]]) -> list[tuple[object, ...]]:
    """A list without those that share the last value: which of them are in it is chance."""
    found = sorted(rows, key=lambda row: (-int(str(row[2])), str(row[1])))
    return [row for row in found if row[2] != found[-1][2]]


def ledger_is_whole(box: Box) -> dict[str, int]:
    """Each moment is on record once; what is done has its snapshot, and nothing else is said to be."""
    counted = {"moments": 0, "done": 0, "gaps": 0}
    for name, registry in (("daily", "huggingface/models"), ("weekly", "npm")):
        ticks = box.ask(
            "SELECT due_at, outcome, reason, started_at, ended_at, cause FROM tick"
            f" WHERE schedule = '{name}' AND outcome <> 'known' AND cause <> 'clock' ORDER BY due_at"
        )
        when = box.schedules[name].when
        assert when is not None
        dues = [int(str(row[0])) for row in ticks]
        present = box.present
        wanted = list(moments(when, START, present))
        assert [due for due in dues if due <= present] == wanted
        ends = box.ask(
            "SELECT ended_at FROM snapshot JOIN registry USING (registry_id)"
            f" WHERE name = '{registry}' AND status = 'complete'"
        )
        for due, outcome, reason, started, ended, _ in ticks:
            assert outcome != "gap" or reason, due
            if outcome == "done":
                assert any(int(str(started)) <= int(str(end)) <= int(str(ended)) for (end,) in ends), due
        open_ones = [row for row in ticks if row[1] in UNFINISHED]
        assert len(open_ones) <= 1
        counted["moments"] += len(wanted)
        counted["done"] += sum(row[1] == "done" for row in ticks)
        counted["gaps"] += sum(row[1] == "gap" for row in ticks)
    return counted


def test_A1_B2_B4_C5_eight_days_in_a_box_are_as_they_were(warmed: None, tmp_path: Path) -> None:
    told = nothing_is_untrue(lived(tmp_path, 33, 8))
    assert told["complete"] >= 8 and told["gaps"] and told["kills"] and told["failing"]


@pytest.mark.years
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    "seed", [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 21))], ids="seed{:02}".format
)
def test_A1_B2_B4_C5_a_year_in_a_box_is_as_it_was(
    warmed: None, tmp_path: Path, seed: int, measured: Callable[[str], None]
) -> None:
    told = nothing_is_untrue(lived(tmp_path, seed, 365))
    measured(", ".join(f"{number} {name}" for name, number in told.items()))
    assert told["complete"] > 300 and told["gaps"] and told["kills"] and told["failing"] > 20
