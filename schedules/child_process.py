"""A command of `observatory` in a process of its own, which ends with this process."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from db.cli import PARSE_ONLY
from db.process import die_with_parent
from db.reasons import REASON_PIPE, FailureReason, ReasonPipe
from schedules.log_redaction import redact, secret_values

MAX_LINE_BYTES = 2000
READ_LIMIT = 2**20  # bytes of one line that asyncio buffers
MAX_LINES = 20  # the newest lines, which tell what went wrong
OBSERVATORY_COMMAND = [sys.executable, "-m", "schedules.cli"]


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
        """Wait for the end of the command, and return its exit code."""
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
        return await self._process.wait()

    def stop(self, kill: bool = False) -> None:
        """Ask the command to end after its page, or kill it."""
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid


def failure_reason(code: int, reason: FailureReason | None) -> str | None:
    """Return the reason of a failure, if it is one that passes (pure). `reason` is the one that the command gave.

    >>> failure_reason(1, FailureReason.OFFLINE), failure_reason(-9, None), failure_reason(0, FailureReason.OFFLINE)
    ('offline', 'killed', None)
    """
    if code == 0:
        return None
    return "killed" if code < 0 else str(reason) if reason else None


def validate_command(arguments: Sequence[str]) -> str | None:
    """Let a command parse its arguments without running, and return its complaint, or None."""
    parsed = subprocess.run(
        [*OBSERVATORY_COMMAND, *arguments], env={**os.environ, PARSE_ONLY: "1"}, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if parsed.returncode == 0:
        return None
    lines = [line.strip() for line in parsed.stderr.strip().splitlines()]
    complaints = [
        line.removeprefix("error: ").removeprefix("why").strip() for line in lines if line.startswith(("error:", "why"))
    ]
    return " ".join(complaints) or (lines[-1] if lines else f"ended with {parsed.returncode}")
