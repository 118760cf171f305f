"""The headline compares registries over overlapping periods only, and dates each number."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from analysis.reporting.headline import describe_matched, describe_unmatched
from analysis.reporting.rows import Report, ReportResult
from tests.analysis.reporting.figures.documents import make_result, make_snapshot, report_of

DAYS = st.dates(date(2020, 1, 1), date(2026, 1, 1))


def turnover(registry: str, share: float, previous_date: str, day: str, name: str = "turnover.91d") -> ReportResult:
    snapshot = make_snapshot(1, registry, day)
    return make_result(snapshot, "turnover", name, share, k=1000, previous_date=previous_date)


def test_one_period_is_named_once() -> None:
    period = ("2026-04-06", "2026-07-06")
    newest = {"npm": turnover("npm", 0.018, *period), "pypi": turnover("pypi", 0.09, *period)}
    assert describe_matched(newest, "three months") == [
        "In three months, from 2026-04-06 to 2026-07-06, 9.0% of the top 1,000 of pypi were replaced, 1.8% of npm"
    ]


def test_overlapping_periods_are_compared_each_with_its_dates() -> None:
    newest = {
        "npm": turnover("npm", 0.018, "2026-04-06", "2026-07-06"),
        "pypi": turnover("pypi", 0.09, "2026-04-01", "2026-07-01"),
    }
    assert describe_matched(newest, "three months") == [
        "In three months, 9.0% of the top 1,000 of pypi were replaced (from 2026-04-01 to 2026-07-01), 1.8% of npm "
        "(from 2026-04-06 to 2026-07-06)"
    ]


def test_a_number_of_another_period_has_its_own_sentence() -> None:
    newest = {
        "hub": turnover("hub", 0.452, "2021-06-19", "2022-07-02"),
        "npm": turnover("npm", 0.102, "2022-11-03", "2023-11-06"),
        "pypi": turnover("pypi", 0.148, "2021-12-01", "2022-12-01"),
    }
    assert describe_matched(newest, "a year") == [
        "In a year, 14.8% of the top 1,000 of pypi were replaced (from 2021-12-01 to 2022-12-01), 10.2% of npm (from "
        "2022-11-03 to 2023-11-06)",
        "In a year, from 2021-06-19 to 2022-07-02, 45.2% of the top 1,000 of hub were replaced",
    ]


def test_of_two_lists_of_a_day_the_headline_has_the_one_that_stands_for_the_day() -> None:
    lists = [make_snapshot(number, "npm", "2026-07-06", depth=1000 * number) for number in (1, 2)]
    results = [
        make_result(snapshot, "turnover", "turnover", share, k=1000, previous_date="2022-07-06")
        for snapshot, share in zip(lists, (0.15, 0.45), strict=True)
    ]
    for ordered in (results, results[::-1]):
        (sentence,) = describe_unmatched(report_of(*lists, results=ordered), 1000, {})
        assert "15.0% of the top 1,000 of npm" in sentence


@given(st.lists(st.tuples(DAYS, st.integers(73, 109)), min_size=1, max_size=6))
def test_each_number_is_told_once_and_the_first_sentence_shares_days(ends: list[tuple[date, int]]) -> None:
    newest = {
        f"list-{number}": turnover("npm", 0.1, str(end - timedelta(days)), str(end))
        for number, (end, days) in enumerate(ends)
    }
    first, *others = describe_matched(newest, "three months")
    text = "\n".join((first, *others))
    if "lists in between" not in text:
        assert all(text.count(label) == 1 for label in newest)
    compared = [newest[label] for label in newest if label in first]
    assert max(row["previous_date"] or "" for row in compared) < min(row["date"] for row in compared)


def make_report(*results: ReportResult) -> Report:
    snapshots = [make_snapshot(number, row["registry"], row["date"]) for number, row in enumerate(results, 1)]
    numbered: list[ReportResult] = [{**row, "snapshot": number} for number, row in enumerate(results, 1)]
    return report_of(*snapshots, results=numbered)


def test_a_gap_of_years_has_a_sentence_beside_the_matched_gaps() -> None:
    long_gap = turnover("hub", 0.936, "2022-07-02", "2026-08-07", "turnover")
    yesterday = turnover("hub", 0.004, "2026-08-12", "2026-08-13", "turnover")
    matched = {"hub": turnover("hub", 0.1, "2026-08-06", "2026-08-13", "turnover.7d")}
    assert list(describe_unmatched(make_report(long_gap, yesterday), 1000, matched)) == [
        "Between the lists of 2022-07-02 and 2026-08-07, 1,497 days apart, 93.6% of the top 1,000 of hub were replaced"
    ]


def test_a_list_without_a_matched_gap_has_a_sentence_and_others_have_none() -> None:
    report = make_report(
        turnover("hub", 0.381, "2021-06-19", "2022-02-15", "turnover"),
        turnover("npm", 0.02, "2026-01-01", "2026-02-01", "turnover"),
    )
    matched = {"npm": turnover("npm", 0.02, "2026-01-01", "2026-02-01", "turnover.30d")}
    assert list(describe_unmatched(report, 1000, matched)) == [
        "Between the lists of 2021-06-19 and 2022-02-15, 241 days apart, 38.1% of the top 1,000 of hub were replaced"
    ]
