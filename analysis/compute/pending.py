"""Which results are missing, and what they would be: what `compute` stores and a report may show without storing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.compute.metric import Metric
from analysis.compute.relations import reader, rows
from db.rows import StoredResult

if TYPE_CHECKING:
    from analysis.compute.engines import Engine


@dataclass(frozen=True)
class Missing:
    """A complete snapshot and the metrics it has no results of, at their present versions."""

    snapshot: int
    registry: str
    date: str
    taken_at: int
    metrics: tuple[Metric, ...]


def missing(engine: Engine, metrics: Iterable[Metric]) -> list[Missing]:
    """What has not been computed: complete snapshots without results of these metrics, in the order of their dates.

    A new snapshot, a new metric, a raised VERSION and an interrupted run are the same case.
    """
    lacking: dict[tuple[int, int], tuple[dict, list[Metric]]] = {}
    for metric in metrics:
        for row in rows(engine, "missing_results", metric=metric.name, version=metric.version, of=metric.of):
            lacking.setdefault((row["taken_at"], row["snapshot"]), (row, []))[1].append(metric)
    return [Missing(**row, metrics=tuple(these)) for _, (row, these) in sorted(lacking.items())]


def both(lacking: Sequence[Missing], store: Mapping[int, str], lake: Mapping[int, str]) -> list[Missing]:
    """Of what the store lacks, what a lake can give: it has the same snapshot, with the same content."""
    return [one for one in lacking if one.snapshot in lake and lake[one.snapshot] == store[one.snapshot]]


def computed(engine: Engine, lacking: Missing) -> list[StoredResult]:
    """What a snapshot's missing metrics give."""
    read = reader(engine, lacking.snapshot)
    return [result for metric in lacking.metrics for result in metric.results(lacking.snapshot, read)]
