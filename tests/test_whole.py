"""From an empty store to numbers whose truth is known: crawls of three days, the computation and the report.

The Hub has two lists on each day, as with the shipped schedules: a list, and later a deeper one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.simulated import Simulation

ROOT = Path(__file__).resolve().parents[1]
pytestmark = [pytest.mark.timeout(300), pytest.mark.ci]
REGISTRIES = {"huggingface/models": "huggingface/models", "pypi": "pypi.example"}


Truth = dict[str, list[list[str]]]
TruthAndReports = tuple[Truth, dict[str, Any], str]


def run_module(env: dict[str, str], *arguments: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", *arguments], cwd=ROOT, env=env, capture_output=True, text=True, check=True
    ).stdout


@pytest.fixture(scope="module")
def truth_and_reports(tmp_path_factory: pytest.TempPathFactory) -> TruthAndReports:
    """Return the true top 500 at each of three crawls, and the report as JSON and as text."""
    truth: Truth = {name: [] for name in REGISTRIES}
    options = ("--top", "500", "--clock", "registry", "--delay", "0", "--quiet")
    with Simulation(models=1500, packages=1500, start="2026-01-05") as simulation:
        env = {
            **os.environ,
            "HF_ENDPOINT": simulation.huggingface,
            "ECOSYSTEMS_ENDPOINT": simulation.ecosystems,
            "OBSERVATORY_DB": str(tmp_path_factory.mktemp("whole") / "o.db"),
        }
        for days in (0, 30, 61):
            simulation.advance(days)
            run_module(env, "crawler", "snapshot", *REGISTRIES, *options)
            run_module(env, "crawler", "snapshot", "huggingface/models", "--top", "700", *options[2:])
            for name, simulated_name in REGISTRIES.items():
                truth[name].append([row["id"] for row in simulation.truth(simulated_name, by="downloads", k=500)])
    run_module(env, "analysis")
    report = json.loads(run_module(env, "analysis.report", "--format", "json"))
    return truth, report, run_module(env, "analysis.report")


@pytest.mark.parametrize("registry", ["huggingface/models"])
def test_turnover_equals_the_truth_of_the_simulation(truth_and_reports: TruthAndReports, registry: str) -> None:
    truth, report, _ = truth_and_reports
    first, second, third = (set(names) for names in truth[registry])
    counts = {
        (row["date"], row["name"]): row["value"]
        for row in report["results"]
        if (row["registry"], row["metric"], row["k"]) == (registry, "turnover_as_published", 500)
    }
    assert counts["2026-02-04", "remained"] == len(first & second)
    assert counts["2026-04-06", "remained"] == len(second & third)
    assert counts["2026-04-06", "newcomers"] == len(third - second - first)
    assert counts["2026-04-06", "returning"] == len((third - second) & first)
    assert counts["2026-04-06", "ever"] == len(first | second | third)


def test_turnover_over_91_days_is_against_the_snapshot_of_that_day(truth_and_reports: TruthAndReports) -> None:
    truth, report, _ = truth_and_reports
    results = [
        row
        for row in report["results"]
        if (row["registry"], row["name"], row["k"], row["date"])
        == ("huggingface/models", "turnover.91d", 500, "2026-04-06")
    ]
    result, of_deeper_list = results
    assert [result[key] for key in ("value", "low", "high")] == [
        of_deeper_list[key] for key in ("value", "low", "high")
    ]
    first, third = set(truth["huggingface/models"][0]), set(truth["huggingface/models"][2])
    assert result["previous_date"] == "2026-01-05"
    assert result["value"] == pytest.approx(1 - len(first & third) / 500)
    assert result["low"] <= result["value"] <= result["high"]


def test_movers_equal_the_truth(truth_and_reports: TruthAndReports) -> None:
    truth, report, _ = truth_and_reports
    _, second, third = (set(names) for names in truth["huggingface/models"])
    moved: dict[str, set[str]] = {}
    for mover in report["movers"]:
        if mover["registry"] == "huggingface/models":
            moved.setdefault(mover["change"], set()).add(mover["package"])
    assert moved["left"] == second - third
    assert moved["entered"] | moved.get("returned", set()) == third - second


def test_the_top_equals_the_truth(truth_and_reports: TruthAndReports) -> None:
    truth, report, _ = truth_and_reports
    _, second, third = truth["huggingface/models"]
    rows = [row for row in report["top"] if row["registry"] == "huggingface/models"]
    assert [row["package"] for row in rows] == third[:20]
    assert [row["previous_rank"] for row in rows] == [
        second.index(package) + 1 if package in second else None for package in third[:20]
    ]


def test_the_report_for_people_has_the_same_numbers(truth_and_reports: TruthAndReports) -> None:
    _, report, text = truth_and_reports
    for result in report["results"]:
        if (result["date"], result["name"], result["k"]) == ("2026-04-06", "turnover", 500):
            assert f"{result['value']:.1%}" in text
    assert max(map(len, text.splitlines())) <= 80


def test_two_lists_of_a_day_are_one_day_in_the_report(truth_and_reports: TruthAndReports) -> None:
    _, report, text = truth_and_reports
    hub = text.partition("\npypi by downloads")[0]
    assert "6 complete snapshots of 3 days from 2026-01-05 to 2026-04-06, usually 45.5 days" in " ".join(hub.split())
    table = hub.split("The top 500 over time\n")[1].split("\n\n")[0]
    assert [line.split()[0] for line in table.splitlines()[1:]] == ["2026-01-05", "2026-02-04", "2026-04-06"]
    moves = [move for move in report["movers"] if move["registry"] == "huggingface/models"]
    assert {move["previous_date"] for move in moves} == {"2026-02-04"}
    (series,) = {move["snapshot"] for move in moves}
    assert series == min(row["snapshot"] for row in report["snapshots"] if row["date"] == "2026-04-06")
    fallen = [move for move in moves if move["change"] == "left" and move["reason"].startswith("fell to rank")]
    assert all(500 < move["rank"] <= 700 for move in fallen) and fallen
