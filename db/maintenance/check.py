"""Checks of the store: is everything in the file as it was written?"""

from __future__ import annotations

import shlex
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from db import StoreError
from db.connection import UNREADABLE_ERRORS, open_for_reading
from db.database import Database
from db.maintenance.files import aside_path, existing_files, find_newest_backup, find_writer_process
from db.maintenance.schema import load_definitions
from db.migrate import APPLICATION_ID, create_empty_store, pending_migrations
from db.store import compute_digest

HOLDS, BROKEN, NOTE = "holds", "BROKEN", "note"
LARGE_WAL = 256 * 2**20  # bytes
MAX_SHOWN_FAULTS = 3  # the faults of one check that are listed; the others are counted

Faults = Iterator[str]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of one check. `verdict` is holds, BROKEN or note."""

    name: str
    verdict: str
    message: str


def check_store(path: Path) -> list[CheckResult]:
    """Run every check, also after one has failed, and return their results. Nothing is written.

    Raises:
        StoreError: the file cannot be opened as a store. The error has the commands that save its content.
    """
    try:
        return run_checks(path)
    except StoreError as error:
        if isinstance(error.__cause__, UNREADABLE_ERRORS):
            raise damaged_store_error(path, str(error.__cause__)) from error
        raise


def run_checks(path: Path) -> list[CheckResult]:
    """Return the results of every check, and notes."""
    with open_for_reading(path) as connection:
        pending = pending_migrations(Database(connection))
        names = [name for name in (CHECKS_WITHOUT_SCHEMA if pending else CHECKS) if name != "quick"]
        return [run_check(name, connection) for name in names] + _collect_notes(connection, path, pending)


def damaged_store_error(path: Path, why: str) -> StoreError:
    """Return the error that says how to save a damaged store: copy it, then restore the newest backup."""
    files = existing_files(path)
    copies = [f"cp -p {_quote(file)} {_quote(aside_path(path, 'damaged', file))}" for file in files]
    newest = find_newest_backup(path)
    restore = f"observatory store restore {_quote(newest) if newest else 'BACKUP'} --db {_quote(path)}"
    return StoreError(
        f"The store {path} is damaged.",
        why=f"{why}. Nothing was written to it.",
        fix=f"Copy it, then restore {'the newest' if newest else 'a'} backup:"
        + "".join(f"\n         {command}" for command in [*copies, restore]),
    )


def _quote(path: Path) -> str:
    return shlex.quote(str(path))


def run_check(name: str, connection: sqlite3.Connection) -> CheckResult:
    """Return the result of one check. Any error that a damaged file causes counts as broken."""
    find_faults, success = CHECKS[name]
    try:
        faults = find_faults(connection)
        first_faults = list(islice(faults, MAX_SHOWN_FAULTS))
        remaining = sum(1 for _ in faults)
    except (sqlite3.Error, ValueError, TypeError, LookupError) as error:
        return CheckResult(name, BROKEN, str(error))
    if not first_faults:
        return CheckResult(name, HOLDS, success)
    return CheckResult(name, BROKEN, "; ".join(first_faults) + (f"; and {remaining} more" if remaining else ""))


def _integrity_faults(connection: sqlite3.Connection) -> Faults:
    yield from (row[0] for row in connection.execute("PRAGMA integrity_check") if row[0] != "ok")


def _quick_faults(connection: sqlite3.Connection) -> Faults:
    yield from (row[0] for row in connection.execute("PRAGMA quick_check") if row[0] != "ok")


def _reference_faults(connection: sqlite3.Connection) -> Faults:
    for table, row, parent, _ in connection.execute("PRAGMA foreign_key_check"):
        yield f"{table} row {row} refers to a missing {parent}"


def _schema_faults(connection: sqlite3.Connection) -> Faults:
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        yield "the file has not the application id of a store"
    expected, actual = load_definitions(create_empty_store()), load_definitions(connection)
    yield from (f"{name} is missing" for name in expected.keys() - actual.keys())
    for name in expected.keys() & actual.keys():
        if expected[name] != actual[name]:
            yield f"{name} differs from the migrations"


def _digest_faults(connection: sqlite3.Connection) -> Faults:
    from db.census.history import compute_census_digest, is_census  # with numpy, which takes longer than a status

    rows = connection.execute("SELECT snapshot_id, digest FROM snapshot WHERE status <> 'open' ORDER BY 1").fetchall()
    for snapshot, stored_digest in rows:
        compute = compute_census_digest if is_census(connection, snapshot) else compute_digest
        if compute(connection, snapshot) != stored_digest:
            yield f"snapshot {snapshot} differs from what it was when it ended"


def _gate_faults(connection: sqlite3.Connection) -> Faults:
    for row in connection.execute(
        "SELECT s.snapshot_id, total(f.outcome = 'pass') AS passed, total(f.outcome = 'fail') AS failed"
        " FROM snapshot s LEFT JOIN gate_result f USING (snapshot_id) WHERE s.status = 'complete'"
        " GROUP BY 1 HAVING passed = 0 OR failed > 0"
    ):
        yield f"snapshot {row[0]} is complete although its gate passed {row[1]:.0f} checks and failed {row[2]:.0f}"


def _page_faults(connection: sqlite3.Connection) -> Faults:
    for row in connection.execute(PAGE_COUNTS):
        snapshot, status, depth, pages, last_page, page_rows, page_rejects, ranks, last_rank, rejects, max_depth = row
        if page_rows != ranks:
            yield f"snapshot {snapshot} has {ranks} ranks, but its pages have {page_rows}"
        if page_rejects != rejects:
            yield f"snapshot {snapshot} has {rejects} rejects, but its pages have {page_rejects}"
        if status != "open" and depth not in (last_rank, max_depth):  # rejects may follow the last rank
            yield f"snapshot {snapshot} has depth {depth}, but its last rank is {last_rank}"
        if last_page != pages - 1:
            yield f"snapshot {snapshot} has {pages} pages, but its last page is number {last_page}"


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
    "quick": (_quick_faults, "every page of the file is valid"),
    "integrity": (_integrity_faults, "every page and index of the file is valid"),
    "references": (_reference_faults, "every row that another row refers to exists"),
    "schema": (_schema_faults, "the schema equals the migrations"),
    "digests": (_digest_faults, "every ended snapshot is what it was when it ended"),
    "findings": (_gate_faults, "every complete snapshot passed its gate"),
    "pages": (_page_faults, "ranks, rejects and pages agree"),
}
CHECKS_WITHOUT_SCHEMA = ("quick", "integrity", "references")  # for a store with pending migrations


def _collect_notes(connection: sqlite3.Connection, path: Path, pending: list[str]) -> list[CheckResult]:
    if pending:
        notes = [CheckResult("migrations", NOTE, f"{', '.join(pending)} pending; run `observatory store migrate`")]
    else:
        notes = [_check_open_snapshots(connection, path)]
    if has_wal_reset_bug(sqlite3.sqlite_version_info):
        message = "may lose a commit when two programs write at once; let no other program write to this file"
        notes.append(CheckResult("SQLite", NOTE, f"{sqlite3.sqlite_version} {message}"))
    with suppress(OSError):
        size = Path(f"{path}-wal").stat().st_size
        if size > LARGE_WAL:
            message = f"{size / 2**20:,.0f} MB: a reader prevents a checkpoint"
            notes.append(CheckResult("write-ahead log", NOTE, message))
    return notes


def _check_open_snapshots(connection: sqlite3.Connection, path: Path) -> CheckResult:
    (count,) = connection.execute("SELECT count(*) FROM snapshot WHERE status = 'open'").fetchone()
    if not count:
        return CheckResult("open snapshots", HOLDS, "none")
    process = find_writer_process(path)
    if process is not None:
        return CheckResult("open snapshots", HOLDS, f"{count} open, process {process} is writing")
    message = f"{count} open, but no process is writing; resume with `crawl snapshot … --resume`"
    return CheckResult("open snapshots", NOTE, message)


def has_wal_reset_bug(version: tuple[int, int, int]) -> bool:
    """Return whether a SQLite may lose a commit when two connections write or checkpoint.

    See sqlite.org/wal.html#walresetbug.

    >>> [has_wal_reset_bug(version) for version in [(3, 40, 1), (3, 44, 6), (3, 50, 6), (3, 50, 7), (3, 51, 3)]]
    [True, False, True, False, False]
    """
    major, minor, patch = version
    fixed_patches = {(3, 44): 6, (3, 50): 7}
    is_affected = (3, 7, 0) <= version <= (3, 51, 2)
    return is_affected and patch < fixed_patches.get((major, minor), 1000)
