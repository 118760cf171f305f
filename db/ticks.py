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

from db import StoreBusy
from db.connection import reading, writing
from db.store import Store, script

UNFINISHED = ("queued", "started", "interrupted")
LAST = ("known", "done")  # outcomes that are never changed
LIKE_TIME = ("time", "catch-up", "clock")


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
    said: str | None = None


@dataclass(frozen=True)
class Ledger:
    """What is on record: how far each schedule is decided, and what was not finished."""

    decided: Mapping[str, int]
    unfinished: tuple[Tick, ...]


def journal_path(path: Path) -> Path:
    """The journal of a store, beside it."""
    return Path(f"{os.path.realpath(path)}.ticks")


def append(path: Path, ticks: Iterable[Tick]) -> None:
    """Write ticks to the journal, all in one piece, and flush it. A line that a kill tore is ended first."""
    lines = "".join(json.dumps(asdict(tick), ensure_ascii=True) + "\n" for tick in ticks)
    if not lines:
        return
    new = not journal_path(path).exists()
    with _journal(path) as descriptor:
        size = os.fstat(descriptor).st_size
        torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
        content = (("\n" if torn else "") + lines).encode("ascii")
        while content:
            content = content[os.write(descriptor, content) :]
        os.fsync(descriptor)
    if new:
        _flush_folder(path)


def journal(path: Path) -> list[Tick]:
    """The ticks of the journal, in the order they were written; lines that a kill tore are left out."""
    try:
        content = journal_path(path).read_bytes()
    except FileNotFoundError:
        return []
    return list(_read(content))


def _read(content: bytes) -> Iterator[Tick]:
    for line in content.split(b"\n"):
        try:
            yield Tick(**json.loads(line))
        except (ValueError, TypeError):
            continue


def put(database: object, ticks: Iterable[Tick]) -> None:
    """Write ticks to the store, in one transaction."""
    store = Store(database)  # type: ignore[arg-type]
    (statement,) = script("tick")
    with store.transaction():
        store.connection.executemany(statement, [asdict(tick) for tick in ticks])


def fold(path: Path) -> int | None:
    """Bring the journal into the store; how many lines, or None while another process writes to the store.

    Raises:
        StoreError: the store cannot be used; the journal stays as it is.
        sqlite3.OperationalError: the disk is full; likewise.
    """
    if not journal(path):
        return 0
    try:
        with writing(path) as database, _journal(path) as descriptor:
            ticks = journal(path)
            put(database, ticks)
            os.ftruncate(descriptor, 0)
    except StoreBusy:
        return None
    return len(ticks)


@contextmanager
def _journal(path: Path) -> Iterator[int]:
    """The journal, ours alone for a moment: what is appended meanwhile would be cut off with what was folded."""
    descriptor = os.open(journal_path(path), os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def ledger(path: Path) -> Ledger:
    """What is on record of every schedule, in the store and in the journal."""
    decided: dict[str, int] = {}
    unfinished: dict[tuple[str, int], Tick] = {}
    if path.exists() and path.stat().st_size:
        with reading(path) as connection:
            if _has_ticks(connection):
                decided.update(iter(connection.execute(*script("decided"))))
                found = (Tick(*row) for row in connection.execute(*script("unfinished")))
                unfinished.update({(tick.schedule, tick.due_at): tick for tick in found})
    for tick in journal(path):
        if tick.cause == "clock":
            decided[tick.schedule] = tick.due_at
        elif tick.cause in LIKE_TIME:
            decided[tick.schedule] = max(tick.due_at, decided.get(tick.schedule, tick.due_at))
        if tick.outcome in UNFINISHED:
            unfinished[tick.schedule, tick.due_at] = tick
        else:
            unfinished.pop((tick.schedule, tick.due_at), None)
    return Ledger(decided, tuple(sorted(unfinished.values(), key=lambda tick: tick.due_at)))


def newest(connection: sqlite3.Connection, path: Path, number: int) -> dict[str, list[Tick]]:
    """The newest ticks of each schedule, oldest first, those of the journal among them."""
    found: dict[str, dict[int, Tick]] = {}
    if _has_ticks(connection):
        text = (Path(__file__).parent / "statements" / "ticks_newest.sql").read_text("utf-8")
        for row in connection.execute(text, {"newest": number}):
            found.setdefault(row["schedule"], {})[row["due_at"]] = Tick(*row)
    for tick in journal(path):
        known = found.setdefault(tick.schedule, {})
        before = known.get(tick.due_at)
        if tick.outcome != "known" and (before is None or before.outcome not in LAST):
            known[tick.due_at] = tick
    return {name: [known[due] for due in sorted(known)][-number:] for name, known in found.items()}


def _has_ticks(connection: sqlite3.Connection) -> bool:
    return bool(connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'tick'").fetchone()[0])


def _flush_folder(path: Path) -> None:
    folder = os.open(journal_path(path).parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
