"""A snapshot as a PeaTMOSS database: a SQLite file with the tables of that dataset, for queries written for it."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from contextlib import closing
from functools import partial
from pathlib import Path
from urllib.parse import quote

import db
from analysis.exports.privacy import Redactions
from db import UsageError
from db.files import new_file_beside
from db.migrate import split_statements
from db.private_text import find_unmistakable
from db.sources import StandIn

SCHEMA_SCRIPT = Path(db.__file__).parent / "peatmoss.sql"
HUB_NAME, HUB_URL = "HuggingFace", "https://huggingface.co/models"
NEWEST_SNAPSHOT = (
    "SELECT s.snapshot_id, s.date FROM snapshot s JOIN registry r ON r.registry_id = s.registry_id"
    " WHERE r.name = 'huggingface/models' AND s.status = 'complete' AND s.snapshot_id = COALESCE(?, s.snapshot_id)"
    " ORDER BY s.taken_at DESC, s.snapshot_id DESC LIMIT 1"
)


def choose_snapshot(connection: sqlite3.Connection, snapshot: int | None) -> tuple[int, str]:
    """Return the number and the date of a snapshot of the Hub's models, by default of the newest complete one.

    Raises:
        UsageError: there is no such snapshot.
    """
    row = connection.execute(NEWEST_SNAPSHOT, (snapshot,)).fetchone()
    if row is None:
        number = f" with the number {snapshot}" if snapshot else ""
        raise UsageError(
            f"There is no complete snapshot of huggingface/models{number}.",
            why="PeaTMOSS is a dataset of the Hub's models.",
            fix="Take a snapshot, or name another one with --snapshot.",
            more="docs/exports.md",
        )
    return row[0], row[1]


def write_database(
    store: Path,
    snapshot: int,
    out: Path,
    redactions: Redactions,
    credentials: Collection[str],
    stand_in: StandIn | None,
) -> int:
    """Write a snapshot to a new file, completely or not at all, and return the number of its models.

    The table `model_hub` names the endpoint that stands in for the Hub. No text has a credential of this run.

    Raises:
        UsageError: the file exists.
    """
    if out.exists():
        raise UsageError(f"{out} exists.", fix="Name another file; an existing file is never replaced.")
    with (
        new_file_beside(out) as new_file,
        closing(sqlite3.connect(new_file, isolation_level=None, uri=True)) as connection,
    ):
        connection.create_function("left_out", 1, partial(_is_left_out, redactions=redactions, credentials=credentials))
        return _fill_database(connection, store, snapshot, stand_in)


def _fill_database(connection: sqlite3.Connection, store: Path, snapshot: int, stand_in: StandIn | None) -> int:
    hub = {"hub": str(stand_in) if stand_in else HUB_NAME, "url": stand_in.url if stand_in else HUB_URL}
    connection.execute("ATTACH DATABASE ? AS store", (f"file:{quote(str(store.resolve()))}?mode=ro",))
    connection.execute("BEGIN")
    for statement in split_statements(SCHEMA_SCRIPT.read_text("utf-8")):
        connection.execute(statement, {"snapshot": snapshot, **hub})
    models: int = connection.execute("SELECT count(*) FROM model").fetchone()[0]
    connection.execute("COMMIT")
    return models


def _is_left_out(text: str | None, redactions: Redactions, credentials: Collection[str]) -> bool:
    """Return whether a text names what is left out, or has an address, a token or a credential."""
    if text is None:
        return False
    is_redacted = redactions.is_redacted_name(text) or redactions.is_quoted_in(text)
    return is_redacted or find_unmistakable(text, credentials) is not None
