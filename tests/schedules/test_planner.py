"""The planner: what is due, queued and missed, decided without a clock, a store or a process."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from db.ticks import UNFINISHED_OUTCOMES, Tick
from schedules.config import Schedule
from schedules.planner import MAX_MISSED_MOMENTS, Planner
from schedules.timetable import CronTimetable, IntervalTimetable, Timetable, list_moments

HOUR, DAY = 3600, 86400
START = 1_767_225_600  # 2026-01-01


def make_schedule(name: str = "top", timetable: Timetable | None = None, **fields: Any) -> Schedule:
    return Schedule(name, "report", timetable or IntervalTimetable(HOUR), **fields)


def make_planner(*schedules: Schedule, decided: int = START, unfinished: Iterable[Tick] = ()) -> Planner:
    by_name = {schedule.name: schedule for schedule in schedules}
    return Planner(by_name, dict.fromkeys(by_name, decided), unfinished)


def summarize(ticks: Iterable[Tick]) -> list[tuple[int, str, str | None]]:
    """Return the hour, the outcome and the reason of each tick."""
    return [((tick.due_at - START) // HOUR, tick.outcome, tick.reason) for tick in ticks]


def next_tick(planner: Planner, now: int) -> Tick:
    """Return the tick that may start now. There has to be one."""
    tick = planner.next_tick(now)
    assert tick is not None
    return tick


def test_a_schedule_is_known_from_the_moment_it_is_first_read() -> None:
    planner = Planner({"top": make_schedule()}, {})
    assert [(tick.outcome, tick.due_at) for tick in planner.resume(START + 5)] == [("known", START + 5)]
    assert planner.next_tick(START + 5) is None


@pytest.mark.fault("B2")
def test_after_three_missed_periods_there_are_three_ticks_and_only_the_newest_runs() -> None:
    planner = make_planner(make_schedule())
    ticks = planner.resume(START + 3 * HOUR + 600)
    assert summarize(ticks) == [(1, "gap", "off"), (2, "gap", "off"), (3, "queued", None)]
    assert ticks[-1].cause == "catch-up"
    assert planner.next_tick(START + 4 * HOUR) == ticks[-1]


@pytest.mark.parametrize("away", [HOUR, DAY, 30 * DAY, 90 * DAY])
@pytest.mark.fault("B2")
def test_after_any_downtime_each_moment_has_one_tick(away: int) -> None:
    ticks = make_planner(make_schedule()).resume(START + away)
    assert [tick.due_at for tick in ticks] == list(list_moments(IntervalTimetable(HOUR), START, START + away))
    assert sum(tick.outcome == "queued" for tick in ticks) == 1


def test_a_moment_later_than_its_grace_becomes_a_gap() -> None:
    assert summarize(make_planner(make_schedule(grace=600)).resume(START + HOUR + 601)) == [(1, "gap", "off")]
    assert summarize(make_planner(make_schedule(grace=600)).resume(START + HOUR + 600)) == [(1, "queued", None)]


@pytest.mark.fault("B5")
def test_a_moment_that_passes_while_its_command_runs_is_an_overrun() -> None:
    planner = make_planner(make_schedule())
    (due,) = planner.update(START + HOUR)
    planner.start(due, START + HOUR)
    assert summarize(planner.update(START + 2 * HOUR)) == [(2, "gap", "overrun")]
    assert planner.next_tick(START + 2 * HOUR) is None
    assert summarize(planner.finish(0, START + 2 * HOUR + 5)) == [(1, "done", None)]


def test_one_command_runs_at_a_time_and_the_oldest_is_next() -> None:
    planner = make_planner(make_schedule("b"), make_schedule("a"), make_schedule("late", IntervalTimetable(2 * HOUR)))
    planner.update(START + HOUR)
    assert next_tick(planner, START + HOUR).schedule == "a"
    planner.start(next_tick(planner, START + HOUR), START + HOUR)
    assert planner.next_tick(START + HOUR) is None
    planner.finish(0, START + HOUR)
    assert next_tick(planner, START + HOUR).schedule == "b"


def test_a_queued_tick_gives_way_to_the_next_moment_of_its_schedule() -> None:
    planner = make_planner(make_schedule("long", IntervalTimetable(DAY)), make_schedule())
    running = Tick("long", START, "time", "queued")
    planner.start(running, START)
    planner.update(START + HOUR)
    assert summarize(planner.update(START + 2 * HOUR)) == [(1, "gap", "overrun"), (2, "queued", None)]


def test_a_tick_queued_longer_than_its_grace_becomes_a_gap() -> None:
    planner = make_planner(make_schedule("long", IntervalTimetable(DAY)), make_schedule(grace=60))
    planner.start(Tick("long", START, "time", "queued"), START)
    planner.update(START + HOUR)
    assert summarize(planner.update(START + HOUR + 61)) == [(1, "gap", "overrun")]


def test_followers_run_only_after_a_success() -> None:
    planner = make_planner(make_schedule(then=("after",)), Schedule("after", "compute"))
    (due,) = planner.update(START + HOUR)
    planner.start(due, START + HOUR)
    finished, follower = planner.finish(0, START + HOUR + 9)
    assert (finished.outcome, follower.schedule, follower.cause) == ("done", "after", "then")
    planner.start(follower, START + HOUR + 9)
    planner.finish(1, START + HOUR + 10)
    (due,) = planner.update(START + 2 * HOUR)
    planner.start(due, START + 2 * HOUR)
    assert len(planner.finish(1, START + 2 * HOUR)) == 1


def test_a_moment_of_a_schedule_that_also_follows_another_is_not_lost() -> None:
    planner = make_planner(make_schedule(then=("after",)), make_schedule("after", IntervalTimetable(HOUR)))
    planner.update(START + HOUR)
    for _ in range(2):
        planner.start(next_tick(planner, START + HOUR), START + HOUR)
        planner.finish(0, START + 2 * HOUR - 1)
    assert 2 in [hour for hour, *_ in summarize(planner.update(START + 2 * HOUR))]


@pytest.mark.parametrize("reason", ["offline", "rate limited", "disk full", "another writer"])
def test_a_failure_that_passes_is_retried_after_longer_and_longer_pauses(reason: str) -> None:
    planner = make_planner(make_schedule(timetable=IntervalTimetable(DAY), grace=DAY // 2))
    planner.update(START + DAY)
    now, pauses = START + DAY, []
    for _ in range(5):
        planner.start(next_tick(planner, now), now)
        (finished,) = planner.finish(3, now, reason)
        assert (finished.outcome, finished.reason) == ("partial", reason)
        pauses.append(planner.queue["top"].not_before - now)
        assert planner.next_tick(now + pauses[-1] - 1) is None
        now += pauses[-1]
    assert pauses == [300, 600, 1200, 2400, 3600]


def test_other_failures_are_not_retried() -> None:
    planner = make_planner(make_schedule())
    planner.update(START + HOUR)
    planner.start(next_tick(planner, START + HOUR), START + HOUR)
    planner.finish(2, START + HOUR)
    assert not planner.queue


@pytest.mark.fault("A4")
def test_on_a_full_disk_a_tick_waits_and_then_becomes_a_gap_with_that_reason() -> None:
    planner = make_planner(make_schedule(grace=1000))
    planner.update(START + HOUR)
    (deferred,) = planner.defer(next_tick(planner, START + HOUR), "disk full", START + HOUR)
    assert deferred.reason == "disk full" and planner.next_tick(START + HOUR + 10) is None
    assert planner.defer(next_tick(planner, START + HOUR + 300), "disk full", START + HOUR + 300) == []
    assert summarize(planner.update(START + HOUR + 1001)) == [(1, "gap", "disk full")]


def test_an_interrupted_tick_is_resumed_as_the_same_tick() -> None:
    interrupted = Tick("top", START + HOUR, "time", "started", started_at=START + HOUR, attempts=1)
    planner = make_planner(make_schedule(), decided=START + HOUR, unfinished=[interrupted])
    (resumed,) = planner.resume(START + HOUR + 30)
    started = planner.start(resumed, START + HOUR + 30)
    assert (started.due_at, started.attempts) == (START + HOUR, 2)


def test_an_interrupted_tick_that_is_overtaken_stays_recorded_as_killed() -> None:
    interrupted = Tick("top", START + HOUR, "time", "started", started_at=START + HOUR, attempts=1)
    planner = make_planner(make_schedule(), decided=START + HOUR, unfinished=[interrupted])
    assert summarize(planner.resume(START + 2 * HOUR)) == [(1, "failed", "killed"), (2, "queued", None)]


@pytest.mark.fault("B4")
def test_a_clock_that_was_years_ahead_does_not_silence_a_schedule() -> None:
    planner = make_planner(make_schedule(), decided=START + 3650 * DAY)
    (gap,) = planner.resume(START + 5)
    assert (gap.cause, gap.reason, gap.due_at) == ("clock", "clock untrusted", START + 5)
    assert summarize(planner.update(START + HOUR)) == [(1, "queued", None)]


@pytest.mark.fault("B4")
def test_a_clock_corrected_at_a_moment_leaves_the_tick_of_that_moment() -> None:
    planner = make_planner(make_schedule(), decided=START + 3650 * DAY)
    (gap,) = planner.resume(START + HOUR)
    assert (gap.cause, gap.due_at) == ("clock", START + HOUR + 1)
    assert summarize(planner.update(START + 2 * HOUR)) == [(2, "queued", None)]


@pytest.mark.fault("B4")
def test_a_clock_that_was_set_back_a_little_decides_nothing_twice() -> None:
    planner = make_planner(make_schedule())
    planner.update(START + 5 * HOUR)
    assert planner.update(START + 3 * HOUR) == []
    assert summarize(planner.update(START + 6 * HOUR))[-1] == (6, "queued", None)


def test_reloading_adds_new_schedules_and_drops_the_ticks_of_removed_ones() -> None:
    planner = make_planner(make_schedule())
    planner.update(START + HOUR)
    ticks = planner.replace_schedules({"new": make_schedule("new")}, START + HOUR + 5)
    assert [(tick.schedule, tick.outcome) for tick in ticks] == [("top", "gap"), ("new", "known")]
    assert planner.next_tick(START + HOUR + 5) is None


def test_the_next_change_is_the_next_moment_or_retry() -> None:
    assert make_planner(Schedule("after", "compute")).next_change() is None
    planner = make_planner(make_schedule(timetable=IntervalTimetable(DAY)), make_schedule("hourly"))
    assert planner.next_change() == START + HOUR
    planner.update(START + HOUR)
    assert planner.next_change() == START + 2 * HOUR
    planner.defer(next_tick(planner, START + HOUR), "disk full", START + HOUR)
    assert planner.next_change() == START + HOUR + 300


class DaemonYear:
    """A simulated year of a daemon: commands take hours, fail or are killed, and the daemon is killed and restarted."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.schedules = {
            "daily": Schedule("daily", "a", CronTimetable("17 3 * * *"), 20 * HOUR, ("after",)),
            "weekly": Schedule("weekly", "b", CronTimetable("43 5 * * MON"), 3 * DAY),
            "hourly": Schedule("hourly", "c", IntervalTimetable(HOUR), 50 * 60),
            "after": Schedule("after", "d"),
        }
        self.ticks: dict[tuple[str, int], Tick] = {}
        self.running: tuple[int, Tick] | None = None
        self.runs: list[tuple[int, int, str]] = []
        self.planner = Planner(self.schedules, {})

    def record_ticks(self, ticks: Iterable[Tick]) -> None:
        for tick in ticks:
            before = self.ticks.get((tick.schedule, tick.due_at))
            assert before is None or before.outcome not in ("known", "done", "gap"), (before, tick)
            self.ticks[tick.schedule, tick.due_at] = tick

    def restart(self, now: int) -> None:
        decided: dict[str, int] = {}
        for tick in self.ticks.values():
            if tick.cause in ("time", "catch-up"):
                decided[tick.schedule] = max(tick.due_at, decided.get(tick.schedule, 0))
        unfinished = [replace(tick) for tick in self.ticks.values() if tick.outcome in UNFINISHED_OUTCOMES]
        self.planner, self.running = Planner(self.schedules, decided, unfinished), None
        self.record_ticks(self.planner.resume(now))

    def step(self, now: int) -> None:
        self.record_ticks(self.planner.update(now))
        if self.running and self.running[0] <= now:
            code = 0 if self.random.random() > 0.05 else 3
            self.record_ticks(self.planner.finish(code, now, "offline" if code else None))
            self.running = None
        tick = self.planner.next_tick(now)
        if tick:
            started = self.planner.start(tick, now)
            self.record_ticks([started])
            ends = now + self.random.choice((60, 600, 600, 4 * HOUR))
            assert not self.runs or self.runs[-1][1] <= now, "two commands at once"
            self.running = (ends, started)
            self.runs.append((now, now, tick.schedule))
        if self.running and self.runs:
            self.runs[-1] = (self.runs[-1][0], now, self.runs[-1][2])

    def run_days(self, days: int) -> int:
        now, end = START, START + days * DAY
        self.restart(now)
        while now < end:
            now += self.random.choice((300, 900, 1500))
            if self.random.random() < 0.0005:
                now += self.random.choice((5, HOUR, 3 * DAY))
                self.restart(now)  # the daemon was killed and started again
            else:
                self.step(now)
        return now


def check_year(year: DaemonYear, end: int) -> None:
    for name, schedule in year.schedules.items():
        if schedule.timetable is None:
            continue
        due = set(list_moments(schedule.timetable, START, end))
        rows = {moment for (owner, moment), tick in year.ticks.items() if owner == name and tick.outcome != "known"}
        assert {moment for moment in due if moment <= year.planner.decided_until[name]} == rows, name
    unfinished = [tick for tick in year.ticks.values() if tick.outcome in UNFINISHED_OUTCOMES]
    assert len(unfinished) <= len(year.schedules), "one tick of each schedule may still wait or run"
    successes = [tick for tick in year.ticks.values() if tick.outcome == "done"]
    assert len(successes) > 300
    assert all(tick.reason for tick in year.ticks.values() if tick.outcome == "gap")


def test_a_simulated_year_has_one_tick_for_each_moment_and_never_two_commands_at_once() -> None:
    year = DaemonYear(1)
    check_year(year, year.run_days(365))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 22))
def test_twenty_simulated_years(seed: int) -> None:
    year = DaemonYear(seed)
    check_year(year, year.run_days(365))


def test_a_schedule_whose_moments_change_is_due_from_now_on() -> None:
    planner = make_planner(make_schedule("top", IntervalTimetable(DAY)), make_schedule("same"))
    planner.update(START + HOUR)
    changed = {"top": make_schedule("top", IntervalTimetable(1)), "same": make_schedule("same")}
    assert summarize(planner.replace_schedules(changed, START + 5 * HOUR)) == [(5, "known", None)]
    assert [tick.schedule for tick in planner.update(START + 5 * HOUR + 1)] == ["top", *["same"] * 5]


@pytest.mark.parametrize("timetable", [IntervalTimetable(1), IntervalTimetable(HOUR), CronTimetable("* * * * *")])
@pytest.mark.fault("B4")
def test_years_of_missed_moments_have_a_bound_and_the_oldest_gap_stands_for_the_rest(timetable: Timetable) -> None:
    planner = make_planner(make_schedule("top", timetable), decided=86400)
    started_at = time.process_time()
    *gaps, newest = planner.update(START, "clock untrusted")
    assert time.process_time() - started_at < 5
    assert MAX_MISSED_MOMENTS * 0.9 <= len(gaps) < MAX_MISSED_MOMENTS
    assert {gap.reason for gap in gaps} == {"clock untrusted"}
    assert newest.due_at == START and newest.outcome == "queued"
    assert gaps[0].last_line == "stands for every moment since 1970-01-02T00:00:00Z: too many to record one by one"
    assert {gap.last_line for gap in gaps[1:]} == {None}
    assert planner.update(START) == []


@pytest.mark.fault("B4")
def test_moments_that_a_set_clock_skips_are_no_overruns_of_the_running_command() -> None:
    planner = make_planner(make_schedule())
    (due,) = planner.update(START + HOUR)
    planner.start(due, START + HOUR)
    skipped = planner.update(START + 3 * HOUR, "clock untrusted")
    assert summarize(skipped) == [(2, "gap", "clock untrusted"), (3, "gap", "clock untrusted")]


@pytest.mark.fault("B4")
def test_a_retry_and_a_follower_survive_a_clock_that_was_years_ahead() -> None:
    planner = make_planner(make_schedule(then=("after",)), Schedule("after", "compute"))
    ahead = START + 3650 * DAY
    planner.start(planner.request_run("after", ahead)[0], ahead)
    planner.finish(1, ahead, "offline")
    planner.update(START + 5, "clock untrusted")
    retry = next_tick(planner, START + 5)
    assert retry.schedule == "after" and planner.next_change() is not None
    planner.start(retry, START + 5)
    planner.finish(0, START + 6)
    assert planner.request_run("after", START + 7)[0].due_at == START + 7
