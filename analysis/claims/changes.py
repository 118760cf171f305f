"""Changes of verdicts since a day, by few queries of the store however long its history is."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from itertools import groupby

from analysis.claims.results import HUB, StoredResults
from analysis.claims.rules import CLAIMS, NOT_TESTABLE
from analysis.claims.verdicts import VerdictChange, compute_verdicts, iter_verdict_changes
from analysis.compute.relations import load_query

MAX_INSTANT = 2**62


def find_changes_since(connection: sqlite3.Connection, first_day: str) -> list[VerdictChange]:
    """Return each change of a verdict on `first_day` or later."""
    trends: list[list[tuple[str, str]]] = [[] for _ in CLAIMS]
    incomplete: set[int] = set()  # claims with a verdict since `first_day`, and none before it yet
    for day in _iter_days(connection):
        if day < first_day and not incomplete:
            break
        for index, measurement in enumerate(compute_verdicts(StoredResults(connection, day))):
            if measurement.verdict == NOT_TESTABLE:
                continue
            if day >= first_day:
                incomplete.add(index)
            elif index in incomplete:
                incomplete.remove(index)
            else:
                continue
            trends[index].append((day, measurement.verdict))
    return [
        change
        for claim, trend in zip(CLAIMS, trends, strict=True)
        for change in iter_verdict_changes(claim.claim, reversed(trend))
    ]


def _iter_days(connection: sqlite3.Connection) -> Iterator[str]:
    """Yield the distinct days of the Hub's lists, newest first. They are read on demand."""
    rows = connection.execute(load_query("ranking_dates"), {"registry": HUB, "until": MAX_INSTANT})
    yield from (day for day, _ in groupby(str(row["date"]) for row in rows))
