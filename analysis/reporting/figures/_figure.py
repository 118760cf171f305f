"""What a figure is, and what all of them look like: Vega-Lite parts as plain dicts, Okabe and Ito's colours."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from statistics import median

Row = Mapping[str, object]
Spec = dict[str, object]

INK, GREY, RULE, PAPER = "#222222", "#5a5a5a", "#dddddd", "#ffffff"
# Okabe and Ito's, those that stand out from white first; never the only sign: each goes with a shape and a dash.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", INK, "#e69f00", "#56b4e9", "#8a7c00")
SHAPES = ("circle", "square", "triangle-up", "diamond", "triangle-down", "cross", "triangle-right", "triangle-left")
DASHES = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [4, 2], [1, 3], [10, 4], [3, 1])
RELATIONS = ("finetune", "adapter", "merge", "quantized", "unstated")
NARROW_WIDTH = 400  # pixels: below this a page is narrow
LONG_GAP_FACTOR = 1.5  # a gap longer than this many usual ones is left open in a line
CONFIG: Spec = {
    "aria": False,
    "font": "Helvetica, Arial, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelColor": GREY, "titleColor": GREY, "labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal",
        "gridColor": RULE, "domainColor": GREY, "tickColor": GREY, "labelLimit": 260,
    },
    "legend": {
        "labelColor": INK, "labelFontSize": 12, "titleColor": GREY, "titleFontWeight": "normal", "title": None,
        "orient": "top", "direction": "horizontal", "symbolStrokeWidth": 2, "symbolSize": 70, "symbolOpacity": 1,
    },
    "text": {"color": INK, "fontSize": 12},
    "title": {
        "anchor": "start", "color": INK, "fontSize": 16, "fontWeight": "bold", "subtitleColor": GREY,
        "subtitleFontSize": 12, "subtitlePadding": 6, "offset": 14, "frame": "bounds",
    },
}  # fmt: skip


@dataclass(frozen=True)
class Figure:
    """One finding: its sentences, its numbers, and how they are drawn on a wide and on a narrow page.

    `name` is made of our own words only, as it names files; `marked` says what the signs and the interval mean, `told`
    the n and the dates; `columns` and `rows` are the numbers that are drawn.
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
        """What a reader who does not see it is told."""
        return f"{self.title}. {self.measure}. {self.sample} The numbers are in the table below it."

    @property
    def standalone_spec(self) -> Spec:
        """The wide one with its sentences in it, as it is saved."""
        title = {
            "text": textwrap.wrap(self.title, 76) or [""],
            "subtitle": [*textwrap.wrap(self.measure, 105), *textwrap.wrap(self.legend, 105),
                         *textwrap.wrap(self.sample, 105)],
        }  # fmt: skip
        return {**self.wide, "background": PAPER, "padding": 12, "title": title, "description": self.alt_text}


def build_chart(layers: Sequence[Spec], values: Sequence[Row], width: int, height: int, **extra: object) -> Spec:
    """Layers over one table, as a whole Vega-Lite specification."""
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "background": "transparent",
        "width": width,
        "height": height,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "data": {"values": [dict(one) for one in values]},
        "layer": list(layers),
        "config": {**CONFIG, "legend": {**CONFIG["legend"], "columns": 2 if width < NARROW_WIDTH else 6}},
        **extra,
    }


def encode_category(
    channel: str, name: str, domain: Sequence[str], legend: bool, all_values: Sequence[str] = ()
) -> Spec:
    """A scale that gives each of these words the colour, shape or dash of its place among all that there may be."""
    ranges = {"color": COLOURS, "shape": SHAPES, "strokeDash": DASHES}
    numbers = [(all_values or domain).index(word) % len(COLOURS) for word in domain]
    scale = {"domain": list(domain), "range": [ranges[channel][number] for number in numbers]}
    shown: Spec = {} if legend else {"legend": None}
    return {"field": name, "type": "nominal", "scale": scale, **shown}


def build_date_axis(dates: Sequence[object], narrow: bool) -> Spec:
    """The axis of dates, in UTC wherever it is drawn, with a tick at the beginning of every so many months."""
    days = [date.fromisoformat(str(day)) for day in dates]
    span = (max(days) - min(days)).days / 30.44 if days else 0
    step = next((step for step in (1, 2, 3, 6, 12, 24, 60) if span / step <= (4 if narrow else 8)), 120)
    form = (
        {"format": "%b %Y", "tickCount": {"interval": "month", "step": step}}
        if span > 1.5
        else {
            "format": "%e %b %Y",
            "tickCount": {"interval": "day", "step": max(1, round(span * 30 / (3 if narrow else 6)))},
        }
    )
    return {"field": "date", "type": "temporal", "title": None, "scale": {"type": "utc", "padding": 10},
            "axis": {"grid": False, "labelOverlap": "greedy", **form}}  # fmt: skip


def series_key(snapshot: Row) -> tuple[object, object, object]:
    """What may be compared with each other: snapshots of one registry, order and counter."""
    return snapshot["registry"], snapshot["by"], snapshot["counter"]


def series_labels(report: Row) -> dict[tuple[object, object, object], str]:
    """What each series is called: its registry, and as much more as tells it from the others.

    >>> series_labels({"snapshots": [{"registry": "npm", "by": "downloads", "counter": "total"}]})
    {('npm', 'downloads', 'total'): 'npm'}
    """
    every = list(dict.fromkeys(map(series_key, report.get("snapshots") or ())))
    for parts in (1, 2):
        names = [" by ".join(map(str, one[:parts])) for one in every]
        if len(set(names)) == len(every):
            return dict(zip(every, names, strict=True))
    return {one: f"{one[0]} by {one[1]} ({one[2]})" for one in every}


def complete_snapshots(report: Row) -> dict[object, str]:
    """The label of the series of each complete snapshot, oldest first in each series."""
    called = series_labels(report)
    found = report.get("snapshots") or ()
    return {one["snapshot"]: called[series_key(one)] for one in found if one["status"] == "complete"}


def newest_results(report: Row, metrics: Sequence[str]) -> list[tuple[str, list[Row]]]:
    """The results of these metrics for the newest complete snapshot of each series that has any of them defined."""
    of = complete_snapshots(report)
    results: dict[object, list[Row]] = {}
    for one in report.get("results") or ():
        if one["metric"] in metrics and one["value"] is not None and one["snapshot"] in of:
            results.setdefault(one["snapshot"], []).append(one)
    last = {label: snapshot for snapshot, label in of.items() if snapshot in results}
    return [(label, results[snapshot]) for label, snapshot in last.items()]


def flagged_snapshots(report: Row) -> set[object]:
    """Snapshots of which a quality event says more than a note."""
    return {one["snapshot"] for one in report.get("events") or () if one["severity"] != "note"}


def segment_dates(dates: Sequence[str]) -> list[int]:
    """Which dates may be joined by a line: those of one number.

    >>> segment_dates(["2026-01-01", "2026-02-01", "2026-03-01", "2026-07-01"])
    [0, 0, 0, 1]
    """
    days = [date.fromisoformat(day) for day in dates]
    gaps = [(after - before).days for before, after in zip(days, days[1:], strict=False)]
    usual = median(gaps) if gaps else 0
    made = [0]
    for gap in gaps:
        made.append(made[-1] + (gap > LONG_GAP_FACTOR * usual))
    return made[: len(dates)]


def spread_apart(positions: Sequence[float], min_distance: float) -> list[float]:
    """The same places, moved up as little as keeps each this far from the next.

    >>> spread_apart([0.5, 0.0, 0.25], 0.5)
    [1.0, 0.0, 0.5]
    """
    moved, last = [0.0] * len(positions), float("-inf")
    for number in sorted(range(len(positions)), key=positions.__getitem__):
        last = moved[number] = max(positions[number], last + min_distance)
    return moved


def format_percent(value: object) -> str:
    """A share as it is said.

    >>> format_percent(0.2894), format_percent(None)
    ('28.9%', '–')
    """
    return "–" if value is None else f"{value:.1%}"


def format_interval(result: Row) -> str:
    """An interval as it is said."""
    return (
        "no interval"
        if result["low"] is None
        else f"{format_percent(result['low'])} to {format_percent(result['high'])}"
    )


def join_words(words: Sequence[str]) -> str:
    """Words as they are said one after another.

    >>> join_words(["a", "b", "c"])
    'a, b and c'
    """
    return " and ".join(part for part in (", ".join(words[:-1]), words[-1] if words else "") if part)
