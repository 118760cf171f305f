"""Read a page of a census: by columns, and of most rows no more than that they are as they were (pure).

A row's tags and bases stay bytes; their hash, with that of all else but the counters, says whether anything is new.
Only rows that are new or differ are read in full.
"""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from itertools import repeat
from operator import le

import msgspec
from msgspec.structs import astuple

from crawler.parsing.pages import make_page
from crawler.parsing.redact import may_contain_address, redact_event, redact_observation, redact_reject
from crawler.parsing.rows import (
    Count,
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

UNKNOWN_FINGERPRINT = 0  # the fingerprint of a row that has to be looked at
MISSING_FIELD = msgspec.Raw(b"")
COUNTER_FIELDS = ("downloads", "likes", "all_time", "trending")
STATED_FIELDS = ("modified", "sha", "gated", "library", "task", "sdk", "tags", "bases")
OTHER_FIELDS = ("created", "disabled", "safetensors")

Columns = Mapping[str, Sequence]


class CensusRow(msgspec.Struct, gc=False, omit_defaults=True):
    """One row, of which only the counters are read."""

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


class CensusRows(msgspec.Struct):
    """The rows of a page that can be kept, also by columns and with a fingerprint each; and the others."""

    received: int
    rows: Sequence[CensusRow | bytes]
    columns: Columns
    fingerprints: Sequence[int]
    rejects: list[Reject]
    events: list[Event]


_PAGE = msgspec.json.Decoder(list[CensusRow])


def read_census_rows(body: bytes, row_type: type[msgspec.Struct]) -> CensusRows:
    """Every row of a page. One that cannot be read strictly is read field by field, and looked at in full.

    Raises:
        NotAList: see `crawler.parsing.rows.split`.
    """
    try:
        lines = None if b"\\" in body and b"\\u0000" in body else _PAGE.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        lines = None
    if lines is not None:
        columns = to_columns(lines)
        return CensusRows(len(lines), lines, columns, compute_fingerprints(columns), [], [])
    kept, rows, rejects, dropped = [], [], [], []
    raws = split_json_rows(body)
    for place, raw in enumerate(raws):
        try:
            rows.append(make_census_row(read_row(raw, row_type, frozenset({"id", "_id"}), dropped)))
            kept.append(raw)
        except (UnreadableRowError, RecursionError) as error:
            rejects.append(Reject(place, describe_error(error), truncate_raw(raw)))
    unknown = [UNKNOWN_FINGERPRINT] * len(rows)
    return CensusRows(len(raws), kept, to_columns(rows), unknown, rejects, list(type_change_events(dropped)))


def to_columns(rows: Sequence[CensusRow]) -> Columns:
    """What rows say, by the name of what it is."""
    columns = zip(*map(astuple, rows), strict=True) if rows else repeat(())
    return dict(zip(CensusRow.__struct_fields__, columns, strict=False))


def compute_fingerprints(columns: Columns) -> Sequence[int]:
    """Of each row eight bytes of a hash of all it says but its counters; never UNKNOWN.

    >>> lines = [CensusRow("a/b", "0" * 24, downloads=1), CensusRow("a/b", "0" * 24, downloads=2), CensusRow("a/c", "0" * 24)]
    >>> one, other, third = compute_fingerprints(to_columns(lines))
    >>> one == other != third
    True
    """
    said = zip(map(str.encode, columns["id"]), *(columns[name] for name in STATED_FIELDS + OTHER_FIELDS), strict=True)
    hashes = b"".join([blake2b(b"\0".join(row), digest_size=8).digest() for row in said])
    found = struct.unpack(f"<{len(columns['id'])}q", hashes)
    return found if UNKNOWN_FINGERPRINT not in found else [print_ or 1 for print_ in found]


def make_census_page(
    response: HttpResponse, census_rows: CensusRows, after: str, cut: str, observe: Callable[[bytes, list], Observation],
    next_url: str | None,
) -> CensusPage:  # fmt: skip
    """A page of a census: what lies after the last id so far and before the instant at which the census began.

    `observe` reads one whole row. The page holds no address, neither as it is nor later.
    """
    keys, columns, rows, prints, beyond = (
        census_rows.columns["key"],
        census_rows.columns,
        census_rows.rows,
        census_rows.fingerprints,
        0,
    )
    disorder = sum(map(le, keys, [after, *keys]))
    if disorder or (keys and keys[-1] >= cut):
        firsts = {key: place for place, key in reversed(list(enumerate(keys)))}
        kept = [firsts[key] for key in sorted(firsts) if after < key < cut]
        columns = {name: [column[place] for place in kept] for name, column in columns.items()}
        rows, prints = [rows[place] for place in kept], [prints[place] for place in kept]
        beyond = sum(key >= cut for key in keys)
    page = make_page("ranking", response, census_rows.received, rejects=map(redact_reject, census_rows.rejects), disorder=disorder,
                   next_url=None if beyond else next_url)  # fmt: skip
    events = [redact_event(event) for event in census_rows.events]
    common = {field.name: getattr(page, field.name) for field in dataclasses.fields(page)}
    return CensusPage(
        **(common | {"events": events}),
        stable_ids=columns["key"],
        fingerprints=prints,
        downloads=columns["downloads"],
        likes=columns["likes"],
        downloads_all_time=columns["all_time"],
        trending=columns["trending"],
        observe=_make_observer(rows, events, observe),
        fields=_count_fields(columns),
        repeated=len(keys) - len(rows) - beyond,
        beyond=beyond,
    )


def _make_observer(
    rows: Sequence[CensusRow | bytes], events: list[Event], observe: Callable[[bytes, list], Observation]
) -> Callable[[int], Observation]:
    """Reads the rows that are asked for; what it had to drop of them becomes events of the page."""

    def read(place: int) -> Observation:
        row, dropped = rows[place], list[tuple[str, str]]()
        raw = row if isinstance(row, bytes) else msgspec.json.encode(row)
        seen = observe(raw, dropped)
        if dropped:
            events.extend(redact_event(event) for event in type_change_events(dropped))
        return redact_observation(seen) if may_contain_address(raw) else seen

    return read


def _count_fields(columns: Columns) -> dict[str, int]:
    """How many rows have each field."""
    counts = {name: len(columns[name]) - columns[name].count(None) for name in ("downloads", "likes", "all_time")}
    stated = {name: len(columns[name]) - columns[name].count(MISSING_FIELD) for name in STATED_FIELDS}
    return counts | {"base models" if name == "bases" else name: count for name, count in stated.items()}


def make_census_row(row: msgspec.Struct) -> CensusRow:
    """A line of a row that was read field by field.

    Raises:
        Unreadable: its name cannot be stored.
    """
    check_storable(row.id)
    return CensusRow(row.id, row.key, *(getattr(row, name) for name in COUNTER_FIELDS))
