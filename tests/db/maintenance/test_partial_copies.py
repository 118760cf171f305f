"""What a killed backup leaves is deleted by the next one. A copy in progress is not."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, NamedTuple

import pytest

from db import StoreError
from db.connection import open_for_writing
from db.maintenance.backup import back_up_store
from db.maintenance.partial_copies import ENDING, delete_abandoned_copies, hold_partial_copy
from db.store import Store
from tests.db.builders import query, run_in_child, take_snapshot

ROOT = Path(__file__).resolve().parents[3]


class DiskUsage(NamedTuple):
    """What `shutil.disk_usage` returns."""

    total: int
    used: int
    free: int


@pytest.fixture
def store(tmp_path: Path) -> Path:
    path = tmp_path / "observatory.db"
    with open_for_writing(path) as database:
        take_snapshot(Store(database), ["a", "b"])
    return path


def list_partial(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir() if ".partial" in file.name)


def test_a_copy_that_is_deleted_before_it_is_locked_is_created_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, lock, deleted = tmp_path / "backup.db", fcntl.flock, []

    def delete_and_lock(file: IO[bytes], operation: int) -> None:
        if not deleted:
            deleted.extend(tmp_path.iterdir())
            deleted[0].unlink()
        lock(file, operation)

    monkeypatch.setattr(fcntl, "flock", delete_and_lock)
    with hold_partial_copy(target) as partial:
        assert deleted == [partial] and partial.exists()
        assert delete_abandoned_copies(target) == []
    assert list_partial(tmp_path) == []


@pytest.mark.parametrize("error", [FileNotFoundError, PermissionError])
def test_a_copy_that_is_gone_or_of_another_user_stops_no_backup(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[OSError]
) -> None:
    def refuse(path: Path, mode: str) -> None:
        raise error(path)

    (tmp_path / f"backup.db.7{ENDING}").write_bytes(b"x")
    monkeypatch.setattr(Path, "open", refuse)
    assert delete_abandoned_copies(tmp_path / "backup.db") == []


@pytest.mark.fault("A19")
def test_the_copy_of_a_killed_backup_is_deleted_with_its_side_files(store: Path) -> None:
    target = store.with_name("backup.db")

    def copy_and_die() -> None:
        with hold_partial_copy(target) as partial:
            shutil.copy(store, partial)
            Path(f"{partial}-journal").write_bytes(b"x")
            os.kill(os.getpid(), signal.SIGKILL)

    os.waitpid(run_in_child(copy_and_die), 0)
    store.with_name("backup.db.7.partial").write_bytes(b"of an earlier version")
    kept = ["other.db.7.partial", f"notes{ENDING}"]
    for name in kept:
        store.with_name(name).write_bytes(b"of somebody else")
    assert len(list_partial(store.parent)) == 3 + len(kept)
    assert back_up_store(store, target) == target.stat().st_size
    assert list_partial(store.parent) == sorted(kept)
    assert query(target, "SELECT count(*) FROM ranking") == [(2,)]


@pytest.mark.fault("A19")
def test_a_copy_that_another_process_makes_is_kept(tmp_path: Path) -> None:
    with hold_partial_copy(tmp_path / "backup.db") as partial:
        child = run_in_child(lambda: os._exit(len(delete_abandoned_copies(tmp_path / "backup.db"))))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert partial.exists()
    assert list_partial(tmp_path) == []


@pytest.mark.fault("A4")
def test_a_backup_without_room_is_refused_before_it_begins(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: DiskUsage(10, 9, 1))
    with pytest.raises(StoreError) as raised:
        back_up_store(store, store.with_name("backup.db"))
    assert raised.value.why == "The disk is full." and list_partial(store.parent) == []


@pytest.mark.ci
@pytest.mark.fault("A13", "A19")
def test_sigterm_ends_a_backup_and_leaves_nothing(store: Path) -> None:
    code = (
        "import time, sys; from db.maintenance import backup; from db.__main__ import main;"
        "backup.sync_path = lambda path: (print('copied', flush=True), time.sleep(60));"
        "sys.exit(main(sys.argv[1:]))"
    )
    line = [sys.executable, "-c", code, "backup", str(store.with_name("backup.db")), "--db", str(store)]
    with subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline() == b"copied\n"
        assert len(list_partial(store.parent)) == 1
        started_at = time.monotonic()
        process.terminate()
        assert process.wait(10) == 3
    assert time.monotonic() - started_at < 5
    assert list_partial(store.parent) == [] and not store.with_name("backup.db").exists()
