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

CURRENT_CODEC = 2
CODEC_WITHOUT_FRONT = 1  # had no steps for the front
CODEC_FROM_KEYFRAME = 3  # a difference from the whole block its chain begins with, past all that lie between
BLOCK_SIZE = 1 << 16
COUNTER_COLUMNS = ("downloads", "likes", "downloads_all_time")
MISSING_VALUE = -1
ESCAPE = 255
STRIP_SIZE = 64  # packages
MIN_OWN_BLOCK_BYTES, PIECE_BYTES = (
    256,
    4096,
)  # bytes: from when on a code of its own is worth its room, and when another one begins
STREAM_HEADER = struct.Struct("<IIB")
INDICES = np.arange(BLOCK_SIZE)
SMALL_STEPS = np.array([code >> 1 ^ -(code & 1) for code in range(ESCAPE + 1)], np.int64)  # the step of each small code
# Steps repeat by chance, not by pattern: a search for matches costs more room than it saves, so hardly any is found,
# and each piece is coded by how often its bytes occur.
ZSTD_PARAMETERS = zstandard.ZstdCompressionParameters(
    strategy=zstandard.STRATEGY_DFAST, min_match=7, hash_log=6, chain_log=6, window_log=17, write_checksum=1
)


@dataclass
class CounterBlock:
    """The packages of one block in the order of their chain: their places in it, who is there, and their counters."""

    offsets: np.ndarray
    present: np.ndarray
    values: list[np.ndarray]

    def sorted_columns(self, first: int = 0) -> list[np.ndarray]:
        """The places of those who are there, rising from an offset, and beside them each counter."""
        order = np.argsort(self.offsets, kind="stable")
        order = order[self.present[order]]
        return [self.offsets[order].astype(np.int64) + first, *(column[order] for column in self.values)]


@dataclass
class BlockAlignment:
    """A block and who is in the next census: its new places, where in the order of the chain each of its packages
    stands (the new ones come last), and who is there in that order."""

    block: CounterBlock
    new_offsets: np.ndarray
    positions: np.ndarray
    present: np.ndarray

    def count_arrivals(self) -> int:
        """How many were not there before."""
        return len(self.positions) - int(np.count_nonzero(self.present[: len(self.block.offsets)] & self.block.present))

    def departed_offsets(self) -> np.ndarray:
        """The places of those who are not there any more, rising."""
        gone = self.block.present & ~self.present[: len(self.block.offsets)]
        return np.sort(self.block.offsets[gone]).astype(np.int64)


def empty_block() -> CounterBlock:
    """A block of nobody."""
    nothing = np.empty(0, np.int64)
    return CounterBlock(np.empty(0, np.uint16), np.empty(0, bool), [nothing] * len(COUNTER_COLUMNS))


def encode_keyframe(offsets: np.ndarray, columns: list[np.ndarray]) -> bytes:
    """A block as it is. `places` are the package numbers within the block, rising."""
    order = _order_by_size(columns[0])
    streams = [
        _encode_gaps(offsets),
        _encode_unsigned(columns[0]),
        *(_encode_unsigned(column[order]) for column in columns[1:]),
    ]
    return _compress_streams(streams)


def align(block: CounterBlock, offsets: np.ndarray) -> BlockAlignment:
    """Hold the packages of the next census, by their places, rising, against a block."""
    at = np.full(BLOCK_SIZE, -1, np.int64)
    at[block.offsets.astype(np.int64)] = INDICES[: len(block.offsets)]  # small numbers are slow to look up by
    where = at[offsets]
    unknown = where < 0
    new = offsets[unknown]
    length = len(block.offsets) + len(new)
    where[unknown] = INDICES[len(block.offsets) : length]
    present = np.zeros(length, bool)
    present[where] = True
    return BlockAlignment(block, new, where, present)


def encode_delta(alignment: BlockAlignment, columns: list[np.ndarray]) -> bytes:
    """What makes of one census the next, whose counters are `columns`; empty where nothing changed."""
    after = _extend_block(alignment.block, alignment.new_offsets) if len(alignment.new_offsets) else alignment.block
    streams = [_encode_gaps(alignment.new_offsets), _encode_gaps(np.flatnonzero(alignment.present != after.present))]
    for had, given in zip(after.values, columns, strict=True):
        has = had.copy()
        has[alignment.positions] = given.astype(
            np.int64, copy=False
        )  # putting one type into another takes twice as long
        has -= had  # wraps, and wraps back
        streams += _changed_codes(has)
    return _compress_streams(streams) if any(len(stream) for stream in streams) else b""


def empty_delta() -> bytes:
    """A difference that has to be told though there is none."""
    return _compress_streams([np.empty(0, np.uint64)] * (2 + 3 * len(COUNTER_COLUMNS)))


def decode_keyframe(content: bytes, codec: int = CURRENT_CODEC) -> CounterBlock:
    """A whole block, in the order of its chain."""
    gaps, first, *others = _decompress_streams(content, codec)
    places, first = _decode_gaps(gaps).astype(np.uint16), _decode_unsigned(first)
    order = _order_by_size(first)
    values = [first[order], *(_decode_unsigned(column) for column in others)]
    return CounterBlock(places[order], np.ones(len(places), bool), values)


def apply_delta(block: CounterBlock, content: bytes, codec: int = CURRENT_CODEC) -> CounterBlock:
    """The block one census later. The arrays of the one that was given are used up."""
    new, toggled, *columns = _decode_delta(content, codec)
    if len(new):
        block = _extend_block(block, _decode_gaps(new))
    if len(toggled):
        where = _decode_gaps(toggled)
        block.present[where] = ~block.present[where]
    for column, (front, gaps, steps) in zip(block.values, columns, strict=True):
        if len(front):
            column[: len(front)] += _zigzag_decode(front)
        if len(gaps):
            column[len(front) :][_decode_gaps(gaps)] += _zigzag_decode(steps)
    return block


def decode_package(chain: Iterator[tuple[bytes, bool, int]], offset: int) -> Iterator[tuple[bool, list[int]]]:
    """Whether one package is there and what its counters are, after each link of a chain; only it is followed."""
    block, where = empty_block(), -1
    length, present, values = 0, False, [MISSING_VALUE] * len(COUNTER_COLUMNS)
    begun = where, length, present, values
    for content, is_whole, codec in chain:
        if is_whole:
            block = decode_keyframe(content, codec)
            found = np.flatnonzero(block.offsets == offset)
            where, length = (int(found[0]) if len(found) else -1), len(block.offsets)
            present = where >= 0
            values = [int(column[where]) if present else MISSING_VALUE for column in block.values]
            begun = where, length, present, values
        else:
            if codec == CODEC_FROM_KEYFRAME:
                where, length, present, values = begun
            new, toggled, *columns = _decode_delta(content, codec)
            if len(new):
                found = np.flatnonzero(_decode_gaps(new) == offset)
                where = length + int(found[0]) if len(found) else where
                length += len(new)
            present ^= _find_index(toggled, where) is not None
            values = [value + _step_at(column, where) for value, column in zip(values, columns, strict=True)]
        yield present, [_wrap_int64(value) for value in values]


def _wrap_int64(value: int) -> int:
    return (value + 2**63) % 2**64 - 2**63


def _step_at(column: tuple[np.ndarray, np.ndarray, np.ndarray], position: int) -> int:
    """By how much one place of a counter changed."""
    front, gaps, steps = column
    if 0 <= position < len(front):
        return int(_zigzag_decode(front[position : position + 1])[0])
    at = _find_index(gaps, position - len(front))
    return 0 if at is None else int(_zigzag_decode(steps[at : at + 1])[0])


def _find_index(gaps: np.ndarray, position: int) -> int | None:
    if position < 0 or not len(gaps):
        return None
    places = _decode_gaps(gaps)
    at = int(np.searchsorted(places, position))
    return at if at < len(places) and places[at] == position else None


def _changed_codes(steps: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The steps of the front, as far as more places change than not; of the others, the gaps between them and steps."""
    changed = steps != 0
    strips = (
        np.add.reduceat(changed, np.arange(0, len(changed), STRIP_SIZE), dtype=np.int32) if len(changed) else changed
    )
    balance = np.cumsum(2 * strips - STRIP_SIZE)
    front = min((int(balance.argmax()) + 1) * STRIP_SIZE, len(steps)) if len(balance) and balance.max() > 0 else 0
    where = np.flatnonzero(changed[front:])
    return _zigzag_encode(steps[:front]), _encode_gaps(where), _zigzag_encode(steps[front + where])


def _extend_block(block: CounterBlock, new: np.ndarray) -> CounterBlock:
    unknown = np.full(len(new), MISSING_VALUE, np.int64)
    return CounterBlock(
        np.concatenate([block.offsets, new.astype(np.uint16)]),
        np.concatenate([block.present, np.zeros(len(new), bool)]),
        [np.concatenate([column, unknown]) for column in block.values],
    )


def _order_by_size(values: np.ndarray) -> np.ndarray:
    """Largest first. Sixteen bits are enough to tell who changes alike, and are sorted by counting."""
    return np.argsort((65535 - np.clip(values, -1, 65534) - 1).astype(np.uint16), kind="stable")


def _encode_gaps(positions: np.ndarray) -> np.ndarray:
    return (np.diff(positions.astype(np.int64), prepend=-1) - 1).astype(np.uint64)


def _decode_gaps(gaps: np.ndarray) -> np.ndarray:
    places = np.cumsum(gaps, dtype=np.int64)
    places += INDICES[: len(places)]
    return places


def _encode_unsigned(values: np.ndarray) -> np.ndarray:
    return values.astype(np.int64).view(np.uint64) + np.uint64(1)


def _decode_unsigned(values: np.ndarray) -> np.ndarray:
    return (values.astype(np.uint64) - np.uint64(1)).view(np.int64)


def _zigzag_encode(steps: np.ndarray) -> np.ndarray:
    return ((steps << 1) ^ (steps >> 63)).view(np.uint64)


def _zigzag_decode(codes: np.ndarray) -> np.ndarray:
    if codes.dtype == np.uint8:
        return SMALL_STEPS[codes]
    return (codes >> np.uint64(1)).view(np.int64) ^ -(codes & np.uint64(1)).view(np.int64)


def _compress_streams(streams: list[np.ndarray]) -> bytes:
    parts = [part for stream in streams for part in _encode_stream(stream)]
    frame = zstandard.ZstdCompressor(compression_params=ZSTD_PARAMETERS).compressobj(size=sum(map(len, parts)))
    told = []
    for piece in _split_pieces(parts):
        told.append(frame.compress(piece))
        if len(piece) > MIN_OWN_BLOCK_BYTES:
            told.append(frame.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK))
    return b"".join([*told, frame.flush()])


def _split_pieces(parts: list[bytes]) -> Iterator[bytes]:
    """What gets a code of its own within the frame: large packages and small ones, gaps and steps are not alike."""
    for part in parts:
        yield from (part[start : start + PIECE_BYTES] for start in range(0, len(part), PIECE_BYTES))


def _encode_stream(numbers: np.ndarray) -> tuple[bytes, bytes, bytes]:
    large = numbers[numbers >= ESCAPE]
    width = 8 if len(large) and int(large.max()) >> 32 else 4
    shuffled = large.astype(f"<u{width}").view(np.uint8).reshape(-1, width).T.tobytes()
    return (
        STREAM_HEADER.pack(len(numbers), len(large), width),
        np.minimum(numbers, ESCAPE).astype(np.uint8).tobytes(),
        shuffled,
    )


def _decode_delta(content: bytes, codec: int) -> list:
    """Who is new, who came or went, and the front, gaps and steps of each counter."""
    new, toggled, *streams = _decompress_streams(content, codec)
    if codec == CODEC_WITHOUT_FRONT:
        nothing = np.empty(0, np.uint8)
        streams = [stream for pair in zip(streams[::2], streams[1::2], strict=True) for stream in (nothing, *pair)]
    return [new, toggled, *zip(streams[::3], streams[1::3], streams[2::3], strict=True)]


def _decompress_streams(content: bytes, codec: int) -> list[np.ndarray]:
    if codec not in (CODEC_WITHOUT_FRONT, CURRENT_CODEC, CODEC_FROM_KEYFRAME):
        raise StoreError(f"A block of counters is in form {codec}, which this version cannot read.",
                         fix="Install the version that wrote it.")  # fmt: skip
    try:
        raw = zstandard.ZstdDecompressor().decompress(content)
        return list(_decode_streams(raw))
    except (zstandard.ZstdError, struct.error, ValueError) as error:
        raise ValueError(f"a block of counters cannot be read: {error}") from error


def _decode_streams(raw: bytes) -> Iterator[np.ndarray]:
    at = 0
    while at < len(raw):
        count, large, width = STREAM_HEADER.unpack_from(raw, at)
        at += STREAM_HEADER.size
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
