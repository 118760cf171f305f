"""The packages at the top of the newest lists, and the parents with the most children, each with an earlier list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from analysis.reporting.rows import ParentRow, RankedRow, ReportBaseModel, ReportResult, ReportSnapshot, ReportTopRow

TOP_ROWS = 20
BASE_MODELS = 20  # with the most children, and as many with the largest growth
# Children are compared over the first of these gaps for which there is a list.
GROWTH_GAPS = ("turnover.91d", "turnover.30d", "turnover.182d", "turnover.365d", "turnover.7d", "turnover")


def choose_previous(results: Iterable[ReportResult], snapshot: int, k: int | None) -> int | None:
    """Return the list that the turnover of a top K compares a snapshot with."""
    return next(
        (
            result["previous_snapshot"]
            for result in results
            if (result["snapshot"], result["name"], result["k"]) == (snapshot, "turnover", k)
        ),
        None,
    )


def choose_growth_base(results: Iterable[ReportResult], snapshot: int) -> int | None:
    """Return the list that children are compared with: of the preferred gap, the deepest."""
    candidates = {
        (result["name"], result["k"]): result["previous_snapshot"]
        for result in results
        if result["snapshot"] == snapshot and result["name"] in GROWTH_GAPS and result["previous_snapshot"] is not None
    }
    best = min(candidates, key=lambda key: (GROWTH_GAPS.index(key[0]), -key[1]), default=None)
    return candidates[best] if best else None


def describe_top(
    rows: Iterable[RankedRow], snapshot: ReportSnapshot, previous: ReportSnapshot | None
) -> Iterator[ReportTopRow]:
    """Yield the first packages of a list, each with its rank in the list that is compared."""
    for row in rows:
        yield {
            "registry": snapshot["registry"], "snapshot": snapshot["snapshot"], "date": snapshot["date"],
            "rank": row["rank"], "package": row["package"], "name": row["name"], "value": row["value"],
            "previous_date": previous and previous["date"], "previous_rank": row["previous_rank"],
        }  # fmt: skip


def describe_base_models(
    rows: Sequence[ParentRow], snapshot: ReportSnapshot, previous: ReportSnapshot | None, depth: int
) -> list[ReportBaseModel]:
    """Return the parents with the most children and those with the largest growth, most children first.

    A list without any link was stored without lineage: growth since that list is unknown.
    """
    is_comparable = previous is not None and any(row["previous_children"] for row in rows)
    by_growth = sorted(rows, key=lambda row: row["children"] - (row["previous_children"] or 0), reverse=True)
    ranked = [*rows[:BASE_MODELS], *(by_growth[:BASE_MODELS] if is_comparable else ())]
    chosen = {id(row) for row in ranked if row["children"]}
    return [
        {
            "registry": snapshot["registry"], "snapshot": snapshot["snapshot"], "date": snapshot["date"],
            "previous_date": previous["date"] if previous and is_comparable else None, "depth": depth,
            **row,
            "previous_children": row["previous_children"] if is_comparable else None,
        }
        for row in rows if id(row) in chosen
    ]  # fmt: skip


def shared_depth(snapshot: ReportSnapshot, previous: ReportSnapshot | None) -> int:
    """Return the depth that both lists reach."""
    return min(ranking["depth"] or 0 for ranking in (snapshot, previous) if ranking)
