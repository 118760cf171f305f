"""Whether the file is sound."""

from __future__ import annotations

import os
import shlex
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from sqlite_utils import Database

from db import StoreError
from db.census.history import compute_census_digest as census_digest
from db.connection import UNREADABLE_ERRORS, open_for_reading
from db.maintenance.files import SIDE_FILE_SUFFIXES, aside_name, find_newest_backup, find_writer_process
from db.maintenance.schema import create_blank, load_definitions
from db.migrate import APPLICATION_ID, pending_migrations
from db.store import compute_digest

HOLDS, BROKEN, NOTE = "holds", "BROKEN", "note"
LARGE_WAL = 256 * 2**20
MAX_SHOWN_FAULTS = 3  # faults of one kind that are told; the others are counted

Faults = Iterator[str]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What one question to the file gave; `verdict` is holds, BROKEN or note."""

    name: str
    verdict: str
    message: str


def check_store(path: Path) -> list[CheckResult]:
    """Every question to the file, answered. Reads only, and never stops at what is broken.

    Raises:
        StoreError: the file cannot be opened as a store at all; with the commands that save what there is.
    """
    try:
        return run_checks(path)
    except StoreError as error:
        if isinstance(error.__cause__, UNREADABLE_ERRORS):
            raise damaged_store_error(path, str(error.__cause__)) from error
        raise


def run_checks(path: Path) -> list[CheckResult]:
    """Return the answers to every question, with notes."""
    with open_for_reading(path) as connection:
        waiting = pending_migrations(Database(connection))
        found = [
            run_check(name, connection) for name in (CHECKS_WITHOUT_SCHEMA if waiting else CHECKS) if name != "quick"
        ]
        return found + _collect_notes(connection, path, waiting)


def damaged_store_error(path: Path, why: str) -> StoreError:
    """The error that says how to save a damaged store: copy it aside, bring back the newest backup."""
    kept = [f"{path}{side}" for side in ("", *SIDE_FILE_SUFFIXES) if Path(f"{path}{side}").exists()]
    copies = [f"cp -p {shlex.quote(name)} {shlex.quote(aside_name(path, 'damaged', name))}" for name in kept]
    newest = find_newest_backup(path)
    bring = (
        f"observatory store restore {shlex.quote(str(newest)) if newest else 'BACKUP'} --db {shlex.quote(str(path))}"
    )
    advice = [*copies, bring]
    return StoreError(
        f"The store {path} is damaged.", why=f"{why}. Nothing was written to it.",
        fix="Copy it aside, then bring back " + ("the newest backup:" if newest else "a backup:")
        + "".join(f"\n         {line}" for line in advice),
    )  # fmt: skip


def run_check(name: str, connection: sqlite3.Connection) -> CheckResult:
    """Whatever a damaged file makes of a question, the answer is that something is broken."""
    ask, fine = CHECKS[name]
    try:
        faults = ask(connection)
        told = list(islice(faults, MAX_SHOWN_FAULTS))
        more = sum(1 for _ in faults)
    except (sqlite3.Error, ValueError, TypeError, LookupError) as error:
        return CheckResult(name, BROKEN, str(error))
    if not told:
        return CheckResult(name, HOLDS, fine)
    return CheckResult(name, BROKEN, "; ".join(told) + (f"; and {more} more" if more else ""))


def _integrity_faults(connection: sqlite3.Connection) -> Faults:
    yield from (row[0] for row in connection.execute("PRAGMA integrity_check") if row[0] != "ok")


def _quick_faults(connection: sqlite3.Connection) -> Faults:
    yield from (row[0] for row in connection.execute("PRAGMA quick_check") if row[0] != "ok")


def _reference_faults(connection: sqlite3.Connection) -> Faults:
    for table, row, parent, _ in connection.execute("PRAGMA foreign_key_check"):
        yield f"{table} row {row} names a {parent} that is not there"


def _schema_faults(connection: sqlite3.Connection) -> Faults:
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        yield "the file does not say that it is a store"
    wanted, there = load_definitions(create_blank()), load_definitions(connection)
    yield from (f"{name} is missing" for name in wanted.keys() - there.keys())
    yield from (
        f"{name} is not what the migrations give"
        for name in wanted.keys() & there.keys()
        if wanted[name] != there[name]
    )


def _digest_faults(connection: sqlite3.Connection) -> Faults:
    ended = connection.execute("SELECT snapshot_id, digest FROM snapshot WHERE status <> 'open' ORDER BY 1").fetchall()
    for number, said in ended:
        census = connection.execute("SELECT 1 FROM census WHERE snapshot_id = ?", (number,)).fetchone()
        if (census_digest if census else compute_digest)(connection, number) != said:
            yield f"snapshot {number} does not hold what it held when it ended"


def _gate_faults(connection: sqlite3.Connection) -> Faults:
    for row in connection.execute(
        "SELECT s.snapshot_id, total(f.outcome = 'pass') AS passed, total(f.outcome = 'fail') AS failed"
        " FROM snapshot s LEFT JOIN gate_result f USING (snapshot_id) WHERE s.status = 'complete'"
        " GROUP BY 1 HAVING passed = 0 OR failed > 0"
    ):
        yield f"snapshot {row[0]} is complete although its gate passed {row[1]:.0f} checks and failed {row[2]:.0f}"


def _page_faults(connection: sqlite3.Connection) -> Faults:
    for row in connection.execute(PAGE_COUNTS):
        number, status, depth, pages, last, kept, rejected, rows, deepest, rejects, places = row
        if kept != rows:
            yield f"snapshot {number} has {rows} ranks, its pages gave {kept}"
        if rejected != rejects:
            yield f"snapshot {number} has {rejects} rejects, its pages gave {rejected}"
        if status != "open" and depth not in (deepest, places):  # below the last rank there may be rejects
            yield f"snapshot {number} says it is {depth} deep, its last rank is {deepest}"
        if last != pages - 1:
            yield f"snapshot {number} has {pages} pages, the last of them is number {last}"


PAGE_COUNTS = """
SELECT s.snapshot_id, s.status, s.depth, count(g.number), coalesce(max(g.number), -1),
       coalesce(sum(CASE WHEN g.role IN ('ranking', 'file') THEN g.kept END), 0), coalesce(sum(g.rejected), 0),
       (SELECT count(*) FROM ranking r WHERE r.snapshot_id = s.snapshot_id) + coalesce(
           (SELECT c.packages FROM census c WHERE c.snapshot_id = s.snapshot_id),
           (SELECT sum(g.kept) FROM page g JOIN census_page c USING (snapshot_id, number)
            WHERE g.snapshot_id = s.snapshot_id), 0),
       coalesce((SELECT s.depth FROM census c WHERE c.snapshot_id = s.snapshot_id),
                (SELECT coalesce(max(rank), 0) FROM ranking r WHERE r.snapshot_id = s.snapshot_id)),
       (SELECT count(*) FROM reject x WHERE x.snapshot_id = s.snapshot_id),
       min(coalesce(s.k, 0), coalesce(sum(CASE WHEN g.role IN ('ranking', 'file') THEN g.kept + g.rejected END), 0))
FROM snapshot s LEFT JOIN page g USING (snapshot_id) GROUP BY s.snapshot_id
"""
CHECKS: Mapping[str, tuple[Callable[[sqlite3.Connection], Faults], str]] = {
    "quick": (_quick_faults, "every page of the file is sound"),
    "integrity": (_integrity_faults, "every page and index of the file is sound"),
    "references": (_reference_faults, "every row that names another one finds it"),
    "schema": (_schema_faults, "the schema is what the migrations give"),
    "digests": (_digest_faults, "every ended snapshot holds what it held when it ended"),
    "findings": (_gate_faults, "every complete snapshot passed its gate"),
    "pages": (_page_faults, "ranks, rejects and pages add up"),
}
CHECKS_WITHOUT_SCHEMA = ("quick", "integrity", "references")  # what can be asked of a store that waits for a migration


def _collect_notes(connection: sqlite3.Connection, path: Path, waiting: list[str]) -> list[CheckResult]:
    found = []
    if waiting:
        found.append(CheckResult("migrations", NOTE, f"{', '.join(waiting)} pending; run `observatory store migrate`"))
    else:
        found += _check_open_snapshots(connection, path)
    if has_wal_reset_bug(sqlite3.sqlite_version_info):
        said = "may lose a commit when two programs write at once; let no other program write to this file"
        found.append(CheckResult("SQLite", NOTE, f"{sqlite3.sqlite_version} {said}"))
    with suppress(OSError):
        size = os.stat(f"{path}-wal").st_size
        if size > LARGE_WAL:
            found.append(
                CheckResult("write-ahead log", NOTE, f"{size / 2**20:,.0f} MB: a reader keeps it from being folded in")
            )
    return found


def _check_open_snapshots(connection: sqlite3.Connection, path: Path) -> list[CheckResult]:
    (opened,) = connection.execute("SELECT count(*) FROM snapshot WHERE status = 'open'").fetchone()
    if not opened or (holder := find_writer_process(path)) is not None:
        return [
            CheckResult("open snapshots", HOLDS, f"{opened} open, process {holder} is writing" if opened else "none")
        ]
    return [
        CheckResult(
            "open snapshots", NOTE, f"{opened} open and no process is writing; go on with `crawl snapshot … --resume`"
        )
    ]


def has_wal_reset_bug(version: tuple[int, ...]) -> bool:
    """Whether a SQLite may lose a commit when two connections write or checkpoint (sqlite.org/wal.html#walresetbug).

    >>> [has_wal_reset_bug(version) for version in [(3, 40, 1), (3, 44, 6), (3, 50, 6), (3, 50, 7), (3, 51, 3)]]
    [True, False, True, False, False]
    """
    mended_since = {(3, 44): 6, (3, 50): 7}
    return (3, 7, 0) <= version[:3] <= (3, 51, 2) and not version[2] >= mended_since.get(version[:2], 1000)
