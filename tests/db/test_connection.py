"""Many readers, one writer; what is not a store is refused and left as it is."""

from __future__ import annotations

import os
import signal
import sqlite3
from pathlib import Path

import pytest

from db import SchemaTooNew, StoreBusy, StoreError
from db.connection import file_system, lock_path, reading, refuse_network, writing
from db.store import Store
from tests.db.builders import asked, in_child, take


def in_four_parts(error: StoreError) -> bool:
    """Whether it says what happened, why, what to do and where to read more."""
    return all((error.what, error.why, error.fix, error.more))


def strangers(folder: Path) -> dict[str, Path]:
    """Files that are not stores of this version."""
    (folder / "text.db").write_text("This is not a database, but it is long enough to be one.\n" * 100)
    with sqlite3.connect(folder / "foreign.db") as foreign:
        foreign.execute("CREATE TABLE mine (a)")
    foreign.close()
    with writing(folder / "newer.db") as database:
        database["_sqlite_migrations"].insert({"migration_set": "observatory", "name": "9999_later", "applied_at": ""})
    return {name: folder / f"{name}.db" for name in ("text", "foreign", "newer")}


@pytest.mark.parametrize("use", [reading, writing])
@pytest.mark.parametrize("kind", ["text", "foreign", "newer"])
def test_E9_a_file_that_is_not_a_store_of_ours_is_refused_and_left_as_it_is(
    tmp_path: Path, kind: str, use: object
) -> None:
    path = strangers(tmp_path)[kind]
    before = path.read_bytes()
    with pytest.raises(StoreError) as refused, use(path):
        pass
    assert in_four_parts(refused.value)
    assert path.read_bytes() == before


def test_A11_a_newer_store_names_what_is_unknown(tmp_path: Path) -> None:
    with pytest.raises(SchemaTooNew, match="9999_later"), reading(strangers(tmp_path)["newer"]):
        pass


def test_an_empty_file_has_nothing_to_read(path: Path) -> None:
    path.touch()
    with pytest.raises(StoreError) as refused, reading(path):
        pass
    assert in_four_parts(refused.value)
    assert path.read_bytes() == b""


def test_A1_an_empty_file_is_what_a_killed_beginning_leaves_and_becomes_a_store(path: Path) -> None:
    path.touch()
    with writing(path) as database:
        assert take(Store(database), ["a"]) == 1


def test_a_store_that_is_not_there_is_not_made_by_reading_it(path: Path) -> None:
    with pytest.raises(StoreError, match="There is no store") as refused, reading(path):
        pass
    assert "observatory crawl snapshot" in refused.value.fix
    assert not path.exists()


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="No such file or directory") as refused, writing(tmp_path / "no" / "store.db"):
        pass
    assert in_four_parts(refused.value)


@pytest.mark.parametrize("name", ["a b.db", "what?.db", "c#1.db", "100%.db", "%41.db", "ü.db", "mode=ro&x.db"])
def test_E7_any_name_of_a_file_will_do(tmp_path: Path, name: str) -> None:
    with writing(tmp_path / name) as database:
        take(Store(database), ["a"])
    assert sorted(found.name for found in tmp_path.iterdir()) == sorted([name, f"{name}.lock"])
    with reading(tmp_path / name) as connection:
        assert connection.execute("SELECT count(*) AS n FROM ranking").fetchone()["n"] == 1


def test_A9_a_second_writer_is_refused_at_once_and_told_who_writes(path: Path) -> None:
    with writing(path), pytest.raises(StoreBusy, match=f"pid {os.getpid()}") as refused, writing(path):
        pass
    assert in_four_parts(refused.value)


def test_A9_a_second_writer_is_refused_whatever_link_it_comes_by(path: Path, tmp_path: Path) -> None:
    with writing(path):
        (tmp_path / "link.db").symlink_to(path)
        with pytest.raises(StoreBusy), writing(tmp_path / "link.db"):
            pass
    assert lock_path(tmp_path / "link.db") == lock_path(path)


def test_the_lock_of_a_writer_that_ended_is_free(path: Path) -> None:
    with pytest.raises(RuntimeError), writing(path):
        raise RuntimeError
    with writing(path) as database:
        assert take(Store(database), ["a"]) == 1


def test_a_writer_that_lives_is_not_robbed_and_one_that_was_killed_is_succeeded(path: Path) -> None:
    heard, told = os.pipe()

    def write() -> None:
        with writing(path):
            os.write(told, b"x")
            signal.pause()

    child = in_child(write)
    assert os.read(heard, 1) == b"x"
    with pytest.raises(StoreBusy, match=f"pid {child}"), writing(path):
        pass
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with writing(path) as database:
        assert take(Store(database), ["a"]) == 1


def test_a_reader_sees_what_was_there_while_a_writer_writes(path: Path) -> None:
    with writing(path) as database:
        store = Store(database)
        take(store, ["a"])
        with store.transaction(), reading(path) as connection:
            take(store, ["b"])
            assert connection.execute("SELECT count(*) FROM snapshot").fetchone()[0] == 1


def test_A6_a_reader_in_the_middle_of_reading_does_not_hold_a_writer_up(path: Path) -> None:
    with writing(path) as database:
        take(Store(database), ["a"])
    with reading(path) as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM snapshot").fetchone()
        with writing(path) as database:
            assert take(Store(database), ["b"]) == 2
        assert connection.execute("SELECT count(*) FROM snapshot").fetchone()[0] == 1


def test_E9_a_reader_cannot_write(full: Path) -> None:
    before = full.read_bytes()
    with reading(full) as connection, pytest.raises(sqlite3.OperationalError, match="readonly"):
        connection.execute("DELETE FROM result")
    assert full.read_bytes() == before


def test_A8_damage_met_in_the_middle_of_reading_is_told_as_damage(full: Path) -> None:
    size = full.stat().st_size
    with full.open("r+b") as file:
        file.seek(4096 * 2)
        file.write(b"\xff" * (size - 4096 * 2))
    with pytest.raises(StoreError, match="malformed") as refused, reading(full) as connection:
        connection.execute("SELECT * FROM ranking").fetchall()
    assert "observatory store restore" in refused.value.fix


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.sshfs", "9p"])
def test_A10_a_network_file_system_is_refused(tmp_path: Path, kind: str) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/sda1 / ext4 rw 0 0\nserver:/home {tmp_path}/far {kind} rw 0 0\n")
    with pytest.raises(StoreError, match=kind) as refused:
        refuse_network(tmp_path / "far" / "store.db", mounts)
    assert in_four_parts(refused.value)
    refuse_network(tmp_path / "near.db", mounts)


def test_a_network_file_system_is_known_by_its_mount_with_a_space_in_it(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text("/dev/sda1 / ext4 rw 0 0\nserver:/home /mnt/my\\040disk nfs rw 0 0\n")
    assert file_system(Path("/mnt/my disk/deep"), mounts) == "nfs"
    assert file_system(Path("/mnt/my"), mounts) == "ext4"


def test_A10_a_link_to_a_network_file_system_is_one(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    (tmp_path / "near.db").symlink_to(tmp_path / "far" / "store.db")
    mounts = tmp_path / "mounts"
    mounts.write_text(f"server:/home {tmp_path}/far nfs rw 0 0\n")
    with pytest.raises(StoreError, match="nfs"):
        refuse_network(tmp_path / "near.db", mounts)


def test_a_system_that_does_not_tell_its_mounts_refuses_nothing(tmp_path: Path) -> None:
    assert file_system(tmp_path, tmp_path / "none") == ""


def test_every_commit_is_flushed(path: Path) -> None:
    with writing(path) as database:
        ask = database.conn.execute
        assert (ask("PRAGMA journal_mode").fetchone()[0], ask("PRAGMA synchronous").fetchone()[0]) == ("wal", 2)
        assert ask("PRAGMA foreign_keys").fetchone()[0] == 1
    assert asked(path, "SELECT count(*) FROM snapshot") == [(0,)]
