"""What a census says that the ones before it did not: only the packages of which something may have to be told.

A census has millions of counters, and all but a few of them moved as they do. Whose did not is found by columns; the
histories of those few are given to whoever judges them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from db.census import counters
from db.events import PackageEvent, Said
from db.store import Store


@dataclass(frozen=True)
class Limits:
    """What makes a counter worth a look: it was larger than `least` and fell by `fall`, or stood still for `still`."""

    least: int
    fall: float
    still: int


Column = np.ndarray
NOTHING = -1


def odd(store: Store, snapshot: int, limits: Limits) -> tuple[int, Iterator[tuple[int, list[Said]]]]:
    """How many packages a census has, and the histories of those whose counters may have done something odd.

    A history is of the census before, of the newest that is at least `still` old, of the one before that, and of this
    one; oldest first.
    """
    (taken_at,) = store._connection.execute(
        "SELECT taken_at FROM snapshot WHERE snapshot_id = ?", (snapshot,)
    ).fetchone()
    earlier = [(row["snapshot_id"], row["taken_at"]) for row in store.ask("census_earlier", snapshot=snapshot)]
    chosen = _chosen(earlier, taken_at - limits.still)
    now = counters(store._connection, snapshot)
    packages = now["package"]
    said = [(taken_at, now["downloads"], now["downloads_all_time"])]
    for number, at in chosen:
        said.append((at, *_aligned(store._connection, number, packages)))
    if len(said) == 1:
        return len(packages), iter(())
    places = np.flatnonzero(_odd([one[1] for one in said], [one[2] for one in said], limits))
    oldest_first = sorted(said, key=lambda one: one[0])
    return len(packages), (
        (int(packages[place]), [_said(at, downloads[place], total[place]) for at, downloads, total in oldest_first])
        for place in places.tolist()
    )


def changed(store: Store, snapshot: int) -> list[PackageEvent]:
    """What changed of a census's packages beside their counters."""
    return [
        PackageEvent(row["package_id"], row["kind"], "note", row["evidence"], row["before"], row["after"])
        for row in store.ask("census_changed", snapshot=snapshot)
    ]


def _chosen(earlier: list[tuple[int, int]], still_since: int) -> list[tuple[int, int]]:
    old = [one for one in earlier if one[1] <= still_since][:2]
    return [*earlier[:1], *(one for one in old if one != earlier[0])]


def _aligned(connection: sqlite3.Connection, snapshot: int, packages: Column) -> tuple[Column, Column]:
    """Downloads and their total of a census, for these packages; -1 for those it had not."""
    found = counters(connection, snapshot)
    if not len(found["package"]):
        return np.full(len(packages), NOTHING), np.full(len(packages), NOTHING)
    at = np.minimum(np.searchsorted(found["package"], packages), len(found["package"]) - 1)
    there = found["package"][at] == packages
    return tuple(np.where(there, found[name][at], NOTHING) for name in ("downloads", "downloads_all_time"))


def _odd(downloads: list[Column], totals: list[Column], limits: Limits) -> Column:
    """Newest first; the last two are of the two weeks before, where there are any."""
    now, before = downloads[:2]
    large = before > limits.least
    fell = large & (now != NOTHING) & (now <= (1 - limits.fall) * before)
    shrank = (totals[1] != NOTHING) & (totals[0] != NOTHING) & (totals[0] < totals[1])
    if len(downloads) < 3:
        return fell | shrank
    *_, still, moved = downloads
    return fell | shrank | (large & (now == before) & (before == still) & (moved != NOTHING) & (moved != still))


def _said(at: int, downloads: np.int64, total: np.int64) -> Said:
    return Said(at, *(None if value == NOTHING else int(value) for value in (downloads, total)))
