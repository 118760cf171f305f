"""Who entered, returned, left or was renamed, and why: a row of `movers.sql` in words."""

from __future__ import annotations

from collections.abc import Mapping

from db.cli import instant


def mover(row: Mapping[str, object], k: int) -> dict[str, object]:
    """One package's move into, out of or within a top K, with its reason."""
    change = change_of(row, k)
    return {
        "previous_snapshot": row["previous_snapshot"],
        "previous_date": row["previous_date"],
        "k": k,
        "change": change,
        "package": row["package"],
        "name": row["name"],
        "previous_name": row["previous_name"],
        "rank": row["rank"],
        "previous_rank": row["previous_rank"],
        "reason": REASONS[change](row, k),
    }


def change_of(row: Mapping[str, object], k: int) -> str:
    """What happened: entered, returned, left or renamed.

    >>> change_of({"rank": 7, "previous_rank": 2000, "member_at": None}, 1000)
    'entered'
    """
    now, last = _within(row["rank"], k), _within(row["previous_rank"], k)
    if now and last:
        return "renamed"
    if not now:
        return "left"
    return "entered" if row["member_at"] is None else "returned"


def why_entered(row: Mapping[str, object], k: int) -> str:
    """Why a package is in a top K for the first time."""
    if row["created_at"] is not None and row["created_at"] > row["previous_at"]:
        return f"new: created {_date(row['created_at'])}, after the previous snapshot"
    if row["previous_rank"] is not None:
        return f"rose from rank {row['previous_rank']:,}"
    if row["first_at"] is not None:
        return f"first listed on {_date(row['first_at'])}, but not last time"
    return "not listed before"


def why_returned(row: Mapping[str, object], k: int) -> str:
    """When a package that is back was last in the top K."""
    return f"last in the top {k:,} on {_date(row['member_at'])}"


def why_left(row: Mapping[str, object], k: int) -> str:
    """Where a package that left is now."""
    if row["rank"] is not None:
        return f"fell to rank {row['rank']:,}"
    return f"no longer among the first {row['depth']:,} listed"


def why_renamed(row: Mapping[str, object], k: int) -> str:
    """The names of a package that is still there."""
    return f"renamed, not counted: {row['previous_name']} → {row['name']}"


REASONS = {"entered": why_entered, "returned": why_returned, "left": why_left, "renamed": why_renamed}


def _within(rank: object, k: int) -> bool:
    return rank is not None and rank <= k


def _date(seconds: int) -> str:
    return instant(seconds)[:10]
