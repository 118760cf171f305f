"""Quality events of the store that somebody should be told of."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from db import StoreError
from db.connection import open_for_reading

NEW_EVENTS = """
SELECT e.event_id, r.name AS registry, e.snapshot_id AS snapshot, e.kind, e.severity, e.evidence
FROM quality_event e JOIN registry r ON r.registry_id = e.registry_id
WHERE e.event_id > ? AND e.severity <> 'note' ORDER BY e.event_id LIMIT 100
"""


def newest_event_id(store: Path) -> int:
    """The number of the newest event; 0 where there is none, or no store."""
    rows = _query(store, "SELECT coalesce(max(event_id), 0) AS newest FROM quality_event")
    return int(str(rows[0]["newest"])) if rows else 0


def list_new_events(store: Path, event_id: int) -> list[dict[str, object]]:
    """The events after one that are more than notes."""
    return _query(store, NEW_EVENTS, event_id)


def _query(store: Path, question: str, *values: object) -> list[dict[str, object]]:
    try:
        with open_for_reading(store) as connection:
            return [dict(row) for row in connection.execute(question, values)]
    except (StoreError, sqlite3.Error):
        return []
