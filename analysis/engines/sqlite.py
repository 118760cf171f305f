"""The store itself."""

from __future__ import annotations

import sqlite3
from contextlib import AbstractContextManager

from analysis.engines import Place
from db.connect import reading


def opened(place: Place) -> AbstractContextManager[sqlite3.Connection]:
    """The store, read-only."""
    return reading(place.db)
