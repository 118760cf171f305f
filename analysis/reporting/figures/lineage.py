"""By which relations packages are made from one another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from analysis.reporting.figures._figure import (
    COLOURS,
    RELATIONS,
    Figure,
    Row,
    Spec,
    build_chart,
    format_percent,
    newest_results,
)

LINKS_PREFIX = "descendants.links."


def draw(report: Row) -> Iterator[Figure]:
    """Bars from zero with their shares beside them; nothing if no link's relation is known."""
    for number, (label, results) in enumerate(newest_results(report, ("descendants",))):
        links = {
            str(one["name"]).removeprefix(LINKS_PREFIX): one
            for one in results
            if str(one["name"]).startswith(LINKS_PREFIX)
        }
        bars = _rank_relations({relation: one["value"] for relation, one in links.items() if relation in RELATIONS})
        if bars:
            yield _build_figure(label, results[0]["date"], bars, number)


def _rank_relations(counts: dict[str, float]) -> list[dict[str, object]]:
    whole = sum(counts.values())
    ranked = sorted(counts, key=lambda relation: -counts[relation])
    return [
        {"relation": one, "links": counts[one], "share": counts[one] / whole,
         "said": f"{format_percent(counts[one] / whole)} ({counts[one]:,.0f})"}
        for one in ranked if whole
    ]  # fmt: skip


def _build_figure(label: str, date: object, bars: Sequence[Row], number: int) -> Figure:
    whole = sum(one["links"] for one in bars)
    return Figure(
        name="lineage" if number == 0 else f"lineage-{number + 1}", section="lineage",
        title=f"{label}: {format_percent(bars[0]['share'])} of the links to a parent are of the relation "
        f"{bars[0]['relation']}",
        measure="Links from a package to the one it says it was made from, by relation",
        legend="Bars begin at zero. A count of what packages say of themselves: no interval is defined",
        sample=f"n = {whole:,.0f} links; {label}, {date}.",
        columns=("relation", "links", "share"),
        rows=tuple((one["relation"], one["links"], one["share"]) for one in bars),
        wide=_build_spec(bars, 720), narrow=_build_spec(bars, 320),
    )  # fmt: skip


def _build_spec(bars: Sequence[Row], width: int) -> Spec:
    y = {"field": "relation", "type": "nominal", "title": None, "sort": None,
         "axis": {"domain": False, "ticks": False}}  # fmt: skip
    x = {"field": "links", "type": "quantitative", "title": None, "scale": {"zero": True},
         "axis": {"tickCount": 4, "format": "~s"}}  # fmt: skip
    layers: list[Spec] = [
        {"mark": {"type": "bar", "color": COLOURS[0]},
         "encoding": {"x": x, "y": y, "tooltip": [{"field": "relation"}, {"field": "said"}]}},
        {"mark": {"type": "text", "align": "left", "dx": 6}, "encoding": {"x": x, "y": y, "text": {"field": "said"}}},
    ]  # fmt: skip
    return build_chart(layers, bars, width, 30 * len(bars))
