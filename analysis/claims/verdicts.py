"""The verdict on each claim now and at each day of a measurement, corrected for multiple tests."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypedDict

from analysis.claims.paper import CLAIMS, Claim
from analysis.claims.results import HUB, HUB_COUNTER, LatestResults, ResultLookup, ResultRow
from analysis.claims.rules import HOLDS, NOT_TESTABLE, SIGNIFICANCE_LEVEL, WEAKER, Measurement
from analysis.periods import count_gap_days
from analysis.statistics import inference


class TrendPoint(TypedDict):
    """The verdict on a claim at a day whose own list gave the number."""

    date: str
    snapshot: int
    value: float | None
    verdict: str
    depth: int | None


class ClaimNumber(TypedDict):
    """One number behind a verdict, with its list. `role` is measured, as in the paper, or compared with."""

    role: str
    registry: str
    measure: str
    is_share: bool
    metric: str
    name: str
    snapshot: int
    date: str
    previous_date: str | None
    days: int | None
    k: int
    value: float | None
    low: float | None
    high: float | None
    n: int | None


class ClaimRow(TypedDict):
    """A claim with its verdict now and at each day of a measurement, as a report has it."""

    claim: str
    finding: int | None
    label: str
    title: str
    quote: str
    published: str
    published_date: str
    as_published: float | None
    sound: float | None
    low: float | None
    high: float | None
    n: int | None
    verdict: str
    judged_on: str | None
    date: str | None
    depth: int | None
    rule: str
    note: str
    p: float | None
    p_holm: float | None
    numbers: list[ClaimNumber]
    trend: list[TrendPoint]


class VerdictChange(NamedTuple):
    """A change of the verdict on a claim, with the list that changed it."""

    claim: str
    date: str
    snapshot: int
    before: str
    after: str


def judge_claims(results: Sequence[ResultRow]) -> list[ClaimRow]:
    """Judge every claim now and at each earlier day. `results` are those of a report, in any order."""
    by_day = list(_verdicts_by_day(results)) or [("", compute_verdicts(LatestResults()))]
    day, latest = by_day[-1]
    adjusted = adjust_p_values([measurement.p for measurement in latest])
    trends = [
        [make_trend_point(measurements[index]) for day, measurements in by_day if is_measured(measurements[index], day)]
        for index in range(len(CLAIMS))
    ]
    return [
        _make_claim_row(claim, now, trend, day or None, p_holm)
        for claim, now, p_holm, trend in zip(CLAIMS, latest, adjusted, trends, strict=True)
    ]


def is_measured(measurement: Measurement, day: str) -> bool:
    """Return whether the number behind a verdict is of the day itself. Nothing is carried forward to later days."""
    return measurement.verdict != NOT_TESTABLE and measurement.sound is not None and measurement.sound["date"] == day


def _make_claim_row(
    claim: Claim, now: Measurement, trend: list[TrendPoint], judged_on: str | None, p_holm: float | None
) -> ClaimRow:
    sound, published = now.sound, now.as_published
    return {
        "claim": claim.claim, "finding": claim.finding, "label": claim.label, "title": claim.title,
        "quote": claim.quote, "published": claim.published, "published_date": claim.published_date,
        "as_published": published and published["value"], "sound": sound and sound["value"],
        "low": sound and sound["low"], "high": sound and sound["high"], "n": sound and sound["n"],
        "verdict": now.verdict, "judged_on": judged_on, "date": sound and sound["date"], "depth": now.depth,
        "rule": claim.rule, "note": now.note, "p": now.p, "p_holm": p_holm,
        "numbers": list(_iter_numbers(claim, now)), "trend": trend,
    }  # fmt: skip


def _iter_numbers(claim: Claim, now: Measurement) -> Iterator[ClaimNumber]:
    """Yield every number behind a verdict."""
    rows = [("measured", claim.measure, now.sound), ("as in the paper", claim.published_measure, now.as_published)]
    rows += [("compared with", claim.measure, rival) for rival in now.rivals]
    for role, measure, row in rows:
        if row is not None:
            yield {
                "role": role, "registry": row["registry"], "measure": measure, "is_share": claim.is_share,
                "metric": row["metric"], "name": row["name"], "snapshot": row["snapshot"], "date": row["date"],
                "previous_date": row["previous_date"], "days": count_gap_days(row), "k": row["k"],
                "value": row["value"], "low": row["low"], "high": row["high"], "n": row["n"],
            }  # fmt: skip


def make_trend_point(measurement: Measurement) -> TrendPoint:
    """Return the point of a measured verdict.

    Raises:
        ValueError: there is no number behind the verdict.
    """
    if measurement.sound is None:
        raise ValueError(f"no number is behind the verdict {measurement.verdict}")
    return {
        "date": measurement.sound["date"], "snapshot": measurement.sound["snapshot"],
        "value": measurement.sound["value"], "verdict": measurement.verdict, "depth": measurement.depth,
    }  # fmt: skip


def compute_verdicts(results: ResultLookup) -> list[Measurement]:
    """Judge every claim by recent results. A claim whose corrected p-value is too large does not hold."""
    measurements = [claim.judge(results) for claim in CLAIMS]
    adjusted = adjust_p_values([measurement.p for measurement in measurements])
    return [
        dataclasses.replace(measurement, verdict=WEAKER)
        if measurement.verdict == HOLDS and p is not None and p >= SIGNIFICANCE_LEVEL
        else measurement
        for measurement, p in zip(measurements, adjusted, strict=True)
    ]


def iter_verdict_changes(claim: str, trend: Sequence[TrendPoint]) -> Iterator[VerdictChange]:
    """Yield each change of the verdict on one claim. `trend` is oldest first.

    Verdicts are compared at one depth only, because another depth is another set of packages.

    >>> points = [("01-01", 1, "holds", 5000), ("01-02", 2, "weaker", 1000), ("02-01", 3, "weaker", 5000)]
    >>> keys = ("date", "snapshot", "verdict", "depth")
    >>> [change] = iter_verdict_changes("C1", [dict(zip(keys, point), value=0.2) for point in points])
    >>> change
    VerdictChange(claim='C1', date='02-01', snapshot=3, before='holds', after='weaker')
    """
    for depth in dict.fromkeys(point["depth"] for point in trend):
        for before, after in itertools.pairwise([point for point in trend if point["depth"] == depth]):
            if before["verdict"] != after["verdict"]:
                yield VerdictChange(claim, after["date"], after["snapshot"], before["verdict"], after["verdict"])


def adjust_p_values(p_values: Sequence[float | None]) -> list[float | None]:
    """Return p-values corrected by Holm's step-down method. Claims without a p-value are not part of the family.

    >>> adjust_p_values([0.01, None, 0.04, 0.03])
    [0.03, None, 0.06, 0.06]
    """
    corrected = iter(inference.holm([p for p in p_values if p is not None]))
    return [None if p is None else round(next(corrected), 12) for p in p_values]


def _verdicts_by_day(results: Sequence[ResultRow]) -> Iterator[tuple[str, list[Measurement]]]:
    """Yield the verdicts on each day with results of the Hub's usual counter. Each result is read once."""
    latest, ordered = LatestResults(), sorted(results, key=lambda row: row["date"])
    for day, rows in itertools.groupby(ordered, key=lambda row: row["date"]):
        of_day = list(rows)
        latest.add(of_day)
        if any((row["registry"], row["counter"]) == (HUB, HUB_COUNTER) for row in of_day):
            yield day, compute_verdicts(latest)
