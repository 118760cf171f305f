"""The figure of the verdicts on the paper's claims, snapshot after snapshot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypedDict

from analysis.reporting.figures._figure import (
    COLOURS,
    GREY,
    INK,
    NARROW,
    NARROW_WIDTH,
    WIDE,
    Figure,
    Spec,
    build_chart,
    build_date_axis,
    build_tooltip,
    filled_and_hollow,
)
from analysis.reporting.rows import ClaimRow, Report
from analysis.reporting.wording import join_words, pluralize

VERDICTS = ("holds", "weaker", "reversed", "not testable")
VERDICT_SHAPES = ("circle", "triangle-down", "cross", "square")
VERDICT_COLOURS = (COLOURS[0], COLOURS[1], INK, GREY)
VERBS = {
    "holds": ("holds", "hold"),
    "weaker": ("is weaker", "are weaker"),
    "reversed": ("is reversed", "are reversed"),
    "not testable": ("cannot be tested yet", "cannot be tested yet"),
}


class VerdictPoint(TypedDict):
    """The verdict on one claim at one date."""

    claim: str
    date: str
    verdict: str
    value: float | None


def draw(report: Report) -> Iterator[Figure]:
    """Draw a row of verdicts for each claim, if there are at least two dates."""
    points = [
        VerdictPoint(claim=claim["claim"], date=row["date"], verdict=row["verdict"], value=row["value"])
        for claim in report["claims"]
        for row in claim["trend"]
        if row["verdict"] in VERDICTS
    ]
    dates = sorted({point["date"] for point in points})
    if len(dates) > 1:
        yield _build_figure(describe_claims(report["claims"]), points, dates)


def _build_figure(title: str, points: Sequence[VerdictPoint], dates: Sequence[str]) -> Figure:
    claims = list(dict.fromkeys(point["claim"] for point in points))
    return Figure(
        name="claims", section="claims", title=title,
        measure="The verdict on each claim at the date of each snapshot",
        legend="Filled circle: holds. Hollow triangle: weaker. Cross: reversed. Hollow square: not testable. The "
        "rule of each verdict and the newest interval are listed below",
        sample=f"n = {pluralize(len(points), 'verdict')} on {pluralize(len(claims), 'claim')}, from {dates[0]} to "
        f"{dates[-1]}.",
        columns=("claim", "date", "verdict", "value"), rows=tuple(tuple(point.values()) for point in points),
        wide=_build_spec(points, claims, WIDE), narrow=_build_spec(points, claims, NARROW),
    )  # fmt: skip


def describe_claims(claims: Sequence[ClaimRow]) -> str:
    """Return the verdicts in one sentence."""
    verdicts = [claim["verdict"] for claim in claims]
    counts = [(verdict, verdicts.count(verdict)) for verdict in VERDICTS if verdict in verdicts]
    parts = [f"{count} {VERBS[verdict][count > 1]}" for verdict, count in counts]
    return f"Of {pluralize(len(verdicts), 'claim')} of the paper, {join_words(parts)}"


def _build_spec(points: Sequence[VerdictPoint], claims: Sequence[str], width: int) -> Spec:
    narrow = width < NARROW_WIDTH
    verdicts = [verdict for verdict in VERDICTS if any(point["verdict"] == verdict for point in points)]

    encoding: Spec = {
        "x": build_date_axis([point["date"] for point in points], narrow),
        "y": {"field": "claim", "type": "nominal", "title": None, "sort": list(claims),
              "axis": {"grid": True, "domain": False, "ticks": False, "labelLimit": 110 if narrow else 240}},
        "color": _encode_verdict(verdicts, VERDICT_COLOURS),
        "shape": _encode_verdict(verdicts, VERDICT_SHAPES),
        "tooltip": build_tooltip("claim", "date", "verdict", "value"),
    }  # fmt: skip
    return build_chart(filled_and_hollow(encoding, "verdict", "holds"), points, width, 30 * len(claims))


def _encode_verdict(verdicts: Sequence[str], values: Sequence[str]) -> Spec:
    scale = {"domain": verdicts, "range": [values[VERDICTS.index(verdict)] for verdict in verdicts]}
    return {"field": "verdict", "type": "nominal", "legend": None, "scale": scale}
