"""Terms: the texts of attributes and libraries, each stored once and referred to by its id."""

from __future__ import annotations

import sqlite3

from db.ids import short_hash

MAX_CACHED_TERMS = 50_000


class TermIds(dict[tuple[str, str], int]):
    """Cache of the ids of terms (kind and text), which are created on first use.

    Clear the cache after a rollback: the ids that the transaction created no longer exist.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__()
        self._connection = connection

    def __missing__(self, term: tuple[str, str]) -> int:
        if len(self) >= MAX_CACHED_TERMS:
            self.clear()
        key = (short_hash(term[1]), *term)
        row = self._connection.execute(
            "SELECT term_id FROM term WHERE hash = ? AND kind = ? AND text = ?", key
        ).fetchone()
        self[term] = (
            row[0]
            if row
            else self._connection.execute("INSERT INTO term (hash, kind, text) VALUES (?, ?, ?)", key).lastrowid or 0
        )
        return self[term]
