"""The figure of turnover over gaps of one length: the paper's Figure 6, measured over equal gaps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import dropwhile
from operator import itemgetter
from typing import TypedDict

from analysis.reporting.figures._figure import (
    GREY,
    NARROW,
    PAPER,
    WIDE,
    Figure,
    Spec,
    build_chart,
    build_date_axis,
    build_tooltip,
    encode_category,
    flagged_snapshots,
    format_interval,
    segment_dates,
    spread_apart,
)
from analysis.reporting.headline import describe_matched
from analysis.reporting.rows import Report, ReportResult
from analysis.reporting.series import complete_labels, newest_deepest, select_results_of_days
from analysis.reporting.wording import format_percent, join_words, pluralize

GAPS = {"91d": "three months", "365d": "a year", "182d": "six months", "30d": "a month", "7d": "a week"}
CROSSES = (
    ". Cross at the foot: from this date there is no list to compare with. Lines are not drawn across missing dates"
)


class TurnoverPoint(TypedDict):
    """The turnover of one list up to one date; `segment` names the stretch of line it is on."""

    series: str
    date: str
    since: str | None
    k: int
    value: float | None
    low: float | None
    high: float | None
    n: int | None
    segment: str
    hollow: bool
    interrupted: bool
    newest: bool
    label: str


def draw(report: Report) -> Iterator[Figure]:
    """Draw lines over dates with the range of ties, if any turnover over a matched gap is known."""
    k, gap = choose_turnover_depth(report), choose_gap(report)
    if gap is not None:
        yield _build_figure(describe_turnover(report)[0], _collect_points(report, k, gap), k, gap)


def _build_figure(title: str, points: Sequence[TurnoverPoint], k: int, gap: str) -> Figure:
    ends = [point for point in points if point["newest"]]
    crosses = CROSSES if any(point["interrupted"] for point in points) else ""
    return Figure(
        name="turnover", section="turnover", title=title,
        measure=f"Share of the top {k:,} that was not in it about {gap[:-1]} days earlier, by date of the later list",
        legend="Band and bars: least and largest share over every order of ties at the last rank; a census has no "
        "sampling error. Hollow: no interval, or a quality event" + crosses,
        sample=_describe_sample([point for point in points if point["value"] is not None]),
        columns=("list", "date", "since", "k", "turnover", "low", "high", "n"),
        rows=tuple(map(itemgetter("series", "date", "since", "k", "value", "low", "high", "n"), points)),
        wide=_build_spec(points, ends, narrow=False), narrow=_build_spec(points, ends, narrow=True),
    )  # fmt: skip


def _describe_sample(points: Sequence[TurnoverPoint]) -> str:
    dates = [point["date"] for point in points]
    sizes = [f"{n:,}" for n in sorted({point["n"] or 0 for point in points})]
    comparisons = f"{pluralize(len(points), 'comparison')} from {min(dates)} to {max(dates)}"
    return f"n = {join_words(sizes)} packages in each comparison; {comparisons}."


def choose_turnover_depth(report: Report) -> int:
    """Return the report's depth, or the deepest depth with a defined turnover."""
    depths = [result["k"] for result in _matched_results(report)]
    return report["k"] if report["k"] and report["k"] in depths else max(depths, default=0)


def choose_gap(report: Report) -> str | None:
    """Return the gap over which most newest lists can be compared, then most lists, then with the most results."""
    k, labels = choose_turnover_depth(report), complete_labels(report["snapshots"])
    newest_dates = {labels[row["snapshot"]]: row["date"] for row in newest_deepest(report["snapshots"])}
    lists: dict[str, list[str]] = {}
    newest_lists: dict[str, int] = dict.fromkeys(GAPS, 0)
    for result in _matched_results(report):
        if result["k"] == k:
            gap, label = result["name"].partition(".")[2], labels[result["snapshot"]]
            lists.setdefault(gap, []).append(label)
            newest_lists[gap] += result["date"] == newest_dates[label]
    known = [gap for gap in GAPS if gap in lists]
    return max(known, key=lambda gap: (newest_lists[gap], len(set(lists[gap])), len(lists[gap])), default=None)


def newest_turnovers(report: Report) -> dict[str, ReportResult]:
    """Return the newest defined turnover over the chosen gap, for each list."""
    k, gap, labels = choose_turnover_depth(report), choose_gap(report), complete_labels(report["snapshots"])
    results = [row for row in _matched_results(report) if row["name"] == f"turnover.{gap}" and row["k"] == k]
    return {labels[result["snapshot"]]: result for result in sorted(results, key=lambda result: result["date"])}


def describe_turnover(report: Report) -> list[str]:
    """Return the newest turnovers over the chosen gap, in a sentence for all lists of one time, with their dates."""
    gap = choose_gap(report)
    return [] if gap is None else describe_matched(newest_turnovers(report), GAPS[gap])


def _turnover_results(report: Report) -> list[ReportResult]:
    """Return the turnover of the list of each day over matched gaps, defined or not."""
    return select_results_of_days(report["snapshots"], filter(_is_matched, report["results"]))


def _is_matched(result: ReportResult) -> bool:
    return result["metric"] == "turnover" and result["name"].startswith("turnover.")


def _matched_results(report: Report) -> list[ReportResult]:
    return [result for result in _turnover_results(report) if result["value"] is not None]


def _collect_points(report: Report, k: int, gap: str) -> list[TurnoverPoint]:
    labels, flagged = complete_labels(report["snapshots"]), flagged_snapshots(report)
    lists: dict[str, list[ReportResult]] = {}
    for result in _turnover_results(report):
        if result["name"] == f"turnover.{gap}" and result["k"] == k:
            lists.setdefault(labels[result["snapshot"]], []).append(result)
    return [point for label, results in lists.items() for point in _line_points(label, results, flagged)]


def _line_points(label: str, results: Sequence[ReportResult], flagged: set[int | None]) -> Iterator[TurnoverPoint]:
    """Yield the points of one list from its first defined value on. An undefined value ends a stretch of line."""
    ordered = sorted(results, key=lambda result: result["date"])
    results = list(dropwhile(lambda result: result["value"] is None, ordered))
    last = max((position for position, result in enumerate(results) if result["value"] is not None), default=-1)
    stretches = segment_dates([result["date"] for result in results])
    undefined, is_known = 0, False
    for position, (result, stretch) in enumerate(zip(results, stretches, strict=True)):
        was_known, is_known = is_known, result["value"] is not None
        undefined += not is_known
        yield TurnoverPoint(
            series=label, date=result["date"], since=result["previous_date"], k=result["k"], value=result["value"],
            low=result["low"], high=result["high"], n=result["n"], segment=f"{label} {stretch} {undefined}",
            hollow=result["low"] is None or result["snapshot"] in flagged,
            interrupted=was_known and not is_known, newest=position == last,
            label=f"{format_percent(result['value'])} ({format_interval(result)})",
        )  # fmt: skip


def _build_spec(points: Sequence[TurnoverPoint], ends: Sequence[TurnoverPoint], narrow: bool) -> Spec:
    domain = list(dict.fromkeys(point["series"] for point in points))
    top = max(point["high"] or point["value"] or 0 for point in points) or 0.01
    height = 260 if narrow else 330
    x = build_date_axis([point["date"] for point in points], narrow)
    y = _share_axis(top)
    colour, dash, shape = (
        encode_category(channel, "series", domain, narrow) for channel in ("color", "strokeDash", "shape")
    )
    dots: Spec = {"x": x, "y": y, "color": colour, "shape": shape}
    layers: list[Spec] = [
        *_interval_layers({"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}, "color": colour}),
        _line_layer({"x": x, "y": y, "color": colour, "detail": {"field": "segment"}, "strokeDash": dash}),
        *(_dot_layer(True, dots), _dot_layer(False, dots), _cross_layer(x, height - 6)),
        *(() if narrow else (_label_layer(ends, x, y, top),)),
    ]
    return build_chart(layers, points, NARROW if narrow else WIDE, height)


def _share_axis(top: float) -> Spec:
    return {
        "field": "value", "type": "quantitative", "title": None, "scale": {"domain": [0, top * 1.05], "nice": True},
        "axis": {"format": ".0%", "tickCount": 5, "domain": False, "ticks": False},
    }  # fmt: skip


def _line_layer(encoding: Spec) -> Spec:
    mark = {"type": "line", "strokeWidth": 2}
    return {"mark": mark, "transform": [{"filter": "datum.value !== null"}], "encoding": encoding}


def _cross_layer(x: Spec, y: int) -> Spec:
    """Return crosses at the foot of the figure: one for each date on which a line is interrupted."""
    mark = {"type": "point", "shape": "cross", "size": 36, "color": GREY, "opacity": 1, "angle": 45}
    dates: list[Spec] = [
        {"filter": "datum.interrupted"},
        {"aggregate": [{"op": "count", "as": "lines"}], "groupby": ["date"]},
    ]
    return {"mark": mark, "transform": dates, "encoding": {"x": x, "y": {"value": y}}}


def _interval_layers(band: Spec) -> list[Spec]:
    """Build the range of ties as a band along each line and as a bar at each date."""
    has_interval = [{"filter": "datum.low !== null"}]
    return [
        {"mark": {"type": "area", "opacity": 0.18}, "transform": has_interval,
         "encoding": {**band, "detail": {"field": "segment"}}},
        {"mark": {"type": "rule", "strokeWidth": 1.5}, "transform": has_interval, "encoding": band},
    ]  # fmt: skip


def _dot_layer(filled: bool, encoding: Spec) -> Spec:
    """Build filled dots for plain values, or hollow dots for values to read with care."""
    paint: Spec = {"filled": True} if filled else {"filled": False, "fill": PAPER}
    return {
        "mark": {"type": "point", "size": 46, "opacity": 1, "strokeWidth": 1.8, **paint},
        "transform": [{"filter": f"datum.value !== null && {'!' if filled else ''}datum.hollow"}],
        "encoding": {**encoding, "tooltip": build_tooltip("series", "date", "since", "label")},
    }


def _label_layer(ends: Sequence[TurnoverPoint], x: Spec, y: Spec, top: float) -> Spec:
    """Build the name of each line at its end."""
    positions = spread_apart([end["value"] or 0 for end in ends], top * 0.07)
    values = [{**end, "place": position} for end, position in zip(ends, positions, strict=True)]
    return {
        "data": {"values": values},
        "mark": {"type": "text", "align": "left", "dx": 9, "baseline": "middle", "fontWeight": "bold", "limit": 190},
        "encoding": {"x": x, "y": {**y, "field": "place"}, "text": {"field": "series"}},
    }
