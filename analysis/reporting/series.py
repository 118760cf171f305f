"""Series: the snapshots of one registry, order and counter, which may be compared with each other, and their days."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from analysis.periods import count_days
from analysis.reporting.names import is_census_counter, registry_title, series_title
from analysis.reporting.rows import ReportEvent, ReportResult, ReportSnapshot

POPULATION_METRICS = ("descendants", "preservation")  # their K is how many packages of the list they are of
POPULATION_NAMES = r"documentation\.of\d+(\.|$)"

LONG_GAP_FACTOR = 1.5  # a gap longer than this many usual gaps is long

SeriesKey = tuple[str, str, str]


class DateGap(NamedTuple):
    """The days between two dates that follow each other. A long gap breaks a line."""

    before: str
    after: str
    days: int
    is_long: bool


def series_key(snapshot: ReportSnapshot) -> SeriesKey:
    """Return the registry, order and counter of a snapshot."""
    return snapshot["registry"], snapshot["by"], snapshot["counter"]


def group_by_series(snapshots: Iterable[ReportSnapshot]) -> dict[SeriesKey, list[ReportSnapshot]]:
    """Return the snapshots of each series, in the order they came in."""
    groups: dict[SeriesKey, list[ReportSnapshot]] = {}
    for snapshot in snapshots:
        groups.setdefault(series_key(snapshot), []).append(snapshot)
    return groups


def group_lists_first(snapshots: Iterable[ReportSnapshot]) -> dict[SeriesKey, list[ReportSnapshot]]:
    """Return the snapshots of each series, lists before censuses."""
    groups = group_by_series(snapshots)
    return dict(sorted(groups.items(), key=lambda item: is_census_counter(item[0][2])))


def select_complete(snapshots: Iterable[ReportSnapshot]) -> list[ReportSnapshot]:
    """Return the complete snapshots."""
    return [snapshot for snapshot in snapshots if snapshot["status"] == "complete"]


def group_by_day(snapshots: Iterable[ReportSnapshot]) -> dict[tuple[SeriesKey, str], list[ReportSnapshot]]:
    """Return the complete snapshots of each series and day, in the order they came in."""
    days: dict[tuple[SeriesKey, str], list[ReportSnapshot]] = {}
    for snapshot in select_complete(snapshots):
        days.setdefault((series_key(snapshot), snapshot["date"]), []).append(snapshot)
    return days


def choose_list_of_day(snapshots: Iterable[ReportSnapshot], k: int) -> ReportSnapshot | None:
    """Return the list that stands for its day at K: of the lists at least K deep, the first stored (`list_of_day`).

    `snapshots` are the complete snapshots of one series and day.
    """
    reaching = (snapshot for snapshot in snapshots if (snapshot["depth"] or 0) >= k)
    return min(reaching, key=lambda snapshot: snapshot["snapshot"], default=None)


def select_lists_of_days(snapshots: Iterable[ReportSnapshot], k: int) -> list[ReportSnapshot]:
    """Return the list that stands for each day of each series at K, oldest first in each series."""
    lists = (choose_list_of_day(of_day, k) for of_day in group_by_day(snapshots).values())
    return [snapshot for snapshot in lists if snapshot is not None]


def select_results_of_days(snapshots: Iterable[ReportSnapshot], results: Iterable[ReportResult]) -> list[ReportResult]:
    """Return the results of the lists that stand for their day at the K of the result."""
    days = {row["snapshot"]: of_day for of_day in group_by_day(snapshots).values() for row in of_day}
    chosen = ((result, choose_list_of_day(days.get(result["snapshot"], ()), result["k"])) for result in results)
    return [result for result, row in chosen if row is not None and row["snapshot"] == result["snapshot"]]


def newest_day(snapshots: Iterable[ReportSnapshot]) -> list[ReportSnapshot]:
    """Return the complete snapshots of the newest day of one series. `snapshots` are oldest first."""
    days = list(group_by_day(snapshots).values())
    return days[-1] if days else []


def choose_deepest(snapshots: Iterable[ReportSnapshot]) -> ReportSnapshot:
    """Return the deepest snapshot, of equal ones the first stored."""
    return min(snapshots, key=lambda snapshot: (-(snapshot["depth"] or 0), snapshot["snapshot"]))


def newest_deepest(snapshots: Iterable[ReportSnapshot]) -> list[ReportSnapshot]:
    """Return the deepest complete list of the newest day of every series that has any. `snapshots` are oldest first."""
    days = map(newest_day, group_by_series(snapshots).values())
    return [choose_deepest(of_day) for of_day in days if of_day]


def select_newest_results(snapshots: Sequence[ReportSnapshot], results: Iterable[ReportResult]) -> list[ReportResult]:
    """Return the results that stand for the newest day of one series.

    Those of turnover are of the list of the day at their K, all others of the deepest list.
    """
    of_day = newest_day(snapshots)
    if not of_day:
        return []
    deepest, numbers = choose_deepest(of_day), {snapshot["snapshot"] for snapshot in of_day}
    rows = [row for row in results if row["snapshot"] in numbers]
    turnovers = select_results_of_days(of_day, [row for row in rows if row["k"] and is_turnover(row)])
    return turnovers + [
        row for row in rows if row["snapshot"] == deepest["snapshot"] and not (row["k"] and is_turnover(row))
    ]


def is_turnover(result: ReportResult) -> bool:
    """Return whether a result compares a list with an earlier one."""
    return result["metric"].startswith("turnover")


def list_gaps(dates: Sequence[str]) -> list[DateGap]:
    """Return the gap between each date and the next."""
    gaps = [(before, after, count_days(before, after)) for before, after in pairwise(dates)]
    limit = LONG_GAP_FACTOR * median(days for _, _, days in gaps) if gaps else 0
    return [DateGap(*gap, is_long=gap[2] > limit) for gap in gaps]


def affects_numbers(event: ReportEvent) -> bool:
    """Return whether a quality event affects the numbers of its snapshot. A changed verdict follows from them."""
    return event["severity"] != "note" and event["kind"] != "verdict_changed"


def select_whole_list(results: Iterable[ReportResult]) -> list[ReportResult]:
    """Return the results without those of the first packages of a list, which are compared over time and not shown."""
    return [
        row
        for row in results
        if not (row["metric"].startswith(POPULATION_METRICS) and row["k"])
        and not re.match(POPULATION_NAMES, row["name"])
    ]


def series_labels(snapshots: Iterable[ReportSnapshot]) -> dict[SeriesKey, str]:
    """Return a label for each series: its registry, and as much more as distinguishes its lists from each other.

    A census never has the label of a list.
    """
    keys = list(group_by_series(snapshots))
    return {key: _label_series(key, [other for other in keys if other[0] == key[0]]) for key in keys}


def _label_series(key: SeriesKey, of_registry: Sequence[SeriesKey]) -> str:
    lists = [other for other in of_registry if not is_census_counter(other[2])]
    if is_census_counter(key[2]) or sum(other[1] == key[1] for other in lists) > 1:
        return series_title(*key)
    title = registry_title(key[0])
    return title if len(lists) == 1 else f"{title} by {key[1]}"


def complete_labels(snapshots: Sequence[ReportSnapshot]) -> dict[int, str]:
    """Return the label of the series of each complete snapshot, oldest first in each series."""
    labels = series_labels(snapshots)
    return {snapshot["snapshot"]: labels[series_key(snapshot)] for snapshot in select_complete(snapshots)}


def describe_list(snapshots: Iterable[ReportSnapshot], number: int) -> str:
    """Return the date and the depth of one snapshot."""
    (row,) = [snapshot for snapshot in snapshots if snapshot["snapshot"] == number]
    return f"{row['date']}, {row['depth']:,} packages deep" if row["depth"] else row["date"]
