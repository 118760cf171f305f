"""The registries of a store, read once for a whole command. A store that does not exist yet has none."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from db.connection import is_without_tables, open_for_reading


@dataclass(frozen=True, slots=True)
class StoredRegistry:
    """A registry, what its service calls it, and the date of its last complete snapshot."""

    name: str
    service_name: str | None
    last_complete: str | None


def load_stored_registries(path: Path) -> list[StoredRegistry]:
    """Return the registries of a store, none if a writer has yet to make its first tables.

    Raises:
        StoreError: the file is not a store.
    """
    if not path.exists() or is_without_tables(path):
        return []
    with open_for_reading(path) as connection:
        rows = connection.execute(
            "SELECT r.name, r.service_name, s.last_complete FROM registry r LEFT JOIN ("
            "SELECT registry, max(date) AS last_complete FROM v1_snapshot WHERE status = 'complete' GROUP BY registry"
            ") s ON s.registry = r.name ORDER BY r.name"
        )
        return [StoredRegistry(*row) for row in rows]
