"""The date in the name of a file is read, or the name is refused."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.importers._name_dates import date_of_name


@given(st.dates(date(1900, 1, 1), date(2099, 12, 31)), st.sampled_from(["%Y-%m-%d", "%Y_%m_%d", "%Y%m%d"]))
def test_each_form_of_a_date_is_read_from_a_file_and_from_its_folder(day: date, form: str) -> None:
    text = day.strftime(form)
    for name in (
        f"{text}.csv",
        f"top-5000_{text}.csv.gz",
        f"v2.1-{text}T0300-30-days.json",
        f"{text}/part-00000-of-5.parquet",
    ):
        assert date_of_name(Path("1999-09-09") / name) == day


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("list.csv", "neither its name nor its folder has a date"),
        ("12345678.csv", "neither"),
        ("2022-07-011.csv", "neither"),
        ("2022-07_01.csv", "neither"),
        ("2022-02-30.csv", "2022-02-30 in its name is no day of the calendar"),
        ("20221301.csv", "20221301 in its name is no day"),
        ("2022-07-01_2022-07-02.csv", "2 dates: 2022-07-01, 2022-07-02"),
        ("2022-07-01_20220702.csv", "2 dates"),
    ],
)
def test_a_name_without_exactly_one_date_is_refused(name: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        date_of_name(Path("/lists") / name)


def test_the_same_date_twice_is_one_date() -> None:
    assert date_of_name(Path("2022-07-01/2022-07-01_20220701.csv")) == date(2022, 7, 1)
