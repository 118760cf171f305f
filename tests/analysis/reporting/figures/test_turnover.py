"""The lines of turnover: which gap, which depth, where they break."""

from __future__ import annotations

from analysis.reporting.figures import _render, turnover
from tests.analysis.reporting.figures.documents import empty, full, result, snapshot


def lists(*dates: str, registry: str = "npm") -> list[dict]:
    return [snapshot(number, registry, day) for number, day in enumerate(dates, 1)]


def report(snapshots: list[dict], values: list[float | None], **more: object) -> dict:
    results = [
        result(of, "turnover", "turnover.30d", value, **{"k": 1000, "low": value, "high": value, **more})
        for of, value in zip(snapshots, values, strict=True)
    ]
    return {**empty(), "k": 1000, "snapshots": snapshots, "results": results}


def points(made: dict) -> list[dict]:
    (figure,) = turnover.draw(made)
    return figure.wide["data"]["values"]


def test_the_gap_is_the_one_over_which_most_lists_are_known():
    made = full()
    assert turnover.choose_gap(made) == "30d"
    assert set(turnover.newest_turnovers(made)) == {"huggingface/models", "npm", "pypi"}


def test_a_missing_value_ends_a_stretch_of_line():
    made = points(report(lists("2026-01-01", "2026-02-01", "2026-03-01"), [0.1, None, 0.2]))
    assert [one["value"] for one in made] == [0.1, None, 0.2]
    assert made[0]["segment"] != made[2]["segment"]


def test_a_long_gap_is_left_open():
    days = ("2026-01-01", "2026-02-01", "2026-03-01", "2026-08-01")
    made = points(report(lists(*days), [0.1] * 4))
    assert len({one["segment"] for one in made}) == 2


def test_a_value_without_interval_or_with_an_event_is_hollow():
    made = report(lists("2026-01-01", "2026-02-01"), [0.1, 0.2])
    made["results"][0]["low"] = None
    made["events"] = [{"snapshot": 2, "severity": "warning"}]
    assert [one["hollow"] for one in points(made)] == [True, True]
    made["events"][0]["severity"] = "note"
    assert [one["hollow"] for one in points(made)] == [True, False]


def test_results_of_a_partial_snapshot_are_not_drawn():
    rows = lists("2026-01-01", "2026-02-01")
    rows[0]["status"] = "partial"
    assert [one["date"] for one in points(report(rows, [0.1, 0.2]))] == ["2026-02-01"]


def test_the_axis_begins_at_zero():
    (figure,) = turnover.draw(report(lists("2026-01-01"), [0.1]))
    scales = [layer["encoding"]["y"]["scale"]["domain"] for layer in figure.wide["layer"][:4]]
    assert {low for low, _ in scales} == {0}


def test_a_narrow_drawing_names_its_lines_too():
    (figure,) = turnover.draw(full())
    for narrow in (False, True):
        assert ">npm</text>" in _render.render_drawing(figure, narrow)


def test_the_finding_is_a_sentence_of_the_newest_numbers():
    assert turnover.describe_turnover(report(lists("2026-01-01", "2026-02-01"), [0.1, 0.25])) == (
        "Over a month 25.0% of the top 1,000 of npm were replaced"
    )
