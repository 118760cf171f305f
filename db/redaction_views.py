"""The stable views without what is redacted. Each is wrapped in a query that omits or withholds.

`db/dictionary.toml` says of which class a column is: `name` names a package, `text` may quote one, and `label` is
mostly no name of a package, such as a library.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Collection, Mapping
from functools import cache

from db.dictionary import load_dictionary
from db.spellings import folded_text_sql

WITHHELD = "[withheld]"
CLASSES = ("name", "text", "label")
_WRAPPED_VIEW = re.compile(r"(CREATE VIEW \S+) AS\nSELECT [^\n]*\nFROM \(\n(.*)\n\) b(?:\nWHERE .*)?", re.DOTALL)


def install_redaction_views(connection: sqlite3.Connection) -> None:
    """Rebuild every stable view that names or quotes packages and is not wrapped as this version wraps it."""
    if not _has_table(connection, "redacted_name"):
        return
    has_patterns = _has_table(connection, "redacted_pattern")
    rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'view'").fetchall()
    views = {
        name: (sql, _wrap_view(connection, name, sql, has_patterns)) for name, sql in rows if name in redacted_columns()
    }
    outdated = {name: wrapped for name, (sql, wrapped) in views.items() if sql != wrapped}
    if not outdated:
        return
    is_nested = connection.in_transaction
    if not is_nested:
        connection.execute("BEGIN IMMEDIATE")
    for name, wrapped in outdated.items():
        connection.execute(f"DROP VIEW {name}")
        connection.execute(wrapped)
    if not is_nested:
        connection.execute("COMMIT")


def _has_table(connection: sqlite3.Connection, table: str) -> bool:
    """Return whether the store has a table. Migrations before 0012 and 0017 do not create those of redactions."""
    cursor = connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (table,))
    return cursor.fetchone() is not None


def _wrap_view(connection: sqlite3.Connection, name: str, sql: str, has_patterns: bool) -> str:
    columns = [row[1] for row in connection.execute("SELECT * FROM pragma_table_info(?)", (name,))]
    return redaction_view_sql(unwrap_view(sql), columns, redacted_columns()[name], has_patterns)


def unwrap_view(sql: str) -> str:
    """Return the SQL of a view as its migration created it.

    >>> unwrap_view(redaction_view_sql("CREATE VIEW v AS\\nSELECT * FROM t", ["package"], {"package": "name"}))
    'CREATE VIEW v AS\\nSELECT * FROM t'
    """
    match = _WRAPPED_VIEW.fullmatch(sql)
    return f"{match[1]} AS\n{match[2]}" if match else sql


def redaction_view_sql(
    sql: str, columns: Collection[str], classes: Mapping[str, str], has_patterns: bool = True
) -> str:
    """Return the SQL of a view that omits rows with redacted names and withholds texts that quote them.

    >>> print(redaction_view_sql("CREATE VIEW v AS\\nSELECT * FROM t", ["package", "n"], {"package": "name"}))
    CREATE VIEW v AS
    SELECT "package", "n"
    FROM (
    SELECT * FROM t
    ) b
    WHERE lower(coalesce("package", '')) NOT IN (SELECT name FROM redacted_name)
    """
    head, _, body = sql.partition(" AS\n")
    selected = ", ".join(
        _masked_column(name, has_patterns) if classes.get(name) in ("text", "label") else f'"{name}"'
        for name in columns
    )
    name_columns = [name for name in columns if classes.get(name) == "name" and name not in ("name", "child_name")]
    condition = "\n  AND ".join(
        f"lower(coalesce(\"{name}\", '')) NOT IN (SELECT name FROM redacted_name)" for name in name_columns
    )
    return f"{head} AS\nSELECT {selected}\nFROM (\n{body}\n) b" + (f"\nWHERE {condition}" if condition else "")


def _masked_column(name: str, has_patterns: bool) -> str:
    folded = folded_text_sql(f'b."{name}"')
    quotes = (
        f"SELECT 1 FROM redacted_pattern x WHERE {folded} GLOB x.pattern"
        if has_patterns
        else f'SELECT 1 FROM redacted_name x WHERE instr(b."{name}", x.name)'
    )
    return f'CASE WHEN EXISTS ({quotes}) THEN \'{WITHHELD}\' ELSE b."{name}" END AS "{name}"'


@cache
def redacted_columns() -> Mapping[str, Mapping[str, str]]:
    """Return for each stable view the columns that name or may quote a package, with the class of each."""
    columns = {
        view["name"]: {
            column["name"]: column["personal"] for column in view["column"] if column.get("personal") in CLASSES
        }
        for view in load_dictionary()
    }
    return {name: classes for name, classes in columns.items() if classes}
