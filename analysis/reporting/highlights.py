"""What a reader should see first: what a report covers, and what stands out in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from analysis.reporting.figures.snapshots import describe_snapshots
from analysis.reporting.names import registry_title
from analysis.reporting.package_tables import measure_growth
from analysis.reporting.rows import Report, ReportMove
from analysis.reporting.series import group_lists_first, newest_day
from analysis.reporting.wording import join_words, pluralize

MOVE_VERBS = {
    "entered": "entered for the first time",
    "returned": "returned",
    "left": "left",
    "renamed": "changed only the name",
}


def describe_state(report: Report) -> str:
    """Return what the report covers, in one line: registries, dates, the states of the snapshots."""
    snapshots = report["snapshots"]
    if not snapshots:
        return ""
    dates = [snapshot["date"] for snapshot in snapshots]
    registries = join_words(list(dict.fromkeys(registry_title(snapshot["registry"]) for snapshot in snapshots)))
    period = dates[0] if len(set(dates)) == 1 else f"{min(dates)} to {max(dates)}"
    return " · ".join([registries, period, describe_snapshots(report), *_describe_stand_ins(report)])


def _describe_stand_ins(report: Report) -> Iterator[str]:
    """Yield in a few words that lists are not of a public registry."""
    if report["not_public"]:
        yield "simulated or local" if any(row["local"] for row in report["not_public"]) else "from a mirror"


def summarize_top(report: Report) -> Iterator[str]:
    """Yield the first three packages of the first list."""
    first, *_ = group_lists_first(report["snapshots"]).values()
    numbers = {snapshot["snapshot"] for snapshot in newest_day(first)}
    names = [row["name"] for row in report["top"] if row["snapshot"] in numbers][:3]
    if len(names) > 1:
        registry = registry_title(first[0]["registry"])
        yield f"First on {registry} by {first[0]['by']}: {join_words(names)}."


def describe_moves(moves: Sequence[ReportMove]) -> str:
    """Return how many packages moved in each way, without the ways in which none did."""
    counts = {verb: sum(move["change"] == change for move in moves) for change, verb in MOVE_VERBS.items()}
    (first_verb, first_count), *others = [(verb, count) for verb, count in counts.items() if count]
    clauses = [f"{pluralize(first_count, 'package')} {first_verb}", *(f"{count:,} {verb}" for verb, count in others)]
    registry, period = registry_title(moves[0]["registry"]), f"from {moves[0]['previous_date']} to {moves[0]['date']}"
    return f"In the top {moves[0]['k']:,} of {registry}, {period}: {join_words(clauses)}."


def summarize_base_models(report: Report) -> Iterator[str]:
    """Yield the parent with the largest growth, if its growth is known and larger than one child."""
    row = max(report["base_models"], key=measure_growth, default=None)
    if row and measure_growth(row) > 1:
        yield (
            f"The base model with the largest growth is {row['name']}: {row['children']:,} of the first "
            f"{row['depth']:,} of {registry_title(row['registry'])} say they were made from it on {row['date']}, "
            f"{row['previous_children']:,} on {row['previous_date']}."
        )
