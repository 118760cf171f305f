"""The daemon's side of the journal of ticks: what goes wrong with the file is logged, and ends nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from db import ObservatoryError
from db.maintenance.check import LARGE_WAL
from db.ticks import Tick, append_ticks, count_damaged_lines, flush_journal
from schedules.log import DaemonLog

MAX_WAITING_TICKS = 20_000


class DaemonJournal:
    """The journal of one store. Ticks that it cannot take wait in memory for the next attempt."""

    def __init__(self, store: Path, log: DaemonLog) -> None:
        self._store, self._log = store, log
        self._waiting: list[Tick] = []

    def append(self, ticks: Sequence[Tick]) -> None:
        """Append ticks, after those that wait. Log a file that cannot be written."""
        self._waiting = [*self._waiting, *ticks][-MAX_WAITING_TICKS:]
        try:
            append_ticks(self._store, self._waiting)
        except OSError as error:
            self._log.write("journal not written", why=error.strerror or str(error), ticks=len(self._waiting))
        else:
            self._waiting = []

    def flush(self) -> None:
        """Move all ticks into the store unless another process writes to it. Log a large write-ahead log."""
        with suppress(OSError):
            size = Path(f"{self._store}-wal").stat().st_size
            if size > LARGE_WAL:
                self._log.write("write-ahead log", bytes=size, why="a reader keeps SQLite from truncating it")
        try:
            damaged_lines = count_damaged_lines(self._store)
            if flush_journal(self._store, self._waiting, patient=False) is None:
                return
            self._waiting = []
            if damaged_lines:
                self._log.write("journal damaged", lines=damaged_lines, why="they are not ticks, and were skipped")
        except (ObservatoryError, sqlite3.Error, OSError) as error:
            self._log.write("journal not flushed", why=str(error))
