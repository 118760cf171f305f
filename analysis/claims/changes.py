"""Which claims have another verdict since a day; the store is asked for few results, however long the history is."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from datetime import date, timedelta

from analysis.claims.rules import (
    CLAIMS,
    HUB,
    NOT_TESTABLE,
    Measurement,
    compute_verdicts,
    is_library_result,
    iter_verdict_changes,
)
from analysis.compute.relations import fetch_rows, load_query
from db.cli import parse_day as instant_of

MAX_INSTANT = 2**62


class StoredResults:
    """The newest result of each kind up to a day, as `claims.Newest`, read when it is asked for."""

    def __init__(self, connection: sqlite3.Connection, day: str) -> None:
        self._connection = connection
        self._until = instant_of(str(date.fromisoformat(day) + timedelta(days=1)))

    def get(self, metric: str, name: str, k: int = 0, registry: str = HUB) -> Mapping[str, object] | None:
        """The newest result of this name that is defined, or None."""
        asked = {"metric": metric, "name": name, "k": k, "registry": registry, "until": self._until}
        found = fetch_rows(self._connection, "latest_result", **asked)
        return found[0] if found and found[0]["value"] is not None else None

    def get_value(self, metric: str, name: str, k: int = 0, registry: str = HUB) -> float | None:
        """Its value, or None."""
        row = self.get(metric, name, k, registry)
        return None if row is None else float(str(row["value"]))

    def iter_library_results(self, subject: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
        """The defined results of preservation by Eq. 1 of the subject's own list, one for each library."""
        found = fetch_rows(self._connection, "metric_results", snapshot=subject["snapshot"], metric="preservation")
        yield from filter(is_library_result, found)


def find_changes_since(connection: sqlite3.Connection, first_day: str) -> list[tuple[str, str, str, str]]:
    """Claim, day, verdict before and after, for each verdict that became another one on this day or later."""
    trends: list[list[tuple[str, Measurement]]] = [[] for _ in CLAIMS]
    open_ended: set[int] = set()
    # Newest first: until each verdict that was given since has one before it to be held against.
    for day in _iter_days(connection):
        if day < first_day and not open_ended:
            break
        for place, measured in enumerate(compute_verdicts(StoredResults(connection, day))):
            if measured.verdict == NOT_TESTABLE:
                continue
            if day >= first_day:
                trends[place].append((day, measured))
                open_ended.add(place)
            elif place in open_ended:
                trends[place].append((day, measured))
                open_ended.remove(place)
    told = [
        {"claim": claim.claim, "trend": [{"date": day, "verdict": one.verdict} for day, one in reversed(trend)]}
        for claim, trend in zip(CLAIMS, trends, strict=True)
    ]
    return list(iter_verdict_changes(told))


def _iter_days(connection: sqlite3.Connection) -> Iterator[str]:
    """The days of the Hub's lists, newest first, each once; read as they are needed."""
    last = ""
    for row in connection.execute(load_query("ranking_dates"), {"registry": HUB, "until": MAX_INSTANT}):
        if row["date"] != last:
            last = str(row["date"])
            yield last
