"""Relations: the queries of `db/queries/` as of one snapshot, and relations made from the counters of a census."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import db

if TYPE_CHECKING:
    from numpy import ndarray
    from pandas import DataFrame

    from analysis.compute.engines import Engine, LakeEngine
    from db.census.population import EncodedColumn, Source

CENSUS_RELATIONS = ("census", "population", "edges", "uses")
QUERY_FOLDER = Path(db.__file__).parent / "queries"

SqlRow = dict[str, Any]  # by column names; the values are typed by the query


@cache
def load_query(name: str) -> str:
    """Return the SQL of one file of `db/queries/`."""
    return (QUERY_FOLDER / f"{name}.sql").read_text("utf-8")


def fetch_rows(engine: Engine, name: str, /, **parameters: object) -> list[SqlRow]:
    """Return the rows of one query, by column names."""
    cursor = engine.execute(load_query(name), parameters)
    columns = [column[0] for column in cursor.description]
    return [dict(zip(columns, row, strict=True)) for row in cursor]


def load_relation(engine: Engine, snapshot: int, name: str) -> DataFrame:
    """Return a relation as of one snapshot, as a frame. `db.census.population` makes those over a census."""
    from pandas import DataFrame

    if name in CENSUS_RELATIONS:
        from db.census import population

        return DataFrame(getattr(population, name)(census_source(engine), snapshot), copy=False)
    cursor = engine.execute(load_query(name), {"snapshot": snapshot})
    return DataFrame([tuple(row) for row in cursor], columns=[column[0] for column in cursor.description])


def cached_relations(engine: Engine, snapshot: int) -> Callable[[str], DataFrame]:
    """Return a function that loads the relations of one snapshot, each once however many metrics read it.

    The metrics share the frames, so a metric that changes a frame must copy it first.
    """
    return cache(partial(load_relation, engine, snapshot))


def census_source(engine: Engine) -> Source:
    """Return what the relations over a census read: the store itself, or a lake.

    Raises:
        TypeError: the engine reads neither.
    """
    from analysis.compute.engines import LakeEngine

    if isinstance(engine, sqlite3.Connection):
        return StoreSource(engine)
    if isinstance(engine, LakeEngine):
        return LakeSource(engine)
    raise TypeError(f"{type(engine).__name__} reads neither a store nor a lake")


@dataclass(frozen=True)
class StoreSource:
    """The censuses of a store: the counters are decoded from blocks, the rest is queried by SQLite."""

    connection: sqlite3.Connection

    def counters(self, snapshot: int) -> Mapping[str, ndarray]:
        """Return the counters of a census."""
        from db.census.history import load_counters

        return load_counters(self.connection, snapshot)

    def columns(self, name: str, snapshot: int) -> Mapping[str, ndarray | EncodedColumn]:
        """Return the rows of a query, by columns."""
        from db.census.population import fetch_columns

        cursor = self.connection.cursor()
        cursor.row_factory = None
        return fetch_columns(cursor.execute(load_query(name), {"snapshot": snapshot}))


@dataclass(frozen=True)
class LakeSource:
    """The censuses of a lake: all from its tables, `counter` among them."""

    engine: LakeEngine

    def counters(self, snapshot: int) -> Mapping[str, ndarray]:
        """Return the counters of a census.

        Raises:
            EngineUnavailableError: the lake has the census without its counters.
        """
        from numpy import ndarray

        from analysis.compute.engines import missing_counters_error

        query = (QUERY_FOLDER.parent / "lake_counters.sql").read_text("utf-8")
        columns = self.engine.fetch_columns(query, {"snapshot": snapshot})
        counters = {name: column for name, column in columns.items() if isinstance(column, ndarray)}
        if not len(counters["package"]):
            sizes = self.engine.execute("SELECT packages FROM census WHERE snapshot_id = :s", {"s": snapshot})
            if any(packages for (packages,) in sizes):
                raise missing_counters_error(snapshot)
        return counters

    def columns(self, name: str, snapshot: int) -> Mapping[str, ndarray | EncodedColumn]:
        """Return the rows of a query, by columns."""
        return self.engine.fetch_columns(load_query(name), {"snapshot": snapshot})
