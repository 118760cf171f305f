"""What remained, came back or is new since the list before, in every registry: the paper's Figure 6, as published."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from analysis.reporting.figures._figure import (
    NARROW_WIDTH,
    Figure,
    Row,
    Spec,
    build_chart,
    complete_snapshots,
    encode_category,
    format_percent,
    join_words,
)

FLOWS = ("remained", "returning", "newcomers")
MAX_LISTS = 6  # bars for each list: its newest
Point = dict[str, object]


def draw(report: Row) -> Iterator[Figure]:
    """A bar for each of the newest lists of every registry; nothing if no list has one before it."""
    points = _collect_points(report)
    if not points:
        return
    dates, sizes = [one["date"] for one in points], sorted({one["n"] for one in points})
    keys = ("list", "date", "k", "flow", "count", "share", "n")
    yield Figure(
        name="turnover-as-published", section="turnover", title=_describe_flows(points),
        measure=f"Share of the top {points[0]['k']:,} that remained, came back or is new since the list before, as the "
        "paper's Figure 6 counts it",
        legend="From the left: remained, returning, newcomers. No interval is defined. The gaps between lists differ, "
        "so different bars are not to be compared; those of the figure over equal gaps are",
        sample=f"n = {join_words([f'{n:,}' for n in sizes])} packages in each bar; lists of {min(dates)} to {max(dates)}, "
        f"the newest {MAX_LISTS} of each registry.",
        columns=keys, rows=tuple(tuple(one[key] for key in keys) for one in points),
        wide=_build_spec(points, 720), narrow=_build_spec(points, 320),
    )  # fmt: skip


def _collect_points(report: Row) -> list[Point]:
    """Three parts of each bar, at the deepest of the report's depths that is known; oldest first in each list."""
    of = complete_snapshots(report)
    known = [one for one in report.get("results") or ()
             if one["metric"] == "turnover_as_published" and one["name"] in FLOWS and one["value"] is not None
             and one["n"] and one["snapshot"] in of]  # fmt: skip
    depths = {one["k"] for one in known}
    k = report["k"] if report.get("k") in depths else max(depths, default=0)
    newest: dict[str, list[object]] = {}
    for snapshot, label in of.items():
        if any(one["snapshot"] == snapshot and one["k"] == k for one in known):
            newest.setdefault(label, []).append(snapshot)
    shown = {snapshot for snapshots in newest.values() for snapshot in snapshots[-MAX_LISTS:]}
    return [
        {"list": of[one["snapshot"]], "date": one["date"], "k": k, "flow": one["name"], "count": one["value"],
         "share": one["value"] / one["n"], "n": one["n"], "bar": f"{of[one['snapshot']]}, {one['date']}",
         "place": FLOWS.index(one["name"])}
        for one in sorted(known, key=lambda one: (list(of).index(one["snapshot"]), FLOWS.index(one["name"])))
        if one["k"] == k and one["snapshot"] in shown
    ]  # fmt: skip


def _describe_flows(points: Sequence[Point]) -> str:
    last = {one["list"]: one for one in points if one["flow"] == "newcomers"}
    first, *others = sorted(last.values(), key=lambda one: -float(str(one["share"])))
    said = [f"{format_percent(one['share'])} of {one['list']}" for one in others[:3]]
    beside = f", {join_words(said)}" if said else ""
    top = f"{format_percent(first['share'])} of the top {first['k']:,} of {first['list']}"
    return f"Newcomers since the list before: {top}{beside}"


def _build_spec(points: Sequence[Point], width: int) -> Spec:
    bars = list(dict.fromkeys(one["bar"] for one in points))
    y = {"field": "bar", "type": "nominal", "title": None, "sort": bars,
         "axis": {"domain": False, "ticks": False, "labelLimit": 150 if width < NARROW_WIDTH else 260}}  # fmt: skip
    x = {"field": "share", "type": "quantitative", "title": None, "stack": "zero", "scale": {"domain": [0, 1]},
         "axis": {"format": ".0%", "tickCount": 5}}  # fmt: skip
    layer: Spec = {
        "mark": {"type": "bar"},
        "encoding": {"x": x, "y": y, "color": encode_category("color", "flow", FLOWS, True), "order": {"field": "place"},
                     "tooltip": [{"field": name} for name in ("list", "date", "flow", "count", "n")]},
    }  # fmt: skip
    return build_chart([layer], points, width, 22 * len(bars))
