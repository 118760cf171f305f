"""The schema that the migrations give."""

from __future__ import annotations

import sqlite3

from sqlite_utils import Database

from db.maintenance.schema_text import order_definitions
from db.migrate import migrate

OWN_OBJECTS = " NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND tbl_name <> '_sqlite_migrations'"


def load_schema() -> dict[str, str]:
    """Return the SQL of every table, index, trigger and view by its kind and name, as a page to read."""
    rows = create_blank().execute(
        "SELECT type, name, tbl_name, sql FROM sqlite_master"
        f" WHERE sql IS NOT NULL AND name {OWN_OBJECTS} ORDER BY rowid"
    )
    return order_definitions(iter(rows))


def load_definitions(connection: sqlite3.Connection) -> dict[str, str]:
    """Return the SQL of every table, index, trigger and view, by its kind and name."""
    rows = connection.execute(
        f"SELECT type || ' ' || name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name {OWN_OBJECTS} ORDER BY rowid"
    )
    return dict(iter(rows))


def create_blank() -> sqlite3.Connection:
    """Return an empty store of this version in memory."""
    database = Database(memory=True)
    migrate(database)
    return database.conn
