"""The rows of the document about one list; docs/report-json.md explains each key."""

from __future__ import annotations

from typing import TypedDict


class ListIdentity(TypedDict):
    """One complete list: its number in the store, its day and the number of its ranks."""

    snapshot: int
    date: str
    taken_at: str
    depth: int
    origin: str


class RankedPackage(TypedDict):
    """One package of the list. `rise` is the number of ranks that it rose since the compared list, None if unknown."""

    rank: int
    name: str
    package: str
    url: str | None
    value: float | None
    previous_rank: int | None
    rise: int | None
    change: str | None


class RankMove(TypedDict):
    """A package that entered, returned, left or was renamed, with the reason."""

    change: str
    name: str
    previous_name: str
    package: str
    rank: int | None
    previous_rank: int | None
    reason: str


class RankTie(TypedDict):
    """Ranks with equal counters, whose order has no meaning. `is_open` is True if the tie may go on below the last."""

    first: int
    last: int
    value: float
    is_open: bool


class ListDocument(TypedDict):
    """The first ranks of one list, compared with an earlier list. `previous` is None if there is no such list."""

    schema: int
    generated_by: str
    registry: str
    warning: str
    by: str
    counter: str
    requested: int
    k: int
    list: ListIdentity
    previous: ListIdentity | None
    packages: list[RankedPackage]
    missing_ranks: int
    ties: list[RankTie]
    moves: list[RankMove]
