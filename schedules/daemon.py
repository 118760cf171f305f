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
import subprocess
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from db.cli import DONE, FAILED, isoformat_utc
from db.maintenance.migrations import apply_pending_migrations, migration_states
from db.maintenance.partial_copies import delete_abandoned_copies
from db.ticks import Tick, load_schedule_state
from schedules.child_process import ChildProcess, error_message, failure_reason
from schedules.clock import ClockReading, is_clock_jump, is_suspend
from schedules.config import Schedule, ScheduleError
from schedules.heartbeat import Heartbeat
from schedules.hook import EventHook
from schedules.journal import DaemonJournal
from schedules.log import DaemonLog
from schedules.log_redaction import redact_tick, secret_values
from schedules.planner import FIRST_RETRY_SECONDS, Planner
from schedules.quality_events import last_reported_event, list_new_events
from schedules.systemd import heartbeat_seconds, notify
from schedules.tick_events import list_tick_events

MAX_STOP_SECONDS = 9.0  # after which a command that was asked to stop is killed
MAX_KILL_SECONDS = 3.0  # after which the daemon ends without a command that cannot be killed
MIN_FREE_BYTES = 100 * 2**20
REPORTED_OUTCOMES = ("partial", "failed", "gap")
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
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
        self._hook = EventHook(options.on_event, log) if options.on_event else None
        self._journal = DaemonJournal(store, log)
        self._heartbeat = Heartbeat(store)
        self._tasks: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None
        self._last_event_id = 0
        self._secrets = secret_values(os.environ)

    @property
    def schedules(self) -> Mapping[str, Schedule]:
        """The schedules that the daemon follows now."""
        return self._schedules

    async def run(self) -> int:
        """Run until asked to stop, and return the exit code."""
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: self._log.write("unexpected error", **context))
        loop.add_signal_handler(signal.SIGHUP, self._reload_schedules)  # called when all below has been done
        self._delete_abandoned_copies()
        self._migrate_store()
        self._journal.flush()
        state = load_schedule_state(self._store)
        self._last_event_id = last_reported_event(self._store, self._now())
        self._planner = Planner(
            self._schedules, state.decided_until, state.unfinished, self._options.first_retry_seconds
        )
        unclean = any(tick.outcome == "started" for tick in state.unfinished)
        for number in STOP_SIGNALS:
            loop.add_signal_handler(number, self._request_stop)
        self._log.write("started", store=str(self._store), schedules=len(self._schedules), unclean=unclean)
        self._record_ticks(self._planner.resume(self._now()))
        if self._hook:
            self._keep_task(self._hook.run())
        self._report_quality_events()
        notify("READY=1")
        try:
            await self._loop()
        finally:
            notify("STOPPING=1")
            self._journal.flush()
            self._ignore_signals()
            self._log.write("stopped")
        return DONE

    def _delete_abandoned_copies(self) -> None:
        """Delete what killed backups have left: it may have filled the disk, so that no command would start again."""
        with suppress(OSError):
            for file in delete_abandoned_copies(self._store):
                self._log.write("abandoned copy deleted", file=str(file))

    def _migrate_store(self) -> None:
        """Apply the migrations that a newer version of the program brought, before anything is read."""
        if self._store.exists() and any(state == "pending" for _, state in migration_states(self._store)):
            self._log.write("migrated", migrations=", ".join(apply_pending_migrations(self._store)))

    def _ignore_signals(self) -> None:
        """Ignore signals from now on. Everything is recorded, so a signal would only change the exit code."""
        signals = (*STOP_SIGNALS, signal.SIGHUP)
        signal.pthread_sigmask(signal.SIG_BLOCK, signals)  # asyncio restores what a signal does by default
        for number in signals:
            asyncio.get_running_loop().remove_signal_handler(number)
            signal.signal(number, signal.SIG_IGN)

    async def _loop(self) -> None:
        heartbeat = heartbeat_seconds()
        while not self._stopping:
            self._update_planner()
            tick = self._planner.next_tick(self._now())
            if tick is not None and self._has_free_space(tick):
                await self._start_command(tick)
            self._heartbeat.write()
            if self._heartbeat.has_lost_file():
                self._request_stop()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), min(heartbeat, self._poll_seconds()))
            self._wake.clear()
            if self._failure is not None:
                raise self._failure
        await self._wait_for_stop()
        self._heartbeat.require_file()

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
        try:
            free = shutil.disk_usage(self._store.parent).free
        except OSError:  # the command reports what is wrong with the disk
            return True
        if free >= self._options.min_free_bytes:
            return True
        self._record_ticks(self._planner.defer(tick, "disk full", self._now()))
        self._log.write("disk full", schedule=tick.schedule, free=free, wanted=self._options.min_free_bytes)
        return False

    async def _start_command(self, tick: Tick) -> None:
        self._journal.flush()
        self._record_ticks([self._planner.start(tick, self._now())])
        arguments = self._planner.schedules[tick.schedule].arguments
        try:
            self._child = await ChildProcess.start(
                arguments, self._store, lambda line: self._log.write("output", schedule=tick.schedule, line=line)
            )
        except (OSError, RuntimeError, subprocess.SubprocessError) as error:  # no process, or no thread to wait for it
            self._record_ticks(self._planner.finish(FAILED, self._now(), None, str(error)))
            return
        due_at = isoformat_utc(tick.due_at)
        self._log.write("command started", schedule=tick.schedule, due_at=due_at, pid=self._child.pid)
        self._keep_task(self._wait_for_child(self._child))
        if self._stopping:  # the signal came while the command started
            self._child.stop()

    async def _wait_for_child(self, child: ChildProcess) -> None:
        """Wait for the end of a command, and record the outcome of its tick."""
        given_reason = None
        try:
            code = await child.wait()
            message = error_message(child.lines) if code != DONE else None
            given_reason = child.read_reason()
        except Exception as error:  # whatever it is, the command must not be waited for any more
            child.stop(kill=True)
            code, message = FAILED, f"{type(error).__name__}: {error}"
        reason = "stopped" if self._stopping and code != DONE else failure_reason(code, given_reason)
        self._child = None
        self._record_ticks(self._planner.finish(code, self._now(), reason, message))
        self._journal.flush()
        self._report_quality_events()
        self._wake.set()

    async def _wait_for_stop(self) -> None:
        """Let the running command end after its page, and kill it if that takes too long. Then the hook may end."""
        started_at = time.monotonic()
        while self._child is not None:
            seconds = time.monotonic() - started_at
            if seconds > MAX_STOP_SECONDS:
                self._child.stop(kill=True)
            if seconds > MAX_STOP_SECONDS + MAX_KILL_SECONDS:
                self._log.write("command not ended", pid=self._child.pid, why="the system does not end it")
                break
            self._heartbeat.write()
            await asyncio.sleep(0.05)
        if self._hook:
            await self._hook.wait_until_idle(max(0.1, started_at + MAX_STOP_SECONDS - time.monotonic()))

    def _request_stop(self) -> None:
        if self._child is not None:
            self._child.stop(kill=self._stopping)
        if self._hook and self._stopping:
            self._hook.stop_waiting()
        self._stopping = True
        self._wake.set()

    def _reload_schedules(self) -> None:
        notify("RELOADING=1")
        try:
            self._schedules = self._load_schedules()
        except Exception as error:  # whatever it is, the daemon goes on with the schedules that it has
            faults = error.faults if isinstance(error, ScheduleError) else [f"{type(error).__name__}: {error}"]
            self._log.write("not reloaded", faults=list(faults))
        else:
            self._record_ticks(self._planner.replace_schedules(self._schedules, self._now()))
            self._log.write("reloaded", schedules=len(self._schedules))
        notify("READY=1")
        self._wake.set()

    def _record_ticks(self, decisions: Sequence[Tick]) -> None:
        """Write decisions to the journal, then to the log and the hook."""
        ticks = [redact_tick(tick, self._secrets) for tick in decisions]
        self._journal.append(ticks)
        for event in list_tick_events(ticks):
            self._log.write("tick", **event)
            if event["outcome"] in REPORTED_OUTCOMES:
                self._notify_hook("tick", event)

    def _report_quality_events(self) -> None:
        while events := list_new_events(self._store, self._last_event_id):
            self._last_event_id = max(event["event_id"] for event in events)
            for event in events:
                self._log.write("quality event", **event)
                self._notify_hook("quality event", event)

    def _notify_hook(self, event: str, fields: Mapping[str, object]) -> None:
        if self._hook:
            self._hook.offer(event, fields)

    def _keep_task(self, attending: Coroutine[None, None, None]) -> None:
        """Start a task and keep a reference to it: asyncio itself does not, and would drop it unfinished."""
        task = asyncio.create_task(attending)
        self._tasks.add(task)
        task.add_done_callback(self._end_task)

    def _end_task(self, task: asyncio.Task[None]) -> None:
        """Let the daemon fail with a task that failed, because a supervisor can start it again."""
        self._tasks.discard(task)
        if not task.cancelled() and (failure := task.exception()):
            self._failure = failure
            self._wake.set()

    def _now(self) -> int:
        return int(time.time())
