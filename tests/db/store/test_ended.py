"""An ended snapshot is never changed: the schema itself refuses every change."""

from __future__ import annotations

import sqlite3

import pytest

from db.store import Store
from tests.db.builders import begin_snapshot, make_page, make_store, take_snapshot
from tests.db.conftest import fill_store

NO_MORE = "this snapshot has ended and accepts no more"
REFUSED = {
    "INSERT INTO snapshot (registry_id, kind, ordered_by, counter, k, origin, source, date_evidence, settings,"
    " taken_at, started_at, status, ended_at)"
    " SELECT 1, 'top', 'likes', '', 1, 'crawl', '', '', '{}', 0, 0, 'complete', 1":
        "a new snapshot must be open",
    "UPDATE snapshot SET depth = 2 WHERE snapshot_id = :n":
        "this snapshot has ended and cannot be changed; take a new snapshot",
    "UPDATE snapshot SET status = 'open', ended_at = NULL WHERE snapshot_id = :n":
        "this snapshot has ended and cannot be changed; take a new snapshot",
    "DELETE FROM snapshot WHERE snapshot_id = :n": "snapshots cannot be deleted",
    "INSERT INTO page SELECT snapshot_id, 9, role, url, fetched_at, status, bytes, sha256, headers, age, skew,"
    " received, kept, duplicates, rejected, beyond, inversions, next_url, hidden FROM page WHERE snapshot_id = :n":
        f"{NO_MORE} pages",
    "UPDATE page SET kept = 0 WHERE snapshot_id = :n": "pages cannot be changed",
    "DELETE FROM page WHERE snapshot_id = :n": "pages cannot be deleted",
    "INSERT INTO ranking (snapshot_id, rank, package_id, page) SELECT :n, 999, max(package_id), 0 FROM package":
        f"{NO_MORE} rows",
    "UPDATE ranking SET downloads = 0 WHERE snapshot_id = :n":
        "observations of an ended snapshot cannot be changed; take a new snapshot",
    "DELETE FROM ranking WHERE snapshot_id = :n": "observations cannot be deleted",
    "INSERT INTO gate_result VALUES (:n, 'mine', 'pass', '', '')": f"{NO_MORE} gate results",
    "UPDATE gate_result SET outcome = 'pass' WHERE snapshot_id = :n": "gate results cannot be changed",
    "DELETE FROM gate_result WHERE snapshot_id = :n": "gate results cannot be deleted",
    "INSERT INTO reject VALUES (:n, 0, 99, '', '')": f"{NO_MORE} rows",
    "UPDATE reject SET reason = ''": "rejects cannot be changed",
    "DELETE FROM reject": "rejects cannot be deleted",
    "INSERT OR REPLACE INTO ranking (snapshot_id, rank, package_id, page) VALUES (:n, 1, 2, 0)": f"{NO_MORE} rows",
}  # fmt: skip


@pytest.fixture(scope="module")
def filled() -> Store:
    """Return one store for all tests here, because none of them can change it."""
    store = make_store()
    fill_store(store)
    return store


@pytest.mark.parametrize("snapshot", [1, 3], ids=["complete", "partial"])
@pytest.mark.parametrize("statement", REFUSED, ids=lambda statement: statement[:30])
def test_an_ended_snapshot_refuses_every_change(filled: Store, statement: str, snapshot: int) -> None:
    before = list(filled.connection.iterdump())
    with pytest.raises(sqlite3.IntegrityError) as raised:
        filled.connection.execute(statement, {"n": snapshot})
    assert str(raised.value) == REFUSED[statement]
    assert list(filled.connection.iterdump()) == before


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE page SET kept = 0",
        "DELETE FROM page",
        "DELETE FROM ranking",
        "DELETE FROM snapshot",
        "DELETE FROM gate_result",
    ],
)
def test_an_open_snapshot_refuses_deletions(store: Store, statement: str) -> None:
    snapshot = begin_snapshot(store)
    store.save_page(snapshot, make_page(["a"]))
    store.connection.execute("INSERT INTO gate_result VALUES (?, 'mine', 'pass', '', '')", (snapshot,))
    with pytest.raises(sqlite3.IntegrityError, match=r"cannot be (changed|deleted)"):
        store.connection.execute(statement)


def test_a_page_is_not_saved_after_the_end(store: Store) -> None:
    snapshot = take_snapshot(store, ["a"])
    with pytest.raises(sqlite3.IntegrityError, match=NO_MORE):
        store.save_page(snapshot, make_page(["b"]))


REPLACE = (
    "INSERT OR REPLACE INTO snapshot (snapshot_id, registry_id, kind, ordered_by, counter, k, origin, source,"
    " date_evidence, settings, taken_at, started_at) VALUES (1, 1, 'top', 'likes', '', 1, 'crawl', '', '', '{}', 0, 0)"
)


def test_an_ended_snapshot_is_not_replaced_by_an_open_one_with_its_number(store: Store) -> None:
    take_snapshot(store, ["a"])
    with pytest.raises(sqlite3.IntegrityError, match="cannot be replaced"):
        store.connection.execute(REPLACE)


def test_an_ended_snapshot_is_not_replaced_by_a_program_with_default_settings(store: Store) -> None:
    take_snapshot(store, ["a"])
    store.connection.execute("PRAGMA recursive_triggers = OFF")
    with pytest.raises(sqlite3.IntegrityError):
        store.connection.execute(REPLACE)


def test_a_row_of_an_open_snapshot_is_not_moved_into_an_ended_one(store: Store) -> None:
    complete, open_snapshot = take_snapshot(store, ["a"]), begin_snapshot(store)
    store.save_page(open_snapshot, make_page(["b"]))
    with pytest.raises(sqlite3.IntegrityError):
        store.connection.execute(
            "UPDATE ranking SET snapshot_id = ?, rank = 2 WHERE snapshot_id = ?", (complete, open_snapshot)
        )


def test_a_failed_gate_result_is_not_replaced_before_the_end(store: Store) -> None:
    snapshot = begin_snapshot(store)
    store.connection.execute("INSERT INTO gate_result VALUES (?, 'rows', 'fail', '', '')", (snapshot,))
    with pytest.raises(sqlite3.IntegrityError, match="gate results cannot be deleted"):
        store.connection.execute("INSERT OR REPLACE INTO gate_result VALUES (?, 'rows', 'pass', '', '')", (snapshot,))
