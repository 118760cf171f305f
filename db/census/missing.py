"""Who was in one complete census and is not in the next."""

from __future__ import annotations

import sqlite3

import numpy as np

from db.census.history import load_counters
from db.store import load_statements


def find_missing_packages(connection: sqlite3.Connection, registry: str) -> list[tuple[int, int, int]]:
    """The packages of the last complete census but one that the last one lacks: package, last seen, missed at.

    Empty where there are fewer than two, and where the absent ones of the last have been noted before.
    """
    (statement,) = load_statements("last_censuses")
    found = connection.execute(statement, {"registry": registry}).fetchall()
    if len(found) < 2 or found[0][2]:
        return []
    (newest, missed_at, _), (before, last_seen, _) = found
    here, there = load_counters(connection, newest)["package"], load_counters(connection, before)["package"]
    return [(package, last_seen, missed_at) for package in np.setdiff1d(there, here, assume_unique=True).tolist()]
