"""How often a package supports what its parent supports, by library and relation: the paper's Figure 5."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from analysis.reporting.figures._figure import (
    NARROW_WIDTH,
    PAPER,
    RELATIONS,
    Figure,
    Row,
    Spec,
    build_chart,
    encode_category,
    format_interval,
    format_percent,
    newest_results,
)

MAX_LIBRARIES = 10
PUBLISHED = "as published"
ANY_RELATION = "all (Eq. 1)"
RELATION_LABELS = (*RELATIONS, ANY_RELATION, PUBLISHED)
RELATION_PLURALS = {"finetune": "finetunes", "adapter": "adapters", "merge": "merges", "quantized": "quantized ones",
        "unstated": "those that do not say how they were made"}  # fmt: skip
Point = dict[str, object]


def draw(report: Row) -> Iterator[Figure]:
    """Dots with intervals, the libraries with the most packages first; nothing if none is known."""
    for number, (label, results) in enumerate(newest_results(report, ("preservation", "preservation_as_published"))):
        points = _collect_points(results)
        if points:
            yield _build_figure(label, results[0]["date"], points, number)


def _build_figure(label: str, date: object, points: Sequence[Point], number: int) -> Figure:
    keys = ("library", "relation", "share", "low", "high", "n")
    return Figure(
        name="preservation" if number == 0 else f"preservation-{number + 1}", section="preservation",
        title=_describe_preservation(label, points),
        measure="Share of the packages made from one that supports a library that support it too, by relation",
        legend="Bars: 95% interval as the metric gives it. Hollow: the paper's own way, which never reads the parent",
        sample=f"n from {min(one['n'] or 0 for one in points):,} to {max(one['n'] or 0 for one in points):,} for each "
        f"dot; {label}, {date}.",
        columns=keys, rows=tuple(tuple(one[key] for key in keys) for one in points),
        wide=_build_spec(points, 720), narrow=_build_spec(points, 320),
    )  # fmt: skip


def _collect_points(results: Sequence[Row]) -> list[Point]:
    """A dot for each library and relation; the others of the metric (gain, lift, coverage) are other things."""
    found = [point for one in results if (point := _parse_point(one)) is not None]
    most: dict[str, int] = {}
    for one in found:
        most[one["library"]] = max(most.get(one["library"], 0), one["n"] or 0)
    shown = sorted(most, key=lambda library: (-most[library], library))[:MAX_LIBRARIES]
    return [one for library in shown for one in found if one["library"] == library]


def _parse_point(result: Row) -> Point | None:
    parts = str(result["name"]).split(".")[1:]
    if not parts or parts[0] in ("gain", "lift", "coverage"):
        return None
    relation = parts.pop() if parts[-1] in RELATIONS and len(parts) > 1 else ANY_RELATION
    if result["metric"] == "preservation_as_published":
        relation = PUBLISHED
    return {"library": ".".join(parts), "relation": relation, "share": result["value"], "low": result["low"],
            "high": result["high"], "n": result["n"], "said": f"{format_percent(result['value'])} ({format_interval(result)})"}  # fmt: skip


def _describe_preservation(label: str, points: Sequence[Point]) -> str:
    sound = [one for one in points if one["relation"] in RELATIONS] or list(points)
    first = [one for one in sound if one["library"] == sound[0]["library"]]
    most, least = (pick(first, key=lambda one: one["share"]) for pick in (max, min))
    if most["relation"] not in RELATIONS:
        return f"{label}: {first[0]['library']} is supported by {format_percent(most['share'])} ({most['relation']})"
    more = (
        f" and {format_percent(least['share'])} of {RELATION_PLURALS[least['relation']]}" if least is not most else ""
    )
    return f"{label}: {first[0]['library']} is kept by {format_percent(most['share'])} of {RELATION_PLURALS[most['relation']]}{more}"


def _build_spec(points: Sequence[Point], width: int) -> Spec:
    domain = [sort for sort in RELATION_LABELS if any(one["relation"] == sort for one in points)]
    libraries = list(dict.fromkeys(one["library"] for one in points))
    offset = {"field": "relation", "type": "nominal", "scale": {"domain": domain}}
    y = {"field": "library", "type": "nominal", "title": None, "sort": libraries, "scale": {"paddingInner": 0.3},
         "axis": {"domain": False, "ticks": False, "labelLimit": 110 if width < NARROW_WIDTH else 220}}  # fmt: skip
    x = {"field": "share", "type": "quantitative", "title": None, "scale": {"domain": [0, 1]},
         "axis": {"format": ".0%", "tickCount": 5}}  # fmt: skip
    colour = encode_category("color", "relation", domain, True, RELATION_LABELS)
    layers: list[Spec] = [
        {"mark": {"type": "rule", "strokeWidth": 2}, "transform": [{"filter": "datum.low !== null"}],
         "encoding": {"x": {**x, "field": "low"}, "x2": {"field": "high"}, "y": y, "yOffset": offset,
                      "color": colour}},
        *(_dot_layer(filled, {"x": x, "y": y, "yOffset": offset, "color": colour,
                         "shape": encode_category("shape", "relation", domain, True, RELATION_LABELS)}) for filled in (True, False)),
    ]  # fmt: skip
    return build_chart(layers, points, width, len(libraries) * (11 * len(domain) + 14))


def _dot_layer(filled: bool, encoding: Spec) -> Spec:
    """Filled dots for what reads the parent, hollow ones for what does not."""
    paint = {"filled": True} if filled else {"filled": False, "fill": PAPER}
    published = {"field": "relation", "equal": PUBLISHED}
    return {
        "mark": {"type": "point", "size": 55, "opacity": 1, "strokeWidth": 1.8, **paint},
        "transform": [{"filter": {"not": published} if filled else published}],
        "encoding": {**encoding, "tooltip": [{"field": name} for name in ("library", "relation", "said", "n")]},
    }
