"""How much of a top K is replaced from one snapshot to another (Metric 2 of Jones et al., ESEM 2024)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from math import isnan

from pandas import DataFrame, isna

from analysis.compute.metric import Result
from analysis.statistics.rankings import Top, overlap_bounds, top

VERSION = 1

GAPS = (7, 30, 91, 182, 365)  # days; as in matched_ranking.sql
DAY = 86_400
MONTH = 30.44
NO_EARLIER = "no earlier complete snapshot of this list is that deep"
NO_COUNTERS = "no interval: counters are absent, so ties at the last rank cannot be known"
BELOW = "the interval allows for ties below the last rank that was listed"
TOO_SHORT = "the snapshot's list is shorter than the smallest depth at which lists are compared"


def turnover_as_published(flows: DataFrame) -> Iterator[Result]:
    """How many of a top K remained, are newcomers, or are returning: as the paper counts them.

        last = top K of the snapshot before,  cur = top K now,  ever = union of the top K of all earlier snapshots
        remained = |last & cur|    newcomers = |(cur - last) - ever|    returning = |(cur - last) & ever|

    The result `ever` counts the packages that have been in the top K up to now.

    >>> counts = DataFrame({"k": [2], "taken_at": 864000, "listed": 2, "previous_snapshot": 1, "previous_at": 0,
    ...                     "previous_listed": 2, "remained": 1, "newcomers": 1, "came_back": 0, "ever": 3})
    >>> [(result.name, result.value) for result in turnover_as_published(counts)]
    [('remained', 1.0), ('newcomers', 1.0), ('returning', 0.0), ('ever', 3.0)]

    Known defects: the gaps between snapshots are unequal and not allowed for; which of the ties at rank K are in is
    arbitrary; registries count different things; "returning" grows with the number of snapshots; deleted and gated
    packages count as having left. One defect is mended in the store, for every metric: a package is known by its stable
    id, so a renamed one has not left. Use `turnover` to compare.

    Jones et al., ESEM 2024, doi 10.1145/3674805.3686665, turnover.ipynb: plot_package_turnover.
    """
    if flows.empty:
        yield Result("remained", None, note=TOO_SHORT)
    for row in flows.to_numpy().tolist():
        yield from _flows(dict(zip(flows.columns, row, strict=True)))


def turnover(ranking: DataFrame, previous_ranking: DataFrame, matched_ranking: DataFrame) -> Iterator[Result]:
    """The share of a top K that was not in it before, with what the order of ties leaves open.

        turnover = 1 - |last & cur| / K

    `turnover` is against the snapshot before; `turnover.7d` to `turnover.365d` are against the snapshot closest to that
    gap, at most a fifth of it (and at least a day) away. `low` and `high` are the least and the largest value over
    every order of the packages that tie at rank K, in both lists.

    >>> before = DataFrame({"k": 2, "snapshot": 1, "date": "2026-01-01", "taken_at": 0, "rank": [1, 2, 3],
    ...                     "package": [10, 20, 30], "value": [9.0, 5.0, 5.0], "unseen": 0})
    >>> now = DataFrame({"k": 2, "snapshot": 2, "date": "2026-01-31", "taken_at": 2592000, "rank": [1, 2],
    ...                  "package": [10, 30], "value": [9.0, 6.0], "unseen": 0})
    >>> result = next(turnover(now, before, before.assign(gap=30)))
    >>> result.value, result.low, result.high, result.note
    (0.5, 0.0, 0.5, 'gap 30 days; monthly hazard 0.505 over this gap')

    Caveat: compare equal gaps only. The monthly hazard, 1 - (1 - turnover) ** (30.44 / days), of one and the same list
    falls as the gap grows, because a volatile fringe turns over while a core stays; it is in the note for context. A
    list is a census, so the interval holds what ties leave open and no sampling error.

    After Metric 2 of Jones et al., ESEM 2024, doi 10.1145/3674805.3686665.
    """
    if ranking.empty:
        yield Result("turnover", None, note=TOO_SHORT)
    for k, rows in ranking.groupby("k"):
        yield _change("turnover", rows, previous_ranking[previous_ranking["k"] == k], NO_EARLIER)
        for gap in GAPS:
            matched = matched_ranking[(matched_ranking["gap"] == gap) & (matched_ranking["k"] == k)]
            yield _change(f"turnover.{gap}d", rows, matched, _none_about(gap, rows))


def _flows(row: Mapping[str, float]) -> Iterator[Result]:
    k, n, here = int(row["k"]), int(row["listed"]), _holes(int(row["k"]), int(row["listed"]), int(row["taken_at"]))
    if isna(row["previous_at"]):
        for name in ("remained", "newcomers", "returning"):
            yield Result(name, None, n=n, note=NO_EARLIER, k=k)
        yield Result("ever", float(row["ever"]), n=n, note=_joined(NO_EARLIER, here), k=k)
        return
    there = _holes(k, int(row["previous_listed"]), int(row["previous_at"]))
    note = _joined(f"gap {_days((row['taken_at'] - row['previous_at']) / DAY)} days", here, there)
    named = {"remained": "remained", "newcomers": "newcomers", "returning": "came_back", "ever": "ever"}
    for name, column in named.items():
        yield Result(name, float(row[column]), n=n, note=note, k=k, previous_snapshot=int(row["previous_snapshot"]))


def _change(name: str, cur: DataFrame, last: DataFrame, otherwise: str) -> Result:
    k = int(cur["k"].iloc[0])
    if last.empty:
        return Result(name, None, note=otherwise, k=k)
    here, there = _listed(cur), _listed(last)
    n, days = min(len(here), len(there)), _gap(cur, last)
    value = (n - len(here & there)) / n
    low, high, ties = _interval(cur, last, n)
    return Result(
        name, value, low, high, n, k=k, previous_snapshot=int(last["snapshot"].iloc[0]),
        note=_joined(f"gap {_days(days)} days", _hazard(value, days), _ranks(cur), _ranks(last), ties),
    )  # fmt: skip


def _interval(cur: DataFrame, last: DataFrame, n: int) -> tuple[float | None, float | None, str]:
    if not (_ties_are_known(cur) and _ties_are_known(last)):
        return None, None, NO_COUNTERS
    one, other = _top(cur), _top(last)
    least, most = overlap_bounds(one, other)
    return (n - most) / n, (n - least) / n, BELOW if one.unseen or other.unseen else ""


def _ties_are_known(rows: DataFrame) -> bool:
    """Whether every row that could tie with rank K has a counter."""
    values = rows["value"].astype(float)
    cutoff = values[rows["rank"] <= rows["k"]].iloc[-1]
    above = rows["rank"][values > cutoff].max() if (values > cutoff).any() else 0
    return not isnan(cutoff) and not (rows["rank"][values.isna()] > above).any()


def _top(rows: DataFrame) -> Top:
    columns = (rows[name].tolist() for name in ("rank", "package", "value"))
    return top(*columns, k=int(rows["k"].iloc[0]), unseen=bool(rows["unseen"].iloc[0]))


def _listed(rows: DataFrame) -> set[int]:
    return set(rows["package"][rows["rank"] <= rows["k"]])


def _gap(cur: DataFrame, last: DataFrame) -> float:
    return float(cur["taken_at"].iloc[0] - last["taken_at"].iloc[0]) / DAY


def _days(days: float) -> str:
    return f"{round(days, 1 if days >= 1 else 3):.10g}"


def _hazard(value: float, days: float) -> str:
    return f"monthly hazard {1 - (1 - value) ** (MONTH / days):.3f} over this gap" if days > 0 else ""


def _ranks(rows: DataFrame) -> str:
    return _holes(int(rows["k"].iloc[0]), len(_listed(rows)), int(rows["taken_at"].iloc[0]))


def _holes(k: int, n: int, at: int) -> str:
    return f"{n:,} of {k:,} ranks of {datetime.fromtimestamp(at, UTC).date()} could be read" if n < k else ""


def _none_about(gap: int, rows: DataFrame) -> str:
    middle, slack = int(rows["taken_at"].iloc[0]) - gap * DAY, max(DAY, gap * DAY // 5)
    first, last = (datetime.fromtimestamp(at, UTC).date() for at in (middle - slack, middle + slack))
    return f"no complete snapshot of this list, that deep, about {gap} days earlier ({first} to {last})"


def _joined(*parts: str) -> str:
    return "; ".join(dict.fromkeys(part for part in parts if part))
