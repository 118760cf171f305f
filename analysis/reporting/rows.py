"""The rows of the report document, by section; `document.py` explains each key."""

from __future__ import annotations

from typing import TypedDict

from analysis.claims.verdicts import ClaimNumber as ClaimNumber  # sections of the report
from analysis.claims.verdicts import ClaimRow as ClaimRow


class ReportGate(TypedDict):
    """One rule of the gate of one snapshot; `outcome` is pass, fail or no baseline."""

    gate: str
    outcome: str
    measured: str
    rule: str


class StoredSnapshot(TypedDict):
    """One row of v1_snapshot."""

    snapshot: int
    registry: str
    kind: str
    k: int | None
    by: str
    counter: str
    date: str
    taken_at: str
    started_at: str
    ended_at: str | None
    status: str
    reason: str | None
    origin: str
    source: str
    evidence: str
    depth: int | None
    digest: str | None
    pages: int
    duplicates: int
    rejected: int


class ReportSnapshot(StoredSnapshot):
    """One snapshot with the service of its registry and the rules of its gate."""

    service: str
    gate: list[ReportGate]


class ReportResult(TypedDict):
    """One number of one metric for one snapshot; `k` is 0 for a number of the whole snapshot."""

    registry: str
    metric: str
    name: str
    version: int
    snapshot: int
    date: str
    previous_snapshot: int | None
    previous_date: str | None
    k: int
    value: float | None
    low: float | None
    high: float | None
    n: int | None
    note: str


class ReportMove(TypedDict):
    """One package that entered, returned to or left a top K, or was renamed in it."""

    registry: str
    snapshot: int
    date: str
    previous_snapshot: int
    previous_date: str
    k: int
    change: str
    package: str
    name: str
    previous_name: str
    rank: int | None
    previous_rank: int | None
    reason: str


class RankedRow(TypedDict):
    """One row of the query `top_ranks`."""

    rank: int
    package: str
    name: str
    value: float | None
    previous_rank: int | None


class ReportTopRow(RankedRow):
    """One package at the top of a newest list, with its rank in the list that is compared."""

    registry: str
    snapshot: int
    date: str
    previous_date: str | None


class ParentRow(TypedDict):
    """One row of the query `base_models`. A parent that is no known package has a name only."""

    package: str | None
    name: str
    rank: int | None
    downloads: int | None
    children: int
    previous_children: int | None
    finetune: int
    adapter: int
    merge: int
    quantized: int
    unstated: int


class ReportBaseModel(ParentRow):
    """One parent, with its children among the first `depth` packages of a newest list and of an earlier list."""

    registry: str
    snapshot: int
    date: str
    previous_date: str | None
    depth: int


class ReportPoint(TypedDict):
    """Parents with the same downloads and the same number of descendants; `n` counts them."""

    registry: str
    snapshot: int
    date: str
    metric: str
    downloads: int
    descendants: int
    n: int


class ReportEvent(TypedDict):
    """The quality events of one kind and severity for one snapshot, with one example."""

    registry: str
    snapshot: int | None
    date: str
    kind: str
    severity: str
    count: int
    example: str


class ReportStandIn(TypedDict):
    """An endpoint in place of a public registry, and the number of a registry's snapshots that come from it."""

    registry: str
    source: str
    local: bool
    snapshots: int


class Report(TypedDict):
    """The whole report document."""

    schema: int
    as_of: str | None
    generated_by: str
    k: int | None
    results: list[ReportResult]
    claims: list[ClaimRow]
    snapshots: list[ReportSnapshot]
    not_public: list[ReportStandIn]
    top: list[ReportTopRow]
    movers: list[ReportMove]
    base_models: list[ReportBaseModel]
    points: list[ReportPoint]
    events: list[ReportEvent]
    unknown: list[str]
