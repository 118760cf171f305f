"""Names of a lake (pure): an export keeps the names of its first version, the store may change its own."""

from __future__ import annotations

STORE_TABLES = {"depth": "ranking_depth", "finding": "gate_result", "membership": "top_k_membership"}
STORE_COLUMNS = {
    ("package", "known_at"): "first_seen_at",
    ("snapshot", "evidence"): "date_evidence",
    ("snapshot", "value_after"): "next_value",
}
INTERVAL_COLUMNS = {"since": "valid_from", "until": "valid_to"}


def store_table(table: str) -> str:
    """Return the name in the store of a table of the lake.

    >>> store_table("finding"), store_table("ranking")
    ('gate_result', 'ranking')
    """
    return STORE_TABLES.get(table, table)


def store_column(table: str, column: str) -> str:
    """Return the name in the store of a column of the lake. The columns of a stable view have one name everywhere.

    >>> store_column("snapshot", "evidence"), store_column("alias", "since"), store_column("v1_alias", "since")
    ('date_evidence', 'valid_from', 'since')
    """
    if table.startswith("v1_"):
        return column
    return STORE_COLUMNS.get((table, column)) or INTERVAL_COLUMNS.get(column, column)
