"""The shipped schedules, run by the daemon for simulated days: each section of the report against the true lists."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any

import pytest

from tests.browser import iter_pages
from tests.shipped_replay import HOURLY, REGISTRIES, ShippedReplay, read_report
from tests.simulated import Simulation
from tests.simulation.client import fetch

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


def normalize_name(name: str) -> str:
    """Return the name of a package as PyPI compares names (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


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
            above = {normalize_name(row["id"]) for row in truth[:depth] if row["downloads"] != last}
            assert above <= {normalize_name(name) for name in listed}


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


def read_true_children(replay: ShippedReplay, depth: int) -> dict[str, dict[str, set[str]]]:
    """Return the children of each parent by relation among the first models of the Hub now, by the names of parents."""
    children: dict[str, dict[str, set[str]]] = {}
    url: str | None = f"{replay.hub.huggingface}/api/models?sort=downloads&limit=1000&expand=baseModels"
    models: list[dict[str, Any]] = []
    while url and len(models) < depth:
        page = fetch(url)
        models += page.json
        url = page.links.get("next")
    for model in models[:depth]:
        bases = model.get("baseModels") or {}
        for base in bases.get("models", ()):
            if base["_id"] != model["_id"]:
                relations = children.setdefault(base["_id"], {})
                relations.setdefault(bases["relation"], set()).add(model["_id"])
    return children


def test_the_top_of_each_list_has_the_true_counts_and_the_ranks_of_the_list_before(
    replay: ShippedReplay, report: Mapping[str, Any]
) -> None:
    last, before = sorted(replay.truth)[-1], sorted(replay.truth)[-2]
    rows = [row for row in report["top"] if row["registry"] == HUB]
    truth = replay.truth[last][HUB][:20]
    previous = {row["id"]: row["rank"] for row in replay.truth[before][HUB]}
    assert [(row["package"], row["name"], row["value"]) for row in rows] == [
        (row["id"], row["name"], row["downloads"]) for row in truth
    ]
    assert {row["previous_date"] for row in rows} == {before}
    assert [row["previous_rank"] for row in rows] == [
        rank if (rank := previous.get(row["id"])) and rank <= 1000 else None for row in truth
    ]


def test_base_models_have_the_true_numbers_of_children(replay: ShippedReplay, report: Mapping[str, Any]) -> None:
    rows = [row for row in report["base_models"] if row["registry"] == HUB and row["package"]]
    children = read_true_children(replay, rows[0]["depth"])
    counts = {parent: len(set().union(*relations.values())) for parent, relations in children.items()}
    assert rows[0]["children"] == max(counts.values()) > 10
    for row in rows:
        assert row["children"] == counts[row["package"]], row["name"]
        assert {relation: row[relation] for relation in ("finetune", "adapter", "merge", "quantized")} == {
            relation: len(children[row["package"]].get(relation, ()))
            for relation in ("finetune", "adapter", "merge", "quantized")
        }


def test_claims_rest_on_numbers_of_the_last_days_with_their_dates(
    replay: ShippedReplay, report: Mapping[str, Any]
) -> None:
    last = date.fromisoformat(sorted(replay.truth)[-1])
    keys = {(row["snapshot"], row["metric"], row["name"], row["k"]): row["value"] for row in report["results"]}
    tested = [claim for claim in report["claims"] if claim["verdict"] != "not testable"]
    assert "C2 descendants" in {claim["claim"] for claim in tested}
    assert ("Finding 5" in {claim["claim"] for claim in tested}) == (DAYS > 91)
    for number in (number for claim in tested for number in claim["numbers"]):
        assert last - date.fromisoformat(number["date"]) <= timedelta(days=8)
        assert number["value"] == keys[number["snapshot"], number["metric"], number["name"], number["k"]]
    assert {claim["depth"] for claim in tested if claim["claim"] in ("C1", "C2 descendants", "C3")} == {15_000}


def test_a_day_is_counted_once_and_the_text_fits_sixty_columns(replay: ShippedReplay) -> None:
    text = replay.observe("report", columns=60)
    assert max(map(len, text.splitlines())) <= 60
    words = " ".join(text.split())
    assert f"{2 * DAYS} complete snapshots of {DAYS} days from 2026-01-05" in words
    assert "usually 1 day apart. The longest gap is 1 day." in words
    assert not re.search(r"\b0 days", words)


def test_documentation_is_known_for_the_models_whose_cards_were_fetched(
    replay: ShippedReplay, report: Mapping[str, Any]
) -> None:
    last = sorted(replay.truth)[-1]
    coverage = select_results(report, HUB, "documentation.rules.coverage", 0)
    (newest,) = [row for row in coverage if row["date"] == last and row["n"] == 15_000]
    listed = {row["id"] for row in replay.truth[last][HUB][:15_000]}
    known = replay.query(
        "SELECT stable_id FROM snapshot s, card_revision c JOIN package USING (package_id)"
        f" WHERE s.snapshot_id = {newest['snapshot']} AND c.state IN ('card', 'none') AND c.valid_from <= s.taken_at"
        " AND (c.valid_to IS NULL OR c.valid_to > s.taken_at)"
    )
    cards = len(listed & {name for (name,) in known})
    assert round(newest["value"] * newest["n"]) == cards
    assert cards >= 900


def test_a_browser_shows_each_figure_without_overflow_or_a_barrier(replay: ShippedReplay) -> None:
    page = replay.folder / "report.html"
    replay.observe("report", "--format", "html", "--out", str(page))
    for name, view in iter_pages(page):
        assert view.list_violations() == [], name
        assert view.overflow() <= 0, name
        assert view.list_empty_figures() == [], name
        assert view.count_figures() >= 5
