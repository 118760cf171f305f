"""What the store has that must not be published: a package with such a name is left out, and a text is cut.

The rest of the bundle is written. The scan of the finished bundle (`leak_scan`) still finds what this step misses.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice

from analysis.exports.privacy import Redactions, load_cards
from db.private_text import find_private_text, find_unmistakable, remove_private_text
from db.sql_files import load_statements

BATCH_SIZE = 1_000
NamedRow = tuple[int | None, str]


@dataclass(frozen=True)
class PrivateContent:
    """The packages whose names hold an address or a token, these names, and each text with its public form."""

    package_ids: frozenset[int] = frozenset()
    names: frozenset[str] = frozenset()
    public_texts: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether everything can be published."""
        return not (self.names or self.public_texts)


def load_private_content(connection: sqlite3.Connection, credentials: Collection[str]) -> PrivateContent:
    """Return what the store has that must not be published."""
    names, texts = load_statements("published_texts")
    private_names = list(_select_private(connection.execute(names), lambda text: find_unmistakable(text, credentials)))
    rows = ((None, text) for (text,) in connection.execute(texts))
    private_texts = [text for _, text in _select_private(rows, lambda text: find_private_text(text, credentials))]
    return PrivateContent(
        frozenset(package for package, _ in private_names if package is not None),
        frozenset(name for _, name in private_names),
        {text: remove_private_text(text, credentials) for text in private_texts},
    )


def _select_private(rows: Iterable[NamedRow], find: Callable[[str], str | None]) -> Iterator[NamedRow]:
    """Yield the rows with private content. Most batches have none, and are searched as one text."""
    iterator = iter(rows)
    while batch := list(islice(iterator, BATCH_SIZE)):
        if find("\n".join(text for _, text in batch)):
            yield from (row for row in batch if find(row[1]))


def add_private_content(redactions: Redactions, content: PrivateContent, connection: sqlite3.Connection) -> Redactions:
    """Return redactions that also leave out the packages with a private name, and cut private texts."""
    if content.is_empty:
        return redactions
    package_ids = redactions.package_ids | content.package_ids
    return replace(
        redactions, names=redactions.names | content.names, package_ids=package_ids,
        cards=load_cards(connection, package_ids), public_texts=content.public_texts,
    )  # fmt: skip
