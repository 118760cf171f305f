"""Comparison of lists at a depth K that the store does not compare lists at."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

DAY_VIEWS = ("list_of_day", "previous_list")  # the second reads the first
CREATE_MEMBERSHIP = """
CREATE TEMP TABLE top_k_membership AS
SELECT l.registry_id, l.ordered_by, l.counter, l.k, r.package_id, min(l.taken_at) AS first_at,
       max(l.taken_at) AS last_at
FROM list_of_day l JOIN ranking r ON r.snapshot_id = l.snapshot_id AND r.rank <= l.k
GROUP BY l.registry_id, l.ordered_by, l.counter, l.k, r.package_id
"""
DROP_STATEMENTS = (
    "DROP TABLE IF EXISTS temp.top_k_membership",
    "DROP VIEW IF EXISTS temp.previous_list",
    "DROP VIEW IF EXISTS temp.list_of_day",
    "DROP TABLE IF EXISTS temp.ranking_depth",
)


@contextmanager
def compare_at_depth(connection: sqlite3.Connection, k: int) -> Iterator[None]:
    """Compare lists at this depth and at no other, in this connection, until the block ends. The store does not change.

    Temporary tables and views take the place of those of the store, which have the same names.
    """
    definitions = dict(connection.execute("SELECT name, sql FROM main.sqlite_master WHERE type = 'view'").fetchall())
    try:
        connection.execute("CREATE TEMP TABLE ranking_depth AS SELECT ? AS k", (k,))
        for name in DAY_VIEWS:
            connection.execute(definitions[name].replace("CREATE VIEW", "CREATE TEMP VIEW", 1))
        connection.execute(CREATE_MEMBERSHIP)
        connection.execute("CREATE INDEX temp.top_k_membership_package ON top_k_membership (package_id, registry_id)")
        yield
    finally:
        for statement in DROP_STATEMENTS:
            connection.execute(statement)
