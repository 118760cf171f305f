"""Packages that are missing from a complete census."""

from __future__ import annotations

import sqlite3

import numpy as np

from db.census.history import load_counters
from db.sql_files import load_statements


def find_missing_packages(connection: sqlite3.Connection, registry: str) -> list[tuple[int, int, int]]:
    """Return the packages of the second newest complete census that are missing from the newest one.

    Each row is the number of a package, when it was last seen, and since when it is missing. There are no rows if there
    are fewer than two complete censuses, or if the missing packages of the newest one have been saved before.
    """
    (statement,) = load_statements("last_censuses")
    censuses = connection.execute(statement, {"registry": registry}).fetchall()
    if len(censuses) < 2 or censuses[0][2]:
        return []
    (newest, missing_since, _), (previous, last_seen, _) = censuses
    packages = load_counters(connection, newest)["package"]
    earlier_packages = load_counters(connection, previous)["package"]
    missing = np.setdiff1d(earlier_packages, packages, assume_unique=True).tolist()
    return [(package, last_seen, missing_since) for package in missing]
