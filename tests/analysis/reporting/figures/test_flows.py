"""The paper's Figure 6, for every registry."""

from __future__ import annotations

from analysis.reporting.figures import flows
from analysis.reporting.figures._figure import Figure
from analysis.reporting.rows import Report, ReportSnapshot
from tests.analysis.reporting.figures.documents import make_result, make_snapshot, report_of

COUNTS = {"remained": 600.0, "newcomers": 300.0, "returning": 100.0, "ever": 1400.0}


def make_report(*lists: tuple[str, int], k: int = 1000) -> Report:
    """Make a document with a number of lists for each registry; the first list has no earlier one."""
    snapshots: list[ReportSnapshot] = []
    results = []
    for registry, times in lists:
        for turn in range(times):
            snapshot = make_snapshot(len(snapshots) + 1, registry, f"2026-{turn + 1:02}-05")
            snapshots.append(snapshot)
            for name, count in COUNTS.items():
                value = count if turn or name == "ever" else None
                results.append(make_result(snapshot, "turnover_as_published", name, value, k=k, n=k))
    return report_of(*snapshots, results=results, k=k)


def draw_one(report: Report) -> Figure:
    (figure,) = flows.draw(report)
    return figure


def test_every_registry_has_its_bars_and_each_bar_is_the_whole_list() -> None:
    report = make_report(("huggingface/models", 3), ("npm", 2))
    points = flows._collect_points(report)
    assert list(dict.fromkeys(point["bar"] for point in points)) == [
        "2026-02-05, Hugging Face",
        "2026-03-05, Hugging Face",
        "2026-02-05, npm",
    ]
    assert [point["share"] for point in points[:3]] == [0.6, 0.1, 0.3]
    figure = draw_one(report)
    assert figure.wide["data"] == {"values": [point for point in points if point["flow"] != "remained"]}
    assert figure.title.startswith("Newcomers since the list before: 30.0% of the top 1,000 of Hugging Face, 30.0%")


def test_the_counts_are_those_of_the_metric() -> None:
    assert draw_one(make_report(("npm", 2))).rows == (
        ("npm", "2026-02-05", None, 1000, "remained", 600.0, 0.6, 1000),
        ("npm", "2026-02-05", None, 1000, "returning", 100.0, 0.1, 1000),
        ("npm", "2026-02-05", None, 1000, "newcomers", 300.0, 0.3, 1000),
    )


def test_a_long_history_shows_its_newest_lists() -> None:
    figure = draw_one(make_report(("npm", 12)))
    assert len(figure.rows) == 3 * flows.MAX_LISTS
    assert figure.rows[-1][1] == "2026-12-05"


def test_a_first_list_has_nothing_to_draw() -> None:
    assert not list(flows.draw(make_report(("npm", 1))))


def test_two_lists_of_a_day_have_one_bar() -> None:
    report = make_report(("npm", 2))
    deeper = {**report["snapshots"][1], "snapshot": 9, "depth": 15000}
    more = [{**row, "snapshot": 9, "value": 0.0} for row in report["results"] if row["snapshot"] == 2]
    with_second = {**report, "snapshots": [*report["snapshots"], deeper], "results": [*report["results"], *more]}
    assert draw_one(with_second).rows == draw_one(report).rows


def test_lists_without_a_new_package_have_no_empty_figure() -> None:
    report = make_report(("npm", 2))
    for result in report["results"]:
        if result["name"] in ("newcomers", "returning") and result["value"] is not None:
            result["value"] = 0.0
    assert not list(flows.draw(report))
