"""The command `observatory`: one module for each command, and a suggestion for a wrong word."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from schedules.cli import format_overview, main
from schedules.commands import COMMANDS

ROOT = Path(__file__).resolve().parents[2]


def run_cli(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "schedules.cli", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_every_command_names_it(command: str) -> None:
    completed = run_cli(command, "--help")
    assert completed.returncode == 0
    assert completed.stdout.startswith(f"usage: observatory {command}")


def test_an_unknown_command_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reprot"]) == 2
    assert "Did you mean report?" in capsys.readouterr().err


def test_without_a_command_the_overview_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert main(["--help"]) == 0
    assert capsys.readouterr().out == format_overview() + "\n" + format_overview() + "\n"


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("crawl", "snapshto", "npm"), "Did you mean snapshot?"),
        (("crawl", "snapshot", "npm", "--tpo", "5"), "Did you mean --top?"),
        (("crawl", "snapshot", "npm", "--top", "0"), "above zero"),
        (("crawl", "import", "csv", "x", "--registry", "npm", "--date", "12-31-2022"), "2022-02-15"),
        (("crawl", "snapshot"), "REGISTRY"),
        (("crawl", "snapshot", "npm", "--quota-share", "2"), "above 0"),
        (("report", "--format", "jsno"), "Did you mean json?"),
        (("schedule", "run", "--prometheus", "80000"), "is not a port"),
        (("report", "--as-of", "yesterday"), "2022-02-15"),
    ],
)
def test_a_wrong_command_or_value_exits_with_two_and_shows_what_is_right(words: tuple[str, ...], part: str) -> None:
    completed = run_cli(*words)
    assert completed.returncode == 2
    assert part in completed.stderr
    assert "Traceback" not in completed.stderr


def test_a_missing_store_is_reported_in_four_parts(tmp_path: Path) -> None:
    completed = run_cli("report", "--db", str(tmp_path / "none.db"))
    assert completed.returncode == 1
    assert [line.split()[0] for line in completed.stderr.splitlines()] == ["error:", "why", "fix", "more"]


@pytest.mark.parametrize(("words", "code"), [("schedule --debug run", 0), ("schedule status", -1)])
@pytest.mark.fault("A13")
def test_a_hangup_before_the_daemon_is_imported_does_not_end_it(words: str, code: int) -> None:
    lines = (
        "import os, signal, sys, schedules.cli as cli",
        "signal.signal(signal.SIGHUP, signal.SIG_DFL)",  # whoever runs the tests may ignore it
        "cli._run_words = lambda words: os.kill(os.getpid(), signal.SIGHUP) or 0",
        f"sys.exit(cli.main({words.split()}))",
    )
    assert subprocess.run([sys.executable, "-c", "\n".join(lines)], cwd=ROOT, check=False).returncode == code
