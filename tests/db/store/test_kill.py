"""A writer is killed at any statement: the file stays sound, has only whole pages, and is resumed to the same end."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from db import connection as connection_module
from db.connection import open_for_reading, open_for_writing
from db.rows import Page, Parent
from db.store import Store
from tests.db.builders import MODELS, PASSED, begin_snapshot, make_observation, make_page, query, run_in_child

PAGE_SIZE = 4
KILL_STEP = 29  # the default run kills at every 29th statement
STATEMENTS = 400  # of a whole run, about

Outcome = tuple[object, ...]


def make_pages() -> list[Page]:
    """Return three pages with every kind of content."""
    return [
        make_page(
            [
                make_observation(
                    f"p{number}{index}", 90 - 10 * number - index, attributes={"task": "text"},
                    parents=(Parent(f"base{number}", "finetune", f"b{number}"),),
                )
                for index in range(PAGE_SIZE)
            ],
            body=b"[]", next_url=f"https://hub.example/{number + 1}" if number < 2 else None,
        )
        for number in range(3)
    ]  # fmt: skip


def run_to_end(path: Path) -> None:
    """Begin the snapshot or resume it, and end it."""
    with open_for_writing(path) as database:
        store = Store(database)
        if query(store, "SELECT count(*) FROM snapshot WHERE status = 'complete'") == [(1,)]:
            return
        resumable = store.resumable_snapshots(MODELS.name, "downloads", 3 * PAGE_SIZE)
        snapshot = resumable[0].snapshot if resumable else begin_snapshot(store, at=86_400, k=3 * PAGE_SIZE)
        for page in make_pages()[store.progress(snapshot).pages :]:
            store.save_page(snapshot, page)
        store.end_snapshot(snapshot, "complete", PASSED, None, 86_500)


def call_at_statements(callback: Callable[[int], None]) -> None:
    """Call back with the number of each statement just before it runs, in every store opened from now on."""
    open_connection, number = connection_module._open_connection, [0]

    def count(_: str) -> None:
        number[0] += 1
        callback(number[0])

    def open_counted(uri: str, path: Path) -> sqlite3.Connection:
        connection = open_connection(uri, path)
        connection.set_trace_callback(count)
        return connection

    connection_module._open_connection = open_counted


def is_killed_at(path: Path, moment: int) -> bool:
    """Run in a process that is killed at a statement. Return False if the process ended before."""

    def run() -> None:
        call_at_statements(lambda number: os.kill(os.getpid(), signal.SIGKILL) if number == moment else None)
        run_to_end(path)

    status = os.waitpid(run_in_child(run), 0)[1]
    assert os.waitstatus_to_exitcode(status) in (0, -signal.SIGKILL)
    return status != 0


def assert_sound(path: Path) -> None:
    """Check what must be true of the file at any moment."""
    if not path.exists() or query(path, "SELECT count(*) FROM sqlite_master WHERE name = 'snapshot'") == [(0,)]:
        return
    assert query(path, "PRAGMA integrity_check") == [("ok",)]
    assert query(path, "PRAGMA foreign_key_check") == []
    counts = query(
        path, "SELECT (SELECT count(*) FROM ranking), (SELECT count(*) FROM page), (SELECT count(*) FROM body)"
    )[0]
    assert counts == (PAGE_SIZE * counts[1], counts[1], counts[1])
    if query(path, "SELECT count(*) FROM snapshot WHERE status <> 'open'") != [(0,)]:
        assert query(path, "SELECT count(*) = 1 AND (SELECT count(*) FROM page) = 3 FROM gate_result") == [(1,)]


def read_outcome(path: Path) -> Outcome:
    """Return the counts and digests of a finished store."""
    with open_for_reading(path) as connection:
        snapshot = connection.execute("SELECT count(*), max(status), max(digest), max(depth) FROM snapshot").fetchone()
        edges = connection.execute("SELECT count(*) FROM lineage_edge").fetchone()
        return (*snapshot, *edges, connection.execute("PRAGMA application_id").fetchone()[0])


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """Return the outcome of an uninterrupted run."""
    path = tmp_path_factory.mktemp("whole") / "observatory.db"
    run_to_end(path)
    return read_outcome(path)


def count_kills(folder: Path, moments: range, expected: Outcome) -> int:
    """Kill a run at each moment, check it, resume it and check its outcome. Return the number of kills."""
    for count, moment in enumerate(moments):
        path = folder / f"{moment}.db"
        if not is_killed_at(path, moment):
            return count
        assert_sound(path)
        run_to_end(path)
        assert_sound(path)
        assert read_outcome(path) == expected, moment
    raise AssertionError("a run has more statements than expected")


@pytest.mark.ci
@pytest.mark.fault("A1")
def test_a_killed_writer_leaves_whole_pages_and_can_be_resumed(tmp_path: Path, expected: Outcome) -> None:
    assert count_kills(tmp_path, range(1, 5000, KILL_STEP), expected) > 8


@pytest.mark.fault("A1")
@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_writer_killed_at_any_statement_leaves_whole_pages_and_can_be_resumed(
    tmp_path: Path, expected: Outcome, measured: Callable[[str], None]
) -> None:
    kills = count_kills(tmp_path, range(1, 5000), expected)
    measured(f"{kills} kills")
    assert kills > 140


def count_chains(folder: Path, number: int, expected: Outcome) -> int:
    """Kill runs three times in a row at random, the last two times after resuming. Return how many had three kills."""
    rng, chains_of_three = random.Random(number), 0
    for chain in range(number):
        path = folder / f"{chain}.db"
        kills = 0
        for max_moment in (STATEMENTS, 90, 90):
            kills += is_killed_at(path, rng.randint(1, max_moment))
            assert_sound(path)
        run_to_end(path)
        assert_sound(path)
        assert read_outcome(path) == expected, chain
        chains_of_three += kills == 3
    return chains_of_three


@pytest.mark.fault("A2")
def test_a_few_chains_of_three_kills_have_the_same_outcome(tmp_path: Path, expected: Outcome) -> None:
    assert count_chains(tmp_path, 6, expected) >= 3


@pytest.mark.fault("A2")
@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_five_hundred_chains_of_three_kills_have_the_same_outcome(
    tmp_path: Path, expected: Outcome, measured: Callable[[str], None]
) -> None:
    chains_of_three = count_chains(tmp_path, 500, expected)
    measured(f"500 chains, {chains_of_three} of them of three kills")
    assert chains_of_three > 250


@pytest.mark.fault("A9")
def test_the_lock_of_a_killed_writer_is_free_at_once(path: Path) -> None:
    assert is_killed_at(path, 60)
    with open_for_writing(path) as database:
        assert database.conn.execute("PRAGMA synchronous").fetchone()[0] == 2
