"""The moves of packages into, out of and within a top K, with their reasons."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from db.cli import isoformat_utc

if TYPE_CHECKING:  # `observatory top` imports this module, and must not import the rest of the report
    from analysis.reporting.rows import ReportMove, ReportSnapshot

MOVE_CAPTIONS = {
    "entered": "New in the top {k:,}, compared with {since}",
    "returned": "Back in the top {k:,}, compared with {since}",
    "left": "Left the top {k:,}, compared with {since}",
    "renamed": "Renamed in the top {k:,}, compared with {since}; not counted as leaving",
}


class MoverRow(TypedDict):
    """One row of the query `movers`, with instants in seconds since 1970."""

    previous_snapshot: int
    previous_date: str
    previous_at: int
    depth: int
    package: str
    name: str
    previous_name: str
    rank: int | None
    previous_rank: int | None
    deepest_rank: int | None
    created_at: int | None
    first_at: int | None
    member_at: int | None


def describe_move(row: MoverRow, snapshot: ReportSnapshot, k: int) -> ReportMove:
    """Describe the move of one package into, out of or within a top K of a snapshot, with its reason."""
    change = classify_move(row["rank"], row["previous_rank"], row["member_at"], k)
    return {
        "registry": snapshot["registry"], "snapshot": snapshot["snapshot"], "date": snapshot["date"],
        "previous_snapshot": row["previous_snapshot"], "previous_date": row["previous_date"],
        "k": k, "change": change, "package": row["package"],
        "name": row["name"], "previous_name": row["previous_name"],
        "rank": row["rank"], "previous_rank": row["previous_rank"],
        "reason": EXPLANATIONS[change](row, k),
    }  # fmt: skip


def classify_move(rank: int | None, previous_rank: int | None, member_at: int | None, k: int) -> str:
    """Return what happened: entered, returned, left or renamed.

    >>> classify_move(rank=7, previous_rank=2000, member_at=None, k=1000)
    'entered'
    """
    if _is_within(rank, k) and _is_within(previous_rank, k):
        return "renamed"
    if not _is_within(rank, k):
        return "left"
    return "entered" if member_at is None else "returned"


def explain_entry(row: MoverRow, k: int) -> str:
    """Return why a package is in a top K for the first time."""
    if row["created_at"] is not None and row["created_at"] > row["previous_at"]:
        return f"new: created {_format_date(row['created_at'])}"
    if row["previous_rank"] is not None:
        return f"rose from rank {row['previous_rank']:,}"
    if row["first_at"] is None:
        return "listed for the first time"
    absence = "back in the list, " if row["first_at"] <= row["previous_at"] else ""
    return f"{absence}first listed {_format_date(row['first_at'])}"


def explain_return(row: MoverRow, k: int) -> str:
    """Return when a package that returned was last in the top K."""
    last_date = "an earlier date" if row["member_at"] is None else _format_date(row["member_at"])
    return f"last in the top {k:,} on {last_date}"


def explain_exit(row: MoverRow, k: int) -> str:
    """Return where a package that left is now."""
    if row["rank"] is not None:
        return f"fell to rank {row['rank']:,}"
    if row["deepest_rank"] is not None:
        return f"not in this list; rank {row['deepest_rank']:,} in the deepest list of the day"
    return f"dropped below rank {row['depth']:,}, or removed"


def explain_rename(row: MoverRow, k: int) -> str:
    """Return the old and the new name of a package."""
    return f"renamed, not counted: {row['previous_name']} → {row['name']}"


EXPLANATIONS = {"entered": explain_entry, "returned": explain_return, "left": explain_exit, "renamed": explain_rename}


def _is_within(rank: int | None, k: int) -> bool:
    return rank is not None and rank <= k


def _format_date(seconds: int) -> str:
    return isoformat_utc(seconds)[:10]
