"""Redaction and pseudonyms: both change the rows of a bundle before they reach a format.

A column may be of a class of personal data. `name` identifies a person or a package. `text` is free text that may quote
names. `label` is mostly no name, such as that of a library. `hash` could confirm a guess of names. `db/dictionary.toml`
has the classes of the stable views, and this module those of the lake.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from analysis.exports.tables import Batch, BatchReader, Part, Row, Table, Value, make_batched_part
from analysis.exports.view_dictionary import list_view_columns
from db import ObservatoryError, UsageError
from db.causes import describe_cause
from db.redaction_views import WITHHELD
from db.redactions import RedactedNames, RedactionEntry, matching_packages, redacted_owners
from db.sql_files import load_statements

LAKE_PERSONAL_CLASSES: Mapping[str, Mapping[str, str]] = {
    "alias": {"name": "name"},
    "attribute": {"value": "text"},
    "card_revision": {"sha": "hash"},
    "finding": {"measured": "text"},
    "lineage_edge": {"parent_name": "name"},
    "package": {"stable_id": "name", "name": "name", "sha": "hash"},
    "package_library": {"library": "label"},
    "quality_event": {"before": "text", "after": "text", "evidence": "text"},
    "result": {"name": "text", "note": "text"},
    "snapshot": {"source": "text", "evidence": "text", "reason": "text", "file_sha256": "hash", "digest": "hash"},
}
PACKAGE_ID_COLUMNS = ("package_id", "child_id", "parent_id")
WORD_PATTERN = re.compile(r"[^\s\"'\[\]{}(),:;=|]+")
MIN_KEY_BYTES = 16
CARD_COLUMNS = ("card_id", "blob")
QUOTING_CLASSES = ("text", "label")
CellTransform = Callable[[Value], Value]


class InvalidKeyError(ObservatoryError):
    """The key of the pseudonyms is missing, unreadable or too short."""


@dataclass(frozen=True)
class Redactions(RedactedNames):
    """What a bundle leaves out: names, the numbers of packages, and cards that only these packages have.

    `cards` has the numbers and the hashes of cards. `public_texts` has the public form of each text with an address or
    a token. `row_counts` counts the rows that were left out.
    """

    package_ids: frozenset[int] = frozenset()
    cards: frozenset[Value] = frozenset()
    public_texts: Mapping[str, str] = field(default_factory=dict)
    row_counts: dict[tuple[str, str | None, int | None], int] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether every row is exported as it is."""
        return super().is_empty and not self.public_texts

    def withhold(self, text: str) -> str:
        """Return the public form of a text, or a mark in its place if it quotes a redacted name or author."""
        return super().withhold(self.public_texts.get(text, text))


def expand_redactions(entries: Sequence[RedactionEntry], connection: sqlite3.Connection) -> Redactions:
    """Return the redactions of these entries, with every other name of the same packages."""
    package_ids, names = matching_packages(connection, entries)
    return Redactions(names, redacted_owners(entries), package_ids, load_cards(connection, package_ids))


def load_cards(connection: sqlite3.Connection, package_ids: Collection[int]) -> frozenset[Value]:
    """Return the numbers and the hashes of the cards that only some packages have."""
    (cards_of_packages,) = load_statements("redacted_cards")
    rows = connection.execute(cards_of_packages, {"numbers": json.dumps(sorted(package_ids))})
    return frozenset(value for row in rows for value in row)


def redact_tables(tables: Sequence[Table], redactions: Redactions) -> list[Table]:
    """Return the tables without the rows of redacted packages, and withhold texts that quote a redacted name."""
    return [_map_parts(table, partial(_redact_part, table, redactions=redactions)) for table in tables]


def pseudonymise_tables(tables: Sequence[Table], key: bytes, known_names: Collection[str]) -> list[Table]:
    """Return the tables with pseudonyms for names, without hashes, and without texts that may quote a name."""
    unusual_names = tuple(name for name in known_names if WORD_PATTERN.fullmatch(name) is None)

    def withhold(value: Value) -> Value:
        return WITHHELD if isinstance(value, str) and _has_possible_name(value, known_names, unusual_names) else value

    transforms: Mapping[str, CellTransform] = {
        "name": lambda value: None if value is None else make_pseudonym(str(value), key),
        "text": withhold,
        "label": lambda value: WITHHELD if isinstance(value, str) and ("/" in value or "@" in value) else value,
        "hash": lambda value: None,
    }
    return [_map_parts(table, partial(_transform_part, table, transforms=transforms)) for table in tables]


def make_pseudonym(name: str, key: bytes) -> str:
    """Return the pseudonym of a name under a key.

    The author and the whole name each have a pseudonym of their own.

    >>> first, second = make_pseudonym("a/b", b"k" * 32), make_pseudonym("a/c", b"k" * 32)
    >>> first.split("/")[0] == second.split("/")[0], first == second, first == make_pseudonym("a/b", b"x" * 32)
    (True, False, False)
    >>> make_pseudonym("name:a/b", b"k" * 32) == "name:" + first
    True
    """
    prefix, name = ("name:", name[5:]) if name.startswith("name:") else ("", name)
    author, slash, _ = name.partition("/")
    author_pseudonym = f"{_hash_name('u', author, key)}/" if slash else ""
    return f"{prefix}{author_pseudonym}{_hash_name('p', name, key)}"


def load_key(path: Path | None, variable_value: str | None) -> bytes:
    """Return the key of the pseudonyms, from a file or else from the value of the environment variable.

    Raises:
        InvalidKeyError: the key is missing, unreadable or shorter than 16 bytes.
    """
    key = _read_key(path) if path else (variable_value or "").encode("utf-8")
    if len(key) < MIN_KEY_BYTES:
        raise InvalidKeyError(
            f"The key for pseudonyms is shorter than {MIN_KEY_BYTES} bytes."
            if key
            else "There is no key for pseudonyms.",
            why="Whoever guesses the key can undo the pseudonyms.",
            fix="Create a key: head -c 32 /dev/urandom | base64 > pseudonyms.key. Then pass --key pseudonyms.key.",
            more="docs/exports.md",
        )
    return key


def _read_key(path: Path) -> bytes:
    try:
        return path.read_bytes().strip()
    except OSError as error:
        raise InvalidKeyError(
            f"The key cannot be read from {path}.", why=describe_cause(error), fix="Name another file with --key."
        ) from error


def load_names(connection: sqlite3.Connection) -> frozenset[str]:
    """Return every name of a package and of an author in the store."""
    rows = connection.execute("SELECT name FROM alias UNION SELECT stable_id FROM package").fetchall()
    names = {str(name) for (name,) in rows}
    return frozenset(names | {name.partition("/")[0] for name in names if "/" in name})


def load_personal_classes(table: Table) -> Mapping[str, str]:
    """Return the class of personal data of each column that has one."""
    if table.is_lake:
        return LAKE_PERSONAL_CLASSES.get(table.name, {})
    return {column["name"]: column["personal"] for column in list_view_columns(table.name) if "personal" in column}


def _map_parts(table: Table, transform: Callable[[Part], Part]) -> Table:
    return replace(table, parts=tuple(transform(part) for part in table.parts))


def _redact_part(table: Table, part: Part, redactions: Redactions) -> Part:
    if part.batches is not None:
        return _redact_batches(table, part, part.batches, redactions)
    classes = load_personal_classes(table)
    name_indexes = [index for index, column in enumerate(table.columns) if classes.get(column.name) == "name"]
    text_indexes = [index for index, column in enumerate(table.columns) if classes.get(column.name) in QUOTING_CLASSES]
    id_indexes = _package_id_indexes(table)
    card_indexes = [index for index, column in enumerate(table.columns) if column.name in CARD_COLUMNS]

    def is_redacted(row: Row) -> bool:
        return (
            any(row[index] in redactions.package_ids for index in id_indexes)
            or any(row[index] in redactions.cards for index in card_indexes)
            or any(row[index] is not None and redactions.is_redacted_name(row[index]) for index in name_indexes)
        )

    def rows() -> Iterator[Row]:
        dropped = 0
        for stored_row in part.rows():
            row = _make_public(stored_row, redactions.public_texts)
            if is_redacted(row):
                dropped += 1
            else:
                quoting = [index for index in text_indexes if _is_quoting(row[index], redactions)]
                yield tuple(WITHHELD if i in quoting else row[i] for i in range(len(row))) if quoting else row
        redactions.row_counts[table.name, part.registry, part.snapshot] = dropped

    return replace(part, rows=rows)


def _redact_batches(table: Table, part: Part, read_batches: BatchReader, redactions: Redactions) -> Part:
    from numpy import isin, logical_or

    id_indexes = _package_id_indexes(table)
    package_ids = list(redactions.package_ids)

    def batches() -> Iterator[Batch]:
        dropped = 0
        for batch in read_batches():
            is_redacted = logical_or.reduce([isin(batch[index], package_ids) for index in id_indexes])
            dropped += int(is_redacted.sum())
            yield tuple(column[~is_redacted] for column in batch)
        redactions.row_counts[table.name, part.registry, part.snapshot] = dropped

    return make_batched_part(part.registry, part.snapshot, batches, part.key)


def _package_id_indexes(table: Table) -> list[int]:
    return [index for index, column in enumerate(table.columns) if column.name in PACKAGE_ID_COLUMNS]


def _make_public(row: Row, public_texts: Mapping[str, str]) -> Row:
    """Return a row whose private texts are cut."""
    if not public_texts or public_texts.keys().isdisjoint(row):
        return row
    return tuple(public_texts.get(value, value) if isinstance(value, str) else value for value in row)


def _is_quoting(value: Value, redactions: Redactions) -> bool:
    return isinstance(value, str) and redactions.is_quoted_in(value)


def _transform_part(table: Table, part: Part, transforms: Mapping[str, CellTransform]) -> Part:
    if part.batches is not None:
        return part  # batches have numbers only, and a number is no name
    classes = load_personal_classes(table)
    column_transforms = [transforms.get(classes.get(column.name, "")) for column in table.columns]

    def rows() -> Iterator[Row]:
        for row in part.rows():
            yield tuple(
                change(value) if change else value for change, value in zip(column_transforms, row, strict=True)
            )

    return replace(part, rows=rows)


def _has_possible_name(text: str, known_names: Collection[str], unusual_names: Sequence[str]) -> bool:
    return (
        "/" in text
        or "@" in text
        or any(word in known_names for word in WORD_PATTERN.findall(text))
        or any(name in text for name in unusual_names)
    )


def _hash_name(kind: str, text: str, key: bytes) -> str:
    return f"{kind}-{hmac.new(key, f'{kind}:{text}'.encode(), hashlib.sha256).hexdigest()[:16]}"


def refuse_unused_key(pseudonymise: bool, key: Path | None) -> None:
    """Refuse a key without pseudonyms.

    Raises:
        UsageError: --key was given without --pseudonymise.
    """
    if key and not pseudonymise:
        raise UsageError("--key is for pseudonyms.", fix="Add --pseudonymise.", more="docs/exports.md")
