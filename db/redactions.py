"""What is left out on request: of the stable views here, of every export in `analysis/exports/privacy.py`.

`redactions.toml` says it. The store keeps its rows; a stable view shows no row that names what is left out, and no text
that quotes it. Which columns name and which quote, `db/dictionary.toml` says.
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
from db.ids import compact_id, short_hash

KINDS = ("package", "name", "author")
DICTIONARY = Path(__file__).parent / "dictionary.toml"
WITHHELD = "[withheld]"
REDACTION_MARKER = "FROM redacted_name"  # in the text of a view that leaves out
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
    """The list of what is to be left out cannot be read."""


def read_redaction_file(path: Path) -> list[RedactionEntry]:
    """The entries of a `redactions.toml`: what kind of thing, and which.

    Raises:
        BadRedactions: the file is not as it has to be.
    """
    try:
        entries = tomllib.loads(path.read_text("utf-8")).get("redaction", [])
        asked = [next((key, str(one[key])) for key in KINDS if key in one) for one in entries]
        if any(not value for _, value in asked):
            raise ValueError("an entry is empty")
    except (OSError, ValueError, TypeError, StopIteration) as error:
        raise InvalidRedactionsError(
            f"What is to be left out cannot be read from {path}.",
            why=str(error) or "An entry has neither package, name nor author.",
            fix='Write [[redaction]] and one of package = "id", name = "name", author = "name" for each.',
            more="docs/exports.md",
        ) from error
    return asked


def load_redactions(connection: sqlite3.Connection) -> list[RedactionEntry]:
    """The entries that the store itself heeds."""
    return [tuple(row) for row in connection.execute("SELECT kind, value FROM redaction ORDER BY kind, value")]


def matching_packages(
    connection: sqlite3.Connection, entries: Collection[RedactionEntry]
) -> tuple[frozenset[int], frozenset[str]]:
    """The packages that entries are of, by number, and every id and name of them."""
    wanted = {value for kind, value in entries if kind != "author"}
    numbers: set[int] = set()
    for name, statement in product(wanted, _PACKAGES_BY_NAME):
        values = {"name": name, "hash": short_hash(name), "key": compact_id(name)}
        numbers |= {number for (number,) in connection.execute(statement, values)}
    for kind, author in entries:
        for statement in _PACKAGES_BY_AUTHOR if kind == "author" else ():
            # `0` is the sign after `/`: what begins with the author and a stroke.
            numbers |= {number for (number,) in connection.execute(statement, (f"{author}/", f"{author}0"))}
    named = connection.execute(_NAMES_OF_PACKAGES, {"numbers": json.dumps(sorted(numbers))})
    return frozenset(numbers), frozenset(wanted | {name for (name,) in named})


def save_redactions(connection: sqlite3.Connection, entries: Collection[RedactionEntry]) -> None:
    """Let the store heed these entries, and no others."""
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("DELETE FROM redaction")
    connection.executemany("INSERT OR IGNORE INTO redaction (kind, value) VALUES (?, ?)", entries)
    connection.execute("COMMIT")
    refresh_redacted_names(connection)


def refresh_redacted_names(connection: sqlite3.Connection) -> None:
    """Note which ids and names the entries are of: packages may have come since, and names changed."""
    entries = load_redactions(connection)
    noted = {name for (name,) in connection.execute("SELECT name FROM redacted_name")}
    names = set(matching_packages(connection, entries)[1]) if entries else set()
    for kind, author in entries:
        if kind == "author":
            names |= {f"{author}/", *_dangling_parent_names(connection, author)}
    if names == noted:
        return
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("DELETE FROM redacted_name")
    connection.executemany("INSERT INTO redacted_name (name) VALUES (?)", ((name,) for name in sorted(names)))
    connection.execute("COMMIT")


def _dangling_parent_names(connection: sqlite3.Connection, author: str) -> Iterator[str]:
    """The names of an author's that packages say they were made from, whether they were ever listed or not."""
    like = "SELECT DISTINCT parent_name FROM lineage_edge WHERE substr(parent_name, 1, ?) = ?"
    return (name for (name,) in connection.execute(like, (len(author) + 1, f"{author}/")).fetchall())


def install_redaction_views(connection: sqlite3.Connection) -> None:
    """Let every stable view that names or quotes packages leave out what is redacted, if it does not do so yet."""
    found = connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'view' AND instr(sql, ?) = 0", (REDACTION_MARKER,)
    )
    bare = {name: sql for name, sql in found.fetchall() if name in _redacted_columns()}
    if not bare or not _has_redacted_names(connection):
        return
    is_nested = connection.in_transaction
    if not is_nested:
        connection.execute("BEGIN IMMEDIATE")
    for name, sql in bare.items():
        columns = [row[1] for row in connection.execute("SELECT * FROM pragma_table_info(?)", (name,))]
        connection.execute(f"DROP VIEW {name}")
        connection.execute(redaction_view_sql(sql, columns, _redacted_columns()[name]))
    if not is_nested:
        connection.execute("COMMIT")


def _has_redacted_names(connection: sqlite3.Connection) -> bool:
    """Return whether the store has the table of redacted names. Migrations before 0012 do not create it."""
    found = connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'redacted_name'")
    return found.fetchone() is not None


def redaction_view_sql(sql: str, columns: Collection[str], classes: Mapping[str, str]) -> str:
    """The text of a view that leaves out and withholds.

    >>> print(redaction_view_sql("CREATE VIEW v AS\\nSELECT * FROM t", ["package", "n"], {"package": "name"}))
    CREATE VIEW v AS
    SELECT "package", "n"
    FROM (
    SELECT * FROM t
    ) b
    WHERE coalesce("package", '') NOT IN (SELECT name FROM redacted)
    """
    head, _, body = sql.partition(" AS\n")
    shown = ", ".join(_masked_column(name) if classes.get(name) == "text" else f'"{name}"' for name in columns)
    named = [name for name in columns if classes.get(name) == "name" and name not in ("name", "child_name")]
    kept = "\n  AND ".join(f"coalesce(\"{name}\", '') NOT IN (SELECT name FROM redacted_name)" for name in named)
    return f"{head} AS\nSELECT {shown}\nFROM (\n{body}\n) b" + (f"\nWHERE {kept}" if kept else "")


def _masked_column(name: str) -> str:
    quotes = f'EXISTS (SELECT 1 FROM redacted_name x WHERE instr(b."{name}", x.name))'
    return f'CASE WHEN {quotes} THEN \'{WITHHELD}\' ELSE b."{name}" END AS "{name}"'


@cache
def _redacted_columns() -> Mapping[str, Mapping[str, str]]:
    """Of each stable view, the columns that name (`name`) or may quote (`text`) a package."""
    found = {
        str(view["name"]): {
            str(column["name"]): str(column["personal"])
            for column in view["column"]
            if column.get("personal") in ("name", "text")
        }
        for view in tomllib.loads(DICTIONARY.read_text("utf-8"))["view"]
    }
    return {name: classes for name, classes in found.items() if classes}
