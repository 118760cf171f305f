"""The paper's Figure 6, for every registry."""

from __future__ import annotations

from analysis.reporting.figures import flows
from tests.analysis.reporting.figures.documents import empty, result, snapshot


def report(*lists: tuple[str, int], k: int = 1000) -> dict:
    """Lists of these registries, so many of each; the first of each has none before it."""
    snapshots, results = [], []
    for registry, times in lists:
        for look in range(times):
            made = snapshot(len(snapshots) + 1, registry, f"2026-{look + 1:02}-05")
            snapshots.append(made)
            for name, value in (("remained", 600.0), ("newcomers", 300.0), ("returning", 100.0), ("ever", 1400.0)):
                told = value if look or name == "ever" else None
                results.append(result(made, "turnover_as_published", name, told, k=k, n=k))
    return {**empty(), "k": k, "snapshots": snapshots, "results": results}


def test_every_registry_has_its_bars_and_each_bar_is_the_whole_list() -> None:
    (figure,) = flows.draw(report(("huggingface/models", 3), ("npm", 2)))
    values = figure.wide["data"]["values"]
    assert list(dict.fromkeys(one["bar"] for one in values)) == [
        "huggingface/models, 2026-02-05", "huggingface/models, 2026-03-05", "npm, 2026-02-05",
    ]  # fmt: skip
    assert [one["share"] for one in values[:3]] == [0.6, 0.1, 0.3]
    assert figure.title.startswith(
        "Newcomers since the list before: 30.0% of the top 1,000 of huggingface/models, 30.0%"
    )


def test_the_counts_are_those_of_the_metric() -> None:
    (figure,) = flows.draw(report(("npm", 2)))
    assert figure.rows == (
        ("npm", "2026-02-05", 1000, "remained", 600.0, 0.6, 1000),
        ("npm", "2026-02-05", 1000, "returning", 100.0, 0.1, 1000),
        ("npm", "2026-02-05", 1000, "newcomers", 300.0, 0.3, 1000),
    )


def test_a_long_history_shows_its_newest_lists() -> None:
    (figure,) = flows.draw(report(("npm", 12)))
    assert len(figure.rows) == 3 * flows.MAX_LISTS
    assert figure.rows[-1][1] == "2026-12-05"


def test_a_first_list_has_nothing_to_draw() -> None:
    assert list(flows.draw(report(("npm", 1)))) == []
