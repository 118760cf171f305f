"""What is to be known of each column of a bundle: from the dictionary, and from the store's own schema for the lake."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from analysis.exports.privacy import LAKE_PERSONAL_CLASSES
from analysis.exports.tables import COUNTER_TABLE, Column, Table


def describe_table(table: Table) -> str:
    """What a table is, in a sentence or two."""
    return table.description if table.is_lake else str(_load_views()[table.name]["about"])


def describe_column(table: Table, column: Column) -> Mapping[str, object]:
    """What the dictionary says of a column: unit, nullable, description, source, caveat and class of personal data."""
    if table.is_lake:
        said = f"{table.name}.{column.name} of the store; see db/schema.sql of hub-observatory."
        blocks = f"{column.name} of a census, out of the blocks of the store; see docs/census.md of hub-observatory."
        return {
            "unit": "seconds since 1970, UTC" if column.name in INSTANT_COLUMNS else "as in the store",
            "nullable": True,
            "description": blocks if table.name == COUNTER_TABLE else said,
            "source": "as in the stable view that shows it",
            "personal": LAKE_PERSONAL_CLASSES.get(table.name, {}).get(column.name, "none"),
        }
    return {"personal": "none", **_load_columns(table.name)[column.name]}


INSTANT_COLUMNS = frozenset(
    ("taken_at", "started_at", "ended_at", "created_at", "modified_at", "seen_at", "synced_at", "since", "until",
     "first_at", "last_at", "noted_at", "computed_at", "scored_at")
)  # fmt: skip


@cache
def _load_views() -> Mapping[str, Mapping[str, object]]:
    from db.dictionary import load_dictionary

    return {str(view["name"]): view for view in load_dictionary()}


@cache
def _load_columns(view: str) -> Mapping[str, Mapping[str, object]]:
    return {str(column["name"]): column for column in _load_views()[view]["column"]}
