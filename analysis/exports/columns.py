"""Descriptions of the tables and columns of a bundle: stable views by the dictionary, lake tables by the schema."""

from __future__ import annotations

from analysis.exports.privacy import LAKE_PERSONAL_CLASSES
from analysis.exports.tables import COUNTER_TABLE, Column, Table
from analysis.exports.view_dictionary import list_view_columns, load_views
from db.dictionary import ColumnDescription

INSTANT_COLUMNS = frozenset(
    ("taken_at", "started_at", "ended_at", "created_at", "modified_at", "seen_at", "synced_at", "since", "until",
     "first_at", "last_at", "noted_at", "computed_at", "scored_at")
)  # fmt: skip


def describe_table(table: Table) -> str:
    """Return the description of a table, in a sentence or two."""
    return table.description if table.is_lake else load_views()[table.name]["about"]


def describe_column(table: Table, column: Column) -> ColumnDescription:
    """Return the entry of the dictionary for a column, or an entry of the same form for a column of the lake."""
    if not table.is_lake:
        (entry,) = [entry for entry in list_view_columns(table.name) if entry["name"] == column.name]
        return entry
    return _describe_lake_column(table, column)


def _describe_lake_column(table: Table, column: Column) -> ColumnDescription:
    if table.name == COUNTER_TABLE:
        description = f"{column.name} of a census, from the blocks of the store; see docs/census.md of hub-observatory."
    else:
        description = f"{table.name}.{column.name} of the store; see db/schema.sql of hub-observatory."
    return {
        "name": column.name,
        "type": column.type,
        "unit": "seconds since 1970, UTC" if column.name in INSTANT_COLUMNS else "as in the store",
        "nullable": True,
        "description": description,
        "source": "as in the stable view that shows it",
        "personal": LAKE_PERSONAL_CLASSES.get(table.name, {}).get(column.name, "none"),
    }
