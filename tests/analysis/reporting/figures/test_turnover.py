"""The lines of turnover: which gap, which depth, and where they break."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.reporting.figures import _render, turnover
from analysis.reporting.figures._figure import Figure
from analysis.reporting.rows import Report, ReportSnapshot
from tests.analysis.reporting.figures.documents import full_report, make_event, make_result, make_snapshot, report_of


def make_snapshots(*dates: str) -> list[ReportSnapshot]:
    return [make_snapshot(number, "npm", day) for number, day in enumerate(dates, 1)]


def make_report(snapshots: Sequence[ReportSnapshot], values: Sequence[float | None]) -> Report:
    results = [
        make_result(
            snapshot, "turnover", "turnover.30d", value, k=1000, low=value, high=value, previous_date="2026-01-01"
        )
        for snapshot, value in zip(snapshots, values, strict=True)
    ]
    return report_of(*snapshots, results=results, k=1000)


def draw_one(report: Report) -> Figure:
    (figure,) = turnover.draw(report)
    return figure


def collect_points(report: Report) -> list[turnover.TurnoverPoint]:
    """Return the points of the figure, which are the values of its specification."""
    points = turnover._collect_points(report, 1000, "30d")
    assert draw_one(report).wide["data"] == {"values": points}
    return points


def test_the_gap_is_the_one_over_which_most_lists_are_known() -> None:
    assert turnover.choose_gap(full_report()) == "30d"
    assert set(turnover.newest_turnovers(full_report())) == {"Hugging Face", "npm", "PyPI"}


def test_an_undefined_value_ends_a_stretch_of_line() -> None:
    points = collect_points(make_report(make_snapshots("2026-01-01", "2026-02-01", "2026-03-01"), [0.1, None, 0.2]))
    assert [point["value"] for point in points] == [0.1, None, 0.2]
    assert points[0]["segment"] != points[2]["segment"]


def test_there_is_a_cross_for_each_date_on_which_a_line_is_interrupted() -> None:
    days = ("2026-01-01", "2026-02-01", "2026-03-01", "2026-04-01", "2026-05-01")
    points = collect_points(make_report(make_snapshots(*days), [0.1, None, None, 0.2, None]))
    assert [point["date"] for point in points if point["interrupted"]] == ["2026-02-01", "2026-05-01"]
    (crosses,) = [layer for layer in draw_one(full_report()).wide["layer"] if layer["mark"].get("shape") == "cross"]
    assert crosses["transform"][-1]["groupby"] == ["date"], "two lines interrupted on a day have one cross"


def test_a_long_gap_breaks_the_line() -> None:
    dates = ("2026-01-01", "2026-02-01", "2026-03-01", "2026-08-01")
    points = collect_points(make_report(make_snapshots(*dates), [0.1] * 4))
    assert len({point["segment"] for point in points}) == 2


def test_a_value_without_interval_or_with_an_event_is_hollow() -> None:
    report = make_report(make_snapshots("2026-01-01", "2026-02-01"), [0.1, 0.2])
    report["results"][0]["low"] = None
    report["events"] = [make_event(2, severity="warning")]
    assert [point["hollow"] for point in collect_points(report)] == [True, True]
    report["events"] = [make_event(2, severity="note")]
    assert [point["hollow"] for point in collect_points(report)] == [True, False]


def test_results_of_a_partial_snapshot_are_not_drawn() -> None:
    snapshots = make_snapshots("2026-01-01", "2026-02-01")
    snapshots[0]["status"] = "partial"
    assert [point["date"] for point in collect_points(make_report(snapshots, [0.1, 0.2]))] == ["2026-02-01"]


def test_the_axis_begins_at_zero() -> None:
    layers = draw_one(make_report(make_snapshots("2026-01-01"), [0.1])).wide["layer"]
    assert isinstance(layers, list)
    scales = [layer["encoding"]["y"]["scale"]["domain"] for layer in layers[:4]]
    assert {low for low, _ in scales} == {0}


def test_wide_and_narrow_drawings_name_their_lines() -> None:
    figure = draw_one(full_report())
    for narrow in (False, True):
        assert ">npm</text>" in _render.render_drawing(figure, narrow)


def test_the_title_states_the_newest_numbers() -> None:
    report = make_report(make_snapshots("2026-01-01", "2026-02-01"), [0.1, 0.25])
    assert turnover.describe_turnover(report) == [
        "In a month, from 2026-01-01 to 2026-02-01, 25.0% of the top 1,000 of npm were replaced"
    ]


def test_the_gap_is_one_of_the_newest_list() -> None:
    """A gap that only older lists have would show an old number first."""
    report = make_report(make_snapshots("2026-01-01", "2026-02-01", "2026-03-01"), [0.1, 0.2, None])
    newest = report["snapshots"][-1]
    report["results"].append(make_result(newest, "turnover", "turnover.91d", 0.3, k=1000, previous_date="2025-12-01"))
    assert turnover.choose_gap(report) == "91d"
