"""The heat map of parents by their own downloads and their descendants: the paper's Figure 7."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from math import log10
from typing import TypedDict

from analysis.reporting.figures._figure import (
    COLOURS,
    NARROW,
    NARROW_WIDTH,
    WIDE,
    Figure,
    Spec,
    build_chart,
    build_tooltip,
    number_name,
)
from analysis.reporting.rows import Report, ReportPoint
from analysis.reporting.series import complete_labels, describe_list

CELLS_PER_DECADE = 4


class HeatCell(TypedDict):
    """One range of downloads and descendants, and how many parents are in it."""

    x: float
    x2: float
    y: float
    y2: float
    parents: int


def draw(report: Report) -> Iterator[Figure]:
    """Draw a cell for each range of downloads and descendants, if the document holds points."""
    labels = complete_labels(report["snapshots"])
    points = [point for point in report["points"] if point["metric"] == "descendants" and point["snapshot"] in labels]
    newest = {labels[point["snapshot"]]: point["snapshot"] for point in points}
    for position, (label, snapshot) in enumerate(newest.items()):
        origin = describe_list(report["snapshots"], snapshot)
        yield _build_figure(label, origin, [point for point in points if point["snapshot"] == snapshot], position)


def _build_figure(label: str, origin: str, points: Sequence[ReportPoint], position: int) -> Figure:
    cells, n = _count_cells(points), sum(point["n"] for point in points)
    single = sum(point["n"] for point in points if point["descendants"] == 1)
    return Figure(
        name=number_name("descendants", position),
        section="descendants",
        title=f"{label}: {single / n:.1%} of {n:,} parents have exactly one descendant",
        measure="Parents by own downloads (across; left of 1: none) and direct descendants (up), both logarithmic",
        legend="The fuller the colour of a cell, the more parents (logarithmic). Every parent is counted: no "
        "interval is defined",
        sample=f"n = {n:,} parents; {label}, {origin}.",
        columns=("downloads from", "downloads to", "descendants from", "descendants to", "parents"),
        rows=tuple(tuple(cell.values()) for cell in cells),
        wide=_build_spec(cells, WIDE),
        narrow=_build_spec(cells, NARROW),
    )


def _count_cells(points: Sequence[ReportPoint]) -> list[HeatCell]:
    counts: Counter[tuple[int, int]] = Counter()
    for point in points:
        counts[_cell_index(point["downloads"]), _cell_index(point["descendants"])] += point["n"]
    return [
        HeatCell(x=_cell_edge(x), x2=_cell_edge(x + 1), y=_cell_edge(y), y2=_cell_edge(y + 1), parents=parents)
        for (x, y), parents in sorted(counts.items())
    ]


def _cell_index(value: float) -> int:
    """Return the index of the range that holds a number, or -1 for zero.

    >>> _cell_index(0), _cell_index(1), _cell_index(9), _cell_index(10)
    (-1, 0, 3, 4)
    """
    return int(log10(value) * CELLS_PER_DECADE + 1e-9) if value >= 1 else -1


def _cell_edge(index: int) -> float:
    return round(10 ** (index / CELLS_PER_DECADE), 4)


def _build_spec(cells: Sequence[HeatCell], width: int) -> Spec:
    log_axis: Spec = {
        "type": "quantitative",
        "scale": {"type": "log"},
        "axis": {"format": "~s", "tickCount": 5, "grid": False},
    }
    shade = {"type": "log", "range": [0.3, 1]}  # of opacity, so that the ground is the page's own, light or dark
    encoding = {
        "x": {"field": "x", "title": "downloads of the parent", **log_axis}, "x2": {"field": "x2"},
        "y": {"field": "y", "title": "descendants", **log_axis}, "y2": {"field": "y2"},
        "opacity": {"field": "parents", "type": "quantitative", "scale": shade,
                  "legend": {"orient": "top", "direction": "horizontal", "title": "parents", "tickCount": 3}},
        "tooltip": build_tooltip("x", "x2", "y", "y2", "parents"),
    }  # fmt: skip
    layers: list[Spec] = [{"mark": {"type": "rect", "color": COLOURS[0]}, "encoding": encoding}]
    return build_chart(layers, cells, width, 300 if width < NARROW_WIDTH else 380)
