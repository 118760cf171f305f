"""Fetch rows by the statements of `db/statements/`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import db
from db import SECONDS_PER_DAY, UsageError
from db.cli import did_you_mean
from db.connection import open_for_reading
from db.ids import register_functions
from db.registry_names import match_registry

STATEMENTS_FOLDER = Path(db.__file__).parent / "statements"
END_OF_TIME = 1 << 40

SqlRow = dict[str, Any]  # by column names; the values are typed by the statement


@contextmanager
def open_for_lookup(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the store read-only, in one state whatever a crawl adds meanwhile."""
    with open_for_reading(path) as connection:
        register_functions(connection)
        connection.execute("BEGIN")
        yield connection


def fetch_rows(connection: sqlite3.Connection, name: str, /, **parameters: object) -> list[SqlRow]:
    """Return the rows of one statement, by column names."""
    statement = (STATEMENTS_FOLDER / f"{name}.sql").read_text("utf-8")
    return [dict(row) for row in connection.execute(statement, parameters)]


def end_of_day(first_second: int | None) -> int:
    """Return the first second after a day, or a second after all days if no day is given.

    >>> end_of_day(0)
    86400
    """
    return END_OF_TIME if first_second is None else first_second + SECONDS_PER_DAY


def require_registry(connection: sqlite3.Connection, name: str) -> str:
    """Return the registry of a name, or of the name that its service gives it. Refuse one that is not in the store.

    Raises:
        UsageError: the store has no such registry.
    """
    registries = list_registries(connection)
    registry = match_registry(name, connection.execute("SELECT name, service_name FROM registry"))
    if registry not in registries:
        raise UsageError(
            f"The store has no registry called {name!r}.",
            why=did_you_mean(name, registries),
            fix=f"It has: {', '.join(registries) or 'none yet'}.",
            more="docs/commands.md",
        )
    return registry


def list_registries(connection: sqlite3.Connection) -> Sequence[str]:
    """Return the names of the registries of the store."""
    return [str(name) for (name,) in connection.execute("SELECT name FROM registry ORDER BY name")]
