"""Whether the paper's claims still hold, snapshot after snapshot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from analysis.reporting.figures._figure import (
    COLOURS,
    GREY,
    INK,
    PAPER,
    Figure,
    Row,
    Spec,
    build_chart,
    build_date_axis,
    join_words,
)

VERDICTS = ("holds", "weaker", "reversed", "not testable")
VERDICT_SHAPES = ("circle", "triangle-down", "cross", "square")
VERDICT_COLOURS = (COLOURS[0], COLOURS[1], INK, GREY)


def draw(report: Row) -> Iterator[Figure]:
    """A row of verdicts for each claim; nothing if no claim was looked at twice."""
    claims = report.get("claims") or ()
    points = [
        {"claim": one["claim"], "date": each["date"], "verdict": each["verdict"], "value": each["value"]}
        for one in claims for each in one.get("trend") or () if each["verdict"] in VERDICTS
    ]  # fmt: skip
    dates = sorted({str(one["date"]) for one in points})
    if len(dates) > 1:
        rows = list(dict.fromkeys(str(one["claim"]) for one in points))
        yield Figure(
            name="claims", section="claims", title=describe_claims(claims),
            measure="The verdict on each claim at the date of each snapshot",
            legend="Filled circle: holds. Hollow triangle: weaker. Cross: reversed. Hollow square: not testable. The "
            "rule of each verdict, and the interval of the newest, are in the table",
            sample=f"n = {len(points):,} verdicts on {len(rows):,} claims, from {dates[0]} to {dates[-1]}.",
            columns=("claim", "date", "verdict", "value"), rows=tuple(tuple(one.values()) for one in points),
            wide=_build_spec(points, rows, 720), narrow=_build_spec(points, rows, 320),
        )  # fmt: skip


def describe_claims(claims: Sequence[Row]) -> str:
    """The verdicts in one sentence.

    >>> describe_claims([{"verdict": "holds"}, {"verdict": "weaker"}, {"verdict": "holds"}])
    'Of 3 claims of the paper, 2 hold and 1 is weaker'
    """
    said = {
        "holds": ("holds", "hold"),
        "weaker": ("is weaker", "are weaker"),
        "reversed": ("is reversed", "are reversed"),
        "not testable": ("cannot be tested yet",) * 2,
    }
    verdicts = [one["verdict"] for one in claims]
    counts = [(verdict, verdicts.count(verdict)) for verdict in VERDICTS if verdict in verdicts]
    parts = [f"{count} {said[verdict][count > 1]}" for verdict, count in counts]
    return f"Of {len(verdicts)} claim{'s' if len(verdicts) != 1 else ''} of the paper, {join_words(parts)}"


def _build_spec(points: Sequence[Row], rows: Sequence[str], width: int) -> Spec:
    narrow = width < 400
    verdicts = [verdict for verdict in VERDICTS if any(one["verdict"] == verdict for one in points)]
    at = [VERDICTS.index(verdict) for verdict in verdicts]
    encoding = {
        "x": build_date_axis([one["date"] for one in points], narrow),
        "y": {"field": "claim", "type": "nominal", "title": None, "sort": list(rows),
              "axis": {"grid": True, "domain": False, "ticks": False, "labelLimit": 110 if narrow else 240}},
        "color": {"field": "verdict", "type": "nominal", "legend": None,
                  "scale": {"domain": verdicts, "range": [VERDICT_COLOURS[number] for number in at]}},
        "shape": {"field": "verdict", "type": "nominal", "legend": None,
                  "scale": {"domain": verdicts, "range": [VERDICT_SHAPES[number] for number in at]}},
        "tooltip": [{"field": name} for name in ("claim", "date", "verdict", "value")],
    }  # fmt: skip
    mark = {"type": "point", "size": 50, "opacity": 1, "strokeWidth": 1.8}
    layers = [
        {
            "mark": {**mark, "filled": True},
            "transform": [{"filter": "datum.verdict === 'holds'"}],
            "encoding": encoding,
        },
        {"mark": {**mark, "fill": PAPER}, "transform": [{"filter": "datum.verdict !== 'holds'"}], "encoding": encoding},
    ]
    return build_chart(layers, points, width, 30 * len(rows))
