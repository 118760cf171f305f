"""A store that an older version has redacted is redacted at every moment of its migration."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlite_utils import Database

from db import migrate
from db.redactions import save_redactions
from tests.db.test_redactions import views_with

OLD_QUOTATION = "EXISTS (SELECT 1 FROM redacted_name x WHERE instr"


def test_an_older_store_shows_no_redacted_text_between_its_migration_and_the_next_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newest = sorted(migrate.FOLDER.glob("*.sql"))
    older = tmp_path / "migrations"
    older.mkdir()
    for path in newest:
        if path.stem < "0017":
            (older / path.name).write_text(path.read_text("utf-8"), "utf-8")
    monkeypatch.setattr(migrate, "FOLDER", older)
    with closing(sqlite3.connect(tmp_path / "s.db", isolation_level=None)) as connection:
        migrate.migrate(Database(connection))
        (sql,) = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'v1_quality_event'").fetchone()
        assert OLD_QUOTATION in sql
        connection.execute("INSERT INTO registry (name, service) VALUES ('npm', 'ecosystems')")
        connection.execute(
            "INSERT INTO quality_event VALUES (1, 1, NULL, NULL, 'k', 'note', NULL, NULL, 'of lo_dash', 0)"
        )
        connection.execute("INSERT INTO redacted_name VALUES ('lo_dash')")
        monkeypatch.undo()
        migrate.migrate(Database(connection))
        (sql,) = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'v1_quality_event'").fetchone()
        assert OLD_QUOTATION not in sql
        assert views_with(tmp_path / "s.db", "lo_dash") == set()
        save_redactions(connection, [])
    assert views_with(tmp_path / "s.db", "lo_dash") == {"v1_quality_event"}
