"""The daemon: start each command when it is due, and record how it ended.

The planner decides, and each command runs in a process of its own. A decision is in the journal, and flushed, before
the daemon acts on it.

The loop wakes for the next moment of a schedule, and every few seconds at least: to write its heartbeat, and to notice
that a clock was set or that the machine was suspended. So it needs no other scheduler (see `timetable.py`).
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from db import ObservatoryError
from db.cli import DONE, isoformat_utc
from db.maintenance.check import LARGE_WAL
from db.maintenance.migrations import apply_pending_migrations, migration_states
from db.ticks import Tick, append_ticks, flush_journal, load_schedule_state, to_json
from schedules.child_process import ChildProcess, failure_reason
from schedules.clock import ClockReading, is_clock_jump, is_suspend
from schedules.config import Schedule, ScheduleError
from schedules.log import DaemonLog
from schedules.log_redaction import redact_tick, secret_values
from schedules.planner import FIRST_RETRY_SECONDS, Planner
from schedules.quality_events import list_new_events, newest_event_id
from schedules.systemd import heartbeat_seconds, notify

MAX_STOP_SECONDS = 9.0  # after which a command that was asked to stop is killed
MIN_FREE_BYTES = 100 * 2**20
HOOK_TIMEOUT = 60
REPORTED_OUTCOMES = ("partial", "failed", "gap")
MIN_POLL_SECONDS, MAX_POLL_SECONDS = 0.02, 5.0


@dataclass(frozen=True)
class DaemonOptions:
    """Options of a daemon: the hook for events, the pause before a retry, and the free space a command needs."""

    on_event: str | None = None
    first_retry_seconds: int = FIRST_RETRY_SECONDS
    min_free_bytes: int = MIN_FREE_BYTES


class Daemon:
    """The daemon of one store. `load_schedules` is called at the start and after each SIGHUP."""

    def __init__(
        self, store: Path, load_schedules: Callable[[], dict[str, Schedule]], log: DaemonLog, options: DaemonOptions
    ) -> None:
        self._store, self._load_schedules, self._log, self._options = store, load_schedules, log, options
        self._schedules = load_schedules()
        self._planner = Planner({}, {})
        self._wake = asyncio.Event()
        self._child: ChildProcess | None = None
        self._stopping = False
        self._clocks = ClockReading.read()
        self._tasks: set[asyncio.Task[None]] = set()
        self._last_event_id = 0
        self._secrets = secret_values(os.environ)

    async def run(self) -> int:
        """Run until asked to stop, and return the exit code."""
        self._migrate_store()
        self._flush_journal()
        state = load_schedule_state(self._store)
        self._last_event_id = newest_event_id(self._store)
        self._planner = Planner(
            self._schedules, state.decided_until, state.unfinished, self._options.first_retry_seconds
        )
        unclean = any(tick.outcome == "started" for tick in state.unfinished)
        self._log.write("started", store=str(self._store), schedules=len(self._schedules), unclean=unclean)
        self._record_ticks(self._planner.resume(self._now()))
        self._listen()
        notify("READY=1")
        try:
            await self._loop()
        finally:
            notify("STOPPING=1")
            self._flush_journal()
            self._ignore_signals()
            self._log.write("stopped")
        return DONE

    def _migrate_store(self) -> None:
        """Apply the migrations that a newer version of the program brought, before anything is read."""
        if self._store.exists() and any(state == "pending" for _, state in migration_states(self._store)):
            self._log.write("migrated", migrations=", ".join(apply_pending_migrations(self._store)))

    def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._request_stop)
        loop.add_signal_handler(signal.SIGHUP, self._reload_schedules)

    def _ignore_signals(self) -> None:
        """Ignore signals from now on. Everything is recorded, so a signal would only change the exit code."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            asyncio.get_running_loop().remove_signal_handler(number)
            signal.signal(number, signal.SIG_IGN)

    async def _loop(self) -> None:
        heartbeat = heartbeat_seconds()
        while not self._stopping:
            self._update_planner()
            tick = self._planner.next_tick(self._now())
            if tick is not None and self._has_free_space(tick):
                await self._start_command(tick)
            self._write_heartbeat()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), min(heartbeat, self._poll_seconds()))
            self._wake.clear()
        await self._wait_for_stop()

    def _poll_seconds(self) -> float:
        """Return the time until the next moment or retry, within bounds."""
        instant = self._planner.next_change()
        remaining = MAX_POLL_SECONDS if instant is None else instant - time.time()
        return max(MIN_POLL_SECONDS, min(MAX_POLL_SECONDS, remaining))

    def _update_planner(self) -> None:
        """Decide the moments up to now. Tell a clock that was set from a machine that was suspended."""
        before, self._clocks = self._clocks, ClockReading.read()
        clock_was_set = is_clock_jump(before, self._clocks)
        if clock_was_set or is_suspend(before, self._clocks):
            seconds = round(self._clocks.wall - before.wall)
            self._log.write("clock", happened="set" if clock_was_set else "asleep", seconds=seconds)
        self._record_ticks(self._planner.update(self._now(), "clock untrusted" if clock_was_set else "off"))

    def _has_free_space(self, tick: Tick) -> bool:
        """Return whether the disk has room for a command. If not, defer its tick."""
        free = shutil.disk_usage(self._store.parent).free
        needed = self._options.min_free_bytes
        if self._planner.schedules[tick.schedule].arguments[:2] == ["store", "backup"] and self._store.exists():
            needed += self._store.stat().st_size
        if free >= needed:
            return True
        self._record_ticks(self._planner.defer(tick, "disk full", self._now()))
        self._log.write("disk full", schedule=tick.schedule, free=free, wanted=needed)
        return False

    async def _start_command(self, tick: Tick) -> None:
        self._flush_journal()
        self._record_ticks([self._planner.start(tick, self._now())])
        arguments = self._planner.schedules[tick.schedule].arguments
        try:
            self._child = await ChildProcess.start(
                arguments, self._store, lambda line: self._log.write("output", schedule=tick.schedule, line=line)
            )
        except OSError as error:  # the system has no process to give
            self._record_ticks(self._planner.finish(1, self._now(), None, str(error)))
            return
        due_at = isoformat_utc(tick.due_at)
        self._log.write("command started", schedule=tick.schedule, due_at=due_at, pid=self._child.pid)
        self._keep_task(asyncio.create_task(self._wait_for_child(self._child)))

    async def _wait_for_child(self, child: ChildProcess) -> None:
        """Wait for the end of a command, and record the outcome of its tick."""
        code = await child.wait()
        reason = failure_reason(code, child.read_reason())
        reason = "stopped" if self._stopping and code != DONE else reason
        last_line = child.lines[-1] if child.lines and code != DONE else None
        self._child = None
        self._record_ticks(self._planner.finish(code, self._now(), reason, last_line))
        self._flush_journal()
        self._report_quality_events()
        self._wake.set()

    async def _wait_for_stop(self) -> None:
        """Let the running command end after its page, and kill it if that takes too long."""
        deadline = time.monotonic() + MAX_STOP_SECONDS
        while self._child is not None:
            if time.monotonic() > deadline:
                self._child.stop(kill=True)
                deadline += 3600
            self._write_heartbeat()
            await asyncio.sleep(0.05)

    def _request_stop(self) -> None:
        if self._child is not None:
            self._child.stop(kill=self._stopping)
        self._stopping = True
        self._wake.set()

    def _reload_schedules(self) -> None:
        notify("RELOADING=1")
        try:
            self._schedules = self._load_schedules()
        except (ScheduleError, OSError) as error:
            faults = error.faults if isinstance(error, ScheduleError) else [str(error)]
            self._log.write("not reloaded", faults=list(faults))
        else:
            self._record_ticks(self._planner.replace_schedules(self._schedules, self._now()))
            self._log.write("reloaded", schedules=len(self._schedules))
        notify("READY=1")
        self._wake.set()

    def _record_ticks(self, decisions: Sequence[Tick]) -> None:
        """Write decisions to the journal. On a full disk they are only logged, and are gaps after a restart."""
        ticks = [redact_tick(tick, self._secrets) for tick in decisions]
        try:
            append_ticks(self._store, ticks)
        except OSError as error:
            self._log.write("journal not written", why=error.strerror or str(error), ticks=len(ticks))
        for tick in ticks:
            if tick.outcome not in ("known", "queued", "started"):
                self._log.write("tick", **_tick_fields(tick))
            if tick.outcome in REPORTED_OUTCOMES:
                self._notify_hook("tick", _tick_fields(tick))

    def _flush_journal(self) -> None:
        """Move the journal into the store unless another process writes to it. Log a large write-ahead log."""
        with suppress(OSError):
            size = Path(f"{self._store}-wal").stat().st_size
            if size > LARGE_WAL:
                self._log.write("write-ahead log", bytes=size, why="a reader keeps SQLite from truncating it")
        try:
            flush_journal(self._store)
        except (ObservatoryError, sqlite3.Error, OSError) as error:
            self._log.write("journal not flushed", why=str(error))

    def _report_quality_events(self) -> None:
        for event in list_new_events(self._store, self._last_event_id):
            self._last_event_id = max(self._last_event_id, event["event_id"])
            self._log.write("quality event", **event)
            self._notify_hook("quality event", event)

    def _notify_hook(self, event: str, fields: Mapping[str, object]) -> None:
        if self._options.on_event:
            self._keep_task(asyncio.create_task(self._run_hook(event, fields)))

    async def _run_hook(self, event: str, fields: Mapping[str, object]) -> None:
        """Pass one event to the `--on-event` command, as JSON on its stdin. Its exit code is ignored."""
        process = None
        try:
            process = await asyncio.create_subprocess_shell(str(self._options.on_event), stdin=asyncio.subprocess.PIPE)
            line = self._log.format_json(event, fields).encode("utf-8") + b"\n"
            await asyncio.wait_for(process.communicate(line), HOOK_TIMEOUT)
        except (OSError, TimeoutError) as error:
            self._log.write("hook failed", why=str(error) or "it took too long")
            if process is not None and process.returncode is None:
                process.kill()

    def _keep_task(self, task: asyncio.Task[None]) -> None:
        """Keep a reference to a task: asyncio itself does not, and would drop it unfinished."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _write_heartbeat(self) -> None:
        notify("WATCHDOG=1")
        with suppress(OSError):
            os.utime(heartbeat_file(self._store))

    def _now(self) -> int:
        return int(time.time())


def heartbeat_file(store: Path) -> Path:
    """Return the lock file of the daemon. Its modification time is the last heartbeat."""
    return Path(f"{os.path.realpath(store)}.daemon.lock")


def _tick_fields(tick: Tick) -> dict[str, object]:
    """Return the fields of a tick that have a value, with instants as text."""
    fields = {name: value for name, value in to_json(tick).items() if value is not None}
    instants = {"due_at": tick.due_at, "started_at": tick.started_at, "ended_at": tick.ended_at}
    return fields | {name: isoformat_utc(instant) for name, instant in instants.items() if instant is not None}
