"""Packages that are missing from a complete census."""

from __future__ import annotations

import re
import sqlite3

import numpy as np

from db.census.history import load_counters
from db.ids import compact_id
from db.sql_files import load_statements

STABLE_ID = re.compile(r"\b[0-9a-f]{24}\b")


def find_missing_packages(connection: sqlite3.Connection, registry: str) -> list[tuple[int, int, int]]:
    """Return the packages of the second newest complete census that are missing from the newest one.

    A package whose row could not be read is not missing. Each row is the number of a package, when it was last seen,
    and since when it is missing. There are no rows if there are fewer than two complete censuses, or if the missing
    packages of the newest one have been saved before.
    """
    (statement,) = load_statements("last_censuses")
    censuses = connection.execute(statement, {"registry": registry}).fetchall()
    if len(censuses) < 2 or censuses[0][2]:
        return []
    (newest, missing_since, _), (previous, last_seen, _) = censuses
    packages = load_counters(connection, newest)["package"]
    earlier_packages = load_counters(connection, previous)["package"]
    missing = np.setdiff1d(earlier_packages, packages, assume_unique=True).tolist()
    unreadable = _packages_of_rejects(connection, registry, newest)
    return [(package, last_seen, missing_since) for package in missing if package not in unreadable]


def _packages_of_rejects(connection: sqlite3.Connection, registry: str, census: int) -> set[int]:
    """Return the packages whose rows a census has but could not read: they are not missing."""
    (statement,) = load_statements("unreadable_rows")
    rows = connection.execute(statement, {"snapshot": census}).fetchall()
    ids = {compact_id(stable_id) for (raw,) in rows for stable_id in STABLE_ID.findall(raw)}
    (statement,) = load_statements("package_of_key")
    rows_of_keys = (connection.execute(statement, {"registry": registry, "key": key}).fetchone() for key in ids)
    return {row[0] for row in rows_of_keys if row is not None}
