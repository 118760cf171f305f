"""The `--on-event` command: it gets one event at a time, in the order of the events.

Events wait while the command runs. Gaps of one schedule for one reason wait as one event. When many events wait, those
of one kind become one event too. So the queue has a bound, and each event is in what the command gets.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress

from schedules.log import DaemonLog

HOOK_SECONDS = 60
MAX_SINGLE_EVENTS = 100  # waiting, after which events of one kind become one
KIND_FIELDS = ("schedule", "outcome", "reason", "registry", "kind", "severity")

Fields = Mapping[str, object]


class EventHook:
    """The command, and the events that wait for it."""

    def __init__(self, command: str, log: DaemonLog) -> None:
        self._command, self._log = command, log
        self._waiting: dict[tuple[object, ...], tuple[str, Fields]] = {}
        self._number = 0
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    def offer(self, event: str, fields: Fields) -> None:
        """Let an event wait for the command, as one with an earlier event of its kind if there is one to join."""
        self._number += 1
        is_joined = fields.get("outcome") == "gap" or len(self._waiting) >= MAX_SINGLE_EVENTS
        key = (event, *(fields.get(name) for name in KIND_FIELDS)) if is_joined else (self._number,)
        earlier = self._waiting.get(key)
        self._waiting[key] = (event, join_events(earlier[1], fields) if earlier else fields)
        self._idle.clear()
        self._wake.set()

    async def run(self) -> None:
        """Pass the events to the command, one after another, until this task is cancelled."""
        while True:
            await self._wake.wait()
            while self._waiting:
                await self._pass(*self._waiting.pop(next(iter(self._waiting))))
            self._wake.clear()
            self._idle.set()

    async def wait_until_idle(self, seconds: float) -> None:
        """Wait until every event was passed, and no longer than some seconds. Log the events that were not."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), seconds)
        for event, fields in self._waiting.values():
            self._log.write("hook not run", of=event, **{**fields, "why": "the daemon was stopped"})

    def stop_waiting(self) -> None:
        """Let the events that still wait go."""
        self._idle.set()

    async def _pass(self, event: str, fields: Fields) -> None:
        """Pass one event as a line of JSON on stdin. A command that fails is logged, and not run again."""
        line = self._log.format_json(event, fields).encode("utf-8") + b"\n"
        try:
            process = await asyncio.create_subprocess_shell(
                self._command, stdin=subprocess.PIPE, start_new_session=True
            )
        except (OSError, RuntimeError, subprocess.SubprocessError) as error:  # no process, or no thread to wait for it
            self._log.write("hook failed", why=str(error))
            return
        try:
            await asyncio.wait_for(process.communicate(line), HOOK_SECONDS)
        except (OSError, TimeoutError) as error:
            self._log.write("hook failed", why=str(error) or "it took too long")
        else:
            if process.returncode:
                self._log.write("hook failed", why=f"it ended with {process.returncode}")
        finally:
            if process.returncode is None:  # the shell has started others: they end with it
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)


def join_events(earlier: Fields, later: Fields) -> dict[str, object]:
    """Return two events of one kind as one: the fields of the later one, the first moment, and their number (pure).

    >>> join_events({"schedule": "top", "due_at": 1}, {"schedule": "top", "due_at": 2})
    {'schedule': 'top', 'due_at': 2, 'count': 2, 'first_due_at': 1}
    """
    counts = [fields.get("count", 1) for fields in (earlier, later)]
    joined = {**earlier, **later, "count": sum(count for count in counts if isinstance(count, int))}
    first = earlier.get("first_due_at", earlier.get("due_at"))
    return joined if first is None else joined | {"first_due_at": first}
