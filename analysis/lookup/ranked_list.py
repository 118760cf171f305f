"""Build the document about one list, compared with an earlier one."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import cast

from analysis.compute.relations import fetch_rows as fetch_relation
from analysis.lookup.fetching import SqlRow, fetch_rows
from analysis.lookup.list_rows import ListDocument, ListIdentity, RankedPackage, RankMove, RankTie
from analysis.reporting.movers import EXPLANATIONS, MoverRow, classify_move
from analysis.reporting.names import package_page
from analysis.reporting.redacted_rows import omit_redacted
from db import SECONDS_PER_DAY, UsageError, __version__
from db.cli import isoformat_utc
from db.depths import compare_at_depth
from db.redactions import RedactedNames
from db.sources import describe_stand_ins, load_stand_ins

SCHEMA = 1


@dataclass(frozen=True)
class ListRequest:
    """A list to look up: of the newest day before `until`, compared with the newest list before `since` (None: any)."""

    registry: str
    by: str
    k: int
    until: int
    since: int | None = None


@dataclass(frozen=True)
class ComparedLists:
    """A list, its depth K, and the list that it is compared with, if there is any."""

    target: SqlRow
    k: int
    previous: SqlRow | None


def build_document(connection: sqlite3.Connection, request: ListRequest) -> ListDocument | None:
    """Return the document about the list of a request, None if the store has no such list.

    Raises:
        UsageError: the list is not later than the day that it should be compared with.
    """
    deepest = next(iter(fetch_rows(connection, "deepest_list", registry=request.registry, by=request.by,
                                   until=request.until)), None)  # fmt: skip
    if deepest is None:
        return None
    k, day = min(request.k, deepest["depth"]), deepest["taken_at"] - deepest["taken_at"] % SECONDS_PER_DAY
    if request.since is not None and request.since > day:
        raise reversed_days_error(request.since, deepest["date"])
    skipped = range(0) if request.since is None else range(request.since, day)
    with compare_at_depth(connection, k, with_members=False, skipped=skipped):
        lists = find_lists(connection, deepest["snapshot"], k)
        target, previous = lists.target["snapshot"], lists.previous and lists.previous["snapshot"]
        movers = fetch_relation(connection, "movers", snapshot=target, k=k)
    rows = fetch_relation(connection, "top_ranks", snapshot=target, limit=k, previous=previous)
    redacted = RedactedNames(frozenset(row["name"] for row in fetch_rows(connection, "redacted_names")))
    moves = [describe_move(row, k) for row in omit_redacted(movers, redacted)]
    return describe_lists(connection, request, lists, omit_redacted(rows, redacted), moves)


def reversed_days_error(since: int, date: str) -> UsageError:
    """Return the error for a list that would be compared with a list of its own day or a later day."""
    return UsageError(
        f"--since {isoformat_utc(since - 1)[:10]} is not before the day of the list, {date}.",
        fix="Name an earlier day with --since, or a later one with --date.",
        more="docs/commands.md",
    )


def find_lists(connection: sqlite3.Connection, snapshot: int, k: int) -> ComparedLists:
    """Return the list that stands for the day of a snapshot at K, and the list that it is compared with."""
    (numbers,) = fetch_rows(connection, "list_of_day", snapshot=snapshot, k=k)
    target, previous = (
        next(iter(fetch_rows(connection, "list_by_number", snapshot=numbers[name])), None)
        for name in ("snapshot", "previous")
    )
    assert target is not None
    return ComparedLists(target, k, previous)


def describe_lists(
    connection: sqlite3.Connection, request: ListRequest, lists: ComparedLists, rows: Sequence[SqlRow],
    moves: list[RankMove],
) -> ListDocument:  # fmt: skip
    """Return the document about two compared lists."""
    target, previous, k = lists.target, lists.previous, lists.k
    warning = describe_sources(connection, lists)
    changes = {move["package"]: move["change"] for move in moves if move["change"] != "renamed"}
    return {
        "schema": SCHEMA,
        "generated_by": f"hub-observatory {__version__}",
        "registry": request.registry,
        "warning": warning,
        "by": request.by,
        "counter": target["counter"],
        "requested": request.k,
        "k": k,
        "list": identify_list(target),
        "previous": identify_list(previous) if previous else None,
        "packages": [describe_package(row, target, changes.get(row["package"]), not warning) for row in rows],
        "missing_ranks": k - len(rows),
        "ties": list(find_ties(rows, next_value(connection, target, k))),
        "moves": moves,
    }


def describe_sources(connection: sqlite3.Connection, lists: ComparedLists) -> str:
    """Return what a reader must know if one of the two lists is not from the public registry."""
    stand_ins = load_stand_ins(connection)
    numbers = [row["snapshot"] for row in (lists.target, lists.previous) if row]
    return describe_stand_ins(stand_ins[number] for number in numbers if number in stand_ins)


def identify_list(row: SqlRow) -> ListIdentity:
    """Return what identifies a list."""
    return {
        "snapshot": row["snapshot"],
        "date": row["date"],
        "taken_at": isoformat_utc(row["taken_at"]),
        "depth": row["depth"],
        "origin": row["origin"],
    }


def describe_package(row: SqlRow, target: SqlRow, change: str | None, is_public: bool) -> RankedPackage:
    """Return one package of the list, with its rise since the compared list."""
    rank, previous_rank, value = row["rank"], row["previous_rank"], row["value"]
    page = package_page(target["registry"], row["name"], target["service"], target["service_name"])
    return {
        "rank": rank,
        "name": row["name"],
        "package": row["package"],
        "url": page if page and is_public else None,
        "value": int(value) if value is not None and value.is_integer() else value,
        "previous_rank": previous_rank,
        "rise": None if previous_rank is None else previous_rank - rank,
        "change": change,
    }


def describe_move(row: SqlRow, k: int) -> RankMove:
    """Return what happened to a package, with the reason, as the report explains it."""
    change = classify_move(row["rank"], row["previous_rank"], row["member_at"], k)
    return {
        "change": change,
        "name": row["name"],
        "previous_name": row["previous_name"],
        "package": row["package"],
        "rank": row["rank"],
        "previous_rank": row["previous_rank"],
        "reason": EXPLANATIONS[change](cast(MoverRow, row), k),
    }


def next_value(connection: sqlite3.Connection, target: SqlRow, k: int) -> float | None:
    """Return the counter below rank K, None if it is unknown."""
    rows = fetch_rows(connection, "value_at_rank", snapshot=target["snapshot"], rank=k + 1)
    return rows[0]["value"] if rows else target["next_value"] if k == target["depth"] else None


def find_ties(rows: Sequence[SqlRow], value_below: float | None) -> Iterator[RankTie]:
    """Yield the ranks with equal counters. A tie is open if the counter below the last row equals its own.

    >>> rows = [{"rank": rank, "value": value} for rank, value in ((1, 9), (2, 7), (3, 7), (4, 5))]
    >>> [(tie["first"], tie["last"], tie["is_open"]) for tie in find_ties(rows, value_below=5)]
    [(2, 3, False), (4, 4, True)]
    """
    known = [row for row in rows if row["value"] is not None]
    for value, group in groupby(known, itemgetter("value")):
        ranks = [row["rank"] for row in group]
        is_open = ranks[-1] == known[-1]["rank"] and value == value_below
        if len(ranks) > 1 or is_open:
            yield {"first": ranks[0], "last": ranks[-1], "value": value, "is_open": is_open}
