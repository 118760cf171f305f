"""How many descendants packages have, by their own downloads: the paper's Figure 7, as a heat map."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from math import log10

from analysis.reporting.figures._figure import Figure, Row, Spec, build_chart, complete_snapshots

CELLS_PER_DECADE = 4  # cells in each power of ten
Cells = list[dict[str, object]]


def draw(report: Row) -> Iterator[Figure]:
    """A cell for each range of downloads and descendants; nothing if the document holds no points.

    The document's `points` are rows of registry, snapshot, date, metric, downloads, descendants and, where several
    packages share them, how many (`n`).
    """
    of = complete_snapshots(report)
    mine = [one for one in report.get("points") or () if one["metric"] == "descendants" and one["snapshot"] in of
            and None not in (one["downloads"], one["descendants"])]  # fmt: skip
    last = {of[one["snapshot"]]: one["snapshot"] for one in mine}
    for number, (label, snapshot) in enumerate(last.items()):
        points = [one for one in mine if one["snapshot"] == snapshot]
        yield _build_figure(label, points, number)


def _build_figure(label: str, points: Sequence[Row], number: int) -> Figure:
    cells, n = _count_cells(points), sum(one.get("n", 1) for one in points)
    one = sum(point.get("n", 1) for point in points if point["descendants"] == 1)
    return Figure(
        name="descendants" if number == 0 else f"descendants-{number + 1}", section="descendants",
        title=f"{label}: {one / n:.1%} of {n:,} parents have exactly one descendant",
        measure="Parents by own downloads (across; left of 1: none) and direct descendants (up), both logarithmic",
        legend="The darker a cell, the more parents (logarithmic). Every parent is counted: no interval is defined",
        sample=f"n = {n:,} parents; {label}, {points[0]['date']}.",
        columns=("downloads from", "downloads to", "descendants from", "descendants to", "parents"),
        rows=tuple(tuple(cell.values()) for cell in cells),
        wide=_build_spec(cells, 720), narrow=_build_spec(cells, 320),
    )  # fmt: skip


def _count_cells(points: Sequence[Row]) -> Cells:
    counted: Counter[tuple[int, int]] = Counter()
    for one in points:
        counted[_cell_index(one["downloads"]), _cell_index(one["descendants"])] += one.get("n", 1)
    return [
        {"x": _cell_edge(x), "x2": _cell_edge(x + 1), "y": _cell_edge(y), "y2": _cell_edge(y + 1), "parents": parents}
        for (x, y), parents in sorted(counted.items())
    ]


def _cell_index(value: float) -> int:
    """Which range a number is in; -1 is that of zero.

    >>> _cell_index(0), _cell_index(1), _cell_index(9), _cell_index(10)
    (-1, 0, 3, 4)
    """
    return int(log10(value) * CELLS_PER_DECADE + 1e-9) if value >= 1 else -1


def _cell_edge(index: int) -> float:
    return round(10 ** (index / CELLS_PER_DECADE), 4)


def _build_spec(cells: Cells, width: int) -> Spec:
    axis = {"format": "~s", "tickCount": 5, "grid": False}
    x = {
        "field": "x",
        "type": "quantitative",
        "title": "downloads of the parent",
        "scale": {"type": "log"},
        "axis": axis,
    }
    y = {"field": "y", "type": "quantitative", "title": "descendants", "scale": {"type": "log"}, "axis": axis}
    shade = {"type": "log", "range": ["#d6e6f2", "#08306b"]}
    encoding = {
        "x": x, "x2": {"field": "x2"}, "y": y, "y2": {"field": "y2"},
        "color": {"field": "parents", "type": "quantitative", "scale": shade,
                  "legend": {"orient": "top", "direction": "horizontal", "title": "parents", "tickCount": 3}},
        "tooltip": [{"field": name} for name in ("x", "x2", "y", "y2", "parents")],
    }  # fmt: skip
    return build_chart(
        [{"mark": {"type": "rect"}, "encoding": encoding}],
        cells,
        width,
        300 if width < 400 else 380,
        view={"fill": "#f3f6f9"},
    )
