"""Care for the file itself: is it sound, copy it, bring a copy back, say what is in it."""

from __future__ import annotations

import os
import shlex
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, count, islice
from pathlib import Path

from sqlite_utils import Database

from db import StoreError
from db.connection import UNREADABLE, lock_path, reading, refuse_network, writers_lock, writing
from db.migrate import APPLICATION_ID, FOLDER, migrate, pending
from db.store import digest

HOLDS, BROKEN, NOTE = "holds", "BROKEN", "note"
SIDES = ("-wal", "-shm", "-journal")
LARGE_WAL = 256 * 2**20
SET_ASIDE = (".before-restore-", ".damaged", ".partial")
SHOWN = 3  # faults of one kind that are told; the others are counted
OURS = " NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND tbl_name <> '_sqlite_migrations'"

Faults = Iterator[str]


@dataclass(frozen=True, slots=True)
class Check:
    """What one question to the file gave; `verdict` is holds, BROKEN or note."""

    name: str
    verdict: str
    said: str


def states(path: Path) -> list[tuple[str, str]]:
    """Every migration with its state, applied or pending. Reads only."""
    names = [file.stem for file in sorted(FOLDER.glob("*.sql"))]
    if not path.exists() or not path.stat().st_size:
        waiting = names
    else:
        with reading(path) as connection:
            waiting = pending(Database(connection))
    return [(name, "pending" if name in waiting else "applied") for name in names]


def bring_up_to_date(path: Path) -> list[str]:
    """Apply the pending migrations under the writer's lock; their names."""
    waiting = [name for name, state in states(path) if state == "pending"]
    with writing(path):
        return waiting


def check(path: Path) -> list[Check]:
    """Every question to the file, answered. Reads only, and never stops at what is broken.

    Raises:
        StoreError: the file cannot be opened as a store at all; with the commands that save what there is.
    """
    try:
        return _look(path)
    except StoreError as error:
        if isinstance(error.__cause__, UNREADABLE):
            raise damaged(path, str(error.__cause__)) from error
        raise


def _look(path: Path) -> list[Check]:
    with reading(path) as connection:
        waiting = pending(Database(connection))
        found = [_answer(name, connection) for name in (WITHOUT_SCHEMA if waiting else QUESTIONS) if name != "quick"]
        return found + _notes(connection, path, waiting)


def damaged(path: Path, why: str) -> StoreError:
    """The error that says how to save a damaged store: copy it aside, bring back the newest backup."""
    kept = [f"{path}{side}" for side in ("", *SIDES) if Path(f"{path}{side}").exists()]
    copies = [f"cp -p {shlex.quote(name)} {shlex.quote(_aside_of(path, 'damaged', name))}" for name in kept]
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


def newest_backup(path: Path) -> Path | None:
    """The newest other store in the folder that is called after this one and that nobody has written to.

    A backup has no lock beside it.
    """
    named = (one for one in path.absolute().parent.iterdir() if one.name.startswith(path.stem) or "backup" in one.name)
    files = [one for one in named if one.is_file() and not one.samefile(path)]
    others = [one for one in files if not any(mark in one.name for mark in SET_ASIDE) and _is_backup(one)]
    return max(others, key=lambda one: one.stat().st_mtime, default=None)


def _is_backup(path: Path) -> bool:
    if lock_path(path).exists():
        return False
    try:
        with path.open("rb") as file:
            head = file.read(72)
    except OSError:
        return False
    return head[:16] == b"SQLite format 3\x00" and head[68:72] == APPLICATION_ID.to_bytes(4, "big")


def _answer(name: str, connection: sqlite3.Connection) -> Check:
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
    wanted, there = _definitions(_blank()), _definitions(connection)
    yield from (f"{name} is missing" for name in wanted.keys() - there.keys())
    yield from (
        f"{name} is not what the migrations give"
        for name in wanted.keys() & there.keys()
        if wanted[name] != there[name]
    )


def _digests(connection: sqlite3.Connection) -> Faults:
    ended = connection.execute("SELECT snapshot_id, digest FROM snapshot WHERE status <> 'open' ORDER BY 1").fetchall()
    for number, said in ended:
        if digest(connection, number) != said:
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


def writer(path: Path) -> int | None:
    """The process that holds the writer's lock, or held it last and still lives.

    The lock itself is not tried: a crawl that begins in that very moment would be refused.
    """
    try:
        holder = int(lock_path(path).read_text("ascii"))
        os.kill(holder, 0)
    except PermissionError:
        return holder
    except (OSError, ValueError, OverflowError):
        return None
    return holder


def has_wal_reset_bug(version: tuple[int, ...]) -> bool:
    """Whether a SQLite may lose a commit when two connections write or checkpoint (sqlite.org/wal.html#walresetbug).

    >>> [has_wal_reset_bug(version) for version in [(3, 40, 1), (3, 44, 6), (3, 50, 6), (3, 50, 7), (3, 51, 3)]]
    [True, False, True, False, False]
    """
    mended_since = {(3, 44): 6, (3, 50): 7}
    return (3, 7, 0) <= version[:3] <= (3, 51, 2) and not version[2] >= mended_since.get(version[:2], 1000)


def back_up(path: Path, out: Path, force: bool = False) -> int:
    """Copy the store while others may write to it; the size of the copy. It is checked before it gets its name.

    Raises:
        StoreError: OUT exists, or the copy is not sound.
    """
    _refuse_as_copy(path, out, force)
    with _copied(path, out, "delete") as partial:
        os.replace(partial, out)
        _flush(out.absolute().parent)
    return out.stat().st_size


def _refuse_as_copy(path: Path, out: Path, force: bool) -> None:
    living = [f"{out}{side}" for side in SIDES if Path(f"{out}{side}").exists()]
    if out.exists() and path.exists() and out.samefile(path):
        raise StoreError(f"{out} is the store itself.", why="A backup is another file.", fix="Name another file.")
    if out.is_dir() or living:
        why = "It is a folder." if out.is_dir() else f"{living[0]} belongs to a store in use."
        raise StoreError(f"{out} cannot become a backup.", why, "Name another file.")
    if out.exists() and not force:
        why = "A backup is not overwritten unasked."
        raise StoreError(f"{out} exists already.", why, "Name another file, or use --force.")


@contextmanager
def _copied(source: Path, to: Path, journal: str, force: bool = False) -> Iterator[Path]:
    """A sound, flushed copy beside the place it is meant for; it is gone when the block ends, unless it was moved.

    A backup is kept without a write-ahead log, so that it is one file and can be read where nothing can be written.
    """
    partial = to.with_name(f"{to.name}.{os.getpid()}.partial")
    try:
        with reading(source) as connection, closing(sqlite3.connect(partial, isolation_level=None)) as copy:
            connection.backup(copy)
            copy.execute(f"PRAGMA journal_mode = {journal}").fetchone()
            asked = ("quick",) if pending(Database(copy)) else ("quick", "digests")
            broken = [one.said for one in (_answer(name, copy) for name in asked) if one.verdict == BROKEN]
        if broken and not force:
            raise StoreError(
                f"The copy of {source} is not sound, and was not kept.",
                why="; ".join(broken),
                fix=f"Look at it with `observatory store check --db {shlex.quote(str(source))}`.",
            )
        _flush(partial)
        yield partial
    except (OSError, sqlite3.Error) as error:
        raise StoreError(
            f"{source} could not be copied to {to}: {error}.",
            why="The disk is full, the folder is missing, or it may not be written to.",
            fix="Make room or name another place; nothing was changed.",
        ) from error
    finally:
        for side in ("", *SIDES):
            Path(f"{partial}{side}").unlink(missing_ok=True)


def restore(backup: Path, path: Path, now: datetime, force: bool = False) -> Path | None:
    """Put a backup in the place of the store; where the store that was there is now.

    What was there gets a second name before its first one is taken away, so that no moment of a power cut loses it.

    Raises:
        StoreError: the backup is not sound (unless `force`), or is the store itself.
        StoreBusy: another process is writing to the store.
    """
    refuse_network(path)
    if backup.exists() and path.exists() and backup.samefile(path):
        raise StoreError(f"{backup} is the store itself.", why="A backup is another file.", fix="Name another file.")
    broken = [f"{one.name}: {one.said}" for one in _look(backup) if one.verdict == BROKEN]
    if broken and not force:
        raise StoreError(f"{backup} is not sound; nothing was changed.", why="; ".join(broken),
                         fix="Take another backup, or use --force if this is the best there is.")  # fmt: skip
    with writers_lock(path), _copied(backup, path, "wal", force) as partial:
        aside = _set_aside(path, now)
        os.replace(partial, path)
        _flush(path.absolute().parent)
    return aside


def _set_aside(path: Path, now: datetime) -> Path | None:
    there = [f"{path}{side}" for side in ("", *SIDES) if Path(f"{path}{side}").exists()]
    if not there:
        return None
    stamp = now.strftime("before-restore-%Y%m%dT%H%M%SZ")
    tags = chain([stamp], (f"{stamp}-{number}" for number in count(2)))
    tag = next(tag for tag in tags if not any(Path(_aside_of(path, tag, name)).exists() for name in there))
    for name in there:
        try:
            os.link(name, _aside_of(path, tag, name))
        except OSError:  # a file system without second names
            shutil.copy2(name, _aside_of(path, tag, name))
    _flush(path.absolute().parent)
    for name in there:
        if name != str(path):  # a log left behind would be played into the file that comes
            os.unlink(name)
    return Path(f"{path}.{tag}")


def _aside_of(path: Path, tag: str, name: str) -> str:
    """The name beside the store for one of its files: `observatory.db-wal` becomes `observatory.db.TAG-wal`."""
    return f"{path}.{tag}{name.removeprefix(str(path))}"


def _flush(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _blank() -> sqlite3.Connection:
    database = Database(memory=True)
    migrate(database)
    return database.conn


def _definitions(connection: sqlite3.Connection) -> dict[str, str]:
    rows = connection.execute(
        f"SELECT type || ' ' || name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name {OURS} ORDER BY rowid"
    )
    return dict(iter(rows))


def schema() -> dict[str, str]:
    """The SQL of every table, index, trigger and view by its kind and name, in the order in which they are made."""
    return _definitions(_blank())
