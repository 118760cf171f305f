"""The values that are written to the store: registries, snapshots, pages, observations and gate results."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

NAMES_CENSUS_COUNTER = "census:names"  # the counter of a census that has no counters
ORDERS = ("downloads", "likes", "trending", "dependents")  # of lists
RELATIONS = ("finetune", "adapter", "merge", "quantized", "unstated")


@dataclass(frozen=True, slots=True)
class Registry:
    """A list of packages. `service_name` is the name that the service itself uses."""

    name: str
    service: str
    service_name: str | None = None


@dataclass(frozen=True, slots=True)
class SnapshotSpec:
    """What a snapshot is of: which list, how deep, from which source, and how its date is known.

    `taken_at` is the instant of the snapshot, in seconds since 1970 UTC. `counter` says what the ordering number
    counts.
    """

    registry: Registry
    ordered_by: str
    counter: str
    k: int | None
    source: str
    date_evidence: str
    taken_at: int
    started_at: int
    origin: str = "crawl"
    settings: Mapping[str, object] = field(default_factory=dict)
    file_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Parent:
    """A base that a package states it was made from. `stable_id` is set where the registry resolved the name."""

    name: str
    relation: str
    stable_id: str | None = None


@dataclass(frozen=True, slots=True)
class Observation:
    """One package as a registry listed it on one page. None means that the registry gave no value.

    `attributes` has every attribute that was requested, with None where the package has none. An attribute without a
    key was not requested. `parents` is None where lineage was not requested. `libraries` (name and kind: library,
    format or tracker) is None where they were not requested.
    """

    stable_id: str
    name: str
    downloads: int | None = None
    likes: int | None = None
    downloads_all_time: int | None = None
    trending: float | None = None
    dependents: int | None = None
    dependent_repos: int | None = None
    created_at: int | None = None
    modified_at: int | None = None
    sha: str | None = None
    synced_at: int | None = None
    attributes: Mapping[str, str | None] = field(default_factory=dict)
    parents: tuple[Parent, ...] | None = None
    libraries: tuple[tuple[str, str], ...] | None = None


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that could not be parsed: its position, the reason, and the beginning of its text."""

    position: int
    reason: str
    raw: str


@dataclass(frozen=True, slots=True)
class Event:
    """A fact that a reader of the numbers should know. `severity` is note, warning or error."""

    kind: str
    severity: str
    evidence: str
    before: str | None = None
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One response: its provenance, its rows, its rejected rows, and the URL of the next page (None at the end).

    `role` is probe (an assumption is tested), ranking (rows in order), counters (values for rows of earlier pages) or
    file (of an imported list). `age` is how long the response was in a cache. `skew` is by how much our clock is ahead
    of its Date header. Both are in seconds, and None where the response does not say. `body` is None where bodies are
    not kept. `hidden` rows of `received` are not public and were dropped.
    """

    role: str
    url: str
    fetched_at: int
    status: int
    bytes: int
    sha256: str
    headers: Mapping[str, str | int]
    received: int
    age: int | None = None
    skew: int | None = None
    observations: tuple[Observation, ...] = ()
    rejects: tuple[Reject, ...] = ()
    events: tuple[Event, ...] = ()
    inversions: int = 0
    next_url: str | None = None
    body: builtins.bytes | None = None
    form: str = "redacted"
    hidden: int = 0

    @property
    def as_census(self) -> CensusPage | None:
        """The page as columns, or None if the page is not of a census."""
        return None


@dataclass(frozen=True, slots=True)
class CensusPage(Page):
    """A page of a census as columns, with its rows in ascending order of their stable ids.

    A `fingerprint` covers all fields of a row except its counters. While it stays the same, only the counters are
    written. `observe` returns one whole row, and is called only for rows that changed. `repeated` rows of the response
    were on an earlier page. `beyond` rows were created after the census began. `population` is the number of packages
    that the registry reports, 0 where it reports none. A probe is compared with the census and adds no rows. The next
    `Progress.missing` names a few of its packages that the census does not have.
    """

    stable_ids: Sequence[str] = ()
    fingerprints: Sequence[int] = ()
    downloads: Sequence[int | None] = ()
    likes: Sequence[int | None] = ()
    downloads_all_time: Sequence[int | None] = ()
    trending: Sequence[float | None] = ()
    observe: Callable[[int], Observation] = field(default=lambda index: Observation("", ""))
    fields: Mapping[str, int] = field(default_factory=dict)
    repeated: int = 0
    beyond: int = 0
    population: int = 0

    @property
    def as_census(self) -> CensusPage:
        """This page."""
        return self


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of an open snapshot. `missing` names a few packages that no page of counters has covered yet."""

    snapshot: int = 0
    pages: int = 0
    depth: int = 0
    duplicates: int = 0
    with_counters: int = 0
    missing: tuple[str, ...] = ()
    hidden: int = 0


@dataclass(frozen=True, slots=True)
class GateResult:
    """The result of one check of the gate. `outcome` is pass, fail or no baseline."""

    gate: str
    outcome: str
    measured: str
    rule: str


@dataclass(frozen=True, slots=True)
class StoredResult:
    """One number that a metric gave for one snapshot. `k` is 0 where the number is of the whole snapshot."""

    snapshot: int
    metric: str
    version: int
    name: str
    k: int
    previous_snapshot: int | None
    value: float | None
    low: float | None
    high: float | None
    n: int | None
    note: str
