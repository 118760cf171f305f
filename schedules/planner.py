"""What is due, what waits and what runs (pure). Each decision is returned as a tick to be recorded.

One command runs at a time, because the store has one writer. A moment that passes while the schedule's own command
runs, or while no daemon runs, becomes a gap with its reason. Of all moments that were missed, only the newest is
caught up, and only within the grace of its schedule. When more moments were missed than a person would read, such as
after a clock was years behind, the oldest recorded gap stands for those before it, and says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from db.cli import DONE, PARTIAL, isoformat_utc
from db.reasons import FailureReason
from db.ticks import Tick
from schedules.config import Schedule
from schedules.timetable import Timetable, list_newest_moments

ON_TIME_SECONDS = 60  # a tick that starts later than this after its moment is a catch-up
MAX_CLOCK_LEAD = 86400  # a record further in the future than this was written by a wrong clock
RETRYABLE_REASONS = (*FailureReason, "killed")
FIRST_RETRY_SECONDS, MAX_RETRY_SECONDS = 300, 3600
MAX_MISSED_MOMENTS = 10_000  # of one schedule at once that are recorded one by one: a year of hours


@dataclass(frozen=True)
class QueuedTick:
    """A tick to run, and the instant before which it must not start."""

    tick: Tick
    not_before: int = 0


class Planner:
    """The decisions of the daemon, made without a clock, a store or a process."""

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
        """Take over the unfinished ticks of an earlier daemon: queue the newest of each schedule."""
        decisions = self._register_new(now)
        unfinished: dict[str, list[Tick]] = {}
        for tick in self._unfinished:
            unfinished.setdefault(tick.schedule, []).append(tick)
        self._unfinished = []
        for name in self.schedules:
            decisions += self._correct_future_clock(name, now)
            decisions += self._decide_moments(name, now, "off", unfinished.get(name, []))
        return decisions

    def replace_schedules(self, schedules: Mapping[str, Schedule], now: int) -> list[Tick]:
        """Continue with other schedules. Earlier decisions stay. A schedule with other moments is due from now on."""
        for name, schedule in schedules.items():
            if name not in self.schedules or self.schedules[name].timetable != schedule.timetable:
                self.decided_until.pop(name, None)
        dropped = [_as_gap(queued.tick, "off") for name, queued in self.queue.items() if name not in schedules]
        self.schedules = dict(schedules)
        self.queue = {name: queued for name, queued in self.queue.items() if name in schedules}
        return dropped + self._register_new(now)

    def update(self, now: int, gap_reason: str = "off") -> list[Tick]:
        """Decide every moment up to now. `gap_reason` says why older moments passed undecided."""
        self._correct_future_queue(now)
        return [
            tick
            for name in self.schedules
            for tick in [*self._correct_future_clock(name, now), *self._decide_moments(name, now, gap_reason)]
        ]

    def next_tick(self, now: int) -> Tick | None:
        """Return the oldest tick that may start now, or None. None starts while a command runs."""
        ready = [queued.tick for queued in self.queue.values() if queued.not_before <= now]
        return None if self.running else min(ready, key=lambda tick: (tick.due_at, tick.schedule), default=None)

    def next_change(self) -> int | None:
        """Return the instant of the next moment or retry, or None."""
        timetables = {name: schedule.timetable for name, schedule in self.schedules.items() if schedule.timetable}
        instants = [self._next_moment(name, timetable) for name, timetable in timetables.items()]
        if self.running is None:
            instants += [queued.not_before for queued in self.queue.values() if queued.not_before]
        return min(instants, default=None)

    def start(self, tick: Tick, now: int) -> Tick:
        """Return the tick of a command that is about to start, to be recorded first."""
        self.queue.pop(tick.schedule, None)
        self.running = replace(
            tick,
            outcome="started",
            reason=None,
            started_at=now,
            ended_at=None,
            exit_code=None,
            attempts=tick.attempts + 1,
            command=self.schedules[tick.schedule].run,
        )
        return self.running

    def defer(self, tick: Tick, reason: str, now: int) -> list[Tick]:
        """Queue a tick that cannot start now for a later attempt."""
        deferred = replace(tick, reason=reason)
        self.queue[tick.schedule] = QueuedTick(deferred, now + self.first_retry_seconds)
        return [deferred] if deferred != tick else []

    def finish(self, code: int, now: int, reason: str | None = None, last_line: str | None = None) -> list[Tick]:
        """Return the outcome of the running command, and the ticks that follow it."""
        assert self.running
        outcome = _tick_outcome(code, reason)
        finished = replace(
            self.running, outcome=outcome, ended_at=now, exit_code=code, reason=reason, last_line=last_line
        )
        self.running = None
        schedule = self.schedules.get(finished.schedule)
        if outcome == "done":
            followers = schedule.then if schedule else ()
            return [finished, *(self._queue_follower(name, now) for name in followers if self._can_follow(name))]
        if reason in RETRYABLE_REASONS and schedule and finished.schedule not in self.queue:
            self._queue_retry(schedule, finished, now)
        return [finished]

    def _queue_retry(self, schedule: Schedule, finished: Tick, now: int) -> None:
        pause = min(self.first_retry_seconds * 2 ** min(finished.attempts - 1, 12), MAX_RETRY_SECONDS)
        if not _is_too_late(schedule, finished.due_at, now + pause):
            self.queue[finished.schedule] = QueuedTick(finished, now + pause)

    def request_run(self, name: str, now: int) -> list[Tick]:
        """Queue a schedule that a person wants to run now."""
        return [self._enqueue(Tick(name, self._free_moment(name, now), "person", "queued"))]

    def _register_new(self, now: int) -> list[Tick]:
        new_names = [name for name in self.schedules if name not in self.decided_until]
        self.decided_until.update(dict.fromkeys(new_names, now))
        return [Tick(name, now, "time", "known") for name in new_names]

    def _correct_future_clock(self, name: str, now: int) -> list[Tick]:
        if self.decided_until[name] <= now + MAX_CLOCK_LEAD:
            return []
        self.decided_until[name] = now
        timetable = self.schedules[name].timetable
        is_due_now = timetable is not None and timetable.next_after(now - 1) == now  # that moment has its own row
        return [Tick(name, now + is_due_now, "clock", "gap", "clock untrusted")]

    def _correct_future_queue(self, now: int) -> None:
        """Let the retries that were planned by a clock ahead of this one start, and its moments be forgotten."""
        for name, queued in self.queue.items():
            if queued.not_before > now + max(MAX_RETRY_SECONDS, self.first_retry_seconds):
                self.queue[name] = replace(queued, not_before=now)
        self._last_moments = {name: last for name, last in self._last_moments.items() if last <= now + MAX_CLOCK_LEAD}

    def _decide_moments(self, name: str, now: int, gap_reason: str, unfinished: Iterable[Tick] = ()) -> list[Tick]:
        schedule = self.schedules[name]
        due = [*sorted(unfinished, key=lambda tick: tick.due_at), *self._due_ticks(schedule, now)]
        if not due:
            return self._expire_queued(schedule, now)
        timed = (tick.due_at for tick in due if tick.cause in ("time", "catch-up"))
        self.decided_until[name] = max([self.decided_until[name], *timed])
        if self.running and self.running.schedule == name:
            return [_as_gap(tick, "overrun" if gap_reason == "off" else gap_reason) for tick in due]
        *missed, newest = due
        decisions = [_as_gap(tick, gap_reason) for tick in missed]
        if _is_too_late(schedule, newest.due_at, now):
            return [*decisions, _as_gap(newest, gap_reason), *self._expire_queued(schedule, now)]
        if name in self.queue:
            decisions.append(_as_gap(self.queue.pop(name).tick, "overrun"))
        is_late = newest.cause == "time" and now - newest.due_at > ON_TIME_SECONDS
        return [*decisions, self._enqueue(replace(newest, cause="catch-up") if is_late else newest)]

    def _due_ticks(self, schedule: Schedule, now: int) -> Iterable[Tick]:
        name, timetable = schedule.name, schedule.timetable
        if not timetable or self._next_moment(name, timetable) > now:
            return []
        since = self.decided_until[name]
        moments, has_older = list_newest_moments(timetable, since, now, MAX_MISSED_MOMENTS)
        oldest, *newer = [Tick(name, moment, "time", "queued") for moment in moments]
        note = f"stands for every moment since {isoformat_utc(since)}: too many to record one by one"
        return [replace(oldest, last_line=note) if has_older else oldest, *newer]

    def _next_moment(self, name: str, timetable: Timetable) -> int:
        """Return the first undecided moment. It is cached, because cron fields take long to compute."""
        since, cached_timetable, moment = self._next_moments.get(name, (-1, timetable, 0))
        if (since, cached_timetable) != (self.decided_until[name], timetable):
            since, moment = self.decided_until[name], timetable.next_after(self.decided_until[name])
            self._next_moments[name] = (since, timetable, moment)
        return moment

    def _expire_queued(self, schedule: Schedule, now: int) -> list[Tick]:
        queued = self.queue.get(schedule.name)
        if queued is None or not _is_too_late(schedule, queued.tick.due_at, now):
            return []
        del self.queue[schedule.name]
        return [_as_gap(queued.tick, queued.tick.reason or "overrun")]

    def _queue_follower(self, name: str, now: int) -> Tick:
        return self._enqueue(Tick(name, self._free_moment(name, now), "then", "queued"))

    def _can_follow(self, name: str) -> bool:
        return name in self.schedules and name not in self.queue

    def _free_moment(self, name: str, now: int) -> int:
        """Return a moment without a tick of this schedule, for a run that has no moment of its own."""
        timetable = self.schedules[name].timetable
        moment = max(now, self._last_moments.get(name, 0) + 1)
        while moment - now < ON_TIME_SECONDS and timetable and timetable.next_after(moment - 1) == moment:
            moment += 1
        self._last_moments[name] = moment
        return moment

    def _enqueue(self, tick: Tick) -> Tick:
        queued = replace(tick, outcome="queued", reason=None)
        self.queue[tick.schedule] = QueuedTick(queued)
        return queued


def _as_gap(tick: Tick, reason: str) -> Tick:
    """Return a tick as a gap. A tick whose command was started stays an interrupted attempt instead."""
    if tick.attempts:
        outcome = tick.outcome if tick.outcome in ("partial", "failed") else "failed"
        return replace(tick, outcome=outcome, reason=tick.reason or "killed")
    return replace(tick, outcome="gap", reason=tick.reason if tick.outcome == "queued" and tick.reason else reason)


def _tick_outcome(code: int, reason: str | None) -> str:
    if reason in ("stopped", "killed"):
        return "interrupted"
    return {DONE: "done", PARTIAL: "partial"}.get(code, "failed")


def _is_too_late(schedule: Schedule, due_at: int, now: int) -> bool:
    return schedule.grace is not None and now - due_at > schedule.grace
