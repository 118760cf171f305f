"""Connections: many readers, one writer. A file that is not a store is refused and left as it is."""

from __future__ import annotations

import fcntl
import os
import signal
import sqlite3
from pathlib import Path

import pytest

from db import SchemaTooNewError, StoreBusyError, StoreError, UsageError
from db.connection import hold_writer_lock, lock_path, open_for_reading, open_for_writing
from db.store import Store
from tests.db.builders import query, run_in_child, take_snapshot


def has_four_parts(error: StoreError) -> bool:
    """Return whether an error says what happened, why, how to fix it and where to read more."""
    return all((error.message, error.why, error.fix, error.more))


def make_foreign_files(folder: Path) -> dict[str, Path]:
    """Create files that are not stores of this version."""
    (folder / "text.db").write_text("This is not a database, but it is long enough to be one.\n" * 100)
    with sqlite3.connect(folder / "foreign.db") as foreign:
        foreign.execute("CREATE TABLE mine (a)")
    foreign.close()
    with open_for_writing(folder / "newer.db") as database:
        database["_sqlite_migrations"].insert({"migration_set": "observatory", "name": "9999_later", "applied_at": ""})
    return {name: folder / f"{name}.db" for name in ("text", "foreign", "newer")}


@pytest.mark.parametrize("open_store", [open_for_reading, open_for_writing])
@pytest.mark.parametrize("kind", ["text", "foreign", "newer"])
@pytest.mark.fault("E9")
def test_a_file_that_is_not_a_store_is_refused_and_left_as_it_is(tmp_path: Path, kind: str, open_store: object) -> None:
    path = make_foreign_files(tmp_path)[kind]
    before = path.read_bytes()
    with pytest.raises(StoreError) as raised, open_store(path):
        pass
    assert has_four_parts(raised.value)
    assert path.read_bytes() == before


@pytest.mark.fault("A11")
def test_the_error_for_a_newer_store_names_its_unknown_migrations(tmp_path: Path) -> None:
    with pytest.raises(SchemaTooNewError, match="9999_later"), open_for_reading(make_foreign_files(tmp_path)["newer"]):
        pass


def test_an_empty_file_cannot_be_read_as_a_store(path: Path) -> None:
    path.touch()
    with pytest.raises(StoreError) as raised, open_for_reading(path):
        pass
    assert has_four_parts(raised.value)
    assert path.read_bytes() == b""


@pytest.mark.fault("A1")
def test_an_empty_file_that_a_killed_process_left_becomes_a_store(path: Path) -> None:
    path.touch()
    with open_for_writing(path) as database:
        assert take_snapshot(Store(database), ["a"]) == 1


def test_a_missing_store_is_not_created_by_reading_it(path: Path) -> None:
    with pytest.raises(StoreError, match="There is no store") as raised, open_for_reading(path):
        pass
    assert "observatory crawl snapshot" in raised.value.fix
    assert not path.exists()


@pytest.mark.parametrize("error", [UsageError("It is wrong."), KeyboardInterrupt()])
def test_a_store_that_was_created_for_a_block_that_fails_before_it_stores_anything_is_deleted(
    path: Path, error: BaseException
) -> None:
    with pytest.raises(type(error)), open_for_writing(path):
        raise error
    assert list(path.parent.iterdir()) == []
    with open_for_writing(path):
        pass
    with pytest.raises(type(error)), open_for_writing(path):
        raise error
    assert path.exists(), "the store was there before"


def test_a_new_store_with_a_snapshot_stays_when_its_block_fails(path: Path) -> None:
    with pytest.raises(UsageError), open_for_writing(path) as database:
        take_snapshot(Store(database), ["a"])
        raise UsageError("It is wrong.")
    assert query(path, "SELECT count(*) FROM snapshot") == [(1,)]


def test_a_lock_file_that_was_deleted_between_opening_and_locking_is_not_a_lock(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = fcntl.flock

    def lock_after_deletion(file: object, operation: int) -> None:
        lock_path(path).unlink()
        lock(file, operation)  # type: ignore[arg-type]

    monkeypatch.setattr("fcntl.flock", lock_after_deletion)
    with pytest.raises(StoreBusyError), hold_writer_lock(path):
        pass


def test_a_lock_file_that_its_last_holder_has_just_deleted_is_created_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, deletions = fcntl.flock, iter([lock_path(path)])

    def lock_after_one_deletion(file: object, operation: int) -> None:
        for deleted in deletions:
            deleted.unlink()
        lock(file, operation)  # type: ignore[arg-type]

    monkeypatch.setattr("fcntl.flock", lock_after_one_deletion)
    with hold_writer_lock(path):
        assert lock_path(path).read_text() == str(os.getpid())


def test_a_link_to_a_store_that_is_deleted_again_stays(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    link = tmp_path / "link.db"
    link.symlink_to(tmp_path / "disk" / "real.db")
    with pytest.raises(UsageError), open_for_writing(link):
        raise UsageError("It is wrong.")
    assert (list((tmp_path / "disk").iterdir()), link.is_symlink()) == ([], True)


def test_a_missing_folder_is_reported(tmp_path: Path) -> None:
    with (
        pytest.raises(StoreError, match="No such file or directory") as raised,
        open_for_writing(tmp_path / "no" / "store.db"),
    ):
        pass
    assert has_four_parts(raised.value)


@pytest.mark.parametrize("name", ["a b.db", "what?.db", "c#1.db", "100%.db", "%41.db", "ü.db", "mode=ro&x.db"])
@pytest.mark.fault("E7")
def test_a_file_may_have_any_name(tmp_path: Path, name: str) -> None:
    with open_for_writing(tmp_path / name) as database:
        take_snapshot(Store(database), ["a"])
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted([name, f"{name}.lock"])
    with open_for_reading(tmp_path / name) as connection:
        assert connection.execute("SELECT count(*) AS n FROM ranking").fetchone()["n"] == 1


@pytest.mark.fault("A9")
def test_a_second_writer_is_refused_at_once_with_the_process_that_writes(path: Path) -> None:
    with (
        open_for_writing(path),
        pytest.raises(StoreBusyError, match=f"pid {os.getpid()}") as raised,
        open_for_writing(path),
    ):
        pass
    assert has_four_parts(raised.value)


@pytest.mark.fault("A9")
def test_a_second_writer_is_refused_whatever_link_names_the_store(path: Path, tmp_path: Path) -> None:
    with open_for_writing(path):
        (tmp_path / "link.db").symlink_to(path)
        with pytest.raises(StoreBusyError), open_for_writing(tmp_path / "link.db"):
            pass
    assert lock_path(tmp_path / "link.db") == lock_path(path)


def test_the_lock_of_a_finished_writer_is_free(path: Path) -> None:
    with pytest.raises(RuntimeError), open_for_writing(path):
        raise RuntimeError
    with open_for_writing(path) as database:
        assert take_snapshot(Store(database), ["a"]) == 1


def test_the_lock_is_held_by_a_running_writer_and_free_after_it_was_killed(path: Path) -> None:
    read_end, write_end = os.pipe()

    def write() -> None:
        with open_for_writing(path):
            os.write(write_end, b"x")
            signal.pause()

    child = run_in_child(write)
    assert os.read(read_end, 1) == b"x"
    with pytest.raises(StoreBusyError, match=f"pid {child}"), open_for_writing(path):
        pass
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with open_for_writing(path) as database:
        assert take_snapshot(Store(database), ["a"]) == 1


def test_a_reader_sees_only_committed_rows_while_a_writer_writes(path: Path) -> None:
    with open_for_writing(path) as database:
        store = Store(database)
        take_snapshot(store, ["a"])
        with store.transaction(), open_for_reading(path) as connection:
            take_snapshot(store, ["b"])
            assert connection.execute("SELECT count(*) FROM snapshot").fetchone()[0] == 1


@pytest.mark.fault("A6")
def test_a_reader_does_not_delay_a_writer(path: Path) -> None:
    with open_for_writing(path) as database:
        take_snapshot(Store(database), ["a"])
    with open_for_reading(path) as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM snapshot").fetchone()
        with open_for_writing(path) as database:
            assert take_snapshot(Store(database), ["b"]) == 2
        assert connection.execute("SELECT count(*) FROM snapshot").fetchone()[0] == 1


@pytest.mark.fault("E9")
def test_a_reader_cannot_write(full: Path) -> None:
    before = full.read_bytes()
    with open_for_reading(full) as connection, pytest.raises(sqlite3.OperationalError, match="readonly"):
        connection.execute("DELETE FROM result")
    assert full.read_bytes() == before


@pytest.mark.fault("A8")
def test_damage_found_while_reading_is_reported_as_damage(full: Path) -> None:
    size = full.stat().st_size
    with full.open("r+b") as file:
        file.seek(4096 * 2)
        file.write(b"\xff" * (size - 4096 * 2))
    with pytest.raises(StoreError, match="malformed") as raised, open_for_reading(full) as connection:
        connection.execute("SELECT * FROM ranking").fetchall()
    assert "observatory store restore" in raised.value.fix


def test_every_commit_is_flushed(path: Path) -> None:
    with open_for_writing(path) as database:
        execute = database.conn.execute
        assert (execute("PRAGMA journal_mode").fetchone()[0], execute("PRAGMA synchronous").fetchone()[0]) == ("wal", 2)
        assert execute("PRAGMA foreign_keys").fetchone()[0] == 1
    assert query(path, "SELECT count(*) FROM snapshot") == [(0,)]
