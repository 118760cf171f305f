"""Stored censuses: read the counters as columns, read the series of one package, compute the digest, write the blocks.

The censuses of a registry are chains of blocks (`db.census.blocks`): a keyframe every 32 censuses, and deltas between.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import compress, groupby
from operator import itemgetter

import numpy as np

from db.census.blocks import (
    BLOCK_SIZE,
    CODEC_FROM_KEYFRAME,
    COUNTER_COLUMNS,
    CURRENT_CODEC,
    MISSING_VALUE,
    BlockAlignment,
    CounterBlock,
    align,
    apply_delta,
    decode_keyframe,
    decode_package,
    empty_block,
    empty_delta,
    encode_delta,
    encode_keyframe,
)
from db.census.staging import CensusDigest, hex_lines, load_staged
from db.ids import HUB_ID_BYTES
from db.sql_files import load_statements

KEYFRAME_INTERVAL = 32
MID_CHAIN_LINK = 16  # the link that is a delta from the keyframe of its chain
COLUMN_NAMES = ("package", *COUNTER_COLUMNS)
DECODER_THREADS = 1  # besides the consuming thread: more threads would wait for the interpreter's lock
KEY_BATCH_SIZE = 1 << 16

Columns = dict[str, np.ndarray]
Link = tuple[int, int, int, int, bytes]  # number of the block, snapshot, keyframe or not, codec, content


@dataclass(frozen=True)
class CensusPoint:
    """One package in one census. A counter is None where the registry gave none or the package was absent."""

    snapshot: int
    taken_at: int
    status: str
    present: bool
    downloads: int | None
    likes: int | None
    downloads_all_time: int | None


def is_census(connection: sqlite3.Connection, snapshot: int) -> bool:
    """Return whether the counters of a snapshot are stored in blocks."""
    row = connection.execute("SELECT 1 FROM census WHERE snapshot_id = ?", (snapshot,)).fetchone()
    return row is not None


def load_counters(connection: sqlite3.Connection, snapshot: int) -> Columns:
    """Return the counters of a census: `package`, `downloads`, `likes`, `downloads_all_time`, in package order.

    Each is an array of int64, with -1 where the registry gave no value. All are empty if the snapshot is not a census.
    """
    counters = {name: np.empty(_package_count(connection, snapshot), np.int64) for name in COLUMN_NAMES}
    start = 0
    for columns in iter_counter_blocks(connection, snapshot):
        for name, column in columns.items():
            counters[name][start : start + len(column)] = column  # fails if the blocks have more than the census says
        start += len(columns["package"])
    return counters


def iter_counter_blocks(connection: sqlite3.Connection, snapshot: int) -> Iterator[Columns]:
    """Yield the counters of a census one block of packages at a time, without holding the census in memory."""
    expected, count = _package_count(connection, snapshot), 0
    for number, block in iter_blocks(connection, snapshot) if expected else ():
        columns = dict(zip(COLUMN_NAMES, block.sorted_columns(number * BLOCK_SIZE), strict=True))
        count += len(columns["package"])
        yield columns
    if count != expected:
        raise ValueError(f"the blocks hold {count} packages, and the census {expected}")


def _package_count(connection: sqlite3.Connection, snapshot: int) -> int:
    """Return how many packages a census says it has."""
    row = connection.execute("SELECT packages FROM census WHERE snapshot_id = ?", (snapshot,)).fetchone()
    return row[0] if row else 0


def load_series(connection: sqlite3.Connection, package: int) -> list[CensusPoint]:
    """Return one package in each ended census of its registry, oldest first."""
    (statement,) = load_statements("package_census_series")
    rows = connection.execute(statement, {"package": package}).fetchall()
    chain = ((content, bool(is_keyframe), codec) for *_, is_keyframe, codec, content in rows if content is not None)
    states = decode_package(chain, package % BLOCK_SIZE)
    points, state = [], (False, [MISSING_VALUE] * len(COUNTER_COLUMNS))
    for snapshot, taken_at, status, _, _, content in rows:
        if content is not None:
            state = next(states)
        present, values = state
        counters = [value if present and value != MISSING_VALUE else None for value in values]
        points.append(CensusPoint(snapshot, taken_at, status, present, *counters))
    return points


def compute_census_digest(connection: sqlite3.Connection, snapshot: int) -> str:
    """Return the sha256 of a stored census, as `db.census.staging.CensusDigest` computes it."""
    counters, digest = load_counters(connection, snapshot), CensusDigest()
    packages = counters["package"]
    for numbers, keys in _iter_packages_by_key(connection, snapshot):
        indices = np.searchsorted(packages, numbers)
        indices[indices == len(packages)] = 0
        is_listed = packages[indices] == numbers if len(packages) else np.zeros(len(numbers), bool)
        listed_keys = keys if is_listed.all() else tuple(compress(keys, is_listed.tolist()))
        digest.update(_key_lines(listed_keys), [counters[name][indices[is_listed]] for name in COUNTER_COLUMNS])
    return digest.hexdigest()


def _iter_packages_by_key(
    connection: sqlite3.Connection, snapshot: int
) -> Iterator[tuple[np.ndarray, tuple[str | bytes, ...]]]:
    """Yield the numbers and keys of a registry's packages in batches, ordered by key."""
    (statement,) = load_statements("package_keys")
    cursor = connection.cursor()
    cursor.row_factory = None
    parameters = {"registry": _registry_of(connection, snapshot), "limit": KEY_BATCH_SIZE, "last": ""}
    while rows := cursor.execute(statement, parameters).fetchall():
        numbers, keys = zip(*rows, strict=True)
        parameters["last"] = keys[-1]
        yield np.array(numbers, np.int64), keys


def _key_lines(keys: Sequence[str | bytes]) -> bytes:
    """Return the stable id of each key, one on a line."""
    binary_keys = [key for key in keys if isinstance(key, bytes)]
    if len(binary_keys) == len(keys) and set(map(len, binary_keys)) <= {HUB_ID_BYTES}:
        return hex_lines(b"".join(binary_keys))
    return "".join([f"{key.hex() if isinstance(key, bytes) else key}\n" for key in keys]).encode()


def _registry_of(connection: sqlite3.Connection, snapshot: int) -> int:
    row = connection.execute("SELECT registry_id FROM snapshot WHERE snapshot_id = ?", (snapshot,)).fetchone()
    registry: int = row[0]
    return registry


def write_census(connection: sqlite3.Connection, snapshot: int) -> tuple[np.ndarray, np.ndarray]:
    """Write the staged pages of an open census as blocks, in the transaction that ends the snapshot.

    Return the numbers of its packages, and of the packages that departed since the previous census, both ascending.
    """
    packages, columns = load_staged(connection, snapshot)
    registry = _registry_of(connection, snapshot)
    (count, last) = connection.execute(
        "SELECT count(*), coalesce(max(snapshot_id), 0) FROM census JOIN snapshot USING (snapshot_id)"
        " WHERE registry_id = ?",
        (registry,),
    ).fetchone()
    if last >= snapshot:
        raise ValueError(f"census {snapshot} ends after census {last} of the same registry, which began later")
    previous = iter_blocks(connection, last, registry)
    departed = write_blocks(connection, (registry, snapshot), previous, packages, columns, count % KEYFRAME_INTERVAL)
    connection.execute("DELETE FROM census_page WHERE snapshot_id = ?", (snapshot,))
    return packages.copy(), departed  # a copy, because the array is a view of all staged columns


def write_blocks(
    connection: sqlite3.Connection, census: tuple[int, int], previous: Iterator[tuple[int, CounterBlock]],
    packages: np.ndarray, columns: list[np.ndarray], link: int,
) -> np.ndarray:  # fmt: skip
    """Write the blocks of a census (registry and snapshot) and return the packages that departed.

    `previous` are the blocks of the previous census, `packages` are ascending, `columns` are their counters, and `link`
    is the position of the census in its chain.
    """
    registry, snapshot = census
    packages = packages.astype(np.int64, copy=False)
    arrivals, departed_by_block = 0, [np.empty(0, np.int64)]
    for number, block, rows in _pair_blocks(previous, packages):
        offsets = packages[rows] - number * BLOCK_SIZE
        alignment = align(block, offsets)
        arrivals += alignment.count_arrivals()
        departed_by_block.append(alignment.departed_offsets() + number * BLOCK_SIZE)
        block_columns = [column[rows] for column in columns]
        _write_block(connection, (registry, number, snapshot), alignment, offsets, block_columns, link)
    departed = np.concatenate(departed_by_block)
    connection.execute(
        "INSERT INTO census (snapshot_id, packages, arrivals, departures) VALUES (?, ?, ?, ?)",
        (snapshot, len(packages), arrivals, len(departed)),
    )
    return departed


def find_absent_packages(
    connection: sqlite3.Connection, snapshot: int, packages: np.ndarray, departed: np.ndarray
) -> list[int]:
    """Return the packages of the registry with a fingerprint of an earlier census that are not in this one.

    They are the packages that departed since the previous census, if that was complete and no other began in between.
    """
    (statement,) = load_statements("previous_census_is_complete")
    if connection.execute(statement, {"snapshot": snapshot}).fetchone():
        return list(departed.tolist())
    (text,) = connection.execute(
        "SELECT group_concat(package_id) FROM package WHERE registry_id = ? AND fingerprint IS NOT NULL",
        (_registry_of(connection, snapshot),),
    ).fetchone()
    candidates = np.fromstring(text or "", np.int64, sep=",")
    if not len(packages):
        return list(candidates.tolist())
    indices = np.searchsorted(packages, candidates)
    indices[indices == len(packages)] = 0
    return list(candidates[packages[indices] != candidates].tolist())


def _write_block(
    connection: sqlite3.Connection, key: tuple[int, int, int], alignment: BlockAlignment, offsets: np.ndarray,
    columns: list[np.ndarray], link: int,
) -> None:  # fmt: skip
    codec, is_keyframe = CURRENT_CODEC, not (link and len(alignment.block.offsets))
    if is_keyframe:
        content = encode_keyframe(offsets, columns)
    elif link == MID_CHAIN_LINK:
        codec = CODEC_FROM_KEYFRAME
        content = encode_delta(align(_chain_keyframe(connection, *key[:2]), offsets), columns) or empty_delta()
    else:
        content = encode_delta(alignment, columns)
    if content:
        connection.execute(
            "INSERT INTO observation_block (registry_id, number, snapshot_id, codec, is_keyframe, content)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (*key, codec, int(is_keyframe), content),
        )


def _chain_keyframe(connection: sqlite3.Connection, registry: int, number: int) -> CounterBlock:
    """Return the block at the beginning of the newest chain."""
    row = connection.execute(
        "SELECT content, codec FROM observation_block WHERE registry_id = ? AND number = ? AND is_keyframe"
        " ORDER BY snapshot_id DESC LIMIT 1",
        (registry, number),
    ).fetchone()
    return decode_keyframe(*row)


def _pair_blocks(
    previous: Iterator[tuple[int, CounterBlock]], packages: np.ndarray
) -> Iterator[tuple[int, CounterBlock, slice]]:
    """Yield the number of every block of the previous census or of this one, the previous block, and its rows here."""
    earlier = next(previous, None)
    count = int(packages[-1] >> 16) + 1 if len(packages) else 0
    # Both arguments have one type, or searchsorted copies the longer one.
    edges = np.searchsorted(packages, np.arange(count + 1) * BLOCK_SIZE).tolist()
    rows = {number: slice(*edges[number : number + 2]) for number in range(count) if edges[number] < edges[number + 1]}
    numbers = sorted(rows)
    while earlier is not None or numbers:
        number = min(([earlier[0]] if earlier else []) + numbers[:1])
        block = empty_block()
        if earlier is not None and earlier[0] == number:
            block, earlier = earlier[1], next(previous, None)
        yield number, block, rows.get(number, slice(0, 0))
        if numbers[:1] == [number]:
            del numbers[0]


def iter_blocks(
    connection: sqlite3.Connection, snapshot: int, registry: int | None = None
) -> Iterator[tuple[int, CounterBlock]]:
    """Yield the number and the content of every block of a census, in order."""
    if registry is None:
        registry = _registry_of(connection, snapshot)
    (statement,) = load_statements("census_blocks")
    cursor = connection.execute(statement, {"registry": registry, "snapshot": snapshot})
    chains = ((number, list(links)) for number, links in groupby(cursor, itemgetter(0)))
    with ThreadPoolExecutor(DECODER_THREADS) as decoders:
        yield from _decode_ahead(decoders, chains)


def _decode_ahead(
    decoders: ThreadPoolExecutor, chains: Iterator[tuple[int, list[Link]]]
) -> Iterator[tuple[int, CounterBlock]]:
    """Decode a few chains ahead of the consumer, without holding the census in memory."""
    pending: deque[tuple[int, Future[CounterBlock]]] = deque()
    for number, links in chains:
        pending.append((number, decoders.submit(_replay_chain, links)))
        if len(pending) > 2 * DECODER_THREADS:
            first, future = pending.popleft()
            yield first, future.result()
    for number, future in pending:
        yield number, future.result()


def _replay_chain(links: list[Link]) -> CounterBlock:
    block = empty_block()
    for _, _, is_keyframe, codec, content in links:
        block = decode_keyframe(content, codec) if is_keyframe else apply_delta(block, content, codec)
    return block
