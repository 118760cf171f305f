"""Read a page of a census: by columns, and of most rows no more than that they are as they were (pure).

A row's tags and bases stay bytes; their hash, with that of all else but the counters, says whether anything is new.
Only rows that are new or differ are read in full.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import datetime
from hashlib import blake2b

import msgspec

from crawler.decode import (
    Count,
    Key,
    Name,
    Unreadable,
    beginning,
    brief,
    read_row,
    seconds,
    split,
    split_lazily,
    storable,
    type_events,
)
from crawler.items import Answer, CensusPage, Event, Observation, Reject
from crawler.redact import may_hold_address, redacted_event, redacted_reject, without_addresses_in
from crawler.spiders import page_of

UNKNOWN = 0  # the fingerprint of a row that has to be looked at
ABSENT = msgspec.Raw(b"")
COUNTED = ("downloads", "likes", "all_time", "trending", "modified", "sha")


class Line(msgspec.Struct, gc=False):
    """One row, of which only the counters are read."""

    id: Name
    key: Key = msgspec.field(name="_id")
    downloads: Count | None = None
    likes: Count | None = None
    all_time: Count | None = msgspec.field(name="downloadsAllTime", default=None)
    trending: float | None = msgspec.field(name="trendingScore", default=None)
    modified: datetime | None = msgspec.field(name="lastModified", default=None)
    sha: str | None = None
    gated: msgspec.Raw = ABSENT
    disabled: msgspec.Raw = ABSENT
    library: msgspec.Raw = msgspec.field(name="library_name", default=ABSENT)
    task: msgspec.Raw = msgspec.field(name="pipeline_tag", default=ABSENT)
    sdk: msgspec.Raw = ABSENT
    safetensors: msgspec.Raw = ABSENT
    tags: msgspec.Raw = ABSENT
    bases: msgspec.Raw = msgspec.field(name="baseModels", default=ABSENT)


class Lines(msgspec.Struct):
    """The rows of a page that can be kept: where each stood, its counters and its fingerprint; and the others."""

    received: int
    rows: list[tuple[int, Line, int]]
    rejects: list[Reject]
    events: list[Event]


_PAGE = msgspec.json.Decoder(list[Line])
_LINE = msgspec.json.Decoder(Line)


def read_lines(body: bytes, row_type: type[msgspec.Struct]) -> Lines:
    """Every row of a page. One that cannot be read strictly is read field by field, and looked at in full.

    Raises:
        NotAList: see `crawler.decode.split`.
    """
    try:
        lines = _PAGE.decode(body) if b"\\u0000" not in body else None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        lines = None
    if lines is not None:
        return Lines(len(lines), [(place, line, fingerprint(line)) for place, line in enumerate(lines)], [], [])
    rows, rejects, dropped = [], [], []
    raws = split(body)
    for place, raw in enumerate(raws):
        try:
            rows.append((place, line_of(read_row(raw, row_type, frozenset({"id", "_id"}), dropped)), UNKNOWN))
        except (Unreadable, RecursionError) as error:
            rejects.append(Reject(place, brief(error), beginning(raw)))
    return Lines(len(raws), rows, rejects, list(type_events(dropped)))


def fingerprint(line: Line) -> int:
    """Eight bytes of a hash of everything a row says but counters, `sha` and `lastModified`; never UNKNOWN.

    >>> one, other = (Line("a/b", "0" * 24, downloads=number) for number in (1, 2))
    >>> fingerprint(one) == fingerprint(other) != fingerprint(Line("a/c", "0" * 24))
    True
    """
    said = (
        line.id.encode(), line.gated, line.disabled, line.library, line.task, line.sdk, line.safetensors, line.tags,
        line.bases,
    )  # fmt: skip
    return int.from_bytes(blake2b(b"\0".join(said), digest_size=8).digest(), "little", signed=True) or 1


def census_page(
    answer: Answer, lines: Lines, after: str, cut: str, observe: Callable[[bytes, list], Observation],
    next_url: str | None,
) -> CensusPage:  # fmt: skip
    """A page of a census: what lies after the last id so far and before the instant at which the census began.

    `observe` reads one whole row. The page holds no address, neither as it is nor later.
    """
    keys = [line.key for _, line, _ in lines.rows]
    disorder = sum(later <= earlier for earlier, later in zip([after, *keys], keys, strict=False))
    kept, beyond = lines.rows, 0
    if disorder or (keys and keys[-1] >= cut):
        firsts = {line.key: (place, line, print_) for place, line, print_ in reversed(lines.rows)}
        kept = [firsts[key] for key in sorted(firsts) if after < key < cut]
        beyond = sum(key >= cut for key in keys)
    page = page_of("ranking", answer, lines.received, rejects=map(redacted_reject, lines.rejects), disorder=disorder,
                   next_url=None if beyond else next_url)  # fmt: skip
    events = [redacted_event(event) for event in lines.events]
    common = {field.name: getattr(page, field.name) for field in dataclasses.fields(page)}
    rows = [line for _, line, _ in kept]
    return CensusPage(
        **(common | {"events": events}),
        stable_ids=[line.key for line in rows],
        fingerprints=[print_ for *_, print_ in kept],
        downloads=[line.downloads for line in rows],
        likes=[line.likes for line in rows],
        downloads_all_time=[line.all_time for line in rows],
        trending=[line.trending for line in rows],
        modified_at=[seconds(line.modified) for line in rows],
        shas=[line.sha for line in rows],
        observe=_observer(answer.body, [place for place, *_ in kept], events, observe),
        fields=_fields(rows),
        repeated=len(keys) - len(kept) - beyond,
        beyond=beyond,
    )


def _observer(
    body: bytes, places: list[int], events: list[Event], observe: Callable[[bytes, list], Observation]
) -> Callable[[int], Observation]:
    """Reads the rows that are asked for; what it had to drop of them becomes events of the page."""
    raws: list[bytes] = []

    def read(place: int) -> Observation:
        if not raws:
            raws.extend(split_lazily(body))
        dropped: list[tuple[str, str]] = []
        raw = bytes(raws[places[place]])
        seen = observe(raw, dropped)
        if dropped:
            events.extend(redacted_event(event) for event in type_events(dropped))
        return without_addresses_in(seen) if may_hold_address(raw) else seen

    return read


def _fields(rows: list[Line]) -> dict[str, int]:
    """How many rows have each field."""
    said = {
        "downloads": [row.downloads for row in rows], "likes": [row.likes for row in rows],
        "all_time": [row.all_time for row in rows], "modified": [row.modified for row in rows],
        "sha": [row.sha for row in rows],
    }  # fmt: skip
    raw = {
        "gated": [row.gated for row in rows], "library": [row.library for row in rows],
        "task": [row.task for row in rows], "sdk": [row.sdk for row in rows], "tags": [row.tags for row in rows],
        "base models": [row.bases for row in rows],
    }  # fmt: skip
    counts = {name: len(rows) - values.count(None) for name, values in said.items()}
    return counts | {name: len(rows) - values.count(ABSENT) for name, values in raw.items()}


def line_of(row: msgspec.Struct) -> Line:
    """A line of a row that was read field by field.

    Raises:
        Unreadable: its name cannot be stored.
    """
    storable(row.id)
    return Line(row.id, row.key, *(getattr(row, name) for name in COUNTED))
