"""The gate: the rules that a complete snapshot meets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest

from crawler.quality.census_gate import judge_census
from crawler.quality.gate import GateEvidence, decide_status, judge_ranking
from crawler.quality.names_gate import judge_names

SOUND: GateEvidence = {
    "origin": "crawl",
    "k": 1000,
    "listed": 1000,
    "with_counters": 1000,
    "pages": 2,
    "not_ok": 0,
    "singles": 0,
    "short_pages": 0,
    "lossy_pages": 0,
    "received": 1010,
    "ranked_received": 1010,
    "kept": 1000,
    "duplicates": 3,
    "rejected": 0,
    "rejected_everywhere": 0,
    "main_reject": None,
    "beyond": 7,
    "hidden": 0,
    "inversions": 0,
    "disorder": 0,
    "compared": 999,
    "oldest": 20,
    "skew": 2,
    "seconds": 9,
    "next_url": "more",
    "population": 0,
    "with_counters_asked": True,
    "longest": 6 * 3600,
}


def failed_rules(
    coverage: dict[str, float] | None = None,
    baseline: Iterable[tuple[str, float]] = (),
    leaders: Sequence[tuple[str, bool]] = (),
    **changes: object,
) -> list[str]:
    """Return the rules that fail for a sound snapshot with some changes."""
    evidence: GateEvidence = {**SOUND, **changes}  # type: ignore[typeddict-item]
    return [
        result.gate for result in judge_ranking(evidence, coverage or {}, baseline, leaders) if result.outcome == "fail"
    ]


def test_a_sound_snapshot_passes() -> None:
    assert failed_rules() == []
    assert decide_status(judge_ranking(SOUND, {}, (), ())) == ("complete", None)


@pytest.mark.parametrize(
    ("changes", "gates"),
    [
        ({"listed": 999, "kept": 999, "received": 1009, "next_url": "more"}, ["G1 end reached", "G5 size"]),
        ({"listed": 999, "kept": 999, "received": 1009, "next_url": None}, ["G5 size"]),
        ({"listed": 999, "kept": 999, "rejected": 1, "rejected_everywhere": 1, "with_counters": 999}, []),
        ({"listed": 400, "kept": 400, "received": 410, "next_url": None, "population": 400, "with_counters": 400}, []),
        (
            {"listed": 400, "kept": 400, "received": 410, "next_url": None, "population": 900, "with_counters": 400},
            ["G5 size"],
        ),
        ({"not_ok": 1}, ["G2 transport"]),
        ({"not_ok": 1, "singles": 1}, []),
        ({"short_pages": 1}, ["G2 transport"]),
        ({"inversions": 6}, ["G3 order"]),
        ({"inversions": 5}, []),
        ({"duplicates": 11, "beyond": 0, "received": 1011, "ranked_received": 1011}, ["overlap"]),
        ({"received": 1011}, ["G4 counts"]),
        ({"oldest": 7201}, ["G8 freshness"]),
        ({"oldest": None, "skew": None}, []),
        ({"skew": 301}, ["G8 freshness"]),
        ({"seconds": 6 * 3600 + 1}, ["G9 duration"]),
        ({"rejected_everywhere": 2, "received": 1012}, ["G10 rejects"]),
        ({"with_counters": 989}, ["counters"]),
        ({"with_counters": 0, "with_counters_asked": False}, []),
    ],
)
def test_each_rule_fails_by_itself(changes: dict[str, object], gates: list[str]) -> None:
    assert failed_rules(**changes) == gates


@pytest.mark.fault("D1")
def test_a_field_that_disappears_is_a_changed_api() -> None:
    baseline = [("task", share) for share in (0.9, 0.92, 0.94)]  # 4 · √(2 · 0.92 · 0.08 / 1000) = 0.0485
    assert failed_rules({"task": 0.872}, baseline) == []
    assert failed_rules({"task": 0.871}, baseline) == ["G6 fields"]
    assert failed_rules({}, baseline) == ["G6 fields"]
    assert failed_rules({"task": 0.92, "new": 0.5}, baseline) == []


def test_a_field_of_every_row_may_be_absent_from_two_percent() -> None:
    assert failed_rules({"likes": 0.98}, [("likes", 1.0)]) == []
    assert failed_rules({"likes": 0.979}, [("likes", 1.0)]) == ["G6 fields"]


def test_many_missing_leaders_mean_an_incomplete_list() -> None:
    assert failed_rules(leaders=[("a", True)] * 90 + [("b", False)] * 10) == []
    assert failed_rules(leaders=[("a", True)] * 89 + [("b", False)] * 11) == ["G7 leaders"]


def test_an_import_has_no_rules_for_clocks_and_leaders() -> None:
    assert failed_rules(origin="import", oldest=10**6, skew=10**6, seconds=10**9, with_counters=0) == []


WITHOUT_ROWS = {
    "listed": 0,
    "received": 0,
    "ranked_received": 0,
    "kept": 0,
    "duplicates": 0,
    "beyond": 0,
    "compared": 0,
}


@pytest.mark.parametrize(
    ("changes", "gates"),
    [
        ({"compared": 0}, {"G3 order"}),
        ({"oldest": None, "skew": None}, {"G8 freshness"}),
        ({"oldest": None}, set()),
        ({"with_counters_asked": False}, {"counters"}),
        (WITHOUT_ROWS, {"G3 order", "overlap", "G4 counts", "G10 rejects", "counters"}),
    ],
)
@pytest.mark.fault("D7")
def test_a_rule_without_evidence_has_no_baseline(changes: dict[str, object], gates: set[str]) -> None:
    results = judge_ranking({**SOUND, **changes}, {}, (), ())  # type: ignore[typeddict-item]
    always = {"G6 fields", "G7 leaders"}  # nothing precedes this snapshot
    assert {result.gate for result in results if result.outcome == "no baseline"} == gates | always


@pytest.mark.fault("D7")
def test_a_census_without_rows_passes_no_rule_about_rows() -> None:
    empty: GateEvidence = {**SOUND, **WITHOUT_ROWS, "k": None}  # type: ignore[typeddict-item]
    outcomes = {result.gate: result.outcome for result in judge_census(empty, {}, (), (), ())}
    assert outcomes["G3 order"] == outcomes["G4 counts"] == outcomes["G10 rejects"] == "no baseline"
    outcomes = {result.gate: result.outcome for result in judge_names(empty, [], (), ())}
    assert outcomes["G3 joined"] == outcomes["G3 order"] == "no baseline"


def test_the_reason_names_every_failed_rule_and_what_was_measured() -> None:
    status, reason = decide_status(judge_ranking({**SOUND, "inversions": 60, "seconds": 30000}, {}, (), ()))
    assert status == "partial"
    assert reason == (
        "G3 order: 60 inversions within pages, 0 in all, of 1010 rows (rule: within pages ≤ 0.5% of rows); "
        "G9 duration: 30000 s (rule: ≤ 21600 s)"
    )
