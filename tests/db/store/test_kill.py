"""kill -9 at any statement: the file is intact, holds whole pages only, and going on gives what was to be."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from db import connection as connect
from db.connection import open_for_reading, open_for_writing
from db.rows import Page, Parent
from db.store import Store
from tests.db.builders import MODELS, PASSED, begin_snapshot, make_observation, make_page, query, run_in_child

SIZE = 4
KILL_STEP = 29  # of the moments, in the usual run
STATEMENTS = 400  # of a whole run, about


def make_pages() -> list[Page]:
    """Three pages with everything a page may bring."""
    return [
        make_page(
            [
                make_observation(f"p{number}{place}", 90 - 10 * number - place, attributes={"task": "text"},
                     parents=(Parent(f"base{number}", "finetune", f"b{number}"),))
                for place in range(SIZE)
            ],
            body=b"[]", next_url=f"https://hub.example/{number + 1}" if number < 2 else None,
        )
        for number in range(3)
    ]  # fmt: skip


def run_to_end(path: Path) -> None:
    """Begin the snapshot, or go on with it where it was left, and end it."""
    with open_for_writing(path) as database:
        store = Store(database)
        if query(store, "SELECT count(*) FROM snapshot WHERE status = 'complete'") == [(1,)]:
            return
        opened = store.resumable_snapshots(MODELS.name, "downloads", 3 * SIZE)
        snapshot = opened[0].snapshot if opened else begin_snapshot(store, at=86_400, k=3 * SIZE)
        for one in make_pages()[store.progress(snapshot).pages :]:
            store.save_page(snapshot, one)
        store.end_snapshot(snapshot, "complete", PASSED, None, 86_500)


def call_at_statements(at: Callable[[int], None]) -> None:
    """Call `at` with the number of each statement just before it is done, in every store opened from now on."""
    opened, number = connect._open, [0]

    def count(_: str) -> None:
        number[0] += 1
        at(number[0])

    def open_counted(uri: str, path: Path) -> sqlite3.Connection:
        connection = opened(uri, path)
        connection.set_trace_callback(count)
        return connection

    connect._open = open_counted


def is_killed_at(path: Path, moment: int) -> bool:
    """Do it all in a process that is killed at its k-th statement; False if it ended before that."""

    def do() -> None:
        call_at_statements(lambda number: os.kill(os.getpid(), signal.SIGKILL) if number == moment else None)
        run_to_end(path)

    status = os.waitpid(run_in_child(do), 0)[1]
    assert os.waitstatus_to_exitcode(status) in (0, -signal.SIGKILL)
    return status != 0


def assert_sound(path: Path) -> None:
    """What must be true of the file at any moment."""
    if not path.exists() or query(path, "SELECT count(*) FROM sqlite_master WHERE name = 'snapshot'") == [(0,)]:
        return
    assert query(path, "PRAGMA integrity_check") == [("ok",)]
    assert query(path, "PRAGMA foreign_key_check") == []
    ranks = query(
        path, "SELECT (SELECT count(*) FROM ranking), (SELECT count(*) FROM page), (SELECT count(*) FROM body)"
    )[0]
    assert ranks == (SIZE * ranks[1], ranks[1], ranks[1])
    if query(path, "SELECT count(*) FROM snapshot WHERE status <> 'open'") == [(0,)]:
        return
    assert query(path, "SELECT count(*) = 1 AND (SELECT count(*) FROM page) = 3 FROM gate_result") == [(1,)]


def read_outcome(path: Path) -> tuple[object, ...]:
    """What the store holds in the end."""
    with open_for_reading(path) as connection:
        head = connection.execute("SELECT count(*), max(status), max(digest), max(depth) FROM snapshot").fetchone()
        edges = connection.execute("SELECT count(*) FROM lineage_edge").fetchone()
        return (*head, *edges, connection.execute("PRAGMA application_id").fetchone()[0])


@pytest.fixture(scope="module")
def wanted(tmp_path_factory: pytest.TempPathFactory) -> tuple[object, ...]:
    """What an uninterrupted run holds in the end."""
    path = tmp_path_factory.mktemp("whole") / "observatory.db"
    run_to_end(path)
    return read_outcome(path)


def count_kills(folder: Path, moments: range, wanted: tuple[object, ...]) -> int:
    """Kill at each of the moments, look, go on, look again; how many kills there were."""
    for done, moment in enumerate(moments):
        path = folder / f"{moment}.db"
        if not is_killed_at(path, moment):
            return done
        assert_sound(path)
        run_to_end(path)
        assert_sound(path)
        assert read_outcome(path) == wanted, moment
    raise AssertionError("more statements than were thought of")


@pytest.mark.fault("A1")
def test_a_killed_writer_leaves_whole_pages_and_can_go_on(tmp_path: Path, wanted: tuple[object, ...]) -> None:
    assert count_kills(tmp_path, range(1, 5000, KILL_STEP), wanted) > 8


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.fault("A1")
def test_a_writer_killed_at_any_statement_leaves_whole_pages_and_can_go_on(
    tmp_path: Path, wanted: tuple[object, ...], measured: Callable[[str], None]
) -> None:
    killed = count_kills(tmp_path, range(1, 5000), wanted)
    measured(f"{killed} kills")
    assert killed > 140


def count_chains(folder: Path, number: int, wanted: tuple[object, ...]) -> int:
    """Kill it three times in a row at random, the second and third time while it goes on; then let it end."""
    chance, three = random.Random(number), 0
    for chain in range(number):
        path = folder / f"{chain}.db"
        killed = 0
        for longest in (STATEMENTS, 90, 90):
            killed += is_killed_at(path, chance.randint(1, longest))
            assert_sound(path)
        run_to_end(path)
        assert_sound(path)
        assert read_outcome(path) == wanted, chain
        three += killed == 3
    return three


@pytest.mark.fault("A2")
def test_a_few_chains_of_three_kills_come_to_the_same_end(tmp_path: Path, wanted: tuple[object, ...]) -> None:
    assert count_chains(tmp_path, 6, wanted) >= 3


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.fault("A2")
def test_five_hundred_chains_of_three_kills_come_to_the_same_end(
    tmp_path: Path, wanted: tuple[object, ...], measured: Callable[[str], None]
) -> None:
    three = count_chains(tmp_path, 500, wanted)
    measured(f"500 chains, {three} of them of three kills")
    assert three > 250


@pytest.mark.fault("A9")
def test_the_lock_of_a_killed_writer_is_free_at_once(path: Path) -> None:
    assert is_killed_at(path, 60)
    with open_for_writing(path) as database:
        assert database.conn.execute("PRAGMA synchronous").fetchone()[0] == 2
