"""What is due, what waits and what runs (pure): every decision is a tick that is handed out to be written down.

One command runs at a time, for the store has one writer. A moment that passes while its schedule's command runs, or
while nobody was there, is a gap with its reason; of all that was missed, the newest is caught up with, and only if its
grace has not run out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from db.cli import DONE, PARTIAL
from db.ticks import Tick
from schedules.config import Schedule
from schedules.timetable import When, moments

ON_TIME = 60  # seconds after its moment in which a tick is not yet a catch-up
OLD_CLOCK = 86400  # a record further ahead than this was written by a clock that was wrong
PASSING = (
    "offline",
    "rate limited",
    "disk full",
    "another writer",
    "killed",
)  # reasons for which it is worth trying again
FIRST_RETRY, LONGEST_RETRY = 300, 3600


@dataclass(frozen=True)
class Waiting:
    """A tick that is to be run, and the instant before which it is not to be tried."""

    tick: Tick
    not_before: int = 0


class Agenda:
    """The decisions of the daemon. It knows no clock, no store and no process."""

    def __init__(
        self, schedules: Mapping[str, Schedule], decided: Mapping[str, int], unfinished: Iterable[Tick] = (),
        first_retry: int = FIRST_RETRY,
    ) -> None:  # fmt: skip
        self.schedules = dict(schedules)
        self.decided = dict(decided)
        self.waiting: dict[str, Waiting] = {}
        self.running: Tick | None = None
        self.first_retry = first_retry
        self._followed: dict[str, int] = {}
        self._coming: dict[str, tuple[int, When, int]] = {}
        self._left = [tick for tick in unfinished if tick.schedule in self.schedules]

    def begin(self, now: int) -> list[Tick]:
        """Take up what an earlier daemon left: of each schedule the newest of what was missed or broken off."""
        written = self._known(now)
        left: dict[str, list[Tick]] = {}
        for tick in self._left:
            left.setdefault(tick.schedule, []).append(tick)
        self._left = []
        for name in self.schedules:
            written += self._set_back(name, now)
            written += self._decide(name, now, "off", left.get(name, []))
        return written

    def reread(self, schedules: Mapping[str, Schedule], now: int) -> list[Tick]:
        """Go on with other schedules; what is decided stays decided."""
        written = [_gap(held.tick, "off") for name, held in self.waiting.items() if name not in schedules]
        self.schedules = dict(schedules)
        self.waiting = {name: held for name, held in self.waiting.items() if name in schedules}
        return written + self._known(now)

    def look(self, now: int, absent: str = "off") -> list[Tick]:
        """Decide every moment up to now; `absent` says why several of them may have passed unseen."""
        return [
            tick for name in self.schedules for tick in [*self._set_back(name, now), *self._decide(name, now, absent)]
        ]

    def next(self, now: int) -> Tick | None:
        """What is to be started now, the oldest first; None while something runs, or nothing waits."""
        ready = [held.tick for held in self.waiting.values() if held.not_before <= now]
        return None if self.running else min(ready, key=lambda tick: (tick.due_at, tick.schedule), default=None)

    def start(self, tick: Tick, now: int) -> Tick:
        """A command is about to be started; the tick that says so."""
        self.waiting.pop(tick.schedule, None)
        self.running = replace(
            tick, outcome="started", reason=None, started_at=now, ended_at=None, exit_code=None,
            attempts=tick.attempts + 1, command=self.schedules[tick.schedule].run,
        )  # fmt: skip
        return self.running

    def hold(self, tick: Tick, reason: str, now: int) -> list[Tick]:
        """It cannot be started now, and is tried again later."""
        held = replace(tick, reason=reason)
        self.waiting[tick.schedule] = Waiting(held, now + self.first_retry)
        return [held] if held != tick else []

    def end(self, code: int, now: int, reason: str | None = None, said: str | None = None) -> list[Tick]:
        """The command has ended: what became of its tick, and what follows it."""
        assert self.running
        ended = replace(
            self.running, outcome=_outcome(code, reason), ended_at=now, exit_code=code, reason=reason, said=said
        )
        self.running = None
        schedule = self.schedules.get(ended.schedule)
        if ended.outcome == "done":
            return [
                ended,
                *(self._follow(name, now) for name in (schedule.then if schedule else ()) if self._free(name)),
            ]
        if reason in PASSING and schedule and ended.schedule not in self.waiting:
            pause = min(self.first_retry * 2 ** min(ended.attempts - 1, 12), LONGEST_RETRY)
            if not _too_late(schedule, ended.due_at, now + pause):
                self.waiting[ended.schedule] = Waiting(ended, now + pause)
        return [ended]

    def ask(self, name: str, now: int) -> list[Tick]:
        """A person wants it now."""
        return [self._queue(Tick(name, self._free_moment(name, now), "person", "queued"))]

    def _known(self, now: int) -> list[Tick]:
        new = [name for name in self.schedules if name not in self.decided]
        self.decided.update(dict.fromkeys(new, now))
        return [Tick(name, now, "time", "known") for name in new]

    def _set_back(self, name: str, now: int) -> list[Tick]:
        if self.decided[name] <= now + OLD_CLOCK:
            return []
        self.decided[name] = now
        when = self.schedules[name].when
        a_moment = when is not None and when.after(now - 1) == now  # which has a row of its own
        return [Tick(name, now + a_moment, "clock", "gap", "clock untrusted")]

    def _decide(self, name: str, now: int, absent: str, left: Iterable[Tick] = ()) -> list[Tick]:
        schedule = self.schedules[name]
        found = sorted(left, key=lambda tick: tick.due_at)
        if schedule.when and self._following(name, schedule.when) <= now:
            found += [
                Tick(name, moment, "time", "queued") for moment in moments(schedule.when, self.decided[name], now)
            ]
        if found:
            in_time = (tick.due_at for tick in found if tick.cause in ("time", "catch-up"))
            self.decided[name] = max([self.decided[name], *in_time])
        if not found:
            return self._expire(schedule, now)
        if self.running and self.running.schedule == name:
            return [_gap(tick, "overrun") for tick in found]
        *missed, newest = found
        written = [_gap(tick, absent) for tick in missed]
        if _too_late(schedule, newest.due_at, now):
            return [*written, _gap(newest, absent), *self._expire(schedule, now)]
        if name in self.waiting:
            written.append(_gap(self.waiting.pop(name).tick, "overrun"))
        late = newest.cause == "time" and now - newest.due_at > ON_TIME
        return [*written, self._queue(replace(newest, cause="catch-up") if late else newest)]

    def _following(self, name: str, when: When) -> int:
        """The first moment that is not decided; it is worked out once, and not at each look."""
        since, of, moment = self._coming.get(name, (-1, when, 0))
        if (since, of) != (self.decided[name], when):
            since, moment = self.decided[name], when.after(self.decided[name])
            self._coming[name] = (since, when, moment)
        return moment

    def _expire(self, schedule: Schedule, now: int) -> list[Tick]:
        held = self.waiting.get(schedule.name)
        if held is None or not _too_late(schedule, held.tick.due_at, now):
            return []
        del self.waiting[schedule.name]
        return [_gap(held.tick, held.tick.reason or "overrun")]

    def _follow(self, name: str, now: int) -> Tick:
        return self._queue(Tick(name, self._free_moment(name, now), "then", "queued"))

    def _free(self, name: str) -> bool:
        return name in self.schedules and name not in self.waiting

    def _free_moment(self, name: str, now: int) -> int:
        """A moment at which this schedule has no tick: what followed, or was asked for, has none of its own."""
        when = self.schedules[name].when
        moment = max(now, self._followed.get(name, 0) + 1)
        while moment - now < ON_TIME and when and when.after(moment - 1) == moment:
            moment += 1
        self._followed[name] = moment
        return moment

    def _queue(self, tick: Tick) -> Tick:
        queued = replace(tick, outcome="queued", reason=None)
        self.waiting[tick.schedule] = Waiting(queued)
        return queued


def _gap(tick: Tick, reason: str) -> Tick:
    """A moment nothing was looked at; one at which something was begun was broken off, and stays so."""
    if tick.attempts:
        ended = tick.outcome if tick.outcome in ("partial", "failed") else "failed"
        return replace(tick, outcome=ended, reason=tick.reason or "killed")
    return replace(tick, outcome="gap", reason=tick.reason if tick.outcome == "queued" and tick.reason else reason)


def _outcome(code: int, reason: str | None) -> str:
    if reason in ("stopped", "killed"):
        return "interrupted"
    return {DONE: "done", PARTIAL: "partial"}.get(code, "failed")


def _too_late(schedule: Schedule, due_at: int, now: int) -> bool:
    return schedule.grace is not None and now - due_at > schedule.grace
