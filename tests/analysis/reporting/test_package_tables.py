"""The tables that name packages have the columns that their lists have."""

from __future__ import annotations

from analysis.reporting.package_tables import top_table
from tests.analysis.reporting.figures.documents import make_snapshot, make_top

SNAPSHOT = make_snapshot(1, "npm", "2022-11-03")


def test_a_list_without_counters_has_no_column_of_counters() -> None:
    rows = list(make_top(SNAPSHOT))
    with_counters = top_table(rows, SNAPSHOT)
    without = top_table([{**row, "value": None} for row in rows], SNAPSHOT)
    headings = [column.heading for column in with_counters.columns]
    assert headings[:3] == ["rank", "package", "downloads"]
    assert [column.heading for column in without.columns] == [*headings[:2], *headings[3:]]
    assert [cell.text for cell in without.rows[0]] == [
        cell.text for number, cell in enumerate(with_counters.rows[0]) if number != 2
    ]
