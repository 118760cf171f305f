"""One list stands for each day of a series at each K."""

from __future__ import annotations

from analysis.reporting.series import (
    newest_deepest,
    select_lists_of_days,
    select_newest_results,
    select_results_of_days,
    select_whole_list,
)
from tests.analysis.reporting.figures.documents import make_result, make_snapshot

TOP, DEEP, FULL = (
    make_snapshot(number, "npm", day, depth=depth)
    for number, day, depth in ((1, "2026-01-01", 1000), (2, "2026-01-01", 15000), (3, "2026-01-02", 5000))
)
FAILED = make_snapshot(4, "npm", "2026-01-03", status="failed")
SNAPSHOTS = [DEEP, TOP, FULL, FAILED]  # by the instant, as a report has them


def numbers(rows) -> list[int]:
    return [row["snapshot"] for row in rows]


def test_the_first_stored_of_the_lists_of_a_day_that_are_deep_enough_stands_for_it() -> None:
    assert numbers(select_lists_of_days(SNAPSHOTS, 1000)) == [1, 3]
    assert numbers(select_lists_of_days(SNAPSHOTS, 5000)) == [2, 3]
    assert numbers(select_lists_of_days(SNAPSHOTS, 15000)) == [2]
    results = [make_result(row, "turnover", "turnover", 0.1, k=k) for row in (TOP, DEEP) for k in (100, 5000)]
    assert [(row["snapshot"], row["k"]) for row in select_results_of_days(SNAPSHOTS, results)] == [(1, 100), (2, 5000)]


def test_the_deepest_list_of_the_newest_day_stands_for_its_series() -> None:
    hub = make_snapshot(5, "huggingface/models", "2026-01-01")
    assert numbers(newest_deepest([*SNAPSHOTS, hub])) == [3, 5]
    assert numbers(newest_deepest([TOP, DEEP])) == [2]
    assert newest_deepest([FAILED]) == []


def test_turnover_is_of_the_list_of_the_day_and_other_results_are_of_the_deepest_list() -> None:
    results = [
        make_result(row, metric, metric, 0.1, k=k)
        for row in (TOP, DEEP)
        for metric, k in (
            ("turnover", 100),
            ("turnover_as_published", 5000),
            ("descendants", 0),
            ("documentation", 100),
        )
    ]
    selected = [(row["snapshot"], row["metric"]) for row in select_newest_results([TOP, DEEP], results)]
    assert selected == [
        (1, "turnover"), (2, "turnover_as_published"), (2, "descendants"), (2, "documentation"),
    ]  # fmt: skip
    assert select_newest_results([FAILED], results) == []


def test_results_of_the_first_packages_of_a_list_are_left_out() -> None:
    kept = [
        make_result(DEEP, "turnover", "turnover", 0.1, k=1000),
        make_result(DEEP, "descendants_as_published", "descendants.slope", 0.1),
        make_result(DEEP, "documentation", "documentation.rules.downloads.d", 0.1, k=1000),
    ]
    others = [
        make_result(DEEP, "descendants_as_published", "descendants.slope", 0.1, k=1000),
        make_result(DEEP, "documentation", "documentation.of15000", None),
        make_result(DEEP, "documentation", "documentation.of5000.rules.downloads.d", 0.1, k=1000),
    ]
    assert select_whole_list([*others, *kept]) == kept
