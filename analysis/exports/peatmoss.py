"""A snapshot as a PeaTMOSS database: a SQLite file with that data set's tables, for the queries written for it."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from urllib.parse import quote

import db
from analysis.exports.privacy import Redactions
from db import UsageError
from db.migrate import split_statements

SCHEMA_SCRIPT = Path(db.__file__).parent / "peatmoss.sql"
NEWEST_SNAPSHOT = (
    "SELECT s.snapshot_id, s.date FROM snapshot s JOIN registry r ON r.registry_id = s.registry_id"
    " WHERE r.name = 'huggingface/models' AND s.status = 'complete' AND s.snapshot_id = COALESCE(?, s.snapshot_id)"
    " ORDER BY s.taken_at DESC, s.snapshot_id DESC LIMIT 1"
)


def choose_snapshot(connection: sqlite3.Connection, snapshot: int | None) -> tuple[int, str]:
    """The number and date of a snapshot of the Hub's models, the newest complete one if none is named.

    Raises:
        UsageError: there is none.
    """
    found = connection.execute(NEWEST_SNAPSHOT, (snapshot,)).fetchone()
    if found is None:
        named = f" with the number {snapshot}" if snapshot else ""
        raise UsageError(
            f"There is no complete snapshot of huggingface/models{named}.",
            why="PeaTMOSS is of the Hub's models.",
            fix="Take one, or name another with --snapshot.",
            more="docs/exports.md",
        )
    return found[0], found[1]


def write_database(store: Path, snapshot: int, out: Path, redactions: Redactions) -> int:
    """Write a snapshot to a new file, whole or not at all; how many models it has.

    Raises:
        UsageError: the file is there already.
    """
    if out.exists():
        raise UsageError(f"{out} is there already.", fix="Name another file; a file of yours is never replaced.")
    new = out.with_name(f".{out.name}.new")
    new.unlink(missing_ok=True)
    connection = sqlite3.connect(new, isolation_level=None, uri=True)
    try:
        connection.create_function(
            "left_out", 1, lambda text: redactions.is_redacted_name(text) or redactions.is_quoted_in(str(text))
        )
        connection.execute("ATTACH DATABASE ? AS store", (f"file:{quote(str(store.resolve()))}?mode=ro",))
        connection.execute("BEGIN")
        for statement in split_statements(SCHEMA_SCRIPT.read_text("utf-8")):
            connection.execute(statement, {"snapshot": snapshot})
        (models,) = connection.execute("SELECT count(*) FROM model").fetchone()
        connection.execute("COMMIT")
    except BaseException:
        connection.close()
        new.unlink(missing_ok=True)
        raise
    connection.close()
    os.rename(new, out)
    return models
