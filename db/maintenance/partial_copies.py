"""Unfinished copies of a store: each is locked while a process makes it, so that abandoned ones can be deleted."""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from db.connection import is_still_there
from db.maintenance.files import existing_files

ENDING = ".observatory.partial"
ANY_COPY = re.compile(rf".+\.\d+{re.escape(ENDING)}")


@contextmanager
def hold_partial_copy(target: Path) -> Iterator[Path]:
    """Create an empty, locked file for a copy beside its target. It is deleted after the block, unless it was moved.

    The kernel releases the lock when this process ends, however it ends. The lock is not one of SQLite's.
    """
    partial = target.with_name(f"{target.name}.{os.getpid()}{ENDING}")
    with _create_locked(partial):
        try:
            yield partial
        finally:
            _delete_copy(partial)


def _create_locked(partial: Path) -> IO[bytes]:
    """Create a file and lock it. Another process may delete it before it is locked: then create it again."""
    while True:
        file = os.fdopen(os.open(partial, os.O_RDWR | os.O_CREAT, 0o644), "r+b")
        fcntl.flock(file, fcntl.LOCK_EX)
        if is_still_there(file, partial):
            return file
        file.close()


def delete_abandoned_copies(target: Path) -> list[Path]:
    """Delete the unfinished copies beside a target that no process makes any more, and return them."""
    earlier_names = re.compile(rf"{re.escape(target.name)}\.\d+\.partial")  # of versions that did not lock them
    folder = target.absolute().parent
    files = list(folder.iterdir()) if folder.is_dir() else []
    copies = [file for file in files if ANY_COPY.fullmatch(file.name) or earlier_names.fullmatch(file.name)]
    return [file for file in copies if file.is_file() and _delete_if_abandoned(file)]


def _delete_if_abandoned(partial: Path) -> bool:
    """Delete a copy unless a process holds its lock, and return whether it is deleted."""
    with suppress(OSError), partial.open("r+b") as file:  # not a copy that is gone or another user's
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if is_still_there(file, partial):
            _delete_copy(partial)
            return True
    return False


def _delete_copy(partial: Path) -> None:
    for file in existing_files(partial):
        file.unlink(missing_ok=True)
