"""The view of a report: headings, sentences and tables, built once from the document for every format."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from analysis.reporting.claims import ABOUT, ClaimDetail, claims_table, describe_claim, published_table
from analysis.reporting.figures.claims import describe_claims
from analysis.reporting.figures.documentation import explain_undrawn
from analysis.reporting.figures.turnover import choose_turnover_depth, describe_turnover, newest_turnovers
from analysis.reporting.headline import describe_unmatched
from analysis.reporting.highlights import describe_moves, describe_state, summarize_base_models, summarize_top
from analysis.reporting.movers import MOVE_CAPTIONS
from analysis.reporting.names import registry_title, series_title
from analysis.reporting.notes import list_notes
from analysis.reporting.omissions import describe_omissions
from analysis.reporting.package_tables import (
    explain_base_models,
    growth_table,
    most_used_table,
    moves_table,
    preservation_table,
    top_table,
)
from analysis.reporting.rows import Report, ReportBaseModel, ReportMove, ReportSnapshot, ReportTopRow
from analysis.reporting.series import (
    DateGap,
    SeriesKey,
    choose_deepest,
    describe_list,
    group_lists_first,
    list_gaps,
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
    over_time_table,
    population_table,
    results_table,
    snapshots_table,
    sources_table,
)
from analysis.reporting.wording import escape_hidden, pluralize
from db.sources import StandIn, describe_stand_ins, find_stand_in, is_from_ecosystems

MAX_LONG_GAPS = 5
ECOSYSTEMS = (
    "Package registries other than Hugging Face were crawled through Ecosyste.ms, whose data is licensed CC BY-SA 4.0. "
    "Data derived from it is shared under the same licence, with that attribution."
)


@dataclass(frozen=True)
class SeriesView:
    """One series: the snapshots of a registry, order and counter, and every number of the newest complete one."""

    registry: str
    name: str
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
    top: ReportTable
    moves: tuple[ReportTable, ...]
    base_models: tuple[ReportTable, ...]
    base_models_note: str
    kept_libraries: ReportTable
    descendants: ReportTable | None
    preservation: ReportTable | None
    results: ReportTable | None


@dataclass(frozen=True)
class ReportView:
    """The whole report."""

    generated_by: str
    scope: str
    state: str
    period: tuple[str, str] | None
    registries: tuple[str, ...]
    warning: str
    summary: tuple[str, ...]
    series: tuple[SeriesView, ...]
    claims: ReportTable
    claims_as_published: ReportTable
    claims_about: str
    claim_details: tuple[ClaimDetail, ...]
    events: ReportTable
    event_kinds: ReportTable
    limitations: tuple[str, ...]
    omissions: str
    sources: ReportTable
    attributions: tuple[str, ...]


def build_view(document: Report) -> ReportView:
    """Build the view from the report document."""
    report = escape_hidden(document)
    index = {(result["snapshot"], result["name"], result["k"]): result for result in report["results"]}
    groups = group_lists_first(report["snapshots"])
    dates = [snapshot["date"] for snapshot in report["snapshots"]]
    return ReportView(
        generated_by=report["generated_by"],
        scope=f"snapshots up to {report['as_of']}" if report["as_of"] else "all snapshots",
        state=describe_state(report),
        period=(min(dates), max(dates)) if dates else None,
        registries=tuple(dict.fromkeys(registry_title(registry) for registry, _, _ in groups)),
        warning=describe_stand_ins(StandIn(row["source"], row["local"]) for row in report["not_public"]),
        summary=tuple(_summarize(report)),
        series=tuple(_build_series(key, snapshots, report, index) for key, snapshots in groups.items()),
        claims=claims_table(report["claims"]),
        claims_as_published=published_table(report["claims"]),
        claims_about=ABOUT,
        claim_details=tuple(map(describe_claim, report["claims"])),
        events=events_table(report["events"]),
        event_kinds=event_kinds_table(report["events"]),
        limitations=tuple(dict.fromkeys([*report["unknown"], *explain_undrawn(report)])),
        omissions=describe_omissions(report),
        sources=sources_table(report["snapshots"]),
        attributions=(ECOSYSTEMS,) if any(map(_is_from_ecosystems, report["snapshots"])) else (),
    )


def _is_from_ecosystems(snapshot: ReportSnapshot) -> bool:
    service, origin = snapshot["service"], snapshot["origin"]
    return is_from_ecosystems(service, origin, find_stand_in(snapshot["source"], service, origin))


def _summarize(report: Report) -> Iterator[str]:
    """Yield the report in a few sentences."""
    if not report["snapshots"]:
        return
    depth = report["k"] or choose_turnover_depth(report)
    for sentence in (*describe_turnover(report), *describe_unmatched(report, depth, newest_turnovers(report))):
        yield f"{sentence}."
    yield from summarize_top(report)
    yield from _summarize_moves(report)
    yield from summarize_base_models(report)
    if report["claims"]:
        yield f"{describe_claims(report['claims'])}."


def _summarize_moves(report: Report) -> Iterator[str]:
    first, *_ = group_lists_first(report["snapshots"]).values()
    moves = _moves_of(first, report)
    if moves:
        yield describe_moves(moves)


def _moves_of(snapshots: Sequence[ReportSnapshot], report: Report) -> list[ReportMove]:
    numbers = {snapshot["snapshot"] for snapshot in newest_day(snapshots)}
    return [move for move in report["movers"] if move["snapshot"] in numbers]


def _build_series(
    key: SeriesKey, snapshots: Sequence[ReportSnapshot], report: Report, index: ResultIndex
) -> SeriesView:
    registry, by, counter = key
    title = series_title(registry, by, counter)
    complete = select_complete(snapshots)
    newest = choose_deepest(newest_day(snapshots)) if complete else None
    all_results = select_newest_results(snapshots, report["results"])
    results = select_whole_list(all_results)
    k = report["k"] or choose_turnover_depth(report)
    day = newest["date"] if newest else ""
    origin = describe_list(snapshots, newest["snapshot"]) if newest else ""
    lists = select_lists_of_days(snapshots, k)
    parents = [row for row in report["base_models"] if newest and row["snapshot"] == newest["snapshot"]]
    numbers = {snapshot["snapshot"] for snapshot in newest_day(snapshots)}
    leaders = [row for row in report["top"] if row["snapshot"] in numbers]
    return SeriesView(
        registry=registry,
        name=registry_title(registry),
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
        notes=tuple(list_notes(results)),
        top=top_table(leaders, _list_of(leaders, snapshots)),
        moves=tuple(_build_moves(snapshots, report)),
        base_models=_build_base_models(parents, newest) if newest else (),
        base_models_note=explain_base_models(parents),
        kept_libraries=preservation_table(f"Libraries that children keep, {origin}", results),
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
    gaps = list_gaps(dates)
    usual, longest = median(gap.days for gap in gaps), max(gap.days for gap in gaps)
    yield (
        f"{pluralize(len(complete), 'complete snapshot')}{days} from {dates[0]} to {dates[-1]}, usually "
        f"{_format_days(usual)} apart. The longest gap is {_format_days(longest)}."
    )
    yield from _describe_long_gaps([gap for gap in gaps if gap.is_long])


def _describe_long_gaps(long_gaps: Sequence[DateGap]) -> Iterator[str]:
    if long_gaps:
        listing = ", ".join(
            f"{gap.before} to {gap.after} ({_format_days(gap.days)})" for gap in long_gaps[-MAX_LONG_GAPS:]
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


def _build_moves(snapshots: Sequence[ReportSnapshot], report: Report) -> Iterator[ReportTable]:
    moves = _moves_of(snapshots, report)
    for change, heading in MOVE_CAPTIONS.items():
        group = [move for move in moves if move["change"] == change]
        if group:
            caption = heading.format(k=group[0]["k"], since=group[0]["previous_date"])
            yield moves_table(f"{caption}: {len(group):,}", group, _list_of(group, snapshots))


def _list_of(
    rows: Sequence[ReportMove] | Sequence[ReportTopRow], snapshots: Sequence[ReportSnapshot]
) -> ReportSnapshot:
    """Return the list that rows are of, or the newest one if there are no rows."""
    number = rows[0]["snapshot"] if rows else None
    return next((snapshot for snapshot in snapshots if snapshot["snapshot"] == number), snapshots[-1])


def _build_base_models(rows: Sequence[ReportBaseModel], snapshot: ReportSnapshot) -> tuple[ReportTable, ...]:
    return tuple(table for table in (growth_table(rows, snapshot), most_used_table(rows, snapshot)) if table)
