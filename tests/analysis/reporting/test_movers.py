"""Who moved, and the reasons that are given."""

from __future__ import annotations

import pytest

from analysis.compute.relations import fetch_rows
from analysis.reporting.movers import describe_move
from db.cli import parse_day
from db.connection import open_for_reading
from db.rows import Observation
from tests.analysis.conftest import descending_rows


@pytest.fixture
def moved(history):
    """Ask who moved in the top 2 of a snapshot: change and reason by name."""

    def ask(snapshot: int) -> dict[str, tuple[str, str]]:
        with open_for_reading(history.path) as connection:
            found = [describe_move(row, 2) for row in fetch_rows(connection, "movers", snapshot=snapshot, k=2)]
        return {one["name"]: (one["change"], one["reason"]) for one in found}

    return ask


def test_a_package_that_rose_and_the_one_that_fell(history, moved):
    history.add_snapshot("2026-01-01", descending_rows("abcd"))
    newest = history.add_snapshot("2026-01-08", descending_rows("adcb"))
    assert moved(newest) == {"d": ("entered", "rose from rank 4"), "b": ("left", "fell to rank 4")}


def test_a_package_that_is_no_longer_listed(history, moved):
    history.add_snapshot("2026-01-01", descending_rows("ab"))
    newest = history.add_snapshot("2026-01-08", descending_rows("acde"))
    assert moved(newest)["b"] == ("left", "no longer among the first 4 listed")


def test_a_package_that_was_never_listed(history, moved):
    history.add_snapshot("2026-01-01", descending_rows("ab"))
    newest = history.add_snapshot("2026-01-08", descending_rows("ac"))
    assert moved(newest)["c"] == ("entered", "not listed before")


def test_a_package_that_is_new(history, moved):
    history.add_snapshot("2026-01-01", descending_rows("ab"))
    new = Observation("id-c", "c", downloads=1, created_at=parse_day("2026-01-05"))
    newest = history.add_snapshot("2026-01-08", [("a", 2), new])
    assert moved(newest)["c"] == ("entered", "new: created 2026-01-05, after the previous snapshot")


def test_a_package_that_was_listed_once_but_never_so_high(history, moved):
    history.add_snapshot("2026-01-01", descending_rows("abcd"))
    history.add_snapshot("2026-01-08", descending_rows("ab"))
    newest = history.add_snapshot("2026-01-15", descending_rows("ad"))
    assert moved(newest)["d"] == ("entered", "first listed on 2026-01-01, but not last time")


def test_a_package_that_is_back(history, moved):
    for date, names in (("2026-01-01", "ab"), ("2026-01-08", "ac"), ("2026-01-15", "ac")):
        history.add_snapshot(date, descending_rows(names))
    newest = history.add_snapshot("2026-01-22", descending_rows("ab"))
    assert moved(newest)["b"] == ("returned", "last in the top 2 on 2026-01-01")


def test_a_renamed_package_is_told_but_has_not_moved(history, moved):
    history.add_snapshot("2026-01-01", [Observation("1", "gpt2", downloads=9), ("b", 8)])
    newest = history.add_snapshot("2026-01-08", [Observation("1", "openai/gpt2", downloads=9), ("b", 8)])
    assert moved(newest) == {"openai/gpt2": ("renamed", "renamed, not counted: gpt2 → openai/gpt2")}


def test_nobody_moves_where_there_is_no_earlier_snapshot(history, moved):
    assert moved(history.add_snapshot("2026-01-01", descending_rows("ab"))) == {}


def test_a_partial_snapshot_between_is_passed_over(history, moved):
    history.add_snapshot("2026-01-01", descending_rows("ab"))
    history.add_snapshot("2026-01-05", descending_rows("cd"), "partial")
    assert moved(history.add_snapshot("2026-01-08", descending_rows("ab"))) == {}
