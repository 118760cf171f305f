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
    "DROP TABLE IF EXISTS temp.list_of_day",
    "DROP TABLE IF EXISTS temp.ranking_depth",
)


@contextmanager
def compare_at_depth(
    connection: sqlite3.Connection, k: int, *, with_members: bool = True, skipped: range = range(0)
) -> Iterator[None]:
    """Compare lists at this depth and at no other, in this connection, until the block ends. The store does not change.

    Temporary tables and views take the place of those of the store, which have the same names. Without members,
    `top_k_membership` stays as it is: it takes long in a large store. Lists of skipped seconds are not compared.
    """
    definitions = dict(connection.execute("SELECT name, sql FROM main.sqlite_master WHERE type = 'view'").fetchall())
    try:
        connection.execute("CREATE TEMP TABLE ranking_depth AS SELECT ? AS k", (k,))
        list_of_day, previous_list = (definitions[name] for name in DAY_VIEWS)
        connection.execute(list_of_day.replace("CREATE VIEW", "CREATE TEMP TABLE", 1))
        connection.execute(
            "DELETE FROM temp.list_of_day WHERE taken_at >= ? AND taken_at < ?", (skipped.start, skipped.stop)
        )
        connection.execute(previous_list.replace("CREATE VIEW", "CREATE TEMP VIEW", 1))
        if with_members:
            _count_members(connection)
        yield
    finally:
        for statement in DROP_STATEMENTS:
            connection.execute(statement)


def _count_members(connection: sqlite3.Connection) -> None:
    connection.execute(CREATE_MEMBERSHIP)
    connection.execute("CREATE INDEX temp.top_k_membership_package ON top_k_membership (package_id, registry_id)")
