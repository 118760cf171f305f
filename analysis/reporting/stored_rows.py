"""The rows of a query of the store, each checked against its type."""

from __future__ import annotations

import sqlite3
from typing import TypeVar

import msgspec

from analysis.compute.relations import fetch_rows
from db import ObservatoryError

Row = TypeVar("Row")


def fetch_typed_rows(connection: sqlite3.Connection, name: str, row_type: type[Row], **values: object) -> list[Row]:
    """Fetch the rows of one query, each checked against its type.

    Raises:
        ObservatoryError: the store holds a value of another type.
    """
    try:
        return [msgspec.convert(row, row_type) for row in fetch_rows(connection, name, **values)]
    except msgspec.ValidationError as error:
        raise ObservatoryError(
            f"The store holds a value of the wrong type: {error}.",
            why=f"The query `{name}` expects another type in this column.",
            fix="Check the store with `observatory store check`.",
        ) from error
