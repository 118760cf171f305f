"""Ticks: the moments schedules were due. They reach the store by way of a small journal beside it.

While a crawl runs it holds the writer's lock for as long as it lives, so the daemon cannot write to the store then. It
appends each decision to the journal, flushed before anything follows from it, and folds the journal into the store when
nobody else writes. Folding twice is folding once: a kill at any moment loses nothing and doubles nothing.
"""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from db import StoreBusyError
from db.connection import open_for_reading, open_for_writing
from db.store import Store, load_statements

UNFINISHED_OUTCOMES = ("queued", "started", "interrupted")
FINAL_OUTCOMES = ("known", "done")  # outcomes that are never changed
TIMED_CAUSES = ("time", "catch-up", "clock")


@dataclass(frozen=True, slots=True)
class Tick:
    """One moment of one schedule, and what became of it so far."""

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
    """What is on record: how far each schedule is decided, and what was not finished."""

    decided_until: Mapping[str, int]
    unfinished: tuple[Tick, ...]


def to_json(tick: Tick) -> dict[str, object]:
    """Return a tick as a line of the journal or log has it: the last line is called `said` there."""
    return {"said" if name == "last_line" else name: value for name, value in asdict(tick).items()}


def from_json(fields: dict[str, Any]) -> Tick:
    """Return the tick of a line of the journal.

    Raises:
        TypeError: a field is unknown or missing.
    """
    return Tick(**{"last_line" if name == "said" else name: value for name, value in fields.items()})


def journal_path(path: Path) -> Path:
    """The journal of a store, beside it."""
    return Path(f"{os.path.realpath(path)}.ticks")


def append_ticks(path: Path, ticks: Iterable[Tick]) -> None:
    """Write ticks to the journal, all in one piece, and flush it. A line that a kill tore is ended first."""
    lines = "".join(json.dumps(to_json(tick), ensure_ascii=True) + "\n" for tick in ticks)
    if not lines:
        return
    new = not journal_path(path).exists()
    with _lock_journal(path) as descriptor:
        size = os.fstat(descriptor).st_size
        torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
        content = (("\n" if torn else "") + lines).encode("ascii")
        while content:
            content = content[os.write(descriptor, content) :]
        os.fsync(descriptor)
    if new:
        _sync_folder(path)


def read_journal(path: Path) -> list[Tick]:
    """The ticks of the journal, in the order they were written; lines that a kill tore are left out."""
    try:
        content = journal_path(path).read_bytes()
    except FileNotFoundError:
        return []
    return list(_parse_journal(content))


def _parse_journal(content: bytes) -> Iterator[Tick]:
    for line in content.split(b"\n"):
        try:
            yield from_json(json.loads(line))
        except (ValueError, TypeError):
            continue


def save_ticks(database: object, ticks: Iterable[Tick]) -> None:
    """Write ticks to the store, in one transaction."""
    store = Store(database)  # type: ignore[arg-type]
    (statement,) = load_statements("upsert_tick")
    with store.transaction():
        store.connection.executemany(statement, [asdict(tick) for tick in ticks])


def flush_journal(path: Path) -> int | None:
    """Bring the journal into the store; how many lines, or None while another process writes to the store.

    Raises:
        StoreError: the store cannot be used; the journal stays as it is.
        sqlite3.OperationalError: the disk is full; likewise.
    """
    if not read_journal(path):
        return 0
    try:
        with open_for_writing(path) as database, _lock_journal(path) as descriptor:
            ticks = read_journal(path)
            save_ticks(database, ticks)
            os.ftruncate(descriptor, 0)
    except StoreBusyError:
        return None
    return len(ticks)


@contextmanager
def _lock_journal(path: Path) -> Iterator[int]:
    """The journal, ours alone for a moment: what is appended meanwhile would be cut off with what was folded."""
    descriptor = os.open(journal_path(path), os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def load_schedule_state(path: Path) -> ScheduleState:
    """What is on record of every schedule, in the store and in the journal."""
    decided: dict[str, int] = {}
    unfinished: dict[tuple[str, int], Tick] = {}
    if path.exists() and path.stat().st_size:
        with open_for_reading(path) as connection:
            if _has_ticks(connection):
                decided.update(iter(connection.execute(*load_statements("schedule_progress"))))
                found = (Tick(*row) for row in connection.execute(*load_statements("unfinished_ticks")))
                unfinished.update({(tick.schedule, tick.due_at): tick for tick in found})
    for tick in read_journal(path):
        if tick.cause == "clock":
            decided[tick.schedule] = tick.due_at
        elif tick.cause in TIMED_CAUSES:
            decided[tick.schedule] = max(tick.due_at, decided.get(tick.schedule, tick.due_at))
        if tick.outcome in UNFINISHED_OUTCOMES:
            unfinished[tick.schedule, tick.due_at] = tick
        else:
            unfinished.pop((tick.schedule, tick.due_at), None)
    return ScheduleState(decided, tuple(sorted(unfinished.values(), key=lambda tick: tick.due_at)))


def newest_ticks(connection: sqlite3.Connection, path: Path, limit: int) -> dict[str, list[Tick]]:
    """The newest ticks of each schedule, oldest first, those of the journal among them."""
    found: dict[str, dict[int, Tick]] = {}
    if _has_ticks(connection):
        text = (Path(__file__).parent / "statements" / "newest_ticks.sql").read_text("utf-8")
        for row in connection.execute(text, {"newest": limit}):
            found.setdefault(row["schedule"], {})[row["due_at"]] = Tick(*row)
    for tick in read_journal(path):
        known = found.setdefault(tick.schedule, {})
        before = known.get(tick.due_at)
        if tick.outcome != "known" and (before is None or before.outcome not in FINAL_OUTCOMES):
            known[tick.due_at] = tick
    return {name: [known[due] for due in sorted(known)][-limit:] for name, known in found.items()}


def _has_ticks(connection: sqlite3.Connection) -> bool:
    return bool(connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'tick'").fetchone()[0])


def _sync_folder(path: Path) -> None:
    folder = os.open(journal_path(path).parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
