"""The migrations of a store: list them, and apply the pending ones."""

from __future__ import annotations

from pathlib import Path

from db.connection import open_for_reading, open_for_writing
from db.database import Database
from db.migrate import FOLDER, pending_migrations


def migration_states(path: Path) -> list[tuple[str, str]]:
    """Return every migration with its state, applied or pending. Nothing is written."""
    names = [file.stem for file in sorted(FOLDER.glob("*.sql"))]
    if not path.exists() or not path.stat().st_size:
        pending = names
    else:
        with open_for_reading(path) as connection:
            pending = pending_migrations(Database(connection))
    return [(name, "pending" if name in pending else "applied") for name in names]


def apply_pending_migrations(path: Path) -> list[str]:
    """Apply the pending migrations under the writer's lock, and return their names."""
    pending = [name for name, state in migration_states(path) if state == "pending"]
    with open_for_writing(path):
        return pending
