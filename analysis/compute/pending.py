"""Which results are missing, and what they would be: what `compute` stores and a report may show without storing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.compute.metric import Metric
from analysis.compute.relations import cached_relations, fetch_rows
from db.rows import StoredResult

if TYPE_CHECKING:
    from analysis.compute.engines import Engine


@dataclass(frozen=True)
class PendingResults:
    """A complete snapshot and the metrics it has no results of, at their present versions."""

    snapshot: int
    registry: str
    date: str
    taken_at: int
    metrics: tuple[Metric, ...]


def find_pending(engine: Engine, metrics: Iterable[Metric]) -> list[PendingResults]:
    """What has not been computed: complete snapshots without results of these metrics, in the order of their dates.

    A new snapshot, a new metric, a raised VERSION and an interrupted run are the same case.
    """
    lacking: dict[tuple[int, int], tuple[dict, list[Metric]]] = {}
    for metric in metrics:
        for row in fetch_rows(
            engine, "pending_snapshots", metric=metric.name, version=metric.version, applies_to=metric.applies_to
        ):
            lacking.setdefault((row["taken_at"], row["snapshot"]), (row, []))[1].append(metric)
    return [PendingResults(**row, metrics=tuple(these)) for _, (row, these) in sorted(lacking.items())]


def select_in_lake(
    pending: Sequence[PendingResults], store_digests: Mapping[int, str], lake_digests: Mapping[int, str]
) -> list[PendingResults]:
    """Of what the store lacks, what a lake can give: it has the same snapshot, with the same content."""
    return [
        one
        for one in pending
        if one.snapshot in lake_digests and lake_digests[one.snapshot] == store_digests[one.snapshot]
    ]


def compute_pending(engine: Engine, pending: PendingResults) -> list[StoredResult]:
    """What a snapshot's missing metrics give."""
    read = cached_relations(engine, pending.snapshot)
    return [result for metric in pending.metrics for result in metric.compute(pending.snapshot, read)]
