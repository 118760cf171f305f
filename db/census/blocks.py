"""The counters of 65,536 packages as compressed bytes: whole, or as differences from the census before (pure).

A chain begins with a whole block. Its packages are put in the order of their downloads, largest first, for packages of
one size change alike; every difference of the chain speaks of places in that order, and new packages are appended to
it. A difference says which packages are new, which came or went, and for each counter by how much it changed: one step
for each of the large packages at the front, of which most change, and where and how much for the others. Each stream is
bytes, 255 standing for a larger number that follows at the end; all of them are one zstd frame.

In the middle of a chain stands a difference from its whole block, so that nobody has to add up more than half of it.

A counter the registry said nothing of is NOTHING. A package that is away keeps its last values, so that its return is
a small difference too.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import zstandard

from db import StoreError

CODEC = 2
OLDER = 1  # had no steps for the front
FROM_WHOLE = 3  # a difference from the whole block its chain begins with, past all that lie between
SIZE = 1 << 16
COLUMNS = ("downloads", "likes", "downloads_all_time")
NOTHING = -1
ESCAPE = 255
STRIP = 64  # packages
ALONE, PIECE = 256, 4096  # bytes: from when on a code of its own is worth its room, and when another one begins
HEAD = struct.Struct("<IIB")
RISING = np.arange(SIZE)
SMALL = np.array([code >> 1 ^ -(code & 1) for code in range(ESCAPE + 1)], np.int64)  # the step of each small code
# Steps repeat by chance, not by pattern: a search for matches costs more room than it saves, so hardly any is found,
# and each piece is coded by how often its bytes occur.
CODING = zstandard.ZstdCompressionParameters(
    strategy=zstandard.STRATEGY_DFAST, min_match=7, hash_log=6, chain_log=6, window_log=17, write_checksum=1
)


@dataclass
class Block:
    """The packages of one block in the order of their chain: their places in it, who is there, and their counters."""

    places: np.ndarray
    present: np.ndarray
    values: list[np.ndarray]

    def in_order(self, offset: int = 0) -> list[np.ndarray]:
        """The places of those who are there, rising from an offset, and beside them each counter."""
        order = np.argsort(self.places, kind="stable")
        order = order[self.present[order]]
        return [self.places[order].astype(np.int64) + offset, *(column[order] for column in self.values)]


@dataclass
class Step:
    """A block and who is in the next census: its new places, where in the order of the chain each of its packages
    stands (the new ones come last), and who is there in that order."""

    before: Block
    new: np.ndarray
    where: np.ndarray
    present: np.ndarray

    def came(self) -> int:
        """How many were not there before."""
        return len(self.where) - int(np.count_nonzero(self.present[: len(self.before.places)] & self.before.present))

    def went(self) -> np.ndarray:
        """The places of those who are not there any more, rising."""
        gone = self.before.present & ~self.present[: len(self.before.places)]
        return np.sort(self.before.places[gone]).astype(np.int64)


def empty() -> Block:
    """A block of nobody."""
    nothing = np.empty(0, np.int64)
    return Block(np.empty(0, np.uint16), np.empty(0, bool), [nothing] * len(COLUMNS))


def whole(places: np.ndarray, columns: list[np.ndarray]) -> bytes:
    """A block as it is. `places` are the package numbers within the block, rising."""
    order = _by_size(columns[0])
    streams = [_gaps(places), _plus_one(columns[0]), *(_plus_one(column[order]) for column in columns[1:])]
    return _packed(streams)


def beside(before: Block, places: np.ndarray) -> Step:
    """Hold the packages of the next census, by their places, rising, against a block."""
    at = np.full(SIZE, -1, np.int64)
    at[before.places.astype(np.int64)] = RISING[: len(before.places)]  # small numbers are slow to look up by
    where = at[places]
    unknown = where < 0
    new = places[unknown]
    length = len(before.places) + len(new)
    where[unknown] = RISING[len(before.places) : length]
    present = np.zeros(length, bool)
    present[where] = True
    return Step(before, new, where, present)


def difference(step: Step, columns: list[np.ndarray]) -> bytes:
    """What makes of one census the next, whose counters are `columns`; empty where nothing changed."""
    after = _extended(step.before, step.new) if len(step.new) else step.before
    streams = [_gaps(step.new), _gaps(np.flatnonzero(step.present != after.present))]
    for had, given in zip(after.values, columns, strict=True):
        has = had.copy()
        has[step.where] = given.astype(np.int64, copy=False)  # putting one type into another takes twice as long
        has -= had  # wraps, and wraps back
        streams += _told(has)
    return _packed(streams) if any(len(stream) for stream in streams) else b""


def no_difference() -> bytes:
    """A difference that has to be told though there is none."""
    return _packed([np.empty(0, np.uint64)] * (2 + 3 * len(COLUMNS)))


def read_whole(content: bytes, codec: int = CODEC) -> Block:
    """A whole block, in the order of its chain."""
    gaps, first, *others = _unpacked(content, codec)
    places, first = _from_gaps(gaps).astype(np.uint16), _minus_one(first)
    order = _by_size(first)
    values = [first[order], *(_minus_one(column) for column in others)]
    return Block(places[order], np.ones(len(places), bool), values)


def apply(block: Block, content: bytes, codec: int = CODEC) -> Block:
    """The block one census later. The arrays of the one that was given are used up."""
    new, toggled, *columns = _difference(content, codec)
    if len(new):
        block = _extended(block, _from_gaps(new))
    if len(toggled):
        where = _from_gaps(toggled)
        block.present[where] = ~block.present[where]
    for column, (front, gaps, steps) in zip(block.values, columns, strict=True):
        if len(front):
            column[: len(front)] += _unzigzag(front)
        if len(gaps):
            column[len(front) :][_from_gaps(gaps)] += _unzigzag(steps)
    return block


def one_place(chain: Iterator[tuple[bytes, bool, int]], place: int) -> Iterator[tuple[bool, list[int]]]:
    """Whether one package is there and what its counters are, after each link of a chain; only it is followed."""
    block, where = empty(), -1
    length, present, values = 0, False, [NOTHING] * len(COLUMNS)
    begun = where, length, present, values
    for content, is_whole, codec in chain:
        if is_whole:
            block = read_whole(content, codec)
            found = np.flatnonzero(block.places == place)
            where, length = (int(found[0]) if len(found) else -1), len(block.places)
            present = where >= 0
            values = [int(column[where]) if present else NOTHING for column in block.values]
            begun = where, length, present, values
        else:
            if codec == FROM_WHOLE:
                where, length, present, values = begun
            new, toggled, *columns = _difference(content, codec)
            if len(new):
                found = np.flatnonzero(_from_gaps(new) == place)
                where = length + int(found[0]) if len(found) else where
                length += len(new)
            present ^= _index(toggled, where) is not None
            values = [value + _step(column, where) for value, column in zip(values, columns, strict=True)]
        yield present, [_wrapped(value) for value in values]


def _wrapped(value: int) -> int:
    return (value + 2**63) % 2**64 - 2**63


def _step(column: tuple[np.ndarray, np.ndarray, np.ndarray], where: int) -> int:
    """By how much one place of a counter changed."""
    front, gaps, steps = column
    if 0 <= where < len(front):
        return int(_unzigzag(front[where : where + 1])[0])
    at = _index(gaps, where - len(front))
    return 0 if at is None else int(_unzigzag(steps[at : at + 1])[0])


def _index(gaps: np.ndarray, where: int) -> int | None:
    if where < 0 or not len(gaps):
        return None
    places = _from_gaps(gaps)
    at = int(np.searchsorted(places, where))
    return at if at < len(places) and places[at] == where else None


def _told(steps: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The steps of the front, as far as more places change than not; of the others, the gaps between them and steps."""
    changed = steps != 0
    strips = np.add.reduceat(changed, np.arange(0, len(changed), STRIP), dtype=np.int32) if len(changed) else changed
    balance = np.cumsum(2 * strips - STRIP)
    front = min((int(balance.argmax()) + 1) * STRIP, len(steps)) if len(balance) and balance.max() > 0 else 0
    where = np.flatnonzero(changed[front:])
    return _zigzag(steps[:front]), _gaps(where), _zigzag(steps[front + where])


def _extended(block: Block, new: np.ndarray) -> Block:
    unknown = np.full(len(new), NOTHING, np.int64)
    return Block(
        np.concatenate([block.places, new.astype(np.uint16)]),
        np.concatenate([block.present, np.zeros(len(new), bool)]),
        [np.concatenate([column, unknown]) for column in block.values],
    )


def _by_size(values: np.ndarray) -> np.ndarray:
    """Largest first. Sixteen bits are enough to tell who changes alike, and are sorted by counting."""
    return np.argsort((65535 - np.clip(values, -1, 65534) - 1).astype(np.uint16), kind="stable")


def _gaps(places: np.ndarray) -> np.ndarray:
    return (np.diff(places.astype(np.int64), prepend=-1) - 1).astype(np.uint64)


def _from_gaps(gaps: np.ndarray) -> np.ndarray:
    places = np.cumsum(gaps, dtype=np.int64)
    places += RISING[: len(places)]
    return places


def _plus_one(values: np.ndarray) -> np.ndarray:
    return values.astype(np.int64).view(np.uint64) + np.uint64(1)


def _minus_one(values: np.ndarray) -> np.ndarray:
    return (values.astype(np.uint64) - np.uint64(1)).view(np.int64)


def _zigzag(steps: np.ndarray) -> np.ndarray:
    return ((steps << 1) ^ (steps >> 63)).view(np.uint64)


def _unzigzag(codes: np.ndarray) -> np.ndarray:
    if codes.dtype == np.uint8:
        return SMALL[codes]
    return (codes >> np.uint64(1)).view(np.int64) ^ -(codes & np.uint64(1)).view(np.int64)


def _packed(streams: list[np.ndarray]) -> bytes:
    parts = [part for stream in streams for part in _stream(stream)]
    frame = zstandard.ZstdCompressor(compression_params=CODING).compressobj(size=sum(map(len, parts)))
    told = []
    for piece in _pieces(parts):
        told.append(frame.compress(piece))
        if len(piece) > ALONE:
            told.append(frame.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK))
    return b"".join([*told, frame.flush()])


def _pieces(parts: list[bytes]) -> Iterator[bytes]:
    """What gets a code of its own within the frame: large packages and small ones, gaps and steps are not alike."""
    for part in parts:
        yield from (part[start : start + PIECE] for start in range(0, len(part), PIECE))


def _stream(numbers: np.ndarray) -> tuple[bytes, bytes, bytes]:
    large = numbers[numbers >= ESCAPE]
    width = 8 if len(large) and int(large.max()) >> 32 else 4
    shuffled = large.astype(f"<u{width}").view(np.uint8).reshape(-1, width).T.tobytes()
    return HEAD.pack(len(numbers), len(large), width), np.minimum(numbers, ESCAPE).astype(np.uint8).tobytes(), shuffled


def _difference(content: bytes, codec: int) -> list:
    """Who is new, who came or went, and the front, gaps and steps of each counter."""
    new, toggled, *streams = _unpacked(content, codec)
    if codec == OLDER:
        nothing = np.empty(0, np.uint8)
        streams = [stream for pair in zip(streams[::2], streams[1::2], strict=True) for stream in (nothing, *pair)]
    return [new, toggled, *zip(streams[::3], streams[1::3], streams[2::3], strict=True)]


def _unpacked(content: bytes, codec: int) -> list[np.ndarray]:
    if codec not in (OLDER, CODEC, FROM_WHOLE):
        raise StoreError(f"A block of counters is in form {codec}, which this version cannot read.",
                         fix="Install the version that wrote it.")  # fmt: skip
    try:
        raw = zstandard.ZstdDecompressor().decompress(content)
        return list(_streams(raw))
    except (zstandard.ZstdError, struct.error, ValueError) as error:
        raise ValueError(f"a block of counters cannot be read: {error}") from error


def _streams(raw: bytes) -> Iterator[np.ndarray]:
    at = 0
    while at < len(raw):
        count, large, width = HEAD.unpack_from(raw, at)
        at += HEAD.size
        small = np.frombuffer(raw, np.uint8, count, at)
        at += count
        if not large:
            yield small
            continue
        numbers = small.astype(np.uint64)
        shuffled = np.frombuffer(raw, np.uint8, large * width, at).reshape(width, large)
        at += large * width
        numbers[np.flatnonzero(small == ESCAPE)] = np.ascontiguousarray(shuffled.T).view(f"<u{width}").ravel()
        yield numbers
