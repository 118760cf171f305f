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

from crawler.parsing.pages import page_of
from crawler.parsing.redact import may_hold_address, redacted_event, redacted_reject, without_addresses_in
from crawler.parsing.rows import (
    Count,
    Key,
    Name,
    Unreadable,
    beginning,
    brief,
    read_row,
    split,
    storable,
    type_events,
)
from crawler.response import Answer, CensusPage, Event, Observation, Reject

UNKNOWN = 0  # the fingerprint of a row that has to be looked at
ABSENT = msgspec.Raw(b"")
COUNTED = ("downloads", "likes", "all_time", "trending")
STATED = ("modified", "sha", "gated", "library", "task", "sdk", "tags", "bases")
OTHER = ("created", "disabled", "safetensors")

Columns = Mapping[str, Sequence]


class Line(msgspec.Struct, gc=False, omit_defaults=True):
    """One row, of which only the counters are read."""

    id: Name
    key: Key = msgspec.field(name="_id")
    downloads: Count | None = None
    likes: Count | None = None
    all_time: Count | None = msgspec.field(name="downloadsAllTime", default=None)
    trending: float | None = msgspec.field(name="trendingScore", default=None)
    created: msgspec.Raw = msgspec.field(name="createdAt", default=ABSENT)
    modified: msgspec.Raw = msgspec.field(name="lastModified", default=ABSENT)
    sha: msgspec.Raw = ABSENT
    gated: msgspec.Raw = ABSENT
    disabled: msgspec.Raw = ABSENT
    library: msgspec.Raw = msgspec.field(name="library_name", default=ABSENT)
    task: msgspec.Raw = msgspec.field(name="pipeline_tag", default=ABSENT)
    sdk: msgspec.Raw = ABSENT
    safetensors: msgspec.Raw = ABSENT
    tags: msgspec.Raw = ABSENT
    bases: msgspec.Raw = msgspec.field(name="baseModels", default=ABSENT)


class Lines(msgspec.Struct):
    """The rows of a page that can be kept, also by columns and with a fingerprint each; and the others."""

    received: int
    rows: Sequence[Line | bytes]
    columns: Columns
    fingerprints: Sequence[int]
    rejects: list[Reject]
    events: list[Event]


_PAGE = msgspec.json.Decoder(list[Line])


def read_lines(body: bytes, row_type: type[msgspec.Struct]) -> Lines:
    """Every row of a page. One that cannot be read strictly is read field by field, and looked at in full.

    Raises:
        NotAList: see `crawler.parsing.rows.split`.
    """
    try:
        lines = None if b"\\" in body and b"\\u0000" in body else _PAGE.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        lines = None
    if lines is not None:
        columns = in_columns(lines)
        return Lines(len(lines), lines, columns, fingerprints(columns), [], [])
    kept, rows, rejects, dropped = [], [], [], []
    raws = split(body)
    for place, raw in enumerate(raws):
        try:
            rows.append(line_of(read_row(raw, row_type, frozenset({"id", "_id"}), dropped)))
            kept.append(raw)
        except (Unreadable, RecursionError) as error:
            rejects.append(Reject(place, brief(error), beginning(raw)))
    unknown = [UNKNOWN] * len(rows)
    return Lines(len(raws), kept, in_columns(rows), unknown, rejects, list(type_events(dropped)))


def in_columns(lines: Sequence[Line]) -> Columns:
    """What rows say, by the name of what it is."""
    columns = zip(*map(astuple, lines), strict=True) if lines else repeat(())
    return dict(zip(Line.__struct_fields__, columns, strict=False))


def fingerprints(columns: Columns) -> Sequence[int]:
    """Of each row eight bytes of a hash of all it says but its counters; never UNKNOWN.

    >>> lines = [Line("a/b", "0" * 24, downloads=1), Line("a/b", "0" * 24, downloads=2), Line("a/c", "0" * 24)]
    >>> one, other, third = fingerprints(in_columns(lines))
    >>> one == other != third
    True
    """
    said = zip(map(str.encode, columns["id"]), *(columns[name] for name in STATED + OTHER), strict=True)
    hashes = b"".join([blake2b(b"\0".join(row), digest_size=8).digest() for row in said])
    found = struct.unpack(f"<{len(columns['id'])}q", hashes)
    return found if UNKNOWN not in found else [print_ or 1 for print_ in found]


def census_page(
    answer: Answer, lines: Lines, after: str, cut: str, observe: Callable[[bytes, list], Observation],
    next_url: str | None,
) -> CensusPage:  # fmt: skip
    """A page of a census: what lies after the last id so far and before the instant at which the census began.

    `observe` reads one whole row. The page holds no address, neither as it is nor later.
    """
    keys, columns, rows, prints, beyond = lines.columns["key"], lines.columns, lines.rows, lines.fingerprints, 0
    disorder = sum(map(le, keys, [after, *keys]))
    if disorder or (keys and keys[-1] >= cut):
        firsts = {key: place for place, key in reversed(list(enumerate(keys)))}
        kept = [firsts[key] for key in sorted(firsts) if after < key < cut]
        columns = {name: [column[place] for place in kept] for name, column in columns.items()}
        rows, prints = [rows[place] for place in kept], [prints[place] for place in kept]
        beyond = sum(key >= cut for key in keys)
    page = page_of("ranking", answer, lines.received, rejects=map(redacted_reject, lines.rejects), disorder=disorder,
                   next_url=None if beyond else next_url)  # fmt: skip
    events = [redacted_event(event) for event in lines.events]
    common = {field.name: getattr(page, field.name) for field in dataclasses.fields(page)}
    return CensusPage(
        **(common | {"events": events}),
        stable_ids=columns["key"],
        fingerprints=prints,
        downloads=columns["downloads"],
        likes=columns["likes"],
        downloads_all_time=columns["all_time"],
        trending=columns["trending"],
        observe=_observer(rows, events, observe),
        fields=_fields(columns),
        repeated=len(keys) - len(rows) - beyond,
        beyond=beyond,
    )


def _observer(
    rows: Sequence[Line | bytes], events: list[Event], observe: Callable[[bytes, list], Observation]
) -> Callable[[int], Observation]:
    """Reads the rows that are asked for; what it had to drop of them becomes events of the page."""

    def read(place: int) -> Observation:
        row, dropped = rows[place], list[tuple[str, str]]()
        raw = row if isinstance(row, bytes) else msgspec.json.encode(row)
        seen = observe(raw, dropped)
        if dropped:
            events.extend(redacted_event(event) for event in type_events(dropped))
        return without_addresses_in(seen) if may_hold_address(raw) else seen

    return read


def _fields(columns: Columns) -> dict[str, int]:
    """How many rows have each field."""
    counts = {name: len(columns[name]) - columns[name].count(None) for name in ("downloads", "likes", "all_time")}
    stated = {name: len(columns[name]) - columns[name].count(ABSENT) for name in STATED}
    return counts | {"base models" if name == "bases" else name: count for name, count in stated.items()}


def line_of(row: msgspec.Struct) -> Line:
    """A line of a row that was read field by field.

    Raises:
        Unreadable: its name cannot be stored.
    """
    storable(row.id)
    return Line(row.id, row.key, *(getattr(row, name) for name in COUNTED))
