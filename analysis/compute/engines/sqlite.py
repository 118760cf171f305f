"""The engine over the store itself."""

from __future__ import annotations

import sqlite3
from contextlib import AbstractContextManager

from analysis.compute.engines import EngineLocation
from db.connection import open_for_reading


def open_engine(location: EngineLocation) -> AbstractContextManager[sqlite3.Connection]:
    """Open the store, read-only."""
    return open_for_reading(location.db)
