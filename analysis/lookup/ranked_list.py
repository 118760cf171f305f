"""Build the document about one list, compared with an earlier one."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import cast

from analysis.lookup.fetching import SqlRow, fetch_rows
from analysis.lookup.links import package_url
from analysis.lookup.list_rows import ListDocument, ListIdentity, RankedPackage, RankMove, RankTie
from analysis.reporting.movers import EXPLANATIONS, MoverRow, classify_move
from db import SECONDS_PER_DAY, __version__
from db.cli import isoformat_utc
from db.sources import load_warnings

SCHEMA = 1


@dataclass(frozen=True)
class ListRequest:
    """A list to look up: the newest before `until`, compared with the newest before `since` of an earlier day."""

    registry: str
    by: str
    k: int
    until: int
    since: int


def build_document(connection: sqlite3.Connection, request: ListRequest) -> ListDocument | None:
    """Return the document about the list of a request, None if the store has no such list."""
    target = find_list(connection, request, request.until)
    if target is None:
        return None
    k = min(request.k, target["depth"])
    previous = find_previous(connection, request, target, k)
    number = previous["snapshot"] if previous else None
    warning = load_warnings(connection).get(request.registry, "")
    rows = fetch_rows(connection, "compared_list", snapshot=target["snapshot"], previous=number, k=k)
    listed = [row for row in rows if row["rank"] is not None and row["rank"] <= k]
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
        "packages": [describe_package(row, target, k, previous is not None, is_public=not warning) for row in listed],
        "missing_ranks": k - len(listed),
        "ties": list(find_ties(listed, next_value(connection, target, k))),
        "moves": [describe_move(row, k) for row in rows if previous and is_move(row, k)],
    }


def find_list(connection: sqlite3.Connection, request: ListRequest, until: int) -> SqlRow | None:
    """Return the newest list of a request before an instant."""
    rows = fetch_rows(
        connection, "list_before", registry=request.registry, by=request.by, until=until, counter=None, least=1,
        k=request.k,
    )  # fmt: skip
    return rows[0] if rows else None


def find_previous(connection: sqlite3.Connection, request: ListRequest, target: SqlRow, k: int) -> SqlRow | None:
    """Return the newest list of an earlier day with the same counter and at least K ranks."""
    day = target["taken_at"] - target["taken_at"] % SECONDS_PER_DAY
    rows = fetch_rows(
        connection, "list_before", registry=request.registry, by=request.by, until=min(day, request.since),
        counter=target["counter"], least=k, k=k,
    )  # fmt: skip
    return rows[0] if rows else None


def identify_list(row: SqlRow) -> ListIdentity:
    """Return what identifies a list."""
    return {
        "snapshot": row["snapshot"],
        "date": row["date"],
        "taken_at": isoformat_utc(row["taken_at"]),
        "depth": row["depth"],
        "origin": row["origin"],
    }


def describe_package(row: SqlRow, target: SqlRow, k: int, is_compared: bool, is_public: bool) -> RankedPackage:
    """Return one package of the list, with its rise since the compared list."""
    rank, previous_rank = row["rank"], row["previous_rank"]
    is_in_both = previous_rank is not None and previous_rank <= k
    return {
        "rank": rank,
        "name": row["name"],
        "package": row["package"],
        "url": package_url(target["registry"], target["service_name"], row["name"]) if is_public else None,
        "value": row["value"],
        "previous_rank": previous_rank,
        "rise": None if previous_rank is None else previous_rank - rank,
        "change": None if is_in_both or not is_compared else classify_move(rank, previous_rank, row["member_at"], k),
    }


def is_move(row: SqlRow, k: int) -> bool:
    """Return whether a package entered, left or was renamed."""
    is_in_both = all(rank is not None and rank <= k for rank in (row["rank"], row["previous_rank"]))
    return not is_in_both or row["name"] != row["previous_name"]


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
