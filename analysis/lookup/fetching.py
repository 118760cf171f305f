"""Fetch rows by the statements of `db/statements/`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from db import SECONDS_PER_DAY
from db.connection import open_for_reading
from db.ids import register_functions
from db.sql_files import load_statements

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
    (statement,) = load_statements(name)
    return [dict(row) for row in connection.execute(statement, parameters)]


def end_of_day(first_second: int | None) -> int:
    """Return the first second after a day, or a second after all days if no day is given.

    >>> end_of_day(0)
    86400
    """
    return END_OF_TIME if first_second is None else first_second + SECONDS_PER_DAY
