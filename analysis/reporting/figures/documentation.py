"""Documentation by popularity: the top against the bottom (the paper's Figure 8), and the trend over tenths."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from analysis.reporting.figures._figure import (
    Figure,
    Row,
    Spec,
    build_chart,
    encode_category,
    format_percent,
    join_words,
    newest_results,
)

POPULARITY = ("downloads", "likes", "descendants")
GROUPS = ("top", "bottom")
Point = dict[str, object]


def draw(report: Row) -> Iterator[Figure]:
    """Two figures for each list of which cards were scored; nothing if none was."""
    for number, (label, results) in enumerate(newest_results(report, ["documentation"])):
        ending = "" if number == 0 else f"-{number + 1}"
        for reading in _scorer_names(results):
            groups, tenths = _group_points(results, reading), _decile_points(results, reading)
            told = {"label": label, "date": results[0]["date"], "reading": reading}
            if groups:
                yield _build_group_figure(groups, told, f"documentation-groups-{reading}{ending}")
            if tenths:
                yield _build_decile_figure(tenths, told, f"documentation-{reading}{ending}")


def _scorer_names(results: Sequence[Row]) -> list[str]:
    """Who read the cards: words of our own only, as they name files."""
    found = {str(one["name"]).split(".")[1] for one in results if str(one["name"]).count(".") > 1}
    return sorted(one for one in found if re.fullmatch("[a-z]{1,20}", one) and one != "metadata")


def _group_points(results: Sequence[Row], scorer: str) -> list[Point]:
    """The means of top and bottom at the greatest depth that is known."""
    mine = [(one, by, group) for by in POPULARITY for group in GROUPS for one in results
            if one["name"] == f"documentation.{scorer}.{by}.{group}"]  # fmt: skip
    deepest = max((one["k"] for one, _, _ in mine), default=0)
    return [_build_point(one, by, group=f"{group} {deepest:,}") for one, by, group in mine if one["k"] == deepest]


def _decile_points(results: Sequence[Row], scorer: str) -> list[Point]:
    named = {f"documentation.{scorer}.{by}.decile.{tenth:02}": (by, tenth)
             for by in POPULARITY for tenth in range(1, 11)}  # fmt: skip
    mine = [(one, *named[str(one["name"])]) for one in results if one["name"] in named]
    return [_build_point(one, by, tenth=tenth) for one, by, tenth in sorted(mine, key=lambda found: found[1:])]


def _build_point(result: Row, by: str, **more: object) -> Point:
    return {"by": by, **more, "value": result["value"], "low": result["low"], "high": result["high"], "n": result["n"]}


def _build_group_figure(points: Sequence[Point], source: Row, name: str) -> Figure:
    said = [f"{format_percent(one['value'])} in the {one['group']}" for one in points if one["by"] == points[0]["by"]]
    spec = {width: _bar_spec(points, width) for width in (720, 320)}
    return Figure(
        name=name, section="documentation",
        title=f"{source['label']}: by {points[0]['by']}, {join_words(said)} of the five questions are answered",
        measure="Share of five questions that a card answers, mean over a group of packages",
        legend=f"Read by {source['reading']}. Bars: 95% intervals. Those that tie at the edge of a group are drawn, "
        "25 times, and the interval holds the draws",
        sample=f"n = {points[0]['n']:,} packages in each group; {source['date']}.",
        columns=("by", "group", "answered", "low", "high", "n"), rows=tuple(tuple(one.values()) for one in points),
        wide=spec[720], narrow=spec[320],
    )  # fmt: skip


def _build_decile_figure(points: Sequence[Point], source: Row, name: str) -> Figure:
    first = [one for one in points if one["by"] == points[0]["by"]]
    low, high = format_percent(first[0]["value"]), format_percent(first[-1]["value"])
    spec = {width: _line_spec(points, width) for width in (720, 320)}
    return Figure(
        name=name, section="documentation",
        title=f"{source['label']}: from the least to the most popular tenth by {first[0]['by']}, cards answer "
        f"{low} to {high} of the five questions",
        measure="Share of five questions that a card answers, mean over tenths of the list, least popular first",
        legend=f"Read by {source['reading']}. Bars: 95% intervals. All that tie are in one tenth, so some may be missing",
        sample=f"n = {sum(int(str(one['n'])) for one in first):,} packages; {source['date']}.",
        columns=("by", "tenth", "answered", "low", "high", "n"), rows=tuple(tuple(one.values()) for one in points),
        wide=spec[720], narrow=spec[320],
    )  # fmt: skip


def _share_axis(field: str = "value") -> Spec:
    return {"field": field, "type": "quantitative", "title": None, "scale": {"domain": [0, 1]},
            "axis": {"format": ".0%", "tickCount": 5, "domain": False, "ticks": False}}  # fmt: skip


def _bar_spec(points: Sequence[Point], width: int) -> Spec:
    domain = list(dict.fromkeys(str(one["group"]) for one in points))
    x = {"field": "by", "type": "nominal", "title": None, "sort": list(POPULARITY), "axis": {"labelAngle": 0}}
    place = {
        "x": x,
        "xOffset": {"field": "group", "sort": domain},
        "color": encode_category("color", "group", domain, True),
    }
    return build_chart(
        [
            {"mark": {"type": "rule", "strokeWidth": 1.5},
             "encoding": {**place, "y": _share_axis("low"), "y2": {"field": "high"}}},
            {"mark": {"type": "point", "filled": True, "size": 60, "opacity": 1},
             "encoding": {**place, "y": _share_axis(), "shape": encode_category("shape", "group", domain, True)}},
        ],
        points, width, 280,
    )  # fmt: skip


def _line_spec(points: Sequence[Point], width: int) -> Spec:
    domain = list(dict.fromkeys(str(one["by"]) for one in points))
    x = {"field": "tenth", "type": "quantitative", "title": "tenth of the list, by popularity",
         "scale": {"domain": [1, 10], "padding": 10},
         "axis": {"grid": False, "tickCount": 10, "format": "d"}}  # fmt: skip
    place = {"x": x, "color": encode_category("color", "by", domain, True, POPULARITY)}
    return build_chart(
        [
            {"mark": {"type": "rule", "strokeWidth": 1.5},
             "encoding": {**place, "y": _share_axis("low"), "y2": {"field": "high"}}},
            {"mark": {"type": "line", "strokeWidth": 2},
             "encoding": {**place, "y": _share_axis(), "strokeDash": encode_category("strokeDash", "by", domain, True, POPULARITY)}},
            {"mark": {"type": "point", "filled": True, "size": 50, "opacity": 1},
             "encoding": {**place, "y": _share_axis(), "shape": encode_category("shape", "by", domain, True, POPULARITY)}},
        ],
        points, width, 300,
    )  # fmt: skip
