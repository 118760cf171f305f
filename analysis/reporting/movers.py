"""Who entered, returned, left or was renamed, and why: a row of `movers.sql` in words."""

from __future__ import annotations

from collections.abc import Mapping

from db.cli import isoformat_utc


def describe_move(row: Mapping[str, object], k: int) -> dict[str, object]:
    """One package's move into, out of or within a top K, with its reason."""
    change = classify_move(row, k)
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


def classify_move(row: Mapping[str, object], k: int) -> str:
    """What happened: entered, returned, left or renamed.

    >>> classify_move({"rank": 7, "previous_rank": 2000, "member_at": None}, 1000)
    'entered'
    """
    now, last = _is_within(row["rank"], k), _is_within(row["previous_rank"], k)
    if now and last:
        return "renamed"
    if not now:
        return "left"
    return "entered" if row["member_at"] is None else "returned"


def explain_entry(row: Mapping[str, object], k: int) -> str:
    """Why a package is in a top K for the first time."""
    if row["created_at"] is not None and row["created_at"] > row["previous_at"]:
        return f"new: created {_format_date(row['created_at'])}, after the previous snapshot"
    if row["previous_rank"] is not None:
        return f"rose from rank {row['previous_rank']:,}"
    if row["first_at"] is not None:
        return f"first listed on {_format_date(row['first_at'])}, but not last time"
    return "not listed before"


def explain_return(row: Mapping[str, object], k: int) -> str:
    """When a package that is back was last in the top K."""
    return f"last in the top {k:,} on {_format_date(row['member_at'])}"


def explain_exit(row: Mapping[str, object], k: int) -> str:
    """Where a package that left is now."""
    if row["rank"] is not None:
        return f"fell to rank {row['rank']:,}"
    return f"no longer among the first {row['depth']:,} listed"


def explain_rename(row: Mapping[str, object], k: int) -> str:
    """The names of a package that is still there."""
    return f"renamed, not counted: {row['previous_name']} → {row['name']}"


REASONS = {"entered": explain_entry, "returned": explain_return, "left": explain_exit, "renamed": explain_rename}


def _is_within(rank: object, k: int) -> bool:
    return rank is not None and rank <= k


def _format_date(seconds: int) -> str:
    return isoformat_utc(seconds)[:10]
