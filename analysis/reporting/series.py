"""Series: the snapshots of one registry, order and counter, which may be compared with each other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from analysis.reporting.names import registry_title, series_title
from analysis.reporting.rows import ReportSnapshot

SeriesKey = tuple[str, str, str]


def series_key(snapshot: ReportSnapshot) -> SeriesKey:
    """Return the registry, order and counter of a snapshot."""
    return snapshot["registry"], snapshot["by"], snapshot["counter"]


def group_by_series(snapshots: Iterable[ReportSnapshot]) -> dict[SeriesKey, list[ReportSnapshot]]:
    """Return the snapshots of each series, in the order they came in."""
    groups: dict[SeriesKey, list[ReportSnapshot]] = {}
    for snapshot in snapshots:
        groups.setdefault(series_key(snapshot), []).append(snapshot)
    return groups


def select_complete(snapshots: Iterable[ReportSnapshot]) -> list[ReportSnapshot]:
    """Return the complete snapshots."""
    return [snapshot for snapshot in snapshots if snapshot["status"] == "complete"]


def newest_complete(snapshots: Iterable[ReportSnapshot]) -> list[ReportSnapshot]:
    """Return the newest complete snapshot of every series that has any. `snapshots` are oldest first."""
    return [group[-1] for group in group_by_series(select_complete(snapshots)).values()]


def series_labels(snapshots: Iterable[ReportSnapshot]) -> dict[SeriesKey, str]:
    """Return a label for each series: its registry, and as much more as distinguishes it from the other series."""
    keys = list(group_by_series(snapshots))
    for parts in (1, 2):
        names = [" by ".join((registry_title(key[0]), *key[1:parts])) for key in keys]
        if len(set(names)) == len(keys):
            return dict(zip(keys, names, strict=True))
    return {key: series_title(*key) for key in keys}


def complete_labels(snapshots: Sequence[ReportSnapshot]) -> dict[int, str]:
    """Return the label of the series of each complete snapshot, oldest first in each series."""
    labels = series_labels(snapshots)
    return {snapshot["snapshot"]: labels[series_key(snapshot)] for snapshot in select_complete(snapshots)}
