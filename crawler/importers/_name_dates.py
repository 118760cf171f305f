"""Read the date in the name of a file (pure)."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

DATE_PATTERN = re.compile(r"(?<![0-9])([0-9]{4})([-_])([0-9]{2})\2([0-9]{2})(?![0-9])")
COMPACT_PATTERN = re.compile(r"(?<![0-9])((?:19|20)[0-9]{2})()([0-9]{2})([0-9]{2})(?![0-9])")


def date_of_name(file: Path) -> date:
    """Return the one date in the name of a file, or else in the name of its folder.

    >>> date_of_name(Path("2020-01-01/pypi_2022-07-01.csv.gz")), date_of_name(Path("models/20260930/models.parquet"))
    (datetime.date(2022, 7, 1), datetime.date(2026, 9, 30))

    Raises:
        ValueError: the name has no date, several dates, or a date that is in no calendar.
    """
    for name in (file.name, file.absolute().parent.name):
        texts = [match for pattern in (DATE_PATTERN, COMPACT_PATTERN) for match in pattern.findall(name)]
        dates = {_make_date(*text) for text in texts}
        if len(dates) > 1:
            raise ValueError(f"its name has {len(dates)} dates: {', '.join(map(str, sorted(dates)))}")
        if dates:
            return dates.pop()
    raise ValueError("neither its name nor its folder has a date such as 2022-07-01")


def _make_date(year: str, separator: str, month: str, day: str) -> date:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        raise ValueError(f"{separator.join((year, month, day))} in its name is no day of the calendar") from None
