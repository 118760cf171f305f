"""Pending results: which results are not stored yet, and how to compute them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.compute.metric import Metric
from analysis.compute.relations import SqlRow, cached_relations, fetch_rows
from db.rows import StoredResult

if TYPE_CHECKING:
    from analysis.compute.engines import Engine


@dataclass(frozen=True)
class PendingResults:
    """A complete snapshot, and the metrics without stored results for it at their present versions."""

    snapshot: int
    registry: str
    date: str
    taken_at: int
    metrics: tuple[Metric, ...]


def find_pending(engine: Engine, metrics: Iterable[Metric]) -> list[PendingResults]:
    """Return the complete snapshots without results of these metrics, in the order of their dates.

    A new snapshot, a new metric, a raised VERSION and an interrupted run are the same case.
    """
    pending: dict[tuple[int, int], tuple[SqlRow, list[Metric]]] = {}
    for metric in metrics:
        parameters = {"metric": metric.name, "version": metric.version, "applies_to": metric.applies_to}
        for row in fetch_rows(engine, "pending_snapshots", **parameters):
            pending.setdefault((row["taken_at"], row["snapshot"]), (row, []))[1].append(metric)
    return [PendingResults(**row, metrics=tuple(missing)) for _, (row, missing) in sorted(pending.items())]


def select_in_lake(
    pending: Sequence[PendingResults], store_digests: Mapping[int, str], lake_digests: Mapping[int, str]
) -> list[PendingResults]:
    """Select the pending snapshots that a lake can compute: it has the same snapshot, with the same content."""
    return [
        snapshot
        for snapshot in pending
        if snapshot.snapshot in lake_digests and lake_digests[snapshot.snapshot] == store_digests[snapshot.snapshot]
    ]


def compute_pending(engine: Engine, pending: PendingResults) -> list[StoredResult]:
    """Compute the pending results of one snapshot."""
    read_relation = cached_relations(engine, pending.snapshot)
    return [result for metric in pending.metrics for result in metric.compute(pending.snapshot, read_relation)]
