"""The figure of preserved libraries, by library and relation: the paper's Figure 5."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import TypedDict

from analysis.reporting.figures._figure import (
    NARROW,
    NARROW_WIDTH,
    PAPER,
    RELATIONS,
    WIDE,
    Figure,
    Spec,
    build_chart,
    build_share_axis,
    build_tooltip,
    describe_origin,
    encode_category,
    format_interval,
    newest_results,
    number_name,
)
from analysis.reporting.rows import Report, ReportResult
from analysis.reporting.wording import format_percent

MAX_LIBRARIES = 10
PUBLISHED = "as published"
ANY_RELATION = "all (Eq. 1)"
RELATION_LABELS = (*RELATIONS, ANY_RELATION, PUBLISHED)
RELATION_PLURALS = {
    "finetune": "finetunes",
    "adapter": "adapters",
    "merge": "merges",
    "quantized": "quantized packages",
    "unstated": "packages that do not say how they were made",
}


class PreservationPoint(TypedDict):
    """The preservation of one library by one relation."""

    library: str
    relation: str
    share: float
    low: float | None
    high: float | None
    n: int | None
    label: str


def draw(report: Report) -> Iterator[Figure]:
    """Draw dots with intervals, the libraries with the most packages first."""
    for position, (label, results) in enumerate(newest_results(report, ("preservation", "preservation_as_published"))):
        points = collect_points(results)
        if points:
            yield _build_figure(label, describe_origin(report, results), points, position)


def _build_figure(label: str, origin: str, points: Sequence[PreservationPoint], position: int) -> Figure:
    sizes = [point["n"] or 0 for point in points]
    return Figure(
        name=number_name("preservation", position),
        section="preservation",
        title=_describe_preservation(label, points),
        measure="Of the packages made from one that supports a library: the share that supports it too, by relation",
        legend="Bars: 95% interval as the metric gives it. Hollow: the paper's own method, which never reads the "
        "parent",
        sample=f"n from {min(sizes):,} to {max(sizes):,} for each dot; {label}, {origin}.",
        columns=("library", "relation", "share", "low", "high", "n"),
        rows=tuple(map(itemgetter("library", "relation", "share", "low", "high", "n"), points)),
        wide=_build_spec(points, WIDE),
        narrow=_build_spec(points, NARROW),
    )


def collect_points(results: Sequence[ReportResult]) -> list[PreservationPoint]:
    """Return a dot for each library and relation, without gain, lift and coverage, which are other quantities."""
    points = [point for result in results if (point := _parse_point(result)) is not None]
    sizes: dict[str, int] = {}
    for point in points:
        sizes[point["library"]] = max(sizes.get(point["library"], 0), point["n"] or 0)
    libraries = sorted(sizes, key=lambda library: (-sizes[library], library))[:MAX_LIBRARIES]
    return [point for library in libraries for point in points if point["library"] == library]


def _parse_point(result: ReportResult) -> PreservationPoint | None:
    parts = result["name"].split(".")[1:]
    if not parts or parts[0] in ("gain", "lift", "coverage") or result["value"] is None:
        return None
    relation = parts.pop() if parts[-1] in RELATIONS and len(parts) > 1 else ANY_RELATION
    if result["metric"] == "preservation_as_published":
        relation = PUBLISHED
    return _make_point(".".join(parts), relation, result["value"], result)


def _make_point(library: str, relation: str, share: float, result: ReportResult) -> PreservationPoint:
    return PreservationPoint(
        library=library,
        relation=relation,
        share=share,
        low=result["low"],
        high=result["high"],
        n=result["n"],
        label=f"{format_percent(share)} ({format_interval(result)})",
    )


def _describe_preservation(label: str, points: Sequence[PreservationPoint]) -> str:
    sound = [point for point in points if point["relation"] in RELATIONS] or list(points)
    first = [point for point in sound if point["library"] == sound[0]["library"]]
    highest = max(first, key=lambda point: point["share"])
    lowest = min(first, key=lambda point: point["share"])
    library, share = first[0]["library"], format_percent(highest["share"])
    if highest["relation"] not in RELATIONS:
        return f"{label}: {library} is supported by {share} ({highest['relation']})"
    plural = RELATION_PLURALS[lowest["relation"]]
    more = f" and {format_percent(lowest['share'])} of {plural}" if lowest is not highest else ""
    return f"{label}: {library} is kept by {share} of {RELATION_PLURALS[highest['relation']]}{more}"


def _build_spec(points: Sequence[PreservationPoint], width: int) -> Spec:
    domain = [label for label in RELATION_LABELS if any(point["relation"] == label for point in points)]
    libraries = list(dict.fromkeys(point["library"] for point in points))
    encoding: Spec = {
        "y": _library_axis(libraries, 110 if width < NARROW_WIDTH else 220),
        "yOffset": {"field": "relation", "type": "nominal", "scale": {"domain": domain}},
        "color": encode_category("color", "relation", domain, True, RELATION_LABELS),
    }
    shape = encode_category("shape", "relation", domain, True, RELATION_LABELS)
    dots: Spec = {**encoding, "x": build_share_axis("share"), "shape": shape}
    layers = [_interval_layer(encoding), _dot_layer(True, dots), _dot_layer(False, dots)]
    return build_chart(layers, points, width, len(libraries) * (11 * len(domain) + 14))


def _library_axis(libraries: Sequence[str], label_limit: int) -> Spec:
    axis = {"domain": False, "ticks": False, "labelLimit": label_limit}
    scale = {"paddingInner": 0.3}
    return {"field": "library", "type": "nominal", "title": None, "sort": libraries, "scale": scale, "axis": axis}


def _interval_layer(encoding: Spec) -> Spec:
    return {
        "mark": {"type": "rule", "strokeWidth": 2},
        "transform": [{"filter": "datum.low !== null"}],
        "encoding": {**encoding, "x": build_share_axis("low"), "x2": {"field": "high"}},
    }


def _dot_layer(filled: bool, encoding: Spec) -> Spec:
    """Build filled dots for results that read the parent, or hollow dots for the paper's own method."""
    paint: Spec = {"filled": True} if filled else {"filled": False, "fill": PAPER}
    published = {"field": "relation", "equal": PUBLISHED}
    return {
        "mark": {"type": "point", "size": 55, "opacity": 1, "strokeWidth": 1.8, **paint},
        "transform": [{"filter": {"not": published} if filled else published}],
        "encoding": {**encoding, "tooltip": build_tooltip("library", "relation", "label", "n")},
    }
