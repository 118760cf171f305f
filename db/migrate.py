"""Apply the migrations, each once and whole."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from db import SchemaTooNewError
from db.ids import register_functions
from db.redactions import install_redaction_views

FOLDER = Path(__file__).parent / "migrations"
APPLICATION_ID = 0x4F425356  # "OBSV": how `file` and we know a store from any other SQLite file


def split_statements(script: str) -> Iterator[str]:
    """The statements of a script, one by one.

    Not `executescript`: it commits first, so that a script which fails would leave half of its tables behind.

    >>> list(split_statements("CREATE TABLE a (b);  -- a table\\nSELECT 1;"))
    ['CREATE TABLE a (b);', '-- a table\\nSELECT 1;']
    """
    pending = ""
    for piece in script.split(";"):
        pending += piece + ";"
        if sqlite3.complete_statement(pending):
            if pending.strip() != ";":
                yield pending.strip()
            pending = ""


def load_migrations() -> Migrations:
    """The numbered files of `migrations/`, in order, as sqlite-utils knows them."""
    known = Migrations("observatory")
    for path in sorted(FOLDER.glob("*.sql")):
        known(name=path.stem)(_migration_from_file(path))
    return known


def _migration_from_file(path: Path) -> Callable[[Database], None]:
    def apply(database: Database) -> None:
        for statement in split_statements(path.read_text("utf-8")):
            database.conn.execute(statement)
        # In the same transaction: otherwise a kill would leave views that show what is redacted.
        install_redaction_views(database.conn)

    return apply


def pending_migrations(database: Database) -> list[str]:
    """The names of the migrations the file still lacks. Reads only."""
    return [migration.name for migration in load_migrations().pending(database)]


def refuse_newer_store(database: Database) -> None:
    """Refuse a file that knows migrations which this version does not.

    Raises:
        SchemaTooNew: with the names of the unknown migrations.
    """
    known = {path.stem for path in FOLDER.glob("*.sql")}
    unknown = sorted(applied.name for applied in load_migrations().applied(database) if applied.name not in known)
    if unknown:
        raise SchemaTooNewError(
            f"The store was written by a newer version ({', '.join(unknown)}).",
            why="Guessing at a newer schema could damage it, so it is left untouched.",
            fix="Install the newer version, or name another file with --db.",
        )


def migrate(database: Database) -> list[str]:
    """Bring the file up to date; the names of what was applied.

    Raises:
        SchemaTooNew: if the file is newer than this version.
    """
    refuse_newer_store(database)
    register_functions(database.conn)
    todo = pending_migrations(database)
    if todo:
        with _foreign_keys_disabled(database.conn):
            load_migrations().apply(database)
    # Asked each time: a process that was killed right after its last migration has not come to these.
    install_redaction_views(database.conn)
    if database.conn.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        database.conn.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    return todo


@contextmanager
def _foreign_keys_disabled(connection: sqlite3.Connection) -> Iterator[None]:
    """A table that others name can be made anew; inside of a transaction it would be too late to ask for this."""
    (before,) = connection.execute("PRAGMA foreign_keys").fetchone()
    connection.execute("PRAGMA foreign_keys = OFF")
    try:
        yield
    finally:
        connection.execute("PRAGMA foreign_keys = ON" if before else "PRAGMA foreign_keys = OFF")


def create_empty_store() -> sqlite3.Connection:
    """A store in memory with nothing in it: what its tables and columns are called, and their types."""
    database = Database(memory=True)
    migrate(database)
    return database.conn
