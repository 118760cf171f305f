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
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from db import ObservatoryError
from db.cli import DONE, instant
from db.maintenance.check import LARGE_WAL
from db.ticks import Tick, append, fold, ledger
from schedules.child_process import Child, reason_of
from schedules.clock import Clocks, jumped
from schedules.config import Schedule, ScheduleError
from schedules.log import Log
from schedules.log_redaction import quiet, secrets
from schedules.planner import Agenda
from schedules.quality_events import newest_event, worrying
from schedules.systemd import beat_seconds, tell
from schedules.timetable import Every

LONGEST_STOP = 9.0  # seconds; a command that has not ended by then is ended
LEAST_FREE = 100 * 2**20
HOOK_SECONDS = 60
OUTCOMES_TOLD = ("partial", "failed", "gap")
LOOK_AGAIN = 5.0


@dataclass(frozen=True)
class Manner:
    """How a daemon behaves: who is told of events, and when what cannot be done now is tried again."""

    on_event: str | None = None
    first_retry: int = 300
    least_free: int = LEAST_FREE


class Daemon:
    """One daemon of one store. `read` gives the schedules; it is asked again when SIGHUP comes."""

    def __init__(self, store: Path, read: Callable[[], dict[str, Schedule]], log: Log, manner: Manner) -> None:
        self._store, self._read, self._log, self._manner = store, read, log, manner
        self._schedules = read()
        self._agenda = Agenda({}, {})
        self._wake = asyncio.Event()
        self._child: Child | None = None
        self._stopping = False
        self._clocks = Clocks.read()
        self._hooks: set[asyncio.Task[None]] = set()
        self._event = 0
        self._hidden = secrets(os.environ)

    async def run(self) -> int:
        """Live until asked to stop; the exit code."""
        self._fold()
        known = ledger(self._store)
        self._event = newest_event(self._store)
        self._agenda = Agenda(self._schedules, known.decided, known.unfinished, self._manner.first_retry)
        killed = [tick for tick in known.unfinished if tick.outcome == "started"]
        self._log.say("started", store=str(self._store), schedules=len(self._schedules), unclean=bool(killed))
        self._write(self._agenda.begin(self._now()))
        self._listen()
        scheduler = self._scheduler()
        tell("READY=1")
        try:
            await self._live()
        finally:
            scheduler.shutdown(wait=False)
            tell("STOPPING=1")
            self._fold()
            self._deaf()
            self._log.say("stopped")
        return DONE

    def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        loop.add_signal_handler(signal.SIGHUP, self._reread)

    def _deaf(self) -> None:
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
                    IntervalTrigger(seconds=when.seconds, start_date=epoch) if isinstance(when, Every) else when.trigger
                )
                scheduler.add_job(self._ring, trigger, id=schedule.name, misfire_grace_time=None, coalesce=True)
        scheduler.start()
        self._timers = scheduler
        return scheduler

    async def _ring(self) -> None:
        self._wake.set()

    async def _live(self) -> None:
        beat = beat_seconds()
        while not self._stopping:
            self._look()
            tick = self._agenda.next(self._now())
            if tick is not None and self._ready(tick):
                await self._start(tick)
            self._beat()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), min(beat, LOOK_AGAIN))
            self._wake.clear()
        await self._finish()

    def _look(self) -> None:
        """Decide what has come due; a clock that was set and a machine that slept are told apart."""
        before, self._clocks = self._clocks, Clocks.read()
        jump = jumped(before, self._clocks)
        if jump:
            self._log.say("clock", happened=jump, seconds=round(self._clocks.wall - before.wall))
            self._timers.wakeup()
        self._write(self._agenda.look(self._now(), "clock untrusted" if jump == "set" else "off"))

    def _ready(self, tick: Tick) -> bool:
        """Whether there is room on the disk for what is to be started."""
        free = shutil.disk_usage(self._store.parent).free
        wanted = self._manner.least_free
        if self._agenda.schedules[tick.schedule].words[:2] == ["store", "backup"] and self._store.exists():
            wanted += self._store.stat().st_size
        if free >= wanted:
            return True
        self._write(self._agenda.hold(tick, "disk full", self._now()))
        self._log.say("disk full", schedule=tick.schedule, free=free, wanted=wanted)
        return False

    async def _start(self, tick: Tick) -> None:
        self._fold()
        started = self._agenda.start(tick, self._now())
        self._write([started])
        words = self._agenda.schedules[tick.schedule].words
        try:
            self._child = await Child.start(
                words, self._store, lambda line: self._log.say("said", schedule=tick.schedule, line=line)
            )
        except OSError as error:  # no process to be had
            self._write(self._agenda.end(1, self._now(), None, str(error)))
            return
        self._log.say("begun", schedule=tick.schedule, due_at=instant(tick.due_at), pid=self._child.pid)
        self._watch(asyncio.create_task(self._attend(self._child)))

    async def _attend(self, child: Child) -> None:
        """Wait for the end of a command, and say what became of its tick."""
        code = await child.ended()
        reason = "stopped" if self._stopping and code != DONE else reason_of(code, child.lines)
        said = child.lines[-1] if child.lines and code != DONE else None
        self._child = None
        self._write(self._agenda.end(code, self._now(), reason, said))
        self._fold()
        self._tell_events()
        self._wake.set()

    async def _finish(self) -> None:
        """Let the running command end at its page; end it if that takes too long."""
        deadline = time.monotonic() + LONGEST_STOP
        while self._child is not None:
            if time.monotonic() > deadline:
                self._child.stop(at_once=True)
                deadline += 3600
            self._beat()
            await asyncio.sleep(0.05)

    def _stop(self) -> None:
        if self._child is not None:
            self._child.stop(at_once=self._stopping)
        self._stopping = True
        self._wake.set()

    def _reread(self) -> None:
        tell("RELOADING=1")
        try:
            self._schedules = self._read()
        except (ScheduleError, OSError) as error:
            faults = error.faults if isinstance(error, ScheduleError) else [str(error)]
            self._log.say("not reread", faults=list(faults))
        else:
            self._write(self._agenda.reread(self._schedules, self._now()))
            self._timers.shutdown(wait=False)
            self._scheduler()
            self._log.say("reread", schedules=len(self._schedules))
        tell("READY=1")
        self._wake.set()

    def _write(self, ticks: Sequence[Tick]) -> None:
        """Put decisions on record. Where the disk is full they are only told; after a restart they are gaps."""
        ticks = [quiet(tick, self._hidden) for tick in ticks]
        try:
            append(self._store, ticks)
        except OSError as error:
            self._log.say("not written", why=error.strerror or str(error), ticks=len(ticks))
        for tick in ticks:
            if tick.outcome not in ("known", "queued", "started"):
                self._log.say("tick", **_told(tick))
            if tick.outcome in OUTCOMES_TOLD:
                self._tell("tick", _told(tick))

    def _fold(self) -> None:
        """Bring the journal into the store, if nobody else writes to it; say so if the write-ahead log has grown."""
        with suppress(OSError):
            size = os.stat(f"{self._store}-wal").st_size
            if size > LARGE_WAL:
                self._log.say("write-ahead log", bytes=size, why="a reader keeps it from being folded in")
        try:
            fold(self._store)
        except (ObservatoryError, sqlite3.Error, OSError) as error:
            self._log.say("not folded", why=str(error))

    def _tell_events(self) -> None:
        for event in worrying(self._store, self._event):
            self._event = max(self._event, int(str(event["event_id"])))
            self._log.say("quality event", **event)
            self._tell("quality event", event)

    def _tell(self, what: str, more: dict[str, object]) -> None:
        if self._manner.on_event:
            self._watch(asyncio.create_task(self._hook(what, more)))

    async def _hook(self, what: str, more: dict[str, object]) -> None:
        """Give one event to the command that wants it, as JSON on its stdin. What it does is its own affair."""
        process = None
        try:
            process = await asyncio.create_subprocess_shell(str(self._manner.on_event), stdin=asyncio.subprocess.PIPE)
            told = self._log.line(what, more).encode("utf-8") + b"\n"
            await asyncio.wait_for(process.communicate(told), HOOK_SECONDS)
        except (OSError, TimeoutError) as error:
            self._log.say("hook", why=str(error) or "it took too long")
            if process is not None and process.returncode is None:
                process.kill()

    def _watch(self, task: asyncio.Task[None]) -> None:
        self._hooks.add(task)
        task.add_done_callback(self._hooks.discard)

    def _beat(self) -> None:
        tell("WATCHDOG=1")
        with suppress(OSError):
            os.utime(heart(self._store))

    def _now(self) -> int:
        return int(time.time())


def heart(store: Path) -> Path:
    """The file whose age says when the daemon was last heard of: the lock it holds."""
    return Path(f"{os.path.realpath(store)}.daemon.lock")


def _told(tick: Tick) -> dict[str, object]:
    told = {name: value for name, value in asdict(tick).items() if value is not None}
    return {**told, **{name: instant(int(told[name])) for name in ("due_at", "started_at", "ended_at") if name in told}}
