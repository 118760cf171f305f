"""What is left out of a bundle, and what is given another name: before any row reaches a format.

A column is of a class: `name` says who or what something is, `text` is free and may quote names, `hash` tells whether a
guess of names is right. The stable views say it in `db/dictionary.toml`, the tables of the lake here.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from analysis.exports.tables import Batch, Part, Row, Table, in_batches
from db import ObservatoryError, UsageError
from db.redactions import WITHHELD, Entry, meant

OF_THE_LAKE: Mapping[str, Mapping[str, str]] = {
    "alias": {"name": "name"},
    "attribute": {"value": "text"},
    "card_revision": {"sha": "hash"},
    "finding": {"measured": "text"},
    "lineage_edge": {"parent_name": "name"},
    "package": {"stable_id": "name", "name": "name", "sha": "hash"},
    "quality_event": {"before": "text", "after": "text", "evidence": "text"},
    "result": {"name": "text", "note": "text"},
    "snapshot": {"source": "text", "evidence": "text", "reason": "text", "file_sha256": "hash", "digest": "hash"},
}
NUMBERS = ("package_id", "child_id", "parent_id")
WORD = re.compile(r"[^\s\"'\[\]{}(),:;=|]+")
Cell = Callable[[object], object]


class BadKey(ObservatoryError):
    """There is no key to make pseudonyms with, or it is too short to keep them."""


@dataclass(frozen=True)
class Redactions:
    """What is left out: packages by their number, their names and ids, and all of an author's."""

    numbers: frozenset[int] = frozenset()
    names: frozenset[str] = frozenset()
    authors: tuple[str, ...] = ()
    left_out: dict[tuple[str, str | None, int | None], int] = field(default_factory=dict)

    def names_one(self, value: object) -> bool:
        """Whether a name or an id is of what is left out."""
        text = str(value).removeprefix("name:")
        return value in self.names or text in self.names or text.startswith(self.authors)

    def quotes_one(self, text: str) -> bool:
        """Whether a text quotes one."""
        words = set(WORD.findall(text))
        return any(word.startswith(self.authors) for word in words) or any(
            name in text if _stands_out(name) else name in words for name in self.names
        )


def redactions(entries: Sequence[Entry], connection: sqlite3.Connection) -> Redactions:
    """What entries say is to be left out, with every other name of the same packages."""
    numbers, names = meant(connection, entries)
    return Redactions(numbers, names, tuple(f"{value}/" for kind, value in entries if kind == "author"))


def without(tables: Sequence[Table], leave: Redactions) -> list[Table]:
    """The tables without the rows of what is left out; a text that quotes it is withheld."""
    return [_each(table, partial(_kept, table, leave=leave)) for table in tables]


def pseudonymised(tables: Sequence[Table], key: bytes, known: Collection[str]) -> list[Table]:
    """The tables with pseudonyms; a text that may quote a name is withheld, a hash that may confirm one is left out."""
    odd = tuple(name for name in known if WORD.fullmatch(name) is None)
    cells: Mapping[str, Cell] = {
        "name": lambda value: pseudonym(str(value), key) if value is not None else None,
        "text": lambda value: WITHHELD if isinstance(value, str) and _may_quote(value, known, odd) else value,
        "hash": lambda value: None,
    }
    return [_each(table, partial(_renamed, table, cells=cells)) for table in tables]


def pseudonym(name: str, key: bytes) -> str:
    """What a name is called under a key: the author and the whole name each have their own pseudonym.

    >>> one, other = pseudonym("a/b", b"k" * 32), pseudonym("a/c", b"k" * 32)
    >>> one.split("/")[0] == other.split("/")[0], one == other, one == pseudonym("a/b", b"x" * 32)
    (True, False, False)
    >>> pseudonym("name:a/b", b"k" * 32) == "name:" + one
    True
    """
    kind, name = ("name:", name[5:]) if name.startswith("name:") else ("", name)
    author, slash, _ = name.partition("/")
    return f"{kind}{_code('u', author, key)}/{_code('p', name, key)}" if slash else f"{kind}{_code('p', name, key)}"


def key_of(path: Path | None, variable: str | None) -> bytes:
    """The key, from a file or from what the environment says.

    Raises:
        BadKey: there is none, or it is shorter than 16 bytes.
    """
    try:
        key = path.read_bytes().strip() if path else (variable or "").encode("utf-8")
    except OSError as error:
        raise BadKey(f"The key cannot be read: {error}.", fix="Name another file with --key.") from error
    if len(key) < 16:
        raise BadKey(
            "There is no key for pseudonyms." if not key else "The key for pseudonyms is shorter than 16 bytes.",
            why="Whoever can guess the key can tell who is who.",
            fix="Keep one in a file: head -c 32 /dev/urandom | base64 > pseudonyms.key; then say --key pseudonyms.key.",
            more="docs/exports.md",
        )
    return key


def known_names(connection: sqlite3.Connection) -> frozenset[str]:
    """Every name of a package, and every author's, that the store has."""
    found = connection.execute("SELECT name FROM alias UNION SELECT stable_id FROM package").fetchall()
    names = {str(name) for (name,) in found}
    return frozenset(names | {name.partition("/")[0] for name in names if "/" in name})


def classes(table: Table) -> Mapping[str, str]:
    """The class of each column that has one."""
    if table.lake:
        return OF_THE_LAKE.get(table.name, {})
    from db.__main__ import dictionary

    (told,) = [view["column"] for view in dictionary() if view["name"] == table.name]
    return {str(column["name"]): str(column["personal"]) for column in told if "personal" in column}


def _each(table: Table, changed: Callable[[Part], Part]) -> Table:
    return replace(table, parts=tuple(changed(part) for part in table.parts))


def _kept(table: Table, part: Part, leave: Redactions) -> Part:
    if part.batches is not None:
        return _kept_in_batches(table, part, leave)
    known = classes(table)
    names = [place for place, column in enumerate(table.columns) if known.get(column.name) == "name"]
    texts = [place for place, column in enumerate(table.columns) if known.get(column.name) == "text"]
    numbers = [place for place, column in enumerate(table.columns) if column.name in NUMBERS]

    def rows() -> Iterator[Row]:
        dropped = 0
        for row in part.rows():
            if any(row[place] in leave.numbers for place in numbers) or any(
                row[place] is not None and leave.names_one(row[place]) for place in names
            ):
                dropped += 1
                continue
            quoting = [place for place in texts if isinstance(row[place], str) and leave.quotes_one(str(row[place]))]
            yield tuple(WITHHELD if place in quoting else cell for place, cell in enumerate(row)) if quoting else row
        leave.left_out[table.name, part.registry, part.snapshot] = dropped

    return replace(part, rows=rows)


def _kept_in_batches(table: Table, part: Part, leave: Redactions) -> Part:
    from numpy import isin, logical_or

    numbers = [place for place, column in enumerate(table.columns) if column.name in NUMBERS]
    hidden = list(leave.numbers)

    def batches() -> Iterator[Batch]:
        dropped = 0
        for batch in part.batches():
            left = logical_or.reduce([isin(batch[place], hidden) for place in numbers])
            dropped += int(left.sum())
            yield tuple(column[~left] for column in batch)
        leave.left_out[table.name, part.registry, part.snapshot] = dropped

    return in_batches(part.registry, part.snapshot, batches, part.key)


def _renamed(table: Table, part: Part, cells: Mapping[str, Cell]) -> Part:
    if part.batches is not None:
        return part  # numbers are nobody's name
    known = classes(table)
    changed = [cells.get(known.get(column.name, "")) for column in table.columns]

    def rows() -> Iterator[Row]:
        for row in part.rows():
            yield tuple(change(value) if change else value for change, value in zip(changed, row, strict=True))

    return replace(part, rows=rows)


def _may_quote(text: str, known: Collection[str], odd: Sequence[str]) -> bool:
    return (
        "/" in text or "@" in text or any(word in known for word in WORD.findall(text)) or any(n in text for n in odd)
    )


def _stands_out(name: str) -> bool:
    """Whether a name is long or odd enough not to be found by chance inside of other words."""
    return len(name) >= 6 or not name.isalnum()


def _code(kind: str, text: str, key: bytes) -> str:
    return f"{kind}-{hmac.new(key, f'{kind}:{text}'.encode(), hashlib.sha256).hexdigest()[:16]}"


def refuse_key_without_need(pseudonymise: bool, key: Path | None) -> None:
    """Refuse a key that is given and not used.

    Raises:
        UsageError: --key without --pseudonymise.
    """
    if key and not pseudonymise:
        raise UsageError("--key is for pseudonyms.", fix="Say --pseudonymise too.", more="docs/exports.md")
