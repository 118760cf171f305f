"""The schema page has every table with its comments, and says what SQLite has."""

from __future__ import annotations

import sqlite3

from db.maintenance.schema import load_schema
from db.maintenance.schema_text import format_table, load_comments
from db.migrate import create_empty_store

COLUMNS = 'SELECT name, type, "notnull", dflt_value, pk, hidden FROM pragma_table_xinfo(?)'


def list_tables(connection: sqlite3.Connection) -> list[str]:
    rows = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\'"
    )
    return [name for (name,) in rows if not name.startswith("sqlite_")]


def test_every_table_has_a_comment() -> None:
    tables = list_tables(create_empty_store())
    assert sorted(tables) == sorted(load_comments())
    assert [table for table, comments in load_comments().items() if not comments.get("about")] == []


def test_every_comment_is_of_a_column() -> None:
    blank = create_empty_store()
    for table, comments in load_comments().items():
        columns = {row[0] for row in blank.execute(COLUMNS, (table,))}
        assert comments.keys() - {"about"} <= columns, table


def test_the_page_creates_the_tables_that_the_migrations_create() -> None:
    blank, printed = create_empty_store(), sqlite3.connect(":memory:")
    printed.executescript(";\n".join(load_schema().values()))
    assert sorted(list_tables(printed)) == sorted(list_tables(blank))
    for table in list_tables(blank):
        assert printed.execute(COLUMNS, (table,)).fetchall() == blank.execute(COLUMNS, (table,)).fetchall(), table
        for pragma in ("foreign_key_list", "index_list"):
            columns = '"from", "table"' if pragma == "foreign_key_list" else 'name, "unique", partial'
            query = f"SELECT {columns} FROM pragma_{pragma}(?) ORDER BY 1, 2"
            assert printed.execute(query, (table,)).fetchall() == blank.execute(query, (table,)).fetchall(), table


def test_a_long_comment_has_a_line_of_its_own() -> None:
    text = format_table("CREATE TABLE t (a INTEGER, b INTEGER)", {"b": "long " * 20, "about": "longer " * 20})
    lines = text.splitlines()
    assert [line.lstrip()[:6] for line in lines] == ["CREATE", "-- lon", "a INTE", "-- lon", "b INTE", ")"]
