"""The migrations of the schema, each applied once and in one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from db import SchemaTooNewError
from db.ids import register_functions
from db.redaction_views import install_redaction_views

if TYPE_CHECKING:  # to import sqlite-utils takes longer than a small command
    from db.database import Database, Migrations

MIGRATION_SET = "observatory"
FOLDER = Path(__file__).parent / "migrations"
APPLICATION_ID = 0x4F425356  # "OBSV": it tells a store from any other SQLite file


def split_statements(script: str) -> Iterator[str]:
    """Yield the statements of a script, one by one.

    `executescript` is not used, because it commits first: a script that fails would leave half of its tables behind.

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
    """Return the numbered files of `migrations/`, in order, as migrations of sqlite-utils."""
    from db.database import Migrations

    registered = Migrations(MIGRATION_SET)
    for path in sorted(FOLDER.glob("*.sql")):
        registered(name=path.stem)(_migration_from_file(path))
    return registered


def _migration_from_file(path: Path) -> Callable[[Database], None]:
    def apply(database: Database) -> None:
        for statement in split_statements(path.read_text("utf-8")):
            database.conn.execute(statement)
        # In the same transaction: otherwise a kill would leave views that show what is redacted.
        install_redaction_views(database.conn)

    return apply


def pending_migrations(database: Database) -> list[str]:
    """Return the names of the migrations that the file lacks, without writing to it."""
    return [migration.name for migration in load_migrations().pending(database)]


def applied_migrations(connection: sqlite3.Connection) -> list[str]:
    """Return the names of the migrations that a file records, in the order of their application."""
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = '_sqlite_migrations'").fetchone():
        return []
    query = "SELECT name FROM _sqlite_migrations WHERE migration_set = ? ORDER BY rowid"
    return [name for (name,) in connection.execute(query, (MIGRATION_SET,))]


def refuse_newer_store(connection: sqlite3.Connection) -> None:
    """Refuse a file with migrations that this version does not have.

    Raises:
        SchemaTooNewError: the file has unknown migrations. The message has their names.
    """
    file_names = {path.stem for path in FOLDER.glob("*.sql")}
    unknown = sorted(name for name in applied_migrations(connection) if name not in file_names)
    if unknown:
        raise SchemaTooNewError(
            f"The store was written by a newer version ({', '.join(unknown)}).",
            why="Guessing at a newer schema could damage it, so it is left untouched.",
            fix="Install the newer version, or name another file with --db.",
        )


def migrate(database: Database) -> list[str]:
    """Apply the pending migrations and return their names.

    Raises:
        SchemaTooNewError: a newer version wrote the file.
    """
    refuse_newer_store(database.conn)
    register_functions(database.conn)
    names = pending_migrations(database)
    if names:
        with _foreign_keys_disabled(database.conn):
            load_migrations().apply(database)
    # The rest is done every time: a process may have been killed right after its last migration.
    install_redaction_views(database.conn)
    if database.conn.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        database.conn.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    return names


@contextmanager
def _foreign_keys_disabled(connection: sqlite3.Connection) -> Iterator[None]:
    """Disable foreign keys so that referenced tables can be rebuilt. SQLite ignores the pragma in a transaction."""
    (was_enabled,) = connection.execute("PRAGMA foreign_keys").fetchone()
    connection.execute("PRAGMA foreign_keys = OFF")
    try:
        yield
    finally:
        connection.execute("PRAGMA foreign_keys = ON" if was_enabled else "PRAGMA foreign_keys = OFF")


def create_empty_store() -> sqlite3.Connection:
    """Return a connection to an empty store of this version in memory."""
    from db.database import Database

    database = Database(memory=True)
    migrate(database)
    return database.conn
