"""The figure of remained, returning and new packages since the list before: the paper's Figure 6, as published."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import TypedDict

from analysis.reporting.figures._figure import (
    NARROW,
    NARROW_WIDTH,
    WIDE,
    Figure,
    Spec,
    build_chart,
    build_share_axis,
    build_tooltip,
    encode_category,
)
from analysis.reporting.rows import Report, ReportResult
from analysis.reporting.series import complete_labels, select_results_of_days
from analysis.reporting.wording import format_percent, join_words

FLOWS = ("remained", "returning", "newcomers")
DRAWN_FLOWS = FLOWS[1:]  # what remained is most of each list, and would leave no room for the rest
MAX_LISTS = 6  # bars for each registry: its newest lists


class FlowPoint(TypedDict):
    """One part of one bar."""

    list: str
    date: str
    since: str | None
    k: int
    flow: str
    count: float
    share: float
    n: int
    bar: str
    order: int


def draw(report: Report) -> Iterator[Figure]:
    """Draw a bar for each of the newest lists of every registry that have an earlier list, if any package is new."""
    points = _collect_points(report)
    if any(point["share"] for point in points if point["flow"] in DRAWN_FLOWS):
        yield _build_figure(points)


def _build_figure(points: Sequence[FlowPoint]) -> Figure:
    return Figure(
        name="turnover-as-published", section="turnover", title=_describe_flows(points),
        measure=f"Share of the top {points[0]['k']:,} that returned or is new since the list before, as the paper's "
        "Figure 6 counts it; the rest remained",
        legend="From the left: returning, newcomers. No interval is defined. The gaps between lists differ, so do not "
        "compare different bars. The figure over equal gaps can be compared",
        sample=_describe_sample(points),
        columns=("list", "date", "since", "k", "flow", "count", "share", "n"),
        rows=tuple(map(itemgetter("list", "date", "since", "k", "flow", "count", "share", "n"), points)),
        wide=_build_spec(points, WIDE), narrow=_build_spec(points, NARROW),
    )  # fmt: skip


def _describe_sample(points: Sequence[FlowPoint]) -> str:
    dates = [point["date"] for point in points]
    sizes = join_words([f"{n:,}" for n in sorted({point["n"] for point in points})])
    lists = f"lists of {min(dates)} to {max(dates)}, the newest {MAX_LISTS} of each registry"
    return f"n = {sizes} packages in each bar; {lists}."


def _collect_points(report: Report) -> list[FlowPoint]:
    """Return three parts of each bar at the report's depth, or the deepest known. The oldest list comes first."""
    labels = complete_labels(report["snapshots"])
    results = select_results_of_days(report["snapshots"], filter(_is_flow, report["results"]))
    points = [point for result in results if (point := _build_point(result, labels[result["snapshot"]])) is not None]
    depths = {point["k"] for point in points}
    k = report["k"] if report["k"] in depths else max(depths, default=0)
    points = [point for point in points if point["k"] == k]
    order = {label: position for position, label in enumerate(dict.fromkeys(labels.values()))}
    points.sort(key=lambda point: (order[point["list"]], point["date"], point["order"]))
    newest_bars = {bar for label in order for bar in _list_bars(points, label)[-MAX_LISTS:]}
    return [point for point in points if point["bar"] in newest_bars]


def _is_flow(result: ReportResult) -> bool:
    return result["metric"] == "turnover_as_published" and result["name"] in FLOWS


def _list_bars(points: Sequence[FlowPoint], label: str) -> list[str]:
    return list(dict.fromkeys(point["bar"] for point in points if point["list"] == label))


def _build_point(result: ReportResult, label: str) -> FlowPoint | None:
    """Return one part of a bar, or None if its count or the size of the list is not known."""
    if result["value"] is None or not result["n"]:
        return None
    return FlowPoint(
        list=label,
        date=result["date"],
        since=result["previous_date"],
        k=result["k"],
        flow=result["name"],
        count=result["value"],
        share=result["value"] / result["n"],
        n=result["n"],
        bar=f"{result['date']}, {label}",  # the end of a long label is cut, and the dates are what differs
        order=FLOWS.index(result["name"]),
    )


def _describe_flows(points: Sequence[FlowPoint]) -> str:
    newest = {point["list"]: point for point in points if point["flow"] == "newcomers"}
    first, *following = sorted(newest.values(), key=lambda point: -point["share"])
    shares = [
        f"{format_percent(point['share'])} of {point['list']}{_describe_period(point)}" for point in following[:3]
    ]
    beside = f", {join_words(shares)}" if shares else ""
    top = f"{format_percent(first['share'])} of the top {first['k']:,} of {first['list']}{_describe_period(first)}"
    return f"Newcomers since the list before: {top}{beside}"


def _describe_period(point: FlowPoint) -> str:
    return f" (from {point['since']} to {point['date']})" if point["since"] else ""


def _build_spec(points: Sequence[FlowPoint], width: int) -> Spec:
    bars = list(dict.fromkeys(point["bar"] for point in points))
    drawn = [point for point in points if point["flow"] in DRAWN_FLOWS]
    y = {"field": "bar", "type": "nominal", "title": None, "sort": bars,
         "axis": {"domain": False, "ticks": False, "labelLimit": 190 if width < NARROW_WIDTH else 260}}  # fmt: skip
    colour = encode_category("color", "flow", DRAWN_FLOWS, True)
    if width < NARROW_WIDTH:
        colour["legend"] = {"columns": 1}  # the dates beside the bars leave no room for two columns
    x: Spec = {
        **build_share_axis("share", stack="zero"),
        "scale": {"domainMin": 0, "nice": True},
        "axis": {"format": ".1~%", "tickCount": 5},
    }
    layer: Spec = {
        "mark": {"type": "bar"},
        "encoding": {
            "x": x, "y": y, "order": {"field": "order"}, "color": colour,
            "tooltip": build_tooltip("list", "date", "since", "flow", "count", "n"),
        },
    }  # fmt: skip
    return build_chart([layer], drawn, width, 22 * len(bars))
