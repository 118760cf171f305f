"""The observations in ended censuses of the packages that a removed import touched."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from db.census.blocks import (
    BLOCK_SIZE,
    CODEC_FROM_KEYFRAME,
    COUNTER_COLUMNS,
    MISSING_VALUE,
    CounterBlock,
    apply_delta,
    decode_keyframe,
    empty_block,
)
from db.sql_files import load_statements

Counters = Mapping[str, int | None]


@dataclass(frozen=True, slots=True)
class CensusSighting:
    """A package in a census, with its counters."""

    package: int
    snapshot: int
    taken_at: int
    counters: Counters


def load_census_sightings(connection: sqlite3.Connection) -> list[CensusSighting]:
    """Return every sighting of a touched package by a census that has ended."""
    touched = [package for (package,) in connection.execute("SELECT package_id FROM temp.touched_package ORDER BY 1")]
    return [
        sighting
        for number, packages in groupby(touched, key=lambda package: package // BLOCK_SIZE)
        for sighting in _iter_sightings(connection, number, list(packages))
    ]


def _iter_sightings(connection: sqlite3.Connection, number: int, packages: list[int]) -> Iterator[CensusSighting]:
    """Yield the sightings of packages that are in one block."""
    (statement,) = load_statements("package_census_series")
    rows = connection.execute(statement, {"package": packages[0]}).fetchall()
    wanted = np.array(packages, np.int64) - number * BLOCK_SIZE
    for row, block in zip(rows, _replay_blocks(rows), strict=True):
        positions = np.flatnonzero(np.isin(block.offsets, wanted) & block.present)
        columns = (block.offsets[positions].tolist(), *(column[positions].tolist() for column in block.values))
        for offset, *values in zip(*columns, strict=True):
            package = offset + number * BLOCK_SIZE
            yield CensusSighting(package, row["snapshot_id"], row["taken_at"], _name_counters(values))


def _replay_blocks(rows: Iterable[sqlite3.Row]) -> Iterator[CounterBlock]:
    """Yield one block as it is in each census. A census in which the block did not change has no content of it."""
    block = keyframe = empty_block()
    for row in rows:
        if row["content"] is not None and row["is_keyframe"]:
            block, keyframe = (decode_keyframe(row["content"], row["codec"]) for _ in range(2))
        elif row["content"] is not None:
            before = _copy_block(keyframe) if row["codec"] == CODEC_FROM_KEYFRAME else block
            block = apply_delta(before, row["content"], row["codec"])
        yield block


def _copy_block(block: CounterBlock) -> CounterBlock:
    """Return a block with arrays of its own, because a delta overwrites them."""
    return CounterBlock(block.offsets.copy(), block.present.copy(), [column.copy() for column in block.values])


def _name_counters(values: Iterable[int]) -> Counters:
    return {
        name: None if value == MISSING_VALUE else value for name, value in zip(COUNTER_COLUMNS, values, strict=True)
    }
