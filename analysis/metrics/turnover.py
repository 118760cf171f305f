"""Replacement of the packages of a top K from one snapshot to another (Metric 2 of Jones et al., ESEM 2024)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from math import isnan

from pandas import DataFrame, isna

from analysis.compute.metric import Result, join_notes
from analysis.statistics.rankings import TopK, overlap_bounds, split_top_k

VERSION = 2

GAPS = (7, 30, 91, 182, 365)  # days; as in matched_ranking.sql
SECONDS_PER_DAY = 86_400
DAYS_PER_MONTH = 30.44
NO_EARLIER = "no earlier list of another day, at least 20 hours older, has this depth"
NO_COUNTERS = "no interval: counters are absent, so ties at the last rank are unknown"
TIES_BELOW = "the interval allows for ties below the last listed rank"
TOO_SHORT = "the list of this snapshot is shorter than the smallest depth at which lists are compared"
FLOW_COLUMNS = {"remained": "remained", "newcomers": "newcomers", "returning": "came_back", "ever": "ever"}


def turnover_as_published(
    flows: DataFrame, ranking: DataFrame, previous_ranking: DataFrame, renames: DataFrame
) -> Iterator[Result]:
    """Count the packages of a top K that remained, are newcomers, or are returning, as the paper does.

        last = top K of the previous list,  cur = top K now,  ever = union of the top K of the lists of earlier days
        remained = |last & cur|    newcomers = |(cur - last) - ever|    returning = |(cur - last) & ever|

    The result `ever` counts the packages that have been in the top K up to now. One list stands for each day, and the
    previous list is of an earlier day: see the views `list_of_day` and `previous_list`.

    >>> counts = DataFrame({"k": [2], "taken_at": 864000, "listed": 2, "previous_snapshot": 1, "previous_at": 0,
    ...                     "previous_listed": 2, "remained": 1, "newcomers": 1, "came_back": 0, "ever": 3})
    >>> empty = DataFrame(columns=["k"])
    >>> [(result.name, result.value) for result in turnover_as_published(counts, empty, empty, empty)]
    [('remained', 1.0), ('newcomers', 1.0), ('returning', 0.0), ('ever', 3.0)]

    Known defects: the gaps between snapshots are unequal, and the numbers are not adjusted for them. Which of the ties
    at rank K are in is arbitrary. Registries count different things. "returning" grows with the number of snapshots.
    Deleted and gated packages count as having left. One defect is repaired in the store, for every metric: a package
    whose stable id is known has not left when it is renamed. In lists that have names only, a rename counts as a
    departure and an arrival, unless `db/renames.toml` has it: the note says how many packages that may concern. Use
    `turnover` to compare.

    Jones et al., ESEM 2024, doi 10.1145/3674805.3686665, turnover.ipynb: plot_package_turnover.
    """
    if flows.empty:
        yield Result("remained", None, note=TOO_SHORT)
    for values in flows.to_numpy().tolist():
        row = dict(zip(flows.columns, values, strict=True))
        current, previous = (rows[rows["k"] == row["k"]] for rows in (ranking, previous_ranking))
        yield from _flow_results(row, _names_note(current, previous, renames))


def turnover(
    ranking: DataFrame, previous_ranking: DataFrame, matched_ranking: DataFrame, renames: DataFrame
) -> Iterator[Result]:
    """Measure the share of a top K that was not in it before, with the range that the order of ties leaves open.

        turnover = 1 - |last & cur| / K

    `turnover` is against the previous list. `turnover.7d` to `turnover.365d` are against the list of the day closest to
    that gap, at most a fifth of it away. `low` and `high` are the least and the largest value over
    every order of the packages that tie at rank K, in both lists.

    >>> before = DataFrame({"k": 2, "snapshot": 1, "date": "2026-01-01", "taken_at": 0, "rank": [1, 2, 3],
    ...                     "package": [10, 20, 30], "value": [9.0, 5.0, 5.0], "unseen": 0,
    ...                     "name_only": 0})
    >>> now = DataFrame({"k": 2, "snapshot": 2, "date": "2026-01-31", "taken_at": 2592000, "rank": [1, 2],
    ...                  "package": [10, 30], "value": [9.0, 6.0], "unseen": 0, "name_only": 0})
    >>> renames = DataFrame(columns=["package", "renamed_at"])
    >>> result = next(turnover(now, before, before.assign(gap=30), renames))
    >>> result.value, result.low, result.high, result.note
    (0.5, 0.0, 0.5, 'gap 30 days; monthly hazard 0.505 over this gap')

    Caveat: compare equal gaps only. The monthly hazard, 1 - (1 - turnover) ** (30.44 / days), of the same list falls as
    the gap grows, because a volatile fringe turns over while a core stays. The note gives the hazard for context. A
    list is a census, so the interval holds what ties leave open, and no sampling error.

    After Metric 2 of Jones et al., ESEM 2024, doi 10.1145/3674805.3686665.
    """
    if ranking.empty:
        yield Result("turnover", None, note=TOO_SHORT)
    for k, rows in ranking.groupby("k"):
        yield _turnover_result("turnover", rows, previous_ranking[previous_ranking["k"] == k], renames, NO_EARLIER)
        for gap in GAPS:
            matched = matched_ranking[(matched_ranking["gap"] == gap) & (matched_ranking["k"] == k)]
            yield _turnover_result(f"turnover.{gap}d", rows, matched, renames, _no_match_note(gap, rows))


def _flow_results(row: Mapping[str, float], names_note: str) -> Iterator[Result]:
    k, n = int(row["k"]), int(row["listed"])
    unreadable = _unreadable_note(k, n, int(row["taken_at"]))
    if isna(row["previous_at"]):
        for name in ("remained", "newcomers", "returning"):
            yield Result(name, None, n=n, note=NO_EARLIER, k=k)
        yield Result("ever", float(row["ever"]), n=n, note=join_notes(NO_EARLIER, unreadable), k=k)
        return
    previous_unreadable = _unreadable_note(k, int(row["previous_listed"]), int(row["previous_at"]))
    days = _format_days((row["taken_at"] - row["previous_at"]) / SECONDS_PER_DAY)
    note = join_notes(f"gap {days} days", unreadable, previous_unreadable, names_note)
    for name, column in FLOW_COLUMNS.items():
        yield Result(name, float(row[column]), n=n, note=note, k=k, previous_snapshot=int(row["previous_snapshot"]))


def _turnover_result(
    name: str, current: DataFrame, previous: DataFrame, renames: DataFrame, undefined_note: str
) -> Result:
    k = int(current["k"].iloc[0])
    if previous.empty:
        return Result(name, None, note=undefined_note, k=k)
    current_top, previous_top = _top_packages(current), _top_packages(previous)
    n, days = min(len(current_top), len(previous_top)), _days_between(current, previous)
    value = (n - len(current_top & previous_top)) / n
    low, high, ties_note = _turnover_interval(current, previous, n)
    note = join_notes(f"gap {_format_days(days)} days", _hazard_note(value, days), _unreadable_rows_note(current),
                      _unreadable_rows_note(previous), ties_note, _names_note(current, previous, renames))  # fmt: skip
    return Result(name, value, low, high, n, note, k, int(previous["snapshot"].iloc[0]))


def _turnover_interval(current: DataFrame, previous: DataFrame, n: int) -> tuple[float | None, float | None, str]:
    if not (_has_known_ties(current) and _has_known_ties(previous)):
        return None, None, NO_COUNTERS
    current_top, previous_top = _split_rows(current), _split_rows(previous)
    min_overlap, max_overlap = overlap_bounds(current_top, previous_top)
    note = TIES_BELOW if current_top.has_unlisted_ties or previous_top.has_unlisted_ties else ""
    return (n - max_overlap) / n, (n - min_overlap) / n, note


def _has_known_ties(rows: DataFrame) -> bool:
    """Return whether every row that could tie with rank K has a counter."""
    values = rows["value"].astype(float)
    cutoff = values[rows["rank"] <= rows["k"]].iloc[-1]
    above = rows["rank"][values > cutoff].max() if (values > cutoff).any() else 0
    return not isnan(cutoff) and not (rows["rank"][values.isna()] > above).any()


def _split_rows(rows: DataFrame) -> TopK:
    ranks, packages, values = (rows[name].tolist() for name in ("rank", "package", "value"))
    return split_top_k(ranks, packages, values, int(rows["k"].iloc[0]), bool(rows["unseen"].iloc[0]))


def _top_packages(rows: DataFrame) -> set[int]:
    return set(rows["package"][rows["rank"] <= rows["k"]])


def _names_note(current: DataFrame, previous: DataFrame, renames: DataFrame) -> str:
    """Return how many packages that left or entered may have been renamed, because only their names are known."""
    if current.empty or previous.empty:
        return ""
    current_top, previous_top = _top_packages(current), _top_packages(previous)
    by_name = {package for rows in (current, previous) for package in rows["package"][rows["name_only"] == 1]}
    left, entered = previous_top - current_top, current_top - previous_top
    if by_name.isdisjoint(left | entered):
        return ""
    first, last = previous["taken_at"].iloc[0], current["taken_at"].iloc[0]
    known = set(renames["package"][(renames["renamed_at"] > first) & (renames["renamed_at"] <= last)])
    return (
        f"known by name alone: {len(left & by_name):,} of {len(left):,} that left,"
        f" {len(entered & by_name):,} of {len(entered):,} that entered, and a rename among them counts as both"
        f" (known renames, which count as neither: {len(known & current_top & previous_top):,})"
    )


def _days_between(current: DataFrame, previous: DataFrame) -> float:
    return float(current["taken_at"].iloc[0] - previous["taken_at"].iloc[0]) / SECONDS_PER_DAY


def _format_days(days: float) -> str:
    return f"{round(days, 1 if days >= 1 else 3):.10g}"


def _hazard_note(value: float, days: float) -> str:
    if days <= 0:
        return ""
    return f"monthly hazard {1 - (1 - value) ** (DAYS_PER_MONTH / days):.3f} over this gap"


def _unreadable_rows_note(rows: DataFrame) -> str:
    return _unreadable_note(int(rows["k"].iloc[0]), len(_top_packages(rows)), int(rows["taken_at"].iloc[0]))


def _unreadable_note(k: int, n: int, taken_at: int) -> str:
    return f"{n:,} of {k:,} ranks of {datetime.fromtimestamp(taken_at, UTC).date()} could be read" if n < k else ""


def _no_match_note(gap: int, rows: DataFrame) -> str:
    middle = int(rows["taken_at"].iloc[0]) - gap * SECONDS_PER_DAY
    slack = max(SECONDS_PER_DAY, gap * SECONDS_PER_DAY // 5)
    first, last = (datetime.fromtimestamp(instant, UTC).date() for instant in (middle - slack, middle + slack))
    return f"no complete snapshot of this list with this depth from about {gap} days earlier ({first} to {last})"
