"""The results that verdicts are based on: the newest of each kind up to a day, from a report or from the store."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import NamedTuple, Protocol, TypedDict

from analysis.compute.relations import SqlRow, fetch_rows
from analysis.periods import count_days
from db.cli import parse_day
from db.rows import RELATIONS

HUB = "huggingface/models"
HUB_COUNTER, HUB_PERIOD = "last-30-days", "last 30 days"
MONTHLY_COUNTERS = (HUB_COUNTER, "last-month")  # what they count is comparable; a total, or an unstated period, is not
MAX_AGE_DAYS = 8  # a week and a day: between two lists of a weekly schedule there is always a number
MAX_DAYS_APART = 45  # numbers of two registries further apart are not compared
RESERVED_NAMES = ("coverage", "gain", "lift")  # words of the names of preservation results that are not of one library


class ResultRow(TypedDict):
    """One result, as the queries of results return it."""

    registry: str
    counter: str
    date: str
    previous_date: str | None
    snapshot: int
    metric: str
    name: str
    k: int
    value: float | None
    low: float | None
    high: float | None
    n: int | None
    note: str


class ResultKind(NamedTuple):
    """The name by which a result is looked up."""

    metric: str
    name: str
    k: int = 0
    registry: str = HUB
    counter: str = HUB_COUNTER


class ResultLookup(Protocol):
    """Access to the newest result of each kind up to a day."""

    @property
    def day(self) -> str:
        """The day at which claims are judged."""

    def get_newest(self, kind: ResultKind) -> ResultRow | None:
        """Return the newest defined result of a kind."""

    def iter_library_results(self, subject: ResultRow) -> Iterator[ResultRow]:
        """Yield the defined results of preservation by Eq. 1 of the subject's own list and depth, one per library."""


class LatestResults:
    """The newest defined result of each kind among those that were added, oldest first."""

    def __init__(self, results: Iterable[ResultRow] = ()) -> None:
        self._rows: dict[ResultKind, ResultRow] = {}
        self._libraries: dict[tuple[int, int], list[ResultRow]] = {}
        self._day = ""
        self.add(results)

    @property
    def day(self) -> str:
        """The day at which claims are judged: the newest of the added results."""
        return self._day

    def add(self, results: Iterable[ResultRow]) -> None:
        """Add newer results, which replace those of the same kind if they are defined."""
        for row in results:
            self._day = max(self._day, row["date"])
            if row["value"] is not None:
                self._rows[ResultKind(row["metric"], row["name"], row["k"], row["registry"], row["counter"])] = row
            if is_library_result(row):
                self._libraries.setdefault((row["snapshot"], row["k"]), []).append(row)

    def get_newest(self, kind: ResultKind) -> ResultRow | None:
        """Return the newest defined result of a kind, however old it is."""
        return self._rows.get(kind)

    def iter_library_results(self, subject: ResultRow) -> Iterator[ResultRow]:
        """Yield the defined results of preservation by Eq. 1 of the subject's own list and depth, one per library."""
        yield from self._libraries.get((subject["snapshot"], subject["k"]), [])


class StoredResults:
    """The newest defined result of each kind up to a day, queried from the store on demand.

    Results that are too old for every verdict are not searched, so that a query costs the same however long the
    history is.
    """

    def __init__(self, connection: sqlite3.Connection, day: str) -> None:
        self._connection, self._day = connection, day
        first_day = date.fromisoformat(day) - timedelta(days=MAX_AGE_DAYS + MAX_DAYS_APART)
        self._since, self._until = parse_day(str(first_day)), parse_day(str(date.fromisoformat(day) + timedelta(1)))

    @property
    def day(self) -> str:
        """The day at which claims are judged."""
        return self._day

    def get_newest(self, kind: ResultKind) -> ResultRow | None:
        """Return the newest defined result of a kind, unless it is too old for every verdict."""
        rows = fetch_rows(self._connection, "latest_result", **kind._asdict(), since=self._since, until=self._until)
        return next(map(to_result_row, rows), None)

    def iter_library_results(self, subject: ResultRow) -> Iterator[ResultRow]:
        """Yield the defined results of preservation by Eq. 1 of the subject's own list and depth, one per library."""
        rows = fetch_rows(self._connection, "metric_results", snapshot=subject["snapshot"], metric="preservation")
        results = (row for row in map(to_result_row, rows) if row["k"] == subject["k"])
        yield from (row for row in results if is_library_result(row))


def get_recent(results: ResultLookup, kind: ResultKind) -> ResultRow | None:
    """Return the newest defined result of a kind, if it is at most `MAX_AGE_DAYS` older than the day."""
    row = results.get_newest(kind)
    return row if row is not None and count_days(row["date"], results.day) <= MAX_AGE_DAYS else None


def is_library_result(row: ResultRow) -> bool:
    """Return whether a result is the preservation of one library over all relations, and defined."""
    words = row["name"].split(".")
    is_library = row["metric"] == "preservation" and len(words) > 1 and words[1] not in RESERVED_NAMES
    return is_library and words[-1] not in RELATIONS and row["value"] is not None


def to_result_row(row: SqlRow) -> ResultRow:
    """Return the columns of a result that the rules read."""
    return {
        "registry": row["registry"], "counter": row["counter"], "date": row["date"],
        "previous_date": row["previous_date"], "snapshot": row["snapshot"], "metric": row["metric"],
        "name": row["name"], "k": row["k"], "value": row["value"], "low": row["low"], "high": row["high"],
        "n": row["n"], "note": row["note"],
    }  # fmt: skip
