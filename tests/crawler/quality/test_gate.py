"""The gate: what it takes for a snapshot to be complete."""

from __future__ import annotations

import pytest

from crawler.quality.gate import decide_status, judge_ranking

SOUND = {
    "origin": "crawl",
    "k": 1000,
    "listed": 1000,
    "with_counters": 1000,
    "pages": 2,
    "not_ok": 0,
    "singles": 0,
    "short_pages": 0,
    "received": 1010,
    "ranked_received": 1010,
    "kept": 1000,
    "duplicates": 3,
    "rejected": 0,
    "rejected_everywhere": 0,
    "beyond": 7,
    "inversions": 0,
    "disorder": 0,
    "oldest": 20,
    "skew": 2,
    "seconds": 9,
    "next_url": "more",
    "population": 0,
    "with_counters_asked": True,
}


def failed(
    presence: dict[str, float] | None = None, baseline: object = (), sentinels: object = (), **changed: object
) -> list[str]:
    findings = judge_ranking({**SOUND, **changed}, presence or {}, baseline, sentinels)  # type: ignore[arg-type]
    return [finding.gate for finding in findings if finding.outcome == "fail"]


def test_a_sound_snapshot_passes() -> None:
    assert failed() == []
    assert decide_status(judge_ranking(SOUND, {}, (), ())) == ("complete", None)


@pytest.mark.parametrize(
    ("changed", "gates"),
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
def test_each_rule_fails_by_itself(changed: dict[str, object], gates: list[str]) -> None:
    assert failed(**changed) == gates


@pytest.mark.fault("D1")
def test_a_field_that_goes_away_is_an_api_that_has_changed() -> None:
    baseline = [("task", share) for share in (0.9, 0.92, 0.94)]  # 4 · √(2 · 0.92 · 0.08 / 1000) = 0.0485
    assert failed({"task": 0.872}, baseline) == []
    assert failed({"task": 0.871}, baseline) == ["G6 fields"]
    assert failed({}, baseline) == ["G6 fields"]
    assert failed({"task": 0.92, "new": 0.5}, baseline) == []


def test_a_field_that_is_always_there_may_hardly_be_missing() -> None:
    assert failed({"likes": 0.98}, [("likes", 1.0)]) == []
    assert failed({"likes": 0.979}, [("likes", 1.0)]) == ["G6 fields"]


def test_leaders_that_are_gone_together_are_a_list_that_is_not_whole() -> None:
    assert failed(sentinels=[("a", True)] * 90 + [("b", False)] * 10) == []
    assert failed(sentinels=[("a", True)] * 89 + [("b", False)] * 11) == ["G7 leaders"]


def test_an_import_is_not_asked_about_clocks_and_leaders() -> None:
    assert failed(origin="import", oldest=10**6, skew=10**6, seconds=10**9, with_counters=0) == []


def test_the_reason_names_every_rule_that_failed_and_what_was_measured() -> None:
    status, reason = decide_status(judge_ranking({**SOUND, "inversions": 60, "seconds": 30000}, {}, (), ()))
    assert status == "partial"
    assert reason == (
        "G3 order: 60 inversions within pages, 0 in all, of 1010 rows (rule: within pages ≤ 0.5% of rows); "
        "G9 duration: 30000 s (rule: ≤ 21600 s)"
    )
