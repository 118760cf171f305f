"""The results that verdicts are based on: the latest of each kind, from a report or from the store."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import Protocol, TypedDict

from analysis.compute.relations import SqlRow, fetch_rows
from db.cli import parse_day
from db.rows import RELATIONS

HUB = "huggingface/models"
RESERVED_NAMES = ("coverage", "gain", "lift")  # words of the names of preservation results that are not of one library


class ResultRow(TypedDict):
    """One result, as the queries of results return it."""

    registry: str
    date: str
    snapshot: int
    metric: str
    name: str
    k: int
    value: float | None
    low: float | None
    high: float | None
    n: int | None
    note: str


class ResultLookup(Protocol):
    """Access to the latest result of each kind up to a day."""

    def get(self, metric: str, name: str, k: int = 0, registry: str = HUB) -> ResultRow | None:
        """Return the latest result of this name, or None if there is none or its value is undefined."""

    def get_value(self, metric: str, name: str, k: int = 0, registry: str = HUB) -> float | None:
        """Return the value of the latest result of this name, or None."""

    def iter_library_results(self, subject: ResultRow) -> Iterator[ResultRow]:
        """Yield the defined results of preservation by Eq. 1 for the subject's own list, one per library."""


class LatestResults:
    """The latest result of each kind among those that were added, oldest first."""

    def __init__(self, results: Iterable[ResultRow] = ()) -> None:
        self._rows: dict[tuple[str, str, str, int], ResultRow] = {}
        self.add(results)

    def add(self, results: Iterable[ResultRow]) -> None:
        """Add newer results, which replace those of the same kind."""
        for row in results:
            self._rows[row["registry"], row["metric"], row["name"], row["k"]] = row

    def get(self, metric: str, name: str, k: int = 0, registry: str = HUB) -> ResultRow | None:
        """Return the latest result of this name, or None if there is none or its value is undefined."""
        row = self._rows.get((registry, metric, name, k))
        return row if row is not None and row["value"] is not None else None

    def get_value(self, metric: str, name: str, k: int = 0, registry: str = HUB) -> float | None:
        """Return the value of the latest result of this name, or None."""
        row = self.get(metric, name, k, registry)
        return None if row is None else row["value"]

    def iter_library_results(self, subject: ResultRow) -> Iterator[ResultRow]:
        """Yield the defined results of preservation by Eq. 1 for the subject's own list, one per library."""
        for row in self._rows.values():
            if (row["registry"], row["date"]) == (subject["registry"], subject["date"]) and is_library_result(row):
                yield row


class StoredResults:
    """The latest result of each kind up to a day, queried from the store on demand."""

    def __init__(self, connection: sqlite3.Connection, day: str) -> None:
        self._connection = connection
        self._until = parse_day(str(date.fromisoformat(day) + timedelta(days=1)))

    def get(self, metric: str, name: str, k: int = 0, registry: str = HUB) -> ResultRow | None:
        """Return the latest result of this name, or None if there is none or its value is undefined."""
        parameters = {"metric": metric, "name": name, "k": k, "registry": registry, "until": self._until}
        for row in fetch_rows(self._connection, "latest_result", **parameters):
            return _to_result_row(row) if row["value"] is not None else None
        return None

    def get_value(self, metric: str, name: str, k: int = 0, registry: str = HUB) -> float | None:
        """Return the value of the latest result of this name, or None."""
        row = self.get(metric, name, k, registry)
        return None if row is None else row["value"]

    def iter_library_results(self, subject: ResultRow) -> Iterator[ResultRow]:
        """Yield the defined results of preservation by Eq. 1 for the subject's own list, one per library."""
        rows = fetch_rows(self._connection, "metric_results", snapshot=subject["snapshot"], metric="preservation")
        yield from (result for result in map(_to_result_row, rows) if is_library_result(result))


def is_library_result(row: ResultRow) -> bool:
    """Return whether a result is the preservation of one library over all relations, and defined."""
    words = row["name"].split(".")
    is_library = row["metric"] == "preservation" and len(words) > 1 and words[1] not in RESERVED_NAMES
    return is_library and words[-1] not in RELATIONS and row["value"] is not None


def _to_result_row(row: SqlRow) -> ResultRow:
    return {
        "registry": row["registry"], "date": row["date"], "snapshot": row["snapshot"], "metric": row["metric"],
        "name": row["name"], "k": row["k"], "value": row["value"], "low": row["low"], "high": row["high"],
        "n": row["n"], "note": row["note"],
    }  # fmt: skip
