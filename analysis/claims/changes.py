"""Changes of verdicts since a day, by few queries of the store however long its history is."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from itertools import groupby

from analysis.claims.paper import CLAIMS
from analysis.claims.results import HUB, HUB_COUNTER, StoredResults
from analysis.claims.verdicts import (
    TrendPoint,
    VerdictChange,
    compute_verdicts,
    is_measured,
    iter_verdict_changes,
    make_trend_point,
)
from analysis.compute.relations import load_query

MAX_INSTANT = 2**62


def find_changes_since(connection: sqlite3.Connection, first_day: str) -> list[VerdictChange]:
    """Return each change of a verdict on `first_day` or later."""
    trends: list[list[TrendPoint]] = [[] for _ in CLAIMS]
    incomplete: set[tuple[int, int | None]] = set()  # claim and depth of verdicts without one before `first_day` yet
    for day in _iter_days(connection):
        if day < first_day and not incomplete:
            break
        for index, measurement in enumerate(compute_verdicts(StoredResults(connection, day))):
            key = index, measurement.depth
            if not is_measured(measurement, day):
                continue
            if day >= first_day:
                incomplete.add(key)
            elif key in incomplete:
                incomplete.remove(key)
            else:
                continue
            trends[index].append(make_trend_point(measurement))
    return [
        change
        for claim, trend in zip(CLAIMS, trends, strict=True)
        for change in iter_verdict_changes(claim.claim, trend[::-1])
    ]


def _iter_days(connection: sqlite3.Connection) -> Iterator[str]:
    """Yield the distinct days of the Hub's lists of one counter, newest first. They are read on demand."""
    rows = connection.execute(
        load_query("ranking_dates"), {"registry": HUB, "counter": HUB_COUNTER, "until": MAX_INSTANT}
    )
    yield from (day for day, _ in groupby(str(row["date"]) for row in rows))
