"""What is due, what waits and what is missed: decided without a clock, a store or a process."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace

import pytest

from db.ticks import UNFINISHED_OUTCOMES, Tick
from schedules.config import Schedule
from schedules.planner import Planner
from schedules.timetable import CronTimetable, IntervalTimetable, list_moments

HOUR, DAY = 3600, 86400
START = 1_767_225_600  # 2026-01-01


def schedule(name: str = "top", when: object = None, **more: object) -> Schedule:
    return Schedule(name, "report", when or IntervalTimetable(HOUR), **more)


def agenda(*schedules: Schedule, decided: int = START, unfinished: Iterable[Tick] = ()) -> Planner:
    return Planner({one.name: one for one in schedules}, {one.name: decided for one in schedules}, unfinished)


def told(ticks: Iterable[Tick]) -> list[tuple[int, str, str | None]]:
    return [((tick.due_at - START) // HOUR, tick.outcome, tick.reason) for tick in ticks]


def test_a_schedule_is_known_from_the_moment_it_is_first_read() -> None:
    made = Planner({"top": schedule()}, {})
    assert [(tick.outcome, tick.due_at) for tick in made.resume(START + 5)] == [("known", START + 5)]
    assert made.next_tick(START + 5) is None


@pytest.mark.fault("B2")
def test_stopped_over_three_periods_there_are_three_ticks_and_one_is_caught_up_with() -> None:
    made = agenda(schedule())
    ticks = made.resume(START + 3 * HOUR + 600)
    assert told(ticks) == [(1, "gap", "off"), (2, "gap", "off"), (3, "queued", None)]
    assert ticks[-1].cause == "catch-up"
    assert made.next_tick(START + 4 * HOUR) == ticks[-1]


@pytest.mark.parametrize("away", [HOUR, DAY, 30 * DAY, 90 * DAY])
@pytest.mark.fault("B2")
def test_however_long_it_was_off_there_is_a_row_for_each_moment(away: int) -> None:
    ticks = agenda(schedule()).resume(START + away)
    assert [tick.due_at for tick in ticks] == list(list_moments(IntervalTimetable(HOUR), START, START + away))
    assert sum(tick.outcome == "queued" for tick in ticks) == 1


def test_what_is_too_late_by_its_grace_is_a_gap() -> None:
    assert told(agenda(schedule(grace=600)).resume(START + HOUR + 601)) == [(1, "gap", "off")]
    assert told(agenda(schedule(grace=600)).resume(START + HOUR + 600)) == [(1, "queued", None)]


@pytest.mark.fault("B5")
def test_a_moment_that_passes_while_its_command_runs_is_an_overrun() -> None:
    made = agenda(schedule())
    (due,) = made.update(START + HOUR)
    made.start(due, START + HOUR)
    assert told(made.update(START + 2 * HOUR)) == [(2, "gap", "overrun")]
    assert made.next_tick(START + 2 * HOUR) is None
    assert told(made.finish(0, START + 2 * HOUR + 5)) == [(1, "done", None)]


def test_one_command_runs_at_a_time_and_the_oldest_is_next() -> None:
    made = agenda(schedule("b"), schedule("a"), schedule("late", IntervalTimetable(2 * HOUR)))
    made.update(START + HOUR)
    assert made.next_tick(START + HOUR).schedule == "a"
    made.start(made.next_tick(START + HOUR), START + HOUR)
    assert made.next_tick(START + HOUR) is None
    made.finish(0, START + HOUR)
    assert made.next_tick(START + HOUR).schedule == "b"


def test_what_still_waits_when_its_next_moment_comes_gives_way_to_it() -> None:
    made = agenda(schedule("long", IntervalTimetable(DAY)), schedule())
    running = Tick("long", START, "time", "queued")
    made.start(running, START)
    made.update(START + HOUR)
    assert told(made.update(START + 2 * HOUR)) == [(1, "gap", "overrun"), (2, "queued", None)]


def test_what_waits_longer_than_its_grace_is_a_gap() -> None:
    made = agenda(schedule("long", IntervalTimetable(DAY)), schedule(grace=60))
    made.start(Tick("long", START, "time", "queued"), START)
    made.update(START + HOUR)
    assert told(made.update(START + HOUR + 61)) == [(1, "gap", "overrun")]


def test_on_success_and_only_then_the_others_follow() -> None:
    made = agenda(schedule(then=("after",)), Schedule("after", "compute"))
    (due,) = made.update(START + HOUR)
    made.start(due, START + HOUR)
    ended, follows = made.finish(0, START + HOUR + 9)
    assert (ended.outcome, follows.schedule, follows.cause) == ("done", "after", "then")
    made.start(follows, START + HOUR + 9)
    made.finish(1, START + HOUR + 10)
    (due,) = made.update(START + 2 * HOUR)
    made.start(due, START + 2 * HOUR)
    assert len(made.finish(1, START + 2 * HOUR)) == 1


def test_a_moment_of_a_schedule_that_also_follows_another_is_not_lost() -> None:
    made = agenda(schedule(then=("after",)), schedule("after", IntervalTimetable(HOUR)))
    made.update(START + HOUR)
    for _ in range(2):
        made.start(made.next_tick(START + HOUR), START + HOUR)
        made.finish(0, START + 2 * HOUR - 1)
    assert 2 in [hour for hour, *_ in told(made.update(START + 2 * HOUR))]


@pytest.mark.parametrize("reason", ["offline", "rate limited", "disk full", "another writer"])
def test_what_passes_is_tried_again_later_and_later(reason: str) -> None:
    made = agenda(schedule(when=IntervalTimetable(DAY), grace=DAY // 2))
    made.update(START + DAY)
    now, pauses = START + DAY, []
    for _ in range(5):
        tick = made.next_tick(now)
        made.start(tick, now)
        (ended,) = made.finish(3, now, reason)
        assert (ended.outcome, ended.reason) == ("partial", reason)
        pauses.append(made.queue["top"].not_before - now)
        assert made.next_tick(now + pauses[-1] - 1) is None
        now += pauses[-1]
    assert pauses == [300, 600, 1200, 2400, 3600]


def test_what_does_not_pass_is_not_tried_again() -> None:
    made = agenda(schedule())
    made.update(START + HOUR)
    made.start(made.next_tick(START + HOUR), START + HOUR)
    made.finish(2, START + HOUR)
    assert not made.queue


@pytest.mark.fault("A4")
def test_without_room_on_the_disk_it_waits_and_then_is_a_gap_with_that_reason() -> None:
    made = agenda(schedule(grace=1000))
    made.update(START + HOUR)
    (held,) = made.defer(made.next_tick(START + HOUR), "disk full", START + HOUR)
    assert held.reason == "disk full" and made.next_tick(START + HOUR + 10) is None
    assert made.defer(made.next_tick(START + HOUR + 300), "disk full", START + HOUR + 300) == []
    assert told(made.update(START + HOUR + 1001)) == [(1, "gap", "disk full")]


def test_what_was_broken_off_is_gone_on_with_as_the_same_tick() -> None:
    broken = Tick("top", START + HOUR, "time", "started", started_at=START + HOUR, attempts=1)
    made = agenda(schedule(), decided=START + HOUR, unfinished=[broken])
    (again,) = made.resume(START + HOUR + 30)
    started = made.start(again, START + HOUR + 30)
    assert (started.due_at, started.attempts) == (START + HOUR, 2)


def test_what_was_broken_off_and_is_overtaken_stays_on_record_as_killed() -> None:
    broken = Tick("top", START + HOUR, "time", "started", started_at=START + HOUR, attempts=1)
    made = agenda(schedule(), decided=START + HOUR, unfinished=[broken])
    assert told(made.resume(START + 2 * HOUR)) == [(1, "failed", "killed"), (2, "queued", None)]


@pytest.mark.fault("B4")
def test_a_clock_that_was_years_ahead_does_not_silence_a_schedule() -> None:
    made = agenda(schedule(), decided=START + 3650 * DAY)
    (gap,) = made.resume(START + 5)
    assert (gap.cause, gap.reason, gap.due_at) == ("clock", "clock untrusted", START + 5)
    assert told(made.update(START + HOUR)) == [(1, "queued", None)]


@pytest.mark.fault("B4")
def test_a_clock_that_is_found_set_at_a_moment_leaves_the_row_of_that_moment() -> None:
    made = agenda(schedule(), decided=START + 3650 * DAY)
    (gap,) = made.resume(START + HOUR)
    assert (gap.cause, gap.due_at) == ("clock", START + HOUR + 1)
    assert told(made.update(START + 2 * HOUR)) == [(2, "queued", None)]


@pytest.mark.fault("B4")
def test_a_clock_that_was_set_back_a_little_decides_nothing_twice() -> None:
    made = agenda(schedule())
    made.update(START + 5 * HOUR)
    assert made.update(START + 3 * HOUR) == []
    assert told(made.update(START + 6 * HOUR))[-1] == (6, "queued", None)


def test_other_schedules_are_taken_up_and_those_that_are_gone_wait_no_more() -> None:
    made = agenda(schedule())
    made.update(START + HOUR)
    ticks = made.replace_schedules({"new": schedule("new")}, START + HOUR + 5)
    assert [(tick.schedule, tick.outcome) for tick in ticks] == [("top", "gap"), ("new", "known")]
    assert made.next_tick(START + HOUR + 5) is None


class Year:
    """A daemon's life without processes: commands take hours, fail, are killed; it dies and comes back."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.schedules = {
            "daily": Schedule("daily", "a", CronTimetable("17 3 * * *"), 20 * HOUR, ("after",)),
            "weekly": Schedule("weekly", "b", CronTimetable("43 5 * * MON"), 3 * DAY),
            "hourly": Schedule("hourly", "c", IntervalTimetable(HOUR), 50 * 60),
            "after": Schedule("after", "d"),
        }
        self.record: dict[tuple[str, int], Tick] = {}
        self.running: tuple[int, Tick] | None = None
        self.runs: list[tuple[int, int, str]] = []
        self.made = Planner(self.schedules, {})

    def write(self, ticks: Iterable[Tick]) -> None:
        for tick in ticks:
            before = self.record.get((tick.schedule, tick.due_at))
            assert before is None or before.outcome not in ("known", "done", "gap"), (before, tick)
            self.record[tick.schedule, tick.due_at] = tick

    def come_back(self, now: int) -> None:
        decided: dict[str, int] = {}
        for tick in self.record.values():
            if tick.cause in ("time", "catch-up"):
                decided[tick.schedule] = max(tick.due_at, decided.get(tick.schedule, 0))
        left = [replace(tick) for tick in self.record.values() if tick.outcome in UNFINISHED_OUTCOMES]
        self.made, self.running = Planner(self.schedules, decided, left), None
        self.write(self.made.resume(now))

    def step(self, now: int) -> None:
        self.write(self.made.update(now))
        if self.running and self.running[0] <= now:
            code = 0 if self.chance.random() > 0.05 else 3
            self.write(self.made.finish(code, now, "offline" if code else None))
            self.running = None
        tick = self.made.next_tick(now)
        if tick:
            started = self.made.start(tick, now)
            self.write([started])
            ends = now + self.chance.choice((60, 600, 600, 4 * HOUR))
            assert not self.runs or self.runs[-1][1] <= now, "two at once"
            self.running = (ends, started)
            self.runs.append((now, now, tick.schedule))
        if self.running and self.runs:
            self.runs[-1] = (self.runs[-1][0], now, self.runs[-1][2])

    def live(self, days: int) -> int:
        now, end = START, START + days * DAY
        self.come_back(now)
        while now < end:
            now += self.chance.choice((300, 900, 1500))
            fate = self.chance.random()
            if fate < 0.0005:
                now += self.chance.choice((5, HOUR, 3 * DAY))
                self.come_back(now)  # killed, and started again
            else:
                self.step(now)
        return now


def lived_well(year: Year, end: int) -> None:
    for name, one in year.schedules.items():
        if one.when is None:
            continue
        due = set(list_moments(one.when, START, end))
        rows = {
            moment for (schedule, moment), tick in year.record.items() if schedule == name and tick.outcome != "known"
        }
        assert {moment for moment in due if moment <= year.made.decided_until[name]} == rows, name
    open_ones = [tick for tick in year.record.values() if tick.outcome in UNFINISHED_OUTCOMES]
    assert len(open_ones) <= len(year.schedules), "one of each may still wait or run"
    done = [tick for tick in year.record.values() if tick.outcome == "done"]
    assert len(done) > 300
    assert all(tick.reason for tick in year.record.values() if tick.outcome == "gap")


def test_a_year_in_a_box_has_a_row_for_each_moment_and_never_two_commands_at_once() -> None:
    year = Year(1)
    lived_well(year, year.live(365))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 22))
def test_twenty_years_in_a_box(seed: int) -> None:
    year = Year(seed)
    lived_well(year, year.live(365))
