"""The status of the daemon, its schedules and its store, as one document."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypedDict

from db import SECONDS_PER_DAY, StoreError
from db.cli import isoformat_utc, pluralize
from db.connection import open_for_reading
from db.maintenance.check import LARGE_WAL
from db.maintenance.files import find_newest_backup, find_writer_process
from db.maintenance.migrations import migration_states
from db.ticks import Tick, load_schedule_state, newest_ticks, read_journal
from schedules.config import Schedule
from schedules.coverage import last_covered_at
from schedules.heartbeat import heartbeat_file
from schedules.planner import MAX_CLOCK_LEAD

STALE_INTERVALS = 1.5  # a schedule is stale when its last success is more intervals ago than this
MAX_TICKS = 30
EVENT_DAYS = 30
HEARTBEAT_TIMEOUT = 180  # seconds after the last heartbeat, after which a daemon counts as dead

LATEST_COMPLETE = """
SELECT r.name AS registry, max(s.taken_at) AS taken_at, max(s.snapshot_id) AS snapshot, count(*) AS snapshots
FROM snapshot s JOIN registry r ON r.registry_id = s.registry_id
WHERE s.status = 'complete' AND s.origin = 'crawl' GROUP BY r.name
"""
OPEN_EVENTS = """
SELECT r.name AS registry, e.kind, e.severity, count(*) AS count, max(e.noted_at) AS noted_at
FROM quality_event e JOIN registry r ON r.registry_id = e.registry_id
WHERE e.severity <> 'note' AND e.noted_at >= ? GROUP BY r.name, e.kind, e.severity ORDER BY r.name, e.kind
"""
OUTCOME_SYMBOLS = {
    "done": "●",
    "partial": "◐",
    "failed": "✗",
    "interrupted": "◌",
    "gap": "○",
    "queued": "…",
    "started": "▶",
}


class DaemonStatus(TypedDict):
    """Whether the daemon runs."""

    running: bool
    pid: int | None
    heartbeat_age_seconds: int | None


class TickStatus(TypedDict):
    """One moment of a schedule, and its outcome."""

    due_at: str
    outcome: str
    reason: str | None
    attempts: int


class ScheduleStatus(TypedDict):
    """One schedule: its last success, its next moment, and its newest ticks."""

    schedule: str
    run: str
    when: str
    next: str | None
    interval_seconds: int | None
    last_done: str | None
    age_seconds: int | None
    stale: bool
    ticks: list[TickStatus]


class RegistryStatus(TypedDict):
    """The newest complete snapshot of one registry."""

    registry: str
    snapshot: int
    snapshots: int
    complete_at: str
    age_seconds: int


class EventCount(TypedDict):
    """The number of recent quality events of one kind."""

    registry: str
    kind: str
    severity: str
    count: int
    noted_at: int


class StoreStatus(TypedDict):
    """The file of the store, the space around it, and notes on its health."""

    file: str
    bytes: int
    wal_bytes: int
    free_bytes: int
    journal_ticks: int
    writer: int | None
    backup: str | None
    backup_at: str | None
    notes: list[str]


class Status(TypedDict):
    """The whole status, version 1."""

    schema: int
    now: str
    daemon: DaemonStatus
    schedules: list[ScheduleStatus]
    registries: list[RegistryStatus]
    events: list[EventCount]
    store: StoreStatus
    stale: list[str]


def read_status(store: Path, schedules: Mapping[str, Schedule], instant: int | None = None) -> Status:
    """Return the status now. It reads only, and needs no running daemon."""
    now = int(time.time()) if instant is None else instant
    state = load_schedule_state(store)
    ticks: dict[str, list[Tick]] = {}
    covered_at: dict[str, int] = {}
    registries: list[RegistryStatus] = []
    events: list[EventCount] = []
    if store.exists():
        with open_for_reading(store) as connection:
            ticks = newest_ticks(connection, store, MAX_TICKS, now + MAX_CLOCK_LEAD)
            registries = [_registry_status(row, now) for row in connection.execute(LATEST_COMPLETE)]
            since = now - EVENT_DAYS * SECONDS_PER_DAY
            events = [_event_count(row) for row in connection.execute(OPEN_EVENTS, (since,))]
            covered_at = last_covered_at(connection, schedules, now + MAX_CLOCK_LEAD)
    rows = [
        _schedule_status(schedule, ticks.get(name, []), state.decided_until.get(name), covered_at.get(name, 0), now)
        for name, schedule in sorted(schedules.items())
    ]
    return Status(
        schema=1,
        now=isoformat_utc(now),
        daemon=_daemon_status(store),
        schedules=rows,
        registries=registries,
        events=events,
        store=_store_status(store),
        stale=list(stale_reasons(rows, bool(state.decided_until))),
    )


def stale_reasons(schedules: Sequence[ScheduleStatus], has_ticks: bool) -> Iterator[str]:
    """Yield a sentence for each schedule whose last success is too long ago (pure)."""
    if not has_ticks:
        yield "no tick is recorded: no daemon has run on this store"
    for row in schedules:
        if row["stale"] and row["age_seconds"] is not None and row["interval_seconds"] is not None:
            age, interval = format_duration(row["age_seconds"]), format_duration(row["interval_seconds"])
            yield f"{row['schedule']}: no success for {age}, and due every {interval}"


def format_duration(seconds: int) -> str:
    """Return a duration in words, in its two largest units.

    >>> format_duration(6000), format_duration(86400), format_duration(7 * 86400 + 5), format_duration(0)
    ('1 hour 40 minutes', '1 day', '7 days 5 seconds', '0 seconds')
    """
    counts = []
    for unit, size in (("day", SECONDS_PER_DAY), ("hour", 3600), ("minute", 60), ("second", 1)):
        count, seconds = divmod(seconds, size)
        counts += [pluralize(count, unit)] if count else []
    return " ".join(counts[:2]) or "0 seconds"


def _daemon_status(store: Path) -> DaemonStatus:
    pid = find_writer_process(Path(f"{os.path.realpath(store)}.daemon"))
    file = heartbeat_file(store)
    age = max(0, int(time.time()) - int(file.stat().st_mtime)) if file.exists() else None
    running = pid is not None and age is not None and age < HEARTBEAT_TIMEOUT
    return {"running": running, "pid": pid if running else None, "heartbeat_age_seconds": age}


def _schedule_status(
    schedule: Schedule, ticks: Sequence[Tick], known_since: int | None, covered_at: int, now: int
) -> ScheduleStatus:
    """Return the status of one schedule (pure)."""
    timetable = schedule.timetable
    next_moment = timetable.next_after(now) if timetable else None
    interval = timetable.next_after(next_moment) - next_moment if timetable and next_moment else None
    ended_at = [tick.ended_at or 0 for tick in ticks if tick.outcome == "done"]
    done_at = max([instant for instant in ended_at if instant <= now + MAX_CLOCK_LEAD], default=0)
    success_at = max(done_at, covered_at)
    since = success_at or (ticks[0].due_at if ticks else known_since)
    age = None if since is None else max(0, now - since)
    return {
        "schedule": schedule.name,
        "run": schedule.run,
        "when": schedule.due_text,
        "next": isoformat_utc(next_moment) if next_moment else None,
        "interval_seconds": interval,
        "last_done": isoformat_utc(success_at) if success_at else None,
        "age_seconds": age,
        "stale": age is not None and interval is not None and age > STALE_INTERVALS * interval,
        "ticks": [
            {
                "due_at": isoformat_utc(tick.due_at),
                "outcome": tick.outcome,
                "reason": tick.reason,
                "attempts": tick.attempts,
            }
            for tick in ticks
        ],
    }


def _registry_status(row: sqlite3.Row, now: int) -> RegistryStatus:
    return {
        "registry": row["registry"],
        "snapshot": row["snapshot"],
        "snapshots": row["snapshots"],
        "complete_at": isoformat_utc(row["taken_at"]),
        "age_seconds": now - row["taken_at"],
    }


def _event_count(row: sqlite3.Row) -> EventCount:
    return {
        "registry": row["registry"],
        "kind": row["kind"],
        "severity": row["severity"],
        "count": row["count"],
        "noted_at": row["noted_at"],
    }


def _file_size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _store_status(store: Path) -> StoreStatus:
    wal_bytes = _file_size(Path(f"{store}-wal"))
    backup = find_newest_backup(store) if store.exists() else None
    return {
        "file": str(store),
        "bytes": _file_size(store),
        "wal_bytes": wal_bytes,
        "free_bytes": shutil.disk_usage(store.absolute().parent).free,
        "journal_ticks": len(read_journal(store)),
        "writer": find_writer_process(store),
        "backup": str(backup) if backup else None,
        "backup_at": isoformat_utc(int(backup.stat().st_mtime)) if backup else None,
        "notes": _store_notes(store, wal_bytes),
    }


def _store_notes(store: Path, wal_bytes: int) -> list[str]:
    notes = ["the write-ahead log is large: a reader keeps SQLite from truncating it"] if wal_bytes > LARGE_WAL else []
    pending = [name for name, state in migration_states(store) if state == "pending"] if store.exists() else []
    return [*notes, f"migrations are pending: {', '.join(pending)}"] if pending else notes


def status_or_error(store: Path, schedules: Mapping[str, Schedule]) -> tuple[Status | None, str]:
    """Return the status, or why the store cannot be read."""
    try:
        return read_status(store, schedules), ""
    except (StoreError, sqlite3.Error, OSError) as error:
        return None, str(error)


def format_status(status: Status) -> str:
    """Return a status as text for a person."""
    daemon, store = status["daemon"], status["store"]
    lines = ["daemon     not running"]
    if daemon["running"]:
        lines = [f"daemon     running, pid {daemon['pid']}, last heartbeat {daemon['heartbeat_age_seconds']} s ago"]
    for schedule in status["schedules"]:
        lines += _format_schedule(schedule)
    lines += _format_legend(status["schedules"])
    lines += [
        f"registry   {row['registry']}: complete {row['complete_at']} (snapshot {row['snapshot']})"
        for row in status["registries"]
    ]
    lines += [
        f"quality    {row['registry']}: {row['count']} {row['kind']} ({row['severity']})" for row in status["events"]
    ]
    used, log, free = (_format_megabytes(size) for size in (store["bytes"], store["wal_bytes"], store["free_bytes"]))
    lines.append(f"disk       {used} used, {log} of log, {free} free; last backup {store['backup_at'] or 'none'}")
    lines += [f"note       {note}" for note in store["notes"]]
    lines += [f"stale      {reason}" for reason in status["stale"]]
    return "\n".join(lines)


def _format_schedule(schedule: ScheduleStatus) -> Iterator[str]:
    symbols = "".join(OUTCOME_SYMBOLS[tick["outcome"]] for tick in schedule["ticks"])
    success = f"last done {schedule['last_done'] or 'never'}, next {schedule['next'] or schedule['when']}"
    yield f"{schedule['schedule']:<14}{symbols or '-'}  {success}"
    gaps = [tick for tick in schedule["ticks"] if tick["outcome"] == "gap"]
    if gaps:
        yield f"{'':<14}newest gap {gaps[-1]['due_at']}: {gaps[-1]['reason']}"


def _format_legend(schedules: Sequence[ScheduleStatus]) -> Iterator[str]:
    """Yield what the symbols that are shown mean."""
    outcomes = {tick["outcome"] for schedule in schedules for tick in schedule["ticks"]}
    shown = [f"{symbol} {outcome}" for outcome, symbol in OUTCOME_SYMBOLS.items() if outcome in outcomes]
    if shown:
        yield f"{'':<14}{', '.join(shown)}; oldest first"


def _format_megabytes(size: int) -> str:
    return f"{size / 2**20:,.0f} MB"
