"""The tables that name packages: the top of a list, who moved, base models, and preserved libraries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import compress

from analysis.reporting.figures.preservation import PUBLISHED, RELATION_PLURALS, collect_points
from analysis.reporting.names import counter_words, package_page
from analysis.reporting.rows import ReportBaseModel, ReportMove, ReportResult, ReportSnapshot, ReportTopRow
from analysis.reporting.table import ColumnKind, ReportCell, ReportTable, make_table
from analysis.reporting.wording import UNDEFINED, format_count, format_number, format_percent, format_range, pluralize
from db.sources import find_stand_in

BASE_MODEL_COLUMNS: Mapping[str, ColumnKind] = {
    "package": "name", "children": "number", "change": "number", "of these": "text", "own rank": "number",
}  # fmt: skip
PRESERVATION_COLUMNS: Mapping[str, ColumnKind] = {
    "library": "name", "kept by": "text", "share": "number", "interval": "number", "n": "number",
}  # fmt: skip
MAX_BASE_MODELS = 10
COUNTED_RELATIONS = ("finetune", "adapter", "merge")  # the other relations are no nouns


def top_table(rows: Sequence[ReportTopRow], snapshot: ReportSnapshot) -> ReportTable:
    """List the first packages of a list, with the change of each rank. A list may have no counters."""
    since = rows[0]["previous_date"] if rows else None
    columns: dict[str, ColumnKind] = {"rank": "number", "package": "name"}
    has_counters = any(row["value"] is not None for row in rows)
    if has_counters:
        columns[snapshot["by"]] = "number"
    if since:
        columns[f"since {since}"] = "text"
    cells = [list(compress(_top_cells(row, snapshot), (True, True, has_counters, since))) for row in rows]
    counter = counter_words(snapshot["by"], snapshot["counter"])
    return make_table(f"The top {len(rows):,} of {snapshot['date']} by {counter}", columns, cells)


def _top_cells(row: ReportTopRow, snapshot: ReportSnapshot) -> tuple[ReportCell | str, ...]:
    value = row["value"]
    count = UNDEFINED if value is None else format_count(value) if value.is_integer() else format_number(value)
    return (
        format_count(row["rank"]),
        name_cell(row["name"], snapshot),
        ReportCell(count, value="" if value is None else f"{value:.15g}"),
        describe_rank_change(row["rank"], row["previous_rank"]),
    )


def describe_rank_change(rank: int, previous_rank: int | None) -> str:
    """Return how a rank changed, in words.

    >>> [describe_rank_change(2, previous_rank) for previous_rank in (5, 1, 2, None)]
    ['up 3', 'down 1', 'same', 'was not listed']
    """
    if previous_rank is None:
        return "was not listed"
    if rank == previous_rank:
        return "same"
    return f"up {previous_rank - rank:,}" if rank < previous_rank else f"down {rank - previous_rank:,}"


def name_cell(name: str, snapshot: ReportSnapshot) -> ReportCell:
    """Return the name of a package with its page, unless the list is not of the public registry."""
    stand_in = find_stand_in(snapshot["source"], snapshot["service"], snapshot["origin"])
    return ReportCell(name, link="" if stand_in else package_page(snapshot["registry"], name))


def moves_table(caption: str, moves: Sequence[ReportMove], snapshot: ReportSnapshot) -> ReportTable:
    """List the packages that moved in one way, best rank first. A reason that all share stands in the caption."""
    rank_heading = "was" if any(move["change"] == "left" for move in moves) else "rank"
    ranked = sorted(((_rank(move), move) for move in moves), key=lambda pair: pair[0])
    rows = [(format_count(rank), name_cell(move["name"], snapshot), _explain(move)) for rank, move in ranked]
    table = make_table(caption, {rank_heading: "number", "package": "name", "why": "text"}, rows)
    reasons = {_explain(move) for move in moves}
    if len(moves) < 2 or len(reasons) > 1:
        return table
    return replace(table.without("why"), caption=f"{caption}, each {reasons.pop()}")


def _rank(move: ReportMove) -> int:
    return (move["previous_rank"] if move["change"] == "left" else move["rank"]) or 0


def _explain(move: ReportMove) -> str:
    return f"was {move['previous_name']}" if move["change"] == "renamed" else move["reason"]


def growth_table(rows: Iterable[ReportBaseModel], snapshot: ReportSnapshot) -> ReportTable:
    """List the parents whose children became more since the earlier list, the largest growth first."""
    growing = sorted((row for row in rows if measure_growth(row) > 0), key=measure_growth, reverse=True)
    since = growing[0]["previous_date"] if growing else ""
    return _base_models_table(f"Base models with the largest growth since {since}", growing, snapshot)


def most_used_table(rows: Sequence[ReportBaseModel], snapshot: ReportSnapshot) -> ReportTable:
    """List the parents with the most children."""
    ranked = sorted(rows, key=lambda row: -row["children"])
    return _base_models_table(f"Base models with the most children on {snapshot['date']}", ranked, snapshot)


def measure_growth(row: ReportBaseModel) -> int:
    """Return the change of the number of children, or 0 if the earlier number is unknown."""
    return 0 if row["previous_children"] is None else row["children"] - row["previous_children"]


def _base_models_table(caption: str, rows: Sequence[ReportBaseModel], snapshot: ReportSnapshot) -> ReportTable:
    cells = [
        (
            name_cell(row["name"], snapshot),
            format_count(row["children"]),
            UNDEFINED
            if row["previous_children"] is None
            else f"{measure_growth(row):+,}"
            if measure_growth(row)
            else "0",
            _list_relations(row),
            format_count(row["rank"]),
        )
        for row in rows[:MAX_BASE_MODELS]
    ]
    return make_table(caption, BASE_MODEL_COLUMNS, cells)


def _list_relations(row: ReportBaseModel) -> str:
    counts = {
        "finetune": row["finetune"], "adapter": row["adapter"], "merge": row["merge"], "quantized": row["quantized"],
        "unstated": row["unstated"],
    }  # fmt: skip
    return ", ".join(_count_relation(relation, count) for relation, count in counts.items() if count)


def _count_relation(relation: str, count: int) -> str:
    return pluralize(count, relation) if relation in COUNTED_RELATIONS else f"{count:,} {relation}"


def explain_base_models(rows: Sequence[ReportBaseModel]) -> str:
    """Return what the tables of base models count."""
    if not rows:
        return ""
    first = rows[0]
    change = f" The change is since the first {first['depth']:,} of {first['previous_date']}."
    return (
        f"Children are packages among the first {first['depth']:,} of {first['date']} that say they were made from the "
        f"package.{change if first['previous_date'] else ''} “Own rank” is the rank of the parent itself."
    )


def preservation_table(caption: str, results: Sequence[ReportResult]) -> ReportTable:
    """List the share of children that support a library of their parent, by library and relation."""
    whole = [row for row in results if row["metric"] == "preservation" and row["k"] == 0]
    rows = [
        (
            point["library"],
            RELATION_PLURALS.get(point["relation"], "all relations (Eq. 1)"),
            format_percent(point["share"]),
            format_range("preservation", point["low"], point["high"]),
            format_count(point["n"]),
        )
        for point in collect_points(whole)
        if point["relation"] != PUBLISHED
    ]
    return make_table(caption, PRESERVATION_COLUMNS, rows)
