"""Open the store: many readers, one writer."""

from __future__ import annotations

import fcntl
import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from db import StoreBusyError, StoreError

if TYPE_CHECKING:
    from sqlite_utils import Database

PRAGMAS = """
PRAGMA foreign_keys = ON;
PRAGMA busy_timeout = 10000;
PRAGMA trusted_schema = OFF;
PRAGMA cell_size_check = ON;
"""
# How damage shows itself: SQLite says so, quotes text that cannot be read, or a table lacks a column it must have.
UNREADABLE_ERRORS = (sqlite3.Error, UnicodeDecodeError, KeyError)
CORRUPTION_CODES = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
NETWORK_FILE_SYSTEMS = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "afs", "ceph"}


@contextmanager
def open_for_writing(path: Path) -> Iterator[Database]:
    """The store, migrated and ours alone to write to until the block ends.

    Every commit is flushed to the disk (`synchronous=FULL`), which costs milliseconds a page and is why a power cut
    loses nothing that was acknowledged.

    Raises:
        StoreBusy: another process is writing.
        StoreError: the file is not a store, is damaged, or lies on a network file system.
    """
    from sqlite_utils import Database

    from db.migrate import migrate
    from db.redactions import refresh_redacted_names

    refuse_network_file_system(path)
    with hold_writer_lock(path):
        connection = _open(f"file:{_quote_path(path)}?mode=rwc", path)
        try:
            with _report_corruption(path):
                _prepare_for_writing(connection, path)
                database = Database(connection)
                migrate(database)
                refresh_redacted_names(connection)
                yield database
        finally:
            connection.close()


@contextmanager
def open_for_reading(path: Path) -> Iterator[sqlite3.Connection]:
    """The store, read-only. Rows answer to column names.

    Raises:
        StoreError: there is no such file, or it is not a store.
        SchemaTooNew: a newer version wrote it.
    """
    if not path.exists():
        raise StoreError(
            f"There is no store at {path}.",
            why="Nothing has been crawled or imported into it yet.",
            fix="Take a first snapshot with `observatory crawl snapshot huggingface/models --top 1000`, "
            "try `observatory demo`, or name another file with --db.",
        )
    connection = _open(f"file:{_quote_path(path)}?mode=ro", path)
    try:
        try:
            _require_store(connection, path)
        except UNREADABLE_ERRORS as error:
            raise _unusable_store_error(path, error) from error
        with _report_corruption(path):
            yield connection
    finally:
        connection.close()


@contextmanager
def hold_writer_lock(path: Path) -> Iterator[None]:
    """Hold the one writer's lock; the kernel lets it go when this process ends, however it ends.

    Raises:
        StoreBusy: with the number of the process that holds it.
    """
    with _open_lock_file(path) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            raise StoreBusyError(
                f"Another process (pid {holder}) is writing to {path}.",
                why="A store has one writer at a time, so that snapshots are never mixed.",
                fix="Wait until it has finished, or end it; then run the same command again.",
            ) from error
        lock.seek(0)
        lock.truncate()
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def lock_path(path: Path) -> Path:
    """The file that is locked: beside the store itself, by whatever link it is named."""
    return Path(f"{os.path.realpath(path)}.lock")


def _open_lock_file(path: Path) -> IO[str]:
    try:
        return open(lock_path(path), "a+", encoding="ascii")
    except OSError as error:
        raise StoreError(
            f"The store {path} cannot be written: {error.strerror}.",
            why="Its folder does not exist or may not be written to.",
            fix="Make the folder, or name another file with --db.",
        ) from error


def _quote_path(path: Path) -> str:
    return str(path.absolute()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")


def _open(uri: str, path: Path) -> sqlite3.Connection:
    try:
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
        connection.row_factory = sqlite3.Row
        for pragma in PRAGMAS.strip().splitlines():
            connection.execute(pragma)
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except UNREADABLE_ERRORS as error:
        raise _unusable_store_error(path, error) from error
    return connection


def _prepare_for_writing(connection: sqlite3.Connection, path: Path) -> None:
    try:
        if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            _require_store(connection, path)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
    except UNREADABLE_ERRORS as error:
        raise _unusable_store_error(path, error) from error


def _require_store(connection: sqlite3.Connection, path: Path) -> None:
    from sqlite_utils import Database

    from db.migrate import refuse_newer_store

    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if "_sqlite_migrations" not in tables:
        raise StoreError(
            f"{path} is a SQLite file, but not one of ours.",
            why="It has no record of our migrations.",
            fix="Name another file with --db.",
        )
    refuse_newer_store(Database(connection))


@contextmanager
def _report_corruption(path: Path) -> Iterator[None]:
    """Damage that is met half-way is told like damage that is met on opening."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in CORRUPTION_CODES:
            raise _unusable_store_error(path, error) from error
        raise


def _unusable_store_error(path: Path, error: Exception) -> StoreError:
    return StoreError(
        f"The store {path} cannot be used: {error}.",
        why="It is not a SQLite file, it is damaged, or it may not be read.",
        fix=f"Look at it with `observatory store check --db {path}`, or bring back a copy with "
        f"`observatory store restore BACKUP --db {path}`.",
    )


def refuse_network_file_system(path: Path, mounts: Path = Path("/proc/self/mounts")) -> None:
    """Refuse a network file system: its locks and its memory maps do not keep what SQLite needs.

    Raises:
        StoreError: naming the kind of file system.
    """
    kind = file_system_type(Path(os.path.realpath(path)).parent, mounts)
    if kind in NETWORK_FILE_SYSTEMS:
        raise StoreError(
            f"{path} lies on a network file system ({kind}).",
            why="SQLite's write-ahead log needs shared memory and locks that network file systems do not keep.",
            fix="Put the store on a local disk, and copy it with `observatory store backup`.",
        )


def file_system_type(folder: Path, mounts: Path = Path("/proc/self/mounts")) -> str:
    """The kind of file system a folder lies on, '' where the system does not tell."""
    if not mounts.exists():
        return ""
    best, kind = "", ""
    for line in mounts.read_text("utf-8", errors="replace").splitlines():
        _, point, found, *_ = line.split()
        point = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), point)
        inside = point == "/" or str(folder) == point or str(folder).startswith(point + "/")
        if inside and len(point) >= len(best):
            best, kind = point, found
    return kind
