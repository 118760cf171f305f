"""Make a bundle: write its tables, tell what they are, look for what must not be in it, and then put it in place."""

from __future__ import annotations

import shutil
import sqlite3
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

from analysis.exports.facts import Facts, Since, files, listed, refuse_unattributed
from analysis.exports.files import keep_equal, put, replace_folder
from analysis.exports.manifest import MANIFEST, manifest, refuse_stranger
from analysis.exports.privacy import Redactions, known_names, pseudonymised, without
from analysis.exports.scan import refuse_private
from analysis.exports.tables import Scope, filled, tables
from db import UsageError

FORMATS = Path(__file__).parent / "formats"
ABOUT = Path(__file__).parent / "about"


@dataclass(frozen=True)
class Wanted:
    """What a bundle is to hold, in which forms, and what is not to be seen in it."""

    scope: Scope
    formats: tuple[str, ...]
    leave: Redactions = field(default_factory=Redactions)
    key: bytes | None = None


@dataclass(frozen=True)
class Made:
    """What was made: the facts of it, and how many of its files were there already."""

    facts: Facts
    kept: int


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
        facts = _write(connection, wanted, new)
        kept = keep_equal(new, out) if out.exists() else 0
        replace_folder(new, out.absolute())
    finally:
        if new.exists():
            shutil.rmtree(new)
    return Made(facts, kept)


def _write(connection: sqlite3.Connection, wanted: Wanted, new: Path) -> Facts:
    since = Since()
    found = tables(connection, wanted.scope)
    _refuse_unknown("format", wanted.formats, names(FORMATS))
    _refuse_unknown("table", wanted.scope.tables, [table.name for table in found])
    if wanted.leave.names or wanted.leave.authors:
        found = without(found, wanted.leave)
    if wanted.key is not None:
        found = pseudonymised(found, wanted.key, known_names(connection))
    found = since.over(filled(found))
    written = [
        one for name in wanted.formats for one in import_module(f"analysis.exports.formats.{name}").write(found, new)
    ]
    left_out: Counter[str] = Counter()
    for (table, _, _), rows in wanted.leave.left_out.items():
        left_out[table] += rows
    facts = Facts(
        tuple(found), files(new, written), listed(connection, wanted.scope, wanted.key is not None), since.first,
        wanted.key is not None, len(wanted.leave.numbers), left_out, _schema_version(connection),
    )  # fmt: skip
    told = {
        name: content
        for module in names(ABOUT)
        for name, content in import_module(f"analysis.exports.about.{module}").tell(facts).items()
    }
    refuse_unattributed(facts, told)
    for name, content in told.items():
        put(new / name, content)
    refuse_private(new)
    put(new / MANIFEST, manifest(new, written, _told(facts)))
    return facts


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
