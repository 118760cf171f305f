"""A report at a terminal: through the pager and with colour, and in a pipe plain."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from analysis.terminal import allows_colour, choose_pager
from tests.analysis.conftest import History, descending_rows


class FakeStream:
    """A stream that is a terminal or not."""

    def __init__(self, is_terminal: bool) -> None:
        self.is_terminal = is_terminal

    def isatty(self) -> bool:
        return self.is_terminal


@pytest.mark.parametrize(
    ("is_terminal", "environment", "is_coloured"),
    [(True, {}, True), (False, {}, False), (True, {"NO_COLOR": "1"}, False), (True, {"TERM": "dumb"}, False)],
)
def test_colour_needs_a_terminal_and_no_refusal(
    is_terminal: bool, environment: dict[str, str], is_coloured: bool
) -> None:
    assert allows_colour(FakeStream(is_terminal), environment) is is_coloured


def test_the_pager_is_that_of_the_environment_and_none_in_a_pipe() -> None:
    assert choose_pager(FakeStream(True), {}) == ["less", "-FRX"]
    assert choose_pager(FakeStream(True), {"PAGER": "more -s"}) == ["more", "-s"]
    assert choose_pager(FakeStream(False), {"PAGER": "more"}) == []


def test_a_pager_that_cannot_be_read_as_a_command_is_no_pager() -> None:
    assert choose_pager(FakeStream(True), {"PAGER": 'less "'}) == []


def test_an_interrupt_is_for_the_pager_and_does_not_end_it() -> None:
    """The parent waits until the pager ends, and is interruptible again afterwards."""
    code = (
        "import os, signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"  # a shell may ignore it
        " sys.stdout.isatty = lambda: True; from analysis.terminal import show_text; show_text('x', True);"
        " os.kill(os.getpid(), signal.SIGINT)"
    )
    pager = "sh -c 'trap \"\" INT; read line; kill -INT $PPID; sleep 0.1; echo $line; echo ended'"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PAGER": pager}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout == "x\nended\n"
    assert done.stderr.endswith("KeyboardInterrupt\n")


def run_at_terminal(path: Path, *words: str, module: str = "analysis.report", **variables: str) -> str:
    """Run a command with a terminal as its stdout, and return what the terminal receives."""
    terminal, stdout = pty.openpty()
    environment = {**os.environ, "COLUMNS": "80", "TERM": "xterm", **variables}
    command = [sys.executable, "-m", module, "--db", str(path), *words]
    with subprocess.Popen(command, stdout=stdout, stderr=subprocess.DEVNULL, env=environment) as process:
        os.close(stdout)
        chunks = []
        while chunk := _read(terminal):
            chunks.append(chunk)
    os.close(terminal)
    assert process.returncode == 0
    return b"".join(chunks).decode("utf-8")


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:  # Linux says so when the other end is closed
        return b""


def test_at_a_terminal_the_report_goes_through_the_pager_in_colour(history: History) -> None:
    history.add_snapshot("2026-01-01", descending_rows("ab"))
    paged = run_at_terminal(history.path, PAGER="sed s/^/paged:/")
    assert "paged:\x1b[1mHugging Face · 2026-01-01" in paged
    plain = run_at_terminal(history.path, "--no-pager", PAGER="sed s/^/paged:/", NO_COLOR="1")
    assert plain.startswith("Hugging Face · 2026-01-01") and "\x1b" not in plain
    assert "Hugging Face" in run_at_terminal(history.path, PAGER="no-such-pager")


def test_at_a_terminal_the_lines_of_a_score_are_broken_at_words(tmp_path: Path) -> None:
    card = tmp_path / "README.md"
    card.write_text("# A\n\n" + "This model turns text into vectors for search, in many languages. " * 4)
    lines = run_at_terminal(tmp_path / "none.db", str(card), module="analysis.scoring").splitlines()
    assert 60 < max(map(len, lines)) <= 80
