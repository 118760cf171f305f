"""The daemon's journal waits for no other program for long."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from db import connection
from db.connection import open_for_writing
from db.ticks import Tick, read_journal
from schedules import journal
from schedules.log import DaemonLog


@pytest.mark.fault("A7", "A13")
def test_a_program_that_locks_the_store_does_not_hold_the_daemon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(connection, "SHORT_WAIT", connection.SHORT_WAIT.replace("1000", "0"))
    store, log = tmp_path / "observatory.db", DaemonLog("json")
    with open_for_writing(store):
        pass
    daemon_journal = journal.DaemonJournal(store, log)
    daemon_journal.append([Tick("top", 1_767_225_600, "time", "gap", "off")])
    with closing(sqlite3.connect(store, isolation_level=None)) as other_program:
        other_program.execute("BEGIN EXCLUSIVE")
        daemon_journal.flush()
        assert len(read_journal(store)) == 1
    daemon_journal.flush()
    log.close()
    assert read_journal(store) == [] and "database is locked" in capfd.readouterr().err
