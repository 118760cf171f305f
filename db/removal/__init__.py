"""The removal of a wrong import: its rows, and what no other snapshot confirms. A tombstone stays.

Only imports can be removed. A crawled snapshot is what the registry served, and it cannot be fetched again. The gates
and the events of snapshots that were stored after the import stay as they were judged.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from db import UsageError
from db.private_text import find_private_text
from db.removal.histories import restore_histories
from db.removal.packages import restore_packages
from db.removal.sightings import load_sightings
from db.sql_files import load_statements
from db.store import Store

MAX_LISTED_IMPORTS = 8
GUIDE_PAGE = "docs/running.md"


@dataclass(frozen=True, slots=True)
class RemovalCounts:
    """The numbers of rows that a removal deletes."""

    registry: str
    date: str
    listed_packages: int
    unobserved_packages: int
    results: int
    cards: int


class RehearsalError(Exception):
    """The end of a removal that is only tried: its transaction is rolled back."""


def remove_snapshot(store: Store, snapshot: int, reason: str, at: int, *, dry_run: bool = False) -> RemovalCounts:
    """Remove an import in one transaction, and return the numbers of rows that are gone.

    Raises:
        UsageError: there is no such import, or no reason that may be published.
    """
    _check_reason(reason)
    row = _load_import(store.connection, snapshot)
    counts: list[RemovalCounts] = []
    try:
        with store.transaction():
            counts.append(_remove(store.connection, row, reason.strip(), at))
            if dry_run:
                raise RehearsalError
    except RehearsalError:
        pass
    return counts[0]


def _check_reason(reason: str) -> None:
    if not reason.strip():
        raise UsageError("A removal needs a reason.", fix='Write it like --reason "the dates were swapped".')
    if kind := find_private_text(reason):
        raise UsageError(
            f"The reason holds {kind}.",
            why="Exports and reports show the reason, and it stays on record.",
            fix="Write the reason without it.",
            more=GUIDE_PAGE,
        )


def _load_import(connection: sqlite3.Connection, snapshot: int) -> sqlite3.Row:
    row: sqlite3.Row | None = connection.execute(
        "SELECT s.*, r.name AS registry FROM snapshot s JOIN registry r USING (registry_id) WHERE snapshot_id = ?",
        (snapshot,),
    ).fetchone()
    if row is None:
        raise _unknown_snapshot_error(connection, snapshot)
    if row["origin"] != "import" or row["status"] == "open":
        raise UsageError(
            f"Snapshot {snapshot} was crawled, so it is not removed.",
            why="It is what the registry served on that day, and it cannot be fetched again.",
            fix="Leave it out of an export with --since, --as-of or --registry.",
            more=GUIDE_PAGE,
        )
    return row


def _unknown_snapshot_error(connection: sqlite3.Connection, snapshot: int) -> UsageError:
    tombstone = connection.execute(
        "SELECT removed_at, reason FROM v1_removed_snapshot WHERE snapshot = ?", (snapshot,)
    ).fetchone()
    rows = connection.execute(
        "SELECT snapshot_id FROM snapshot WHERE origin = 'import' ORDER BY snapshot_id DESC LIMIT ?",
        (MAX_LISTED_IMPORTS,),
    )
    numbers = ", ".join(str(number) for (number,) in rows)
    return UsageError(
        f"There is no snapshot {snapshot}.",
        why=f"It was removed at {tombstone['removed_at']}: {tombstone['reason']}." if tombstone else "",
        fix=f"The newest imports are {numbers}." if numbers else "The store has no import.",
        more=GUIDE_PAGE,
    )


def _remove(connection: sqlite3.Connection, row: sqlite3.Row, reason: str, at: int) -> RemovalCounts:
    snapshot, results = row["snapshot_id"], _count_results(connection)
    packages = _bury(connection, snapshot, reason)
    parameters = {**dict(row), "snapshot": snapshot, "registry": row["registry_id"], "at": row["taken_at"]}
    _run(connection, "create_removal_tables", {})
    _run(connection, "removal_observers", parameters)
    sightings = load_sightings(connection, snapshot)
    restore_histories(connection, row["taken_at"], sightings)
    _run(connection, "delete_snapshot", parameters)
    cards = _remove_cards(connection, row)
    restore_packages(connection, row["taken_at"], sightings)
    _run(connection, "delete_unobserved_packages", parameters)
    (unobserved,) = connection.execute("SELECT count(*) FROM temp.unobserved_package").fetchone()
    _record_membership(connection, row)
    _run(connection, "drop_removal_tables", {})
    connection.execute("UPDATE removed_snapshot SET removed_at = ? WHERE snapshot_id = ?", (at, snapshot))
    gone = results - _count_results(connection)
    return RemovalCounts(row["registry"], row["date"], packages, unobserved, gone, cards)


def _bury(connection: sqlite3.Connection, snapshot: int, reason: str) -> int:
    """Insert the tombstone, which permits the deletions, and return how many packages the import lists."""
    (packages,) = connection.execute("SELECT count(*) FROM ranking WHERE snapshot_id = ?", (snapshot,)).fetchone()
    connection.execute(
        "INSERT INTO removed_snapshot (snapshot_id, registry_id, kind, ordered_by, counter, source, file_sha256,"
        " taken_at, status, digest, packages, reason)"
        " SELECT snapshot_id, registry_id, kind, ordered_by, counter, source, file_sha256, taken_at, status, digest,"
        " ?, ? FROM snapshot WHERE snapshot_id = ?",
        (packages, reason, snapshot),
    )
    return int(packages)


def _remove_cards(connection: sqlite3.Connection, row: sqlite3.Row) -> int:
    """Delete the cards that only the same file gave, and return their number."""
    (before,) = connection.execute("SELECT count(*) FROM card").fetchone()
    collections = connection.execute(
        "SELECT collection_id FROM card_collection WHERE registry_id = ? AND taken_at = ? AND file_sha256 = ?",
        (row["registry_id"], row["taken_at"], row["file_sha256"]),
    ).fetchall()
    for (collection,) in collections:
        parameters = {"collection": collection, "registry": row["registry_id"], "at": row["taken_at"]}
        _run(connection, "remove_cards", parameters)
    (after,) = connection.execute("SELECT count(*) FROM card").fetchone()
    return int(before - after)


def _record_membership(connection: sqlite3.Connection, row: sqlite3.Row) -> None:
    """Record the top K members of the remaining snapshots of the series again."""
    snapshots = connection.execute(
        "SELECT snapshot_id FROM snapshot WHERE registry_id = ? AND ordered_by = ? AND counter = ?"
        " AND status = 'complete' ORDER BY taken_at, snapshot_id",
        (row["registry_id"], row["ordered_by"], row["counter"]),
    ).fetchall()
    for (snapshot,) in snapshots:
        _run(connection, "update_top_k_membership", {"snapshot": snapshot})


def _count_results(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM result").fetchone()[0])


def _run(connection: sqlite3.Connection, name: str, parameters: dict[str, object]) -> None:
    for statement in load_statements(name):
        connection.execute(statement, parameters)
