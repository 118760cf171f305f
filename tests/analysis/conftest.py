"""Small stores with a history, written through the store's own verbs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from analysis.compute.metric import list_metrics
from analysis.compute.pending import compute_pending, find_pending
from db.cli import parse_day
from db.connection import open_for_reading, open_for_writing
from db.rows import Event, GateResult, Observation, Page, Registry, Reject, SnapshotSpec
from db.store import Store

MODELS = Registry("huggingface/models", "huggingface")
PASSED_GATES = (GateResult("rows", "pass", "all of them", "every row that was asked for"),)
FAILED_GATES = (*PASSED_GATES, GateResult("pages", "fail", "2 of 3 pages", "every page was read"))

Row = str | tuple[str, int | None] | Observation


class History:
    """A store to which snapshots are added, in any order of their dates."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def add_snapshot(self, date: str | int, rows: Sequence[Row], status: str = "complete", **asked: object) -> int:
        """One snapshot, a row for each name, (name, value) or observation; its number."""
        with open_for_writing(self.path) as database:
            return add_snapshot(Store(database), date, rows, status, **asked)

    def compute_pending(self) -> list[str]:
        """Store what is missing; the dates of the snapshots that lacked something."""
        with open_for_reading(self.path) as connection, open_for_writing(self.path) as database:
            lacking = find_pending(connection, list_metrics())
            for one in lacking:
                Store(database).save_results(compute_pending(connection, one), at=0)
        return [one.date for one in lacking]

    def query_results(self, **wanted: object) -> list[dict[str, object]]:
        """Stored results for which these columns have these values."""
        with open_for_reading(self.path) as connection:
            found = connection.execute("SELECT * FROM result ORDER BY snapshot_id, metric, k, name")
            rows = [dict(row) for row in found]
        return [row for row in rows if all(row[column] == value for column, value in wanted.items())]

    def query_values(self, **wanted: object) -> dict[str, float | None]:
        """Values by the names of the results."""
        return {str(row["name"]): row["value"] for row in self.query_results(**wanted)}

    def set_depths(self, *ks: int) -> None:
        """Look at lists at small depths, so that a test can be read."""
        with open_for_writing(self.path) as database:
            database.conn.execute("DELETE FROM ranking_depth")
            database.conn.executemany("INSERT INTO ranking_depth (k) VALUES (?)", [(k,) for k in ks])


def add_snapshot(
    store: Store, date: str | int, rows: Sequence[Row], status: str = "complete", *, value_after: int | None = None,
    rejected: Sequence[int] = (), events: Sequence[Event] = (), reason: str | None = None, **asked: object,
) -> int:  # fmt: skip
    """One snapshot through begin, record and end. `rejected` are positions whose row could not be read."""
    at = parse_day(date) if isinstance(date, str) else date
    seen = [make_observation(row) for row in rows]
    total = len(seen) + len(rejected)
    if value_after is not None:
        seen.append(Observation("below", "below", downloads=value_after))
    usual = SnapshotSpec(MODELS, "downloads", "last-30-days", total, "a test", "the test says so", at, at)
    snapshot = store.begin_snapshot(replace(usual, **asked))
    page = Page(
        "ranking", "https://hub.example/api/models", at, 200, 1, "0" * 64, {}, len(seen), observations=tuple(seen),
        rejects=tuple(Reject(position, "no name", "{}") for position in rejected), events=tuple(events),
    )  # fmt: skip
    store.save_page(snapshot, page)
    if status != "open":
        store.end_snapshot(snapshot, status, PASSED_GATES if status == "complete" else FAILED_GATES, reason, at)
    return snapshot


def make_observation(row: Row) -> Observation:
    """A row in short: a name alone has no counter."""
    if isinstance(row, Observation):
        return row
    name, value = (row, None) if isinstance(row, str) else row
    return Observation(f"id-{name}", name, downloads=value)


def descending_rows(names: Sequence[str]) -> list[Row]:
    """A list without ties."""
    return [(name, 1_000_000 - place) for place, name in enumerate(names)]


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    """An empty store that looks at the top 2 and the top 4."""
    made = History(tmp_path / "observatory.db")
    made.set_depths(2, 4)
    yield made
