"""The figure of the snapshots and their states, which shows the missing snapshots too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from operator import itemgetter
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
from analysis.reporting.rows import Report, ReportSnapshot
from analysis.reporting.series import series_key, series_labels
from analysis.reporting.wording import join_words, pluralize

STATES = ("complete", "partial", "failed", "open")
MAX_PLACES = 4  # marks above each other; more of one list and date cover each other
STATE_SHAPES = ("circle", "triangle-up", "cross", "square")
STATE_COLOURS = (COLOURS[0], COLOURS[1], INK, GREY)


class SnapshotPoint(TypedDict):
    """One snapshot."""

    series: str
    date: str
    state: str
    depth: int | None
    reason: str | None
    place: int


def draw(report: Report) -> Iterator[Figure]:
    """Draw a row of marks for each list, one for each snapshot."""
    labels = series_labels(report["snapshots"])
    places: Counter[tuple[str, str]] = Counter()
    points = [_make_point(labels[series_key(snapshot)], snapshot, places) for snapshot in report["snapshots"]]
    if points:
        yield _build_figure(describe_snapshots(report), points, list(labels.values()))


def _make_point(label: str, row: ReportSnapshot, places: Counter[tuple[str, str]]) -> SnapshotPoint:
    """Return the mark of a snapshot. `places` counts the snapshots of each list and date so far."""
    places[label, row["date"]] += 1
    return SnapshotPoint(
        series=label, date=row["date"], state=row["status"], depth=row["depth"], reason=row["reason"],
        place=min(places[label, row["date"]], MAX_PLACES),
    )  # fmt: skip


def _build_figure(title: str, points: Sequence[SnapshotPoint], lists: Sequence[str]) -> Figure:
    dates = [point["date"] for point in points]
    return Figure(
        name="snapshots", section="trust", title=title,
        measure="Each mark is a snapshot of a list, at its date",
        legend="Filled circle: complete. Hollow triangle: partial. Cross: failed. Hollow square: still open. "
        "Snapshots of one list and date are above each other. Results are computed from complete snapshots only",
        sample=f"n = {pluralize(len(points), 'snapshot')} of {pluralize(len(lists), 'list')}, from {min(dates)} to "
        f"{max(dates)}.",
        columns=("list", "date", "state", "depth", "reason"),
        rows=tuple(map(itemgetter("series", "date", "state", "depth", "reason"), points)),
        wide=_build_spec(points, lists, WIDE), narrow=_build_spec(points, lists, NARROW),
    )  # fmt: skip


def describe_snapshots(report: Report) -> str:
    """Return the states of the snapshots in one sentence."""
    states = [snapshot["status"] for snapshot in report["snapshots"]]
    if set(states) == {"complete"}:
        return "The snapshot is complete" if len(states) == 1 else f"All {len(states):,} snapshots are complete"
    counts = [f"{states.count(state):,} {state}" for state in STATES[1:] if state in states]
    return f"{states.count('complete'):,} of {pluralize(len(states), 'snapshot')} are complete; {join_words(counts)}"


def _build_spec(points: Sequence[SnapshotPoint], lists: Sequence[str], width: int) -> Spec:
    narrow = width < NARROW_WIDTH
    states = [state for state in STATES if any(point["state"] == state for point in points)]

    encoding: Spec = {
        "x": build_date_axis([point["date"] for point in points], narrow),
        "y": {"field": "series", "type": "nominal", "title": None, "scale": {"domain": list(lists)},
              "axis": {"grid": True, "domain": False, "ticks": False, "labelLimit": 110 if narrow else 260}},
        "color": _encode_state(states, STATE_COLOURS),
        "shape": _encode_state(states, STATE_SHAPES),
        "tooltip": build_tooltip("series", "date", "state", "depth", "reason"),
    }  # fmt: skip
    places = max(point["place"] for point in points)
    if places > 1:
        encoding["yOffset"] = {"field": "place", "type": "ordinal"}
    return build_chart(filled_and_hollow(encoding, "state", "complete"), points, width, (18 + 12 * places) * len(lists))


def _encode_state(states: Sequence[str], values: Sequence[str]) -> Spec:
    scale = {"domain": states, "range": [values[STATES.index(state)] for state in states]}
    return {"field": "state", "type": "nominal", "scale": scale, "legend": None}
