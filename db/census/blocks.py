"""The counters of 65,536 packages as compressed bytes: a keyframe, or a delta from the previous census (pure).

A chain begins with a keyframe. Its packages are ordered by their downloads, largest first, because packages of one size
change alike. The order holds for the whole chain, and new packages are appended to it. Deltas refer to positions in
this order. A delta lists the new packages, the packages that came or went, and the changes of each counter. A counter
has one step for each of the large packages at the front, of which most change. For the others it has the positions that
changed and their steps. Each stream is bytes, where 255 stands for a larger number that follows at the end of the
stream. All streams together are one zstd frame.

In the middle of a chain is a delta from its keyframe, so that a reader adds up at most half of a chain.

A counter without a value is MISSING_VALUE. An absent package keeps its last values, so its return is a small delta.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import zstandard

from db import StoreError

CURRENT_CODEC = 2
CODEC_WITHOUT_FRONT = 1  # the first codec: it had no steps for the front
CODEC_FROM_KEYFRAME = 3  # a delta from the keyframe of the chain, skipping all links in between
BLOCK_SIZE = 1 << 16
COUNTER_COLUMNS = ("downloads", "likes", "downloads_all_time")
MISSING_VALUE = -1
ESCAPE = 255
STRIP_SIZE = 64  # packages
MIN_OWN_BLOCK_BYTES, PIECE_BYTES = 256, 4096  # from which size a zstd block of its own pays, and its largest size
STREAM_HEADER = struct.Struct("<IIB")
INDICES = np.arange(BLOCK_SIZE)
SMALL_STEPS = np.array([code >> 1 ^ -(code & 1) for code in range(ESCAPE + 1)], np.int64)  # the step of each small code
# Steps repeat by chance and not in patterns. Searching for matches costs more space than it saves, so the parameters
# find hardly any, and each piece is coded by the frequency of its bytes.
ZSTD_PARAMETERS = zstandard.ZstdCompressionParameters(
    strategy=zstandard.STRATEGY_DFAST, min_match=7, hash_log=6, chain_log=6, window_log=17, write_checksum=1
)


@dataclass
class CounterBlock:
    """The packages of one block in the order of their chain: offsets in the block, presence, and counters."""

    offsets: np.ndarray
    present: np.ndarray
    values: list[np.ndarray]

    def sorted_columns(self, first: int = 0) -> list[np.ndarray]:
        """Return the numbers of the present packages, ascending from `first`, and their counters."""
        order = np.argsort(self.offsets, kind="stable")
        order = order[self.present[order]]
        return [self.offsets[order].astype(np.int64) + first, *(column[order] for column in self.values)]


@dataclass
class BlockAlignment:
    """A block aligned with the next census.

    `new_offsets` are the packages that are new in the chain. `positions` are the positions in the chain of the packages
    of the next census, with the new packages last. `present` says for each position whether its package is in the next
    census.
    """

    block: CounterBlock
    new_offsets: np.ndarray
    positions: np.ndarray
    present: np.ndarray

    def count_arrivals(self) -> int:
        """Return how many packages were not present before."""
        return len(self.positions) - int(np.count_nonzero(self.present[: len(self.block.offsets)] & self.block.present))

    def departed_offsets(self) -> np.ndarray:
        """Return the offsets of the packages that are no longer present, ascending."""
        departed = self.block.present & ~self.present[: len(self.block.offsets)]
        return np.sort(self.block.offsets[departed]).astype(np.int64)


class _DeltaColumn(NamedTuple):
    """The changes of one counter: steps of the front, then gaps between changed positions, and their steps."""

    front: np.ndarray
    gaps: np.ndarray
    steps: np.ndarray


class _Delta(NamedTuple):
    """A decoded delta: gaps between new offsets, gaps between toggled positions, and the changes of each counter."""

    new: np.ndarray
    toggled: np.ndarray
    columns: list[_DeltaColumn]


def empty_block() -> CounterBlock:
    """Return a block without packages."""
    return CounterBlock(np.empty(0, np.uint16), np.empty(0, bool), [np.empty(0, np.int64)] * len(COUNTER_COLUMNS))


def encode_keyframe(offsets: np.ndarray, columns: list[np.ndarray]) -> bytes:
    """Encode a whole block. `offsets` are the package numbers within the block, ascending."""
    order = _order_by_size(columns[0])
    streams = [
        _encode_gaps(offsets),
        _encode_unsigned(columns[0]),
        *(_encode_unsigned(column[order]) for column in columns[1:]),
    ]
    return _compress_streams(streams)


def align(block: CounterBlock, offsets: np.ndarray) -> BlockAlignment:
    """Align a block with the packages of the next census, whose offsets are ascending."""
    position_of = np.full(BLOCK_SIZE, -1, np.int64)
    position_of[block.offsets.astype(np.int64)] = INDICES[: len(block.offsets)]  # indexing by small integers is slow
    positions = position_of[offsets]
    unknown = positions < 0
    new_offsets = offsets[unknown]
    length = len(block.offsets) + len(new_offsets)
    positions[unknown] = INDICES[len(block.offsets) : length]
    present = np.zeros(length, bool)
    present[positions] = True
    return BlockAlignment(block, new_offsets, positions, present)


def encode_delta(alignment: BlockAlignment, columns: list[np.ndarray]) -> bytes:
    """Encode the changes from one census to the next with counters `columns`. Return b"" where nothing changed."""
    after = _extend_block(alignment.block, alignment.new_offsets) if len(alignment.new_offsets) else alignment.block
    streams = [_encode_gaps(alignment.new_offsets), _encode_gaps(np.flatnonzero(alignment.present != after.present))]
    for previous, column in zip(after.values, columns, strict=True):
        steps = previous.copy()
        steps[alignment.positions] = column.astype(np.int64, copy=False)  # assigning another type takes twice as long
        steps -= previous  # may wrap, and wraps back when decoded
        streams += _changed_codes(steps)
    return _compress_streams(streams) if any(len(stream) for stream in streams) else b""


def empty_delta() -> bytes:
    """Return a delta without changes, for a link that must be stored nevertheless."""
    return _compress_streams([np.empty(0, np.uint64)] * (2 + 3 * len(COUNTER_COLUMNS)))


def decode_keyframe(content: bytes, codec: int = CURRENT_CODEC) -> CounterBlock:
    """Decode a keyframe into a block in the order of its chain."""
    gaps, first, *rest = _decompress_streams(content, codec)
    offsets, downloads = _decode_gaps(gaps).astype(np.uint16), _decode_unsigned(first)
    order = _order_by_size(downloads)
    values = [downloads[order], *(_decode_unsigned(column) for column in rest)]
    return CounterBlock(offsets[order], np.ones(len(offsets), bool), values)


def apply_delta(block: CounterBlock, content: bytes, codec: int = CURRENT_CODEC) -> CounterBlock:
    """Return the block one census later. The arrays of the given block are overwritten."""
    delta = _decode_delta(content, codec)
    if len(delta.new):
        block = _extend_block(block, _decode_gaps(delta.new))
    if len(delta.toggled):
        toggled = _decode_gaps(delta.toggled)
        block.present[toggled] = ~block.present[toggled]
    for column, (front, gaps, steps) in zip(block.values, delta.columns, strict=True):
        if len(front):
            column[: len(front)] += _zigzag_decode(front)
        if len(gaps):
            column[len(front) :][_decode_gaps(gaps)] += _zigzag_decode(steps)
    return block


class _PackageState(NamedTuple):
    """One package at one link of a chain: its position (-1 unknown), the length of the chain order, its values."""

    position: int
    length: int
    present: bool
    values: list[int]


def decode_package(chain: Iterator[tuple[bytes, bool, int]], offset: int) -> Iterator[tuple[bool, list[int]]]:
    """Yield the presence and the counters of one package after each link of a chain (content, keyframe or not, codec).

    Only this package is decoded.
    """
    state = keyframe = _PackageState(-1, 0, False, [MISSING_VALUE] * len(COUNTER_COLUMNS))
    for content, is_keyframe, codec in chain:
        if is_keyframe:
            state = keyframe = _package_in_keyframe(content, codec, offset)
        else:
            before = keyframe if codec == CODEC_FROM_KEYFRAME else state
            state = _package_after_delta(before, content, codec, offset)
        yield state.present, [_wrap_int64(value) for value in state.values]


def _package_in_keyframe(content: bytes, codec: int, offset: int) -> _PackageState:
    block = decode_keyframe(content, codec)
    matches = np.flatnonzero(block.offsets == offset)
    if not len(matches):
        return _PackageState(-1, len(block.offsets), False, [MISSING_VALUE] * len(block.values))
    position = int(matches[0])
    return _PackageState(position, len(block.offsets), True, [int(column[position]) for column in block.values])


def _package_after_delta(state: _PackageState, content: bytes, codec: int, offset: int) -> _PackageState:
    delta = _decode_delta(content, codec)
    position, length = state.position, state.length
    if len(delta.new):
        matches = np.flatnonzero(_decode_gaps(delta.new) == offset)
        position = length + int(matches[0]) if len(matches) else position
        length += len(delta.new)
    present = state.present ^ (_find_index(delta.toggled, position) is not None)
    values = [value + _step_at(column, position) for value, column in zip(state.values, delta.columns, strict=True)]
    return _PackageState(position, length, present, values)


def _wrap_int64(value: int) -> int:
    return (value + 2**63) % 2**64 - 2**63


def _step_at(column: _DeltaColumn, position: int) -> int:
    """Return by how much a counter changed at one position."""
    front, gaps, steps = column
    if 0 <= position < len(front):
        return int(_zigzag_decode(front[position : position + 1])[0])
    index = _find_index(gaps, position - len(front))
    return 0 if index is None else int(_zigzag_decode(steps[index : index + 1])[0])


def _find_index(gaps: np.ndarray, position: int) -> int | None:
    """Return the index of a position among those that gaps encode, None if it is not among them."""
    if position < 0 or not len(gaps):
        return None
    positions = _decode_gaps(gaps)
    index = int(np.searchsorted(positions, position))
    return index if index < len(positions) and positions[index] == position else None


def _changed_codes(steps: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return all steps of the front, where most packages change, and the gaps and steps of changes behind it."""
    changed = steps != 0
    strips = (
        np.add.reduceat(changed, np.arange(0, len(changed), STRIP_SIZE), dtype=np.int32) if len(changed) else changed
    )
    balance = np.cumsum(2 * strips - STRIP_SIZE)
    has_front = len(balance) > 0 and balance.max() > 0
    length = min((int(balance.argmax()) + 1) * STRIP_SIZE, len(steps)) if has_front else 0
    positions = np.flatnonzero(changed[length:])
    return _zigzag_encode(steps[:length]), _encode_gaps(positions), _zigzag_encode(steps[length + positions])


def _extend_block(block: CounterBlock, new_offsets: np.ndarray) -> CounterBlock:
    """Append absent packages to the order of a block."""
    missing = np.full(len(new_offsets), MISSING_VALUE, np.int64)
    return CounterBlock(
        np.concatenate([block.offsets, new_offsets.astype(np.uint16)]),
        np.concatenate([block.present, np.zeros(len(new_offsets), bool)]),
        [np.concatenate([column, missing]) for column in block.values],
    )


def _order_by_size(values: np.ndarray) -> np.ndarray:
    """Return the order of values, largest first. 16 bits separate sizes well enough, and allow a counting sort."""
    return np.argsort((65535 - np.clip(values, -1, 65534) - 1).astype(np.uint16), kind="stable")


def _encode_gaps(positions: np.ndarray) -> np.ndarray:
    return (np.diff(positions.astype(np.int64), prepend=-1) - 1).astype(np.uint64)


def _decode_gaps(gaps: np.ndarray) -> np.ndarray:
    positions = np.cumsum(gaps, dtype=np.int64)
    positions += INDICES[: len(positions)]
    return positions


def _encode_unsigned(values: np.ndarray) -> np.ndarray:
    return values.astype(np.int64).view(np.uint64) + np.uint64(1)


def _decode_unsigned(values: np.ndarray) -> np.ndarray:
    return (values.astype(np.uint64) - np.uint64(1)).view(np.int64)


def _zigzag_encode(steps: np.ndarray) -> np.ndarray:
    return ((steps << 1) ^ (steps >> 63)).view(np.uint64)


def _zigzag_decode(codes: np.ndarray) -> np.ndarray:
    steps: np.ndarray
    if codes.dtype == np.uint8:
        steps = SMALL_STEPS[codes]
    else:
        steps = (codes >> np.uint64(1)).view(np.int64) ^ -(codes & np.uint64(1)).view(np.int64)
    return steps


def _compress_streams(streams: list[np.ndarray]) -> bytes:
    parts = [part for stream in streams for part in _encode_stream(stream)]
    frame = zstandard.ZstdCompressor(compression_params=ZSTD_PARAMETERS).compressobj(size=sum(map(len, parts)))
    chunks = []
    for piece in _split_pieces(parts):
        chunks.append(frame.compress(piece))
        if len(piece) > MIN_OWN_BLOCK_BYTES:
            chunks.append(frame.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK))
    return b"".join([*chunks, frame.flush()])


def _split_pieces(parts: list[bytes]) -> Iterator[bytes]:
    """Yield the pieces that get an entropy code of their own: large and small packages, gaps and steps differ."""
    for part in parts:
        yield from (part[start : start + PIECE_BYTES] for start in range(0, len(part), PIECE_BYTES))


def _encode_stream(numbers: np.ndarray) -> tuple[bytes, bytes, bytes]:
    large = numbers[numbers >= ESCAPE]
    width = 8 if len(large) and int(large.max()) >> 32 else 4
    header = STREAM_HEADER.pack(len(numbers), len(large), width)
    shuffled = large.astype(f"<u{width}").view(np.uint8).reshape(-1, width).T.tobytes()
    return header, np.minimum(numbers, ESCAPE).astype(np.uint8).tobytes(), shuffled


def _decode_delta(content: bytes, codec: int) -> _Delta:
    new, toggled, *streams = _decompress_streams(content, codec)
    if codec == CODEC_WITHOUT_FRONT:
        no_front = np.empty(0, np.uint8)
        streams = [stream for pair in zip(streams[::2], streams[1::2], strict=True) for stream in (no_front, *pair)]
    columns = zip(streams[::3], streams[1::3], streams[2::3], strict=True)
    return _Delta(new, toggled, [_DeltaColumn(*column) for column in columns])


def _decompress_streams(content: bytes, codec: int) -> list[np.ndarray]:
    if codec not in (CODEC_WITHOUT_FRONT, CURRENT_CODEC, CODEC_FROM_KEYFRAME):
        raise StoreError(
            f"A block of counters is in form {codec}, which this version cannot read.",
            fix="Install the version that wrote it.",
        )
    try:
        raw = zstandard.ZstdDecompressor().decompress(content)
        return list(_decode_streams(raw))
    except (zstandard.ZstdError, struct.error, ValueError) as error:
        raise ValueError(f"a block of counters cannot be read: {error}") from error


def _decode_streams(raw: bytes) -> Iterator[np.ndarray]:
    start = 0
    while start < len(raw):
        count, large_count, width = STREAM_HEADER.unpack_from(raw, start)
        start += STREAM_HEADER.size
        small = np.frombuffer(raw, np.uint8, count, start)
        start += count
        if not large_count:
            yield small
            continue
        numbers = small.astype(np.uint64)
        shuffled = np.frombuffer(raw, np.uint8, large_count * width, start).reshape(width, large_count)
        start += large_count * width
        numbers[np.flatnonzero(small == ESCAPE)] = np.ascontiguousarray(shuffled.T).view(f"<u{width}").ravel()
        yield numbers
