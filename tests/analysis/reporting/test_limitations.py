"""A report lists what it cannot say yet."""

from __future__ import annotations

from analysis.reporting.limitations import NO_SNAPSHOT, list_limitations
from analysis.reporting.rows import ReportResult
from tests.analysis.reporting.figures.documents import make_result, make_snapshot

FIRST = make_snapshot(1, "npm", "2026-01-01", counter="last-month")
SECOND = make_snapshot(2, "npm", "2026-01-08", counter="last-month")


def result_called(
    name: str = "turnover.91d", k: int = 100, value: float | None = None, note: str = "no snapshot"
) -> ReportResult:
    return make_result(SECOND, "turnover", name, value, k=k, note=note)


def test_an_empty_store_has_nothing_to_say() -> None:
    assert list_limitations([], [], None) == [NO_SNAPSHOT]


def test_one_snapshot_shows_no_change() -> None:
    assert list_limitations([FIRST], [], 1000) == [
        "npm by downloads: one complete snapshot (2026-01-01), so no change can be measured yet."
    ]


def test_partial_snapshots_are_not_computed() -> None:
    partial = make_snapshot(1, "npm", "2026-01-01", status="partial")
    assert list_limitations([partial], [], None) == [
        "npm by downloads: no snapshot is complete, and only complete ones are computed."
    ]


def test_undefined_results_of_the_newest_snapshot_have_their_reason() -> None:
    assert list_limitations([FIRST, SECOND], [result_called()], 1000) == [
        "npm by downloads, 2026-01-08: turnover.91d: no snapshot."
    ]


def test_depths_are_named_where_only_some_are_undefined() -> None:
    results = [result_called(), result_called(k=500, value=0.1), result_called(k=1000)]
    assert list_limitations([FIRST, SECOND], results, 1000) == [
        "npm by downloads, 2026-01-08: turnover.91d at K of 100 and 1,000: no snapshot."
    ]


def test_the_same_reason_is_given_once() -> None:
    results = [result_called("remained"), result_called("newcomers"), result_called("turnover")]
    assert list_limitations([FIRST, SECOND], results, 1000) == [
        "npm by downloads, 2026-01-08: remained, turnover and newcomers: no snapshot."
    ]


def test_absent_counters_leave_no_interval() -> None:
    results = [result_called("turnover", value=0.1, note="gap 7 days; no interval: counters are absent")]
    assert list_limitations([FIRST, SECOND], results, 1000) == [
        "npm by downloads, 2026-01-08: no interval: counters are absent."
    ]


def test_a_list_may_be_less_deep_than_requested() -> None:
    assert list_limitations([FIRST, SECOND], [], 5000) == [
        "npm by downloads: the list of 2026-01-08 is 1,000 deep, so nobody is compared at 5,000."
    ]


def test_lists_that_count_different_things_are_not_compared() -> None:
    total = make_snapshot(1, "npm", "2026-01-01", counter="total")
    assert list_limitations([FIRST, total], [], 1000)[-1] == (
        "npm by downloads: lists that count last-month and total are not compared with one another."
    )
