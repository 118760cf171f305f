"""Who moved, and the reasons."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from analysis.reporting.document import ReportScope, build_report
from db.cli import parse_day
from db.connection import open_for_reading
from db.rows import Observation
from tests.analysis.conftest import MODELS, History, descending_rows

Moves = dict[str, tuple[str, str]]


@pytest.fixture
def moves_at(history: History) -> Callable[[int], Moves]:
    """Return a function that returns change and reason by name, for the top 2 of a snapshot."""

    def query(snapshot: int) -> Moves:
        with open_for_reading(history.path) as connection:
            report = build_report(connection, ReportScope(None, (MODELS.name,), 2), ())
        moves = [move for move in report["movers"] if move["snapshot"] == snapshot]
        return {move["name"]: (move["change"], move["reason"]) for move in moves}

    return query


def test_one_package_rises_and_another_falls(history: History, moves_at: Callable[[int], Moves]) -> None:
    history.add_snapshot("2026-01-01", descending_rows("abcd"))
    newest = history.add_snapshot("2026-01-08", descending_rows("adcb"))
    assert moves_at(newest) == {"d": ("entered", "rose from rank 4"), "b": ("left", "fell to rank 4")}


def test_a_package_is_no_longer_listed(history: History, moves_at: Callable[[int], Moves]) -> None:
    history.add_snapshot("2026-01-01", descending_rows("ab"))
    newest = history.add_snapshot("2026-01-08", descending_rows("acde"))
    assert moves_at(newest)["b"] == ("left", "dropped below rank 4, or removed")


@pytest.mark.parametrize(
    ("lists_of_the_day", "reasons"),
    [
        (("cd", "cdab", "cdefba"), {"b": "fell to rank 5", "a": "fell to rank 6"}),
        (("ac", "bacd"), {"b": "not in this list; rank 1 in the deepest list of the day"}),
    ],
)
def test_the_deepest_list_of_the_day_gives_the_reason_for_leaving(
    history: History, moves_at: Callable[[int], Moves], lists_of_the_day: tuple[str, ...], reasons: dict[str, str]
) -> None:
    """The first list of the day is compared. Another list that is shallower than the deepest gives no rank."""
    history.add_snapshot("2026-01-01", descending_rows("abcd"))
    morning = parse_day("2026-01-08") + 7 * 3600
    newest, *_ = [
        history.add_snapshot(morning + 3600 * hour, descending_rows(names))
        for hour, names in enumerate(lists_of_the_day)
    ]
    assert {name: reason for name, (change, reason) in moves_at(newest).items() if change == "left"} == reasons


def test_a_package_was_never_listed(history: History, moves_at: Callable[[int], Moves]) -> None:
    history.add_snapshot("2026-01-01", descending_rows("ab"))
    newest = history.add_snapshot("2026-01-08", descending_rows("ac"))
    assert moves_at(newest)["c"] == ("entered", "listed for the first time")


def test_a_package_is_new(history: History, moves_at: Callable[[int], Moves]) -> None:
    history.add_snapshot("2026-01-01", descending_rows("ab"))
    new = Observation("id-c", "c", downloads=1, created_at=parse_day("2026-01-05"))
    newest = history.add_snapshot("2026-01-08", [("a", 2), new])
    assert moves_at(newest)["c"] == ("entered", "new: created 2026-01-05")


def test_a_package_was_listed_before_but_never_so_high(history: History, moves_at: Callable[[int], Moves]) -> None:
    history.add_snapshot("2026-01-01", descending_rows("abcd"))
    history.add_snapshot("2026-01-08", descending_rows("ab"))
    newest = history.add_snapshot("2026-01-15", descending_rows("ad"))
    assert moves_at(newest)["d"] == ("entered", "back in the list, first listed 2026-01-01")


def test_a_package_returns(history: History, moves_at: Callable[[int], Moves]) -> None:
    for date, names in (("2026-01-01", "ab"), ("2026-01-08", "ac"), ("2026-01-15", "ac")):
        history.add_snapshot(date, descending_rows(names))
    newest = history.add_snapshot("2026-01-22", descending_rows("ab"))
    assert moves_at(newest)["b"] == ("returned", "last in the top 2 on 2026-01-01")


def test_a_renamed_package_is_listed_but_has_not_moved(history: History, moves_at: Callable[[int], Moves]) -> None:
    history.add_snapshot("2026-01-01", [Observation("1", "gpt2", downloads=9), ("b", 8)])
    newest = history.add_snapshot("2026-01-08", [Observation("1", "openai/gpt2", downloads=9), ("b", 8)])
    assert moves_at(newest) == {"openai/gpt2": ("renamed", "renamed, not counted: gpt2 → openai/gpt2")}


def test_no_package_moves_where_there_is_no_earlier_snapshot(
    history: History, moves_at: Callable[[int], Moves]
) -> None:
    assert moves_at(history.add_snapshot("2026-01-01", descending_rows("ab"))) == {}


def test_a_partial_snapshot_in_between_is_skipped(history: History, moves_at: Callable[[int], Moves]) -> None:
    history.add_snapshot("2026-01-01", descending_rows("ab"))
    history.add_snapshot("2026-01-05", descending_rows("cd"), "partial")
    assert moves_at(history.add_snapshot("2026-01-08", descending_rows("ab"))) == {}
