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
    CODEC,
    COLUMNS,
    FROM_WHOLE,
    NOTHING,
    SIZE,
    Block,
    Step,
    apply,
    beside,
    difference,
    empty,
    no_difference,
    one_place,
    read_whole,
    whole,
)
from db.census.staging import Digest, lines, staged
from db.ids import HUB_ID
from db.migrate import statements

FOLDER = Path(__file__).parent.parent / "statements"
WHOLE_EVERY = 32
HALF_WAY = 16  # of a chain: a difference from its beginning
NAMES = ("package", *COLUMNS)
READERS = 1  # beside the thread that takes what is read: with more, they wait for each other's Python
ROWS = 1 << 16

Columns = dict[str, np.ndarray]


@dataclass(frozen=True)
class Seen:
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


def counters(connection: sqlite3.Connection, snapshot: int) -> Columns:
    """The counters of a past census: `package`, `downloads`, `likes` and `downloads_all_time`, in package order.

    Each is an array of int64; -1 where the registry said nothing. Of a snapshot that is no census all are empty.
    """
    found = {name: np.empty(_packages(connection, snapshot), np.int64) for name in NAMES}
    at = 0
    for part in parts(connection, snapshot):
        for name, column in part.items():
            found[name][at : at + len(column)] = column  # a block with more than the census says does not fit
        at += len(part["package"])
    return found


def parts(connection: sqlite3.Connection, snapshot: int) -> Iterator[Columns]:
    """The same, a block of packages at a time: never all of a census in memory."""
    packages, held = _packages(connection, snapshot), 0
    for number, block in blocks_of(connection, snapshot) if packages else ():
        part = dict(zip(NAMES, block.in_order(number * SIZE), strict=True))
        held += len(part["package"])
        yield part
    if held != packages:
        raise ValueError(f"the blocks hold {held} packages, and the census {packages}")


def _packages(connection: sqlite3.Connection, snapshot: int) -> int:
    """How many packages a census says it holds."""
    row = connection.execute("SELECT packages FROM census WHERE snapshot_id = ?", (snapshot,)).fetchone()
    return row[0] if row else 0


def series(connection: sqlite3.Connection, package: int) -> list[Seen]:
    """What each ended census of its registry said of one package, oldest first."""
    rows = connection.execute(_statement("census_series"), {"package": package}).fetchall()
    chain = ((content, bool(is_whole), codec) for *_, is_whole, codec, content in rows if content is not None)
    states = one_place(chain, package % SIZE)
    found, state = [], (False, [NOTHING] * len(COLUMNS))
    for snapshot, taken_at, status, _, _, content in rows:
        if content is not None:
            state = next(states)
        present, values = state
        said = [value if present and value != NOTHING else None for value in values]
        found.append(Seen(snapshot, taken_at, status, present, *said))
    return found


def digest(connection: sqlite3.Connection, snapshot: int) -> str:
    """The sha256 of a census, as `db.census.staging.Digest` makes it, from what is stored."""
    found, made = counters(connection, snapshot), Digest()
    for ids, keys in _in_order(connection, snapshot):
        at = np.searchsorted(found["package"], ids)
        at[at == len(found["package"])] = 0
        there = found["package"][at] == ids if len(found["package"]) else np.zeros(len(ids), bool)
        present = keys if there.all() else tuple(compress(keys, there.tolist()))
        made.add(_lines(present), [found[column][at[there]] for column in COLUMNS])
    return made.hexdigest()


def _in_order(connection: sqlite3.Connection, snapshot: int) -> Iterator[tuple[np.ndarray, tuple[str | bytes, ...]]]:
    """The numbers of a registry's packages and their keys, in the order of these, some at a time."""
    cursor, last = connection.cursor(), ""
    cursor.row_factory = None
    asked = {"registry": _registry(connection, snapshot), "most": ROWS}
    while rows := cursor.execute(_statement("census_keys"), asked | {"last": last}).fetchall():
        packages, keys = zip(*rows, strict=True)
        last = keys[-1]
        yield np.array(packages, np.int64), keys


def _lines(keys: tuple[str | bytes, ...]) -> bytes:
    """The stable id of each key on a line of its own."""
    if all(map(isinstance, keys, repeat(bytes))) and set(map(len, keys)) <= {HUB_ID}:
        return lines(b"".join(keys))
    return "".join([f"{key.hex() if isinstance(key, bytes) else key}\n" for key in keys]).encode()


def _registry(connection: sqlite3.Connection, snapshot: int) -> int:
    (registry,) = connection.execute("SELECT registry_id FROM snapshot WHERE snapshot_id = ?", (snapshot,)).fetchone()
    return registry


def assemble(connection: sqlite3.Connection, snapshot: int) -> tuple[np.ndarray, np.ndarray]:
    """Turn the staged pages of an open census into blocks; the numbers of its packages, and of those that the census
    before has and it lacks, both rising.

    It belongs into the transaction that ends the snapshot.
    """
    packages, columns = staged(connection, snapshot)
    registry = _registry(connection, snapshot)
    (number, last) = connection.execute(
        "SELECT count(*), coalesce(max(snapshot_id), 0) FROM census JOIN snapshot USING (snapshot_id)"
        " WHERE registry_id = ?",
        (registry,),
    ).fetchone()
    if last >= snapshot:
        raise ValueError(f"census {snapshot} ends after census {last} of the same registry, which began later")
    before = blocks_of(connection, last, registry)
    departed = write(connection, (registry, snapshot), before, packages, columns, number % WHOLE_EVERY)
    connection.execute("DELETE FROM census_page WHERE snapshot_id = ?", (snapshot,))
    return packages.copy(), departed  # alone: it is a part of all that was staged


def write(
    connection: sqlite3.Connection, census: tuple[int, int], before: Iterator[tuple[int, Block]], packages: np.ndarray,
    columns: list[np.ndarray], link: int,
) -> np.ndarray:  # fmt: skip
    """Write the blocks of a census (registry and snapshot), as differences from those before it; who is in those only.

    `packages` rise, `columns` are their counters, `link` is the place of the census in its chain.
    """
    registry, snapshot = census
    packages = packages.astype(np.int64, copy=False)
    arrived, departed = 0, [np.empty(0, np.int64)]
    for block, known, lies in _beside(before, packages):
        places, given = packages[lies] - block * SIZE, [column[lies] for column in columns]
        step = beside(known, places)
        arrived += step.came()
        departed.append(step.went() + block * SIZE)
        _write_block(connection, (registry, block, snapshot), step, places, given, link)
    gone = np.concatenate(departed)
    connection.execute(
        "INSERT INTO census (snapshot_id, packages, arrivals, departures) VALUES (?, ?, ?, ?)",
        (snapshot, len(packages), arrived, len(gone)),
    )
    return gone


def absent(connection: sqlite3.Connection, snapshot: int, packages: np.ndarray, departed: np.ndarray) -> list[int]:
    """The packages of its registry that an earlier census has left a fingerprint of, and that are not in this one.

    They are those that have departed since the census before, if that was complete and no other began in between.
    """
    if connection.execute(_statement("census_follows"), {"snapshot": snapshot}).fetchone():
        return departed.tolist()
    (text,) = connection.execute(
        "SELECT group_concat(package_id) FROM package WHERE registry_id = ? AND fingerprint IS NOT NULL",
        (_registry(connection, snapshot),),
    ).fetchone()
    known = np.fromstring(text or "", np.int64, sep=",")
    at = np.searchsorted(packages, known)
    at[at == len(packages)] = 0
    return known[packages[at] != known].tolist() if len(packages) else known.tolist()


def _write_block(
    connection: sqlite3.Connection, key: tuple[int, int, int], step: Step, places: np.ndarray,
    columns: list[np.ndarray], link: int,
) -> None:  # fmt: skip
    codec, is_whole = CODEC, not (link and len(step.before.places))
    if is_whole:
        content = whole(places, columns)
    elif link == HALF_WAY:
        codec = FROM_WHOLE
        content = difference(beside(_beginning(connection, *key[:2]), places), columns) or no_difference()
    else:
        content = difference(step, columns)
    if content:
        connection.execute(
            "INSERT INTO observation_block (registry_id, number, snapshot_id, codec, whole, content)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (*key, codec, int(is_whole), content),
        )


def _beginning(connection: sqlite3.Connection, registry: int, number: int) -> Block:
    """The whole block that a chain goes back to."""
    found = connection.execute(
        "SELECT content, codec FROM observation_block WHERE registry_id = ? AND number = ? AND whole"
        " ORDER BY snapshot_id DESC LIMIT 1",
        (registry, number),
    ).fetchone()
    return read_whole(*found)


def _beside(before: Iterator[tuple[int, Block]], packages: np.ndarray) -> Iterator[tuple[int, Block, slice]]:
    """Every block of the last census or of this one, and where in `packages` its packages lie."""
    known = next(before, None)
    after = int(packages[-1] >> 16) + 1 if len(packages) else 0
    edges = np.searchsorted(packages, np.arange(after + 1) * SIZE).tolist()  # of one type, or the longer one is copied
    lies = {number: slice(*edges[number : number + 2]) for number in range(after) if edges[number] < edges[number + 1]}
    numbers = sorted(lies)
    while known is not None or numbers:
        block = min(([known[0]] if known else []) + numbers[:1])
        held = empty()
        if known is not None and known[0] == block:
            held, known = known[1], next(before, None)
        yield block, held, lies.get(block, slice(0, 0))
        if numbers[:1] == [block]:
            del numbers[0]


def blocks_of(
    connection: sqlite3.Connection, snapshot: int, registry: int | None = None
) -> Iterator[tuple[int, Block]]:
    """Every block of a census as it then was, in order; the places are within the block."""
    if registry is None:
        registry = _registry(connection, snapshot)
    cursor = connection.execute(_statement("census_blocks"), {"registry": registry, "snapshot": snapshot})
    chains = ((number, list(links)) for number, links in groupby(cursor, itemgetter(0)))
    with ThreadPoolExecutor(READERS) as readers:
        yield from _ahead(readers, chains)


def _ahead(readers: ThreadPoolExecutor, chains: Iterator[tuple[int, list[tuple]]]) -> Iterator[tuple[int, Block]]:
    """Decode a few chains ahead of whoever takes them: not all of a census in memory at once."""
    waiting = []
    for number, links in chains:
        waiting.append((number, readers.submit(_replayed, links)))
        if len(waiting) > 2 * READERS:
            first, future = waiting.pop(0)
            yield first, future.result()
    for number, future in waiting:
        yield number, future.result()


def _replayed(links: list[tuple]) -> Block:
    block = empty()
    for _, _, is_whole, codec, content in links:
        block = read_whole(content, codec) if is_whole else apply(block, content, codec)
    return block


def _statement(name: str) -> str:
    (found,) = statements((FOLDER / f"{name}.sql").read_text("utf-8"))
    return found
