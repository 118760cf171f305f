"""From a cold start to numbers whose truth is known: crawl, days go by, crawl, compute, report."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulated import Simulation

ROOT = Path(__file__).resolve().parents[1]
REGISTRIES = {"huggingface/models": "huggingface/models", "pypi": "pypi.example"}


def run_module(env: dict[str, str], *words: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", *words], cwd=ROOT, env=env, capture_output=True, text=True, check=True
    ).stdout


@pytest.fixture(scope="module")
def truth_and_reports(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[dict[str, list[list[str]]], dict[str, object], str]:
    """The true top 500 at each of three looks, and the report in JSON and in text."""
    truth: dict[str, list[list[str]]] = {name: [] for name in REGISTRIES}
    with Simulation(models=1500, packages=1500, start="2026-01-05") as pretend:
        env = {**os.environ, "HF_ENDPOINT": pretend.huggingface, "ECOSYSTEMS_ENDPOINT": pretend.ecosystems,
               "OBSERVATORY_DB": str(tmp_path_factory.mktemp("whole") / "o.db")}  # fmt: skip
        for days in (0, 30, 61):
            pretend.advance(days)
            run_module(
                env,
                "crawler",
                "snapshot",
                *REGISTRIES,
                "--top",
                "500",
                "--clock",
                "registry",
                "--pause",
                "0",
                "--quiet",
            )
            for name, service_name in REGISTRIES.items():
                truth[name].append([row["id"] for row in pretend.truth(service_name, by="downloads", k=500)])
    run_module(env, "analysis")
    return truth, json.loads(run_module(env, "analysis.report", "--format", "json")), run_module(env, "analysis.report")


@pytest.mark.parametrize("registry", ["huggingface/models"])
def test_turnover_equals_the_truth_of_the_simulation(
    truth_and_reports: tuple[dict[str, list[list[str]]], dict, str], registry: str
) -> None:
    truth, report, _ = truth_and_reports
    first, second, third = (set(names) for names in truth[registry])
    counted = {
        (r["date"], r["name"]): r["value"]
        for r in report["results"]
        if (r["registry"], r["metric"], r["k"]) == (registry, "turnover_as_published", 500)
    }
    assert counted["2026-02-04", "remained"] == len(first & second)
    assert counted["2026-04-06", "remained"] == len(second & third)
    assert counted["2026-04-06", "newcomers"] == len(third - second - first)
    assert counted["2026-04-06", "returning"] == len((third - second) & first)
    assert counted["2026-04-06", "ever"] == len(first | second | third)


def test_a_matched_gap_is_against_the_snapshot_of_that_day(
    truth_and_reports: tuple[dict[str, list[list[str]]], dict, str],
) -> None:
    truth, report, _ = truth_and_reports
    (found,) = [
        r
        for r in report["results"]
        if (r["registry"], r["name"], r["k"], r["date"]) == ("huggingface/models", "turnover.91d", 500, "2026-04-06")
    ]
    first, third = set(truth["huggingface/models"][0]), set(truth["huggingface/models"][2])
    assert found["previous_date"] == "2026-01-05"
    assert found["value"] == pytest.approx(1 - len(first & third) / 500)
    assert found["low"] <= found["value"] <= found["high"]


def test_who_moved_is_who_moved(truth_and_reports: tuple[dict[str, list[list[str]]], dict, str]) -> None:
    truth, report, _ = truth_and_reports
    _, second, third = (set(names) for names in truth["huggingface/models"])
    moved: dict[str, set[str]] = {}
    for mover in report["movers"]:
        if mover["registry"] == "huggingface/models":
            moved.setdefault(mover["change"], set()).add(mover["package"])
    assert moved["left"] == second - third
    assert moved["entered"] | moved.get("returned", set()) == third - second


def test_the_report_for_people_has_the_same_numbers(
    truth_and_reports: tuple[dict[str, list[list[str]]], dict, str],
) -> None:
    _, report, text = truth_and_reports
    for result in report["results"]:
        if (result["date"], result["name"], result["k"]) == ("2026-04-06", "turnover", 500):
            assert f"{result['value']:.1%}" in text
    assert max(map(len, text.splitlines())) <= 80
