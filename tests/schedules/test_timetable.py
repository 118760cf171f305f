"""Each moment is there once: over ten years, in every zone's terms, on the nights the clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schedules.timetable import CronTimetable, IntervalTimetable, list_moments

ZONES = (
    "Europe/Berlin", "Europe/London", "America/New_York", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kolkata",
    "Pacific/Apia", "Africa/Casablanca", "Asia/Tehran", "America/Sao_Paulo",
)  # fmt: skip
FORTY = (*ZONES, *(f"Etc/GMT{sign}{hours}" for sign in "+-" for hours in range(1, 13)), "Etc/GMT-13", "Etc/GMT-14",
         "America/Los_Angeles", "Asia/Tokyo", "Europe/Paris", "Asia/Kathmandu")  # fmt: skip


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("Europe/Berlin", "2026-03-29"), ("Europe/Berlin", "2026-10-25"),
        ("America/New_York", "2026-03-08"), ("America/New_York", "2026-11-01"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("local", ["01:30", "02:30", "03:30"])
@pytest.mark.fault("B1")
def test_on_the_days_the_clocks_change_in_2026_each_tick_is_there_once(zone: str, day: str, local: str) -> None:
    hour, minute = (int(part) for part in local.split(":"))
    offset = datetime.fromisoformat(f"{day}T00:00").replace(tzinfo=ZoneInfo(zone)).utcoffset() or timedelta()
    wanted = datetime.fromisoformat(f"{day}T{local}") - offset  # as its people call it before the change
    cron = CronTimetable(f"{wanted.minute} {wanted.hour} * * *")
    around = at(f"{day}T00:00") - 2 * 86400
    found = list(list_moments(cron, around, around + 5 * 86400))
    assert len(found) == 5 and {b - a for a, b in zip(found, found[1:], strict=False)} == {86400}
    hourly = list(list_moments(CronTimetable(f"{minute} * * * *"), around, around + 5 * 86400))
    assert len(hourly) == 120 and len(set(hourly)) == 120


@pytest.mark.parametrize("zone", FORTY)
@pytest.mark.fault("B1")
def test_ten_years_of_days_are_as_many_ticks_in_any_zone(zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        found = list(list_moments(CronTimetable("30 2 * * SUN"), at("2026-01-01"), at("2036-01-01")))
    finally:
        monkeypatch.undo()
        time.tzset()
    assert len(found) == len(set(found)) == 522
    assert all(datetime.fromtimestamp(one, UTC).strftime("%a %H:%M") == "Sun 02:30" for one in found)


@pytest.mark.fault("B6")
def test_leap_days_year_ends_and_week_53_are_days_like_others() -> None:
    assert list(list_moments(CronTimetable("0 0 29 2 *"), at("2024-03-01"), at("2033-01-01"))) == [
        at("2028-02-29"),
        at("2032-02-29"),
    ]
    mondays = list(list_moments(CronTimetable("17 3 * * MON"), at("2026-12-20"), at("2027-01-13")))
    assert [datetime.fromtimestamp(one, UTC).date().isoformat() for one in mondays] == [
        "2026-12-21", "2026-12-28", "2027-01-04", "2027-01-11",
    ]  # fmt: skip


@given(st.integers(1, 10**6), st.integers(0, 2**33), st.integers(0, 200))
def test_an_interval_is_cut_anywhere_and_loses_nothing(period: int, start: int, steps: int) -> None:
    end = start + period * steps
    whole = list(list_moments(IntervalTimetable(period), start, end))
    cut = start + (end - start) // 3
    assert whole == [
        *list_moments(IntervalTimetable(period), start, cut),
        *list_moments(IntervalTimetable(period), cut, end),
    ]
    assert len(whole) == end // period - start // period


@given(
    st.sampled_from(["* * * * *", "*/7 3 * * *", "17 3 * * MON", "0 0 1 * *", "5 4 * * MON-WED", "0 12 29 2 *"]),
    st.integers(0, 2**32), st.integers(0, 1500), st.floats(0, 1),
)  # fmt: skip
@settings(max_examples=30, deadline=None)
def test_a_cron_line_is_cut_anywhere_and_loses_nothing(line: str, start: int, minutes: int, part: float) -> None:
    cron, end = CronTimetable(line), start + 60 * minutes
    cut = start + int((end - start) * part)
    whole = list(list_moments(cron, start, end))
    assert whole == [*list_moments(cron, start, cut), *list_moments(cron, cut, end)]
    assert len(whole) == len(set(whole)) and whole == sorted(whole)
