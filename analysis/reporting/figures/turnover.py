"""How much of each list was replaced over gaps of one length: the paper's Figure 6 as it should be measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from analysis.reporting.figures._figure import (
    GREY,
    PAPER,
    Figure,
    Row,
    Spec,
    build_chart,
    build_date_axis,
    complete_snapshots,
    encode_category,
    flagged_snapshots,
    format_interval,
    format_percent,
    join_words,
    segment_dates,
    spread_apart,
)  # fmt: skip

GAPS = {"91d": "a quarter", "365d": "a year", "182d": "half a year", "30d": "a month", "7d": "a week"}
Point = dict[str, object]


def draw(report: Row) -> Iterator[Figure]:
    """Lines over dates, with what ties leave open; nothing if no matched gap is known."""
    k, gap = choose_turnover_depth(report), choose_gap(report)
    if gap is None:
        return
    points = _collect_points(report, k, gap)
    ends = [one for one in points if one["newest"]]
    known = [one for one in points if one["value"] is not None]
    dates = [one["date"] for one in known]
    sizes = [f"{n:,}" for n in sorted({one["n"] or 0 for one in known})]
    yield Figure(
        name="turnover", section="turnover", title=describe_turnover(report) or "",
        measure=f"Share of the top {k:,} that was not in it about {gap[:-1]} days earlier, by date of the later list",
        legend="Band and bars: least and largest share over every order of ties at the last rank; a census has no "
        "sampling error. Hollow: no interval, or a quality event. Cross at the foot: no list to compare with. "
        "Lines are not drawn across missing dates",
        sample=f"n = {join_words(sizes)} packages in each comparison; {len(known):,} comparisons from {min(dates)} to "
        f"{max(dates)}.",
        columns=("list", "date", "since", "k", "turnover", "low", "high", "n"),
        rows=tuple(tuple(one[key] for key in ("series", "date", "since", "k", "value", "low", "high", "n"))
                   for one in points),
        wide=_build_spec(points, ends, narrow=False), narrow=_build_spec(points, ends, narrow=True),
    )  # fmt: skip


def choose_turnover_depth(report: Row) -> int:
    """The depth that is shown: the report's, or the deepest at which a turnover is known."""
    ks = [one["k"] for one in _matched_results(report) if one["value"] is not None]
    return report.get("k") if report.get("k") in ks else max(ks, default=0)


def choose_gap(report: Row) -> str | None:
    """The gap that lets the most lists be compared; of those, the one that is known most often."""
    k, of = choose_turnover_depth(report), complete_snapshots(report)
    known = [(one["name"].partition(".")[2], of[one["snapshot"]]) for one in _matched_results(report)
             if one["value"] is not None and one["k"] == k]  # fmt: skip
    gaps = [gap for gap in GAPS if any(gap == name for name, _ in known)]
    return max(gaps, key=lambda gap: (len({label for name, label in known if name == gap}),
                                      sum(name == gap for name, _ in known)), default=None)  # fmt: skip


def newest_turnovers(report: Row) -> dict[str, Row]:
    """The newest known turnover over the usual gap, for each list."""
    k, gap, of = choose_turnover_depth(report), choose_gap(report), complete_snapshots(report)
    known = [one for one in _matched_results(report)
             if one["name"] == f"turnover.{gap}" and one["k"] == k and one["value"] is not None]  # fmt: skip
    return {of[one["snapshot"]]: one for one in sorted(known, key=lambda one: one["date"])}


def describe_turnover(report: Row) -> str | None:
    """The figure in one sentence."""
    shown, gap = newest_turnovers(report), choose_gap(report)
    if not shown or gap is None:
        return None
    first, *others = sorted(shown.items(), key=lambda pair: -pair[1]["value"])
    said = [f"{format_percent(one['value'])} of {label}" for label, one in others]
    if len(said) > 3:
        said = [said[0], f"{len(said) - 2} lists in between", said[-1]]
    beside = f", {join_words(said)}" if said else ""
    top = f"{format_percent(first[1]['value'])} of the top {choose_turnover_depth(report):,} of {first[0]}"
    return f"Over {GAPS[gap]} {top} were replaced{beside}"


def _matched_results(report: Row) -> list[Row]:
    of = complete_snapshots(report)
    return [one for one in report.get("results") or () if one["metric"] == "turnover"
            and str(one["name"]).startswith("turnover.") and one["snapshot"] in of]  # fmt: skip


def _collect_points(report: Row, k: int, gap: str) -> list[Point]:
    of, bad = complete_snapshots(report), flagged_snapshots(report)
    mine: dict[str, list[Row]] = {}
    for one in _matched_results(report):
        if one["name"] == f"turnover.{gap}" and one["k"] == k:
            mine.setdefault(of[one["snapshot"]], []).append(one)
    return [point for label, rows in mine.items() for point in _line_points(label, rows, bad)]


def _line_points(label: str, rows: Sequence[Row], bad: set[object]) -> Iterator[Point]:
    """The points of one list from the first known one on; a missing value ends a stretch of line."""
    rows = sorted(rows, key=lambda one: one["date"])
    first = next((number for number, one in enumerate(rows) if one["value"] is not None), len(rows))
    rows, missing = rows[first:], 0
    last = max((number for number, one in enumerate(rows) if one["value"] is not None), default=-1)
    for number, (one, stretch) in enumerate(zip(rows, segment_dates([one["date"] for one in rows]), strict=True)):
        missing += one["value"] is None
        yield {
            "series": label, "date": one["date"], "since": one["previous_date"], "k": one["k"], "value": one["value"],
            "low": one["low"], "high": one["high"], "n": one["n"], "segment": f"{label} {stretch} {missing}",
            "hollow": one["low"] is None or one["snapshot"] in bad, "newest": number == last,
            "said": f"{format_percent(one['value'])} ({format_interval(one)})",
        }  # fmt: skip


def _build_spec(points: Sequence[Point], ends: Sequence[Point], narrow: bool) -> Spec:
    domain = list(dict.fromkeys(one["series"] for one in points))
    top = max(one["high"] or one["value"] or 0 for one in points) or 0.01
    height = 260 if narrow else 330
    colour = encode_category("color", "series", domain, narrow)
    x = build_date_axis([one["date"] for one in points], narrow)
    y = {"field": "value", "type": "quantitative", "title": None, "scale": {"domain": [0, top * 1.05], "nice": True},
         "axis": {"format": ".0%", "tickCount": 5, "domain": False, "ticks": False}}  # fmt: skip
    band = {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}, "color": colour}
    seen = [{"filter": "datum.value !== null"}]
    layers: list[Spec] = [
        {"mark": {"type": "area", "opacity": 0.18}, "transform": [{"filter": "datum.low !== null"}],
         "encoding": {**band, "detail": {"field": "segment"}}},
        {"mark": {"type": "rule", "strokeWidth": 1.5}, "transform": [{"filter": "datum.low !== null"}],
         "encoding": band},
        {"mark": {"type": "line", "strokeWidth": 2}, "transform": seen,
         "encoding": {"x": x, "y": y, "color": colour, "detail": {"field": "segment"},
                      "strokeDash": encode_category("strokeDash", "series", domain, narrow)}},
        *(_dot_layer(filled, {"x": x, "y": y, "color": colour, "shape": encode_category("shape", "series", domain, narrow)})
          for filled in (True, False)),
        {"mark": {"type": "point", "shape": "cross", "size": 36, "color": GREY, "opacity": 1, "angle": 45},
         "transform": [{"filter": "datum.value === null"}], "encoding": {"x": x, "y": {"value": height - 6}}},
    ]  # fmt: skip
    return build_chart(
        layers if narrow else [*layers, _label_layer(ends, x, y, top)], points, 320 if narrow else 720, height
    )


def _dot_layer(filled: bool, encoding: Spec) -> Spec:
    """Filled dots for plain values, or hollow ones for those to be read with care."""
    paint = {"filled": True} if filled else {"filled": False, "fill": PAPER}
    return {
        "mark": {"type": "point", "size": 46, "opacity": 1, "strokeWidth": 1.8, **paint},
        "transform": [{"filter": f"datum.value !== null && {'!' if filled else ''}datum.hollow"}],
        "encoding": {**encoding, "tooltip": [{"field": name} for name in ("series", "date", "since", "said")]},
    }


def _label_layer(ends: Sequence[Point], x: Spec, y: Spec, top: float) -> Spec:
    """The name of each line at its end."""
    places = spread_apart([one["value"] for one in ends], top * 0.07)
    values = [{**one, "place": place} for one, place in zip(ends, places, strict=True)]
    return {
        "data": {"values": values},
        "mark": {"type": "text", "align": "left", "dx": 9, "baseline": "middle", "fontWeight": "bold", "limit": 190},
        "encoding": {"x": x, "y": {**y, "field": "place"}, "text": {"field": "series"}},
    }
