"""Small stores with a history, written through the store's own methods."""

from __future__ import annotations

from collections.abc import Sequence
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
PASSED_GATES = (GateResult("rows", "pass", "all of them", "every requested row"),)
FAILED_GATES = (*PASSED_GATES, GateResult("pages", "fail", "2 of 3 pages", "every page was read"))

Row = str | tuple[str, int | None] | Observation


class History:
    """A store to which snapshots are added, in any order of their dates."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def add_snapshot(self, date: str | int, rows: Sequence[Row], status: str = "complete", **spec: object) -> int:
        """Add one snapshot with a row for each name, (name, value) or observation. Return its id."""
        with open_for_writing(self.path) as database:
            return add_snapshot(Store(database), date, rows, status, **spec)

    def compute_pending(self) -> list[str]:
        """Compute and store the pending results. Return the dates of their snapshots."""
        with open_for_reading(self.path) as connection, open_for_writing(self.path) as database:
            pending = find_pending(connection, list_metrics())
            for snapshot in pending:
                Store(database).save_results(compute_pending(connection, snapshot), at=0)
        return [snapshot.date for snapshot in pending]

    def query_results(self, **columns: object) -> list[dict[str, object]]:
        """Return the stored results whose columns have these values."""
        with open_for_reading(self.path) as connection:
            cursor = connection.execute("SELECT * FROM result ORDER BY snapshot_id, metric, k, name")
            rows = [dict(row) for row in cursor]
        return [row for row in rows if all(row[name] == value for name, value in columns.items())]

    def query_values(self, **columns: object) -> dict[str, float | None]:
        """Return the values of these results by their names."""
        return {str(row["name"]): row["value"] for row in self.query_results(**columns)}

    def set_depths(self, *ks: int) -> None:
        """Replace the depths of rankings, so that a test can use short lists."""
        with open_for_writing(self.path) as database:
            database.conn.execute("DELETE FROM ranking_depth")
            database.conn.executemany("INSERT INTO ranking_depth (k) VALUES (?)", [(k,) for k in ks])


def add_snapshot(
    store: Store, date: str | int, rows: Sequence[Row], status: str = "complete", *, value_after: int | None = None,
    rejected: Sequence[int] = (), events: Sequence[Event] = (), reason: str | None = None, **spec: object,
) -> int:  # fmt: skip
    """Add one snapshot and return its id. `rejected` are the positions of rows that could not be read."""
    at = parse_day(date) if isinstance(date, str) else date
    observations = [make_observation(row) for row in rows]
    total = len(observations) + len(rejected)
    if value_after is not None:
        observations.append(Observation("below", "below", downloads=value_after))
    usual = SnapshotSpec(MODELS, "downloads", "last-30-days", total, "a test", "the test says so", at, at)
    snapshot = store.begin_snapshot(replace(usual, **spec))
    page = Page(
        "ranking", "https://hub.example/api/models", at, 200, 1, "0" * 64, {}, len(observations),
        observations=tuple(observations), rejects=tuple(Reject(position, "no name", "{}") for position in rejected),
        events=tuple(events),
    )  # fmt: skip
    store.save_page(snapshot, page)
    if status != "open":
        store.end_snapshot(snapshot, status, PASSED_GATES if status == "complete" else FAILED_GATES, reason, at)
    return snapshot


def make_observation(row: Row) -> Observation:
    """Make an observation from a short row. A name alone has no counter."""
    if isinstance(row, Observation):
        return row
    name, value = (row, None) if isinstance(row, str) else row
    return Observation(f"id-{name}", name, downloads=value)


def descending_rows(names: Sequence[str]) -> list[Row]:
    """Make the rows of a list without ties."""
    return [(name, 1_000_000 - index) for index, name in enumerate(names)]


@pytest.fixture
def history(tmp_path: Path) -> History:
    """Create an empty store whose rankings have the depths 2 and 4."""
    empty_history = History(tmp_path / "observatory.db")
    empty_history.set_depths(2, 4)
    return empty_history


@pytest.fixture(scope="session")
def lookup_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the path of a store for the tests of `show` and `top`, which only read it."""
    from tests.analysis.lookups import build_store  # it uses this module

    path = tmp_path_factory.mktemp("lookup") / "observatory.db"
    build_store(path)
    return path
