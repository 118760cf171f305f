"""The verdict on each claim now and at each earlier date, corrected for multiple tests."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, TypedDict

from analysis.claims.results import HUB, LatestResults, ResultLookup, ResultRow
from analysis.claims.rules import CLAIMS, HOLDS, NOT_TESTABLE, SIGNIFICANCE_LEVEL, WEAKER, Measurement
from analysis.statistics import inference


class TrendPoint(TypedDict):
    """The verdict on a claim at one date."""

    date: str
    value: float | None
    verdict: str


class ClaimRow(TypedDict):
    """A claim with its verdict now and at each earlier date, as a report has it."""

    claim: str
    finding: int | None
    title: str
    published: str
    published_date: str
    as_published: float | None
    sound: float | None
    low: float | None
    high: float | None
    n: int | None
    verdict: str
    rule: str
    note: str
    p: float | None
    p_holm: float | None
    trend: list[TrendPoint]


class VerdictChange(NamedTuple):
    """A change of the verdict on a claim."""

    claim: str
    date: str
    before: str
    after: str


def judge_claims(results: Sequence[ResultRow]) -> list[ClaimRow]:
    """Judge every claim now and at each earlier date. `results` are those of a report, in any order."""
    by_day = list(_verdicts_by_day(results)) or [("", compute_verdicts(LatestResults()))]
    latest = by_day[-1][1]
    adjusted = adjust_p_values([measurement.p for measurement in latest])
    return [
        {
            "claim": claim.claim, "finding": claim.finding, "title": claim.title, "published": claim.published,
            "published_date": claim.published_date, "as_published": now.as_published, "sound": now.sound,
            "low": now.low, "high": now.high, "n": now.n, "verdict": now.verdict, "rule": claim.rule,
            "note": now.note, "p": now.p, "p_holm": p_holm,
            "trend": [_make_trend_row(day, measurements[index]) for day, measurements in by_day if day],
        }
        for index, (claim, now, p_holm) in enumerate(zip(CLAIMS, latest, adjusted, strict=True))
    ]  # fmt: skip


def _make_trend_row(day: str, measurement: Measurement) -> TrendPoint:
    return {"date": day, "value": measurement.sound, "verdict": measurement.verdict}


def compute_verdicts(results: ResultLookup) -> list[Measurement]:
    """Judge every claim by the latest results. A claim whose corrected p-value is too large does not hold."""
    measurements = [claim.judge(results) for claim in CLAIMS]
    adjusted = adjust_p_values([measurement.p for measurement in measurements])
    return [
        dataclasses.replace(measurement, verdict=WEAKER)
        if measurement.verdict == HOLDS and p is not None and p >= SIGNIFICANCE_LEVEL
        else measurement
        for measurement, p in zip(measurements, adjusted, strict=True)
    ]


def iter_claim_changes(claims: Iterable[ClaimRow]) -> Iterator[VerdictChange]:
    """Yield each change of a verdict in the trends of a report's claims."""
    for claim in claims:
        yield from iter_verdict_changes(claim["claim"], [(row["date"], row["verdict"]) for row in claim["trend"]])


def iter_verdict_changes(claim: str, trend: Iterable[tuple[str, str]]) -> Iterator[VerdictChange]:
    """Yield each change of the verdict on one claim. `trend` has dates and verdicts, oldest first.

    Dates at which the claim was not testable are skipped.

    >>> list(iter_verdict_changes("C1", [("2026-01-01", "holds"), ("2026-02-01", "weaker")]))
    [VerdictChange(claim='C1', date='2026-02-01', before='holds', after='weaker')]
    """
    verdicts = [(day, verdict) for day, verdict in trend if verdict != NOT_TESTABLE]
    for (_, before), (day, after) in itertools.pairwise(verdicts):
        if before != after:
            yield VerdictChange(claim, day, before, after)


def adjust_p_values(p_values: Sequence[float | None]) -> list[float | None]:
    """Return p-values corrected by Holm's step-down method. Claims without a p-value are not part of the family.

    >>> adjust_p_values([0.01, None, 0.04, 0.03])
    [0.03, None, 0.06, 0.06]
    """
    corrected = iter(inference.holm([p for p in p_values if p is not None]))
    return [None if p is None else round(next(corrected), 12) for p in p_values]


def _verdicts_by_day(results: Sequence[ResultRow]) -> Iterator[tuple[str, list[Measurement]]]:
    """Yield the verdicts on each day with results of the Hub. Each result is read once."""
    latest, ordered = LatestResults(), sorted(results, key=lambda row: row["date"])
    for day, rows in itertools.groupby(ordered, key=lambda row: row["date"]):
        of_day = list(rows)
        latest.add(of_day)
        if any(row["registry"] == HUB for row in of_day):
            yield day, compute_verdicts(latest)
