"""Make a bundle: write its tables, tell what they are, look for what must not be in it, and then put it in place."""

from __future__ import annotations

import shutil
import sqlite3
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path

from analysis.exports.bundle_facts import Facts, Since, files, listed, refuse_unattributed
from analysis.exports.files import Written, keep_equal, put, replace_folder
from analysis.exports.leak_scan import refuse_private
from analysis.exports.manifest import MANIFEST, manifest, refuse_stranger
from analysis.exports.previous_bundle import Older, older, place_of
from analysis.exports.privacy import Redactions, known_names, pseudonymised, without
from analysis.exports.tables import Scope, Table, filled, tables
from db import UsageError

FORMATS = Path(__file__).parent / "formats"
ABOUT = Path(__file__).parent / "descriptors"


@dataclass(frozen=True)
class Wanted:
    """What a bundle is to hold, in which forms, and what is not to be seen in it."""

    scope: Scope
    formats: tuple[str, ...]
    leave: Redactions = field(default_factory=Redactions)
    key: bytes | None = None


@dataclass(frozen=True)
class Made:
    """What was made: the facts of it; how many of its files were there already, and of how many no row was read."""

    facts: Facts
    kept: int
    taken: int


def make(connection: sqlite3.Connection, wanted: Wanted, out: Path) -> Made:
    """Write a bundle beside `out` and put it in its place when it is whole; files with the same bytes stay.

    Raises:
        ObservatoryError: there is something else at `out`, or something that must not be in a bundle.
    """
    refuse_stranger(out)
    new = out.absolute().with_name(f".{out.absolute().name}.new")
    if new.exists():
        shutil.rmtree(new)
    new.mkdir(parents=True)
    try:
        there = older(out, connection, wanted.key is None and not (wanted.leave.names or wanted.leave.authors))
        facts, taken = _write(connection, wanted, new, there)
        kept = keep_equal(new, out) if out.exists() else 0
        replace_folder(new, out.absolute())
    finally:
        if new.exists():
            shutil.rmtree(new)
    return Made(facts, kept, taken)


def _write(connection: sqlite3.Connection, wanted: Wanted, new: Path, there: Older) -> tuple[Facts, int]:
    since = Since()
    found = tables(connection, wanted.scope)
    _refuse_unknown("format", wanted.formats, names(FORMATS))
    _refuse_unknown("table", wanted.scope.tables, [table.name for table in found])
    if wanted.leave.names or wanted.leave.authors:
        found = without(found, wanted.leave)
    if wanted.key is not None:
        found = pseudonymised(found, wanted.key, known_names(connection))
    found = since.over(filled(found, there.has))
    listing = listed(connection, wanted.scope, wanted.key is not None)
    written, taken = _files(wanted.formats, found, new, there, since, {one.number: one.date for one in listing})
    left_out: Counter[str] = Counter()
    for (table, _, _), rows in wanted.leave.left_out.items():
        left_out[table] += rows
    facts = Facts(
        tuple(found), files(new, written), listing, since.first,
        wanted.key is not None, len(wanted.leave.numbers), left_out, _schema_version(connection),
    )  # fmt: skip
    told = {
        name: content
        for module in names(ABOUT)
        for name, content in import_module(f"analysis.exports.descriptors.{module}").tell(facts).items()
    }
    refuse_unattributed(facts, told)
    for name, content in told.items():
        put(new / name, content)
    refuse_private(new, taken)
    put(new / MANIFEST, manifest(new, written, _told(facts)))
    return facts, len(taken)


def _files(
    forms: Sequence[str], tables: Sequence[Table], new: Path, there: Older, since: Since, days: Mapping[int, str]
) -> tuple[list[Written], set[Path]]:
    """Write every table in every form, or take over the file that is there; all files, and those taken over."""
    keys = {place_of("", table, part)[1:]: there.key(table, part) for table in tables for part in table.parts}
    written: list[Written] = []
    taken: set[Path] = set()
    for form in forms:
        left, found = there.split(form, tables, new)
        for one, columns in found:
            since.note(one, days[one.snapshot or 0], columns)
            taken.add(one.path)
        made = import_module(f"analysis.exports.formats.{form}").write(left, new)
        written += [*(one for one, _ in found), *made]
    return [
        replace(one, key=keys.get((one.table, one.registry, one.snapshot)), columns=since.values(one))
        for one in written
    ], taken


def names(folder: Path) -> list[str]:
    """The modules of a folder: being there is the registration."""
    return sorted(path.stem for path in folder.glob("[a-z]*.py"))


def _told(facts: Facts) -> Mapping[str, object]:
    return {
        "title": facts.title,
        "store_schema": facts.schema_version,
        "snapshots": [
            {"snapshot": one.number, "registry": one.registry, "date": one.date, "status": one.status,
             "digest": one.digest}
            for one in facts.snapshots
        ],
        "pseudonymised": facts.pseudonymised,
        "redacted": {"packages": facts.redacted, "rows": {name: n for name, n in facts.left_out.items() if n}},
    }  # fmt: skip


def _schema_version(connection: sqlite3.Connection) -> str:
    found = connection.execute("SELECT name FROM _sqlite_migrations ORDER BY name DESC LIMIT 1").fetchone()
    return str(int(found[0].split("_")[0]))


def _refuse_unknown(what: str, asked: Sequence[str], known: Collection[str]) -> None:
    for word in asked:
        if word not in known:
            raise UsageError(
                f"There is no {what} {word!r}.", fix=f"There are: {', '.join(sorted(known))}.", more="docs/exports.md"
            )
