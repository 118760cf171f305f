"""Unfinished copies of a store: each is locked while a process makes it, so that abandoned ones can be deleted."""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from db.maintenance.files import existing_files

ENDING = ".observatory.partial"
ANY_COPY = re.compile(rf".+\.\d+{re.escape(ENDING)}")


@contextmanager
def hold_partial_copy(target: Path) -> Iterator[Path]:
    """Create an empty, locked file for a copy beside its target. It is deleted after the block, unless it was moved.

    The kernel releases the lock when this process ends, however it ends. The lock is not one of SQLite's.
    """
    partial = target.with_name(f"{target.name}.{os.getpid()}{ENDING}")
    descriptor = os.open(partial, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield partial
    finally:
        _delete_copy(partial)
        os.close(descriptor)


def delete_abandoned_copies(target: Path) -> list[Path]:
    """Delete the unfinished copies beside a target that no process makes any more, and return them."""
    earlier_names = re.compile(rf"{re.escape(target.name)}\.\d+\.partial")  # of versions that did not lock them
    folder = target.absolute().parent
    files = list(folder.iterdir()) if folder.is_dir() else []
    copies = [file for file in files if ANY_COPY.fullmatch(file.name) or earlier_names.fullmatch(file.name)]
    abandoned = [file for file in copies if file.is_file() and _is_abandoned(file)]
    for file in abandoned:
        _delete_copy(file)
    return abandoned


def _is_abandoned(partial: Path) -> bool:
    """Return whether no process holds the lock of a copy."""
    descriptor = os.open(partial, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


def _delete_copy(partial: Path) -> None:
    for file in existing_files(partial):
        file.unlink(missing_ok=True)
