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
from db.census.history import digest as census_digest
from db.connection import UNREADABLE, reading
from db.maintenance.files import SIDES, aside_of, newest_backup, writer
from db.maintenance.schema import blank, definitions
from db.migrate import APPLICATION_ID, pending
from db.store import digest

HOLDS, BROKEN, NOTE = "holds", "BROKEN", "note"
LARGE_WAL = 256 * 2**20
SHOWN = 3  # faults of one kind that are told; the others are counted

Faults = Iterator[str]


@dataclass(frozen=True, slots=True)
class Check:
    """What one question to the file gave; `verdict` is holds, BROKEN or note."""

    name: str
    verdict: str
    said: str


def check(path: Path) -> list[Check]:
    """Every question to the file, answered. Reads only, and never stops at what is broken.

    Raises:
        StoreError: the file cannot be opened as a store at all; with the commands that save what there is.
    """
    try:
        return look(path)
    except StoreError as error:
        if isinstance(error.__cause__, UNREADABLE):
            raise damaged(path, str(error.__cause__)) from error
        raise


def look(path: Path) -> list[Check]:
    """Return the answers to every question, with notes."""
    with reading(path) as connection:
        waiting = pending(Database(connection))
        found = [answer(name, connection) for name in (WITHOUT_SCHEMA if waiting else QUESTIONS) if name != "quick"]
        return found + _notes(connection, path, waiting)


def damaged(path: Path, why: str) -> StoreError:
    """The error that says how to save a damaged store: copy it aside, bring back the newest backup."""
    kept = [f"{path}{side}" for side in ("", *SIDES) if Path(f"{path}{side}").exists()]
    copies = [f"cp -p {shlex.quote(name)} {shlex.quote(aside_of(path, 'damaged', name))}" for name in kept]
    newest = newest_backup(path)
    bring = (
        f"observatory store restore {shlex.quote(str(newest)) if newest else 'BACKUP'} --db {shlex.quote(str(path))}"
    )
    advice = [*copies, bring]
    return StoreError(
        f"The store {path} is damaged.", why=f"{why}. Nothing was written to it.",
        fix="Copy it aside, then bring back " + ("the newest backup:" if newest else "a backup:")
        + "".join(f"\n         {line}" for line in advice),
    )  # fmt: skip


def answer(name: str, connection: sqlite3.Connection) -> Check:
    """Whatever a damaged file makes of a question, the answer is that something is broken."""
    ask, fine = QUESTIONS[name]
    try:
        faults = ask(connection)
        told = list(islice(faults, SHOWN))
        more = sum(1 for _ in faults)
    except (sqlite3.Error, ValueError, TypeError, LookupError) as error:
        return Check(name, BROKEN, str(error))
    if not told:
        return Check(name, HOLDS, fine)
    return Check(name, BROKEN, "; ".join(told) + (f"; and {more} more" if more else ""))


def _integrity(connection: sqlite3.Connection) -> Faults:
    yield from (row[0] for row in connection.execute("PRAGMA integrity_check") if row[0] != "ok")


def _quickly(connection: sqlite3.Connection) -> Faults:
    yield from (row[0] for row in connection.execute("PRAGMA quick_check") if row[0] != "ok")


def _references(connection: sqlite3.Connection) -> Faults:
    for table, row, parent, _ in connection.execute("PRAGMA foreign_key_check"):
        yield f"{table} row {row} names a {parent} that is not there"


def _schema(connection: sqlite3.Connection) -> Faults:
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        yield "the file does not say that it is a store"
    wanted, there = definitions(blank()), definitions(connection)
    yield from (f"{name} is missing" for name in wanted.keys() - there.keys())
    yield from (
        f"{name} is not what the migrations give"
        for name in wanted.keys() & there.keys()
        if wanted[name] != there[name]
    )


def _digests(connection: sqlite3.Connection) -> Faults:
    ended = connection.execute("SELECT snapshot_id, digest FROM snapshot WHERE status <> 'open' ORDER BY 1").fetchall()
    for number, said in ended:
        census = connection.execute("SELECT 1 FROM census WHERE snapshot_id = ?", (number,)).fetchone()
        if (census_digest if census else digest)(connection, number) != said:
            yield f"snapshot {number} does not hold what it held when it ended"


def _findings(connection: sqlite3.Connection) -> Faults:
    for row in connection.execute(
        "SELECT s.snapshot_id, total(f.outcome = 'pass') AS passed, total(f.outcome = 'fail') AS failed"
        " FROM snapshot s LEFT JOIN finding f USING (snapshot_id) WHERE s.status = 'complete'"
        " GROUP BY 1 HAVING passed = 0 OR failed > 0"
    ):
        yield f"snapshot {row[0]} is complete although its gate passed {row[1]:.0f} checks and failed {row[2]:.0f}"


def _pages(connection: sqlite3.Connection) -> Faults:
    for row in connection.execute(PAGES):
        number, status, depth, pages, last, kept, rejected, rows, deepest, rejects, places = row
        if kept != rows:
            yield f"snapshot {number} has {rows} ranks, its pages gave {kept}"
        if rejected != rejects:
            yield f"snapshot {number} has {rejects} rejects, its pages gave {rejected}"
        if status != "open" and depth not in (deepest, places):  # below the last rank there may be rejects
            yield f"snapshot {number} says it is {depth} deep, its last rank is {deepest}"
        if last != pages - 1:
            yield f"snapshot {number} has {pages} pages, the last of them is number {last}"


PAGES = """
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
QUESTIONS: Mapping[str, tuple[Callable[[sqlite3.Connection], Faults], str]] = {
    "quick": (_quickly, "every page of the file is sound"),
    "integrity": (_integrity, "every page and index of the file is sound"),
    "references": (_references, "every row that names another one finds it"),
    "schema": (_schema, "the schema is what the migrations give"),
    "digests": (_digests, "every ended snapshot holds what it held when it ended"),
    "findings": (_findings, "every complete snapshot passed its gate"),
    "pages": (_pages, "ranks, rejects and pages add up"),
}
WITHOUT_SCHEMA = ("quick", "integrity", "references")  # what can be asked of a store that waits for a migration


def _notes(connection: sqlite3.Connection, path: Path, waiting: list[str]) -> list[Check]:
    found = []
    if waiting:
        found.append(Check("migrations", NOTE, f"{', '.join(waiting)} pending; run `observatory store migrate`"))
    else:
        found += _open_snapshots(connection, path)
    if has_wal_reset_bug(sqlite3.sqlite_version_info):
        said = "may lose a commit when two programs write at once; let no other program write to this file"
        found.append(Check("SQLite", NOTE, f"{sqlite3.sqlite_version} {said}"))
    with suppress(OSError):
        size = os.stat(f"{path}-wal").st_size
        if size > LARGE_WAL:
            found.append(
                Check("write-ahead log", NOTE, f"{size / 2**20:,.0f} MB: a reader keeps it from being folded in")
            )
    return found


def _open_snapshots(connection: sqlite3.Connection, path: Path) -> list[Check]:
    (opened,) = connection.execute("SELECT count(*) FROM snapshot WHERE status = 'open'").fetchone()
    if not opened or (holder := writer(path)) is not None:
        return [Check("open snapshots", HOLDS, f"{opened} open, process {holder} is writing" if opened else "none")]
    return [
        Check(
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
