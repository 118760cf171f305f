"""What a census says that the ones before it did not: only the packages of which something may have to be told.

A census has millions of counters, and all but a few of them moved as they do. Whose did not is found by columns; the
histories of those few are given to whoever judges them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from db.census.history import Columns, iter_counter_blocks
from db.store import Store
from db.store.package_events import CounterReading, PackageEvent


@dataclass(frozen=True)
class CounterLimits:
    """What makes a counter worth a look: it was larger than `least` and fell by `fall`, or stood still for `still`."""

    min_value: int
    min_fall: float
    still_for: int


Column = np.ndarray
MISSING_VALUE = -1


def unusual_counters(
    store: Store, snapshot: int, limits: CounterLimits
) -> tuple[int, Iterator[tuple[int, list[CounterReading]]]]:
    """How many packages a census has, and the histories of those whose counters may have done something odd.

    A history is of the census before, of the newest that is at least `still` old, of the one before that, and of this
    one; oldest first. They are read a block of packages at a time, and never held as a whole.
    """
    connection = store.connection
    taken_at, packages = connection.execute(
        "SELECT taken_at, packages FROM snapshot JOIN census USING (snapshot_id) WHERE snapshot_id = ?", (snapshot,)
    ).fetchone()
    earlier = [(row["snapshot_id"], row["taken_at"]) for row in store.query("earlier_censuses", snapshot=snapshot)]
    chosen = _choose_censuses(earlier, taken_at - limits.still_for)
    before = [(at, _BlockCursor(iter_counter_blocks(connection, number))) for number, at in chosen]
    now = iter_counter_blocks(connection, snapshot) if chosen else ()
    return packages, (found for part in now for found in _unusual_in_block(taken_at, part, before, limits))


def _unusual_in_block(
    taken_at: int, part: Columns, before: list[tuple[int, _BlockCursor]], limits: CounterLimits
) -> Iterator[tuple[int, list[CounterReading]]]:
    """The histories of those of one block."""
    packages = part["package"]
    said = [(taken_at, part["downloads"], part["downloads_all_time"])]
    said += [(at, *beside.counters_for(packages)) for at, beside in before]
    oldest_first = sorted(said, key=lambda one: one[0])
    for place in np.flatnonzero(_is_unusual([one[1] for one in said], [one[2] for one in said], limits)).tolist():
        yield (
            int(packages[place]),
            [_to_reading(at, downloads[place], total[place]) for at, downloads, total in oldest_first],
        )


class _BlockCursor:
    """The parts of an earlier census, gone through beside those of another."""

    def __init__(self, found: Iterator[Columns]) -> None:
        self._blocks = (part for part in found if len(part["package"]))
        self._block = next(self._blocks, None)

    def counters_for(self, packages: Column) -> tuple[Column, Column]:
        """Downloads and their total, for the packages of one block; -1 for those it had not."""
        while self._block is not None and len(packages) and self._block["package"][0] >> 16 < packages[0] >> 16:
            self._block = next(self._blocks, None)
        if self._block is None:
            return (np.full(len(packages), MISSING_VALUE),) * 2
        known, downloads, total = (self._block[name] for name in ("package", "downloads", "downloads_all_time"))
        at = np.minimum(np.searchsorted(known, packages), len(known) - 1)
        there = known[at] == packages
        return np.where(there, downloads[at], MISSING_VALUE), np.where(there, total[at], MISSING_VALUE)


def load_census_changes(store: Store, snapshot: int) -> list[PackageEvent]:
    """What changed of a census's packages beside their counters."""
    return [
        PackageEvent(row["package_id"], row["kind"], "note", row["evidence"], row["before"], row["after"])
        for row in store.query("census_package_changes", snapshot=snapshot)
    ]


def _choose_censuses(earlier: list[tuple[int, int]], still_since: int) -> list[tuple[int, int]]:
    old = [one for one in earlier if one[1] <= still_since][:2]
    return [*earlier[:1], *(one for one in old if one != earlier[0])]


def _is_unusual(downloads: list[Column], totals: list[Column], limits: CounterLimits) -> Column:
    """Newest first; the last two are of the two weeks before, where there are any."""
    now, before = downloads[:2]
    large = before > limits.min_value
    fell = large & (now != MISSING_VALUE) & (now <= (1 - limits.min_fall) * before)
    shrank = (totals[1] != MISSING_VALUE) & (totals[0] != MISSING_VALUE) & (totals[0] < totals[1])
    if len(downloads) < 3:
        return fell | shrank
    *_, still, moved = downloads
    return fell | shrank | (large & (now == before) & (before == still) & (moved != MISSING_VALUE) & (moved != still))


def _to_reading(at: int, downloads: np.int64, total: np.int64) -> CounterReading:
    return CounterReading(at, *(None if value == MISSING_VALUE else int(value) for value in (downloads, total)))
