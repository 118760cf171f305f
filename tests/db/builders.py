"""Short ways to write lists into a store and to ask for them back."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from sqlite_utils import Database

from db.connection import PRAGMAS
from db.migrate import migrate
from db.rows import GateResult, Observation, Page, Registry, Reject, SnapshotSpec
from db.store import Store

MODELS = Registry("huggingface/models", "huggingface")
PASSED = (GateResult("rows", "pass", "all of them", "every row that was asked for"),)
FAILED = (*PASSED, GateResult("pages", "fail", "2 of 3", "every page"))
UNKNOWN = (GateResult("size", "no baseline", "3 rows", "as many as last time"),)
DEFAULT_SPEC = SnapshotSpec(MODELS, "downloads", "last-30-days", 10, "a test", "the test says so", 0, 0)


def make_store() -> Store:
    """An empty store that no disk knows of."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.row_factory = sqlite3.Row
    for pragma in PRAGMAS.strip().splitlines():
        connection.execute(pragma)
    database = Database(connection)
    migrate(database)
    return Store(database)


def make_observation(name: str, downloads: int | None = None, key: str | None = None, **more: object) -> Observation:
    """A row; its stable id is made from its name unless it is given."""
    return Observation(key or f"id-{name}", name, downloads=downloads, **more)


def make_page(
    rows: Iterable[Observation | str], role: str = "ranking", rejected: Sequence[int] = (), **more: object
) -> Page:
    """A page of rows; `rejected` are the positions of rows that could not be read."""
    observations = tuple(make_observation(row) if isinstance(row, str) else row for row in rows)
    received = len(observations) + len(rejected)
    usual = Page(role, "https://hub.example/api/models", 0, 200, 1, "0" * 64, {}, received, observations=observations)
    return replace(usual, rejects=tuple(Reject(place, "no name", "{}") for place in rejected), **more)


def begin_snapshot(store: Store, at: int = 0, k: int | None = 10, **more: object) -> int:
    """An open snapshot of one instant."""
    return store.begin_snapshot(replace(DEFAULT_SPEC, k=k, taken_at=at, started_at=at, **more))


def take_snapshot(store: Store, rows: Iterable[Observation | str], at: int = 0, **more: object) -> int:
    """A complete snapshot of one page."""
    snapshot = begin_snapshot(store, at, **more)
    store.save_page(snapshot, make_page(rows))
    store.end_snapshot(snapshot, "complete", PASSED, None, at)
    return snapshot


def run_in_child(do: Callable[[], object]) -> int:
    """Do something in a process of its own, which ends with it; the number of that process."""
    child = os.fork()
    if child == 0:
        try:
            do()
            os._exit(0)
        except BaseException:
            os._exit(70)
    return child


def query(store: Store | Path, statement: str, *values: object) -> list[tuple[object, ...]]:
    """The rows of one question, as plain tuples."""
    if isinstance(store, Store):
        return [tuple(row) for row in store.connection.execute(statement, values)]
    connection = sqlite3.connect(f"file:{store}?mode=ro", uri=True)
    try:
        return connection.execute(statement, values).fetchall()
    finally:
        connection.close()


def ranked_names(store: Store, snapshot: int) -> list[tuple[object, ...]]:
    """Rank and name of every row of a snapshot of any state, as they stand in the stable view for complete ones."""
    return query(
        store,
        "SELECT rank, name FROM ranking JOIN package USING (package_id) WHERE snapshot_id = ? ORDER BY rank",
        snapshot,
    )


def served_rows(store: Store, snapshot: int) -> list[tuple[object, ...]]:
    """Package, name at that time and downloads, in the order of the ranks, from the stable view."""
    return query(store, "SELECT package, name, downloads FROM v1_ranking WHERE snapshot = ? ORDER BY rank", snapshot)
