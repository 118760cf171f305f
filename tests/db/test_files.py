"""A file is written completely or not at all, and stays the file that it is."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from db.files import explain_unwritable, new_file_beside, write_whole


@contextmanager
def full_disk() -> Iterator[None]:
    """Let every write fail after the first bytes."""
    import resource

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Create a file with a mode of its own."""
    path = tmp_path / "real.txt"
    path.write_bytes(b"old")
    path.chmod(0o600)
    return path


def forbid_folder(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a folder count as not writable, also for a user who may write anywhere."""
    allows = os.access
    monkeypatch.setattr(os, "access", lambda file, mode: Path(file) != path and allows(file, mode))


def test_a_new_file_has_the_data_and_nothing_stays_beside_it(tmp_path: Path) -> None:
    write_whole(tmp_path / "new.txt", b"data")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("new.txt", b"data")]


def test_a_link_stays_a_link_and_a_file_keeps_its_mode(file: Path, tmp_path: Path) -> None:
    link = tmp_path / "folder" / "link.txt"
    link.parent.mkdir()
    link.symlink_to(file)
    write_whole(link, b"new")
    assert link.is_symlink() and [path.name for path in link.parent.iterdir()] == ["link.txt"]
    assert (file.read_bytes(), file.stat().st_mode & 0o777) == (b"new", 0o600)


@pytest.mark.parametrize("is_replaced", [True, False])
def test_a_full_disk_leaves_the_old_file(file: Path, is_replaced: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not is_replaced:
        forbid_folder(file.parent, monkeypatch)
    with full_disk(), pytest.raises(OSError, match="File too large"):
        write_whole(file, b"too long for this disk")
    assert [(path.name, path.read_bytes()) for path in file.parent.iterdir()] == [("real.txt", b"old")]


def test_a_file_in_a_folder_that_cannot_be_written_is_overwritten(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forbid_folder(file.parent, monkeypatch)
    before = file.stat().st_ino
    for data in (b"a longer text", b"", b"x"):
        write_whole(file, data)
        assert (file.read_bytes(), file.stat().st_ino) == (data, before)


def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path: Path) -> None:
    pipe, received = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: received.append(pipe.read_bytes()))
    reader.start()
    write_whole(pipe, b"data")
    reader.join(10)
    assert received == [b"data"] and pipe.is_fifo()


def test_a_failure_within_the_block_leaves_nothing(file: Path) -> None:
    with pytest.raises(KeyboardInterrupt), new_file_beside(file) as new_file:
        new_file.write_bytes(b"half")
        raise KeyboardInterrupt
    assert [(path.name, path.read_bytes()) for path in file.parent.iterdir()] == [("real.txt", b"old")]


def test_what_cannot_be_written_is_explained(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dangling = tmp_path / "dangling"
    dangling.symlink_to(tmp_path / "none" / "file")
    assert explain_unwritable(tmp_path) == "It is a folder."
    assert explain_unwritable(dangling) == f"There is no folder {tmp_path / 'none'}."
    forbid_folder(tmp_path, monkeypatch)
    assert explain_unwritable(tmp_path / "new.txt") == f"{tmp_path} is not writable."
    assert explain_unwritable(file) is None, "the file itself can be written"
