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
from schedules.timetable import Timetable, list_moments

ON_TIME_SECONDS = 60  # seconds after its moment in which a tick is not yet a catch-up
MAX_CLOCK_LEAD = 86400  # a record further ahead than this was written by a clock that was wrong
RETRYABLE_REASONS = (
    "offline",
    "rate limited",
    "disk full",
    "another writer",
    "killed",
)  # reasons for which it is worth trying again
FIRST_RETRY_SECONDS, MAX_RETRY_SECONDS = 300, 3600


@dataclass(frozen=True)
class QueuedTick:
    """A tick that is to be run, and the instant before which it is not to be tried."""

    tick: Tick
    not_before: int = 0


class Planner:
    """The decisions of the daemon. It knows no clock, no store and no process."""

    def __init__(
        self, schedules: Mapping[str, Schedule], decided: Mapping[str, int], unfinished: Iterable[Tick] = (),
        first_retry: int = FIRST_RETRY_SECONDS,
    ) -> None:  # fmt: skip
        self.schedules = dict(schedules)
        self.decided_until = dict(decided)
        self.queue: dict[str, QueuedTick] = {}
        self.running: Tick | None = None
        self.first_retry_seconds = first_retry
        self._last_moments: dict[str, int] = {}
        self._next_moments: dict[str, tuple[int, Timetable, int]] = {}
        self._unfinished = [tick for tick in unfinished if tick.schedule in self.schedules]

    def resume(self, now: int) -> list[Tick]:
        """Take up what an earlier daemon left: of each schedule the newest of what was missed or broken off."""
        written = self._register_new(now)
        left: dict[str, list[Tick]] = {}
        for tick in self._unfinished:
            left.setdefault(tick.schedule, []).append(tick)
        self._unfinished = []
        for name in self.schedules:
            written += self._correct_future_clock(name, now)
            written += self._decide_moments(name, now, "off", left.get(name, []))
        return written

    def replace_schedules(self, schedules: Mapping[str, Schedule], now: int) -> list[Tick]:
        """Go on with other schedules; what is decided stays decided."""
        written = [_as_gap(held.tick, "off") for name, held in self.queue.items() if name not in schedules]
        self.schedules = dict(schedules)
        self.queue = {name: held for name, held in self.queue.items() if name in schedules}
        return written + self._register_new(now)

    def update(self, now: int, gap_reason: str = "off") -> list[Tick]:
        """Decide every moment up to now; `absent` says why several of them may have passed unseen."""
        return [
            tick
            for name in self.schedules
            for tick in [*self._correct_future_clock(name, now), *self._decide_moments(name, now, gap_reason)]
        ]

    def next_tick(self, now: int) -> Tick | None:
        """What is to be started now, the oldest first; None while something runs, or nothing waits."""
        ready = [held.tick for held in self.queue.values() if held.not_before <= now]
        return None if self.running else min(ready, key=lambda tick: (tick.due_at, tick.schedule), default=None)

    def start(self, tick: Tick, now: int) -> Tick:
        """A command is about to be started; the tick that says so."""
        self.queue.pop(tick.schedule, None)
        self.running = replace(
            tick, outcome="started", reason=None, started_at=now, ended_at=None, exit_code=None,
            attempts=tick.attempts + 1, command=self.schedules[tick.schedule].run,
        )  # fmt: skip
        return self.running

    def defer(self, tick: Tick, reason: str, now: int) -> list[Tick]:
        """It cannot be started now, and is tried again later."""
        held = replace(tick, reason=reason)
        self.queue[tick.schedule] = QueuedTick(held, now + self.first_retry_seconds)
        return [held] if held != tick else []

    def finish(self, code: int, now: int, reason: str | None = None, last_line: str | None = None) -> list[Tick]:
        """The command has ended: what became of its tick, and what follows it."""
        assert self.running
        ended = replace(
            self.running,
            outcome=_tick_outcome(code, reason),
            ended_at=now,
            exit_code=code,
            reason=reason,
            last_line=last_line,
        )
        self.running = None
        schedule = self.schedules.get(ended.schedule)
        if ended.outcome == "done":
            return [
                ended,
                *(
                    self._queue_follower(name, now)
                    for name in (schedule.then if schedule else ())
                    if self._can_follow(name)
                ),
            ]
        if reason in RETRYABLE_REASONS and schedule and ended.schedule not in self.queue:
            pause = min(self.first_retry_seconds * 2 ** min(ended.attempts - 1, 12), MAX_RETRY_SECONDS)
            if not _is_too_late(schedule, ended.due_at, now + pause):
                self.queue[ended.schedule] = QueuedTick(ended, now + pause)
        return [ended]

    def request_run(self, name: str, now: int) -> list[Tick]:
        """A person wants it now."""
        return [self._enqueue(Tick(name, self._free_moment(name, now), "person", "queued"))]

    def _register_new(self, now: int) -> list[Tick]:
        new = [name for name in self.schedules if name not in self.decided_until]
        self.decided_until.update(dict.fromkeys(new, now))
        return [Tick(name, now, "time", "known") for name in new]

    def _correct_future_clock(self, name: str, now: int) -> list[Tick]:
        if self.decided_until[name] <= now + MAX_CLOCK_LEAD:
            return []
        self.decided_until[name] = now
        when = self.schedules[name].when
        a_moment = when is not None and when.next_after(now - 1) == now  # which has a row of its own
        return [Tick(name, now + a_moment, "clock", "gap", "clock untrusted")]

    def _decide_moments(self, name: str, now: int, absent: str, left: Iterable[Tick] = ()) -> list[Tick]:
        schedule = self.schedules[name]
        found = sorted(left, key=lambda tick: tick.due_at)
        if schedule.when and self._next_moment(name, schedule.when) <= now:
            found += [
                Tick(name, moment, "time", "queued")
                for moment in list_moments(schedule.when, self.decided_until[name], now)
            ]
        if found:
            in_time = (tick.due_at for tick in found if tick.cause in ("time", "catch-up"))
            self.decided_until[name] = max([self.decided_until[name], *in_time])
        if not found:
            return self._expire_queued(schedule, now)
        if self.running and self.running.schedule == name:
            return [_as_gap(tick, "overrun") for tick in found]
        *missed, newest = found
        written = [_as_gap(tick, absent) for tick in missed]
        if _is_too_late(schedule, newest.due_at, now):
            return [*written, _as_gap(newest, absent), *self._expire_queued(schedule, now)]
        if name in self.queue:
            written.append(_as_gap(self.queue.pop(name).tick, "overrun"))
        late = newest.cause == "time" and now - newest.due_at > ON_TIME_SECONDS
        return [*written, self._enqueue(replace(newest, cause="catch-up") if late else newest)]

    def _next_moment(self, name: str, when: Timetable) -> int:
        """The first moment that is not decided; it is worked out once, and not at each look."""
        since, of, moment = self._next_moments.get(name, (-1, when, 0))
        if (since, of) != (self.decided_until[name], when):
            since, moment = self.decided_until[name], when.next_after(self.decided_until[name])
            self._next_moments[name] = (since, when, moment)
        return moment

    def _expire_queued(self, schedule: Schedule, now: int) -> list[Tick]:
        held = self.queue.get(schedule.name)
        if held is None or not _is_too_late(schedule, held.tick.due_at, now):
            return []
        del self.queue[schedule.name]
        return [_as_gap(held.tick, held.tick.reason or "overrun")]

    def _queue_follower(self, name: str, now: int) -> Tick:
        return self._enqueue(Tick(name, self._free_moment(name, now), "then", "queued"))

    def _can_follow(self, name: str) -> bool:
        return name in self.schedules and name not in self.queue

    def _free_moment(self, name: str, now: int) -> int:
        """A moment at which this schedule has no tick: what followed, or was asked for, has none of its own."""
        when = self.schedules[name].when
        moment = max(now, self._last_moments.get(name, 0) + 1)
        while moment - now < ON_TIME_SECONDS and when and when.next_after(moment - 1) == moment:
            moment += 1
        self._last_moments[name] = moment
        return moment

    def _enqueue(self, tick: Tick) -> Tick:
        queued = replace(tick, outcome="queued", reason=None)
        self.queue[tick.schedule] = QueuedTick(queued)
        return queued


def _as_gap(tick: Tick, reason: str) -> Tick:
    """A moment nothing was looked at; one at which something was begun was broken off, and stays so."""
    if tick.attempts:
        ended = tick.outcome if tick.outcome in ("partial", "failed") else "failed"
        return replace(tick, outcome=ended, reason=tick.reason or "killed")
    return replace(tick, outcome="gap", reason=tick.reason if tick.outcome == "queued" and tick.reason else reason)


def _tick_outcome(code: int, reason: str | None) -> str:
    if reason in ("stopped", "killed"):
        return "interrupted"
    return {DONE: "done", PARTIAL: "partial"}.get(code, "failed")


def _is_too_late(schedule: Schedule, due_at: int, now: int) -> bool:
    return schedule.grace is not None and now - due_at > schedule.grace
