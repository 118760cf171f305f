"""Migrations are applied once, each in one transaction."""

from __future__ import annotations

import hashlib
import sqlite3
from pathlib import Path

import pytest
from sqlite_utils import Database

from db import SchemaTooNewError, migrate
from db.connection import open_for_writing
from db.migrate import APPLICATION_ID, FOLDER, pending_migrations, split_statements

TRIGGER = """CREATE TRIGGER kept BEFORE DELETE ON a WHEN OLD.b = ';'
BEGIN
    SELECT RAISE(ABORT, 'kept; always');
    SELECT 1;
END;"""

# The beginning of the sha256 of each released migration. Not even a comment in one may change: SQLite stores comments
# with the table, and `observatory store check` compares them. The hash of a new migration is added on its release.
RELEASED = {
    "0001_snapshots": "ed9e3dfcd7dca68b",
    "0002_libraries": "7e21d9afde8c9bc4",
    "0003_history": "837c3add789e878b",
    "0004_census": "702c5bb9cc2574d1",
    "0005_changes": "15f5878b6c572af4",
    "0006_ticks": "e9ffefdb329345fe",
    "0007_cards": "6f820396abf80b5e",
    "0008_export_views": "3df6b81be0292213",
    "0009_compact": "2561108db1bdd69b",
    "0010_redactions": "f0130c5149fbdafa",
    "0011_half_way": "d6f4286f4e9f41aa",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of migrations for a test, with a first migration."""
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "0001_first.sql").write_text("CREATE TABLE a (b);\nINSERT INTO a VALUES (1);\n")
    monkeypatch.setattr(migrate, "FOLDER", folder)
    return folder


def tables(database: Database) -> set[str]:
    return {name for name in database.table_names() if not name.startswith("_")}


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("SELECT 1; SELECT 2;", ["SELECT 1;", "SELECT 2;"]),
        ("SELECT ';';", ["SELECT ';';"]),
        ("SELECT 'it''s; so'; SELECT 2;", ["SELECT 'it''s; so';", "SELECT 2;"]),
        ("-- first; second\nSELECT 1;", ["-- first; second\nSELECT 1;"]),
        ("/* a; b */ SELECT 1;", ["/* a; b */ SELECT 1;"]),
        ('SELECT 1 AS "a;b";', ['SELECT 1 AS "a;b";']),
        (TRIGGER + "\nSELECT 2;", [TRIGGER, "SELECT 2;"]),
        ("SELECT 1;\n\n", ["SELECT 1;"]),
        ("", []),
    ],
)
def test_a_script_is_split_at_the_ends_of_its_statements(script: str, expected: list[str]) -> None:
    assert list(split_statements(script)) == expected


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.sql")), ids=lambda file: file.stem)
def test_no_statement_of_a_migration_is_lost(file: Path) -> None:
    script = file.read_text("utf-8")
    assert "".join("".join(split_statements(script)).split()) == "".join(script.split()).rstrip(";") + ";"


def test_a_released_migration_is_never_edited() -> None:
    hashes = {path.stem: hashlib.sha256(path.read_bytes()).hexdigest()[:16] for path in FOLDER.glob("*.sql")}
    assert {name: hashes.get(name) for name in RELEASED} == RELEASED


def test_a_migration_is_applied_once(folder: Path) -> None:
    database = Database(memory=True)
    assert migrate.migrate(database) == ["0001_first"]
    assert migrate.migrate(database) == []
    assert [row["b"] for row in database["a"].rows] == [1]


def test_migrations_are_applied_in_the_order_of_their_names(folder: Path) -> None:
    (folder / "0003_third.sql").write_text("ALTER TABLE c ADD COLUMN d;")
    (folder / "0002_second.sql").write_text("ALTER TABLE a RENAME TO c;")
    database = Database(memory=True)
    assert migrate.migrate(database) == ["0001_first", "0002_second", "0003_third"]
    assert tables(database) == {"c"}


def test_listing_the_pending_migrations_changes_nothing(folder: Path) -> None:
    database = Database(memory=True)
    assert pending_migrations(database) == ["0001_first"]
    assert database.table_names() == []


@pytest.mark.fault("A11")
def test_a_migration_that_fails_changes_nothing_and_stays_pending(folder: Path) -> None:
    (folder / "0002_second.sql").write_text("CREATE TABLE c (d);\nDELETE FROM a;\nSELECT no_such_function();\n")
    database = Database(sqlite3.connect(":memory:", isolation_level=None))
    with pytest.raises(sqlite3.OperationalError, match="no such function"):
        migrate.migrate(database)
    assert tables(database) == {"a"}
    assert [row["b"] for row in database["a"].rows] == [1]
    assert pending_migrations(database) == ["0002_second"]


def test_a_migration_that_was_fixed_is_applied(folder: Path) -> None:
    database = Database(sqlite3.connect(":memory:", isolation_level=None))
    (folder / "0002_second.sql").write_text("SELECT no_such_function();")
    with pytest.raises(sqlite3.OperationalError):
        migrate.migrate(database)
    (folder / "0002_second.sql").write_text("CREATE TABLE c (d);")
    assert migrate.migrate(database) == ["0002_second"]


@pytest.mark.fault("A11")
def test_a_file_with_unknown_migrations_is_refused(folder: Path) -> None:
    database = Database(memory=True)
    (folder / "0002_second.sql").write_text("CREATE TABLE c (d);")
    migrate.migrate(database)
    (folder / "0002_second.sql").unlink()
    with pytest.raises(SchemaTooNewError, match="0002_second"):
        migrate.migrate(database)


def test_a_store_has_its_application_id(path: Path) -> None:
    with open_for_writing(path) as database:
        assert database.conn.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID


@pytest.mark.fault("A11")
def test_a_store_whose_migration_was_killed_at_its_end_gets_its_application_id_later(path: Path) -> None:
    with open_for_writing(path) as database:
        database.conn.execute("PRAGMA application_id = 0")
    with open_for_writing(path) as database:
        assert database.conn.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID
