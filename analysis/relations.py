"""Relations: the questions of `db/queries/`, answered as of one snapshot."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import db

if TYPE_CHECKING:
    from pandas import DataFrame

    from analysis.engines import Engine


def census(connection: sqlite3.Connection, snapshot: int) -> Mapping[str, object]:
    """The counters of every package of a census, by columns; SQL cannot say it."""
    from db.census import counters

    return counters(connection, snapshot)


def _of_population(name: str, connection: sqlite3.Connection, snapshot: int) -> Mapping[str, object]:
    from db import population

    return getattr(population, name)(connection, snapshot)


READERS: Mapping[str, Callable[[sqlite3.Connection, int], Mapping[str, object]]] = {
    "census": census, **{name: partial(_of_population, name) for name in ("population", "edges", "uses")}
}  # fmt: skip
FOLDER = Path(db.__file__).parent / "queries"


@cache
def question(name: str) -> str:
    """The SQL of one file of `db/queries/`."""
    return (FOLDER / f"{name}.sql").read_text("utf-8")


def rows(engine: Engine, name: str, /, **values: object) -> list[dict[str, object]]:
    """The rows of one question, each with its column names."""
    cursor = engine.execute(question(name), values)
    columns = [column[0] for column in cursor.description]
    return [dict(zip(columns, row, strict=True)) for row in cursor]


def relation(engine: Engine, snapshot: int, name: str) -> DataFrame:
    """One question as of one snapshot, as a frame. What SQL cannot ask of a census is a reader of the store."""
    from pandas import DataFrame

    if name in READERS:
        return DataFrame(READERS[name](engine, snapshot), copy=False)
    cursor = engine.execute(question(name), {"snapshot": snapshot})
    return DataFrame([tuple(row) for row in cursor], columns=[column[0] for column in cursor.description])


def reader(engine: Engine, snapshot: int) -> Callable[[str], DataFrame]:
    """A function that gives the relations of one snapshot, each asked for once however many metrics read it.

    The metrics share the frames, so a metric that would change one works on a copy.
    """
    return cache(partial(relation, engine, snapshot))
