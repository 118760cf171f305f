"""Changes of counters and attributes in a census, of only those packages that an event may be reported for.

A census has millions of counters, and nearly all of them change as usual. The unusual ones are found by comparing whole
columns. Only the histories of these few packages are given to the code that judges them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from db.census.blocks import BLOCK_SIZE, MISSING_VALUE
from db.census.history import Columns, iter_counter_blocks
from db.store import Store
from db.store.package_events import CounterReading, PackageEvent

Column = np.ndarray


@dataclass(frozen=True)
class CounterLimits:
    """The limits of a usual counter.

    A counter is unusual if it was larger than `min_value` and fell by the share `min_fall`, or did not change for
    `still_for` seconds.
    """

    min_value: int
    min_fall: float
    still_for: int


class _Reading(NamedTuple):
    """The counters of the packages of one block in one census."""

    taken_at: int
    downloads: Column
    totals: Column


def unusual_counters(
    store: Store, snapshot: int, limits: CounterLimits
) -> tuple[int, Iterator[tuple[int, list[CounterReading]]]]:
    """Return how many packages a census has, and the histories of those with unusual counters.

    A history has this census, the previous one, the newest one that is at least `still_for` old, and the one before
    that, oldest first. The censuses are read one block of packages at a time, and are never held in memory.
    """
    connection = store.connection
    taken_at, packages = connection.execute(
        "SELECT taken_at, packages FROM snapshot JOIN census USING (snapshot_id) WHERE snapshot_id = ?", (snapshot,)
    ).fetchone()
    earlier = [(row["snapshot_id"], row["taken_at"]) for row in store.query("earlier_censuses", snapshot=snapshot)]
    compared = _choose_censuses(earlier, taken_at - limits.still_for)
    cursors = [(at, _BlockCursor(iter_counter_blocks(connection, number))) for number, at in compared]
    blocks = iter_counter_blocks(connection, snapshot) if compared else ()
    return packages, (history for block in blocks for history in _unusual_in_block(taken_at, block, cursors, limits))


def _unusual_in_block(
    taken_at: int, block: Columns, cursors: list[tuple[int, _BlockCursor]], limits: CounterLimits
) -> Iterator[tuple[int, list[CounterReading]]]:
    """Yield the packages of one block with unusual counters, and their histories."""
    packages = block["package"]
    readings = [_Reading(taken_at, block["downloads"], block["downloads_all_time"])]
    readings += [_Reading(at, *cursor.counters_for(packages)) for at, cursor in cursors]
    oldest_first = sorted(readings, key=lambda reading: reading.taken_at)
    for index in np.flatnonzero(_is_unusual(readings, limits)).tolist():
        history = [
            CounterReading(at, _value_or_none(downloads[index]), _value_or_none(totals[index]))
            for at, downloads, totals in oldest_first
        ]
        yield int(packages[index]), history


class _BlockCursor:
    """The blocks of an earlier census, read in step with those of another census."""

    def __init__(self, blocks: Iterator[Columns]) -> None:
        self._blocks = (block for block in blocks if len(block["package"]))
        self._block = next(self._blocks, None)

    def counters_for(self, packages: Column) -> tuple[Column, Column]:
        """Return downloads and all-time downloads of the packages of one block, MISSING_VALUE for absent packages."""
        while self._block is not None and len(packages) and self._number_of(self._block) < packages[0] // BLOCK_SIZE:
            self._block = next(self._blocks, None)
        if self._block is None:
            return np.full(len(packages), MISSING_VALUE), np.full(len(packages), MISSING_VALUE)
        earlier, downloads, totals = (self._block[name] for name in ("package", "downloads", "downloads_all_time"))
        indices = np.minimum(np.searchsorted(earlier, packages), len(earlier) - 1)
        is_listed = earlier[indices] == packages
        return (
            np.where(is_listed, downloads[indices], MISSING_VALUE),
            np.where(is_listed, totals[indices], MISSING_VALUE),
        )

    @staticmethod
    def _number_of(block: Columns) -> int:
        return int(block["package"][0]) // BLOCK_SIZE


def load_census_changes(store: Store, snapshot: int) -> list[PackageEvent]:
    """Return the changes of a census's packages other than those of their counters."""
    return [
        PackageEvent(row["package_id"], row["kind"], "note", row["evidence"], row["before"], row["after"])
        for row in store.query("census_package_changes", snapshot=snapshot)
    ]


def _choose_censuses(earlier: list[tuple[int, int]], still_since: int) -> list[tuple[int, int]]:
    """Return the previous census, and the two newest that were taken before an instant. `earlier` is newest first."""
    older = [census for census in earlier if census[1] <= still_since][:2]
    return [*earlier[:1], *(census for census in older if census != earlier[0])]


def _is_unusual(readings: Sequence[_Reading], limits: CounterLimits) -> Column:
    """Return for each package whether its counters are unusual. The readings are newest first."""
    newest, previous = readings[:2]
    is_large = previous.downloads > limits.min_value
    has_fallen = (newest.downloads != MISSING_VALUE) & (newest.downloads <= (1 - limits.min_fall) * previous.downloads)
    has_both_totals = (previous.totals != MISSING_VALUE) & (newest.totals != MISSING_VALUE)
    unusual: Column = (is_large & has_fallen) | (has_both_totals & (newest.totals < previous.totals))
    if len(readings) > 2:
        *_, older, oldest = readings
        has_stopped = (newest.downloads == previous.downloads) & (previous.downloads == older.downloads)
        had_moved = (oldest.downloads != MISSING_VALUE) & (oldest.downloads != older.downloads)
        unusual |= is_large & has_stopped & had_moved
    return unusual


def _value_or_none(value: np.int64) -> int | None:
    return None if value == MISSING_VALUE else int(value)
