"""The verdict on each claim follows from its rule."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from statsmodels.stats.multitest import multipletests

from analysis.claims.results import HUB, LatestResults, ResultRow
from analysis.claims.rules import CLAIMS, p_value_from_interval
from analysis.claims.verdicts import adjust_p_values, iter_claim_changes, judge_claims


def result(metric: str, name: str, value: float | None, low: float | None = None, high: float | None = None,
           k: int = 0, registry: str = HUB, date: str = "2026-10-01", note: str = "") -> ResultRow:  # fmt: skip
    return {"registry": registry, "snapshot": 1, "date": date, "metric": metric, "name": name, "k": k,
            "value": value, "low": low, "high": high, "n": 100, "note": note}  # fmt: skip


def verdict(claim: str, *rows: ResultRow) -> str:
    return next(row["verdict"] for row in judge_claims(rows) if row["claim"] == claim)


def turnover(
    value: float, low: float | None, high: float | None, registry: str = HUB, date: str = "2026-10-01"
) -> ResultRow:
    return result("turnover", "turnover.91d", value, low, high, 1000, registry, date)


@pytest.mark.parametrize(
    ("hub", "rival", "expected"),
    [
        ((0.30, 0.29, 0.31), (0.10, 0.09, 0.11), "holds"),
        ((0.30, 0.21, 0.31), (0.10, 0.09, 0.11), "weaker"),
        ((0.12, 0.11, 0.13), (0.10, 0.09, 0.11), "weaker"),
        ((0.05, 0.04, 0.06), (0.10, 0.09, 0.11), "reversed"),
        ((0.30, None, None), (0.10, None, None), "holds"),
    ],
)
def test_turnover_is_much_faster_only_with_the_whole_interval(
    hub: tuple[float, float, float], rival: tuple[float, float, float], expected: str
) -> None:
    assert verdict("C2 turnover", turnover(*hub), turnover(*rival, registry="pypi")) == expected


def test_the_hub_is_compared_with_the_faster_package_registry() -> None:
    rows = (turnover(0.3, 0.3, 0.3), turnover(0.02, 0.02, 0.02, "npm"), turnover(0.2, 0.2, 0.2, "pypi"))
    assert verdict("C2 turnover", *rows) == "weaker"


def test_registries_more_than_45_days_apart_are_not_compared() -> None:
    rows = (turnover(0.3, 0.3, 0.3), turnover(0.1, 0.1, 0.1, "pypi", "2026-05-01"))
    assert verdict("C2 turnover", *rows) == "not testable"


def preservation(name: str, value: float, low: float, high: float, note: str = "") -> ResultRow:
    return result("preservation", f"preservation.{name}", value, low, high, note=note)


@pytest.mark.parametrize(
    ("rival", "expected"),
    [
        (("diffusers", 0.5, 0.4, 0.6), "holds"),
        (("diffusers", 0.7, 0.6, 0.85), "weaker"),
        (("diffusers", 0.99, 0.95, 1.0), "reversed"),
        (("safetensors", 0.99, 0.95, 1.0, "a format"), "not testable"),
        (("gain.diffusers.finetune", 0.99, 0.95, 1.0), "not testable"),
        (("diffusers.finetune", 0.99, 0.95, 1.0), "not testable"),
        (("coverage", 0.99, 0.95, 1.0), "not testable"),
        (("transformers.js", 0.99, 0.95, 1.0), "reversed"),
    ],
)
def test_transformers_is_compared_with_the_best_other_library(rival: tuple, expected: str) -> None:
    assert verdict("C1", preservation("transformers", 0.8, 0.75, 0.85), preservation(*rival)) == expected


@pytest.mark.parametrize(
    ("rho", "expected"),
    [
        ((0.4, 0.3, 0.5), "holds"),
        ((0.2, 0.05, 0.35), "weaker"),
        ((-0.1, -0.2, 0.1), "weaker"),
        ((-0.3, -0.4, -0.2), "reversed"),
    ],
)
def test_an_association_holds_if_its_whole_interval_is_not_negligible(
    rho: tuple[float, float, float], expected: str
) -> None:
    assert verdict("C2 descendants", result("descendants", "descendants.spearman", *rho)) == expected


@pytest.mark.parametrize(
    ("delta", "p", "expected"),
    [
        ((0.4, 0.3, 0.5), 0.001, "holds"),
        ((0.4, 0.3, 0.5), 0.2, "weaker"),
        ((0.2, 0.1, 0.3), 0.001, "weaker"),
        ((-0.3, -0.4, -0.2), 0.001, "reversed"),
    ],
)
def test_documentation_is_better_if_its_whole_interval_is_not_negligible(
    delta: tuple[float, float, float], p: float, expected: str
) -> None:
    name = "documentation.rules.downloads"
    rows = (
        result("documentation", f"{name}.delta", *delta, k=1000),
        result("documentation", f"{name}.mann_whitney_p", p, k=1000),
    )
    assert verdict("C3", *rows) == expected


def test_without_results_no_claim_is_testable_and_each_says_what_it_needs() -> None:
    claims = judge_claims([])
    assert [claim["claim"] for claim in claims] == ["C1", "C2 turnover", "C2 descendants", "C3", "C4"]
    assert [claim["finding"] for claim in claims] == [4, 5, 6, 7, None]
    assert {claim["verdict"] for claim in claims} == {"not testable"}
    assert all(claim["note"] and claim["rule"] and claim["published"] for claim in claims)


def test_an_undefined_result_is_ignored() -> None:
    assert LatestResults([turnover(0.3, 0.3, 0.3) | {"value": None}]).get("turnover", "turnover.91d", 1000) is None


def test_the_trend_has_the_verdict_at_each_date() -> None:
    rows = [
        result("descendants", "descendants.spearman", rho, rho - 0.05, rho + 0.05, date=date)
        for date, rho in (("2026-01-01", 0.4), ("2026-02-01", 0.12), ("2026-03-01", -0.3))
    ]
    claims = judge_claims(rows)
    trend = next(claim["trend"] for claim in claims if claim["claim"] == "C2 descendants")
    assert [(row["date"], row["verdict"]) for row in trend] == [
        ("2026-01-01", "holds"),
        ("2026-02-01", "weaker"),
        ("2026-03-01", "reversed"),
    ]
    assert list(iter_claim_changes(claims)) == [
        ("C2 descendants", "2026-02-01", "holds", "weaker"),
        ("C2 descendants", "2026-03-01", "weaker", "reversed"),
    ]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holms_correction_equals_statsmodels(p_values: list[float]) -> None:
    assert adjust_p_values(p_values) == pytest.approx(list(multipletests(p_values, method="holm")[1]), abs=1e-9)


def test_a_p_value_follows_from_the_interval() -> None:
    half = norm.ppf(0.975) * 0.1
    assert p_value_from_interval(0.25, 0.25 - half, 0.25 + half) == pytest.approx(2 * norm.sf(2.5))
    assert p_value_from_interval(0.2, 0.2, 0.2) is None


def test_every_claim_has_a_rule() -> None:
    assert all(claim.rule and claim.published_date for claim in CLAIMS)
