"""Which migrations are applied; apply the pending ones."""

from __future__ import annotations

from pathlib import Path

from sqlite_utils import Database

from db.connection import reading, writing
from db.migrate import FOLDER, pending


def states(path: Path) -> list[tuple[str, str]]:
    """Every migration with its state, applied or pending. Reads only."""
    names = [file.stem for file in sorted(FOLDER.glob("*.sql"))]
    if not path.exists() or not path.stat().st_size:
        waiting = names
    else:
        with reading(path) as connection:
            waiting = pending(Database(connection))
    return [(name, "pending" if name in waiting else "applied") for name in names]


def bring_up_to_date(path: Path) -> list[str]:
    """Apply the pending migrations under the writer's lock; their names."""
    waiting = [name for name, state in states(path) if state == "pending"]
    with writing(path):
        return waiting
