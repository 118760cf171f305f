"""A simulated year of crawls, failures, kills and wrong clocks: its results are compared with the truth."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from analysis.__main__ import main as compute
from db.maintenance.check import BROKEN, check_store
from db.ticks import UNFINISHED_OUTCOMES
from schedules.timetable import list_moments
from tests.simulated import Simulation
from tests.simulated_year import DAY, START, SimulatedYear


def run_simulated_year(folder: Path, seed: int, days: int) -> SimulatedYear:
    """Return a simulated year after some days."""
    options = {"models": 150, "datasets": 5, "spaces": 5, "packages": 90}
    with Simulation(start="2026-01-01", seed=seed, quota=100_000, eco_quota=100_000, **options) as hub:
        year = SimulatedYear(folder, seed, hub)
        year.run_days(days)
        return year


def check_against_truth(year: SimulatedYear) -> dict[str, int]:
    """Check every promise against the truth, and return counts of what happened."""
    complete = year.query(
        "SELECT snapshot_id, name, taken_at FROM snapshot JOIN registry USING (registry_id) WHERE status = 'complete'"
    )
    for number, registry, taken_at in complete:
        snapshot = int(str(number))
        rows = year.query(f"SELECT package, name, downloads FROM v1_ranking WHERE snapshot = {snapshot} ORDER BY rank")
        if (
            registry == "npm"
        ):  # at Ecosyste.ms the order of equal rows is arbitrary, and the id of a package is its name
            assert drop_last_ties((name, name, downloads) for _, name, downloads in rows) == drop_last_ties(
                year.truth[snapshot]
            )
        else:
            assert rows == year.truth[snapshot], snapshot
        assert abs(int(str(taken_at)) - year.taken_at[snapshot]) < 300, "a complete snapshot has the date of its day"
    assert year.query("SELECT count(DISTINCT snapshot) FROM v1_ranking") == [(len(complete),)]
    assert all(result.verdict != BROKEN for result in check_store(year.store)), check_store(year.store)
    check_turnover(year)
    return {"complete": len(complete), **check_ticks(year), "requests": year.request_count, "failing": year.fault_count,
            "kills": year.kill_count}  # fmt: skip


def check_turnover(year: SimulatedYear) -> None:
    """Check that the packages that remained in each daily list are those of the true lists."""
    assert compute(["--db", str(year.store), "--metric", "turnover_as_published"]) == 0
    remained = dict(
        year.query(
            "SELECT snapshot_id, value FROM result JOIN snapshot USING (snapshot_id) JOIN registry USING (registry_id)"
            " WHERE registry.name = 'huggingface/models' AND result.name = 'remained' AND result.k = 100"
        )
    )
    lists = [(int(str(number)), int(str(taken_at))) for number, taken_at in year.query(
        "SELECT snapshot_id, taken_at FROM snapshot JOIN registry USING (registry_id)"
        " WHERE status = 'complete' AND name = 'huggingface/models'"
    )]  # fmt: skip
    assert len(lists) > 5
    for number, taken_at in lists:
        before = find_list_before(lists, taken_at)
        in_both = {row[0] for row in year.truth[number]} & {row[0] for row in year.truth[before]} if before else ()
        assert remained[number] == (len(in_both) if before else None), number


def find_list_before(lists: Iterable[tuple[int, int]], taken_at: int) -> int | None:
    """Return the list that a list is compared with: the first of each day, and of those the newest 20 hours before."""
    first_of_day: dict[int, tuple[int, int]] = {}
    for number, at in sorted(lists):
        first_of_day.setdefault(at // DAY, (at, number))
    earlier = [(at, number) for day, (at, number) in first_of_day.items()
               if day < taken_at // DAY and at <= taken_at - 20 * 3600]  # fmt: skip
    return max(earlier)[1] if earlier else None


def drop_last_ties(rows: Iterable[tuple[object, ...]]) -> list[tuple[object, ...]]:
    """Return a list without the rows that share the last value: which of those are in it is arbitrary."""
    ordered = sorted(rows, key=lambda row: (-int(str(row[2])), str(row[1])))
    return [row for row in ordered if row[2] != ordered[-1][2]]


def check_ticks(year: SimulatedYear) -> dict[str, int]:
    """Check that each moment has one tick, and each success its snapshot. Return counts of ticks."""
    counts = {"moments": 0, "done": 0, "gaps": 0}
    for name, registry in (("daily", "huggingface/models"), ("weekly", "npm")):
        ticks = year.query(
            "SELECT due_at, outcome, reason, started_at, ended_at, cause FROM tick"
            f" WHERE schedule = '{name}' AND outcome <> 'known' AND cause <> 'clock' ORDER BY due_at"
        )
        timetable = year.schedules[name].timetable
        assert timetable is not None
        dues = [int(str(row[0])) for row in ticks]
        present = year.present
        moments = list(list_moments(timetable, START, present))
        assert [due for due in dues if due <= present] == moments
        ends = year.query(
            "SELECT ended_at FROM snapshot JOIN registry USING (registry_id)"
            f" WHERE name = '{registry}' AND status = 'complete'"
        )
        for due, outcome, reason, started_at, ended_at, _ in ticks:
            assert outcome != "gap" or reason, due
            if outcome == "done":
                assert any(int(str(started_at)) <= int(str(end)) <= int(str(ended_at)) for (end,) in ends), due
        unfinished = [row for row in ticks if row[1] in UNFINISHED_OUTCOMES]
        assert len(unfinished) <= 1
        counts["moments"] += len(moments)
        counts["done"] += sum(row[1] == "done" for row in ticks)
        counts["gaps"] += sum(row[1] == "gap" for row in ticks)
    return counts


@pytest.mark.fault("A1", "B2", "B4", "C5")
def test_eight_simulated_days_agree_with_the_truth(warmed: None, tmp_path: Path) -> None:
    counts = check_against_truth(run_simulated_year(tmp_path, 33, 8))
    assert counts["complete"] >= 8 and counts["gaps"] and counts["kills"] and counts["failing"]


@pytest.mark.years
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    "seed", [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 21))], ids="seed{:02}".format
)
@pytest.mark.fault("A1", "B2", "B4", "C5")
def test_a_simulated_year_agrees_with_the_truth(
    warmed: None, tmp_path: Path, seed: int, measured: Callable[[str], None]
) -> None:
    counts = check_against_truth(run_simulated_year(tmp_path, seed, 365))
    measured(", ".join(f"{number} {name}" for name, number in counts.items()))
    assert counts["complete"] > 300 and counts["gaps"] and counts["kills"] and counts["failing"] > 20
