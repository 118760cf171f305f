"""Redactions: what is omitted on request from the stable views. For exports see `analysis/exports/privacy.py`.

`redactions.toml` lists the redactions. The store keeps its rows. A stable view shows no row that names a redacted
package and no text that quotes one. `db/dictionary.toml` says which columns name packages and which may quote them.
"""

from __future__ import annotations

import json
import re
import sqlite3
import tomllib
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from db import ObservatoryError
from db.causes import describe_cause
from db.identity import derive_stable_id
from db.ids import compact_id
from db.redaction_views import WITHHELD
from db.renames import other_name
from db.spellings import Quotations, find_quotations, list_owners, spell_cases
from db.sql_files import load_statements

KINDS = ("package", "name", "author")
HUB_PAGE = re.compile(
    r"(?:https?://)?(?:www\.)?(?:huggingface|hf)\.co/(?:(?:models|datasets|spaces)/)?([^/?#]+(?:/[^/?#]+)?).*", re.I
)
RedactionEntry = tuple[str, str]


@dataclass(frozen=True)
class RedactedNames:
    """The names, ids and owners to leave out."""

    names: frozenset[str] = frozenset()
    owners: frozenset[str] = frozenset()

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left out."""
        return not (self.names or self.owners)

    @cached_property
    def _cases(self) -> frozenset[str]:
        return frozenset(name.removeprefix("name:").lower() for name in self.names)

    @cached_property
    def _quotations(self) -> Quotations:
        return find_quotations(self.names, self.owners)

    def is_redacted_name(self, value: object) -> bool:
        """Return whether a name or an id belongs to a redacted package or author."""
        if value is None:
            return False
        text = str(value).removeprefix("name:").lower()
        return text in self._cases or not self.owners.isdisjoint(list_owners(text))

    def is_quoted_in(self, text: str) -> bool:
        """Return whether a text quotes a redacted name or author."""
        return self._quotations.are_in(text)

    def withhold(self, text: str) -> str:
        """Return a text, or a mark in its place if it quotes a redacted name or author."""
        return WITHHELD if self.is_quoted_in(text) else text


class InvalidRedactionsError(ObservatoryError):
    """A list of redactions that cannot be read."""


def read_redaction_file(path: Path) -> list[RedactionEntry]:
    """Return the entries of a `redactions.toml`, as kind and value.

    Raises:
        InvalidRedactionsError: the file cannot be read or has an invalid entry.
    """
    try:
        tables = tomllib.loads(path.read_text("utf-8")).get("redaction", [])
        entries = [next((kind, str(table[kind])) for kind in KINDS if kind in table) for table in tables]
        if any(not value for _, value in entries):
            raise ValueError("An entry is empty")
    except (OSError, ValueError, TypeError, AttributeError, StopIteration) as error:
        raise InvalidRedactionsError(
            f"The redactions cannot be read from {path}.",
            why=_explain_unreadable_file(error),
            fix='Write [[redaction]] and one of package = "id", name = "name", author = "name" for each.',
            more="docs/exports.md",
        ) from error
    return entries


def _explain_unreadable_file(error: Exception) -> str:
    is_entry = isinstance(error, (TypeError, AttributeError, StopIteration))
    return "An entry has neither package, name nor author." if is_entry else describe_cause(error)


def load_redactions(connection: sqlite3.Connection) -> list[RedactionEntry]:
    """Return the redactions that the store has."""
    rows = connection.execute("SELECT kind, value FROM redaction ORDER BY kind, value")
    return [(kind, value) for kind, value in rows]


def load_redacted_names(connection: sqlite3.Connection) -> RedactedNames:
    """Return what the redactions of the store match now, whenever the store was last written to."""
    entries = load_redactions(connection)
    if not entries:
        return RedactedNames()
    return RedactedNames(matching_packages(connection, entries)[1], redacted_owners(entries))


def matching_packages(
    connection: sqlite3.Connection, entries: Collection[RedactionEntry]
) -> tuple[frozenset[int], frozenset[str]]:
    """Return the numbers of the packages that redactions match, and every id and name of these packages.

    A name matches in every case, in every spelling that its registry takes for the same, and as a former name.
    """
    redacted_names, owners = _split_entries(entries)
    registries = [name for (name,) in connection.execute("SELECT name FROM registry")]
    spellings = {spelling for name in redacted_names for spelling in _list_spellings(name, registries)}
    parameters = {
        "names": json.dumps(sorted({case for spelling in spellings for case in spell_cases(spelling)})),
        "owners": json.dumps(sorted(owners)),
    }
    matching, with_key, names_of_packages = load_statements("redacted_packages")
    numbers = {
        row[0]
        for row in connection.execute(matching, parameters)
        if row[2] or not owners.isdisjoint(list_owners(row[1]))
    }
    for key in filter(None, map(_compact_key, spellings)):
        numbers |= {number for (number,) in connection.execute(with_key, {"key": key})}
    names = connection.execute(names_of_packages, {"numbers": json.dumps(sorted(numbers))})
    return frozenset(numbers), frozenset(spellings | {name for (name,) in names})


def _split_entries(entries: Collection[RedactionEntry]) -> tuple[frozenset[str], frozenset[str]]:
    """Return the names and ids of redactions, and their authors in lower case, each without what surrounds it."""
    names = frozenset(_strip_page(value) for kind, value in entries if kind != "author")
    owners = frozenset(_strip_page(value).lstrip("@").lower() for kind, value in entries if kind == "author")
    return names - {""}, owners - {""}


def _strip_page(value: str) -> str:
    """Return the name in the address of a page of the Hub. Any other value loses the spaces and slashes around it.

    >>> [_strip_page(value) for value in (" lab/tool/", "https://hf.co/datasets/lab/tool/tree/main", "@lab/tool")]
    ['lab/tool', 'lab/tool', '@lab/tool']
    """
    page = HUB_PAGE.fullmatch(value.strip())
    return page[1] if page else value.strip().strip("/")


def _list_spellings(name: str, registries: Collection[str]) -> frozenset[str]:
    """Return a name, its stable id in each registry, and the other name of a known rename."""
    both = {(registry, text) for registry in registries for text in (name, other_name(registry, name))}
    return frozenset({name} | {text for _, text in both} | {derive_stable_id(*pair) for pair in both})


def _compact_key(text: str) -> bytes | None:
    key = compact_id(text.lower())
    return key if isinstance(key, bytes) else None


def redacted_owners(entries: Collection[RedactionEntry]) -> frozenset[str]:
    """Return the accounts whose packages are redacted, in lower case."""
    return _split_entries(entries)[1]


def save_redactions(connection: sqlite3.Connection, entries: Collection[RedactionEntry]) -> None:
    """Replace the redactions of the store by these entries."""
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("DELETE FROM redaction")
    connection.executemany("INSERT OR IGNORE INTO redaction (kind, value) VALUES (?, ?)", entries)
    connection.execute("COMMIT")
    refresh_redacted_names(connection)


def refresh_redacted_names(connection: sqlite3.Connection) -> None:
    """Save the ids and names that the redactions match now: packages may be new, and names may have changed."""
    names, patterns = _find_redacted_names(connection, load_redactions(connection))
    saved_names = {name for (name,) in connection.execute("SELECT name FROM redacted_name")}
    saved_patterns = {pattern for (pattern,) in connection.execute("SELECT pattern FROM redacted_pattern")}
    if (names, patterns) == (saved_names, saved_patterns):
        return
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("DELETE FROM redacted_name")
    connection.execute("DELETE FROM redacted_pattern")
    connection.executemany("INSERT INTO redacted_name (name) VALUES (?)", ((name,) for name in sorted(names)))
    connection.executemany("INSERT INTO redacted_pattern (pattern) VALUES (?)", ((text,) for text in sorted(patterns)))
    connection.execute("COMMIT")


def _find_redacted_names(
    connection: sqlite3.Connection, entries: Collection[RedactionEntry]
) -> tuple[set[str], set[str]]:
    """Return every id and name that redactions match, in each case, and the patterns of texts that quote one."""
    if not entries:
        return set(), set()
    owners = redacted_owners(entries)
    names = matching_packages(connection, entries)[1] | _dangling_parent_names(connection, owners)
    return {case for name in names for case in spell_cases(name)}, set(find_quotations(names, owners).globs())


def _dangling_parent_names(connection: sqlite3.Connection, owners: Collection[str]) -> frozenset[str]:
    """Return the names of redacted authors that packages state as parents, whether or not they were ever listed."""
    rows = connection.execute("SELECT DISTINCT parent_name FROM lineage_edge") if owners else ()
    return frozenset(name for (name,) in rows if not list_owners(name).isdisjoint(owners))
