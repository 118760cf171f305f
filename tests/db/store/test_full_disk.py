"""The disk is full, or another program holds the file: nothing stored is lost, and the crawl can be resumed."""

from __future__ import annotations

import os
import resource
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from db import ObservatoryError
from db import connection as connection_module
from db.cli import describe_exception, describe_sqlite_error
from db.connection import open_for_writing
from db.store import Store
from tests.db.builders import begin_snapshot, make_page, query, run_in_child
from tests.db.store.test_kill import Outcome, assert_sound, make_pages, read_outcome, run_to_end

OPEN_CONNECTION = connection_module._open_connection
KIB = 1024


@contextmanager
def limit_pages(max_pages: int) -> Iterator[None]:
    """Limit the size of stores, so that SQLite refuses the next page with SQLITE_FULL."""

    def open_small(uri: str, path: Path) -> sqlite3.Connection:
        connection = OPEN_CONNECTION(uri, path)
        connection.execute(f"PRAGMA max_page_count = {max_pages}")
        return connection

    connection_module._open_connection = open_small
    try:
        yield
    finally:
        connection_module._open_connection = OPEN_CONNECTION


def count_pages(path: Path) -> int:
    return int(str(query(path, "PRAGMA page_count")[0][0]))


def is_full_at(path: Path, max_pages: int) -> bool:
    """Run to the end with so many pages at most. Return whether SQLite reported a full disk."""
    with limit_pages(max_pages):
        try:
            run_to_end(path)
        except sqlite3.OperationalError as error:
            assert "full" in str(error)
            return True
    return False


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    """Return a store that had enough room, and its outcome."""
    path = tmp_path_factory.mktemp("whole") / "observatory.db"
    run_to_end(path)
    return path, read_outcome(path)


def count_full_disks(folder: Path, whole: tuple[Path, Outcome], step: int) -> int:
    """Limit a run to one page, then to more, until it ends, and resume it each time. Return how often it was full."""
    count, max_pages = 0, 1
    while True:
        path = folder / f"{max_pages}.db"
        is_full = is_full_at(path, max_pages)
        assert_sound(path)
        run_to_end(path)
        assert_sound(path)
        assert read_outcome(path) == whole[1], max_pages
        if not is_full:
            return count
        count, max_pages = count + 1, max_pages + step


@pytest.mark.fault("A4")
def test_a_disk_that_is_full_at_some_page_loses_no_stored_page(tmp_path: Path, whole: tuple[Path, Outcome]) -> None:
    assert count_full_disks(tmp_path, whole, count_pages(whole[0]) // 6) > 3


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.fault("A4")
def test_a_disk_that_is_full_at_any_page_loses_no_stored_page(
    tmp_path: Path, whole: tuple[Path, Outcome], measured: Callable[[str], None]
) -> None:
    count = count_full_disks(tmp_path, whole, 1)
    measured(f"full at {count} sizes")
    assert count > count_pages(whole[0]) // 2


def ends_within(path: Path, max_size: int) -> bool:
    """Run in a process whose files may not grow beyond a size. Return whether it came to its end."""

    def run() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (max_size, max_size))
        try:
            run_to_end(path)
        except (sqlite3.OperationalError, ObservatoryError):
            os._exit(1)

    code = os.waitstatus_to_exitcode(os.waitpid(run_in_child(run), 0)[1])
    assert code in (0, 1)
    return code == 0


def count_full_files(folder: Path, whole: tuple[Path, Outcome], step: int) -> int:
    """Do the same with a maximum size of every file, including the write-ahead log."""
    count, max_size = 0, KIB
    while True:
        path = folder / f"{max_size}.db"
        has_ended = ends_within(path, max_size)
        assert_sound(path)
        run_to_end(path)
        assert_sound(path)
        assert read_outcome(path) == whole[1], max_size
        if has_ended:
            return count
        count, max_size = count + 1, max_size + step


@pytest.mark.fault("A4")
def test_a_file_that_may_not_grow_loses_no_stored_page(tmp_path: Path, whole: tuple[Path, Outcome]) -> None:
    assert count_full_files(tmp_path, whole, 160 * KIB) > 2


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.fault("A4")
def test_a_file_that_may_not_grow_at_any_page_loses_no_stored_page(
    tmp_path: Path, whole: tuple[Path, Outcome], measured: Callable[[str], None]
) -> None:
    count = count_full_files(tmp_path, whole, 4 * KIB)
    measured(f"stopped at {count} sizes")
    assert count > 50


@pytest.mark.fault("A4")
def test_readers_can_read_while_the_disk_is_full(tmp_path: Path) -> None:
    path = tmp_path / "observatory.db"
    with limit_pages(10**6), open_for_writing(path) as database:
        store = Store(database)
        snapshot = begin_snapshot(store)
        store.save_page(snapshot, make_page(["a", "b"]))
        database.conn.execute(f"PRAGMA max_page_count = {count_pages(path)}")
        with pytest.raises(sqlite3.OperationalError, match="full"):
            store.save_page(snapshot, make_page([f"{number}-{'x' * 200}" for number in range(500)]))
        assert not database.conn.in_transaction
        assert query(path, "SELECT count(*) FROM ranking") == [(2,)]
        assert store.progress(snapshot).pages == 1


@contextmanager
def hold_from_outside(path: Path) -> Iterator[None]:
    """Write to the file as another program would, without the writer's lock."""
    foreign = sqlite3.connect(path, isolation_level=None)
    foreign.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        foreign.close()


@pytest.mark.fault("A7")
def test_a_foreign_writer_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "observatory.db"
    with open_for_writing(path) as database:
        store = Store(database)
        snapshot = begin_snapshot(store)
        foreign = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        foreign.execute("BEGIN IMMEDIATE")
        threading.Timer(0.3, foreign.close).start()
        store.save_page(snapshot, make_page(["a", "b"]))
        assert store.progress(snapshot).pages == 1


@pytest.mark.fault("A7")
def test_a_foreign_writer_that_keeps_the_file_is_reported_and_the_crawl_can_be_resumed(
    tmp_path: Path, whole: tuple[Path, Outcome]
) -> None:
    path = tmp_path / "observatory.db"
    with open_for_writing(path) as database:
        store = Store(database)
        snapshot = begin_snapshot(store, at=86_400, k=12)
        store.save_page(snapshot, make_pages()[0])
        database.conn.execute("PRAGMA busy_timeout = 50")
        with hold_from_outside(path), pytest.raises(sqlite3.OperationalError) as raised:
            store.save_page(snapshot, make_pages()[1])
        error = describe_sqlite_error(raised.value)
        assert "another program holds the file" in error.why.lower() and "disk" not in error.why
        assert describe_exception(raised.value).reason == "another writer"
    run_to_end(path)
    assert read_outcome(path) == whole[1]
