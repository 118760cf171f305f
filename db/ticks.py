"""Ticks: the moments when schedules were due. They reach the store through a small journal beside it.

A crawl holds the writer's lock for as long as it runs, so the daemon cannot write to the store meanwhile. The daemon
appends each decision to the journal and flushes the journal before it acts on the decision. When no other process
writes, the journal is flushed to the store. Doing so twice has the effect of doing so once, so a kill at any moment
loses no tick and duplicates none.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import sqlite3
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from db import StoreBusyError
from db.connection import open_for_reading, open_for_writing
from db.maintenance.files import sync_path
from db.sql_files import load_statements
from db.store import Store

if TYPE_CHECKING:
    from db.database import Database

UNFINISHED_OUTCOMES = ("queued", "started", "interrupted")
FINAL_OUTCOMES = ("known", "done")  # these are never changed
TIMED_CAUSES = ("time", "catch-up", "clock")
CAUSES = (*TIMED_CAUSES, "then", "person")
OUTCOMES = (*UNFINISHED_OUTCOMES, *FINAL_OUTCOMES, "partial", "failed", "gap")
END_OF_TIME = 253_402_300_800  # the first second of the year 10,000


@dataclass(frozen=True, slots=True)
class Tick:
    """One moment when a schedule was due, and its outcome so far."""

    schedule: str
    due_at: int
    cause: str
    outcome: str
    reason: str | None = None
    command: str | None = None
    started_at: int | None = None
    ended_at: int | None = None
    exit_code: int | None = None
    attempts: int = 0
    last_line: str | None = None


@dataclass(frozen=True)
class ScheduleState:
    """The recorded state of all schedules: until when each is decided, and which ticks are unfinished."""

    decided_until: Mapping[str, int]
    unfinished: tuple[Tick, ...]


def to_json(tick: Tick) -> dict[str, object]:
    """Return the fields of a tick for a line of the journal or of the log, where `last_line` is called `said`."""
    return {"said" if name == "last_line" else name: value for name, value in asdict(tick).items()}


def parse_tick(line: bytes) -> Tick:
    """Return the tick of a line of the journal.

    Raises:
        ValueError: the line is cut off or damaged, or the store would refuse the tick.
    """
    try:
        fields = msgspec.json.decode(line, type=dict[str, object])
        tick = msgspec.convert({"last_line" if name == "said" else name: fields[name] for name in fields}, Tick)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    instants = (instant for instant in (tick.due_at, tick.started_at, tick.ended_at) if instant is not None)
    is_known = tick.cause in CAUSES and tick.outcome in OUTCOMES and (tick.outcome != "gap" or tick.reason is not None)
    is_in_range = all(0 <= instant < END_OF_TIME for instant in instants) and abs(tick.exit_code or 0) < 2**31
    if not (is_known and is_in_range and 0 <= tick.attempts < 2**31):
        raise ValueError("it has a value that no tick has")
    return tick


def journal_path(path: Path) -> Path:
    """Return the path of a store's journal, which is beside the store."""
    return Path(f"{path.resolve()}.ticks")


def append_ticks(path: Path, ticks: Iterable[Tick]) -> None:
    """Append ticks to the journal in one write, and flush it. A line that a kill cut short is ended first."""
    lines = "".join(json.dumps(to_json(tick), ensure_ascii=True) + "\n" for tick in ticks)
    if not lines:
        return
    is_new = not journal_path(path).exists()
    with _lock_journal(path) as descriptor:
        size = os.fstat(descriptor).st_size
        has_cut_line = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
        content = (("\n" if has_cut_line else "") + lines).encode("ascii")
        while content:
            content = content[os.write(descriptor, content) :]
        os.fsync(descriptor)
    if is_new:
        sync_path(journal_path(path).parent)


def read_journal(path: Path) -> list[Tick]:
    """Return the ticks of the journal in the order of writing, without lines that are cut off or damaged."""
    return [tick for tick in _parse_lines(path) if tick is not None]


def count_damaged_lines(path: Path) -> int:
    """Return the number of lines of the journal that are not ticks."""
    return sum(tick is None for tick in _parse_lines(path))


def _parse_lines(path: Path) -> Iterator[Tick | None]:
    for line in _read_lines(path):
        try:
            yield parse_tick(line)
        except ValueError:
            yield None


def _read_lines(path: Path) -> list[bytes]:
    """Return the lines of the journal. What is in its place without being a file has none, and is not opened."""
    journal = journal_path(path)
    return [line for line in journal.read_bytes().split(b"\n") if line] if journal.is_file() else []


def save_ticks(database: Database, ticks: Iterable[Tick]) -> None:
    """Save ticks in the store, in one transaction."""
    store = Store(database)
    (statement,) = load_statements("upsert_tick")
    with store.transaction():
        store.connection.executemany(statement, [asdict(tick) for tick in ticks])


def flush_journal(path: Path, unrecorded: Sequence[Tick] = (), patient: bool = True) -> int | None:
    """Move the journal into the store, and the ticks that it could not take.

    Return the number of ticks, or None while another process writes. See `open_for_writing`.

    Raises:
        StoreError: the store cannot be used. The journal stays as it is.
        sqlite3.OperationalError: the disk is full. The journal stays as it is.
    """
    if not unrecorded and not _read_lines(path):
        return 0
    try:
        with open_for_writing(path, patient=patient) as database:
            number = _move_journal(path, database) if journal_path(path).is_file() else 0
            save_ticks(database, unrecorded)
    except StoreBusyError:
        return None
    return number + len(unrecorded)


def _move_journal(path: Path, database: Database) -> int:
    with _lock_journal(path) as descriptor:
        ticks = read_journal(path)
        save_ticks(database, ticks)
        os.ftruncate(descriptor, 0)
    return len(ticks)


@contextmanager
def _lock_journal(path: Path) -> Iterator[int]:
    """Lock the journal, because a tick that is appended during a flush would be cut off with the flushed ticks.

    Raises:
        OSError: the journal cannot be written, or is not a file: a pipe would let the caller wait.
    """
    journal = journal_path(path)
    descriptor = os.open(journal, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK, 0o644)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "It is not a file", str(journal))
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def load_schedule_state(path: Path) -> ScheduleState:
    """Return the recorded state of all schedules, from the store and the journal."""
    decided_until: dict[str, int] = {}
    unfinished: dict[tuple[str, int], Tick] = {}
    if path.exists() and path.stat().st_size:
        with open_for_reading(path) as connection:
            if _has_ticks(connection):
                decided_until.update(iter(connection.execute(*load_statements("schedule_progress"))))
                stored_ticks = (Tick(*row) for row in connection.execute(*load_statements("unfinished_ticks")))
                unfinished.update({(tick.schedule, tick.due_at): tick for tick in stored_ticks})
    for tick in read_journal(path):
        if tick.cause == "clock":
            decided_until[tick.schedule] = tick.due_at
        elif tick.cause in TIMED_CAUSES:
            decided_until[tick.schedule] = max(tick.due_at, decided_until.get(tick.schedule, tick.due_at))
        if tick.outcome in UNFINISHED_OUTCOMES:
            unfinished[tick.schedule, tick.due_at] = tick
        else:
            unfinished.pop((tick.schedule, tick.due_at), None)
    return ScheduleState(decided_until, tuple(sorted(unfinished.values(), key=lambda tick: tick.due_at)))


def newest_ticks(
    connection: sqlite3.Connection, path: Path, limit: int, until: int = END_OF_TIME
) -> dict[str, list[Tick]]:
    """Return the newest ticks of each schedule up to an instant, oldest first, from the store and the journal."""
    ticks: dict[str, dict[int, Tick]] = {}
    if _has_ticks(connection):
        (statement,) = load_statements("newest_ticks")
        for row in connection.execute(statement, {"newest": limit, "until": until}):
            ticks.setdefault(row["schedule"], {})[row["due_at"]] = Tick(*row)
    for tick in read_journal(path):
        ticks_by_due = ticks.setdefault(tick.schedule, {})
        earlier = ticks_by_due.get(tick.due_at)
        if tick.outcome != "known" and tick.due_at <= until and (earlier is None or _can_replace(earlier, tick)):
            ticks_by_due[tick.due_at] = tick
    return {
        name: [ticks_by_due[due_at] for due_at in sorted(ticks_by_due)][-limit:] for name, ticks_by_due in ticks.items()
    }


def _can_replace(earlier: Tick, later: Tick) -> bool:
    """Return whether a later record of one moment counts, as the statement `upsert_tick` has it (pure)."""
    is_worse = later.outcome == "gap" and (earlier.outcome == "gap" or earlier.attempts > 0)
    return earlier.outcome not in FINAL_OUTCOMES and not is_worse


def _has_ticks(connection: sqlite3.Connection) -> bool:
    return bool(connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'tick'").fetchone()[0])
