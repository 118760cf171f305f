"""What is to be known of each column of a bundle: from the dictionary, and from the store's own schema for the lake."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from analysis.exports.privacy import OF_THE_LAKE
from analysis.exports.tables import COUNTER, Column, Table


def about(table: Table) -> str:
    """What a table is, in a sentence or two."""
    return table.about if table.lake else str(_views()[table.name]["about"])


def describe(table: Table, column: Column) -> Mapping[str, object]:
    """What the dictionary says of a column: unit, nullable, description, source, caveat and class of personal data."""
    if table.lake:
        said = f"{table.name}.{column.name} of the store; see db/schema.sql of hub-observatory."
        blocks = f"{column.name} of a census, out of the blocks of the store; see docs/census.md of hub-observatory."
        return {
            "unit": "seconds since 1970, UTC" if column.name in INSTANTS else "as in the store",
            "nullable": True,
            "description": blocks if table.name == COUNTER else said,
            "source": "as in the stable view that shows it",
            "personal": OF_THE_LAKE.get(table.name, {}).get(column.name, "none"),
        }
    return {"personal": "none", **_columns(table.name)[column.name]}


INSTANTS = frozenset(
    ("taken_at", "started_at", "ended_at", "created_at", "modified_at", "seen_at", "synced_at", "since", "until",
     "first_at", "last_at", "noted_at", "computed_at", "scored_at")
)  # fmt: skip


@cache
def _views() -> Mapping[str, Mapping[str, object]]:
    from db.__main__ import dictionary

    return {str(view["name"]): view for view in dictionary()}


@cache
def _columns(view: str) -> Mapping[str, Mapping[str, object]]:
    return {str(column["name"]): column for column in _views()[view]["column"]}
