"""The shipped schedules, run by the daemon for simulated days: each section of the report against the true lists."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from itertools import product
from typing import Any

import pytest

from tests.browser import SCHEMES, WIDTHS, open_page
from tests.shipped_replay import HOURLY, REGISTRIES, ShippedReplay, read_report
from tests.simulated import Simulation

pytestmark = [pytest.mark.replay, pytest.mark.timeout(3600)]

HUB = "huggingface/models"
DAYS = int(os.environ.get("REPLAY_DAYS", "40"))
DEPTHS = {HUB: (100, 1000, 5000, 15_000), "npm": (100, 1000), "pypi": (100, 1000)}
Flow = tuple[int, int, int, int]  # remained, newcomers, returning, ever


@pytest.fixture(scope="module")
def replay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ShippedReplay]:
    """Return the store after all days, with the simulation still running."""
    sizes = {"models": 15_300, "datasets": 5, "spaces": 5, "packages": 1100}
    with Simulation(start="2026-01-05", quota=10**6, eco_quota=10**6, **sizes) as hub:
        shipped = ShippedReplay(tmp_path_factory.mktemp("shipped") / "replay", hub)
        shipped.run_days(DAYS)
        yield shipped


@pytest.fixture(scope="module")
def report(replay: ShippedReplay) -> dict[str, Any]:
    return read_report(replay)


def list_days(replay: ShippedReplay, registry: str) -> list[str]:
    """Return the days on which the shipped schedules list a registry."""
    days = sorted(replay.truth)
    return days if registry == HUB else [day for day in days if date.fromisoformat(day).weekday() == 0]


def true_flows(replay: ShippedReplay, registry: str, k: int) -> Mapping[str, Flow]:
    """Return the flows of each day but the first, counted by plain sets."""
    ever: set[str] = set()
    previous: set[str] = set()
    flows: dict[str, Flow] = {}
    for day in list_days(replay, registry):
        current = replay.true_names(day, registry, k)
        entered = current - previous
        if ever:
            flows[day] = (len(current & previous), len(entered - ever), len(entered & ever), len(ever | current))
        ever, previous = ever | current, current
    return flows


def true_turnover(replay: ShippedReplay, registry: str, k: int, day: str, days: int) -> float | None:
    """Return the share of the top K that was not in it some days before, or None without a list of that day."""
    before = str(date.fromisoformat(day) - timedelta(days=days))
    if before not in list_days(replay, registry):
        return None
    return 1 - len(replay.true_names(day, registry, k) & replay.true_names(before, registry, k)) / k


def select_results(report: Mapping[str, Any], registry: str, name: str, k: int) -> list[dict[str, Any]]:
    rows = [row for row in report["results"] if (row["registry"], row["name"], row["k"]) == (registry, name, k)]
    assert rows, (registry, name, k)
    return rows


def test_the_daemon_ran_each_moment_and_each_command_ended_well(replay: ShippedReplay) -> None:
    outcomes = replay.query("SELECT DISTINCT schedule, outcome FROM tick WHERE outcome NOT IN ('known', 'done')")
    assert set(outcomes) <= {(HOURLY, "gap")}
    runs = dict(replay.query("SELECT schedule, count(*) FROM tick WHERE outcome = 'done' GROUP BY schedule"))
    mondays = len(list_days(replay, "npm"))
    assert [runs[name] for name in ("backup", "hub-top", "hub-deep", "hub-cards")] == [DAYS] * 4
    assert (runs["npm-top"], runs["pypi-top"]) == (mondays, mondays)


def test_each_ranking_is_complete_and_equals_the_true_list_of_its_day(replay: ShippedReplay) -> None:
    rows = replay.query(
        "SELECT registry, date, depth, snapshot FROM v1_snapshot WHERE status = 'complete' AND kind = 'top'"
    )
    assert len(rows) == 2 * DAYS + 2 * len(list_days(replay, "npm"))
    for registry, day, depth, snapshot in rows:
        listed = [
            name
            for (name,) in replay.query(f"SELECT package FROM v1_ranking WHERE snapshot = {snapshot} ORDER BY rank")
        ]
        truth = replay.truth[day][registry]
        if registry == HUB:
            assert listed == [row["id"] for row in truth[:depth]]
        else:  # equal counters have no order at Ecosyste.ms
            last = truth[depth - 1]["downloads"]
            assert {row["id"] for row in truth if row["downloads"] > last} <= set(listed)


@pytest.mark.parametrize("registry", REGISTRIES)
def test_flows_since_the_list_before_are_those_of_the_true_lists(
    replay: ShippedReplay, report: Mapping[str, Any], registry: str
) -> None:
    for k in DEPTHS[registry]:
        truth = true_flows(replay, registry, k)
        names = ("remained", "newcomers", "returning", "ever")
        columns = [select_results(report, registry, name, k) for name in names]
        flows = {
            rows[0]["date"]: tuple(row["value"] for row in rows)
            for rows in zip(*columns, strict=True)
            if rows[0]["value"] is not None
        }
        assert flows == truth, (registry, k)


@pytest.mark.parametrize("registry", REGISTRIES)
def test_turnover_is_that_of_the_true_lists_at_each_gap(
    replay: ShippedReplay, report: Mapping[str, Any], registry: str
) -> None:
    usual = 1 if registry == HUB else 7
    compared = 0
    for k in DEPTHS[registry]:
        for name, days in (("turnover", usual), ("turnover.7d", 7), ("turnover.30d", 30)):
            for row in select_results(report, registry, name, k):
                truth = true_turnover(replay, registry, k, row["date"], days)
                if truth is not None:
                    assert row["value"] == pytest.approx(truth), (registry, k, name, row["date"])
                    assert row["previous_date"] == str(date.fromisoformat(row["date"]) - timedelta(days=days))
                    compared += 1
    assert compared > DAYS // usual


def test_movers_are_the_packages_that_the_true_lists_gained_and_lost(
    replay: ShippedReplay, report: Mapping[str, Any]
) -> None:
    last, before = sorted(replay.truth)[-1], sorted(replay.truth)[-2]
    current, previous = (replay.true_names(day, HUB, report["k"]) for day in (last, before))
    moves = [move for move in report["movers"] if move["registry"] == HUB]
    assert {move["date"] for move in moves} == {last}
    assert {move["previous_date"] for move in moves} == {before}
    changes = {
        change: {move["package"] for move in moves if move["change"] == change}
        for change in ("entered", "returned", "left")
    }
    assert changes["entered"] | changes["returned"] == current - previous
    assert changes["left"] == previous - current


def test_a_browser_shows_each_figure_without_overflow_or_a_barrier(replay: ShippedReplay) -> None:
    page = replay.folder / "report.html"
    replay.observe("report", "--format", "html", "--out", str(page))
    for width, scheme in product(WIDTHS, SCHEMES):
        with open_page(page, width, scheme) as shown:
            assert shown.list_violations() == [], (width, scheme)
            assert shown.overflow() <= 0, (width, scheme)
            assert shown.list_empty_figures() == [], (width, scheme)
            assert shown.count_figures() >= 5
