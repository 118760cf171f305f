"""The report as plain text."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from analysis.report import main
from analysis.reporting.formats import text as text_format
from db.rows import Event, Observation
from tests.analysis.conftest import History, descending_rows
from tests.analysis.reporting.figures.documents import full_report

GOLDEN = Path(__file__).parent / "small_store.txt"

PrintReport = Callable[..., str]


@pytest.fixture
def print_report(history: History, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> PrintReport:
    """Return a function that prints the report, by default 80 columns wide, and returns what is on stdout."""

    def run_cli(*words: str, columns: int = 80) -> str:
        monkeypatch.setenv("COLUMNS", str(columns))
        assert main([*words, "--db", str(history.path)]) == 0
        return capsys.readouterr().out

    return run_cli


def fill_small_store(history: History) -> None:
    """Add a few snapshots with everything that a report shows."""
    history.add_snapshot("2026-01-01", [*descending_rows("abc"), ("d", 5)], value_after=1)
    history.add_snapshot(
        "2026-01-31", descending_rows("aecb"), value_after=1, events=[Event("field missing", "warning", "no `likes`")]
    )
    history.add_snapshot("2026-02-03", descending_rows("xy"), "partial", reason="no page 3: the server answered 503")
    renamed = Observation("id-a", "org/a", downloads=2_000_000)
    history.add_snapshot("2026-03-02", [renamed, *descending_rows("bfg")], value_after=1)
    history.compute_pending()


def test_the_report_of_a_small_store_is_the_text_in_the_file(history: History, print_report: PrintReport) -> None:
    fill_small_store(history)
    assert print_report() == GOLDEN.read_text("utf-8")


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_no_line_is_wider_than_the_terminal(history: History, print_report: PrintReport, columns: int) -> None:
    long_name = "organisation/" + "very-long-name-" * 9
    history.add_snapshot("2026-01-01", descending_rows([f"{long_name}{number}" for number in range(4)]))
    history.add_snapshot(
        "2026-02-01", descending_rows([f"{long_name}{number}" for number in range(4, 8)]), source="https://" + "x" * 200
    )
    history.add_snapshot("2026-02-08", descending_rows("ab"), "partial", reason="because " * 40)
    lines = print_report(columns=columns).splitlines()
    assert columns * 0.8 < max(map(len, lines)) <= columns
    assert f"{long_name}4" in "".join(line.strip() for line in lines), "a name is never cut"


@pytest.mark.parametrize("columns", [60, 61, 80, 120, 200])
def test_every_section_of_a_full_report_fits_and_breaks_no_date(columns: int) -> None:
    lines = text_format.render(full_report(), width=columns).splitlines()
    assert max(map(len, lines)) <= columns
    assert not [line for line in lines if re.search(r"\d-$", line)]


def test_a_table_too_wide_for_a_terminal_becomes_sentences() -> None:
    text = text_format.render(full_report(), width=60)
    assert "- top K 100 · since 2025-12-06 · remained 14 · newcomers 14 · returning 14" in " ".join(text.split())


def claims_part(columns: int) -> list[str]:
    """Return the lines about claims that were measured between two dates, with a long name."""
    report = full_report()
    for claim in report["claims"]:
        claim["label"] = "Faster turnover"
        for number in claim["numbers"]:
            number["previous_date"] = "2026-01-05"
    lines = text_format.render(report, width=columns).splitlines()
    return lines[lines.index("Claims and verdicts") + 1 : lines.index("What these verdicts rest on") - 1]


def test_claims_between_two_dates_are_a_table_of_80_columns_without_intervals() -> None:
    assert claims_part(80)[:2] == [
        "  claim               verdict      measure    measured dates",
        "  C0: faster turnover holds        share kept    50.0% 2026-01-05 to 2026-04-05",
    ]
    assert "interval" in claims_part(100)[0], "where there is room"


def test_claims_in_60_columns_are_sentences_without_what_is_not_known() -> None:
    first, *_, last = re.split(" (?=- )", " ".join(" ".join(claims_part(60)).split()))
    sentence = (
        "- claim C0: faster turnover · verdict holds · measure share kept · measured 50.0% · dates 2026-01-05 to "
    )
    assert first == f"{sentence}2026-04-05"
    assert last == "- claim C3: faster turnover · verdict not testable"


def test_a_long_name_is_broken_at_its_marks() -> None:
    report = full_report()
    report["base_models"][0]["name"] = "organisation/large-language-model_of-2026"
    lines = text_format.render(report, width=62).splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("  organisation/"))
    assert [line[2:20].strip() for line in lines[first : first + 3]] == [
        "organisation/", "large-language-", "model_of-2026",
    ]  # fmt: skip


def test_the_sections_stand_in_the_order_in_which_they_are_read() -> None:
    lines = text_format.render(full_report(), width=80).splitlines()
    assert [line for line in lines if line.isupper()] == [
        "TURNOVER", "WHO MOVED", "DESCENDANTS AND LIBRARIES", "DOES THE PAPER STILL HOLD?", "CAN I TRUST THIS?",
    ]  # fmt: skip
    assert lines[0].startswith("Hugging Face, npm and PyPI · 2026-01-05 to 2026-04-05 · 11 of 12")
    assert lines[3] == "Summary"


def test_base_models_and_kept_libraries_have_names_and_numbers() -> None:
    lines = text_format.render(full_report(), width=100).splitlines()
    assert "  org/base        12      +3  7 finetunes, 5 adapters         7" in lines
    assert "  org/old         11      -1  7 finetunes, 4 adapters         –" in lines
    assert "  transformers     adapters               80.0%  50.0% to 95.0%  300" in lines


def test_colour_is_in_headings_and_notes_only() -> None:
    text = "Summary\n  - one\n\nNotes on turnover\n  - two"
    assert text_format.add_colour(text) == (
        "\x1b[1mSummary\x1b[0m\n  - one\n\n\x1b[1mNotes on turnover\x1b[0m\n\x1b[2m  - two\x1b[0m"
    )


@pytest.mark.fault("E8")
def test_a_name_cannot_control_the_terminal(history: History, print_report: PrintReport) -> None:
    history.add_snapshot("2026-01-01", descending_rows("abcd"))
    history.add_snapshot("2026-02-01", descending_rows(["a", "b\x1b[2J\nfake", "c", "d"]))
    text = print_report()
    assert "\x1b" not in text
    assert "b⟨U+001B⟩[2J fake" in text


def test_a_name_in_square_brackets_is_no_markup(history: History, print_report: PrintReport) -> None:
    history.add_snapshot("2026-01-01", descending_rows("abcd"))
    history.add_snapshot("2026-02-01", descending_rows(["a", "[red]b[/red] :smile:", "c", "d"]))
    assert "[red]b[/red] :smile:" in print_report()


def test_only_the_newest_snapshots_are_listed(history: History, print_report: PrintReport) -> None:
    for number in range(15):
        history.add_snapshot(1_767_225_600 + number * 86_400, descending_rows("ab"))
    text = print_report()
    assert "The newest 12 of 15." in text
    assert "15 complete snapshots from 2026-01-01 to 2026-01-15, usually 1 day apart." in text
    assert "2026-01-03  complete" not in text


def test_only_the_first_ten_packages_that_entered_are_listed(history: History, print_report: PrintReport) -> None:
    history.set_depths(12)
    history.add_snapshot("2026-01-01", descending_rows("abcdefghijkl"))
    history.add_snapshot("2026-02-01", descending_rows("mnopqrstuvwx"))
    text = print_report()
    assert "New in the top 12, compared with 2026-01-01: 12" in text
    assert "  And 2 more." in text


def test_the_report_of_an_empty_store_says_how_to_fill_it(print_report: PrintReport) -> None:
    text = print_report()
    assert "observatory crawl snapshot" in text
    assert "observatory crawl import" in text


def test_one_snapshot_shows_no_change(history: History, print_report: PrintReport) -> None:
    history.add_snapshot("2026-01-01", descending_rows("abcd"))
    text = print_report()
    assert "One complete snapshot, of 2026-01-01: no change can be measured yet." in text
    assert "no earlier list" not in text, "that is said once"


def test_a_partial_snapshot_has_its_reason_and_no_turnover(history: History, print_report: PrintReport) -> None:
    history.add_snapshot("2026-01-01", descending_rows("abcd"), "partial", reason="stopped at page 2")
    text = print_report()
    assert "2026-01-01 is partial: stopped at page 2" in text
    assert "Turnover" not in text
