"""Each moment occurs once: over ten years, in every time zone, and on the nights when clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schedules.timetable import CronTimetable, IntervalTimetable, Timetable, list_moments, list_newest_moments

ZONES = (
    "Europe/Berlin", "Europe/London", "America/New_York", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kolkata",
    "Pacific/Apia", "Africa/Casablanca", "Asia/Tehran", "America/Sao_Paulo",
)  # fmt: skip
FORTY = (*ZONES, *(f"Etc/GMT{sign}{hours}" for sign in "+-" for hours in range(1, 13)), "Etc/GMT-13", "Etc/GMT-14",
         "America/Los_Angeles", "Asia/Tokyo", "Europe/Paris", "Asia/Kathmandu")  # fmt: skip


def epoch_seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("Europe/Berlin", "2026-03-29"),
        ("Europe/Berlin", "2026-10-25"),
        ("America/New_York", "2026-03-08"),
        ("America/New_York", "2026-11-01"),
    ],
)
@pytest.mark.parametrize("local", ["01:30", "02:30", "03:30"])
@pytest.mark.fault("B1")
def test_on_days_when_clocks_change_each_moment_occurs_once(zone: str, day: str, local: str) -> None:
    offset = datetime.fromisoformat(f"{day}T00:00").replace(tzinfo=ZoneInfo(zone)).utcoffset() or timedelta()
    utc = datetime.fromisoformat(f"{day}T{local}") - offset  # the local time as it is called before the change
    cron = CronTimetable(f"{utc.minute} {utc.hour} * * *")
    around = epoch_seconds(f"{day}T00:00") - 2 * 86400
    daily = list(list_moments(cron, around, around + 5 * 86400))
    assert len(daily) == 5 and {after - before for before, after in pairwise(daily)} == {86400}
    hourly = list(list_moments(CronTimetable(f"{utc.minute} * * * *"), around, around + 5 * 86400))
    assert len(hourly) == 120 and len(set(hourly)) == 120


@pytest.mark.parametrize("zone", FORTY)
@pytest.mark.fault("B1")
def test_ten_years_have_the_same_moments_in_every_time_zone(zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        moments = list(
            list_moments(CronTimetable("30 2 * * SUN"), epoch_seconds("2026-01-01"), epoch_seconds("2036-01-01"))
        )
    finally:
        monkeypatch.undo()
        time.tzset()
    assert len(moments) == len(set(moments)) == 522
    assert all(datetime.fromtimestamp(moment, UTC).strftime("%a %H:%M") == "Sun 02:30" for moment in moments)


@pytest.mark.fault("B6")
def test_leap_days_year_ends_and_week_53_are_ordinary_days() -> None:
    assert list(
        list_moments(CronTimetable("0 0 29 2 *"), epoch_seconds("2024-03-01"), epoch_seconds("2033-01-01"))
    ) == [epoch_seconds("2028-02-29"), epoch_seconds("2032-02-29")]
    mondays = list(
        list_moments(CronTimetable("17 3 * * MON"), epoch_seconds("2026-12-20"), epoch_seconds("2027-01-13"))
    )
    assert [datetime.fromtimestamp(moment, UTC).date().isoformat() for moment in mondays] == [
        "2026-12-21", "2026-12-28", "2027-01-04", "2027-01-11",
    ]  # fmt: skip


@given(st.integers(1, 10**6), st.integers(0, 2**33), st.integers(0, 200))
def test_an_interval_split_anywhere_loses_no_moment(period: int, start: int, steps: int) -> None:
    end = start + period * steps
    moments = list(list_moments(IntervalTimetable(period), start, end))
    split = start + (end - start) // 3
    assert moments == [
        *list_moments(IntervalTimetable(period), start, split),
        *list_moments(IntervalTimetable(period), split, end),
    ]
    assert len(moments) == end // period - start // period


@given(
    st.sampled_from(["* * * * *", "*/7 3 * * *", "17 3 * * MON", "0 0 1 * *", "5 4 * * MON-WED", "0 12 29 2 *"]),
    st.integers(0, 2**32),
    st.integers(0, 1500),
    st.floats(0, 1),
)
@settings(max_examples=30, deadline=None)
def test_cron_fields_split_anywhere_lose_no_moment(line: str, start: int, minutes: int, part: float) -> None:
    cron, end = CronTimetable(line), start + 60 * minutes
    split = start + int((end - start) * part)
    moments = list(list_moments(cron, start, end))
    assert moments == [*list_moments(cron, start, split), *list_moments(cron, split, end)]
    assert len(moments) == len(set(moments)) and moments == sorted(moments)


@given(
    st.sampled_from([IntervalTimetable(7), IntervalTimetable(60), CronTimetable("*/20 3-5 * * *")]),
    st.integers(0, 200_000), st.integers(0, 200_000), st.integers(1, 40),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_the_newest_moments_are_the_end_of_all_moments(
    timetable: Timetable, after: int, seconds: int, limit: int
) -> None:
    moments = list(list_moments(timetable, after, after + seconds))
    newest, has_older = list_newest_moments(timetable, after, after + seconds, limit)
    assert has_older == (len(moments) > limit)
    assert newest == (moments[-len(newest) :] if newest else [])
    assert len(newest) == len(moments) if not has_older else limit * 9 // 10 <= len(newest) <= limit
