"""Upgrades: a store of any older version is upgraded, also after a kill at any statement."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlite_utils import Database

from db import StoreError, migrate
from db.connection import open_for_reading, open_for_writing
from db.ids import register_functions
from tests.db.builders import query, run_in_child
from tests.db.store.test_kill import call_at_statements

FILES = sorted(migrate.FOLDER.glob("*.sql"))
LISTED = """
INSERT INTO registry VALUES (1, 'npm', 'ecosystems', 'npm');
INSERT INTO snapshot (snapshot_id, registry_id, kind, ordered_by, counter, k, origin, source, evidence, settings,
    taken_at, started_at) VALUES (1, 1, 'top', 'downloads', 'last-month', 2, 'crawl', 'x', 'x', '{}', 86400, 86400);
INSERT INTO page VALUES (1, 0, 'ranking', 'x', 86400, 200, 2, 'x', '{}', NULL, NULL, 2, 2, 0, 0, 0, 0, NULL);
INSERT INTO package (package_id, registry_id, stable_id, name, seen_at) VALUES (1, 1, 'a', 'a', 86400);
INSERT INTO package (package_id, registry_id, stable_id, name, seen_at) VALUES (2, 1, 'b', 'b', 86400);
INSERT INTO ranking (snapshot_id, rank, package_id, page, downloads) VALUES (1, 1, 1, 0, 9);
INSERT INTO ranking (snapshot_id, rank, package_id, page, downloads) VALUES (1, 2, 2, 0, 5);
"""
LISTED_ROWS = (
    "SELECT s.snapshot_id, s.status, r.rank, p.name, r.downloads FROM snapshot s JOIN ranking r USING (snapshot_id)"
)
ROWS = [(1, "open", 1, "a", 9), (1, "open", 2, "b", 5)]
SCHEMA = "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY type, name"
MAX_STATEMENTS = 1000  # of all migrations


def make_older_store(folder: Path, version: int, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a store with only the first migrations, and with a list that was saved after the first one."""
    first_migrations, path = folder / f"first-{version}", folder / f"{version}.db"
    first_migrations.mkdir()
    database = Database(path)
    register_functions(database.conn)
    with monkeypatch.context() as patched:
        patched.setattr(migrate, "FOLDER", first_migrations)
        for number, file in enumerate(FILES[:version]):
            shutil.copy(file, first_migrations)
            migrate.load_migrations().apply(database)
            database.conn.executescript("" if number else LISTED)
    database.conn.execute(f"PRAGMA application_id = {migrate.APPLICATION_ID}")
    database.conn.execute("PRAGMA journal_mode = WAL")
    database.close()
    return path


def upgrade(path: Path) -> None:
    with open_for_writing(path):
        pass


def is_killed_at(path: Path, moment: int) -> bool:
    """Upgrade in a process that is killed at a statement. Return False if the process ended before."""

    def run() -> None:
        call_at_statements(lambda number: os.kill(os.getpid(), signal.SIGKILL) if number == moment else None)
        upgrade(path)

    status = os.waitstatus_to_exitcode(os.waitpid(run_in_child(run), 0)[1])
    assert status in (0, -signal.SIGKILL)
    return status != 0


def assert_intact(path: Path, version: int) -> None:
    """Check that a store is sound and has its rows, and that its migrations were applied whole."""
    assert query(path, "PRAGMA integrity_check") == [("ok",)]
    assert query(path, f"{LISTED_ROWS} JOIN package p USING (package_id) ORDER BY rank") == ROWS
    applied = [row[0] for row in query(path, "SELECT name FROM _sqlite_migrations ORDER BY name")]
    assert applied == [file.stem for file in FILES[: len(applied)]] and len(applied) >= version


def count_kills(folder: Path, version: int, step: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """Kill the upgrade of a version at every step-th statement, and repeat it. Return the number of kills."""
    older, fresh = make_older_store(folder, version, monkeypatch), folder / "fresh.db"
    upgrade(fresh)
    for number, moment in enumerate(range(1 + version % step, MAX_STATEMENTS, step)):
        path = folder / "again.db"
        for file in folder.glob("again.db*"):
            file.unlink()
        shutil.copy(older, path)
        if not is_killed_at(path, moment):
            assert_intact(path, len(FILES))
            return number
        assert_intact(path, version)
        upgrade(path)
        assert_intact(path, len(FILES))
        assert query(path, SCHEMA) == query(fresh, SCHEMA), moment
    raise AssertionError("an upgrade has more statements than expected")


@pytest.mark.parametrize("version", (1, len(FILES) - 1))
@pytest.mark.fault("A11")
def test_a_store_of_any_version_killed_at_some_statement_is_upgraded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: int
) -> None:
    assert count_kills(tmp_path, version, 70, monkeypatch) >= 1


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("version", range(1, len(FILES)))
@pytest.mark.fault("A11")
def test_a_store_of_any_version_killed_at_any_statement_is_upgraded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: int, measured: Callable[[str], None]
) -> None:
    kills = count_kills(tmp_path, version, 1, monkeypatch)
    measured(f"{kills} kills from version {version} on")
    assert kills > 20


def test_a_reader_of_an_older_store_names_the_migration_and_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [file.stem for file in FILES]
    version = names.index("0012_plain_names")  # it renames the table of the query
    path = make_older_store(tmp_path, version, monkeypatch)
    with pytest.raises(StoreError) as error, open_for_reading(path) as connection:
        connection.execute("SELECT count(*) FROM gate_result")
    assert f"({', '.join(names[version:])} pending)" in error.value.message
    assert f"observatory store migrate --db {path}" in error.value.fix
    with pytest.raises(StoreError, match="pending"), open_for_reading(path):
        raise KeyError("list_of_day")  # of a view that is read with SELECT *


def test_a_missing_table_of_a_current_store_is_not_taken_for_a_pending_migration(tmp_path: Path) -> None:
    upgrade(tmp_path / "new.db")
    with pytest.raises(sqlite3.OperationalError, match="no such table"), open_for_reading(tmp_path / "new.db") as store:
        store.execute("SELECT count(*) FROM no_table_of_ours")
    with pytest.raises(KeyError), open_for_reading(tmp_path / "new.db"):
        raise KeyError("no_column_of_ours")
