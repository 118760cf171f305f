"""Redactions: what is omitted on request from the stable views. For exports see `analysis/exports/privacy.py`.

`redactions.toml` lists the redactions. The store keeps its rows. A stable view shows no row that names a redacted
package and no text that quotes one. `db/dictionary.toml` says which columns name packages and which may quote them.
"""

from __future__ import annotations

import json
import sqlite3
import tomllib
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from itertools import product
from pathlib import Path

from db import ObservatoryError
from db.causes import describe_cause
from db.dictionary import load_dictionary
from db.ids import compact_id, short_hash

KINDS = ("package", "name", "author")
WITHHELD = "[withheld]"
REDACTION_MARKER = "FROM redacted_name"  # in the SQL of every view that omits redacted names
_PACKAGES_BY_NAME = (
    "SELECT package_id FROM name_history WHERE name = :name",
    "SELECT package_id FROM package WHERE name_hash = :hash AND name = :name",
    "SELECT p.package_id FROM registry r CROSS JOIN package p ON p.registry_id = r.registry_id AND p.key = :key",
)
_PACKAGES_BY_AUTHOR = (
    "SELECT package_id FROM name_history WHERE name >= ? AND name < ?",
    "SELECT package_id FROM package WHERE name >= ? AND name < ?",
)
_NAMES_OF_PACKAGES = (
    "SELECT name FROM alias WHERE package_id IN (SELECT value FROM json_each(:numbers))"
    " UNION SELECT stable_id FROM package WHERE package_id IN (SELECT value FROM json_each(:numbers))"
    " UNION SELECT name FROM package WHERE package_id IN (SELECT value FROM json_each(:numbers))"
)
RedactionEntry = tuple[str, str]


class InvalidRedactionsError(ObservatoryError):
    """A list of redactions that cannot be read."""


def read_redaction_file(path: Path) -> list[RedactionEntry]:
    """Return the entries of a `redactions.toml`, as kind and value.

    Raises:
        InvalidRedactionsError: the file cannot be read or has an invalid entry.
    """
    try:
        tables = tomllib.loads(path.read_text("utf-8")).get("redaction", [])
        entries = [next((kind, str(table[kind])) for kind in KINDS if kind in table) for table in tables]
        if any(not value for _, value in entries):
            raise ValueError("An entry is empty")
    except (OSError, ValueError, TypeError, AttributeError, StopIteration) as error:
        raise InvalidRedactionsError(
            f"The redactions cannot be read from {path}.",
            why=_explain_unreadable_file(error),
            fix='Write [[redaction]] and one of package = "id", name = "name", author = "name" for each.',
            more="docs/exports.md",
        ) from error
    return entries


def _explain_unreadable_file(error: Exception) -> str:
    is_entry = isinstance(error, (TypeError, AttributeError, StopIteration))
    return "An entry has neither package, name nor author." if is_entry else describe_cause(error)


def load_redactions(connection: sqlite3.Connection) -> list[RedactionEntry]:
    """Return the redactions that the store has."""
    rows = connection.execute("SELECT kind, value FROM redaction ORDER BY kind, value")
    return [(kind, value) for kind, value in rows]


def matching_packages(
    connection: sqlite3.Connection, entries: Collection[RedactionEntry]
) -> tuple[frozenset[int], frozenset[str]]:
    """Return the numbers of the packages that redactions match, and every id and name of these packages."""
    redacted_names = {value for kind, value in entries if kind != "author"}
    numbers: set[int] = set()
    for name, statement in product(redacted_names, _PACKAGES_BY_NAME):
        values = {"name": name, "hash": short_hash(name), "key": compact_id(name)}
        numbers |= {number for (number,) in connection.execute(statement, values)}
    for kind, author in entries:
        for statement in _PACKAGES_BY_AUTHOR if kind == "author" else ():
            # `0` follows `/` in ASCII, so the range holds what begins with the author and a slash.
            numbers |= {number for (number,) in connection.execute(statement, (f"{author}/", f"{author}0"))}
    names = connection.execute(_NAMES_OF_PACKAGES, {"numbers": json.dumps(sorted(numbers))})
    return frozenset(numbers), frozenset(redacted_names | {name for (name,) in names})


def save_redactions(connection: sqlite3.Connection, entries: Collection[RedactionEntry]) -> None:
    """Replace the redactions of the store by these entries."""
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("DELETE FROM redaction")
    connection.executemany("INSERT OR IGNORE INTO redaction (kind, value) VALUES (?, ?)", entries)
    connection.execute("COMMIT")
    refresh_redacted_names(connection)


def refresh_redacted_names(connection: sqlite3.Connection) -> None:
    """Save the ids and names that the redactions match now: packages may be new, and names may have changed."""
    entries = load_redactions(connection)
    saved_names = {name for (name,) in connection.execute("SELECT name FROM redacted_name")}
    names = set(matching_packages(connection, entries)[1]) if entries else set()
    for kind, author in entries:
        if kind == "author":
            names |= {f"{author}/", *_dangling_parent_names(connection, author)}
    if names == saved_names:
        return
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("DELETE FROM redacted_name")
    connection.executemany("INSERT INTO redacted_name (name) VALUES (?)", ((name,) for name in sorted(names)))
    connection.execute("COMMIT")


def _dangling_parent_names(connection: sqlite3.Connection, author: str) -> Iterator[str]:
    """Return an author's names that packages state as parents, whether or not they were ever listed."""
    like = "SELECT DISTINCT parent_name FROM lineage_edge WHERE substr(parent_name, 1, ?) = ?"
    return (name for (name,) in connection.execute(like, (len(author) + 1, f"{author}/")).fetchall())


def install_redaction_views(connection: sqlite3.Connection) -> None:
    """Rebuild every stable view that names or quotes packages and does not omit redacted names yet."""
    rows = connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'view' AND instr(sql, ?) = 0", (REDACTION_MARKER,)
    )
    unredacted = {name: sql for name, sql in rows.fetchall() if name in _redacted_columns()}
    if not unredacted or not _has_redacted_names(connection):
        return
    is_nested = connection.in_transaction
    if not is_nested:
        connection.execute("BEGIN IMMEDIATE")
    for name, sql in unredacted.items():
        columns = [row[1] for row in connection.execute("SELECT * FROM pragma_table_info(?)", (name,))]
        connection.execute(f"DROP VIEW {name}")
        connection.execute(redaction_view_sql(sql, columns, _redacted_columns()[name]))
    if not is_nested:
        connection.execute("COMMIT")


def _has_redacted_names(connection: sqlite3.Connection) -> bool:
    """Return whether the store has the table of redacted names. Migrations before 0012 do not create it."""
    cursor = connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'redacted_name'")
    return cursor.fetchone() is not None


def redaction_view_sql(sql: str, columns: Collection[str], classes: Mapping[str, str]) -> str:
    """Return the SQL of a view that omits rows with redacted names and withholds texts that quote them.

    >>> print(redaction_view_sql("CREATE VIEW v AS\\nSELECT * FROM t", ["package", "n"], {"package": "name"}))
    CREATE VIEW v AS
    SELECT "package", "n"
    FROM (
    SELECT * FROM t
    ) b
    WHERE coalesce("package", '') NOT IN (SELECT name FROM redacted_name)
    """
    head, _, body = sql.partition(" AS\n")
    selected = ", ".join(_masked_column(name) if classes.get(name) == "text" else f'"{name}"' for name in columns)
    name_columns = [name for name in columns if classes.get(name) == "name" and name not in ("name", "child_name")]
    condition = "\n  AND ".join(
        f"coalesce(\"{name}\", '') NOT IN (SELECT name FROM redacted_name)" for name in name_columns
    )
    return f"{head} AS\nSELECT {selected}\nFROM (\n{body}\n) b" + (f"\nWHERE {condition}" if condition else "")


def _masked_column(name: str) -> str:
    quotes = f'EXISTS (SELECT 1 FROM redacted_name x WHERE instr(b."{name}", x.name))'
    return f'CASE WHEN {quotes} THEN \'{WITHHELD}\' ELSE b."{name}" END AS "{name}"'


@cache
def _redacted_columns() -> Mapping[str, Mapping[str, str]]:
    """Return for each stable view the columns that name (`name`) or may quote (`text`) a package."""
    columns = {
        view["name"]: {
            column["name"]: column["personal"]
            for column in view["column"]
            if "personal" in column and column["personal"] in ("name", "text")
        }
        for view in load_dictionary()
    }
    return {name: classes for name, classes in columns.items() if classes}
