"""The parts and the look of every figure: Vega-Lite as plain dicts, in the colours of Okabe and Ito."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import accumulate

from analysis.reporting.rows import Report, ReportResult
from analysis.reporting.series import (
    affects_numbers,
    choose_deepest,
    complete_labels,
    describe_list,
    group_by_day,
    list_gaps,
    select_whole_list,
)
from analysis.reporting.wording import format_percent

Spec = dict[str, object]

INK, GREY, RULE, PAPER = "#222222", "#5a5a5a", "#dddddd", "#ffffff"
# The colours that stand out from white come first. Colour is never the only sign: each has a shape and a dash.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", INK, "#e69f00", "#56b4e9", "#8a7c00")
SHAPES = ("circle", "square", "triangle-up", "diamond", "triangle-down", "cross", "triangle-right", "triangle-left")
DASHES = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [4, 2], [1, 3], [10, 4], [3, 1])
RELATIONS = ("finetune", "adapter", "merge", "quantized", "unstated")
WIDE, NARROW = 720, 320  # pixels
NARROW_WIDTH = 400  # pixels: a chart below this width is narrow
LEGEND: Spec = {
    "labelColor": INK, "labelFontSize": 12, "titleColor": GREY, "titleFontWeight": "normal", "title": None,
    "orient": "top", "direction": "horizontal", "symbolStrokeWidth": 2, "symbolSize": 70, "symbolOpacity": 1,
}  # fmt: skip
# Vega reads `date` as an instant, and a tooltip would show its milliseconds.
DAY_OF_DATE = {"calculate": "utcFormat(toDate(datum.date), '%Y-%m-%d')", "as": "day"}
TOOLTIP_TITLES = {
    "series": "list", "since": "compared with", "label": "share", "n": "packages", "k": "top", "flow": "what",
    "x": "downloads from", "x2": "downloads to", "y": "descendants from", "y2": "descendants to",
}  # fmt: skip
CONFIG: Spec = {
    "aria": False,
    "font": "Helvetica, Arial, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelColor": GREY, "titleColor": GREY, "labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal",
        "gridColor": RULE, "domainColor": GREY, "tickColor": GREY, "labelLimit": 260,
    },
    "text": {"color": INK, "fontSize": 12},
    "title": {
        "anchor": "start", "color": INK, "fontSize": 16, "fontWeight": "bold", "subtitleColor": GREY,
        "subtitleFontSize": 12, "subtitlePadding": 6, "offset": 14, "frame": "bounds",
    },
}  # fmt: skip


@dataclass(frozen=True)
class Figure:
    """One finding: its sentences, its numbers, and their drawings for a wide and a narrow page.

    `name` consists of our own words only, because it names files. `legend` explains the marks and the interval.
    `sample` gives n and the dates. `columns` and `rows` are the numbers in the drawing.
    """

    name: str
    section: str
    title: str
    measure: str
    legend: str
    sample: str
    columns: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]
    wide: Spec = field(repr=False)
    narrow: Spec = field(repr=False)

    @property
    def alt_text(self) -> str:
        """The text for a reader who cannot see the figure."""
        return f"{self.title}. {self.measure}. {self.sample} The numbers are in the table below it."

    @property
    def standalone_spec(self) -> Spec:
        """The wide specification with its sentences, as it is saved."""
        sentences = (f"{self.measure}.", f"{self.legend}.", self.sample)
        title = {
            "text": textwrap.wrap(self.title, 76) or [""],
            "subtitle": [line for part in sentences for line in textwrap.wrap(part, 105)],
        }
        return {**self.wide, "background": PAPER, "padding": 12, "title": title, "description": self.alt_text}


def number_name(name: str, position: int) -> str:
    """Return the name of a figure, with a number from the second figure on.

    >>> number_name("lineage", 0), number_name("lineage", 1)
    ('lineage', 'lineage-2')
    """
    return name if position == 0 else f"{name}-{position + 1}"


def build_chart(
    layers: Sequence[Spec], values: Sequence[Mapping[str, object]], width: int, height: int, **extra: object
) -> Spec:
    """Build a whole Vega-Lite specification of layers over one table."""
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "background": "transparent",
        "width": width,
        "height": height,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "data": {"values": [dict(row) for row in values]},
        **({"transform": [DAY_OF_DATE]} if any("date" in row for row in values) else {}),
        "layer": list(layers),
        "config": {**CONFIG, "legend": {**LEGEND, "columns": 2 if width < NARROW_WIDTH else 6}},
        **extra,
    }


def encode_category(
    channel: str, name: str, domain: Sequence[str], legend: bool, all_values: Sequence[str] = ()
) -> Spec:
    """Build a scale that gives each value of a field a colour, shape or dash by its position among all values."""
    ranges: Mapping[str, Sequence[object]] = {"color": COLOURS, "shape": SHAPES, "strokeDash": DASHES}
    positions = [(all_values or domain).index(value) % len(COLOURS) for value in domain]
    scale = {"domain": list(domain), "range": [ranges[channel][position] for position in positions]}
    hidden: Spec = {} if legend else {"legend": None}
    return {"field": name, "type": "nominal", "scale": scale, **hidden}


def build_date_axis(dates: Sequence[str], narrow: bool) -> Spec:
    """Build an axis of dates, in UTC on every machine, with ticks at the start of months or at whole days."""
    days = [date.fromisoformat(day) for day in dates]
    span = (max(days) - min(days)).days / 30.44 if days else 0
    step = next((step for step in (1, 2, 3, 6, 12, 24, 60) if span / step <= (4 if narrow else 8)), 120)
    ticks: Spec
    if span > 1.5:
        ticks = {"format": "%b %Y", "tickCount": {"interval": "month", "step": step}}
    else:
        step = max(1, round(span * 30 / (3 if narrow else 6)))
        ticks = {"format": "%e %b %Y", "tickCount": {"interval": "day", "step": step}}
    return {"field": "date", "type": "temporal", "title": None, "scale": {"type": "utc", "padding": 10},
            "axis": {"grid": False, "labelOverlap": "greedy", "labelFlush": True, **ticks}}  # fmt: skip


def build_share_axis(name: str, **extra: object) -> Spec:
    """Build an axis of shares from 0 to 100 %."""
    return {"field": name, "type": "quantitative", "title": None, "scale": {"domain": [0, 1]},
            "axis": {"format": ".0%", "tickCount": 5}, **extra}  # fmt: skip


def build_tooltip(*names: str) -> list[Spec]:
    """Build a tooltip of these fields, in plain words, with dates as days in UTC."""
    return [
        {"field": "day" if name == "date" else name, "type": "nominal", "title": TOOLTIP_TITLES.get(name, name)}
        for name in names
    ]


def filled_and_hollow(encoding: Spec, name: str, solid_value: str) -> list[Spec]:
    """Build two layers of points: filled where the field has this value, hollow elsewhere."""
    mark: Spec = {"type": "point", "size": 50, "opacity": 1, "strokeWidth": 1.8}
    return [
        {"mark": {**mark, "filled": True}, "transform": [{"filter": f"datum.{name} === '{solid_value}'"}],
         "encoding": encoding},
        {"mark": {**mark, "fill": PAPER}, "transform": [{"filter": f"datum.{name} !== '{solid_value}'"}],
         "encoding": encoding},
    ]  # fmt: skip


def newest_results(report: Report, metrics: Sequence[str]) -> list[tuple[str, list[ReportResult]]]:
    """Return the defined results of these metrics for the newest day of each series that has any.

    They are of the deepest list of the day, and of the whole list.
    """
    labels = complete_labels(report["snapshots"])
    results: dict[int, list[ReportResult]] = {}
    for result in select_whole_list(report["results"]):
        if result["metric"] in metrics and result["value"] is not None and result["snapshot"] in labels:
            results.setdefault(result["snapshot"], []).append(result)
    measured = [snapshot for snapshot in report["snapshots"] if snapshot["snapshot"] in results]
    days = group_by_day(measured).values()
    newest = {labels[of_day[0]["snapshot"]]: choose_deepest(of_day)["snapshot"] for of_day in days}
    return [(label, results[snapshot]) for label, snapshot in newest.items()]


def describe_origin(report: Report, results: Sequence[ReportResult]) -> str:
    """Return the date and the depth of the list that results are of."""
    return describe_list(report["snapshots"], results[0]["snapshot"])


def flagged_snapshots(report: Report) -> set[int | None]:
    """Return the snapshots with a quality event that affects their numbers."""
    return {event["snapshot"] for event in report["events"] if affects_numbers(event)}


def segment_dates(dates: Sequence[str]) -> list[int]:
    """Return the segment of each date. A line joins the dates of one segment only.

    >>> segment_dates(["2026-01-01", "2026-02-01", "2026-03-01", "2026-07-01"])
    [0, 0, 0, 1]
    """
    return list(accumulate((gap.is_long for gap in list_gaps(dates)), initial=0))[: len(dates)]


def spread_apart(positions: Sequence[float], min_distance: float) -> list[float]:
    """Return the positions, moved up as little as keeps each at this distance from the next.

    >>> spread_apart([0.5, 0.0, 0.25], 0.5)
    [1.0, 0.0, 0.5]
    """
    moved, last = [0.0] * len(positions), float("-inf")
    for number in sorted(range(len(positions)), key=positions.__getitem__):
        last = moved[number] = max(positions[number], last + min_distance)
    return moved


def format_interval(result: ReportResult) -> str:
    """Return the interval of a share."""
    if result["low"] is None:
        return "no interval"
    return f"{format_percent(result['low'])} to {format_percent(result['high'])}"
