"""Relations: the questions of `db/queries/`, answered as of one snapshot."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import db

if TYPE_CHECKING:
    from pandas import DataFrame

FOLDER = Path(db.__file__).parent / "queries"


@cache
def question(name: str) -> str:
    """The SQL of one file of `db/queries/`."""
    return (FOLDER / f"{name}.sql").read_text("utf-8")


def rows(connection: sqlite3.Connection, name: str, /, **values: object) -> list[dict[str, object]]:
    """The rows of one question, each with its column names."""
    cursor = connection.execute(question(name), values)
    columns = [column[0] for column in cursor.description]
    return [dict(zip(columns, row, strict=True)) for row in cursor]


def relation(connection: sqlite3.Connection, snapshot: int, name: str) -> DataFrame:
    """One question as of one snapshot, as a frame."""
    from pandas import DataFrame

    cursor = connection.execute(question(name), {"snapshot": snapshot})
    return DataFrame([tuple(row) for row in cursor], columns=[column[0] for column in cursor.description])


def reader(connection: sqlite3.Connection, snapshot: int) -> Callable[[str], DataFrame]:
    """A function that gives the relations of one snapshot, each asked for once however many metrics read it.

    The metrics share the frames, so a metric that would change one works on a copy.
    """
    return cache(partial(relation, connection, snapshot))
