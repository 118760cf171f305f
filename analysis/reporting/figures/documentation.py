"""The figures of documentation by popularity: top against bottom (the paper's Figure 8), and tenths of the list."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypedDict

from analysis.reporting.figures._figure import (
    NARROW,
    WIDE,
    Figure,
    Spec,
    build_chart,
    build_share_axis,
    describe_origin,
    encode_category,
    newest_results,
    number_name,
)
from analysis.reporting.rows import Report, ReportResult
from analysis.reporting.wording import format_percent, join_words

POPULARITY = ("downloads", "likes", "descendants")
GROUPS = ("top", "bottom")
MIN_N = 20  # packages: a mean over fewer is not drawn


class GroupPoint(TypedDict):
    """The mean of one group of packages."""

    by: str
    group: str
    value: float | None
    low: float | None
    high: float | None
    n: int | None


class DecilePoint(TypedDict):
    """The mean of one tenth of the list."""

    by: str
    tenth: int
    value: float | None
    low: float | None
    high: float | None
    n: int | None


@dataclass(frozen=True)
class ScoredList:
    """The results of one list by one scorer."""

    label: str
    scorer: str
    ending: str
    origin: str
    results: Sequence[ReportResult]

    @property
    def date(self) -> str:
        """The date of the list."""
        return self.results[0]["date"]

    @property
    def dated_label(self) -> str:
        """The label of the list with its date."""
        return f"{self.label} on {self.date}"


def draw(report: Report) -> Iterator[Figure]:
    """Draw two figures for each list with scored cards, from means over at least `MIN_N` packages."""
    for scored in _scored_lists(report):
        groups, deciles = _group_points(scored), _decile_points(scored)
        if groups:
            yield _build_group_figure(groups, scored)
        if len({point["tenth"] for point in deciles}) > 1:
            yield _build_decile_figure(deciles, scored)


def explain_undrawn(report: Report) -> list[str]:
    """Return why the means by tenths of a newest list are not drawn. The notes of results explain missing means."""
    reasons = ((scored, _explain_undrawn_tenths(scored)) for scored in _scored_lists(report))
    return [f"{scored.dated_label}, scored by {scored.scorer}: {reason}." for scored, reason in reasons if reason]


def _explain_undrawn_tenths(scored: ScoredList) -> str | None:
    """Return what prevents the figure of tenths, or None if nothing does or there are no means."""
    known, drawn = (
        {point["tenth"] for point in points} for points in (_all_decile_points(scored), _decile_points(scored))
    )
    if not known or len(drawn) > 1:
        return None
    if len(known) == 1:
        return "packages tie, and those with known documentation are all in one tenth of the list"
    return f"fewer than two tenths of the list have {MIN_N} packages with known documentation"


def _scored_lists(report: Report) -> Iterator[ScoredList]:
    """Yield the newest list with results of each series, once for each scorer."""
    for position, (label, results) in enumerate(newest_results(report, ["documentation"])):
        for scorer in _scorer_names(results):
            ending = number_name(scorer, position)
            yield ScoredList(label, scorer, ending, describe_origin(report, results), results)


def _scorer_names(results: Sequence[ReportResult]) -> list[str]:
    """Return the names of the scorers that can name a file: our own words only."""
    names = {result["name"].split(".")[1] for result in results if result["name"].count(".") > 1}
    return sorted(name for name in names if re.fullmatch("[a-z]{1,20}", name) and name != "metadata")


def _group_points(scored: ScoredList) -> list[GroupPoint]:
    """Return the means of top and bottom at the greatest available depth."""
    names = {f"documentation.{scored.scorer}.{by}.{group}": (by, group) for by in POPULARITY for group in GROUPS}
    results = [result for name in names for result in scored.results if result["name"] == name and _is_enough(result)]
    deepest = max((result["k"] for result in results), default=0)
    return [_make_group_point(*names[result["name"]], result) for result in results if result["k"] == deepest]


def _make_group_point(by: str, group: str, row: ReportResult) -> GroupPoint:
    label = f"{group} {row['k']:,}"
    return GroupPoint(by=by, group=label, value=row["value"], low=row["low"], high=row["high"], n=row["n"])


def _decile_points(scored: ScoredList) -> list[DecilePoint]:
    return [point for point in _all_decile_points(scored) if point["n"] is not None and point["n"] >= MIN_N]


def _all_decile_points(scored: ScoredList) -> list[DecilePoint]:
    names = {
        f"documentation.{scored.scorer}.{by}.decile.{tenth:02}": (by, tenth)
        for by in POPULARITY
        for tenth in range(1, 11)
    }
    results = [result for result in scored.results if result["name"] in names]
    results.sort(key=lambda result: names[result["name"]])
    return [_make_decile_point(*names[result["name"]], result) for result in results]


def _is_enough(result: ReportResult) -> bool:
    return result["n"] is not None and result["n"] >= MIN_N


def _make_decile_point(by: str, tenth: int, row: ReportResult) -> DecilePoint:
    return DecilePoint(by=by, tenth=tenth, value=row["value"], low=row["low"], high=row["high"], n=row["n"])


def _build_group_figure(points: Sequence[GroupPoint], scored: ScoredList) -> Figure:
    first = [point for point in points if point["by"] == points[0]["by"]]
    shares = [f"{format_percent(point['value'])} in the {point['group']}" for point in first]
    return Figure(
        name=f"documentation-groups-{scored.ending}",
        section="documentation",
        title=f"{scored.dated_label}: by {points[0]['by']}, {join_words(shares)} of the five questions are answered",
        measure="Share of five questions that a card answers, mean over a group of packages",
        legend=f"Scored by {scored.scorer}. Bars: 95% intervals. Packages that tie at the edge of a group are drawn "
        "at random 25 times, and the interval covers the draws",
        sample=f"n = {points[0]['n']:,} packages in each group; {scored.origin}.",
        columns=("by", "group", "answered", "low", "high", "n"),
        rows=tuple(tuple(point.values()) for point in points),
        wide=_bar_spec(points, WIDE),
        narrow=_bar_spec(points, NARROW),
    )


def _build_decile_figure(points: Sequence[DecilePoint], scored: ScoredList) -> Figure:
    first = [point for point in points if point["by"] == points[0]["by"]]
    return Figure(
        name=f"documentation-{scored.ending}",
        section="documentation",
        title=_describe_deciles(scored.dated_label, first),
        measure="Share of five questions that a card answers, mean over tenths of the list, least popular first",
        legend=f"Scored by {scored.scorer}. Bars: 95% intervals. Packages that tie are in one tenth, so some tenths "
        "may be missing",
        sample=f"n = {sum(point['n'] or 0 for point in first):,} packages; {scored.origin}.",
        columns=("by", "tenth", "answered", "low", "high", "n"),
        rows=tuple(tuple(point.values()) for point in points),
        wide=_line_spec(points, WIDE),
        narrow=_line_spec(points, NARROW),
    )


def _describe_deciles(label: str, points: Sequence[DecilePoint]) -> str:
    low, high = format_percent(points[0]["value"]), format_percent(points[-1]["value"])
    tenths = f"from the least to the most popular tenth by {points[0]['by']}"
    return f"{label}: {tenths}, cards answer {low} to {high} of the five questions"


def _share_axis(name: str) -> Spec:
    axis = {"format": ".0%", "tickCount": 5, "domain": False, "ticks": False}
    return build_share_axis(name, axis=axis)


def _interval_layer(encoding: Spec) -> Spec:
    return {
        "mark": {"type": "rule", "strokeWidth": 1.5},
        "encoding": {**encoding, "y": _share_axis("low"), "y2": {"field": "high"}},
    }


def _bar_spec(points: Sequence[GroupPoint], width: int) -> Spec:
    domain = list(dict.fromkeys(point["group"] for point in points))
    x = {"field": "by", "type": "nominal", "title": None, "sort": list(POPULARITY), "axis": {"labelAngle": 0}}
    encoding: Spec = {
        "x": x,
        "xOffset": {"field": "group", "sort": domain},
        "color": encode_category("color", "group", domain, True),
    }
    shape = encode_category("shape", "group", domain, True)
    return build_chart([_interval_layer(encoding), _point_layer(encoding, 60, shape)], points, width, 280)


def _line_spec(points: Sequence[DecilePoint], width: int) -> Spec:
    domain = list(dict.fromkeys(point["by"] for point in points))
    x = {"field": "tenth", "type": "quantitative", "title": "tenth of the list, by popularity",
         "scale": {"domain": [1, 10], "padding": 10},
         "axis": {"grid": False, "tickCount": 10, "format": "d"}}  # fmt: skip
    encoding: Spec = {"x": x, "color": encode_category("color", "by", domain, True, POPULARITY)}
    dash, shape = (encode_category(channel, "by", domain, True, POPULARITY) for channel in ("strokeDash", "shape"))
    layers: list[Spec] = [
        _interval_layer(encoding),
        {
            "mark": {"type": "line", "strokeWidth": 2},
            "encoding": {**encoding, "y": _share_axis("value"), "strokeDash": dash},
        },
        _point_layer(encoding, 50, shape),
    ]
    return build_chart(layers, points, width, 300)


def _point_layer(encoding: Spec, size: int, shape: Spec) -> Spec:
    mark = {"type": "point", "filled": True, "size": size, "opacity": 1}
    return {"mark": mark, "encoding": {**encoding, "y": _share_axis("value"), "shape": shape}}
