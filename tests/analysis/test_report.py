"""`python -m analysis.report`: what it shows, and that it changes nothing."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from analysis.metrics import turnover
from analysis.report import main, make_parser, write_report
from analysis.reporting.rows import Report, ReportResult
from db.rows import Event, Registry
from tests.analysis.conftest import History, descending_rows
from tests.analysis.reporting.figures.documents import make_claims
from tests.environments import hide_library

NPM = Registry("npm", "ecosystems")

ReadReport = Callable[..., Report]
RunCli = Callable[..., tuple[int, str]]


@pytest.fixture
def read_report(history: History, capsys: pytest.CaptureFixture[str]) -> ReadReport:
    """Return a function that makes the report as JSON and parses it."""

    def read(*words: str) -> Report:
        assert main([*words, "--format", "json", "--db", str(history.path)]) == 0
        report: Report = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
        return report

    return read


@pytest.fixture
def run_cli(history: History, capsys: pytest.CaptureFixture[str]) -> RunCli:
    """Return a function that runs the command and returns its exit code and stderr."""

    def run(*words: str) -> tuple[int, str]:
        code = main([*words, "--db", str(history.path)])
        return code, capsys.readouterr().err

    return run


def add_two_snapshots(history: History) -> None:
    history.add_snapshot("2026-01-01", descending_rows("abcd"))
    history.add_snapshot("2026-01-31", descending_rows("abef"))


def test_the_document_has_every_key_in_order(history: History, read_report: ReadReport) -> None:
    add_two_snapshots(history)
    report = read_report()
    assert list(report) == [
        "schema", "as_of", "generated_by", "k", "results", "claims", "snapshots", "not_public", "top", "movers",
        "base_models", "points", "events", "unknown",
    ]  # fmt: skip
    assert report["schema"] == 2
    assert {tuple(row) for row in report["results"]} == {tuple(ReportResult.__annotations__)}


def test_a_result_has_its_dates(history: History, read_report: ReadReport) -> None:
    add_two_snapshots(history)
    history.compute_pending()
    (result,) = [
        row for row in read_report()["results"] if (row["snapshot"], row["name"], row["k"]) == (2, "turnover", 4)
    ]
    assert (result["date"], result["previous_date"], result["value"]) == ("2026-01-31", "2026-01-01", 0.5)


def test_snapshots_of_every_state_are_listed_with_their_gate(history: History, read_report: ReadReport) -> None:
    history.add_snapshot("2026-01-01", descending_rows("abcd"), "partial", reason="stopped")
    history.add_snapshot("2026-01-02", descending_rows("abcd"), "open")
    snapshots = read_report()["snapshots"]
    assert [(row["status"], row["reason"]) for row in snapshots] == [("partial", "stopped"), ("open", None)]
    assert [len(row["gate"]) for row in snapshots] == [2, 0]
    assert list(snapshots[0]["gate"][0]) == ["gate", "outcome", "measured", "rule"]


def test_missing_results_are_computed_and_not_stored(history: History, read_report: ReadReport) -> None:
    add_two_snapshots(history)
    computed = read_report()["results"]
    assert computed
    assert history.query_results() == []
    history.compute_pending()
    assert read_report()["results"] == computed
    assert len(history.query_results()) == len(computed)


def test_the_report_says_that_compute_would_store_the_results(history: History, run_cli: RunCli) -> None:
    add_two_snapshots(history)
    code, message = run_cli()
    assert code == 0
    assert message == "Results of 2 snapshots were computed for this report; `observatory compute` stores them.\n"


@pytest.mark.fault("D11")
def test_a_raised_version_replaces_what_is_stored(
    history: History, read_report: ReadReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_two_snapshots(history)
    history.compute_pending()
    monkeypatch.setattr(turnover, "VERSION", turnover.VERSION + 1)
    versions = {row["version"] for row in read_report()["results"] if row["metric"].startswith("turnover")}
    assert versions == {turnover.VERSION}


def test_the_report_never_writes(history: History, read_report: ReadReport) -> None:
    add_two_snapshots(history)
    before = hashlib.sha256(history.path.read_bytes()).hexdigest()
    read_report()
    assert hashlib.sha256(history.path.read_bytes()).hexdigest() == before


def test_the_same_store_gives_the_same_bytes(history: History, capsys: pytest.CaptureFixture[str]) -> None:
    add_two_snapshots(history)
    history.compute_pending()
    texts = []
    for _ in range(2):
        main(["--format", "json", "--db", str(history.path)])
        texts.append(capsys.readouterr().out)
    assert texts[0] == texts[1]


def test_the_order_of_imports_does_not_change_the_numbers(history: History, read_report: ReadReport) -> None:
    history.add_snapshot("2026-01-31", descending_rows("abef"))
    history.add_snapshot("2026-01-01", descending_rows("abcd"))
    values = {(row["date"], row["name"], row["k"]): row["value"] for row in read_report()["results"]}
    assert values["2026-01-31", "turnover", 4] == 0.5
    assert values["2026-01-01", "turnover", 4] is None


def test_as_of_shows_the_snapshots_up_to_that_day(history: History, read_report: ReadReport) -> None:
    add_two_snapshots(history)
    history.add_snapshot("2026-02-28", descending_rows("abgh"))
    report = read_report("--as-of", "2026-01-31")
    assert report["as_of"] == "2026-01-31"
    assert [row["date"] for row in report["snapshots"]] == ["2026-01-01", "2026-01-31"]
    assert {row["date"] for row in report["movers"]} == {"2026-01-31"}


def test_one_registry_can_be_selected(history: History, read_report: ReadReport) -> None:
    add_two_snapshots(history)
    history.add_snapshot("2026-01-01", descending_rows("xyz"), registry=NPM)
    report = read_report("--registry", "npm")
    assert {row["registry"] for row in report["results"]} == {"npm"}
    assert {row["registry"] for row in report["snapshots"]} == {"npm"}


def test_moves_have_both_ranks(history: History, read_report: ReadReport) -> None:
    add_two_snapshots(history)
    moves = [(row["change"], row["name"], row["rank"], row["previous_rank"]) for row in read_report()["movers"]]
    assert moves == [
        ("entered", "e", 3, None), ("entered", "f", 4, None), ("left", "c", None, 3), ("left", "d", None, 4),
    ]  # fmt: skip


@pytest.mark.parametrize("option", ["--top", "--k"])
def test_moves_are_listed_as_deep_as_every_list_goes_or_as_requested(
    history: History, read_report: ReadReport, option: str
) -> None:
    add_two_snapshots(history)
    history.add_snapshot("2026-01-01", descending_rows("xyz"), registry=NPM)
    assert read_report()["k"] == 2
    assert read_report(option, "4")["k"] == 4


def test_lists_are_compared_at_any_depth_that_they_have(
    tmp_path: Path, history: History, read_report: ReadReport, capsys: pytest.CaptureFixture[str]
) -> None:
    other = History(tmp_path / "other.db")
    other.set_depths(3)
    lists = [("2026-01-01", "abcd"), ("2026-01-08", "aebc"), ("2026-01-09", "zyx"), ("2026-01-15", "edab")]
    for date, names in lists:
        history.add_snapshot(date, descending_rows(names))
        other.add_snapshot(date, descending_rows(names))
    other.compute_pending()
    history.compute_pending()
    report = read_report("--top", "3")
    assert main(["--top", "3", "--format", "json", "--db", str(other.path)]) == 0
    expected = json.loads(capsys.readouterr().out)
    assert [row for row in report["results"] if row["k"] == 3] == [row for row in expected["results"] if row["k"]]
    assert (report["k"], report["movers"]) == (3, expected["movers"])
    assert {row["k"] for row in report["results"]} == {0, 2, 3, 4}


def test_a_depth_that_no_list_has_is_refused_before_anything_is_computed(
    history: History, run_cli: RunCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_two_snapshots(history)
    monkeypatch.setattr("analysis.report.compute_missing", pytest.fail)
    code, message = run_cli("--top", "5")
    assert code == 2
    assert "No complete list of this report is 5 deep." in message and "The deepest has 4 packages." in message


def test_no_moves_are_listed_if_no_list_is_deep_enough(history: History, read_report: ReadReport) -> None:
    history.add_snapshot("2026-01-01", descending_rows("a"))
    report = read_report()
    assert (report["k"], report["movers"]) == (None, [])


def test_events_are_counted_by_kind(history: History, read_report: ReadReport) -> None:
    event = Event("field missing", "warning", "no `likes`")
    history.add_snapshot("2026-01-01", descending_rows("ab"), events=[event, event])
    assert read_report()["events"] == [
        {"registry": "huggingface/models", "snapshot": 1, "date": "2026-01-01", "kind": "field missing",
         "severity": "warning", "count": 2, "example": "no `likes`"},
    ]  # fmt: skip


def test_a_report_of_a_day_before_the_first_list_names_the_day_of_the_first_list(
    history: History, capsys: pytest.CaptureFixture[str]
) -> None:
    add_two_snapshots(history)
    assert main(["--as-of", "0001-01-01", "--db", str(history.path)]) == 0
    assert "The first snapshot is of 2026-01-01, after the last day of this report." in capsys.readouterr().out
    assert main(["--as-of", "2026-01-01", "--db", str(history.path)]) == 0
    assert "The first snapshot" not in capsys.readouterr().out


@pytest.mark.fault("D7")
def test_an_empty_store_is_an_empty_document(read_report: ReadReport) -> None:
    report = read_report()
    assert (report["results"], report["snapshots"], report["movers"], report["events"]) == ([], [], [], [])
    assert len(report["unknown"]) == 1


def test_a_value_of_the_wrong_type_is_named(history: History, run_cli: RunCli, monkeypatch: pytest.MonkeyPatch) -> None:
    add_two_snapshots(history)
    rows = [{"registry": "npm", "snapshot": 1, "date": None, "noted_at": "today"}]
    monkeypatch.setattr("analysis.reporting.stored_rows.fetch_rows", lambda connection, name, **values: rows)
    code, message = run_cli()
    assert code == 1
    assert "The store holds a value of the wrong type" in message and "observatory store check" in message


def test_the_report_can_be_written_to_a_file(history: History, tmp_path: Path, run_cli: RunCli) -> None:
    add_two_snapshots(history)
    assert run_cli("--out", str(tmp_path / "report.txt"))[0] == 0
    assert "Hugging Face" in (tmp_path / "report.txt").read_text("utf-8")


def test_a_missing_folder_is_named(history: History, tmp_path: Path, run_cli: RunCli) -> None:
    add_two_snapshots(history)
    code, message = run_cli("--out", str(tmp_path / "none" / "report.txt"))
    assert code == 2
    assert "cannot be written" in message


def test_a_page_is_written_and_opened(
    history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_cli: RunCli
) -> None:
    add_two_snapshots(history)
    urls: list[str] = []

    def open_url(url: str) -> bool:
        urls.append(url)
        return True

    monkeypatch.setattr("webbrowser.open", open_url)
    monkeypatch.chdir(tmp_path)
    assert run_cli("--format", "html", "--open")[0] == 0
    assert urls == [(tmp_path / "report.html").as_uri()]
    assert "<svg" in (tmp_path / "report.html").read_text("utf-8")


def test_a_page_is_written_even_if_no_browser_opens(
    history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_cli: RunCli
) -> None:
    add_two_snapshots(history)
    monkeypatch.setattr("webbrowser.open", lambda url: False)
    code, message = run_cli("--format", "html", "--open", "--out", str(tmp_path / "page.html"))
    assert (code, "open the file yourself" in message) == (0, True)


def test_an_interactive_page_has_its_script(history: History, tmp_path: Path, run_cli: RunCli) -> None:
    add_two_snapshots(history)
    assert run_cli("--format", "html", "--interactive", "--out", str(tmp_path / "page.html"))[0] == 0
    assert "vegaEmbed(container" in (tmp_path / "page.html").read_text("utf-8")


@pytest.mark.parametrize("option", ["--open", "--interactive"])
def test_options_of_a_page_are_refused_for_other_formats(run_cli: RunCli, option: str) -> None:
    code, message = run_cli("--format", "text", option)
    assert code == 2
    assert "Add --format html" in message


def test_figures_are_written_beside_the_report(history: History, tmp_path: Path, run_cli: RunCli) -> None:
    add_two_snapshots(history)
    code, message = run_cli("--figures", str(tmp_path / "figures"))
    assert code == 0
    assert "snapshots.svg" in {path.name for path in (tmp_path / "figures").iterdir()}
    assert "files of figures were written" in message


@pytest.mark.parametrize(
    ("module", "package", "words"),
    [
        ("vl_convert", "vl-convert-python", ("--figures", "f")),
        ("vl_convert", "vl-convert-python", ("--format", "html", "--interactive")),
        ("jinja2", "jinja2", ("--format", "html")),
        ("jinja2", "jinja2", ("--format", "markdown")),
    ],
)
def test_a_missing_library_is_named_with_what_to_install(
    history: History,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    run_cli: RunCli,
    module: str,
    package: str,
    words: tuple[str, ...],
) -> None:
    add_two_snapshots(history)
    monkeypatch.chdir(tmp_path)
    formats = ("analysis.reporting.formats.html", "analysis.reporting.formats.markdown")
    for name in [name for name in sys.modules if name.startswith((*formats, module))]:
        monkeypatch.delitem(sys.modules, name)
    hide_library(monkeypatch, module)
    code, message = run_cli(*words)
    assert code == 1
    assert f"pip install {package}" in message
    assert not any(text in message for text in ("Traceback", "Make room"))


@pytest.mark.parametrize("module", ["analysis.__main__", "analysis.report"])
def test_help_loads_no_heavy_library(module: str) -> None:
    heavy = "{'pandas', 'numpy', 'scipy', 'sqlite_utils', 'rich'} & set(sys.modules)"
    code = f"import sys, {module}; {module}.make_parser().format_help(); print({heavy})"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


def test_a_format_is_a_file_of_the_folder() -> None:
    assert "one of html, json, markdown, text" in make_parser().format_help()


@pytest.mark.parametrize(
    ("words", "suggestion"),
    [
        (("--format", "jsno"), "Did you mean json?"),
        (("--registry", "huggingface/model"), "Did you mean huggingface/models?"),
        (("--as-of", "July"), "is not a date"),
    ],
)
def test_a_wrong_word_is_answered_with_a_suggestion(
    history: History, run_cli: RunCli, words: tuple[str, ...], suggestion: str
) -> None:
    add_two_snapshots(history)
    code, message = run_cli(*words)
    assert code == 2
    assert suggestion in message


def test_a_reversal_exits_with_one_only_on_request(
    history: History, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    add_two_snapshots(history)
    claims = [claim for claim in make_claims([]) if claim["verdict"] == "reversed"]
    monkeypatch.setattr("analysis.reporting.document.judge_claims", lambda results: claims)
    words = ["--db", str(history.path), "--format", "json"]
    assert main(words) == 0
    assert main([*words, "--fail-on-reversal"]) == 1
    assert f"reversed: {claims[0]['claim']}" in capsys.readouterr().err


def test_a_device_or_a_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    texts: list[str] = []
    reader = threading.Thread(target=lambda: texts.append(pipe.read_text("utf-8")))
    reader.start()
    write_report(pipe, "a report")
    reader.join(10)
    assert (texts, pipe.is_fifo()) == (["a report\n"], True)
