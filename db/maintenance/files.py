"""The files beside a store: its side files, its backups, its copies set aside, and the lock of its writer."""

from __future__ import annotations

import os
from pathlib import Path

from db.connection import lock_path
from db.migrate import APPLICATION_ID

SQLITE_HEADER = b"SQLite format 3\x00"
SIDE_FILE_SUFFIXES = ("-wal", "-shm", "-journal")
SET_ASIDE_MARKS = (".before-restore-", ".damaged", ".partial")


def existing_files(path: Path) -> list[Path]:
    """Return the file of a store and its side files, as far as they exist."""
    files = [Path(f"{path}{suffix}") for suffix in ("", *SIDE_FILE_SUFFIXES)]
    return [file for file in files if file.exists()]


def find_newest_backup(path: Path) -> Path | None:
    """Return the newest backup in the folder of a store, whose name is like the store's or has `backup` in it.

    A store with a lock file beside it is not a backup, because a process has written to it.
    """
    folder = path.absolute().parent
    named_alike = (file for file in folder.iterdir() if file.name.startswith(path.stem) or "backup" in file.name)
    other_files = [file for file in named_alike if file.is_file() and not file.samefile(path)]
    backups = [file for file in other_files if not _is_set_aside(file) and _is_backup(file)]
    return max(backups, key=lambda file: file.stat().st_mtime, default=None)


def _is_set_aside(path: Path) -> bool:
    return any(mark in path.name for mark in SET_ASIDE_MARKS)


def is_sqlite_file(path: Path) -> bool:
    """Return whether a file begins like a file of SQLite."""
    return _read_header(path).startswith(SQLITE_HEADER)


def _read_header(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(72)
    except OSError:
        return b""


def _is_backup(path: Path) -> bool:
    header = _read_header(path)
    is_store = header.startswith(SQLITE_HEADER) and header[68:72] == APPLICATION_ID.to_bytes(4, "big")
    return is_store and not lock_path(path).exists()


def find_writer_process(path: Path) -> int | None:
    """Return the process that holds the writer's lock, or held it last and is still running.

    The lock itself is not tried, because a crawl that begins at the same moment would be refused.
    """
    try:
        process = int(lock_path(path).read_text("ascii"))
        os.kill(process, 0)
    except PermissionError:
        return process
    except (OSError, ValueError, OverflowError):
        return None
    return process


def aside_path(path: Path, tag: str, file: Path) -> Path:
    """Return the path to which a file of a store is set aside: `a.db-wal` becomes `a.db.TAG-wal`."""
    return Path(f"{path}.{tag}{str(file).removeprefix(str(path))}")


def sync_path(path: Path) -> None:
    """Flush a file or a folder to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
