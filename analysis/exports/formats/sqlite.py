"""One SQLite file with the stable views as tables. Its bytes depend on the rows and on the version of SQLite alone."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.exports.files import WrittenFile

if TYPE_CHECKING:
    from analysis.exports.tables import Table


def write_tables(tables: Sequence[Table], folder: Path) -> Iterator[WrittenFile]:
    """Write every stable view into one file; what was written."""
    path = folder / "sqlite" / "observatory.sqlite"
    path.parent.mkdir(parents=True)
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN")
        rows = sum(_fill_table(connection, table) for table in tables if not table.is_lake)
        connection.execute("COMMIT")
    finally:
        connection.close()
    with open(path, "rb") as stream:
        os.fsync(stream.fileno())
    yield WrittenFile(path, "sqlite", None, None, None, rows)


def _fill_table(connection: sqlite3.Connection, table: Table) -> int:
    columns = ", ".join(f'"{column.name}" {column.type}' for column in table.columns)
    connection.execute(f"CREATE TABLE {table.name} ({columns}) STRICT")
    places = ", ".join("?" for _ in table.columns)
    insert = f"INSERT INTO {table.name} VALUES ({places})"
    return sum(connection.executemany(insert, part.rows()).rowcount for part in table.parts)
