"""Start one of our commands, the same line a person types, in a process that ends with this one."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from db.cli import PARSE_ONLY
from schedules.log_redaction import redact, secret_values

MAX_LINE_BYTES = 2000
OBSERVATORY_COMMAND = [sys.executable, "-m", "schedules.cli"]
FAILURE_SIGNS = {  # what a command says of a trouble that passes, in its own words
    "disk full": ("disk is full", "No space left", "database or disk is full"),
    "rate limited": ("asks us to wait", "answered 429"),
    "offline": ("No answer from", "no network"),
    "another writer": ("is writing to", "program holds the file"),
}


class ChildProcess:
    """A running command. What it says to people is passed on line by line, without secrets."""

    def __init__(self, process: asyncio.subprocess.Process, say: Callable[[str], None]) -> None:
        self._process = process
        self._log_line = say
        self._secrets = secret_values(os.environ)
        self.lines: list[str] = []

    @classmethod
    async def start(cls, arguments: Sequence[str], store: Path, log_line: Callable[[str], None]) -> ChildProcess:
        """Start `observatory` with these words on a store."""
        process = await asyncio.create_subprocess_exec(
            *OBSERVATORY_COMMAND, *arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**os.environ, "OBSERVATORY_DB": str(store), "PYTHONUNBUFFERED": "1"}, limit=2**20,
            start_new_session=True, preexec_fn=die_with_parent(),
        )  # fmt: skip
        return cls(process, log_line)

    async def wait(self) -> int:
        """Wait for its end; its exit code."""
        assert self._process.stdout
        while True:
            try:
                line = await self._process.stdout.readline()
            except ValueError:  # a line longer than any limit: what is left of it comes next
                continue
            if not line:
                break
            text = redact(line[:MAX_LINE_BYTES].decode("utf-8", "replace").rstrip(), self._secrets)
            if text:
                self.lines = [*self.lines[-19:], text]
                self._log_line(text)
        return await self._process.wait()

    def stop(self, kill: bool = False) -> None:
        """Ask it to end at its page; or end it now."""
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)

    @property
    def pid(self) -> int:
        """The number of its process."""
        return self._process.pid


def die_with_parent() -> Callable[[], None] | None:
    """Linux: what a child does first, so that it is killed when this process ends, however that happens."""
    if sys.platform != "linux":
        return None
    prctl, parent = ctypes.CDLL(None).prctl, os.getpid()

    def bind() -> None:
        prctl(1, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    return bind


def failure_reason(code: int, lines: Sequence[str]) -> str | None:
    """Why a command did not end well, if it is one of the reasons that pass (pure).

    >>> failure_reason(1, ["error: No answer from hub.example."])
    'offline'
    """
    if code == 0:
        return None
    if code < 0:
        return "killed"
    said = "\n".join(lines)
    return next((reason for reason, signs in FAILURE_SIGNS.items() if any(sign in said for sign in signs)), None)


def validate_command(arguments: Sequence[str]) -> str | None:
    """What the command itself finds wrong with a line; None if it could be run. Nothing is done."""
    done = subprocess.run(
        [*OBSERVATORY_COMMAND, *arguments], env={**os.environ, PARSE_ONLY: "1"}, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    if done.returncode == 0:
        return None
    lines = [line.strip() for line in done.stderr.strip().splitlines()]
    said = [
        line.removeprefix("error: ").removeprefix("why").strip() for line in lines if line.startswith(("error:", "why"))
    ]
    return " ".join(said) or (lines[-1] if lines else f"ended with {done.returncode}")
