"""The figure of the verdicts on the paper's claims, snapshot after snapshot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypedDict

from analysis.reporting.figures._figure import (
    COLOURS,
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

VERDICTS = ("holds", "weaker", "reversed")
VERDICT_SHAPES = ("circle", "triangle-down", "cross")
VERDICT_COLOURS = (COLOURS[0], COLOURS[1], INK)
VERBS = {
    "holds": ("holds", "hold"),
    "weaker": ("is weaker", "are weaker"),
    "reversed": ("is reversed", "are reversed"),
    "not testable": ("cannot be tested", "cannot be tested"),
}


class VerdictPoint(TypedDict):
    """The verdict on one claim at one date."""

    claim: str
    label: str
    date: str
    verdict: str
    value: float | None
    depth: int | None


def draw(report: Report) -> Iterator[Figure]:
    """Draw a row of verdicts for each claim that was measured, if there are at least two dates."""
    points = [
        VerdictPoint(
            claim=claim["claim"], label=claim["label"], date=row["date"], verdict=row["verdict"], value=row["value"],
            depth=row["depth"],
        )
        for claim in report["claims"]
        for row in claim["trend"]
        if row["verdict"] in VERDICTS
    ]  # fmt: skip
    dates = sorted({point["date"] for point in points})
    if len(dates) > 1:
        yield _build_figure(describe_claims(report["claims"]), points, dates)


def _build_figure(title: str, points: Sequence[VerdictPoint], dates: Sequence[str]) -> Figure:
    labels = list(dict.fromkeys(point["label"] for point in points))
    rows = tuple((row["claim"], row["date"], row["verdict"], row["value"], row["depth"]) for row in points)
    return Figure(
        name="claims", section="claims", title=title,
        measure="The verdict on each claim at each date on which its number was measured",
        legend="Filled circle: holds. Hollow triangle: weaker. Cross: reversed. A claim has a point only on the date "
        "of its own number. The rule of each verdict and the newest interval are listed below",
        sample=f"n = {pluralize(len(points), 'verdict')} on {pluralize(len(labels), 'claim')}, from {dates[0]} to "
        f"{dates[-1]}.",
        columns=("claim", "date", "verdict", "value", "depth"), rows=rows,
        wide=_build_spec(points, labels, WIDE), narrow=_build_spec(points, labels, NARROW),
    )  # fmt: skip


def describe_claims(claims: Sequence[ClaimRow]) -> str:
    """Return the verdicts in one sentence, with the day at which they are judged."""
    verdicts = [claim["verdict"] for claim in claims]
    counts = [(verdict, verdicts.count(verdict)) for verdict in VERBS if verdict in verdicts]
    parts = [f"{count} {VERBS[verdict][count > 1]}" for verdict, count in counts]
    day = claims[0]["judged_on"] if claims else None
    return f"{f'On {day}, of' if day else 'Of'} {pluralize(len(verdicts), 'claim')} of the paper, {join_words(parts)}"


def _build_spec(points: Sequence[VerdictPoint], labels: Sequence[str], width: int) -> Spec:
    narrow = width < NARROW_WIDTH
    verdicts = [verdict for verdict in VERDICTS if any(point["verdict"] == verdict for point in points)]

    encoding: Spec = {
        "x": build_date_axis([point["date"] for point in points], narrow),
        "y": {"field": "label", "type": "nominal", "title": None, "sort": list(labels),
              "axis": {"grid": True, "domain": False, "ticks": False, "labelLimit": 160 if narrow else 240}},
        "color": _encode_verdict(verdicts, VERDICT_COLOURS),
        "shape": _encode_verdict(verdicts, VERDICT_SHAPES),
        "tooltip": build_tooltip("label", "date", "verdict", "value", "depth"),
    }  # fmt: skip
    return build_chart(filled_and_hollow(encoding, "verdict", "holds"), points, width, 30 * len(labels))


def _encode_verdict(verdicts: Sequence[str], values: Sequence[str]) -> Spec:
    scale = {"domain": verdicts, "range": [values[VERDICTS.index(verdict)] for verdict in verdicts]}
    return {"field": "verdict", "type": "nominal", "legend": None, "scale": scale}
