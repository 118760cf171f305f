"""A verdict follows from its rule and from nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from statsmodels.stats.multitest import multipletests

from analysis.claims.rules import (
    CLAIMS,
    HUB,
    LatestResults,
    adjust_p_values,
    iter_verdict_changes,
    judge_claims,
    p_value_from_interval,
)

Row = dict[str, object]


def result(metric: str, name: str, value: float | None, low: float | None = None, high: float | None = None,
           k: int = 0, registry: str = HUB, date: str = "2026-10-01", note: str = "") -> Row:  # fmt: skip
    return {"registry": registry, "metric": metric, "name": name, "k": k, "value": value, "low": low, "high": high,
            "n": 100, "date": date, "note": note}  # fmt: skip


def verdict(claim: str, *rows: Row) -> str:
    return str(next(one["verdict"] for one in judge_claims(rows) if one["claim"] == claim))


def turnover(value: float, low: float | None, high: float | None, registry: str = HUB, date: str = "2026-10-01") -> Row:
    return result("turnover", "turnover.91d", value, low, high, 1000, registry, date)


@pytest.mark.parametrize(
    ("hub", "other", "expected"),
    [
        ((0.30, 0.29, 0.31), (0.10, 0.09, 0.11), "holds"),
        ((0.30, 0.21, 0.31), (0.10, 0.09, 0.11), "weaker"),
        ((0.12, 0.11, 0.13), (0.10, 0.09, 0.11), "weaker"),
        ((0.05, 0.04, 0.06), (0.10, 0.09, 0.11), "reversed"),
        ((0.30, None, None), (0.10, None, None), "holds"),
    ],
)
def test_turnover_is_much_faster_only_with_the_whole_interval(
    hub: tuple[float, float, float], other: tuple[float, float, float], expected: str
) -> None:
    assert verdict("C2 turnover", turnover(*hub), turnover(*other, registry="pypi")) == expected


def test_the_faster_of_the_package_registries_is_the_one_to_beat() -> None:
    rows = (turnover(0.3, 0.3, 0.3), turnover(0.02, 0.02, 0.02, "npm"), turnover(0.2, 0.2, 0.2, "pypi"))
    assert verdict("C2 turnover", *rows) == "weaker"


def test_registries_looked_at_in_different_seasons_are_not_compared() -> None:
    rows = (turnover(0.3, 0.3, 0.3), turnover(0.1, 0.1, 0.1, "pypi", "2026-05-01"))
    assert verdict("C2 turnover", *rows) == "not testable"


def preservation(name: str, value: float, low: float, high: float, note: str = "") -> Row:
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
def test_transformers_is_held_against_the_best_other_library(rival: tuple, expected: str) -> None:
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
    named = "documentation.rules.downloads"
    rows = (result("documentation", f"{named}.delta", *delta, k=1000),
            result("documentation", f"{named}.mann_whitney_p", p, k=1000))  # fmt: skip
    assert verdict("C3", *rows) == expected


def test_without_a_result_nothing_is_testable_and_every_claim_says_what_it_needs() -> None:
    found = judge_claims([])
    assert [one["claim"] for one in found] == ["C1", "C2 turnover", "C2 descendants", "C3", "C4"]
    assert [one["finding"] for one in found] == [4, 5, 6, 7, None]
    assert {one["verdict"] for one in found} == {"not testable"}
    assert all(one["note"] and one["rule"] and one["published"] for one in found)


def test_an_undefined_result_is_no_number() -> None:
    assert LatestResults([turnover(0.3, 0.3, 0.3) | {"value": None}]).get("turnover", "turnover.91d", 1000) is None


def test_the_trend_gives_the_verdict_that_could_be_given_at_each_date() -> None:
    rows = [result("descendants", "descendants.spearman", rho, rho - 0.05, rho + 0.05, date=date)
            for date, rho in (("2026-01-01", 0.4), ("2026-02-01", 0.12), ("2026-03-01", -0.3))]  # fmt: skip
    found = judge_claims(rows)
    trend = next(one["trend"] for one in found if one["claim"] == "C2 descendants")
    assert [(row["date"], row["verdict"]) for row in trend] == [
        ("2026-01-01", "holds"), ("2026-02-01", "weaker"), ("2026-03-01", "reversed")
    ]  # fmt: skip
    assert list(iter_verdict_changes(found)) == [
        ("C2 descendants", "2026-02-01", "holds", "weaker"), ("C2 descendants", "2026-03-01", "weaker", "reversed")
    ]  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holms_correction_is_that_of_statsmodels(ps: list[float]) -> None:
    assert adjust_p_values(ps) == pytest.approx(list(multipletests(ps, method="holm")[1]), abs=1e-9)


def test_a_p_value_is_that_of_the_interval() -> None:
    se = 0.1
    assert p_value_from_interval(0.25, 0.25 - norm.ppf(0.975) * se, 0.25 + norm.ppf(0.975) * se) == pytest.approx(
        2 * norm.sf(2.5)
    )
    assert p_value_from_interval(0.2, 0.2, 0.2) is None


def test_every_claim_has_its_rule_written_beside_it() -> None:
    assert all(claim.rule and claim.published_date for claim in CLAIMS)
