"""The figure of the links between packages, by relation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypedDict

from analysis.reporting.figures._figure import (
    COLOURS,
    NARROW,
    RELATIONS,
    WIDE,
    Figure,
    Spec,
    build_chart,
    build_tooltip,
    describe_origin,
    newest_results,
    number_name,
)
from analysis.reporting.rows import Report
from analysis.reporting.wording import format_percent

LINKS_PREFIX = "descendants.links."

LINK_WORDS = {
    "finetune": "of finetunes",
    "adapter": "of adapters",
    "merge": "of merges",
    "quantized": "of quantized packages",
    "unstated": "without a stated relation",
}


class RelationBar(TypedDict):
    """The links of one relation."""

    relation: str
    links: float
    share: float
    label: str


def draw(report: Report) -> Iterator[Figure]:
    """Draw bars from zero with their shares beside them, if the relation of any link is known."""
    for position, (label, results) in enumerate(newest_results(report, ("descendants",))):
        counts = {
            result["name"].removeprefix(LINKS_PREFIX): result["value"] or 0.0
            for result in results
            if result["name"].startswith(LINKS_PREFIX)
        }
        bars = _rank_relations({relation: count for relation, count in counts.items() if relation in RELATIONS})
        if bars:
            yield _build_figure(label, describe_origin(report, results), bars, position)


def _rank_relations(counts: Mapping[str, float]) -> list[RelationBar]:
    total = sum(counts.values())
    return [
        RelationBar(
            relation=relation,
            links=counts[relation],
            share=counts[relation] / total,
            label=f"{format_percent(counts[relation] / total)} ({counts[relation]:,.0f})",
        )
        for relation in sorted(counts, key=lambda relation: -counts[relation])
        if total
    ]


def _build_figure(label: str, origin: str, bars: Sequence[RelationBar], position: int) -> Figure:
    total = sum(bar["links"] for bar in bars)
    return Figure(
        name=number_name("lineage", position),
        section="lineage",
        title=f"{label}: {format_percent(bars[0]['share'])} of the links to a parent are "
        f"{LINK_WORDS[bars[0]['relation']]}",
        measure="Links from a package to the package it says it was made from, by relation",
        legend="Bars begin at zero. A count of what packages say of themselves: no interval is defined",
        sample=f"n = {total:,.0f} links; {label}, {origin}.",
        columns=("relation", "links", "share"),
        rows=tuple((bar["relation"], bar["links"], bar["share"]) for bar in bars),
        wide=_build_spec(bars, WIDE),
        narrow=_build_spec(bars, NARROW),
    )


def _build_spec(bars: Sequence[RelationBar], width: int) -> Spec:
    y = {"field": "relation", "type": "nominal", "title": None, "sort": None, "axis": {"domain": False, "ticks": False}}
    longest = max(bar["links"] for bar in bars)
    x = {"field": "links", "type": "quantitative", "title": None,
         "scale": {"domain": [0, longest * (1.35 if width == NARROW else 1.15)], "nice": False},
         "axis": {"tickCount": 4, "format": ","}}  # fmt: skip
    layers: list[Spec] = [
        {
            "mark": {"type": "bar", "color": COLOURS[0]},
            "encoding": {"x": x, "y": y, "tooltip": build_tooltip("relation", "label")},
        },
        {"mark": {"type": "text", "align": "left", "dx": 6}, "encoding": {"x": x, "y": y, "text": {"field": "label"}}},
    ]
    return build_chart(layers, bars, width, 30 * len(bars))
