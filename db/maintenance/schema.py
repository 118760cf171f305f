"""The schema that the migrations give."""

from __future__ import annotations

import sqlite3

from db.maintenance.schema_text import order_definitions
from db.migrate import create_empty_store

OWN_OBJECTS = " NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND tbl_name <> '_sqlite_migrations'"


def load_schema() -> dict[str, str]:
    """Return the SQL of every table, index, trigger and view of this version, by kind and name, as a page to read."""
    rows = create_empty_store().execute(
        f"SELECT type, name, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name {OWN_OBJECTS}"
        " ORDER BY rowid"
    )
    return order_definitions(iter(rows))


def load_definitions(connection: sqlite3.Connection) -> dict[str, str]:
    """Return the SQL of every table, index, trigger and view of a store, by kind and name, in order of creation."""
    rows = connection.execute(
        f"SELECT type || ' ' || name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name {OWN_OBJECTS}"
        " ORDER BY rowid"
    )
    return dict(iter(rows))
