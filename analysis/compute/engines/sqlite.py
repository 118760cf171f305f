"""The store itself."""

from __future__ import annotations

import sqlite3
from contextlib import AbstractContextManager

from analysis.compute.engines import Place
from db.connection import reading


def opened(place: Place) -> AbstractContextManager[sqlite3.Connection]:
    """The store, read-only."""
    return reading(place.db)
