"""The log of the daemon on stderr: JSON for a program, text for a person. The system rotates it.

A thread of its own writes the lines. So a full disk, a closed pipe or a reader that reads no more costs lines of the
log, and never stops the daemon. The log reports how many lines were lost as soon as it can be written again.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from queue import Full, Queue
from threading import Thread

from db.cli import escape_control_characters, isoformat_utc
from schedules.log_redaction import redact, secret_values

MAX_WAITING_LINES = 2000
CLOSE_SECONDS = 1.0


class DaemonLog:
    """One line for each event, without secrets and addresses of people."""

    def __init__(self, line_format: str, descriptor: int = 2) -> None:
        self._format = line_format
        self._secrets = secret_values(os.environ)
        self._lines = LineWriter(descriptor, lambda lost: self._line("log lines lost", lost))

    def write(self, event: str, **fields: object) -> None:
        """Write one line. It never waits and never fails."""
        self._lines.put(self._line(event, fields))

    def close(self) -> None:
        """Write the waiting lines. If that takes too long, let them go, and what would be printed after them."""
        if not self._lines.close(CLOSE_SECONDS):
            self._lines.redirect_to_nothing()

    def format_json(self, event: str, fields: Mapping[str, object]) -> str:
        """Return one event as JSON."""
        content = {"at": isoformat_utc(int(time.time())), "event": event, **fields}
        return redact(json.dumps(content, default=str), self._secrets)

    def _line(self, event: str, fields: Mapping[str, object]) -> str:
        return self.format_json(event, fields) if self._format == "json" else self._format_text(event, fields)

    def _format_text(self, event: str, fields: Mapping[str, object]) -> str:
        pairs = "  ".join(f"{name} {value}" for name, value in fields.items())
        line = f"{isoformat_utc(int(time.time()))}  {event}  {pairs}".rstrip()
        return escape_control_characters(redact(line, self._secrets))


class LineWriter:
    """A thread that writes lines to a descriptor. A line that cannot be written, or has no room to wait, is lost."""

    def __init__(self, descriptor: int, describe_loss: Callable[[Mapping[str, object]], str]) -> None:
        self._descriptor, self._describe_loss = descriptor, describe_loss
        self._waiting: Queue[str | None] = Queue(MAX_WAITING_LINES)  # None ends the thread
        self._without_room = self._unwritten = self._reported = 0  # the first is counted by the caller's thread
        self._is_cut = False
        self._thread = Thread(target=self._write_lines, daemon=True)
        self._thread.start()

    def put(self, line: str) -> None:
        """Let a line be written."""
        try:
            self._waiting.put_nowait(line)
        except Full:
            self._without_room += 1

    def close(self, seconds: float) -> bool:
        """End the thread after the waiting lines, and return whether it ended in time."""
        with suppress(Full):
            self._waiting.put(None, timeout=seconds)
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def redirect_to_nothing(self) -> None:
        """Let everything that this process still writes to the descriptor vanish, because it would wait for ever."""
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._descriptor)

    def _write_lines(self) -> None:
        while (line := self._waiting.get()) is not None:
            lost = self._without_room + self._unwritten - self._reported
            if lost and self._write(self._describe_loss({"lines": lost})):
                self._reported += lost
            if not self._write(line):
                self._unwritten += 1

    def _write(self, line: str) -> bool:
        """Write one line, and return whether it was written whole. A line that was cut off is ended first."""
        content = (("\n" if self._is_cut else "") + line + "\n").encode("utf-8", "backslashreplace")
        remaining = len(content)
        try:
            while remaining:
                remaining -= os.write(self._descriptor, content[-remaining:])
        except OSError:
            self._is_cut = self._is_cut or remaining < len(content)
            return False
        self._is_cut = False
        return True
