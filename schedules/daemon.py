"""At each moment start the command that is due, and write down how it went.

APScheduler says when to look; the agenda decides; the command is a process of its own. A decision is in the journal,
flushed, before anything follows from it.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from db import ObservatoryError
from db.cli import DONE, isoformat_utc
from db.maintenance.check import LARGE_WAL
from db.ticks import Tick, append_ticks, flush_journal, load_schedule_state, to_json
from schedules.child_process import ChildProcess, failure_reason
from schedules.clock import ClockReading, is_clock_jump
from schedules.config import Schedule, ScheduleError
from schedules.log import DaemonLog
from schedules.log_redaction import redact_tick, secret_values
from schedules.planner import Planner
from schedules.quality_events import list_new_events, newest_event_id
from schedules.systemd import heartbeat_seconds, notify
from schedules.timetable import IntervalTimetable

MAX_STOP_SECONDS = 9.0  # seconds; a command that has not ended by then is ended
MIN_FREE_BYTES = 100 * 2**20
HOOK_TIMEOUT = 60
REPORTED_OUTCOMES = ("partial", "failed", "gap")
POLL_SECONDS = 5.0


@dataclass(frozen=True)
class DaemonOptions:
    """How a daemon behaves: who is told of events, and when what cannot be done now is tried again."""

    on_event: str | None = None
    first_retry_seconds: int = 300
    min_free_bytes: int = MIN_FREE_BYTES


class Daemon:
    """One daemon of one store. `read` gives the schedules; it is asked again when SIGHUP comes."""

    def __init__(
        self, store: Path, read: Callable[[], dict[str, Schedule]], log: DaemonLog, manner: DaemonOptions
    ) -> None:
        self._store, self._load_schedules, self._log, self._options = store, read, log, manner
        self._schedules = read()
        self._planner = Planner({}, {})
        self._wake = asyncio.Event()
        self._child: ChildProcess | None = None
        self._stopping = False
        self._clocks = ClockReading.read()
        self._tasks: set[asyncio.Task[None]] = set()
        self._last_event_id = 0
        self._secrets = secret_values(os.environ)

    async def run(self) -> int:
        """Live until asked to stop; the exit code."""
        self._flush_journal()
        known = load_schedule_state(self._store)
        self._last_event_id = newest_event_id(self._store)
        self._planner = Planner(
            self._schedules, known.decided_until, known.unfinished, self._options.first_retry_seconds
        )
        killed = [tick for tick in known.unfinished if tick.outcome == "started"]
        self._log.write("started", store=str(self._store), schedules=len(self._schedules), unclean=bool(killed))
        self._record_ticks(self._planner.resume(self._now()))
        self._listen()
        scheduler = self._scheduler()
        notify("READY=1")
        try:
            await self._loop()
        finally:
            scheduler.shutdown(wait=False)
            notify("STOPPING=1")
            self._flush_journal()
            self._ignore_signals()
            self._log.write("stopped")
        return DONE

    def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._request_stop)
        loop.add_signal_handler(signal.SIGHUP, self._reload_schedules)

    def _ignore_signals(self) -> None:
        """All is written down: a signal that comes now would only spoil the exit code."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            asyncio.get_running_loop().remove_signal_handler(number)
            signal.signal(number, signal.SIG_IGN)

    def _scheduler(self) -> AsyncIOScheduler:
        """A timer for each schedule; it does nothing but wake us, and what it misses the agenda finds."""
        scheduler = AsyncIOScheduler(timezone=UTC)
        for schedule in self._schedules.values():
            when = schedule.when
            if when is not None:
                epoch = datetime.fromtimestamp(0, UTC)
                trigger = (
                    IntervalTrigger(seconds=when.seconds, start_date=epoch)
                    if isinstance(when, IntervalTimetable)
                    else when.trigger
                )
                scheduler.add_job(self._wake_up, trigger, id=schedule.name, misfire_grace_time=None, coalesce=True)
        scheduler.start()
        self._timers = scheduler
        return scheduler

    async def _wake_up(self) -> None:
        self._wake.set()

    async def _loop(self) -> None:
        beat = heartbeat_seconds()
        while not self._stopping:
            self._update_planner()
            tick = self._planner.next_tick(self._now())
            if tick is not None and self._has_free_space(tick):
                await self._start_command(tick)
            self._write_heartbeat()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), min(beat, POLL_SECONDS))
            self._wake.clear()
        await self._wait_for_stop()

    def _update_planner(self) -> None:
        """Decide what has come due; a clock that was set and a machine that slept are told apart."""
        before, self._clocks = self._clocks, ClockReading.read()
        jump = is_clock_jump(before, self._clocks)
        if jump:
            self._log.write("clock", happened=jump, seconds=round(self._clocks.wall - before.wall))
            self._timers.wakeup()
        self._record_ticks(self._planner.update(self._now(), "clock untrusted" if jump == "set" else "off"))

    def _has_free_space(self, tick: Tick) -> bool:
        """Whether there is room on the disk for what is to be started."""
        free = shutil.disk_usage(self._store.parent).free
        wanted = self._options.min_free_bytes
        if self._planner.schedules[tick.schedule].arguments[:2] == ["store", "backup"] and self._store.exists():
            wanted += self._store.stat().st_size
        if free >= wanted:
            return True
        self._record_ticks(self._planner.defer(tick, "disk full", self._now()))
        self._log.write("disk full", schedule=tick.schedule, free=free, wanted=wanted)
        return False

    async def _start_command(self, tick: Tick) -> None:
        self._flush_journal()
        started = self._planner.start(tick, self._now())
        self._record_ticks([started])
        words = self._planner.schedules[tick.schedule].arguments
        try:
            self._child = await ChildProcess.start(
                words, self._store, lambda line: self._log.write("said", schedule=tick.schedule, line=line)
            )
        except OSError as error:  # no process to be had
            self._record_ticks(self._planner.finish(1, self._now(), None, str(error)))
            return
        self._log.write("begun", schedule=tick.schedule, due_at=isoformat_utc(tick.due_at), pid=self._child.pid)
        self._keep_task(asyncio.create_task(self._wait_for_child(self._child)))

    async def _wait_for_child(self, child: ChildProcess) -> None:
        """Wait for the end of a command, and say what became of its tick."""
        code = await child.wait()
        reason = "stopped" if self._stopping and code != DONE else failure_reason(code, child.lines)
        said = child.lines[-1] if child.lines and code != DONE else None
        self._child = None
        self._record_ticks(self._planner.finish(code, self._now(), reason, said))
        self._flush_journal()
        self._report_quality_events()
        self._wake.set()

    async def _wait_for_stop(self) -> None:
        """Let the running command end at its page; end it if that takes too long."""
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
            self._log.write("not reread", faults=list(faults))
        else:
            self._record_ticks(self._planner.replace_schedules(self._schedules, self._now()))
            self._timers.shutdown(wait=False)
            self._scheduler()
            self._log.write("reread", schedules=len(self._schedules))
        notify("READY=1")
        self._wake.set()

    def _record_ticks(self, ticks: Sequence[Tick]) -> None:
        """Put decisions on record. Where the disk is full they are only told; after a restart they are gaps."""
        ticks = [redact_tick(tick, self._secrets) for tick in ticks]
        try:
            append_ticks(self._store, ticks)
        except OSError as error:
            self._log.write("not written", why=error.strerror or str(error), ticks=len(ticks))
        for tick in ticks:
            if tick.outcome not in ("known", "queued", "started"):
                self._log.write("tick", **_tick_fields(tick))
            if tick.outcome in REPORTED_OUTCOMES:
                self._notify_hook("tick", _tick_fields(tick))

    def _flush_journal(self) -> None:
        """Bring the journal into the store, if nobody else writes to it; say so if the write-ahead log has grown."""
        with suppress(OSError):
            size = os.stat(f"{self._store}-wal").st_size
            if size > LARGE_WAL:
                self._log.write("write-ahead log", bytes=size, why="a reader keeps it from being folded in")
        try:
            flush_journal(self._store)
        except (ObservatoryError, sqlite3.Error, OSError) as error:
            self._log.write("not folded", why=str(error))

    def _report_quality_events(self) -> None:
        for event in list_new_events(self._store, self._last_event_id):
            self._last_event_id = max(self._last_event_id, int(str(event["event_id"])))
            self._log.write("quality event", **event)
            self._notify_hook("quality event", event)

    def _notify_hook(self, what: str, more: dict[str, object]) -> None:
        if self._options.on_event:
            self._keep_task(asyncio.create_task(self._run_hook(what, more)))

    async def _run_hook(self, what: str, more: dict[str, object]) -> None:
        """Give one event to the command that wants it, as JSON on its stdin. What it does is its own affair."""
        process = None
        try:
            process = await asyncio.create_subprocess_shell(str(self._options.on_event), stdin=asyncio.subprocess.PIPE)
            told = self._log.format_json(what, more).encode("utf-8") + b"\n"
            await asyncio.wait_for(process.communicate(told), HOOK_TIMEOUT)
        except (OSError, TimeoutError) as error:
            self._log.write("hook", why=str(error) or "it took too long")
            if process is not None and process.returncode is None:
                process.kill()

    def _keep_task(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _write_heartbeat(self) -> None:
        notify("WATCHDOG=1")
        with suppress(OSError):
            os.utime(heartbeat_file(self._store))

    def _now(self) -> int:
        return int(time.time())


def heartbeat_file(store: Path) -> Path:
    """The file whose age says when the daemon was last heard of: the lock it holds."""
    return Path(f"{os.path.realpath(store)}.daemon.lock")


def _tick_fields(tick: Tick) -> dict[str, object]:
    told = {name: value for name, value in to_json(tick).items() if value is not None}
    return {
        **told,
        **{name: isoformat_utc(int(told[name])) for name in ("due_at", "started_at", "ended_at") if name in told},
    }
