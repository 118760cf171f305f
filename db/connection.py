"""Connections to the store: many readers, one writer."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from db import StoreBusyError, StoreError
from db.causes import primary_code
from db.file_systems import refuse_network_file_system

if TYPE_CHECKING:
    from db.database import Database

PRAGMAS = """
PRAGMA foreign_keys = ON;
PRAGMA busy_timeout = 10000;
PRAGMA trusted_schema = OFF;
PRAGMA cell_size_check = ON;
"""
SHORT_WAIT = "PRAGMA busy_timeout = 1000"
# The errors by which a damaged file shows: SQLite reports it, a text is not UTF-8, or a table lacks a column.
UNREADABLE_ERRORS = (sqlite3.Error, UnicodeDecodeError, KeyError)
CORRUPTION_CODES = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
LOCK_ATTEMPTS = 2  # the last holder may have deleted the lock file, with an empty store, after it was opened


@contextmanager
def open_for_writing(path: Path, create: bool = True, patient: bool = True) -> Iterator[Database]:
    """Open the store, migrated and locked for one writer, until the block ends. Create it if it does not exist.

    Another program may hold SQLite's own lock. A patient caller waits ten seconds for it, any other one second. Only a
    patient caller refreshes the redacted names: in a large store that takes seconds.

    A store that was created for a block that fails before it stores anything is deleted again.

    Every commit is flushed to the disk (`synchronous=FULL`). A flush costs milliseconds a page. Because of it a power
    cut loses no acknowledged commit.

    Raises:
        StoreBusyError: another process is writing.
        StoreError: the file is not a store, is damaged, is on a network file system, or must exist and does not.
    """
    from db.database import Database
    from db.migrate import migrate
    from db.redactions import refresh_redacted_names

    if not create:
        require_file(path)
    refuse_network_file_system(path)
    with hold_writer_lock(path), _delete_if_unused(path):
        connection = _open_connection(f"file:{_quote_path(path)}?mode=rwc", path)
        try:
            if not patient:
                connection.execute(SHORT_WAIT)
            with _report_corruption(path):
                _prepare_for_writing(connection, path)
                database = Database(connection)
                migrate(database)
                if patient:
                    refresh_redacted_names(connection)
                yield database
                if patient:
                    refresh_redacted_names(connection)  # of what the block has stored
        finally:
            connection.close()


@contextmanager
def open_for_reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the store read-only until the block ends. Columns of rows are accessible by name.

    Raises:
        StoreError: there is no such file, or it is not a store.
        SchemaTooNewError: a newer version wrote the file.
    """
    require_file(path)
    connection = _open_connection(f"file:{_quote_path(path)}?mode=ro", path)
    try:
        try:
            _require_store(connection, path)
        except UNREADABLE_ERRORS as error:
            raise _unusable_store_error(path, error) from error
        with _report_corruption(path), _report_pending_migrations(connection, path):
            yield connection
    finally:
        connection.close()


@contextmanager
def hold_writer_lock(path: Path) -> Iterator[None]:
    """Hold the writer's lock. The kernel releases the lock when this process ends, however it ends.

    Raises:
        StoreBusyError: another process holds the lock. The message has its process id.
    """
    with ExitStack() as stack:
        for _ in range(LOCK_ATTEMPTS):
            lock = stack.enter_context(_open_lock_file(path))
            _lock_file(lock, path)
            if is_still_there(lock, lock_path(path)):
                break
        else:
            raise _busy_error(path, "unknown")
        lock.seek(0)
        lock.truncate()
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def _lock_file(lock: IO[str], path: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.seek(0)
        holder = lock.read().strip() or "unknown"
        raise _busy_error(path, holder) from error


@contextmanager
def _delete_if_unused(path: Path) -> Iterator[None]:
    """Delete the store if the block fails, created the store and has left it empty. The lock must be held."""
    path = path.resolve()  # a link that names the store is the user's
    is_new = not path.exists()
    try:
        yield
    except BaseException:
        if is_new and path.exists() and _is_empty_store(path):
            for file in (path, *(Path(f"{path}-{suffix}") for suffix in ("wal", "shm")), lock_path(path)):
                file.unlink(missing_ok=True)
        raise


def _is_empty_store(path: Path) -> bool:
    """Return whether a store has no row about a registry or a schedule. A store that cannot be read is not empty."""
    try:
        with closing(sqlite3.connect(path)) as connection:
            if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'tick'").fetchone():
                return True  # its migrations have failed
            return not connection.execute("SELECT 1 FROM registry UNION ALL SELECT 1 FROM tick").fetchone()
    except sqlite3.Error:
        return False


def is_without_tables(path: Path) -> bool:
    """Return whether a file has nothing but the record of migrations: its first writer was killed, or is at work."""
    statement = "SELECT 1 FROM sqlite_master WHERE tbl_name NOT IN ('_sqlite_migrations', 'sqlite_sequence')"
    try:
        with closing(sqlite3.connect(f"file:{_quote_path(path)}?mode=ro", uri=True)) as connection:
            return not connection.execute(statement).fetchone()
    except sqlite3.Error:
        return False


def is_still_there(file: IO[Any], path: Path) -> bool:
    """Return whether a path still names an open file."""
    return path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat())


def lock_path(path: Path) -> Path:
    """Return the path of the lock file, which is beside the store itself, whatever link names the store."""
    return Path(f"{path.resolve()}.lock")


def _open_lock_file(path: Path) -> IO[str]:
    try:
        return lock_path(path).open("a+", encoding="ascii")
    except OSError as error:
        raise StoreError(
            f"The store {path} cannot be written: {error.strerror}.",
            why="Its folder does not exist or is not writable.",
            fix="Create the folder, or name another file with --db.",
        ) from error


def _quote_path(path: Path) -> str:
    return str(path.absolute()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")


def _open_connection(uri: str, path: Path) -> sqlite3.Connection:
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
    from db.migrate import refuse_newer_store

    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if "_sqlite_migrations" not in tables:
        raise StoreError(
            f"{path} is a SQLite file, but not a store.",
            why="It has no record of the migrations of a store.",
            fix="Name another file with --db.",
        )
    refuse_newer_store(connection)


@contextmanager
def _report_corruption(path: Path) -> Iterator[None]:
    """Report damage that is found while the store is in use like damage that is found on opening."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        if primary_code(error) in CORRUPTION_CODES:
            raise _unusable_store_error(path, error) from error
        raise


def require_file(path: Path) -> None:
    """Refuse a store that does not exist. A command that only adds to what a store has must not create one.

    Raises:
        StoreError: there is no such file.
    """
    if path.exists():
        return
    raise StoreError(
        f"There is no store at {path}.",
        why="Nothing has been crawled or imported into it yet.",
        fix="Take a first snapshot with `observatory crawl snapshot huggingface/models --top 1000`, "
        "try `observatory demo`, or name another file with --db.",
    )


def _busy_error(path: Path, holder: str) -> StoreBusyError:
    return StoreBusyError(
        f"Another process (pid {holder}) is writing to {path}.",
        why="A store has one writer at a time, so that snapshots are never mixed.",
        fix="Wait for it to finish or end it, then run the same command again.",
    )


@contextmanager
def _report_pending_migrations(connection: sqlite3.Connection, path: Path) -> Iterator[None]:
    """Report a missing table or column of an older store as what it is: a store that waits for a migration."""
    try:
        yield
    except (sqlite3.OperationalError, KeyError) as error:  # a view without the column may be read with SELECT *
        from db.database import Database
        from db.migrate import pending_migrations

        is_missing = isinstance(error, KeyError) or str(error).startswith("no such ")
        pending = pending_migrations(Database(connection)) if is_missing else []
        if not pending:
            raise
        raise StoreError(
            f"The store {path} was written by an older version ({', '.join(pending)} pending).",
            why="A reader does not change the store. Every command that writes applies pending migrations.",
            fix=f"Run `observatory store migrate --db {path}`, then the same command again.",
        ) from error


def _unusable_store_error(path: Path, error: Exception) -> StoreError:
    return StoreError(
        f"The store {path} cannot be used: {error}.",
        why="It is not a SQLite file, it is damaged, or this user may not read it.",
        fix=f"Check it with `observatory store check --db {path}`, or restore a backup with "
        f"`observatory store restore BACKUP --db {path}`.",
    )
