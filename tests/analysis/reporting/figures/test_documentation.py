"""The figures of documentation show what the results say, for each scorer apart."""

from __future__ import annotations

from analysis.reporting.figures.documentation import draw
from tests.analysis.reporting.figures.documents import documented, empty, full, result, snapshot


def test_groups_and_tenths_are_those_of_the_results():
    groups, trend = draw(full())
    assert groups.rows[0][:3] == ("downloads", "top 1,000", 0.7)
    assert groups.title == (
        "huggingface/models: by downloads, 70.0% in the top 1,000 and 20.0% in the bottom 1,000 of the five questions "
        "are answered"
    )
    assert [row[:2] for row in trend.rows] == [
        ("downloads", 1), ("downloads", 5), ("downloads", 10), ("likes", 1), ("likes", 5), ("likes", 10),
    ]  # fmt: skip
    assert "from the least to the most popular tenth" in trend.title


def test_each_scorer_has_figures_of_its_own_and_a_strange_one_names_no_file():
    of = snapshot(1, "huggingface/models", "2026-01-05")
    rows = list(documented(of))
    other = [{**one, "name": str(one["name"]).replace(".rules.", ".openai.")} for one in rows]
    strange = [result(of, "documentation", "documentation.../../x.downloads.top", 0.5)]
    names = [one.name for one in draw({**empty(), "snapshots": [of], "results": [*rows, *other, *strange]})]
    assert names == [
        "documentation-groups-openai", "documentation-openai", "documentation-groups-rules", "documentation-rules",
    ]  # fmt: skip


def test_without_scores_there_is_none():
    of = snapshot(1, "huggingface/models", "2026-01-05")
    assert (
        list(draw({**empty(), "snapshots": [of], "results": [result(of, "documentation", "documentation", None)]}))
        == []
    )
