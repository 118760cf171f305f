"""The verdict on each claim follows from its rule and from recent results only."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from statsmodels.stats.multitest import multipletests

from analysis.claims.paper import CLAIMS
from analysis.claims.results import HUB, LatestResults, ResultKind, ResultRow
from analysis.claims.rules import p_value_from_interval
from analysis.claims.verdicts import ClaimRow, adjust_p_values, iter_verdict_changes, judge_claims

DAY = "2026-10-01"


def result(metric: str, name: str, value: float | None, low: float | None = None, high: float | None = None,
           k: int = 15_000, registry: str = HUB, date: str = DAY, note: str = "",
           previous_date: str | None = None, counter: str = "last-30-days") -> ResultRow:  # fmt: skip
    return {"registry": registry, "counter": counter, "snapshot": int(date.replace("-", "")), "date": date,
            "previous_date": previous_date, "metric": metric, "name": name, "k": k, "value": value, "low": low,
            "high": high, "n": 100, "note": note}  # fmt: skip


def claim_of(claim: str, *rows: ResultRow) -> ClaimRow:
    return next(row for row in judge_claims(rows) if row["claim"] == claim)


def verdict(claim: str, *rows: ResultRow) -> str:
    return claim_of(claim, *rows)["verdict"]


def turnover(value: float, low: float | None, high: float | None, registry: str = HUB, date: str = DAY,
             previous_date: str = "2026-07-02", counter: str = "last-30-days") -> ResultRow:  # fmt: skip
    return result("turnover", "turnover.91d", value, low, high, 1000, registry, date, previous_date=previous_date,
                  counter=counter)  # fmt: skip


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
    assert verdict("Finding 5", turnover(*hub), turnover(*rival, registry="pypi")) == expected


@pytest.mark.parametrize(
    ("hub", "npm", "pypi", "expected"),
    [
        (0.3, (0.02, 0.02), (0.2, 0.2), "weaker"),  # not twice that of PyPI
        (0.4, (0.1, 0.3), (0.2, 0.2), "weaker"),  # not twice what the ties of npm allow, though npm's value is lower
        (0.1, (0.05, 0.05), (0.2, 0.2), "weaker"),  # below PyPI, above npm
        (0.04, (0.05, 0.05), (0.2, 0.2), "reversed"),
    ],
)
def test_the_hub_is_compared_with_both_package_registries(
    hub: float, npm: tuple[float, float], pypi: tuple[float, float], expected: str
) -> None:
    rivals = (turnover(sum(npm) / 2, *npm, "npm"), turnover(sum(pypi) / 2, *pypi, "pypi"))
    assert verdict("Finding 5", turnover(hub, hub, hub), *rivals) == expected


@pytest.mark.parametrize("counter", ["total", "unstated", "last-week"])
def test_a_month_is_compared_with_months_only(counter: str) -> None:
    hub, other = turnover(0.3, 0.3, 0.3), turnover(0.01, 0.01, 0.01, "npm", counter=counter)
    claim = claim_of("Finding 5", hub, other)
    assert claim["verdict"] == "not testable"
    assert "npm is missing: it has no such number of the downloads of a month" in claim["note"]
    by_month = turnover(0.2, 0.2, 0.2, "npm", date="2026-09-30", counter="last-month")
    assert [row["value"] for row in claim_of("Finding 5", hub, other, by_month)["numbers"]] == [0.3, 0.2]


@pytest.mark.parametrize("counter", ["total", "unstated"])
def test_the_trend_of_a_claim_on_the_hub_has_one_counter(counter: str) -> None:
    rows = [turnover(0.1, 0.1, 0.1, date="2026-09-01"), turnover(0.1, 0.1, 0.1, date="2026-09-20")]
    others = [turnover(0.5, 0.5, 0.5, date=day, counter=counter) for day in ("2026-09-10", "2026-09-20", DAY)]
    claim = claim_of("C2 stability", *rows, *others)
    assert (claim["verdict"], claim["judged_on"]) == ("holds", "2026-09-20")
    assert [(point["date"], point["verdict"]) for point in claim["trend"]] == [
        ("2026-09-01", "holds"), ("2026-09-20", "holds")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("previous_date", "date", "expected"),
    [
        ("2026-01-30", "2026-05-01", "not testable"),  # ends more than 45 days before the Hub's
        ("2026-05-20", "2026-08-18", "holds"),
        ("2026-05-17", "2026-08-16", "not testable"),
    ],
)
def test_registries_are_compared_over_overlapping_periods_that_end_at_most_45_days_apart(
    previous_date: str, date: str, expected: str
) -> None:
    claim = claim_of("Finding 5", turnover(0.3, 0.3, 0.3), turnover(0.1, 0.1, 0.1, "pypi", date, previous_date))
    assert claim["verdict"] == expected
    assert "npm is missing: it has no such number of the downloads of a month" in claim["note"]
    if expected == "not testable":
        assert "the Hub's is from 2026-07-02 to 2026-10-01 (91 days)" in claim["note"]
        assert f"pypi is missing: its newest number is from {previous_date} to {date}" in claim["note"]


@pytest.mark.parametrize(
    ("replaced", "expected"),
    [
        ((0.18, 0.17, 0.20), "holds"),
        ((0.18, 0.17, 0.21), "weaker"),
        ((0.41, 0.39, 0.45), "weaker"),
        ((0.45, 0.40, 0.50), "reversed"),
    ],
)
def test_top_models_remain_if_the_whole_interval_says_so(replaced: tuple[float, float, float], expected: str) -> None:
    claim = claim_of("C2 stability", turnover(*replaced))
    assert claim["verdict"] == expected
    assert (claim["sound"], claim["low"], claim["high"]) == pytest.approx(
        (1 - replaced[0], 1 - replaced[2], 1 - replaced[1])
    )


def test_a_share_that_remained_has_no_interval_where_ties_are_unknown() -> None:
    claim = claim_of("C2 stability", turnover(0.1, None, None))
    assert (claim["verdict"], claim["sound"], claim["low"], claim["high"]) == ("holds", 0.9, None, None)


def preservation(name: str, value: float, low: float, high: float, note: str = "", k: int = 15_000) -> ResultRow:
    return result("preservation", f"preservation.{name}", value, low, high, note=note, k=k)


@pytest.mark.parametrize(
    ("rival", "expected"),
    [
        (("diffusers", 0.5, 0.4, 0.6), "holds"),
        (("diffusers", 0.7, 0.6, 0.85), "weaker"),
        (("diffusers", 0.99, 0.95, 1.0), "reversed"),
        (("diffusers", 0.99, 0.95, 1.0, "", 5000), "not testable"),
        (("safetensors", 0.99, 0.95, 1.0, "a format"), "not testable"),
        (("gain.diffusers.finetune", 0.99, 0.95, 1.0), "not testable"),
        (("diffusers.finetune", 0.99, 0.95, 1.0), "not testable"),
        (("coverage", 0.99, 0.95, 1.0), "not testable"),
        (("transformers.js", 0.99, 0.95, 1.0), "reversed"),
    ],
)
def test_transformers_is_compared_with_the_best_other_library(rival: tuple, expected: str) -> None:
    assert verdict("C1", preservation("transformers", 0.8, 0.75, 0.85), preservation(*rival)) == expected


def spearman(rho: tuple[float, float, float], **more: object) -> ResultRow:
    return result("descendants", "descendants.spearman", *rho, **more)  # type: ignore[arg-type]


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
    assert verdict("C2 descendants", spearman(rho)) == expected


@pytest.mark.parametrize("depth", [15_000, 5_000])
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
    delta: tuple[float, float, float], p: float, expected: str, depth: int
) -> None:
    name = f"documentation.of{depth}.rules.downloads"
    rows = (
        result("documentation", f"documentation.of{depth}.rules.coverage", 0.9, k=0),
        result("documentation", f"{name}.delta", *delta, k=1000),
        result("documentation", f"{name}.mann_whitney_p", p, k=1000),
        result("documentation_as_published", f"documentation.of{depth}.downloads.d", 0.7, k=1000),
    )
    claim = claim_of("C3", *rows)
    assert (claim["verdict"], claim["depth"], claim["as_published"]) == (expected, depth, 0.7)


def test_a_p_value_of_another_list_is_not_taken() -> None:
    name = "documentation.of15000.rules.downloads"
    delta = result("documentation", f"{name}.delta", 0.4, 0.3, 0.5, k=1000)
    p = result("documentation", f"{name}.mann_whitney_p", 0.2, k=1000, date="2026-09-30")
    claim = claim_of("C3", p, delta, result("documentation", "documentation.of15000.rules.coverage", 1.0, k=0))
    assert (claim["verdict"], claim["p"]) == ("holds", None)


@pytest.mark.parametrize("rows", [(), (result("documentation", "documentation.of5000.rules.coverage", 0.212, k=0),)])
def test_documentation_is_not_judged_where_most_cards_are_unknown(rows: tuple[ResultRow, ...]) -> None:
    delta = result("documentation", "documentation.of5000.rules.downloads.delta", 0.4, 0.3, 0.5, k=1000)
    claim = claim_of("C3", delta, *rows)
    share = "21.2%" if rows else "an unknown share"
    assert claim["verdict"] == "not testable"
    assert claim["note"] == f"cards of {share} of the first 5,000 models are known; needs 90%"


def test_a_number_of_a_whole_list_tests_no_claim() -> None:
    """The population of such a number is as deep as the list happens to be."""
    rows = (
        spearman((0.4, 0.3, 0.5), k=0),
        preservation("transformers", 0.8, 0.75, 0.85, k=0),
        preservation("diffusers", 0.5, 0.4, 0.6, k=0),
        result("documentation", "documentation.rules.downloads.delta", 0.4, 0.3, 0.5, k=1000),
    )
    assert {row["verdict"] for row in judge_claims(rows)} == {"not testable"}


def test_a_claim_is_judged_at_the_deepest_population_of_the_last_days() -> None:
    shallow = spearman((0.4, 0.3, 0.5), k=1000)
    slope = result("descendants_as_published", "descendants.slope", 0.15, k=5000, date="2026-09-25")
    claim = claim_of("C2 descendants", shallow, spearman((0.05, 0.0, 0.1), k=5000, date="2026-09-25"), slope)
    assert (claim["verdict"], claim["depth"], claim["date"]) == ("weaker", 5000, "2026-09-25")
    assert claim["as_published"] == 0.15
    assert "at depth 5,000; the paper's is 15,000" in claim["note"]
    old = spearman((0.05, 0.0, 0.1), k=5000, date="2026-09-01")
    assert claim_of("C2 descendants", shallow, old)["depth"] == 1000


@pytest.mark.parametrize(("date", "expected"), [("2026-09-23", "holds"), ("2026-09-22", "not testable")])
def test_a_number_serves_for_eight_days(date: str, expected: str) -> None:
    today = result("turnover", "turnover", 0.1, k=1000)
    claim = claim_of("C2 descendants", spearman((0.4, 0.3, 0.5), date=date), today)
    assert (claim["verdict"], claim["judged_on"]) == (expected, DAY)
    assert claim["date"] == (date if expected == "holds" else None)
    if expected == "not testable":
        assert claim["note"].endswith(f"taken on {DAY} or at most 8 days earlier; newest: {date}")


def test_without_results_no_claim_is_testable_and_each_says_what_it_needs() -> None:
    claims = judge_claims([])
    names = ["C1", "Finding 5", "C2 stability", "C2 descendants", "C3", "C4"]
    assert [claim["claim"] for claim in claims] == names
    assert [claim["finding"] for claim in claims] == [4, 5, None, 6, 7, None]
    assert {claim["verdict"] for claim in claims} == {"not testable"}
    assert all(claim["note"] and claim["rule"] and claim["published"] and claim["quote"] for claim in claims)


def test_an_undefined_result_replaces_no_defined_result() -> None:
    results = LatestResults([turnover(0.3, 0.3, 0.3, date="2026-09-30"), turnover(0.3, 0.3, 0.3) | {"value": None}])
    row = results.get_newest(ResultKind("turnover", "turnover.91d", 1000))
    assert row is not None and row["date"] == "2026-09-30"
    assert results.day == DAY


def test_every_number_behind_a_verdict_has_its_list_gap_and_n() -> None:
    newcomers = result("turnover_as_published", "newcomers", 150, k=1000, previous_date="2026-09-30")
    claim = claim_of("Finding 5", turnover(0.3, 0.29, 0.31), turnover(0.1, 0.1, 0.1, "pypi"), newcomers)
    columns = ("role", "registry", "value", "date", "previous_date", "days", "k", "n")
    assert [tuple(number[column] for column in columns) for number in claim["numbers"]] == [
        ("measured", HUB, 0.3, DAY, "2026-07-02", 91, 1000, 100),
        ("as in the paper", HUB, 0.15, DAY, "2026-09-30", 1, 1000, 100),
        ("compared with", "pypi", 0.1, DAY, "2026-07-02", 91, 1000, 100),
    ]


def test_the_trend_has_the_verdict_at_each_date_of_a_measurement() -> None:
    rows = [
        spearman((rho, rho - 0.05, rho + 0.05), date=date)
        for date, rho in (("2026-01-01", 0.4), ("2026-02-01", 0.12), ("2026-03-01", -0.3))
    ]
    without_lineage = result("turnover", "turnover", 0.1, k=1000, date="2026-02-04")
    claims = judge_claims([*rows, without_lineage])
    (trend,) = [claim["trend"] for claim in claims if claim["claim"] == "C2 descendants"]
    assert [(row["date"], row["verdict"]) for row in trend] == [
        ("2026-01-01", "holds"),
        ("2026-02-01", "weaker"),
        ("2026-03-01", "reversed"),
    ]
    assert list(iter_verdict_changes("C2 descendants", trend)) == [
        ("C2 descendants", "2026-02-01", 20260201, "holds", "weaker"),
        ("C2 descendants", "2026-03-01", 20260301, "weaker", "reversed"),
    ]


def test_verdicts_at_different_depths_are_no_change() -> None:
    rows = [spearman((rho, rho - 0.05, rho + 0.05), date=date, k=k) for date, rho, k in (
        ("2026-01-01", 0.4, 15_000), ("2026-02-01", 0.08, 1000), ("2026-03-01", 0.4, 15_000), ("2026-04-01", 0.3, 1000)
    )]  # fmt: skip
    trend = claim_of("C2 descendants", *rows)["trend"]
    assert list(iter_verdict_changes("C2", trend)) == [("C2", "2026-04-01", 20260401, "weaker", "holds")]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holms_correction_equals_statsmodels(p_values: list[float]) -> None:
    assert adjust_p_values(p_values) == pytest.approx(list(multipletests(p_values, method="holm")[1]), abs=1e-9)


def test_a_p_value_follows_from_the_interval() -> None:
    half = norm.ppf(0.975) * 0.1
    assert p_value_from_interval(0.25, 0.25 - half, 0.25 + half) == pytest.approx(2 * norm.sf(2.5))
    assert p_value_from_interval(0.2, 0.2, 0.2) is None


def test_every_claim_has_a_rule_a_quote_and_a_short_label() -> None:
    assert all(claim.rule and claim.published_date and "“" in claim.quote for claim in CLAIMS)
    assert all(len(claim.label) <= 24 for claim in CLAIMS)
    assert len({claim.label for claim in CLAIMS}) == len(CLAIMS)
