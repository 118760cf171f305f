"""A command is waited for until it has ended, whatever it does with its output, and its error is what is reported."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable

import pytest

from db.reasons import ReasonPipe
from schedules import child_process
from schedules.child_process import ChildProcess, ParsedCommand, error_message, parse_commands


async def run_child(code: str, log_line: Callable[[str], None]) -> int:
    """Return the exit code of a child that runs some Python, within ten seconds."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    )
    reason_pipe = ReasonPipe()
    reason_pipe.close_descriptor()
    child = ChildProcess(process, reason_pipe, log_line)
    try:
        return await asyncio.wait_for(child.wait(), 10)
    finally:
        child.stop(kill=True)
        await process.wait()


@pytest.mark.fault("A21")
def test_output_that_a_command_leaves_open_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_process, "OUTPUT_SECONDS", 0.2)
    code = "import subprocess, sys; print('done', flush=True); subprocess.Popen(['sleep', '50']); sys.exit(4)"
    lines: list[str] = []
    assert asyncio.run(run_child(code, lines.append)) == 4
    assert lines == ["done"]


@pytest.mark.fault("A21")
def test_an_error_in_what_reads_the_output_is_raised_and_ends_the_command() -> None:
    def fail(line: str) -> None:
        raise ZeroDivisionError(line)

    with pytest.raises(ZeroDivisionError):
        asyncio.run(run_child("import time; print(1, flush=True); time.sleep(50)", fail))


@pytest.mark.fault("A21")
def test_lines_without_an_end_and_without_text_are_read() -> None:
    lines: list[str] = []
    code = r"import sys; sys.stdout.buffer.write(b'x' * 5_000_000 + b'\xff\0\n\n\nlast')"
    assert asyncio.run(run_child(code, lines.append)) == 0
    assert lines[-1] == "last" and all(len(line) <= child_process.MAX_LINE_BYTES for line in lines)


def test_a_command_that_closes_its_output_early_is_waited_for() -> None:
    code = "import os, sys, time; os.close(1); os.close(2); time.sleep(0.3); os._exit(5)"
    assert asyncio.run(run_child(code, print)) == 5


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["page 1", "error: npm failed.", "  why  It answered 503.", "  more docs/guest.md"],
         "npm failed. It answered 503."),
        (["error: first.", "error: second.", "  fix  Do it."], "second."),
        (["error: Faults.", "  why  a: no run", "       b: no run", "  fix  x"], "Faults. a: no run"),
        (["only progress"], "only progress"),
        ([], None),
    ],
)  # fmt: skip
def test_the_message_of_a_failure_is_the_error_and_not_the_last_line_of_its_help(
    lines: list[str], message: str | None
) -> None:
    assert error_message(lines) == message


def test_command_lines_are_read_by_the_parsers_of_their_commands() -> None:
    parsed, complaint, bare = parse_commands(
        [
            ["crawl", "snapshot", "--to=20", "--", "PyPI"],
            ["crawl", "snapshot", "npm", "--top", "none"],
            ["compute", "--help"],
        ]
    )
    assert isinstance(parsed, ParsedCommand) and parsed.function == "crawler.commands.snapshot.run_snapshot"
    assert parsed.options.items() >= {"registries": ["PyPI"], "top": 20, "full": False, "by": None}.items()
    assert "above zero" in str(complaint)
    assert bare == ParsedCommand("", {})
    assert parse_commands([]) == []


def test_each_command_line_has_the_complaint_of_a_process_that_cannot_parse_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("schedules.child_process.PARSE_COMMAND", [sys.executable, "-c", "raise SystemExit(7)"])
    assert parse_commands([["compute"], ["score"]]) == ["ended with 7", "ended with 7"]
