"""A4, A7: there is no room, or somebody else holds the file: nothing stored is lost, and it can be gone on with."""

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
from db import connection as connect
from db.cli import describe_sqlite_error
from db.connection import open_for_writing
from db.store import Store
from schedules.child_process import failure_reason
from tests.db.builders import begin_snapshot, make_page, query, run_in_child
from tests.db.store.test_kill import assert_sound, make_pages, read_outcome, run_to_end

OPENED = connect._open
KIB = 1024


@contextmanager
def no_more_pages_than(most: int) -> Iterator[None]:
    """A disk that holds so many pages of a store: the next one is refused with SQLITE_FULL."""

    def open_small(uri: str, path: Path) -> sqlite3.Connection:
        connection = OPENED(uri, path)
        connection.execute(f"PRAGMA max_page_count = {most}")
        return connection

    connect._open = open_small
    try:
        yield
    finally:
        connect._open = OPENED


def pages_of(path: Path) -> int:
    return int(str(query(path, "PRAGMA page_count")[0][0]))


def is_full_at(path: Path, most: int) -> bool:
    """Whether it came to its end in that room; if not, it says so, and what is stored is whole."""
    with no_more_pages_than(most):
        try:
            run_to_end(path)
        except sqlite3.OperationalError as error:
            assert "full" in str(error)
            return True
    return False


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, tuple[object, ...]]:
    """A store that had room, and what it holds."""
    path = tmp_path_factory.mktemp("whole") / "observatory.db"
    run_to_end(path)
    return path, read_outcome(path)


def fills(folder: Path, whole: tuple[Path, tuple[object, ...]], step: int) -> int:
    """Give it one page, then some more, until it ends; each time make room and go on. How often it was full."""
    times, most = 0, 1
    while True:
        path = folder / f"{most}.db"
        full = is_full_at(path, most)
        assert_sound(path)
        run_to_end(path)
        assert_sound(path)
        assert read_outcome(path) == whole[1], most
        if not full:
            return times
        times, most = times + 1, most + step


@pytest.mark.fault("A4")
def test_a_disk_that_is_full_at_some_page_loses_nothing_that_was_stored(
    tmp_path: Path, whole: tuple[Path, tuple[object, ...]]
) -> None:
    assert fills(tmp_path, whole, pages_of(whole[0]) // 6) > 3


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.fault("A4")
def test_a_disk_that_is_full_at_any_page_loses_nothing_that_was_stored(
    tmp_path: Path, whole: tuple[Path, tuple[object, ...]], measured: Callable[[str], None]
) -> None:
    times = fills(tmp_path, whole, 1)
    measured(f"full at {times} sizes")
    assert times > pages_of(whole[0]) // 2


def ended_within(path: Path, size: int) -> bool:
    """Go on in a process none of whose files may grow beyond a size: whether it came to its end."""

    def do() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        try:
            run_to_end(path)
        except (sqlite3.OperationalError, ObservatoryError):
            os._exit(1)

    code = os.waitstatus_to_exitcode(os.waitpid(run_in_child(do), 0)[1])
    assert code in (0, 1)
    return code == 0


def grows(folder: Path, whole: tuple[Path, tuple[object, ...]], step: int) -> int:
    """The same with a size that no file may exceed, the write-ahead log among them."""
    times, size = 0, KIB
    while True:
        path = folder / f"{size}.db"
        ended = ended_within(path, size)
        assert_sound(path)
        run_to_end(path)
        assert_sound(path)
        assert read_outcome(path) == whole[1], size
        if ended:
            return times
        times, size = times + 1, size + step


@pytest.mark.fault("A4")
def test_a_file_that_may_not_grow_loses_nothing_that_was_stored(
    tmp_path: Path, whole: tuple[Path, tuple[object, ...]]
) -> None:
    assert grows(tmp_path, whole, 160 * KIB) > 2


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.fault("A4")
def test_a_file_that_may_not_grow_at_any_page_loses_nothing_that_was_stored(
    tmp_path: Path, whole: tuple[Path, tuple[object, ...]], measured: Callable[[str], None]
) -> None:
    times = grows(tmp_path, whole, 4 * KIB)
    measured(f"stopped at {times} sizes")
    assert times > 50


@pytest.mark.fault("A4")
def test_readers_are_answered_where_there_is_no_room(tmp_path: Path) -> None:
    path = tmp_path / "observatory.db"
    with no_more_pages_than(10**6), open_for_writing(path) as database:
        store = Store(database)
        snapshot = begin_snapshot(store)
        store.save_page(snapshot, make_page(["a", "b"]))
        database.conn.execute(f"PRAGMA max_page_count = {pages_of(path)}")
        with pytest.raises(sqlite3.OperationalError, match="full"):
            store.save_page(snapshot, make_page([f"{number}-{'x' * 200}" for number in range(500)]))
        assert not database.conn.in_transaction
        assert query(path, "SELECT count(*) FROM ranking") == [(2,)]
        assert store.progress(snapshot).pages == 1


@contextmanager
def held_by_another(path: Path) -> Iterator[None]:
    """Somebody else writes to the file, without asking for our lock."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.close()


@pytest.mark.fault("A7")
def test_a_writer_that_is_not_ours_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "observatory.db"
    with open_for_writing(path) as database:
        store = Store(database)
        snapshot = begin_snapshot(store)
        other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        other.execute("BEGIN IMMEDIATE")
        threading.Timer(0.3, other.close).start()
        store.save_page(snapshot, make_page(["a", "b"]))
        assert store.progress(snapshot).pages == 1


@pytest.mark.fault("A7")
def test_a_writer_that_does_not_let_go_is_told_and_the_crawl_can_be_gone_on_with(
    tmp_path: Path, whole: tuple[Path, tuple[object, ...]]
) -> None:
    path = tmp_path / "observatory.db"
    with open_for_writing(path) as database:
        store = Store(database)
        snapshot = begin_snapshot(store, at=86_400, k=12)
        store.save_page(snapshot, make_pages()[0])
        database.conn.execute("PRAGMA busy_timeout = 50")
        with held_by_another(path), pytest.raises(sqlite3.OperationalError) as refused:
            store.save_page(snapshot, make_pages()[1])
        told = describe_sqlite_error(refused.value)
        assert "another program holds the file" in told.why.lower() and "disk" not in told.why
        assert failure_reason(1, [told.message, told.why]) == "another writer"
    run_to_end(path)
    assert read_outcome(path) == whole[1]
