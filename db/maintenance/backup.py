"""Backups: copy the store, and restore a copy."""

from __future__ import annotations

import errno
import os
import shlex
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from itertools import chain, count
from pathlib import Path

from db import StoreError
from db.causes import describe_cause
from db.connection import hold_writer_lock, open_for_reading
from db.database import Database
from db.file_systems import refuse_network_file_system
from db.maintenance.check import BROKEN, run_check, run_checks
from db.maintenance.files import aside_path, existing_files, is_sqlite_file, sync_path
from db.maintenance.partial_copies import delete_abandoned_copies, hold_partial_copy
from db.migrate import pending_migrations
from db.process import interrupt_on_sigterm

PAGES_PER_STEP = 4096  # of a copy, between which the process can be interrupted


def back_up_store(path: Path, out: Path, force: bool = False) -> int:
    """Copy the store, also while others write to it, and return the size of the copy.

    The copy is checked before it gets its name.

    Raises:
        StoreError: OUT exists, or the copy is damaged.
    """
    _refuse_backup_target(path, out, force)
    with _checked_copy(path, out, "delete") as partial:
        partial.replace(out)
        sync_path(out.absolute().parent)
    return out.stat().st_size


def _refuse_backup_target(path: Path, out: Path, force: bool) -> None:
    side_files = [file for file in existing_files(out) if file != out]
    _refuse_same_file(path, out)
    if out.is_dir() or side_files:
        why = "It is a folder." if out.is_dir() else f"{side_files[0]} belongs to a store in use."
        raise StoreError(f"{out} cannot become a backup.", why, "Name another file.")
    if out.exists() and not force:
        why = "A backup is overwritten only with --force."
        raise StoreError(f"{out} exists already.", why, "Name another file, or use --force.")


def _refuse_same_file(path: Path, backup: Path) -> None:
    if backup.exists() and path.exists() and backup.samefile(path):
        raise StoreError(f"{backup} is the store itself.", why="A backup is another file.", fix="Name another file.")


@contextmanager
def _checked_copy(source: Path, target: Path, journal: str, force: bool = False) -> Iterator[Path]:
    """Make a checked and flushed copy beside its target. The copy is deleted when the block ends, unless it was moved.

    A backup has no write-ahead log, so that it is one file and can be read from a read-only folder. Copies that killed
    processes have left are deleted first: they are as large as the store.
    """
    try:
        delete_abandoned_copies(target)
        _refuse_small_disk(source, target)
        with interrupt_on_sigterm(), hold_partial_copy(target) as partial:
            _copy_and_check(source, target, partial, journal, force)
            yield partial
    except (OSError, sqlite3.Error) as error:
        raise StoreError(
            f"{source} could not be copied to {target}.",
            why=_explain_failed_copy(target, error),
            fix="Make room or name another file. Nothing was changed.",
        ) from error


def _refuse_small_disk(source: Path, target: Path) -> None:
    """Refuse to begin a copy for which the disk has no room.

    Raises:
        OSError: the disk has no room.
    """
    size = sum(file.stat().st_size for file in existing_files(source))
    if shutil.disk_usage(target.absolute().parent).free < size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))


def _copy_and_check(source: Path, target: Path, partial: Path, journal: str, force: bool) -> None:
    with open_for_reading(source) as connection, closing(sqlite3.connect(partial, isolation_level=None)) as copy:
        connection.execute("BEGIN")  # all steps copy the same state, whatever others write meanwhile
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        connection.backup(copy, pages=PAGES_PER_STEP)
        copy.execute(f"PRAGMA journal_mode = {journal}").fetchone()
        names = ("quick",) if pending_migrations(Database(copy)) else ("quick", "digests")
        results = [run_check(name, copy) for name in names]
    broken = [result.message for result in results if result.verdict == BROKEN]
    if broken and not force:
        raise StoreError(
            f"The copy of {source} is damaged, and was not kept.",
            why="; ".join(broken),
            fix=f"Check the store with `observatory store check --db {shlex.quote(str(source))}`.",
        )
    sync_path(partial)


def _explain_failed_copy(target: Path, error: Exception) -> str:
    """Return why a copy failed. SQLite does not say which of several causes it was."""
    folder = target.absolute().parent
    if not folder.is_dir():
        return f"There is no folder {folder}."
    if not os.access(folder, os.W_OK):
        return f"This user may not write to {folder}."
    return describe_cause(error)


def restore_store(backup: Path, path: Path, now: datetime, force: bool = False) -> Path | None:
    """Replace the store by a backup, and return the path at which the previous store is kept.

    The previous store gets a second name before it loses its first one, so that a power cut never loses it.

    Raises:
        StoreError: the backup is damaged (unless `force`), or is the store itself.
        StoreBusyError: another process is writing to the store.
    """
    refuse_network_file_system(path)
    _refuse_same_file(path, backup)
    if not backup.exists():
        raise StoreError(
            f"There is no backup at {backup}. Nothing was changed.",
            fix="Name the file that `observatory store backup` wrote.",
        )
    if not is_sqlite_file(backup):
        raise StoreError(
            f"{backup} is not a backup. Nothing was changed.",
            why="It is a folder." if backup.is_dir() else "It is not a SQLite file.",
            fix="Name the file that `observatory store backup` wrote.",
        )
    broken = [f"{result.name}: {result.message}" for result in run_checks(backup) if result.verdict == BROKEN]
    if broken and not force:
        fix = "Choose another backup, or use --force if this is the best one."
        raise StoreError(f"{backup} is damaged. Nothing was changed.", why="; ".join(broken), fix=fix)
    with hold_writer_lock(path), _checked_copy(backup, path, "wal", force) as partial:
        previous_store = _set_store_aside(path, now)
        partial.replace(path)
        sync_path(path.absolute().parent)
    return previous_store


def _set_store_aside(path: Path, now: datetime) -> Path | None:
    """Give the files of the store a second name, and remove its side files. Return the second name of the store."""
    files = existing_files(path)
    if not files:
        return None
    stamp = now.strftime("before-restore-%Y%m%dT%H%M%SZ")
    tags = chain([stamp], (f"{stamp}-{number}" for number in count(2)))
    tag = next(tag for tag in tags if not any(aside_path(path, tag, file).exists() for file in files))
    for file in files:
        _link_or_copy(file, aside_path(path, tag, file))
    sync_path(path.absolute().parent)
    for file in files:
        if file != path:  # SQLite would apply an old write-ahead log to the restored file
            file.unlink()
    return Path(f"{path}.{tag}")


def _link_or_copy(file: Path, target: Path) -> None:
    try:
        target.hardlink_to(file)
    except OSError:  # the file system has no hard links
        shutil.copy2(file, target)
