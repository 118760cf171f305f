"""Quality events of the store that somebody should be told of."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from db import StoreError
from db.connection import reading

WORRYING = """
SELECT e.event_id, r.name AS registry, e.snapshot_id AS snapshot, e.kind, e.severity, e.evidence
FROM quality_event e JOIN registry r ON r.registry_id = e.registry_id
WHERE e.event_id > ? AND e.severity <> 'note' ORDER BY e.event_id LIMIT 100
"""


def newest_event(store: Path) -> int:
    """The number of the newest event; 0 where there is none, or no store."""
    rows = _asked(store, "SELECT coalesce(max(event_id), 0) AS newest FROM quality_event")
    return int(str(rows[0]["newest"])) if rows else 0


def worrying(store: Path, after: int) -> list[dict[str, object]]:
    """The events after one that are more than notes."""
    return _asked(store, WORRYING, after)


def _asked(store: Path, question: str, *values: object) -> list[dict[str, object]]:
    try:
        with reading(store) as connection:
            return [dict(row) for row in connection.execute(question, values)]
    except (StoreError, sqlite3.Error):
        return []
