"""Which snapshots there are and in which state: what is missing is seen as missing."""

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
    series_key,
    series_labels,
)

STATES = ("complete", "partial", "failed", "open")
STATE_SHAPES = ("circle", "triangle-up", "cross", "square")


def draw(report: Row) -> Iterator[Figure]:
    """A row of signs for each list, one for each snapshot."""
    called = series_labels(report)
    points = [{"series": called[series_key(one)], "date": one["date"], "state": one["status"],
               "depth": one["depth"], "reason": one["reason"]} for one in report.get("snapshots") or ()]  # fmt: skip
    if not points:
        return
    dates = [str(one["date"]) for one in points]
    yield Figure(
        name="snapshots", section="trust", title=describe_snapshots(report),
        measure="Each sign is a snapshot of a list, at its date",
        legend="Filled circle: complete. Hollow triangle: partial. Cross: failed. Hollow square: still open. "
        "Only complete snapshots are computed",
        sample=f"n = {len(points):,} snapshots of {len(called):,} lists, from {min(dates)} to {max(dates)}.",
        columns=("list", "date", "state", "depth", "reason"),
        rows=tuple(tuple(one.values()) for one in points),
        wide=_build_spec(points, list(called.values()), 720), narrow=_build_spec(points, list(called.values()), 320),
    )  # fmt: skip


def describe_snapshots(report: Row) -> str:
    """The figure in one sentence."""
    states = [one["status"] for one in report.get("snapshots") or ()]
    if set(states) == {"complete"}:
        return "The snapshot is complete" if len(states) == 1 else f"All {len(states):,} snapshots are complete"
    others = [f"{states.count(state):,} {state}" for state in STATES[1:] if state in states]
    return f"{states.count('complete'):,} of {len(states):,} snapshots are complete; {join_words(others)}"


def _build_spec(points: Sequence[Row], rows: Sequence[str], width: int) -> Spec:
    narrow = width < 400
    states = [state for state in STATES if any(one["state"] == state for one in points)]
    place = [STATES.index(state) for state in states]
    scale = {"domain": states, "range": [(COLOURS[0], COLOURS[1], INK, GREY)[number] for number in place]}
    shape = {"domain": states, "range": [STATE_SHAPES[number] for number in place]}
    encoding = {
        "x": build_date_axis([one["date"] for one in points], narrow),
        "y": {"field": "series", "type": "nominal", "title": None, "scale": {"domain": list(rows)},
              "axis": {"grid": True, "domain": False, "ticks": False, "labelLimit": 110 if narrow else 260}},
        "color": {"field": "state", "type": "nominal", "scale": scale, "legend": None},
        "shape": {"field": "state", "type": "nominal", "scale": shape, "legend": None},
        "tooltip": [{"field": name} for name in ("series", "date", "state", "depth", "reason")],
    }  # fmt: skip
    mark = {"type": "point", "size": 50, "opacity": 1, "strokeWidth": 1.8}
    layers = [
        {
            "mark": {**mark, "filled": True},
            "transform": [{"filter": "datum.state === 'complete'"}],
            "encoding": encoding,
        },
        {
            "mark": {**mark, "fill": PAPER},
            "transform": [{"filter": "datum.state !== 'complete'"}],
            "encoding": encoding,
        },
    ]
    return build_chart(layers, points, width, 30 * len(rows))
