"""`python -m analysis.report`: what it shows, and that it changes nothing."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys

import pytest

from analysis.metrics import turnover
from analysis.report import main, make_parser
from analysis.reporting.document import RESULT_COLUMNS
from db.rows import Event, Registry
from tests.analysis.conftest import descending_rows

NPM = Registry("npm", "ecosystems")


@pytest.fixture
def report(history, capsys):
    """The report as JSON, read."""

    def read(*words: str) -> dict:
        assert main([*words, "--format", "json", "--db", str(history.path)]) == 0
        return json.loads(capsys.readouterr().out, parse_constant=pytest.fail)

    return read


@pytest.fixture
def fails(history, capsys):
    """Run the command wrongly; its exit code and stderr."""

    def run(*words: str) -> tuple[int, str]:
        code = main([*words, "--db", str(history.path)])
        return code, capsys.readouterr().err

    return run


def two(history) -> None:
    history.add_snapshot("2026-01-01", descending_rows("abcd"))
    history.add_snapshot("2026-01-31", descending_rows("abef"))


def test_the_shape(history, report):
    two(history)
    made = report()
    assert list(made) == [
        "schema", "as_of", "generated_by", "k", "results", "claims", "snapshots", "movers", "points", "events",
        "unknown",
    ]  # fmt: skip
    assert made["schema"] == 1
    assert {tuple(row) for row in made["results"]} == {RESULT_COLUMNS}


def test_a_result_has_its_dates(history, report):
    two(history)
    history.compute_pending()
    (row,) = [one for one in report()["results"] if (one["snapshot"], one["name"], one["k"]) == (2, "turnover", 4)]
    assert (row["date"], row["previous_date"], row["value"]) == ("2026-01-31", "2026-01-01", 0.5)


def test_snapshots_of_every_state_are_there_with_their_gate(history, report):
    history.add_snapshot("2026-01-01", descending_rows("abcd"), "partial", reason="stopped")
    history.add_snapshot("2026-01-02", descending_rows("abcd"), "open")
    shown = report()["snapshots"]
    assert [(one["status"], one["reason"]) for one in shown] == [("partial", "stopped"), ("open", None)]
    assert [len(one["gate"]) for one in shown] == [2, 0]
    assert list(shown[0]["gate"][0]) == ["gate", "outcome", "measured", "rule"]


def test_missing_results_are_computed_and_not_stored(history, report, capsys):
    two(history)
    computed = report()["results"]
    assert len(computed) == 54
    assert history.query_results() == []
    history.compute_pending()
    assert report()["results"] == computed


def test_it_says_that_compute_would_keep_them(history, fails):
    two(history)
    code, said = fails()
    assert code == 0
    assert said == "Results of 2 snapshots were computed for this report; `observatory compute` keeps them.\n"


@pytest.mark.fault("D11")
def test_a_raised_version_replaces_what_is_stored(history, report, monkeypatch):
    two(history)
    history.compute_pending()
    monkeypatch.setattr(turnover, "VERSION", turnover.VERSION + 1)
    newer = {row["version"] for row in report()["results"] if row["metric"].startswith("turnover")}
    assert newer == {turnover.VERSION}


def test_it_never_writes(history, report):
    two(history)
    before = hashlib.sha256(history.path.read_bytes()).hexdigest()
    report()
    assert hashlib.sha256(history.path.read_bytes()).hexdigest() == before


def test_the_same_store_gives_the_same_bytes(history, capsys):
    two(history)
    history.compute_pending()
    texts = []
    for _ in range(2):
        main(["--format", "json", "--db", str(history.path)])
        texts.append(capsys.readouterr().out)
    assert texts[0] == texts[1]


def test_the_order_of_importing_does_not_change_the_numbers(history, report):
    history.add_snapshot("2026-01-31", descending_rows("abef"))
    history.add_snapshot("2026-01-01", descending_rows("abcd"))
    late = {(row["date"], row["name"], row["k"]): row["value"] for row in report()["results"]}
    assert late["2026-01-31", "turnover", 4] == 0.5
    assert late["2026-01-01", "turnover", 4] is None


def test_as_of_shows_what_was_known_then(history, report):
    two(history)
    history.add_snapshot("2026-02-28", descending_rows("abgh"))
    made = report("--as-of", "2026-01-31")
    assert made["as_of"] == "2026-01-31"
    assert [one["date"] for one in made["snapshots"]] == ["2026-01-01", "2026-01-31"]
    assert {one["date"] for one in made["movers"]} == {"2026-01-31"}


def test_one_registry_can_be_asked_for(history, report):
    two(history)
    history.add_snapshot("2026-01-01", descending_rows("xyz"), registry=NPM)
    made = report("--registry", "npm")
    assert {row["registry"] for row in [*made["results"], *made["snapshots"]]} == {"npm"}


def test_who_moved_and_why(history, report):
    two(history)
    moved = [(one["change"], one["name"], one["rank"], one["previous_rank"]) for one in report()["movers"]]
    assert moved == [
        ("entered", "e", 3, None), ("entered", "f", 4, None), ("left", "c", None, 3), ("left", "d", None, 4),
    ]  # fmt: skip


def test_movers_are_looked_at_as_deep_as_every_list_goes(history, report):
    two(history)
    history.add_snapshot("2026-01-01", descending_rows("xyz"), registry=NPM)
    assert report()["k"] == 2
    assert report("--k", "4")["k"] == 4


def test_no_list_is_deep_enough(history, report):
    history.add_snapshot("2026-01-01", descending_rows("a"))
    made = report()
    assert (made["k"], made["movers"]) == (None, [])


def test_events_are_counted_by_kind(history, report):
    event = Event("field missing", "warning", "no `likes`")
    history.add_snapshot("2026-01-01", descending_rows("ab"), events=[event, event])
    assert report()["events"] == [
        {"registry": "huggingface/models", "snapshot": 1, "date": "2026-01-01", "kind": "field missing",
         "severity": "warning", "count": 2, "example": "no `likes`"},
    ]  # fmt: skip


@pytest.mark.parametrize("form", ["text", "markdown"])
def test_a_day_before_the_first_list_is_not_told_as_an_empty_store(history, capsys, form):
    two(history)
    assert main(["--as-of", "2019-01-01", "--format", form, "--db", str(history.path)]) == 0
    told = capsys.readouterr().out
    assert "up to 2019-01-01" in told and "The store holds no snapshot of what was asked for" in told


@pytest.mark.fault("D7")
def test_an_empty_store_is_an_empty_document(report):
    made = report()
    assert [made[key] for key in ("results", "snapshots", "movers", "events")] == [[], [], [], []]
    assert len(made["unknown"]) == 1


def test_it_can_be_written_to_a_file(history, tmp_path, fails):
    two(history)
    assert fails("--out", str(tmp_path / "report.txt"))[0] == 0
    assert "huggingface/models" in (tmp_path / "report.txt").read_text("utf-8")


def test_a_folder_that_is_not_there(history, tmp_path, fails):
    two(history)
    code, said = fails("--out", str(tmp_path / "none" / "report.txt"))
    assert code == 1
    assert "cannot be written" in said


def test_a_page_is_written_and_opened(history, tmp_path, monkeypatch, fails):
    two(history)
    opened = []
    monkeypatch.setattr("webbrowser.open", lambda address: opened.append(address) or True)
    monkeypatch.chdir(tmp_path)
    assert fails("--format", "html", "--open")[0] == 0
    assert opened == [(tmp_path / "report.html").as_uri()]
    assert "<svg" in (tmp_path / "report.html").read_text("utf-8")


def test_a_page_that_no_browser_shows_is_still_written(history, tmp_path, monkeypatch, fails):
    two(history)
    monkeypatch.setattr("webbrowser.open", lambda address: False)
    code, said = fails("--format", "html", "--open", "--out", str(tmp_path / "page.html"))
    assert (code, "open the file yourself" in said) == (0, True)


def test_an_interactive_page_has_its_script(history, tmp_path, fails):
    two(history)
    assert fails("--format", "html", "--interactive", "--out", str(tmp_path / "page.html"))[0] == 0
    assert "vegaEmbed(place" in (tmp_path / "page.html").read_text("utf-8")


@pytest.mark.parametrize("word", ["--open", "--interactive"])
def test_what_only_a_page_can_do_is_refused_for_other_formats(history, fails, word):
    code, said = fails("--format", "text", word)
    assert code == 2
    assert "Say --format html too" in said


def test_figures_are_written_beside_the_report(history, tmp_path, fails):
    two(history)
    code, said = fails("--figures", str(tmp_path / "figures"))
    assert code == 0
    assert "snapshots.svg" in {path.name for path in (tmp_path / "figures").iterdir()}
    assert "files of figures were written" in said


@pytest.mark.parametrize(("module", "words"), [("vl_convert", ("--figures", "f")), ("jinja2", ("--format", "html"))])
def test_what_is_not_installed_is_told_with_what_to_install(history, tmp_path, monkeypatch, fails, module, words):
    two(history)
    monkeypatch.chdir(tmp_path)
    for name in [name for name in sys.modules if name.startswith(("analysis.reporting.formats.html", module))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    code, said = fails(*words)
    assert code == 1
    assert "pip install 'hub-observatory[report]'" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("module", ["analysis.__main__", "analysis.report"])
def test_help_waits_for_nothing_heavy(module):
    heavy = "{'pandas', 'numpy', 'scipy', 'sqlite_utils', 'rich'} & set(sys.modules)"
    code = f"import sys, {module}; {module}.make_parser().format_help(); print({heavy})"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


def test_a_format_is_a_file_of_the_folder():
    assert "one of html, json, markdown, text" in make_parser().format_help()


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (("--format", "jsno"), "Did you mean json?"),
        (("--registry", "huggingface/model"), "Did you mean huggingface/models?"),
        (("--k", "3"), "Use one of 2, 4"),
        (("--as-of", "July"), "is not a date"),
    ],
)
def test_a_wrong_word_is_told_with_what_would_be_right(history, fails, words, meant):
    two(history)
    code, said = fails(*words)
    assert code == 2
    assert meant in said


def test_a_reversal_ends_with_one_only_if_that_is_asked_for(history, capsys, monkeypatch):
    two(history)
    monkeypatch.setattr(
        "analysis.reporting.document.judge_claims", lambda results: [{"claim": "C9", "verdict": "reversed"}]
    )
    words = ["--db", str(history.path), "--format", "json"]
    assert main(words) == 0
    assert main([*words, "--fail-on-reversal"]) == 1
    assert "reversed: C9" in capsys.readouterr().err
