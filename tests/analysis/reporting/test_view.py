"""The view of a report: its sentences, and which rows and columns its tables have."""

from __future__ import annotations

from analysis.reporting.rows import Report, ReportGate
from analysis.reporting.table import ReportTable
from analysis.reporting.tables import population_table
from analysis.reporting.view import SeriesView, build_view
from analysis.reporting.wording import UNDEFINED
from tests.analysis.reporting.figures.documents import (
    empty_report,
    full_report,
    make_event,
    make_moves,
    make_result,
    make_snapshot,
    report_of,
)


def first_series(report: Report) -> SeriesView:
    return build_view(report).series[0]


def texts(table: ReportTable | None) -> list[tuple[str, ...]]:
    return [tuple(cell.text for cell in row) for row in table.rows] if table else []


def test_the_summary_has_turnover_the_first_names_moves_growth_and_claims() -> None:
    assert build_view(full_report()).summary == (
        "In a month, from 2025-12-06 to 2026-04-05, 12.3% of the top 1,000 of PyPI were replaced, 8.3% of npm and 4.3% "
        "of Hugging Face.",
        "First on Hugging Face by downloads: org/a, org/b and org/c.",
        "In the top 1,000 of Hugging Face, from 2026-01-05 to 2026-04-05: 2 packages entered for the first time, 2 "
        "returned, 2 left and 2 changed only the name.",
        "The base model with the largest growth is org/base: 12 of the first 1,000 of Hugging Face say they were made "
        "from it on 2026-04-05, 9 on 2026-01-05.",
        "On 2026-04-05, of 4 claims of the paper, 1 holds, 1 is weaker, 1 is reversed and 1 cannot be tested.",
    )


def test_an_empty_report_has_no_summary() -> None:
    assert build_view(empty_report()).summary == ()


def test_the_state_has_registries_dates_and_the_states_of_the_snapshots() -> None:
    assert build_view(full_report()).state == (
        "Hugging Face, npm and PyPI · 2026-01-05 to 2026-04-05 · 11 of 12 snapshots are complete; 1 partial"
    )
    local = make_snapshot(1, "npm", "2026-01-05", source="http://127.0.0.1:4711")
    source = {"registry": "npm", "source": "http://127.0.0.1:4711", "local": True, "snapshots": 1}
    report = {**report_of(local), "not_public": [source]}
    assert build_view(report).state == "npm · 2026-01-05 · The snapshot is complete · simulated or local"


def test_the_links_of_moves_and_of_the_first_packages_are_those_of_their_own_list() -> None:
    """A later snapshot of another endpoint decides nothing."""
    report = full_report()
    *earlier, newest = [row for row in report["snapshots"] if row["registry"] == "huggingface/models"]
    failed = {**newest, "snapshot": 99, "date": "2026-04-09", "status": "failed", "source": "http://127.0.0.1:4711"}
    series = first_series({**report, "snapshots": [*earlier, newest, failed]})
    links = {row[1].link for table in (series.top, *series.moves) for row in table.rows}
    assert links == {f"https://huggingface.co/org/{name}" for name in "abc"}


def test_each_counter_of_a_registry_is_a_series_of_its_own() -> None:
    report = report_of(make_snapshot(1, "npm", "2026-01-01"), make_snapshot(2, "npm", "2026-01-01", counter="total"))
    assert [series.title for series in build_view(report).series] == [
        "npm by downloads of the last 30 days",
        "npm by downloads of all time",
    ]


def test_gaps_longer_than_usual_are_listed() -> None:
    dates = ("2026-01-01", "2026-01-02", "2026-01-03", "2026-01-09")
    snapshots = [make_snapshot(number, "npm", day) for number, day in enumerate(dates)]
    assert first_series(report_of(*snapshots)).coverage == (
        "4 complete snapshots from 2026-01-01 to 2026-01-09, usually 1 day apart. The longest gap is 6 days.",
        "Gaps longer than usual: 2026-01-03 to 2026-01-09 (6 days).",
    )


def test_lists_of_one_day_are_counted_and_are_no_gap() -> None:
    dates = ("2026-01-01", "2026-01-01", "2026-01-02", "2026-01-02")
    snapshots = [make_snapshot(number, "npm", day) for number, day in enumerate(dates)]
    assert first_series(report_of(*snapshots)).coverage == (
        "4 complete snapshots of 2 days from 2026-01-01 to 2026-01-02, usually 1 day apart. The longest gap is 1 day.",
    )


def test_a_partial_snapshot_has_its_reason_and_the_rules_that_failed() -> None:
    assert first_series(full_report()).problems == (
        "2026-02-04 is partial: the server answered 503",
        "2026-02-04, G2 transport: 2 of 3 (rule: all whole)",
    )


def test_a_rule_that_the_reason_states_is_listed_once() -> None:
    gate: list[ReportGate] = [{"gate": "G2 transport", "outcome": "fail", "measured": "2 of 3", "rule": "all whole"}]
    reason = "G2 transport: 2 of 3 (rule: all whole)"
    snapshot = make_snapshot(1, "npm", "2026-01-01", status="partial", reason=reason, gate=gate)
    assert first_series(report_of(snapshot)).problems == (f"2026-01-01 is partial: {reason}",)


def test_the_notes_of_one_result_are_listed_together_and_shared_notes_once() -> None:
    snapshot = make_snapshot(1, "npm", "2026-01-01")
    results = [
        make_result(snapshot, "turnover", "turnover", 0.5, k=100, note="gap 7 days; few packages; shared"),
        make_result(snapshot, "turnover", "turnover", 0.25, k=500, note="shared"),
        make_result(snapshot, "turnover", "turnover.30d", 0.1, k=100, note="alone"),
        make_result(snapshot, "turnover", "turnover.91d", None, k=100, note="undefined"),
        make_result(snapshot, "descendants", "descendants.slope", 0.1, note="in a table of its own"),
    ]
    assert first_series(report_of(snapshot, results=results)).notes == (
        "turnover (top 100) = 50.0%: few packages",
        "turnover.30d (top 100) = 10.0%: alone",
        "turnover (top 100, 500): shared",
    )


def test_moves_are_ranked_and_a_renamed_package_shows_its_old_name() -> None:
    report = full_report()
    report["movers"] = list(make_moves(report["snapshots"][3], ["org/a", "org/b"]))[::-1]
    moves = {table.caption: texts(table) for table in first_series(report).moves}
    assert moves == {
        "New in the top 1,000, compared with 2026-01-05: 2, each listed for the first time": [
            ("1", "org/a"), ("2", "org/b"),
        ],
        "Back in the top 1,000, compared with 2026-01-05: 2, each listed for the first time": [
            ("1", "org/a"), ("2", "org/b"),
        ],
        "Left the top 1,000, compared with 2026-01-05: 2, each listed for the first time": [
            ("1", "org/a"), ("2", "org/b"),
        ],
        "Renamed in the top 1,000, compared with 2026-01-05; not counted as leaving: 2": [
            ("1", "org/a", "was org/a"), ("2", "org/b", "was org/b"),
        ],
    }  # fmt: skip


def test_a_census_has_the_numbers_of_the_whole_registry() -> None:
    snapshot = make_snapshot(1, "npm", "2026-01-01")
    results = [
        make_result(snapshot, "population", "population", 2_000_000.0, n=2_000_000),
        make_result(snapshot, "concentration", "concentration.downloads.gini", 0.98765, n=10),
    ]
    series = first_series(report_of(snapshot, results=results))
    assert [row for row in texts(series.population) if row[1] != UNDEFINED] == [
        ("packages", "2,000,000", "2,000,000"),
        ("Gini of downloads", "0.9877", "10"),
    ]
    assert not population_table(snapshot, {})


def test_events_of_one_kind_are_added_up() -> None:
    report = full_report()
    report["events"] = [
        make_event(1, day="2026-01-05", count=2, example="old"),
        make_event(2, day="2026-02-04", example="new"),
    ]
    view = build_view(report)
    assert texts(view.event_kinds) == [("renamed", "3", "2026-02-04", "npm", "note", "new")]
    assert len(view.events.rows) == 2


def test_a_table_says_how_many_rows_it_leaves_out() -> None:
    table = first_series(full_report(times=30)).snapshots
    assert (len(table.newest(12).rows), table.newest(12).note) == (12, "The newest 12 of 30.")
    assert (len(table.first(12).rows), table.first(12).note) == (12, "And 18 more.")
    assert table.newest(30) == table.first(30) == table


def test_the_columns_of_a_table_can_be_selected() -> None:
    table = first_series(full_report()).snapshots.select("state", "date")
    assert texts(table)[0] == ("complete", "2026-01-05")


def test_control_characters_are_written_out() -> None:
    view = build_view(report_of(make_snapshot(1, "a\x1bb", "2026-01-05")))
    assert view.registries == ("a⟨U+001B⟩b",)
