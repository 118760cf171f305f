"""One SQLite file with the stable views as tables.

The bytes of the file depend only on the rows and on the version of SQLite.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.exports.files import WrittenFile
from db.maintenance.files import sync_path

if TYPE_CHECKING:
    from analysis.exports.tables import Table


def write_tables(tables: Sequence[Table], folder: Path) -> Iterator[WrittenFile]:
    """Write every stable view into one file, and yield that file."""
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
    sync_path(path)
    yield WrittenFile(path, "sqlite", None, None, None, rows)


def _fill_table(connection: sqlite3.Connection, table: Table) -> int:
    columns = ", ".join(f'"{column.name}" {column.type}' for column in table.columns)
    connection.execute(f"CREATE TABLE {table.name} ({columns}) STRICT")
    parameters = ", ".join("?" for _ in table.columns)
    insert = f"INSERT INTO {table.name} VALUES ({parameters})"
    return sum(connection.executemany(insert, part.rows()).rowcount for part in table.parts)
