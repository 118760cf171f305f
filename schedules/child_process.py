"""A command of `observatory` in a process of its own, which ends with this process."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from db.cli import PARSE_ONLY
from db.process import die_with_parent
from db.reasons import REASON_PIPE, FailureReason, ReasonPipe
from schedules.log_redaction import redact, secret_values

MAX_LINE_BYTES = 2000
READ_LIMIT = 2**20  # bytes of one line that asyncio buffers
MAX_LINES = 20  # the newest lines, among which is the error
POLL_SECONDS = 0.2
OUTPUT_SECONDS = 3  # for which the output of a command that has ended may stay open
OBSERVATORY_COMMAND = [sys.executable, "-m", "schedules.cli"]
PARSE_COMMAND = [sys.executable, "-m", "schedules.parse_only"]


class ChildProcess:
    """A running command. The lines that it prints are logged without secrets."""

    def __init__(
        self, process: asyncio.subprocess.Process, reason_pipe: ReasonPipe, log_line: Callable[[str], None]
    ) -> None:
        self._process = process
        self._reason_pipe = reason_pipe
        self._log_line = log_line
        self._secrets = secret_values(os.environ)
        self.lines: list[str] = []

    @classmethod
    async def start(cls, arguments: Sequence[str], store: Path, log_line: Callable[[str], None]) -> ChildProcess:
        """Start `observatory` with these arguments on a store.

        Raises:
            OSError: the system has no process or no pipe to give.
        """
        reason_pipe = ReasonPipe()
        try:
            process = await cls._start_process(arguments, store, reason_pipe)
        except OSError:
            reason_pipe.read()
            raise
        finally:
            reason_pipe.close_descriptor()
        return cls(process, reason_pipe, log_line)

    @staticmethod
    async def _start_process(
        arguments: Sequence[str], store: Path, reason_pipe: ReasonPipe
    ) -> asyncio.subprocess.Process:
        variables = {"OBSERVATORY_DB": str(store), "PYTHONUNBUFFERED": "1", REASON_PIPE: reason_pipe.variable}
        return await asyncio.create_subprocess_exec(
            *OBSERVATORY_COMMAND,
            *arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **variables},
            pass_fds=(reason_pipe.descriptor,),
            limit=READ_LIMIT,
            start_new_session=True,
            preexec_fn=die_with_parent(),
        )

    def read_reason(self) -> FailureReason | None:
        """Return the reason that a command which has ended gave for its failure. It can be read once."""
        return self._reason_pipe.read()

    async def wait(self) -> int:
        """Wait for the end of the command, and return its exit code.

        The output may stay open longer, in the hands of a process that the command has started. It is not waited for.
        """
        reading, ending = asyncio.create_task(self._read_output()), asyncio.create_task(self._poll_for_end())
        try:
            await asyncio.wait({reading, ending}, return_when=asyncio.FIRST_COMPLETED)
            if reading.done():
                reading.result()  # raises what went wrong while reading
                return await self._process.wait()
            await asyncio.wait({reading}, timeout=OUTPUT_SECONDS)
            return await ending
        finally:
            if not reading.done() or self._process.returncode is None:
                self._end_group()
            for task in (reading, ending):
                task.cancel()

    async def _poll_for_end(self) -> int:
        """Return the exit code as soon as there is one. asyncio's own `wait` waits for the end of the output too."""
        while self._process.returncode is None:
            await asyncio.sleep(POLL_SECONDS)
        return self._process.returncode

    async def _read_output(self) -> None:
        assert self._process.stdout
        while True:
            try:
                line = await self._process.stdout.readline()
            except ValueError:  # the line is longer than READ_LIMIT: its rest comes next
                continue
            if not line:
                break
            text = redact(line[:MAX_LINE_BYTES].decode("utf-8", "replace").rstrip(), self._secrets)
            if text:
                self.lines = [*self.lines, text][-MAX_LINES:]
                self._log_line(text)

    def stop(self, kill: bool = False) -> None:
        """Ask the command to end after its page, or kill it with the processes that it started."""
        if self._process.returncode is None and kill:
            self._end_group()
        elif self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)

    def _end_group(self) -> None:
        """Kill the command and the processes that it started, and close the pipe of a command that has ended."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        if self._process.returncode is not None:
            self._process._transport.close()  # type: ignore[attr-defined]

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid


def failure_reason(code: int, reason: FailureReason | None) -> str | None:
    """Return the reason of a failure, if it is one that passes (pure). `reason` is the one that the command gave.

    >>> failure_reason(1, FailureReason.OFFLINE), failure_reason(-9, None), failure_reason(0, FailureReason.OFFLINE)
    ('offline', 'killed', None)
    """
    if code < 0:
        return "killed"
    return str(reason) if code and reason else None


def error_message(lines: Sequence[str]) -> str | None:
    """Return the error that a command printed and its cause, or else its last line (pure).

    >>> error_message(["page 1", "error: npm cannot be read.", "  why  It answered 503.", "  more docs/guest.md"])
    'npm cannot be read. It answered 503.'
    """
    starts = [number for number, line in enumerate(lines) if line.startswith("error: ")]
    if not starts:
        return lines[-1] if lines else None
    message, *rest = lines[starts[-1] :]
    causes = [line.strip().removeprefix("why").strip() for line in rest if line.startswith("  why ")]
    return " ".join([message.removeprefix("error: "), *causes[:1]])


class ParsedCommand(NamedTuple):
    """A command line as the command itself reads it: the function that would run, and its options."""

    function: str
    options: dict[str, Any]


def parse_commands(lines: Sequence[Sequence[str]]) -> list[ParsedCommand | str]:
    """Let commands parse their arguments without running, and return what each read, or its complaint.

    One process parses all lines, because most of the time goes into its start.
    """
    if not lines:
        return []
    parsing = subprocess.run(
        PARSE_COMMAND, input=json.dumps(lines), env={**os.environ, PARSE_ONLY: "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if parsing.returncode == 0:
        return [_parsed_command(**result) for result in json.loads(parsing.stdout)]
    complaint = error_message(parsing.stderr.rstrip().splitlines()) or f"ended with {parsing.returncode}"
    return [complaint] * len(lines)


def _parsed_command(code: int, stdout: str, stderr: str) -> ParsedCommand | str:
    """Return what a command read, or its complaint (pure)."""
    if code == 0:
        with suppress(ValueError):
            return ParsedCommand(**json.loads(stdout))
        return ParsedCommand("", {})  # such as `--help`
    return error_message(stderr.rstrip().splitlines()) or f"ended with {code}"
