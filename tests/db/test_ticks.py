"""Ticks reach the store through a journal. A kill loses no tick and duplicates none."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from db import connection as connection_module
from db import ticks
from db.connection import hold_writer_lock, open_for_reading, open_for_writing
from db.ticks import (
    Tick,
    append_ticks,
    count_damaged_lines,
    flush_journal,
    journal_path,
    load_schedule_state,
    newest_ticks,
    read_journal,
)
from tests.db.builders import query, run_in_child

GAP = Tick("top", 60, "time", "gap", "off")
QUEUED = Tick("top", 120, "time", "queued")
STARTED = replace(QUEUED, outcome="started", started_at=121, attempts=1, command="report")
DONE = replace(STARTED, outcome="done", ended_at=130, exit_code=0)


def stored_ticks(path: Path) -> list[tuple[object, ...]]:
    return query(path, "SELECT schedule, due_at, outcome, attempts FROM tick ORDER BY tick_id")


def test_appended_ticks_are_read_and_then_flushed_to_the_store(path: Path) -> None:
    append_ticks(path, [GAP, QUEUED])
    append_ticks(path, [STARTED, DONE])
    assert read_journal(path) == [GAP, QUEUED, STARTED, DONE]
    assert flush_journal(path) == 4
    assert read_journal(path) == [] and flush_journal(path) == 0
    assert stored_ticks(path) == [("top", 60, "gap", 0), ("top", 120, "done", 1)]
    assert query(path, "SELECT schedule, due_at, outcome FROM v1_tick")[1] == ("top", "1970-01-01T00:02:00Z", "done")


@pytest.mark.fault("A1")
def test_a_line_that_a_kill_cut_short_is_skipped_and_the_next_one_is_whole(path: Path) -> None:
    append_ticks(path, [GAP])
    line = journal_path(path).read_bytes()
    for length in range(len(line)):
        journal_path(path).write_bytes(line + line[:length])
        append_ticks(path, [QUEUED])
        assert read_journal(path)[0] == GAP and read_journal(path)[-1] == QUEUED


@pytest.mark.fault("A9")
def test_the_journal_is_kept_while_a_crawl_writes(path: Path) -> None:
    append_ticks(path, [GAP])
    with hold_writer_lock(path):
        child = run_in_child(lambda: os._exit(3 if flush_journal(path) is None else 4))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3
    assert read_journal(path) == [GAP]
    assert flush_journal(path) == 1


@pytest.mark.fault("A1")
def test_a_flush_that_is_killed_at_any_statement_loses_and_duplicates_no_tick(path: Path) -> None:
    with open_for_writing(path):
        pass
    open_connection = connection_module._open_connection
    for moment in range(1, 200, 3):
        append_ticks(path, [replace(tick, due_at=tick.due_at + 1000 * moment) for tick in (GAP, QUEUED, STARTED, DONE)])

        def flush(moment: int = moment) -> None:
            number = [0]

            def count(_: str) -> None:
                number[0] += 1
                if number[0] == moment:
                    os.kill(os.getpid(), signal.SIGKILL)

            def open_counted(uri: str, path: Path) -> sqlite3.Connection:
                connection = open_connection(uri, path)
                connection.set_trace_callback(count)
                return connection

            connection_module._open_connection = open_counted
            flush_journal(path)

        if os.waitstatus_to_exitcode(os.waitpid(run_in_child(flush), 0)[1]) == 0:
            break
        flush_journal(path)
        assert stored_ticks(path)[-2:] == [
            ("top", 60 + 1000 * moment, "gap", 0),
            ("top", 120 + 1000 * moment, "done", 1),
        ]
    assert moment > 10
    assert len(stored_ticks(path)) == 2 * (1 + moment // 3)


def test_a_second_flush_of_the_same_journal_changes_nothing(path: Path) -> None:
    append_ticks(path, [QUEUED, STARTED, DONE])
    copy = journal_path(path).read_bytes()
    flush_journal(path)
    journal_path(path).write_bytes(copy)
    flush_journal(path)
    assert stored_ticks(path) == [("top", 120, "done", 1)]


@pytest.mark.parametrize("is_flushed", [True, False])
def test_the_schedule_state_is_the_same_from_the_store_and_from_the_journal(path: Path, is_flushed: bool) -> None:
    append_ticks(path, [GAP, QUEUED, STARTED, Tick("after", 500, "then", "queued")])
    if is_flushed:
        flush_journal(path)
    state = load_schedule_state(path)
    assert state.decided_until == {"top": 120}
    assert [(tick.schedule, tick.outcome) for tick in state.unfinished] == [("top", "started"), ("after", "queued")]
    append_ticks(path, [DONE])
    assert [tick.schedule for tick in load_schedule_state(path).unfinished] == ["after"]


@pytest.mark.parametrize("is_flushed", [True, False])
@pytest.mark.fault("B4")
def test_a_clock_that_was_set_back_restarts_the_schedule(path: Path, is_flushed: bool) -> None:
    append_ticks(path, [replace(GAP, due_at=10**9), Tick("top", 300, "clock", "gap", "clock untrusted")])
    if is_flushed:
        flush_journal(path)
    assert load_schedule_state(path).decided_until == {"top": 300}


def test_the_newest_ticks_come_from_the_store_and_the_journal(path: Path) -> None:
    append_ticks(path, [GAP, QUEUED])
    flush_journal(path)
    append_ticks(path, [DONE, replace(QUEUED, due_at=180)])
    with open_for_reading(path) as connection:
        newest = newest_ticks(connection, path, 2)
    assert [(tick.due_at, tick.outcome) for tick in newest["top"]] == [(120, "done"), (180, "queued")]


def test_ticks_are_never_deleted_and_final_outcomes_never_change(path: Path) -> None:
    append_ticks(path, [DONE])
    flush_journal(path)
    with open_for_writing(path) as database:
        for statement, message in (
            ("DELETE FROM tick", "cannot be deleted"),
            ("UPDATE tick SET outcome = 'gap'", "is final"),
        ):
            with pytest.raises(sqlite3.IntegrityError, match=message):
                database.conn.execute(statement)
        ticks.save_ticks(database, [replace(GAP, due_at=120)])
    assert stored_ticks(path) == [("top", 120, "done", 1)]


WORDS = b'{"schedule":"top","due_at":60,"cause":"time","outcome":"gap","reason":"off"}'
DAMAGED_LINES = {
    "a half character": WORDS.replace(b"top", b"t\xc3"),
    "a half surrogate": WORDS.replace(b"top", b"\\ud800"),
    "a number for a text": WORDS.replace(b'"top"', b"5"),
    "a text for a number": WORDS.replace(b"60", b'"60"'),
    "no number": WORDS.replace(b"60", b"NaN"),
    "a number beyond all clocks": WORDS.replace(b"60", b"9" * 18),
    "a number beyond SQLite": WORDS.replace(b"60", b"9" * 400),
    "a negative moment": WORDS.replace(b"60", b"-1"),
    "a list for a text": WORDS.replace(b'"off"', b'["off"]'),
    "an unknown outcome": WORDS.replace(b"gap", b"gone"),
    "an unknown cause": WORDS.replace(b"time", b"tide"),
    "a gap without a reason": WORDS.replace(b'"off"', b"null"),
    "a field missing": WORDS.replace(b'"cause":"time",', b""),
    "deep nesting": b"[" * 100_000,
    "deep nesting in a field": WORDS.replace(b'"off"', b'{"a":' * 100_000),
    "not an object": b"[1, 2]",
    "zeros of a lost page": b"\0" * 4096,
    "a truth value": WORDS.replace(b"60", b"true"),
}


@pytest.mark.parametrize("damage", DAMAGED_LINES)
@pytest.mark.fault("A18")
def test_a_damaged_line_costs_the_line_and_no_other(path: Path, damage: str) -> None:
    append_ticks(path, [GAP])
    with journal_path(path).open("ab") as journal:
        journal.write(DAMAGED_LINES[damage] + b"\n")
    append_ticks(path, [DONE])
    assert read_journal(path) == [GAP, DONE] and count_damaged_lines(path) == 1
    assert load_schedule_state(path).decided_until == {"top": 120}


@pytest.mark.fault("A18")
def test_a_journal_of_all_damaged_lines_is_flushed_to_the_store(path: Path) -> None:
    append_ticks(path, [GAP])
    with journal_path(path).open("ab") as journal:
        journal.write(b"\n".join(DAMAGED_LINES.values()) + b"\n")
    append_ticks(path, [DONE])
    assert count_damaged_lines(path) == len(DAMAGED_LINES)
    assert flush_journal(path) == 2 and count_damaged_lines(path) == 0
    assert stored_ticks(path) == [("top", 60, "gap", 0), ("top", 120, "done", 1)]


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
@pytest.mark.fault("A18")
def test_a_pipe_or_folder_in_the_place_of_the_journal_stops_nothing(path: Path, make: Callable[[Path], None]) -> None:
    make(journal_path(path))
    assert read_journal(path) == [] and flush_journal(path) == 0
    with pytest.raises(OSError):
        append_ticks(path, [GAP])
    assert flush_journal(path, [GAP, DONE]) == 2
    assert [row[2] for row in stored_ticks(path)] == ["gap", "done"]


@pytest.mark.parametrize("is_flushed", [True, False])
@pytest.mark.fault("B4")
def test_a_moment_that_passes_again_keeps_what_its_command_did(path: Path, is_flushed: bool) -> None:
    partial = replace(DONE, outcome="partial", exit_code=3)
    append_ticks(path, [GAP, partial])
    if is_flushed:
        flush_journal(path)
    append_ticks(path, [replace(tick, outcome="gap", reason="clock untrusted", attempts=0) for tick in (GAP, DONE)])
    with open_for_writing(path), open_for_reading(path) as connection:
        assert [(tick.outcome, tick.reason) for tick in newest_ticks(connection, path, 5)["top"]] == [
            ("gap", "off"),
            ("partial", None),
        ]
    flush_journal(path)
    assert [row[2] for row in stored_ticks(path)] == ["gap", "partial"]
