"""One word, one module; a wrong word is told which was meant."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from schedules.cli import COMMANDS, format_overview, main

ROOT = Path(__file__).resolve().parents[2]


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "schedules.cli", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("word", COMMANDS)
def test_every_word_has_help_that_names_it(word: str) -> None:
    done = run(word, "--help")
    assert done.returncode == 0
    assert done.stdout.startswith(f"usage: observatory {word}")


def test_a_word_that_is_none_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reprot"]) == 2
    assert "Did you mean report?" in capsys.readouterr().err


def test_no_word_shows_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert main(["--help"]) == 0
    assert capsys.readouterr().out == format_overview() + "\n" + format_overview() + "\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("crawl", "snapshto", "npm"), "Did you mean snapshot?"),
        (("crawl", "snapshot", "npm", "--tpo", "5"), "Did you mean --top?"),
        (("crawl", "snapshot", "npm", "--top", "0"), "above zero"),
        (("crawl", "import", "csv", "x", "--registry", "npm", "--date", "12-31-2022"), "2022-02-15"),
        (("crawl", "snapshot"), "REGISTRY"),
        (("crawl", "snapshot", "npm", "--share", "2"), "above 0"),
        (("report", "--format", "jsno"), "Did you mean json?"),
        (("report", "--as-of", "yesterday"), "2022-02-15"),
    ],
)
def test_a_wrong_word_or_value_ends_with_two_and_says_what_is_right(words: tuple[str, ...], said: str) -> None:
    done = run(*words)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_store_that_is_not_there_is_told_in_four_parts(tmp_path: Path) -> None:
    done = run("report", "--db", str(tmp_path / "none.db"))
    assert done.returncode == 1
    assert [line.split()[0] for line in done.stderr.splitlines()] == ["error:", "why", "fix", "more"]
