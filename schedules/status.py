"""How the daemon, its schedules and its store are: one look, as a document."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from db import StoreError
from db.cli import isoformat_utc
from db.connection import open_for_reading
from db.maintenance.check import LARGE_WAL
from db.maintenance.files import find_newest_backup, find_writer_process
from db.maintenance.migrations import migration_states
from db.ticks import Tick, load_schedule_state, newest_ticks, read_journal
from schedules.config import Schedule
from schedules.daemon import heartbeat_file

STALE_INTERVALS = 1.5  # intervals after which what was last seen is stale
MAX_TICKS = 30
EVENT_DAYS = 30
HEARTBEAT_TIMEOUT = 180  # seconds without a beat after which a daemon is taken for dead
Row = dict[str, object]

LATEST_COVERING = """
SELECT r.name AS registry, max(s.taken_at) AS taken_at, max(s.snapshot_id) AS snapshot
FROM snapshot s JOIN registry r ON r.registry_id = s.registry_id
WHERE s.status = 'complete' AND s.origin = 'crawl' AND s.kind = ? AND (s.k IS NULL OR s.k >= ?) GROUP BY r.name
"""
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


def read_status(store: Path, schedules: Mapping[str, Schedule], now: int | None = None) -> Row:
    """Everything there is to know, version 1. Reads only, and needs no daemon."""
    now = int(time.time()) if now is None else now
    known = load_schedule_state(store)
    document: Row = {
        "schema": 1, "now": isoformat_utc(now), "daemon": _daemon_status(store, now), "schedules": [], "registries": [],
        "events": [], "store": _store_status(store), "stale": [],
    }  # fmt: skip
    ticks: dict[str, list[Tick]] = {}
    covered: dict[str, int] = {}
    if store.exists():
        with open_for_reading(store) as connection:
            ticks = newest_ticks(connection, store, MAX_TICKS)
            document["registries"] = [_registry_status(row, now) for row in connection.execute(LATEST_COMPLETE)]
            document["events"] = [dict(row) for row in connection.execute(OPEN_EVENTS, (now - EVENT_DAYS * 86400,))]
            covered = {name: _last_covered_at(connection, schedule) for name, schedule in schedules.items()}
    document["schedules"] = [
        _schedule_status(one, ticks.get(name, []), known.decided_until.get(name), covered.get(name, 0), now)
        for name, one in sorted(schedules.items())
    ]
    document["stale"] = list(stale_reasons(document["schedules"], bool(known.decided_until)))
    return document


def stale_reasons(schedules: Iterable[Row], known: bool) -> Iterable[str]:
    """What has not been looked at for too long (pure)."""
    if not known:
        yield "no tick is on record: no daemon has run on this store"
    for row in schedules:
        if row["stale"]:
            age, usual = (timedelta(seconds=int(row[name])) for name in ("age_seconds", "interval_seconds"))
            yield f"{row['schedule']}: nothing for {age}, and due every {usual}"


def _daemon_status(store: Path, now: int) -> Row:
    pid = find_writer_process(Path(f"{os.path.realpath(store)}.daemon"))
    beat = int(heartbeat_file(store).stat().st_mtime) if heartbeat_file(store).exists() else None
    age = None if beat is None else max(0, int(time.time()) - beat)
    running = pid is not None and age is not None and age < HEARTBEAT_TIMEOUT
    return {"running": running, "pid": pid if running else None, "heartbeat_age_seconds": age}


def _schedule_status(schedule: Schedule, ticks: Sequence[Tick], since: int | None, covered: int, now: int) -> Row:
    """One schedule: when it was, how it went, when it is next, and whether that is too long ago (pure)."""
    following = schedule.when.next_after(now) if schedule.when else None
    interval = schedule.when.next_after(following) - following if schedule.when and following else None
    done = max([tick.ended_at or 0 for tick in ticks if tick.outcome == "done"], default=0)
    last = max(done, covered)
    began = last or (ticks[0].due_at if ticks else since)
    age = None if began is None else now - began
    late = age is not None and interval is not None and age > STALE_INTERVALS * interval
    return {
        "schedule": schedule.name, "run": schedule.run, "when": schedule.due_text,
        "next": isoformat_utc(following) if following else None, "interval_seconds": interval,
        "last_done": isoformat_utc(last) if last else None, "age_seconds": age, "stale": late,
        "ticks": [
            {"due_at": isoformat_utc(tick.due_at), "outcome": tick.outcome, "reason": tick.reason, "attempts": tick.attempts}
            for tick in ticks
        ],
    }  # fmt: skip


def _last_covered_at(connection: sqlite3.Connection, schedule: Schedule) -> int:
    """When the list that a schedule takes was last complete, whoever took it; 0: never, or it takes none."""
    words = schedule.arguments
    if words[:2] != ["crawl", "snapshot"]:
        return 0
    full = "--full" in words
    depth = 0 if full else int(words[words.index("--top") + 1]) if "--top" in words[:-1] else 1000
    found = {
        row["registry"]: row["taken_at"]
        for row in connection.execute(LATEST_COVERING, ("full" if full else "top", depth))
    }
    named = [word for word in words[2:] if word in found]
    return min((found[name] for name in named), default=0)


def _registry_status(row: sqlite3.Row, now: int) -> Row:
    return {
        "registry": row["registry"], "snapshot": row["snapshot"], "snapshots": row["snapshots"],
        "complete_at": isoformat_utc(row["taken_at"]), "age_seconds": now - row["taken_at"],
    }  # fmt: skip


def _store_status(store: Path) -> Row:
    """The file, its room, and what there is to say about its health."""
    wal = Path(f"{store}-wal")
    wal_bytes = wal.stat().st_size if wal.exists() else 0
    free = shutil.disk_usage(store.absolute().parent).free
    backup = find_newest_backup(store) if store.exists() else None
    notes: list[str] = []
    if wal_bytes > LARGE_WAL:
        notes.append("the write-ahead log is large: a reader keeps it from being folded in")
    waiting = [name for name, state in migration_states(store) if state == "pending"] if store.exists() else []
    if waiting:
        notes.append(f"migrations are pending: {', '.join(waiting)}")
    return {
        "file": str(store), "bytes": store.stat().st_size if store.exists() else 0, "wal_bytes": wal_bytes,
        "free_bytes": free, "journal_ticks": len(read_journal(store)), "writer": find_writer_process(store),
        "backup": str(backup) if backup else None,
        "backup_at": isoformat_utc(int(backup.stat().st_mtime)) if backup else None,
        "notes": notes,
    }  # fmt: skip


def status_or_error(store: Path, schedules: Mapping[str, Schedule]) -> tuple[Row | None, str]:
    """A look, or why the store cannot be looked at."""
    try:
        return read_status(store, schedules), ""
    except (StoreError, sqlite3.Error, OSError) as error:
        return None, str(error)


OUTCOME_SYMBOLS = {
    "done": "●",
    "partial": "◐",
    "failed": "✗",
    "interrupted": "◌",
    "gap": "○",
    "queued": "…",
    "started": "▶",
}


def format_status(status: Mapping[str, object]) -> str:
    """A look for a person."""
    daemon, store = _mapping(status["daemon"]), _mapping(status["store"])
    lines = [
        f"daemon     running, pid {daemon['pid']}, heard of {daemon['heartbeat_age_seconds']} s ago"
        if daemon["running"] else "daemon     not running"
    ]  # fmt: skip
    for row in _rows(status["schedules"]):
        signs = "".join(OUTCOME_SYMBOLS[str(tick["outcome"])] for tick in _rows(row["ticks"]))
        when = f"last done {row['last_done'] or 'never'}, next {row['next'] or row['when']}"
        lines.append(f"{row['schedule']:<14}{signs or '-'}  {when}")
        gaps = [tick for tick in _rows(row["ticks"]) if tick["outcome"] == "gap"]
        if gaps:
            lines.append(f"{'':<14}newest gap {gaps[-1]['due_at']}: {gaps[-1]['reason']}")
    lines += [
        f"registry   {row['registry']}: complete {row['complete_at']} (snapshot {row['snapshot']})"
        for row in _rows(status["registries"])
    ]
    lines += [
        f"quality    {row['registry']}: {row['count']} {row['kind']} ({row['severity']})"
        for row in _rows(status["events"])
    ]
    sizes = (
        _format_megabytes(store["bytes"]),
        _format_megabytes(store["wal_bytes"]),
        _format_megabytes(store["free_bytes"]),
    )
    lines.append(
        f"disk       {sizes[0]} used, {sizes[1]} of log, {sizes[2]} free; last backup {store['backup_at'] or 'none'}"
    )
    lines += [f"note       {note}" for note in _list(store["notes"])]
    lines += [f"stale      {said}" for said in _list(status["stale"])]
    return "\n".join(lines)


def _format_megabytes(size: object) -> str:
    return f"{int(str(size)) / 2**20:,.0f} MB"


def _mapping(of: object) -> Mapping[str, object]:
    assert isinstance(of, Mapping)
    return of


def _list(of: object) -> Sequence[object]:
    assert isinstance(of, list)
    return of


def _rows(of: object) -> Sequence[Mapping[str, object]]:
    return [_mapping(one) for one in _list(of)]
