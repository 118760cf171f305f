"""Checks of the store, backups and restores."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from db import StoreBusyError, StoreError
from db.connection import open_for_writing
from db.maintenance import check as check_module
from db.maintenance.backup import back_up_store, restore_store
from db.maintenance.check import BROKEN, HOLDS, NOTE, check_store, has_wal_reset_bug
from db.maintenance.files import find_newest_backup, find_writer_process
from db.migrate import FOLDER
from db.store import Store
from tests.db.builders import FAILED, begin_snapshot, make_page, query, run_in_child, take_snapshot

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def verdicts(path: Path) -> dict[str, str]:
    return {result.name: result.verdict for result in check_store(path)}


def message_of(path: Path, name: str) -> str:
    return next(result.message for result in check_store(path) if result.name == name)


def tamper(path: Path, *script: str) -> None:
    """Change a store without its triggers, as none of our programs would."""
    with closing(sqlite3.connect(path)) as connection, connection:
        triggers = [row[0] for row in connection.execute("SELECT sql FROM sqlite_master WHERE type = 'trigger'")]
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        for statement in (*script, *triggers):
            connection.execute(statement)


def read_content(path: Path) -> list[tuple[object, ...]]:
    return query(path, "SELECT * FROM v1_ranking ORDER BY snapshot, rank")


def test_every_check_of_a_sound_store_holds(full: Path) -> None:
    results = verdicts(full)
    assert [results[name] for name in list(check_module.CHECKS)[1:]] == [HOLDS] * 6
    assert BROKEN not in results.values()


def test_a_check_changes_nothing(full: Path) -> None:
    before = full.read_bytes()
    check_store(full)
    assert full.read_bytes() == before


@pytest.mark.parametrize(
    ("name", "script", "fault"),
    [
        (
            "digests",
            "UPDATE ranking SET likes = 7 WHERE snapshot_id = 2 AND rank = 9",
            "snapshot 2 differs from what it was",
        ),
        ("digests", "UPDATE snapshot SET digest = NULL WHERE snapshot_id = 3", "snapshot 3 differs from what it was"),
        ("digests", "UPDATE package SET name = 'other' WHERE package_id = 1", "snapshot 1 differs from what it was"),
        (
            "findings",
            "DELETE FROM gate_result WHERE snapshot_id = 1",
            "snapshot 1 is complete although its gate passed 0",
        ),
        (
            "findings",
            "UPDATE gate_result SET outcome = 'fail' WHERE snapshot_id = 2",
            "snapshot 2 is complete although",
        ),
        (
            "pages",
            "DELETE FROM ranking WHERE snapshot_id = 1 AND rank = 5",
            "snapshot 1 has 299 ranks, but its pages have 300",
        ),
        ("pages", "DELETE FROM reject", "snapshot 3 has 0 rejects, but its pages have 1"),
        ("pages", "UPDATE snapshot SET depth = 400 WHERE snapshot_id = 1", "has depth 400, but its last rank is 300"),
        ("pages", "DELETE FROM page WHERE snapshot_id = 1", "snapshot 1 has 300 ranks, but its pages have 0"),
        ("references", "DELETE FROM registry", "refers to a missing registry"),
        ("schema", "DROP INDEX name_history_name", "index name_history_name is missing"),
        ("schema", "DROP VIEW v1_snapshot", "view v1_snapshot is missing"),
        ("schema", "ALTER TABLE result ADD COLUMN mine TEXT", "table result differs from the migrations"),
        ("schema", "PRAGMA application_id = 0", "has not the application id of a store"),
    ],
)
def test_a_change_by_another_program_is_found(full: Path, name: str, script: str, fault: str) -> None:
    tamper(full, script)
    assert verdicts(full)[name] == BROKEN
    assert fault in message_of(full, name)


def test_rejected_rows_at_the_end_of_a_list_are_no_fault(path: Path) -> None:
    with open_for_writing(path) as database:
        store = Store(database)
        for rows, rejected in ((["a"], (1, 2)), ([], (0, 1, 2))):
            snapshot = begin_snapshot(store, k=3)
            store.save_page(snapshot, make_page(rows, rejected=rejected))
            store.end_snapshot(snapshot, "partial", FAILED, "rejects", 0)
    assert verdicts(path)["pages"] == HOLDS, message_of(path, "pages")


def test_a_missing_trigger_is_found(full: Path) -> None:
    with closing(sqlite3.connect(full)) as connection:
        connection.execute("DROP TRIGGER ranking_changed")
    assert message_of(full, "schema") == "trigger ranking_changed is missing"


def test_faults_beyond_the_listed_ones_are_counted(full: Path) -> None:
    tamper(
        full, "UPDATE ranking SET page = 9", "DELETE FROM page", "UPDATE snapshot SET depth = 1 WHERE status <> 'open'"
    )
    assert message_of(full, "pages").endswith("; and 5 more")


def test_an_open_snapshot_without_a_writer_is_noted(full: Path) -> None:
    full.with_name("observatory.db.lock").write_text(str(dead_process()))
    assert verdicts(full)["open snapshots"] == NOTE
    assert "--resume" in message_of(full, "open snapshots")


def test_an_open_snapshot_with_a_writer_holds(full: Path) -> None:
    with open_for_writing(full):
        assert message_of(full, "open snapshots") == f"1 open, process {os.getpid()} is writing"


def dead_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.mark.parametrize("text", ["", "nonsense", "99999999999999999999"])
def test_a_lock_without_a_process_has_no_writer(path: Path, text: str) -> None:
    path.with_name("observatory.db.lock").write_text(text)
    assert find_writer_process(path) is None


@pytest.mark.fault("A6")
def test_a_large_write_ahead_log_is_noted(full: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_module, "LARGE_WAL", 4096)
    with open_for_writing(full) as database:
        take_snapshot(Store(database), ["x"])
        assert verdicts(full)["write-ahead log"] == NOTE


@pytest.mark.parametrize(
    ("version", "has_bug"),
    [((3, 6, 23), False), ((3, 7, 0), True), ((3, 40, 1), True), ((3, 44, 5), True), ((3, 44, 6), False),
     ((3, 45, 0), True), ((3, 50, 6), True), ((3, 50, 7), False), ((3, 51, 2), True), ((3, 51, 3), False),
     ((3, 54, 0), False)],
)  # fmt: skip
@pytest.mark.fault("A15")
def test_versions_of_sqlite_with_the_wal_reset_bug_are_known(version: tuple[int, int, int], has_bug: bool) -> None:
    assert has_wal_reset_bug(version) is has_bug


def test_a_store_with_a_pending_migration_gets_the_checks_without_schema(
    full: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = full.parent / "migrations"
    folder.mkdir()
    for file in FOLDER.glob("*.sql"):
        (folder / file.name).write_text(file.read_text())
    (folder / "0999_later.sql").write_text("CREATE TABLE later (a);")
    monkeypatch.setattr("db.migrate.FOLDER", folder)
    results = verdicts(full)
    assert (results["integrity"], results["migrations"], "digests" in results) == (HOLDS, NOTE, False)


def test_a_backup_has_the_content_of_the_store(full: Path, tmp_path: Path) -> None:
    out = tmp_path / "backup.db"
    assert back_up_store(full, out) == out.stat().st_size
    assert read_content(out) == read_content(full)
    assert BROKEN not in verdicts(out).values()


def test_a_backup_is_one_file(full: Path, tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    back_up_store(full, tmp_path / "far" / "backup.db")
    read_content(tmp_path / "far" / "backup.db")
    assert [file.name for file in (tmp_path / "far").iterdir()] == ["backup.db"]


def test_a_backup_during_a_transaction_has_only_committed_rows(full: Path, tmp_path: Path) -> None:
    with open_for_writing(full) as database:
        store = Store(database)
        with store.transaction():
            store.save_page(begin_snapshot(store), make_page(["x"]))
            back_up_store(full, tmp_path / "backup.db")
    assert query(tmp_path / "backup.db", "SELECT count(*) FROM snapshot") == [(4,)]
    assert query(full, "SELECT count(*) FROM snapshot") == [(5,)]


def test_backups_of_a_store_in_use_are_sound_and_whole(full: Path, tmp_path: Path) -> None:
    def write() -> None:
        with open_for_writing(full) as database:
            while True:
                take_snapshot(Store(database), [f"x{index}" for index in range(10)])

    child = run_in_child(write)
    try:
        for number in range(5):
            back_up_store(full, tmp_path / f"{number}.db")
            assert query(tmp_path / f"{number}.db", "SELECT sum(n <> 10) FROM (SELECT count(*) AS n FROM ranking WHERE"
                         " snapshot_id > 4 GROUP BY snapshot_id)") in ([(0,)], [(None,)])  # fmt: skip
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_a_backup_has_the_content_of_the_write_ahead_log(full: Path, tmp_path: Path) -> None:
    with open_for_writing(full) as database:
        take_snapshot(Store(database), ["x"])
        back_up_store(full, tmp_path / "backup.db")
    assert query(tmp_path / "backup.db", "SELECT max(snapshot_id) FROM snapshot") == [(5,)]


def test_a_backup_is_overwritten_only_with_force(full: Path, tmp_path: Path) -> None:
    out = tmp_path / "backup.db"
    out.write_text("mine")
    with pytest.raises(StoreError, match="exists already"):
        back_up_store(full, out)
    assert out.read_text() == "mine"
    back_up_store(full, out, force=True)
    assert read_content(out) == read_content(full)


def test_the_store_itself_is_refused_as_its_backup(full: Path) -> None:
    before = full.read_bytes()
    with pytest.raises(StoreError, match="is the store itself"):
        back_up_store(full, full, force=True)
    with pytest.raises(StoreError, match="is the store itself"):
        restore_store(full, full, NOON)
    assert full.read_bytes() == before


def test_another_store_in_use_is_refused_as_a_backup(full: Path, tmp_path: Path) -> None:
    with open_for_writing(tmp_path / "other.db"), pytest.raises(StoreError, match="cannot become a backup"):
        back_up_store(full, tmp_path / "other.db", force=True)


@pytest.mark.parametrize("out", [".", "no/such/folder/backup.db"])
def test_a_path_that_cannot_be_a_backup_is_reported(full: Path, tmp_path: Path, out: str) -> None:
    with pytest.raises(StoreError) as raised:
        back_up_store(full, tmp_path / out, force=True)
    assert all((raised.value.why, raised.value.fix))


def test_a_damaged_copy_is_not_kept(full: Path, tmp_path: Path) -> None:
    tamper(full, "UPDATE ranking SET likes = 7 WHERE snapshot_id = 2 AND rank = 9")
    with pytest.raises(StoreError, match="is damaged, and was not kept"):
        back_up_store(full, tmp_path / "backup.db")
    assert [file.name for file in tmp_path.iterdir() if "backup" in file.name] == []


def test_a_restored_store_is_the_backup_and_the_previous_store_is_kept(full: Path, tmp_path: Path) -> None:
    back_up_store(full, tmp_path / "backup.db")
    with open_for_writing(full) as database:
        take_snapshot(Store(database), ["x"])
    old, new = read_content(tmp_path / "backup.db"), read_content(full)
    aside = restore_store(tmp_path / "backup.db", full, NOON)
    assert aside == tmp_path / "observatory.db.before-restore-20261123T120000Z"
    assert (read_content(full), read_content(aside)) == (old, new)


def test_the_write_ahead_log_is_kept_with_the_store_that_is_set_aside(full: Path, tmp_path: Path) -> None:
    back_up_store(full, tmp_path / "backup.db")

    def write_and_end_abruptly() -> None:
        with open_for_writing(full) as database:
            take_snapshot(Store(database), ["x"])
            os._exit(0)

    os.waitpid(run_in_child(write_and_end_abruptly), 0)
    assert full.with_name("observatory.db-wal").stat().st_size > 0
    aside = restore_store(tmp_path / "backup.db", full, NOON)
    assert query(aside, "SELECT max(snapshot_id) FROM snapshot") == [(5,)]
    assert query(full, "SELECT max(snapshot_id) FROM snapshot") == [(4,)]


def test_a_store_is_restored_where_no_store_was(full: Path, tmp_path: Path) -> None:
    back_up_store(full, tmp_path / "backup.db")
    assert restore_store(tmp_path / "backup.db", tmp_path / "new.db", NOON) is None
    assert read_content(tmp_path / "new.db") == read_content(full)


def test_two_restores_in_one_second_keep_both(full: Path, tmp_path: Path) -> None:
    back_up_store(full, tmp_path / "backup.db")
    names = [restore_store(tmp_path / "backup.db", full, NOON).name for _ in range(3)]
    assert [name.rpartition("Z")[2] for name in names] == ["", "-2", "-3"]


def test_a_restore_that_fails_loses_nothing(full: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    back_up_store(full, tmp_path / "backup.db")
    content = read_content(full)
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(StoreError) as raised:
        restore_store(tmp_path / "backup.db", full, NOON)
    assert raised.value.why == "The disk is full."
    assert read_content(full) == content
    assert read_content(tmp_path / "observatory.db.before-restore-20261123T120000Z") == content


def test_a_restored_store_can_be_written_to(full: Path, tmp_path: Path) -> None:
    back_up_store(full, tmp_path / "backup.db")
    restore_store(tmp_path / "backup.db", full, NOON)
    with open_for_writing(full) as database:
        assert take_snapshot(Store(database), ["x"]) == 5


def test_a_store_in_use_is_not_replaced(full: Path, tmp_path: Path) -> None:
    back_up_store(full, tmp_path / "backup.db")
    with open_for_writing(full), pytest.raises(StoreBusyError):
        restore_store(tmp_path / "backup.db", full, NOON)


def test_a_damaged_backup_is_restored_only_with_force(full: Path, tmp_path: Path) -> None:
    back_up_store(full, tmp_path / "backup.db")
    tamper(tmp_path / "backup.db", "UPDATE ranking SET likes = 7 WHERE snapshot_id = 2 AND rank = 9")
    before = full.read_bytes()
    with pytest.raises(StoreError, match=r"is damaged\. Nothing was changed"):
        restore_store(tmp_path / "backup.db", full, NOON)
    assert full.read_bytes() == before
    assert restore_store(tmp_path / "backup.db", full, NOON, force=True)
    assert query(full, "SELECT likes FROM v1_ranking WHERE snapshot = 2 AND rank = 9") == [(7,)]


def test_a_missing_backup_is_named_and_changes_nothing(full: Path, tmp_path: Path) -> None:
    before = full.read_bytes()
    with pytest.raises(StoreError, match=r"There is no backup at .*/nothere\.db\. Nothing was changed"):
        restore_store(tmp_path / "nothere.db", full, NOON)
    assert full.read_bytes() == before


def test_a_file_that_is_not_a_store_is_not_restored_even_with_force(full: Path, tmp_path: Path) -> None:
    (tmp_path / "backup.db").write_text("no store " * 1000)
    with pytest.raises(StoreError):
        restore_store(tmp_path / "backup.db", full, NOON, force=True)
    assert BROKEN not in verdicts(full).values()


def test_the_newest_backup_is_found_beside_the_store(full: Path, tmp_path: Path) -> None:
    for age, name in enumerate(["stranger.db", "newer backup.db", "older backup.db"]):
        back_up_store(full, tmp_path / name)
        os.utime(tmp_path / name, (1000 - age, 1000 - age))
    (tmp_path / "text.db").write_text("not a store")
    with open_for_writing(tmp_path / "another store.db"):
        pass
    restore_store(tmp_path / "newer backup.db", full, NOON)
    assert find_newest_backup(full) == tmp_path / "newer backup.db"
