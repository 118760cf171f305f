"""Builders of stores, pages and snapshots for tests, and queries of their content."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from sqlite_utils import Database

from db.connection import PRAGMAS
from db.ids import register_functions
from db.migrate import migrate
from db.rows import GateResult, Observation, Page, Registry, Reject, SnapshotSpec
from db.store import Store
from db.store.cards import StoredCard, decompress_card, load_decompressors
from db.store.scores import Score

MODELS = Registry("huggingface/models", "huggingface")
PASSED = (GateResult("rows", "pass", "all of them", "every requested row"),)
FAILED = (*PASSED, GateResult("pages", "fail", "2 of 3", "every page"))
UNKNOWN = (GateResult("size", "no baseline", "3 rows", "as many as last time"),)
DEFAULT_SPEC = SnapshotSpec(MODELS, "downloads", "last-30-days", 10, "a test", "the test says so", 0, 0)


def make_store() -> Store:
    """Return an empty store in memory."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.row_factory = sqlite3.Row
    for pragma in PRAGMAS.strip().splitlines():
        connection.execute(pragma)
    database = Database(connection)
    migrate(database)
    return Store(database)


def make_observation(name: str, downloads: int | None = None, key: str | None = None, **fields: object) -> Observation:
    """Return a row. Its stable id is made from its name unless `key` is given."""
    return Observation(key or f"id-{name}", name, downloads=downloads, **fields)


def make_page(
    rows: Iterable[Observation | str], role: str = "ranking", rejected: Sequence[int] = (), **fields: object
) -> Page:
    """Return a page of rows. `rejected` are the positions of rows that could not be parsed."""
    observations = tuple(make_observation(row) if isinstance(row, str) else row for row in rows)
    received = len(observations) + len(rejected)
    page = Page(role, "https://hub.example/api/models", 0, 200, 1, "0" * 64, {}, received, observations=observations)
    return replace(page, rejects=tuple(Reject(position, "no name", "{}") for position in rejected), **fields)


def begin_snapshot(store: Store, at: int = 0, k: int | None = 10, **fields: object) -> int:
    """Begin a snapshot of an instant and return its number."""
    return store.begin_snapshot(replace(DEFAULT_SPEC, k=k, taken_at=at, started_at=at, **fields))


def take_snapshot(store: Store, rows: Iterable[Observation | str], at: int = 0, **fields: object) -> int:
    """Save a complete snapshot of one page and return its number."""
    snapshot = begin_snapshot(store, at, **fields)
    store.save_page(snapshot, make_page(rows))
    store.end_snapshot(snapshot, "complete", PASSED, None, at)
    return snapshot


@contextmanager
def no_known_renames(store: Store) -> Iterator[None]:
    """Store packages as a version did that did not have their renames in its table yet."""
    for function in ("current_name", "other_name"):
        store.connection.create_function(function, 2, lambda registry, name: name, deterministic=True)
    yield
    register_functions(store.connection)


def run_in_child(function: Callable[[], object]) -> int:
    """Run a function in a child process, which then exits, and return the id of the process."""
    child = os.fork()
    if child == 0:
        try:
            function()
            os._exit(0)
        except BaseException:
            os._exit(70)
    return child


def query(store: Store | Path, statement: str, *values: object) -> list[tuple[object, ...]]:
    """Return the rows of a statement as plain tuples."""
    if isinstance(store, Store):
        return [tuple(row) for row in store.connection.execute(statement, values)]
    connection = sqlite3.connect(f"file:{store}?mode=ro", uri=True)
    try:
        return connection.execute(statement, values).fetchall()
    finally:
        connection.close()


def ranked_names(store: Store, snapshot: int) -> list[tuple[object, ...]]:
    """Return rank and name of every row of a snapshot, which may have any status."""
    return query(
        store,
        "SELECT rank, name FROM ranking JOIN package USING (package_id) WHERE snapshot_id = ? ORDER BY rank",
        snapshot,
    )


def served_rows(store: Store, snapshot: int) -> list[tuple[object, ...]]:
    """Return package, name at that time and downloads from the stable view, ordered by rank."""
    return query(store, "SELECT package, name, downloads FROM v1_ranking WHERE snapshot = ? ORDER BY rank", snapshot)


def read_card(connection: sqlite3.Connection, package: int, at: int) -> StoredCard | None:
    """Return a package's card at an instant, None if the package had none or was not observed."""
    row = connection.execute(
        "SELECT c.card_id, c.blob, c.truncated, c.dictionary_id, c.content"
        " FROM card_revision v JOIN card c ON c.card_id = v.card_id"
        " WHERE v.package_id = ? AND v.valid_from <= ? AND (v.valid_to IS NULL OR v.valid_to > ?)",
        (package, at, at),
    ).fetchone()
    return None if row is None else decompress_card(load_decompressors(connection), row)


def read_scores(connection: sqlite3.Connection, scorer: str, version: str) -> list[Score]:
    """Return every score of one scorer at one version."""
    rows = connection.execute(
        "SELECT card_id, item, state, agreement, evidence_start, evidence_end, reason FROM score"
        " WHERE scorer = ? AND version = ? ORDER BY card_id, item",
        (scorer, version),
    )
    return [Score(*row) for row in rows]
