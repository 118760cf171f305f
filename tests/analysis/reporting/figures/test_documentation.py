"""The figures of documentation show what the results say, for each scorer apart."""

from __future__ import annotations

from analysis.reporting.figures.documentation import MIN_N, draw, explain_undrawn
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
        "Hugging Face on 2026-04-05: by downloads, 70.0% in the top 1,000 and 20.0% in the bottom 1,000 of the "
        "five questions are answered"
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


def test_a_mean_of_few_packages_is_not_drawn_and_the_report_says_why() -> None:
    results = list(documentation_results(SNAPSHOT))
    for result in results:
        result["n"] = MIN_N - 1
    assert list(draw(report_of(SNAPSHOT, results=results))) == []
    assert explain_undrawn(report_of(SNAPSHOT, results=results)) == [
        "Hugging Face on 2026-01-05, scored by rules: fewer than two tenths of the list have 20 packages with known "
        "documentation."
    ]
    results[0]["n"] = MIN_N  # one group of packages
    assert [figure.rows for figure in draw(report_of(SNAPSHOT, results=results))] == [
        (("downloads", "top 1,000", 0.7, 0.6499999999999999, 0.75, MIN_N),)
    ]


def test_the_means_of_one_tenth_are_not_drawn_because_packages_tie() -> None:
    (first, *_) = (result for result in documentation_results(SNAPSHOT) if ".decile." in result["name"])
    assert explain_undrawn(report_of(SNAPSHOT, results=[first])) == [
        "Hugging Face on 2026-01-05, scored by rules: packages tie, and those with known documentation are all in one "
        "tenth of the list."
    ]


def test_of_missing_documentation_the_result_alone_says_why() -> None:
    missing = make_result(SNAPSHOT, "documentation", "documentation.rules.coverage", None, note="no card is scored")
    assert explain_undrawn(report_of(SNAPSHOT, results=[missing])) == []


def test_the_figure_of_an_older_list_has_its_date_in_the_title() -> None:
    newer = make_snapshot(2, "huggingface/models", "2026-03-05")
    unknown = make_result(newer, "documentation", "documentation", None, note="no card was read")
    report = report_of(SNAPSHOT, newer, results=[*documentation_results(SNAPSHOT), unknown])
    titles = [figure.title for figure in draw(report)]
    assert len(titles) == 2 and all("on 2026-01-05" in title for title in titles)
