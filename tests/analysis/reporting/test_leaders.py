"""The packages at the top of a list and the parents with the most children, from a store."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from analysis.compute.metric import list_metrics
from analysis.compute.pending import compute_pending, find_pending
from analysis.reporting.document import ReportScope, build_report
from analysis.reporting.rows import Report
from db.connection import open_for_reading, open_for_writing
from db.redactions import save_redactions
from db.rows import Observation, Parent
from tests.analysis.conftest import MODELS, History, descending_rows

BuildReport = Callable[[], Report]


@pytest.fixture
def build(history: History) -> BuildReport:
    """Return a function that builds the document of the store, with every result."""

    def build_document() -> Report:
        with open_for_reading(history.path) as connection:
            computed = [row for snapshot in find_pending(connection, list_metrics())
                        for row in compute_pending(connection, snapshot)]  # fmt: skip
            return build_report(connection, ReportScope(None, (MODELS.name,)), computed)

    return build_document


def made_from(names: str, parents: Sequence[tuple[str, str]]) -> list[Observation]:
    """Make a list of packages that all name these parents, by relation."""
    lineage = tuple(Parent(name, relation) for name, relation in parents)
    return [
        Observation(f"id-{name}", name, downloads=90 - rank, parents=lineage if name not in "xyz" else ())
        for rank, name in enumerate(names)
    ]


def test_the_top_has_values_and_the_ranks_in_the_list_of_turnover(history: History, build: BuildReport) -> None:
    history.add_snapshot("2026-01-01", descending_rows("abcd"))
    history.add_snapshot("2026-01-31", [("b", 9), ("e", 8), ("a", 7), ("c", None)])
    rows = [(row["rank"], row["name"], row["value"], row["previous_rank"]) for row in build()["top"]]
    assert rows == [(1, "b", 9.0, 2), (2, "e", 8.0, None), (3, "a", 7.0, 1), (4, "c", None, 3)]
    assert {row["previous_date"] for row in build()["top"]} == {"2026-01-01"}


def test_the_first_list_of_a_series_has_no_earlier_ranks(history: History, build: BuildReport) -> None:
    history.add_snapshot("2026-01-01", descending_rows("abcd"))
    assert [(row["previous_date"], row["previous_rank"]) for row in build()["top"]] == [(None, None)] * 4


def test_children_are_counted_in_both_lists_to_the_same_depth(history: History, build: BuildReport) -> None:
    history.add_snapshot("2026-01-01", made_from("xab", [("x", "finetune")]))
    history.add_snapshot("2026-01-31", made_from("xabcd", [("x", "finetune"), ("far", "merge")]))
    rows = {row["name"]: row for row in build()["base_models"]}
    assert set(rows) == {"x", "far"}
    assert (rows["x"]["depth"], rows["x"]["children"], rows["x"]["previous_children"]) == (3, 2, 2)
    assert (rows["x"]["rank"], rows["x"]["downloads"], rows["x"]["finetune"], rows["x"]["merge"]) == (1, 90, 2, 0)
    assert (rows["far"]["package"], rows["far"]["children"], rows["far"]["previous_children"]) == (None, 2, 0)
    assert {row["previous_date"] for row in rows.values()} == {"2026-01-01"}


def test_growth_is_unknown_since_a_list_without_lineage(history: History, build: BuildReport) -> None:
    history.add_snapshot("2026-01-01", descending_rows("abcd"))
    history.add_snapshot("2026-01-31", made_from("xabc", [("x", "adapter")]))
    (row,) = build()["base_models"]
    assert (row["children"], row["previous_children"], row["previous_date"]) == (3, None, None)


def test_growth_is_measured_over_three_months_rather_than_one(history: History, build: BuildReport) -> None:
    for day, names in (("2026-01-01", "xabc"), ("2026-03-03", "xyab"), ("2026-04-02", "xabc")):
        history.add_snapshot(day, made_from(names, [("x", "adapter")]))
    (row,) = build()["base_models"]
    assert (row["previous_date"], row["previous_children"]) == ("2026-01-01", 3)


def test_a_redacted_package_is_named_nowhere(history: History, build: BuildReport) -> None:
    history.add_snapshot("2026-01-01", made_from("xabc", [("x", "adapter")]))
    history.add_snapshot("2026-01-31", made_from("yxab", [("x", "adapter")]))
    with open_for_writing(history.path) as database:
        save_redactions(database.conn, [("name", "x"), ("name", "y")])
    report = build()
    names = {row["name"] for section in ("top", "movers", "base_models") for row in report[section]}
    assert names == {"a", "b", "c"}
