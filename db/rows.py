"""What may be written: the shapes in which pages, observations and verdicts reach the store."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

NAMES_CENSUS_COUNTER = "census:names"  # the counter of a census that has none
RELATIONS = ("finetune", "adapter", "merge", "quantized", "unstated")


@dataclass(frozen=True, slots=True)
class Registry:
    """A place packages are listed. `service_name` is the service's own word for it."""

    name: str
    service: str
    service_name: str | None = None


@dataclass(frozen=True, slots=True)
class SnapshotSpec:
    """What one snapshot is of: which list, how deep, from where, and how its date is known.

    `taken_at` is the instant it stands for, in seconds since 1970 UTC; `counter` says what the ordering number counts.
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
    """A base a package says it was made from; `stable_id` where the registry resolved the name."""

    name: str
    relation: str
    stable_id: str | None = None


@dataclass(frozen=True, slots=True)
class Observation:
    """What a registry said of one package on one page. None: it said nothing.

    `attributes` holds every attribute that was asked for, None where the package has none; an attribute that is not
    a key was not asked for. `parents` is None where lineage was not asked for, `libraries` (name and kind: library,
    format or tracker) where they were not.
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
    """A row that could not be read: where it stood, why, and how it began."""

    position: int
    reason: str
    raw: str


@dataclass(frozen=True, slots=True)
class Event:
    """Something a reader of the numbers should know; `severity` is note, warning or error."""

    kind: str
    severity: str
    evidence: str
    before: str | None = None
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One answer: its provenance, its rows, what was refused, and where to go on (None at the end).

    `role` is probe (an assumption tried), ranking (rows in order), counters (values for rows listed before) or file
    (of an imported list). `age` is how long the answer lay in a cache and `skew` by how much our clock was ahead of its
    Date, both in seconds, None where the answer does not tell. `body` is None where bodies are not kept.
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
    body: bytes | None = None
    form: str = "redacted"

    @property
    def as_census(self) -> CensusPage | None:
        """The page by columns, or None for a page that is not of a census."""
        return None


@dataclass(frozen=True, slots=True)
class CensusPage(Page):
    """A page of a census by columns, its rows in the rising order of their stable ids.

    A `fingerprint` is of all that a row says but its counters: while it is the same there is nothing to write of the
    row but those. `observe` gives the whole of one row, and is asked only for rows that differ. `repeated` rows of the
    body were seen before, `beyond` were made after the census began. `population` is how many packages the registry
    says it has, 0 where it does not. A probe is compared with what was seen before, and adds nothing;
    the next `Progress.missing` has a few that were not seen.
    """

    stable_ids: Sequence[str] = ()
    fingerprints: Sequence[int] = ()
    downloads: Sequence[int | None] = ()
    likes: Sequence[int | None] = ()
    downloads_all_time: Sequence[int | None] = ()
    trending: Sequence[float | None] = ()
    observe: Callable[[int], Observation] = field(default=lambda place: Observation("", ""))
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
    """How far an open snapshot has come. `missing` names a few packages that no page of counters has spoken of yet."""

    snapshot: int = 0
    pages: int = 0
    depth: int = 0
    duplicates: int = 0
    with_counters: int = 0
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GateResult:
    """One line of the gate's verdict; `outcome` is pass, fail or no baseline."""

    gate: str
    outcome: str
    measured: str
    rule: str


@dataclass(frozen=True, slots=True)
class StoredResult:
    """One number a metric gave for one snapshot; `k` is 0 where it is of the whole snapshot."""

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
