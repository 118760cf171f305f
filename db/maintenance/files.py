"""The files beside a store: backups, copies set aside, the lock of the writer."""

from __future__ import annotations

import os
from pathlib import Path

from db.connection import lock_path
from db.migrate import APPLICATION_ID

SIDE_FILE_SUFFIXES = ("-wal", "-shm", "-journal")


SET_ASIDE_MARKS = (".before-restore-", ".damaged", ".partial")


def find_newest_backup(path: Path) -> Path | None:
    """The newest other store in the folder that is called after this one and that nobody has written to.

    A backup has no lock beside it.
    """
    named = (one for one in path.absolute().parent.iterdir() if one.name.startswith(path.stem) or "backup" in one.name)
    files = [one for one in named if one.is_file() and not one.samefile(path)]
    others = [one for one in files if not any(mark in one.name for mark in SET_ASIDE_MARKS) and _is_backup(one)]
    return max(others, key=lambda one: one.stat().st_mtime, default=None)


def _is_backup(path: Path) -> bool:
    if lock_path(path).exists():
        return False
    try:
        with path.open("rb") as file:
            head = file.read(72)
    except OSError:
        return False
    return head[:16] == b"SQLite format 3\x00" and head[68:72] == APPLICATION_ID.to_bytes(4, "big")


def find_writer_process(path: Path) -> int | None:
    """The process that holds the writer's lock, or held it last and still lives.

    The lock itself is not tried: a crawl that begins in that very moment would be refused.
    """
    try:
        holder = int(lock_path(path).read_text("ascii"))
        os.kill(holder, 0)
    except PermissionError:
        return holder
    except (OSError, ValueError, OverflowError):
        return None
    return holder


def aside_name(path: Path, tag: str, name: str) -> str:
    """The name beside the store for one of its files: `observatory.db-wal` becomes `observatory.db.TAG-wal`."""
    return f"{path}.{tag}{name.removeprefix(str(path))}"


def sync_path(path: Path) -> None:
    """Flush a file or a folder to the disk."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
