"""Copy the store, and restore a copy."""

from __future__ import annotations

import os
import shlex
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from itertools import chain, count
from pathlib import Path

from sqlite_utils import Database

from db import StoreError
from db.connection import hold_writer_lock, open_for_reading, refuse_network_file_system
from db.maintenance.check import BROKEN, run_check, run_checks
from db.maintenance.files import SIDE_FILE_SUFFIXES, aside_name, sync_path
from db.migrate import pending_migrations


def back_up_store(path: Path, out: Path, force: bool = False) -> int:
    """Copy the store while others may write to it; the size of the copy. It is checked before it gets its name.

    Raises:
        StoreError: OUT exists, or the copy is not sound.
    """
    _refuse_backup_target(path, out, force)
    with _checked_copy(path, out, "delete") as partial:
        os.replace(partial, out)
        sync_path(out.absolute().parent)
    return out.stat().st_size


def _refuse_backup_target(path: Path, out: Path, force: bool) -> None:
    living = [f"{out}{side}" for side in SIDE_FILE_SUFFIXES if Path(f"{out}{side}").exists()]
    if out.exists() and path.exists() and out.samefile(path):
        raise StoreError(f"{out} is the store itself.", why="A backup is another file.", fix="Name another file.")
    if out.is_dir() or living:
        why = "It is a folder." if out.is_dir() else f"{living[0]} belongs to a store in use."
        raise StoreError(f"{out} cannot become a backup.", why, "Name another file.")
    if out.exists() and not force:
        why = "A backup is not overwritten unasked."
        raise StoreError(f"{out} exists already.", why, "Name another file, or use --force.")


@contextmanager
def _checked_copy(source: Path, target: Path, journal: str, force: bool = False) -> Iterator[Path]:
    """A sound, flushed copy beside the place it is meant for; it is gone when the block ends, unless it was moved.

    A backup is kept without a write-ahead log, so that it is one file and can be read where nothing can be written.
    """
    partial = target.with_name(f"{target.name}.{os.getpid()}.partial")
    try:
        with open_for_reading(source) as connection, closing(sqlite3.connect(partial, isolation_level=None)) as copy:
            connection.backup(copy)
            copy.execute(f"PRAGMA journal_mode = {journal}").fetchone()
            asked = ("quick",) if pending_migrations(Database(copy)) else ("quick", "digests")
            broken = [one.message for one in (run_check(name, copy) for name in asked) if one.verdict == BROKEN]
        if broken and not force:
            raise StoreError(
                f"The copy of {source} is not sound, and was not kept.",
                why="; ".join(broken),
                fix=f"Look at it with `observatory store check --db {shlex.quote(str(source))}`.",
            )
        sync_path(partial)
        yield partial
    except (OSError, sqlite3.Error) as error:
        raise StoreError(
            f"{source} could not be copied to {target}: {error}.",
            why="The disk is full, the folder is missing, or it may not be written to.",
            fix="Make room or name another place; nothing was changed.",
        ) from error
    finally:
        for side in ("", *SIDE_FILE_SUFFIXES):
            Path(f"{partial}{side}").unlink(missing_ok=True)


def restore_store(backup: Path, path: Path, now: datetime, force: bool = False) -> Path | None:
    """Put a backup in the place of the store; where the store that was there is now.

    What was there gets a second name before its first one is taken away, so that no moment of a power cut loses it.

    Raises:
        StoreError: the backup is not sound (unless `force`), or is the store itself.
        StoreBusy: another process is writing to the store.
    """
    refuse_network_file_system(path)
    if backup.exists() and path.exists() and backup.samefile(path):
        raise StoreError(f"{backup} is the store itself.", why="A backup is another file.", fix="Name another file.")
    broken = [f"{one.name}: {one.message}" for one in run_checks(backup) if one.verdict == BROKEN]
    if broken and not force:
        raise StoreError(f"{backup} is not sound; nothing was changed.", why="; ".join(broken),
                         fix="Take another backup, or use --force if this is the best there is.")  # fmt: skip
    with hold_writer_lock(path), _checked_copy(backup, path, "wal", force) as partial:
        aside = _set_store_aside(path, now)
        os.replace(partial, path)
        sync_path(path.absolute().parent)
    return aside


def _set_store_aside(path: Path, now: datetime) -> Path | None:
    there = [f"{path}{side}" for side in ("", *SIDE_FILE_SUFFIXES) if Path(f"{path}{side}").exists()]
    if not there:
        return None
    stamp = now.strftime("before-restore-%Y%m%dT%H%M%SZ")
    tags = chain([stamp], (f"{stamp}-{number}" for number in count(2)))
    tag = next(tag for tag in tags if not any(Path(aside_name(path, tag, name)).exists() for name in there))
    for name in there:
        try:
            os.link(name, aside_name(path, tag, name))
        except OSError:  # a file system without second names
            shutil.copy2(name, aside_name(path, tag, name))
    sync_path(path.absolute().parent)
    for name in there:
        if name != str(path):  # a log left behind would be played into the file that comes
            os.unlink(name)
    return Path(f"{path}.{tag}")
