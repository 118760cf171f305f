"""The report as plain text."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.report import main
from db.rows import Event, Observation
from tests.analysis.conftest import descending_rows

GOLDEN = Path(__file__).parent / "small_store.txt"


@pytest.fixture
def report(history, capsys):
    """Print the report; what is on stdout."""

    def show(*words: str) -> str:
        assert main([*words, "--db", str(history.path)]) == 0
        return capsys.readouterr().out

    return show


def told(history) -> None:
    """A small store with everything in it that a report tells."""
    history.add_snapshot("2026-01-01", [*descending_rows("abc"), ("d", 5)], value_after=1)
    history.add_snapshot(
        "2026-01-31", descending_rows("aecb"), value_after=1, events=[Event("field missing", "warning", "no `likes`")]
    )
    history.add_snapshot("2026-02-03", descending_rows("xy"), "partial", reason="no page 3: the server answered 503")
    renamed = Observation("id-a", "org/a", downloads=2_000_000)
    history.add_snapshot("2026-03-02", [renamed, *descending_rows("bfg")], value_after=1)
    history.compute_pending()


def test_a_small_store_reads_as_in_the_file(history, report):
    told(history)
    assert report() == GOLDEN.read_text("utf-8")


def test_no_line_is_wider_than_a_hundred_columns(history, report):
    long = "organisation/" + "very-long-name-" * 9
    history.add_snapshot("2026-01-01", descending_rows([f"{long}{number}" for number in range(4)]))
    history.add_snapshot(
        "2026-02-01", descending_rows([f"{long}{number}" for number in range(4, 8)]), source="https://" + "x" * 200
    )
    history.add_snapshot("2026-02-08", descending_rows("ab"), "partial", reason="because " * 40)
    assert max(map(len, report().splitlines())) <= 100


@pytest.mark.fault("E8")
def test_a_name_cannot_speak_to_the_terminal(history, report):
    history.add_snapshot("2026-01-01", descending_rows("abcd"))
    history.add_snapshot("2026-02-01", descending_rows(["a", "b\x1b[2J\nfake", "c", "d"]))
    text = report()
    assert "\x1b" not in text
    assert "b⟨U+001B⟩[2J fake" in text


def test_only_the_newest_snapshots_are_listed_and_the_others_counted(history, report):
    for number in range(15):
        history.add_snapshot(1_767_225_600 + number * 86_400, descending_rows("ab"))
    text = report()
    assert "and 3 earlier, from 2026-01-01 on: 3 complete" in text
    assert "2026-01-03  complete" not in text


def test_only_the_first_ten_who_entered_are_listed_and_the_others_counted(history, report):
    history.set_depths(12)
    history.add_snapshot("2026-01-01", descending_rows("abcdefghijkl"))
    history.add_snapshot("2026-02-01", descending_rows("mnopqrstuvwx"))
    text = report()
    assert "Entered the top 12 for the first time, since 2026-01-01: 12" in text
    assert "  and 2 more" in text


def test_an_empty_store_says_how_to_fill_it(history, report):
    text = report()
    assert "observatory crawl snapshot" in text
    assert "observatory crawl import" in text


def test_one_snapshot(history, report):
    history.add_snapshot("2026-01-01", descending_rows("abcd"))
    assert "one complete snapshot (2026-01-01), so no change can be" in report()


def test_only_partial_snapshots(history, report):
    history.add_snapshot("2026-01-01", descending_rows("abcd"), "partial", reason="stopped at page 2")
    text = report()
    assert "2026-01-01 is partial: stopped at page 2" in text
    assert "Turnover" not in text
