"""Quality events of the store that are more than notes, for the daemon to report."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import TypedDict

from db import StoreError
from db.connection import open_for_reading

LAST_REPORTED_EVENT = """
SELECT coalesce(
    (SELECT min(event_id) - 1 FROM quality_event WHERE noted_at <= :now AND noted_at > (
        SELECT max(ended_at) FROM tick WHERE cause <> 'person' AND ended_at <= :now)),
    (SELECT max(event_id) FROM quality_event), 0)
"""
NEW_EVENTS = """
SELECT e.event_id, r.name AS registry, e.snapshot_id AS snapshot, e.kind, e.severity, e.evidence
FROM quality_event e JOIN registry r ON r.registry_id = e.registry_id
WHERE e.event_id > ? AND e.severity <> 'note' ORDER BY e.event_id LIMIT 100
"""


class QualityEvent(TypedDict):
    """One quality event, as the daemon reports it."""

    event_id: int
    registry: str
    snapshot: int | None
    kind: str
    severity: str
    evidence: str


def last_reported_event(store: Path, now: int) -> int:
    """Return the id of the newest event that an earlier daemon can have reported, or 0 without an event or a store.

    A daemon reports events when a command of its own has ended. Later ones were noted while no daemon ran, or while
    its last command was interrupted. On a store without such a command all count as reported.
    """
    rows = _query(store, LAST_REPORTED_EVENT, {"now": now})
    return int(rows[0][0]) if rows else 0


def list_new_events(store: Path, event_id: int) -> list[QualityEvent]:
    """Return up to 100 events that are newer than one event and more than notes, the oldest first."""
    return [
        QualityEvent(
            event_id=row["event_id"],
            registry=row["registry"],
            snapshot=row["snapshot"],
            kind=row["kind"],
            severity=row["severity"],
            evidence=row["evidence"],
        )
        for row in _query(store, NEW_EVENTS, (event_id,))
    ]


def _query(store: Path, statement: str, values: tuple[int] | dict[str, int]) -> list[sqlite3.Row]:
    with suppress(StoreError, sqlite3.Error), open_for_reading(store) as connection:
        return connection.execute(statement, values).fetchall()
    return []
