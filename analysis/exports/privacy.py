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

from analysis.exports.tables import Batch, Part, Row, Table, make_batched_part
from db import ObservatoryError, UsageError
from db.redactions import WITHHELD, RedactionEntry, matching_packages

LAKE_PERSONAL_CLASSES: Mapping[str, Mapping[str, str]] = {
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
PACKAGE_ID_COLUMNS = ("package_id", "child_id", "parent_id")
WORD_PATTERN = re.compile(r"[^\s\"'\[\]{}(),:;=|]+")
CellTransform = Callable[[object], object]


class InvalidKeyError(ObservatoryError):
    """There is no key to make pseudonyms with, or it is too short to keep them."""


@dataclass(frozen=True)
class Redactions:
    """What is left out: packages by their number, their names and ids, and all of an author's."""

    package_ids: frozenset[int] = frozenset()
    names: frozenset[str] = frozenset()
    author_prefixes: tuple[str, ...] = ()
    row_counts: dict[tuple[str, str | None, int | None], int] = field(default_factory=dict)

    def is_redacted_name(self, value: object) -> bool:
        """Whether a name or an id is of what is left out."""
        text = str(value).removeprefix("name:")
        return value in self.names or text in self.names or text.startswith(self.author_prefixes)

    def is_quoted_in(self, text: str) -> bool:
        """Whether a text quotes one."""
        words = set(WORD_PATTERN.findall(text))
        return any(word.startswith(self.author_prefixes) for word in words) or any(
            name in text if _is_distinctive(name) else name in words for name in self.names
        )


def expand_redactions(entries: Sequence[RedactionEntry], connection: sqlite3.Connection) -> Redactions:
    """What entries say is to be left out, with every other name of the same packages."""
    numbers, names = matching_packages(connection, entries)
    return Redactions(numbers, names, tuple(f"{value}/" for kind, value in entries if kind == "author"))


def redact_tables(tables: Sequence[Table], redactions: Redactions) -> list[Table]:
    """The tables without the rows of what is left out; a text that quotes it is withheld."""
    return [_map_parts(table, partial(_redact_part, table, redactions=redactions)) for table in tables]


def pseudonymise_tables(tables: Sequence[Table], key: bytes, known_names: Collection[str]) -> list[Table]:
    """The tables with pseudonyms; a text that may quote a name is withheld, a hash that may confirm one is left out."""
    odd = tuple(name for name in known_names if WORD_PATTERN.fullmatch(name) is None)
    cells: Mapping[str, CellTransform] = {
        "name": lambda value: make_pseudonym(str(value), key) if value is not None else None,
        "text": lambda value: (
            WITHHELD if isinstance(value, str) and _has_possible_name(value, known_names, odd) else value
        ),
        "hash": lambda value: None,
    }
    return [_map_parts(table, partial(_transform_part, table, transforms=cells)) for table in tables]


def make_pseudonym(name: str, key: bytes) -> str:
    """What a name is called under a key: the author and the whole name each have their own pseudonym.

    >>> one, other = make_pseudonym("a/b", b"k" * 32), make_pseudonym("a/c", b"k" * 32)
    >>> one.split("/")[0] == other.split("/")[0], one == other, one == make_pseudonym("a/b", b"x" * 32)
    (True, False, False)
    >>> make_pseudonym("name:a/b", b"k" * 32) == "name:" + one
    True
    """
    kind, name = ("name:", name[5:]) if name.startswith("name:") else ("", name)
    author, slash, _ = name.partition("/")
    return (
        f"{kind}{_hash_name('u', author, key)}/{_hash_name('p', name, key)}"
        if slash
        else f"{kind}{_hash_name('p', name, key)}"
    )


def load_key(path: Path | None, variable_value: str | None) -> bytes:
    """The key, from a file or from what the environment says.

    Raises:
        BadKey: there is none, or it is shorter than 16 bytes.
    """
    try:
        key = path.read_bytes().strip() if path else (variable_value or "").encode("utf-8")
    except OSError as error:
        raise InvalidKeyError(f"The key cannot be read: {error}.", fix="Name another file with --key.") from error
    if len(key) < 16:
        raise InvalidKeyError(
            "There is no key for pseudonyms." if not key else "The key for pseudonyms is shorter than 16 bytes.",
            why="Whoever can guess the key can tell who is who.",
            fix="Keep one in a file: head -c 32 /dev/urandom | base64 > pseudonyms.key; then say --key pseudonyms.key.",
            more="docs/exports.md",
        )
    return key


def load_names(connection: sqlite3.Connection) -> frozenset[str]:
    """Every name of a package, and every author's, that the store has."""
    found = connection.execute("SELECT name FROM alias UNION SELECT stable_id FROM package").fetchall()
    names = {str(name) for (name,) in found}
    return frozenset(names | {name.partition("/")[0] for name in names if "/" in name})


def load_personal_classes(table: Table) -> Mapping[str, str]:
    """The class of each column that has one."""
    if table.is_lake:
        return LAKE_PERSONAL_CLASSES.get(table.name, {})
    from db.dictionary import load_dictionary

    (told,) = [view["column"] for view in load_dictionary() if view["name"] == table.name]
    return {str(column["name"]): str(column["personal"]) for column in told if "personal" in column}


def _map_parts(table: Table, transform: Callable[[Part], Part]) -> Table:
    return replace(table, parts=tuple(transform(part) for part in table.parts))


def _redact_part(table: Table, part: Part, redactions: Redactions) -> Part:
    if part.batches is not None:
        return _redact_batches(table, part, redactions)
    known = load_personal_classes(table)
    names = [place for place, column in enumerate(table.columns) if known.get(column.name) == "name"]
    texts = [place for place, column in enumerate(table.columns) if known.get(column.name) == "text"]
    numbers = [place for place, column in enumerate(table.columns) if column.name in PACKAGE_ID_COLUMNS]

    def rows() -> Iterator[Row]:
        dropped = 0
        for row in part.rows():
            if any(row[place] in redactions.package_ids for place in numbers) or any(
                row[place] is not None and redactions.is_redacted_name(row[place]) for place in names
            ):
                dropped += 1
                continue
            quoting = [
                place for place in texts if isinstance(row[place], str) and redactions.is_quoted_in(str(row[place]))
            ]
            yield tuple(WITHHELD if place in quoting else cell for place, cell in enumerate(row)) if quoting else row
        redactions.row_counts[table.name, part.registry, part.snapshot] = dropped

    return replace(part, rows=rows)


def _redact_batches(table: Table, part: Part, redactions: Redactions) -> Part:
    from numpy import isin, logical_or

    numbers = [place for place, column in enumerate(table.columns) if column.name in PACKAGE_ID_COLUMNS]
    hidden = list(redactions.package_ids)

    def batches() -> Iterator[Batch]:
        dropped = 0
        for batch in part.batches():
            left = logical_or.reduce([isin(batch[place], hidden) for place in numbers])
            dropped += int(left.sum())
            yield tuple(column[~left] for column in batch)
        redactions.row_counts[table.name, part.registry, part.snapshot] = dropped

    return make_batched_part(part.registry, part.snapshot, batches, part.key)


def _transform_part(table: Table, part: Part, transforms: Mapping[str, CellTransform]) -> Part:
    if part.batches is not None:
        return part  # numbers are nobody's name
    known = load_personal_classes(table)
    changed = [transforms.get(known.get(column.name, "")) for column in table.columns]

    def rows() -> Iterator[Row]:
        for row in part.rows():
            yield tuple(change(value) if change else value for change, value in zip(changed, row, strict=True))

    return replace(part, rows=rows)


def _has_possible_name(text: str, known_names: Collection[str], unusual_names: Sequence[str]) -> bool:
    return (
        "/" in text
        or "@" in text
        or any(word in known_names for word in WORD_PATTERN.findall(text))
        or any(n in text for n in unusual_names)
    )


def _is_distinctive(name: str) -> bool:
    """Whether a name is long or odd enough not to be found by chance inside of other words."""
    return len(name) >= 6 or not name.isalnum()


def _hash_name(kind: str, text: str, key: bytes) -> str:
    return f"{kind}-{hmac.new(key, f'{kind}:{text}'.encode(), hashlib.sha256).hexdigest()[:16]}"


def refuse_unused_key(pseudonymise: bool, key: Path | None) -> None:
    """Refuse a key that is given and not used.

    Raises:
        UsageError: --key without --pseudonymise.
    """
    if key and not pseudonymise:
        raise UsageError("--key is for pseudonyms.", fix="Say --pseudonymise too.", more="docs/exports.md")
