"""The figures of documentation show what the results say, for each scorer apart."""

from __future__ import annotations

from analysis.reporting.figures.documentation import draw
from tests.analysis.reporting.figures.documents import (
    documentation_results,
    full_report,
    make_result,
    make_snapshot,
    report_of,
)

SNAPSHOT = make_snapshot(1, "huggingface/models", "2026-01-05")


def test_groups_and_tenths_are_those_of_the_results() -> None:
    groups, trend = draw(full_report())
    assert groups.rows[0][:3] == ("downloads", "top 1,000", 0.7)
    assert groups.title == (
        "Hugging Face: by downloads, 70.0% in the top 1,000 and 20.0% in the bottom 1,000 of the five questions "
        "are answered"
    )
    assert [row[:2] for row in trend.rows] == [
        ("downloads", 1), ("downloads", 5), ("downloads", 10), ("likes", 1), ("likes", 5), ("likes", 10),
    ]  # fmt: skip
    assert "from the least to the most popular tenth" in trend.title


def test_each_scorer_has_its_own_figures_and_a_strange_name_names_no_file() -> None:
    rules = list(documentation_results(SNAPSHOT))
    openai = list(documentation_results(SNAPSHOT))
    for result in openai:
        result["name"] = result["name"].replace(".rules.", ".openai.")
    strange = make_result(SNAPSHOT, "documentation", "documentation.../../x.downloads.top", 0.5)
    names = [figure.name for figure in draw(report_of(SNAPSHOT, results=[*rules, *openai, strange]))]
    assert names == [
        "documentation-groups-openai", "documentation-openai", "documentation-groups-rules", "documentation-rules",
    ]  # fmt: skip


def test_there_is_no_figure_without_scores() -> None:
    assert not list(draw(report_of(SNAPSHOT, results=[make_result(SNAPSHOT, "documentation", "documentation", None)])))
