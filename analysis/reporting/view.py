"""The view of a report: headings, sentences and tables, built once from the document for every format."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from statistics import median

from analysis.reporting.claims import ABOUT, ClaimDetail, claims_table, describe_claim, published_table
from analysis.reporting.figures._figure import LONG_GAP_FACTOR
from analysis.reporting.figures.claims import describe_claims
from analysis.reporting.figures.documentation import explain_missing
from analysis.reporting.figures.snapshots import describe_snapshots
from analysis.reporting.figures.turnover import choose_turnover_depth, describe_turnover, newest_turnovers
from analysis.reporting.headline import describe_unmatched
from analysis.reporting.rows import Report, ReportMove, ReportResult, ReportSnapshot
from analysis.reporting.series import (
    SeriesKey,
    choose_deepest,
    describe_list,
    group_by_series,
    newest_day,
    select_complete,
    select_lists_of_days,
    select_newest_results,
    select_whole_list,
)
from analysis.reporting.table import ReportTable
from analysis.reporting.tables import (
    ResultIndex,
    changes_table,
    event_kinds_table,
    events_table,
    gate_table,
    matched_table,
    metric_table,
    moves_table,
    over_time_table,
    population_table,
    results_table,
    snapshots_table,
    sources_table,
)
from analysis.reporting.wording import escape_hidden, format_count, format_value, pluralize
from db.sources import StandIn, describe_stand_ins, find_stand_in

MAX_LONG_GAPS = 5
MOVES = {
    "entered": "Entered the top {k:,} for the first time",
    "returned": "Returned to the top {k:,}",
    "left": "Left the top {k:,}",
    "renamed": "Renamed in the top {k:,} (not counted as leaving)",
}
SHOWN_ELSEWHERE = ("gap ", "monthly hazard ", "no earlier ")  # notes whose content stands in a column of a table
ECOSYSTEMS = (
    "Package registries other than Hugging Face were crawled through Ecosyste.ms, whose data is licensed CC BY-SA 4.0. "
    "Data derived from it is shared under the same licence, with that attribution."
)


@dataclass(frozen=True)
class SeriesView:
    """One series: the snapshots of a registry, order and counter, and every number of the newest complete one."""

    registry: str
    title: str
    newest_date: str | None
    coverage: tuple[str, ...]
    problems: tuple[str, ...]
    snapshots: ReportTable
    gate: ReportTable | None
    changes: ReportTable | None
    matched: ReportTable | None
    over_time: ReportTable | None
    population: ReportTable | None
    notes: tuple[str, ...]
    moves: tuple[ReportTable, ...]
    descendants: ReportTable | None
    preservation: ReportTable | None
    results: ReportTable | None


@dataclass(frozen=True)
class ReportView:
    """The whole report."""

    generated_by: str
    scope: str
    period: tuple[str, str] | None
    registries: tuple[str, ...]
    warning: str
    summary: tuple[str, ...]
    series: tuple[SeriesView, ...]
    undocumented: tuple[str, ...]
    claims: ReportTable
    claims_as_published: ReportTable
    claims_about: str
    claim_details: tuple[ClaimDetail, ...]
    events: ReportTable
    event_kinds: ReportTable
    limitations: tuple[str, ...]
    sources: ReportTable
    attributions: tuple[str, ...]


def build_view(document: Report) -> ReportView:
    """Build the view from the report document."""
    report = escape_hidden(document)
    index = {(result["snapshot"], result["name"], result["k"]): result for result in report["results"]}
    groups = group_by_series(report["snapshots"])
    dates = [snapshot["date"] for snapshot in report["snapshots"]]
    return ReportView(
        generated_by=report["generated_by"],
        scope=f"snapshots up to {report['as_of']}" if report["as_of"] else "all snapshots",
        period=(min(dates), max(dates)) if dates else None,
        registries=tuple(dict.fromkeys(registry for registry, _, _ in groups)),
        warning=describe_stand_ins(StandIn(row["source"], row["local"]) for row in report["not_public"]),
        summary=tuple(_summarize(report)),
        series=tuple(_build_series(key, snapshots, report, index) for key, snapshots in groups.items()),
        undocumented=tuple(explain_missing(report)),
        claims=claims_table(report["claims"]),
        claims_as_published=published_table(report["claims"]),
        claims_about=ABOUT,
        claim_details=tuple(map(describe_claim, report["claims"])),
        events=events_table(report["events"]),
        event_kinds=event_kinds_table(report["events"]),
        limitations=tuple(report["unknown"]),
        sources=sources_table(report["snapshots"]),
        attributions=(ECOSYSTEMS,) if any(map(_is_from_ecosystems, report["snapshots"])) else (),
    )


def _is_from_ecosystems(snapshot: ReportSnapshot) -> bool:
    stand_in = find_stand_in(snapshot["source"], "ecosystems", snapshot["origin"])
    is_simulated = stand_in is not None and stand_in.is_local
    return snapshot["origin"] == "crawl" and not snapshot["registry"].startswith("huggingface/") and not is_simulated


def _summarize(report: Report) -> Iterator[str]:
    """Yield the report in a few sentences."""
    if not report["snapshots"]:
        return
    yield f"{describe_snapshots(report)}."
    turnover = describe_turnover(report)
    if turnover:
        yield f"{turnover}."
    depth = report["k"] or choose_turnover_depth(report)
    for sentence in describe_unmatched(report, depth, newest_turnovers(report)):
        yield f"{sentence}."
    yield from _summarize_moves(report)
    if report["claims"]:
        yield f"{describe_claims(report['claims'])}."
    if report["unknown"]:
        verb = "is" if len(report["unknown"]) == 1 else "are"
        yield f"{pluralize(len(report['unknown']), 'limitation')} {verb} listed under “Not available yet”."


def _summarize_moves(report: Report) -> Iterator[str]:
    first, *_ = group_by_series(report["snapshots"]).values()
    moves = _moves_of(first, report)
    if moves:
        counts = {change: sum(move["change"] == change for move in moves) for change in MOVES}
        yield (
            f"In the newest list of {moves[0]['registry']}, {pluralize(counts['entered'], 'package')} entered the top "
            f"{moves[0]['k']:,} for the first time, {counts['returned']:,} returned and {counts['left']:,} left. "
            f"{counts['renamed']:,} changed only the name."
        )


def _moves_of(snapshots: Sequence[ReportSnapshot], report: Report) -> list[ReportMove]:
    numbers = {snapshot["snapshot"] for snapshot in newest_day(snapshots)}
    return [move for move in report["movers"] if move["snapshot"] in numbers]


def _build_series(
    key: SeriesKey, snapshots: Sequence[ReportSnapshot], report: Report, index: ResultIndex
) -> SeriesView:
    registry, by, counter = key
    title = f"{registry} by {by}" + (f" ({counter})" if counter != by else "")
    complete = select_complete(snapshots)
    newest = choose_deepest(newest_day(snapshots)) if complete else None
    all_results = select_newest_results(snapshots, report["results"])
    results = select_whole_list(all_results)
    k = report["k"] or choose_turnover_depth(report)
    day = newest["date"] if newest else ""
    origin = describe_list(snapshots, newest["snapshot"]) if newest else ""
    lists = select_lists_of_days(snapshots, k)
    return SeriesView(
        registry=registry,
        title=title,
        newest_date=newest["date"] if newest else None,
        coverage=tuple(_describe_coverage(complete)),
        problems=tuple(_list_problems(snapshots)),
        snapshots=snapshots_table(title, snapshots),
        gate=gate_table(title, newest) if newest else None,
        changes=changes_table(day, results, index) if newest else None,
        matched=matched_table(day, results),
        over_time=over_time_table(lists, index, k) if k and len(lists) > 1 else None,
        population=population_table(newest, index) if newest else None,
        notes=tuple(_list_notes(results)),
        moves=tuple(_build_moves(snapshots, report)),
        descendants=metric_table(f"Every number of descendants: {title}, {origin}", results, "descendants"),
        preservation=metric_table(f"Every number of preservation: {title}, {origin}", results, "preservation"),
        results=results_table(f"Every result: {title}, {day}", all_results),
    )


def _describe_coverage(complete: Sequence[ReportSnapshot]) -> Iterator[str]:
    """Yield how many snapshots are complete and how far apart they are."""
    if not complete:
        yield "No complete snapshot: nothing is computed for this list."
        return
    dates = list(dict.fromkeys(snapshot["date"] for snapshot in complete))
    if len(dates) == 1:
        count = "One complete snapshot" if len(complete) == 1 else pluralize(len(complete), "complete snapshot")
        yield f"{count}, of {dates[0]}: no change can be measured yet."
        return
    days = "" if len(dates) == len(complete) else f" of {pluralize(len(dates), 'day')}"
    gaps = [(before, after, _days_between(before, after)) for before, after in pairwise(dates)]
    usual = median(days for _, _, days in gaps)
    longest = max(days for _, _, days in gaps)
    yield (
        f"{pluralize(len(complete), 'complete snapshot')}{days} from {dates[0]} to {dates[-1]}, usually "
        f"{_format_days(usual)} apart. The longest gap is {_format_days(longest)}."
    )
    yield from _describe_long_gaps([gap for gap in gaps if gap[2] > LONG_GAP_FACTOR * usual])


def _days_between(before: str, after: str) -> int:
    return (date.fromisoformat(after) - date.fromisoformat(before)).days


def _describe_long_gaps(long_gaps: Sequence[tuple[str, str, int]]) -> Iterator[str]:
    if long_gaps:
        listing = ", ".join(
            f"{before} to {after} ({_format_days(days)})" for before, after, days in long_gaps[-MAX_LONG_GAPS:]
        )
        yield f"Gaps longer than usual: {listing}."
    if len(long_gaps) > MAX_LONG_GAPS:
        yield f"{pluralize(len(long_gaps) - MAX_LONG_GAPS, 'earlier gap')} longer than usual."


def _format_days(days: float) -> str:
    return "1 day" if days == 1 else f"{days:,.10g} days"


def _list_problems(snapshots: Sequence[ReportSnapshot]) -> Iterator[str]:
    """Yield the reason of each incomplete snapshot, and the failed rules of its gate that the reason leaves out."""
    for snapshot in snapshots:
        if snapshot["reason"]:
            yield f"{snapshot['date']} is {snapshot['status']}: {snapshot['reason']}"
        for rule in snapshot["gate"]:
            if rule["outcome"] == "fail" and rule["measured"] not in (snapshot["reason"] or ""):
                yield f"{snapshot['date']}, {rule['gate']}: {rule['measured']} (rule: {rule['rule']})"


def _list_notes(results: Sequence[ReportResult]) -> Iterator[str]:
    """Yield the notes of each defined result, then each note that several results share."""
    owners: dict[str, list[ReportResult]] = {}
    for result in results:
        for note in result["note"].split("; ") if result["value"] is not None else ():
            if note and not note.startswith(SHOWN_ELSEWHERE):
                owners.setdefault(note, []).append(result)
    own_notes: dict[str, list[str]] = {}
    for note, noted in owners.items():
        if len(noted) == 1:
            own_notes.setdefault(_name_result(noted[0]), []).append(note)
    yield from (f"{name}: {'; '.join(notes)}" for name, notes in own_notes.items())
    yield from (f"{_name_results(noted)}: {note}" for note, noted in owners.items() if len(noted) > 1)


def _name_result(result: ReportResult) -> str:
    method = " (as published)" if result["metric"].endswith("_as_published") else ""
    depth = f" (top {result['k']:,})" if result["k"] else ""
    return f"{result['name']}{method}{depth} = {format_value(result['name'], result['value'])}"


def _name_results(results: Sequence[ReportResult]) -> str:
    names = list(dict.fromkeys(result["name"] for result in results))
    if len(names) > 1:
        return f"{names[0]} and {len(names) - 1:,} more"
    return f"{names[0]} (top {', '.join(format_count(result['k']) for result in results)})"


def _build_moves(snapshots: Sequence[ReportSnapshot], report: Report) -> Iterator[ReportTable]:
    moves = _moves_of(snapshots, report)
    for change, heading in MOVES.items():
        group = [move for move in moves if move["change"] == change]
        if group:
            since = f"since {group[0]['previous_date']}: {len(group):,}"
            yield moves_table(f"{heading.format(k=group[0]['k'])}, {since}", group)
