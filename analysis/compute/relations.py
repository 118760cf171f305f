"""Relations: the questions of `db/queries/`, answered as of one snapshot; some are made from a census's counters."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import db

if TYPE_CHECKING:
    from numpy import ndarray
    from pandas import DataFrame

    from analysis.compute.engines import Engine, LakeEngine
    from db.census.population import EncodedColumn

CENSUS_RELATIONS = ("census", "population", "edges", "uses")
QUERY_FOLDER = Path(db.__file__).parent / "queries"


@cache
def load_query(name: str) -> str:
    """The SQL of one file of `db/queries/`."""
    return (QUERY_FOLDER / f"{name}.sql").read_text("utf-8")


def fetch_rows(engine: Engine, name: str, /, **values: object) -> list[dict[str, object]]:
    """The rows of one question, each with its column names."""
    cursor = engine.execute(load_query(name), values)
    columns = [column[0] for column in cursor.description]
    return [dict(zip(columns, row, strict=True)) for row in cursor]


def load_relation(engine: Engine, snapshot: int, name: str) -> DataFrame:
    """One question as of one snapshot, as a frame; one over a census is made in `db.census.population`."""
    from pandas import DataFrame

    if name in CENSUS_RELATIONS:
        from db.census import population

        source = StoreSource(engine) if isinstance(engine, sqlite3.Connection) else LakeSource(engine)
        return DataFrame(getattr(population, name)(source, snapshot), copy=False)
    cursor = engine.execute(load_query(name), {"snapshot": snapshot})
    return DataFrame([tuple(row) for row in cursor], columns=[column[0] for column in cursor.description])


def cached_relations(engine: Engine, snapshot: int) -> Callable[[str], DataFrame]:
    """A function that gives the relations of one snapshot, each asked for once however many metrics read it.

    The metrics share the frames, so a metric that would change one works on a copy.
    """
    return cache(partial(load_relation, engine, snapshot))


@dataclass(frozen=True)
class StoreSource:
    """The censuses of a store: counters out of blocks, the rest by SQLite."""

    connection: sqlite3.Connection

    def counters(self, snapshot: int) -> Mapping[str, ndarray]:
        """The counters of a census."""
        from db.census.history import load_counters

        return load_counters(self.connection, snapshot)

    def columns(self, name: str, snapshot: int) -> Mapping[str, ndarray | EncodedColumn]:
        """A question, by columns."""
        from db.census.population import fetch_columns

        cursor = self.connection.cursor()
        cursor.row_factory = None
        return fetch_columns(cursor.execute(load_query(name), {"snapshot": snapshot}))


@dataclass(frozen=True)
class LakeSource:
    """The censuses of a lake: the same from its tables, `counter` among them."""

    engine: LakeEngine

    def counters(self, snapshot: int) -> Mapping[str, ndarray]:
        """The counters of a census.

        Raises:
            EngineMissing: the lake has the census and not its counters.
        """
        from analysis.compute.engines import missing_counters_error

        asked = (QUERY_FOLDER.parent / "lake_counters.sql").read_text("utf-8")
        found = self.engine.fetch_columns(asked, {"snapshot": snapshot})
        if not len(found["package"]):
            told = self.engine.execute("SELECT packages FROM census WHERE snapshot_id = :s", {"s": snapshot})
            if any(packages for (packages,) in told):
                raise missing_counters_error(snapshot)
        return found

    def columns(self, name: str, snapshot: int) -> Mapping[str, ndarray | EncodedColumn]:
        """A question, by columns."""
        return self.engine.fetch_columns(load_query(name), {"snapshot": snapshot})
