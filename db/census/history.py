"""Any past census: its counters as columns, one package's whole series, its digest, and how one comes to be stored.

A census of a registry is a chain of blocks (db.blocks): whole ones now and then, and differences between them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import compress, groupby, repeat
from operator import itemgetter
from pathlib import Path

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
from db.migrate import split_statements

FOLDER = Path(__file__).parent.parent / "statements"
KEYFRAME_INTERVAL = 32
MID_CHAIN_LINK = 16  # of a chain: a difference from its beginning
COLUMN_NAMES = ("package", *COUNTER_COLUMNS)
DECODER_THREADS = 1  # beside the thread that takes what is read: with more, they wait for each other's Python
KEY_BATCH_SIZE = 1 << 16

Columns = dict[str, np.ndarray]


@dataclass(frozen=True)
class CensusPoint:
    """One package in one census; None where the registry said nothing, or where the package was not there."""

    snapshot: int
    taken_at: int
    status: str
    present: bool
    downloads: int | None
    likes: int | None
    downloads_all_time: int | None


def is_census(connection: sqlite3.Connection, snapshot: int) -> bool:
    """Whether a snapshot's counters are kept in blocks."""
    found = connection.execute("SELECT 1 FROM census WHERE snapshot_id = ?", (snapshot,))
    return found.fetchone() is not None


def load_counters(connection: sqlite3.Connection, snapshot: int) -> Columns:
    """The counters of a past census: `package`, `downloads`, `likes` and `downloads_all_time`, in package order.

    Each is an array of int64; -1 where the registry said nothing. Of a snapshot that is no census all are empty.
    """
    found = {name: np.empty(_package_count(connection, snapshot), np.int64) for name in COLUMN_NAMES}
    at = 0
    for part in iter_counter_blocks(connection, snapshot):
        for name, column in part.items():
            found[name][at : at + len(column)] = column  # a block with more than the census says does not fit
        at += len(part["package"])
    return found


def iter_counter_blocks(connection: sqlite3.Connection, snapshot: int) -> Iterator[Columns]:
    """The same, a block of packages at a time: never all of a census in memory."""
    packages, held = _package_count(connection, snapshot), 0
    for number, block in iter_blocks(connection, snapshot) if packages else ():
        part = dict(zip(COLUMN_NAMES, block.sorted_columns(number * BLOCK_SIZE), strict=True))
        held += len(part["package"])
        yield part
    if held != packages:
        raise ValueError(f"the blocks hold {held} packages, and the census {packages}")


def _package_count(connection: sqlite3.Connection, snapshot: int) -> int:
    """How many packages a census says it holds."""
    row = connection.execute("SELECT packages FROM census WHERE snapshot_id = ?", (snapshot,)).fetchone()
    return row[0] if row else 0


def load_series(connection: sqlite3.Connection, package: int) -> list[CensusPoint]:
    """What each ended census of its registry said of one package, oldest first."""
    rows = connection.execute(_load_statement("package_census_series"), {"package": package}).fetchall()
    chain = ((content, bool(is_whole), codec) for *_, is_whole, codec, content in rows if content is not None)
    states = decode_package(chain, package % BLOCK_SIZE)
    found, state = [], (False, [MISSING_VALUE] * len(COUNTER_COLUMNS))
    for snapshot, taken_at, status, _, _, content in rows:
        if content is not None:
            state = next(states)
        present, values = state
        said = [value if present and value != MISSING_VALUE else None for value in values]
        found.append(CensusPoint(snapshot, taken_at, status, present, *said))
    return found


def compute_census_digest(connection: sqlite3.Connection, snapshot: int) -> str:
    """The sha256 of a census, as `db.census.staging.Digest` makes it, from what is stored."""
    found, made = load_counters(connection, snapshot), CensusDigest()
    for ids, keys in _iter_packages_by_key(connection, snapshot):
        at = np.searchsorted(found["package"], ids)
        at[at == len(found["package"])] = 0
        there = found["package"][at] == ids if len(found["package"]) else np.zeros(len(ids), bool)
        present = keys if there.all() else tuple(compress(keys, there.tolist()))
        made.update(_key_lines(present), [found[column][at[there]] for column in COUNTER_COLUMNS])
    return made.hexdigest()


def _iter_packages_by_key(
    connection: sqlite3.Connection, snapshot: int
) -> Iterator[tuple[np.ndarray, tuple[str | bytes, ...]]]:
    """The numbers of a registry's packages and their keys, in the order of these, some at a time."""
    cursor, last = connection.cursor(), ""
    cursor.row_factory = None
    asked = {"registry": _registry_of(connection, snapshot), "limit": KEY_BATCH_SIZE}
    while rows := cursor.execute(_load_statement("package_keys"), asked | {"last": last}).fetchall():
        packages, keys = zip(*rows, strict=True)
        last = keys[-1]
        yield np.array(packages, np.int64), keys


def _key_lines(keys: tuple[str | bytes, ...]) -> bytes:
    """The stable id of each key on a line of its own."""
    if all(map(isinstance, keys, repeat(bytes))) and set(map(len, keys)) <= {HUB_ID_BYTES}:
        return hex_lines(b"".join(keys))
    return "".join([f"{key.hex() if isinstance(key, bytes) else key}\n" for key in keys]).encode()


def _registry_of(connection: sqlite3.Connection, snapshot: int) -> int:
    (registry,) = connection.execute("SELECT registry_id FROM snapshot WHERE snapshot_id = ?", (snapshot,)).fetchone()
    return registry


def write_census(connection: sqlite3.Connection, snapshot: int) -> tuple[np.ndarray, np.ndarray]:
    """Turn the staged pages of an open census into blocks; the numbers of its packages, and of those that the census
    before has and it lacks, both rising.

    It belongs into the transaction that ends the snapshot.
    """
    packages, columns = load_staged(connection, snapshot)
    registry = _registry_of(connection, snapshot)
    (number, last) = connection.execute(
        "SELECT count(*), coalesce(max(snapshot_id), 0) FROM census JOIN snapshot USING (snapshot_id)"
        " WHERE registry_id = ?",
        (registry,),
    ).fetchone()
    if last >= snapshot:
        raise ValueError(f"census {snapshot} ends after census {last} of the same registry, which began later")
    before = iter_blocks(connection, last, registry)
    departed = write_blocks(connection, (registry, snapshot), before, packages, columns, number % KEYFRAME_INTERVAL)
    connection.execute("DELETE FROM census_page WHERE snapshot_id = ?", (snapshot,))
    return packages.copy(), departed  # alone: it is a part of all that was staged


def write_blocks(
    connection: sqlite3.Connection, census: tuple[int, int], before: Iterator[tuple[int, CounterBlock]], packages: np.ndarray,
    columns: list[np.ndarray], link: int,
) -> np.ndarray:  # fmt: skip
    """Write the blocks of a census (registry and snapshot), as differences from those before it; who is in those only.

    `packages` rise, `columns` are their counters, `link` is the place of the census in its chain.
    """
    registry, snapshot = census
    packages = packages.astype(np.int64, copy=False)
    arrived, departed = 0, [np.empty(0, np.int64)]
    for block, known, lies in _pair_blocks(before, packages):
        places, given = packages[lies] - block * BLOCK_SIZE, [column[lies] for column in columns]
        step = align(known, places)
        arrived += step.count_arrivals()
        departed.append(step.departed_offsets() + block * BLOCK_SIZE)
        _write_block(connection, (registry, block, snapshot), step, places, given, link)
    gone = np.concatenate(departed)
    connection.execute(
        "INSERT INTO census (snapshot_id, packages, arrivals, departures) VALUES (?, ?, ?, ?)",
        (snapshot, len(packages), arrived, len(gone)),
    )
    return gone


def find_absent_packages(
    connection: sqlite3.Connection, snapshot: int, packages: np.ndarray, departed: np.ndarray
) -> list[int]:
    """The packages of its registry that an earlier census has left a fingerprint of, and that are not in this one.

    They are those that have departed since the census before, if that was complete and no other began in between.
    """
    if connection.execute(_load_statement("previous_census_is_complete"), {"snapshot": snapshot}).fetchone():
        return departed.tolist()
    (text,) = connection.execute(
        "SELECT group_concat(package_id) FROM package WHERE registry_id = ? AND fingerprint IS NOT NULL",
        (_registry_of(connection, snapshot),),
    ).fetchone()
    known = np.fromstring(text or "", np.int64, sep=",")
    at = np.searchsorted(packages, known)
    at[at == len(packages)] = 0
    return known[packages[at] != known].tolist() if len(packages) else known.tolist()


def _write_block(
    connection: sqlite3.Connection, key: tuple[int, int, int], alignment: BlockAlignment, offsets: np.ndarray,
    columns: list[np.ndarray], link: int,
) -> None:  # fmt: skip
    codec, is_whole = CURRENT_CODEC, not (link and len(alignment.block.offsets))
    if is_whole:
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
            (*key, codec, int(is_whole), content),
        )


def _chain_keyframe(connection: sqlite3.Connection, registry: int, number: int) -> CounterBlock:
    """The whole block that a chain goes back to."""
    found = connection.execute(
        "SELECT content, codec FROM observation_block WHERE registry_id = ? AND number = ? AND is_keyframe"
        " ORDER BY snapshot_id DESC LIMIT 1",
        (registry, number),
    ).fetchone()
    return decode_keyframe(*found)


def _pair_blocks(
    before: Iterator[tuple[int, CounterBlock]], packages: np.ndarray
) -> Iterator[tuple[int, CounterBlock, slice]]:
    """Every block of the last census or of this one, and where in `packages` its packages lie."""
    known = next(before, None)
    after = int(packages[-1] >> 16) + 1 if len(packages) else 0
    edges = np.searchsorted(
        packages, np.arange(after + 1) * BLOCK_SIZE
    ).tolist()  # of one type, or the longer one is copied
    lies = {number: slice(*edges[number : number + 2]) for number in range(after) if edges[number] < edges[number + 1]}
    numbers = sorted(lies)
    while known is not None or numbers:
        block = min(([known[0]] if known else []) + numbers[:1])
        held = empty_block()
        if known is not None and known[0] == block:
            held, known = known[1], next(before, None)
        yield block, held, lies.get(block, slice(0, 0))
        if numbers[:1] == [block]:
            del numbers[0]


def iter_blocks(
    connection: sqlite3.Connection, snapshot: int, registry: int | None = None
) -> Iterator[tuple[int, CounterBlock]]:
    """Every block of a census as it then was, in order; the places are within the block."""
    if registry is None:
        registry = _registry_of(connection, snapshot)
    cursor = connection.execute(_load_statement("census_blocks"), {"registry": registry, "snapshot": snapshot})
    chains = ((number, list(links)) for number, links in groupby(cursor, itemgetter(0)))
    with ThreadPoolExecutor(DECODER_THREADS) as readers:
        yield from _decode_ahead(readers, chains)


def _decode_ahead(
    readers: ThreadPoolExecutor, chains: Iterator[tuple[int, list[tuple]]]
) -> Iterator[tuple[int, CounterBlock]]:
    """Decode a few chains ahead of whoever takes them: not all of a census in memory at once."""
    waiting = []
    for number, links in chains:
        waiting.append((number, readers.submit(_replay_chain, links)))
        if len(waiting) > 2 * DECODER_THREADS:
            first, future = waiting.pop(0)
            yield first, future.result()
    for number, future in waiting:
        yield number, future.result()


def _replay_chain(links: list[tuple]) -> CounterBlock:
    block = empty_block()
    for _, _, is_whole, codec, content in links:
        block = decode_keyframe(content, codec) if is_whole else apply_delta(block, content, codec)
    return block


def _load_statement(name: str) -> str:
    (found,) = split_statements((FOLDER / f"{name}.sql").read_text("utf-8"))
    return found
