"""Read a page of a census by columns, with a fingerprint of each row (pure).

Tags and base models of a row stay bytes. A fingerprint hashes everything in a row except its counters. The store
compares fingerprints, so that only new and changed rows are read in full.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from hashlib import blake2b
from itertools import repeat
from operator import le

import msgspec
from msgspec.structs import astuple

from crawler.parsing.huggingface_rows import HuggingFaceRow
from crawler.parsing.pages import make_page
from crawler.parsing.redact import redact_event, redact_observation, redact_reject
from crawler.parsing.rows import (
    Count,
    DroppedFields,
    Key,
    Name,
    UnreadableRowError,
    check_storable,
    describe_error,
    read_row,
    split_json_rows,
    truncate_raw,
    type_change_events,
)
from crawler.response import CensusPage, Event, HttpResponse, Observation, Reject

UNKNOWN_FINGERPRINT = 0  # of a row that has to be read in full
MISSING_FIELD = msgspec.Raw(b"")
COUNTER_FIELDS = ("downloads", "likes", "all_time")
STATED_FIELDS = ("modified", "sha", "gated", "library", "task", "sdk", "tags", "bases")
OTHER_FIELDS = ("created", "disabled", "safetensors")

ReadRow = Callable[[bytes, DroppedFields], Observation]


class CensusRow(msgspec.Struct, gc=False, omit_defaults=True):
    """A row of which only the id and the counters are read."""

    id: Name
    key: Key = msgspec.field(name="_id")
    downloads: Count | None = None
    likes: Count | None = None
    all_time: Count | None = msgspec.field(name="downloadsAllTime", default=None)
    trending: float | None = msgspec.field(name="trendingScore", default=None)
    created: msgspec.Raw = msgspec.field(name="createdAt", default=MISSING_FIELD)
    modified: msgspec.Raw = msgspec.field(name="lastModified", default=MISSING_FIELD)
    sha: msgspec.Raw = MISSING_FIELD
    gated: msgspec.Raw = MISSING_FIELD
    disabled: msgspec.Raw = MISSING_FIELD
    library: msgspec.Raw = msgspec.field(name="library_name", default=MISSING_FIELD)
    task: msgspec.Raw = msgspec.field(name="pipeline_tag", default=MISSING_FIELD)
    sdk: msgspec.Raw = MISSING_FIELD
    safetensors: msgspec.Raw = MISSING_FIELD
    tags: msgspec.Raw = MISSING_FIELD
    bases: msgspec.Raw = msgspec.field(name="baseModels", default=MISSING_FIELD)


class CensusColumns(msgspec.Struct, gc=False):
    """The rows of a page by columns: the fields of `CensusRow`, in the same order."""

    id: Sequence[str]
    key: Sequence[str]
    downloads: Sequence[int | None]
    likes: Sequence[int | None]
    all_time: Sequence[int | None]
    trending: Sequence[float | None]
    created: Sequence[msgspec.Raw]
    modified: Sequence[msgspec.Raw]
    sha: Sequence[msgspec.Raw]
    gated: Sequence[msgspec.Raw]
    disabled: Sequence[msgspec.Raw]
    library: Sequence[msgspec.Raw]
    task: Sequence[msgspec.Raw]
    sdk: Sequence[msgspec.Raw]
    safetensors: Sequence[msgspec.Raw]
    tags: Sequence[msgspec.Raw]
    bases: Sequence[msgspec.Raw]


class CensusRows(msgspec.Struct):
    """The readable rows of a page, as rows and by columns, with a fingerprint each, and the rejected rows."""

    received: int
    rows: Sequence[CensusRow | bytes]
    columns: CensusColumns
    fingerprints: Sequence[int]
    rejects: list[Reject]
    events: list[Event]


_PAGE_DECODER = msgspec.json.Decoder(list[CensusRow])


def read_census_rows(body: bytes, row_type: type[HuggingFaceRow]) -> CensusRows:
    """Read every row of a page. If the page is invalid, read its rows field by field and without fingerprints.

    Raises:
        NotAListError: see `crawler.parsing.rows.split_json_rows`.
    """
    census_rows = _decode_page(body)
    if census_rows is not None:
        columns = to_columns(census_rows)
        return CensusRows(len(census_rows), census_rows, columns, compute_fingerprints(columns), [], [])
    valid_rows: list[CensusRow] = []
    valid_bodies: list[bytes] = []
    rejects: list[Reject] = []
    dropped: DroppedFields = []
    bodies = split_json_rows(body)
    for position, raw in enumerate(bodies):
        try:
            valid_rows.append(make_census_row(read_row(raw, row_type, frozenset({"id", "_id"}), dropped)))
            valid_bodies.append(raw)
        except (UnreadableRowError, RecursionError) as error:
            rejects.append(Reject(position, describe_error(error), truncate_raw(raw)))
    unknown = [UNKNOWN_FINGERPRINT] * len(valid_rows)
    events = type_change_events(dropped)
    return CensusRows(len(bodies), valid_bodies, to_columns(valid_rows), unknown, rejects, events)


def _decode_page(body: bytes) -> list[CensusRow] | None:
    if b"\\" in body and b"\\u0000" in body:  # a NUL cannot be stored
        return None
    try:
        return _PAGE_DECODER.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None


def to_columns(rows: Sequence[CensusRow]) -> CensusColumns:
    """Return the columns of rows."""
    if not rows:
        return CensusColumns(*repeat((), len(CensusRow.__struct_fields__)))
    return CensusColumns(*zip(*map(astuple, rows), strict=True))


def compute_fingerprints(columns: CensusColumns) -> Sequence[int]:
    """Return an eight-byte hash of each row without its counters, never `UNKNOWN_FINGERPRINT`.

    >>> rows = [CensusRow("a/b", "0" * 24, downloads=count) for count in (1, 2)] + [CensusRow("a/c", "0" * 24)]
    >>> first, second, third = compute_fingerprints(to_columns(rows))
    >>> first == second != third
    True
    """
    names = STATED_FIELDS + OTHER_FIELDS
    rows = zip(map(str.encode, columns.id), *(getattr(columns, name) for name in names), strict=True)
    hashes = b"".join([blake2b(b"\0".join(row), digest_size=8).digest() for row in rows])
    fingerprints = struct.unpack(f"<{len(columns.id)}q", hashes)
    if UNKNOWN_FINGERPRINT not in fingerprints:
        return fingerprints
    return [fingerprint or 1 for fingerprint in fingerprints]


def make_census_page(
    response: HttpResponse, census_rows: CensusRows, after: str, cut: str, observe: ReadRow, next_url: str | None
) -> CensusPage:
    """Return a page of a census: the rows after the last id so far, and before the cut at which the census began.

    `observe` reads one row in full. The page is redacted, and so is every row that is read later.
    """
    columns, rows, fingerprints = census_rows.columns, census_rows.rows, census_rows.fingerprints
    keys, beyond = columns.key, 0
    disorder = sum(map(le, keys, [after, *keys]))
    if disorder or (keys and keys[-1] >= cut):
        first_positions = {key: position for position, key in reversed(list(enumerate(keys)))}
        positions = [first_positions[key] for key in sorted(first_positions) if after < key < cut]
        columns = CensusColumns(*([column[position] for position in positions] for column in astuple(columns)))
        rows, fingerprints = [rows[position] for position in positions], [fingerprints[p] for p in positions]
        beyond = sum(key >= cut for key in keys)
    events = [*response.notes, *(redact_event(event) for event in census_rows.events)]
    page = make_page("ranking", response, census_rows.received, rejects=map(redact_reject, census_rows.rejects),
                     disorder=disorder, next_url=None if beyond else next_url)  # fmt: skip
    common = {field.name: getattr(page, field.name) for field in fields(page)}
    return CensusPage(
        **(common | {"events": events}),
        stable_ids=columns.key,
        fingerprints=fingerprints,
        downloads=columns.downloads,
        likes=columns.likes,
        downloads_all_time=columns.all_time,
        trending=columns.trending,
        observe=_make_observer(rows, events, observe),
        fields=_count_fields(columns),
        repeated=len(keys) - len(rows) - beyond,
        beyond=beyond,
    )


def _make_observer(
    rows: Sequence[CensusRow | bytes], events: list[Event], observe: ReadRow
) -> Callable[[int], Observation]:
    """Return a function that reads the row at a position. Fields dropped on the way become events of the page."""

    def read_at(position: int) -> Observation:
        row = rows[position]
        dropped: DroppedFields = []
        raw = row if isinstance(row, bytes) else msgspec.json.encode(row)
        observation = observe(raw, dropped)
        if dropped:
            events.extend(redact_event(event) for event in type_change_events(dropped))
        return redact_observation(observation)

    return read_at


def _count_fields(columns: CensusColumns) -> Mapping[str, int]:
    """Return the number of rows that have each field."""
    counts = {name: _count_present(getattr(columns, name), None) for name in COUNTER_FIELDS}
    stated = {name: _count_present(getattr(columns, name), MISSING_FIELD) for name in STATED_FIELDS}
    return counts | {"base models" if name == "bases" else name: count for name, count in stated.items()}


def _count_present(column: Sequence[object], missing: object) -> int:
    return len(column) - column.count(missing)


def make_census_row(row: HuggingFaceRow) -> CensusRow:
    """Return the id and the counters of a row that was read field by field.

    Raises:
        UnreadableRowError: the name cannot be stored.
    """
    check_storable(row.id)
    return CensusRow(row.id, row.key, row.downloads, row.likes, row.all_time, row.trending)
