"""The report document: everything a report shows, as one document that every format renders.

    {"schema": 2,
     "as_of":        the last day of the report, or null for no limit,
     "generated_by": the program and its version,
     "k":            the depth at which moves are listed, or null if no snapshot is deep enough,
     "results":   [{registry, metric, name, version, snapshot, date, previous_snapshot, previous_date, k, value, low,
                    high, n, note}],
     "claims":    [{claim, finding, label, title, quote, published, published_date, as_published, sound, low, high, n,
                    verdict, judged_on, date, depth, rule, note, p, p_holm,
                    trend: [{date, snapshot, value, verdict, depth}],
                    numbers: [{role, registry, measure, is_share, metric, name, snapshot, date, previous_date, days, k,
                               value, low, high, n}]}],
     "snapshots": [{every column of v1_snapshot, and gate: [{gate, outcome, measured, rule}]}],
     "not_public": [{registry, source, local, snapshots}]: endpoints that are not the public registry; local: simulated,
     "top":       [{registry, snapshot, date, rank, package, name, value, previous_date, previous_rank}],
     "movers":    [{registry, snapshot, date, previous_snapshot, previous_date, k, change, package, name, previous_name,
                    rank, previous_rank, reason}],
     "base_models": [{registry, snapshot, date, depth, package, name, rank, downloads, children, previous_date,
                    previous_children, finetune, adapter, merge, quantized, unstated}],
     "points":    [{registry, snapshot, date, metric, downloads, descendants, n}]: parents of the newest lists,
     "events":    [{registry, snapshot, date, kind, severity, count, example}],
     "unknown":   [a sentence on a number that is not available yet]}

`change` is entered, returned, left or renamed. `top` has the first 20 packages of the newest lists, `base_models` the
parents with the most children and with the largest growth among the first `depth` packages. An undefined value is null,
and its note says why. Rows are ordered by registry, series, date and depth. Nothing depends on when or where the report
is made.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TypedDict

from analysis.claims.results import HUB, to_result_row
from analysis.claims.verdicts import ClaimRow, judge_claims
from analysis.compute.metric import list_metrics
from analysis.compute.relations import cached_relations, fetch_rows
from analysis.reporting.limitations import list_limitations
from analysis.reporting.names import is_census_counter
from analysis.reporting.packages import PackageLoader
from analysis.reporting.redacted_rows import names_redacted_library, withhold_from_event, withhold_from_gate
from analysis.reporting.rows import (
    Report,
    ReportEvent,
    ReportGate,
    ReportPoint,
    ReportResult,
    ReportSnapshot,
    ReportStandIn,
    StoredSnapshot,
)
from analysis.reporting.series import (
    affects_numbers,
    is_turnover,
    newest_deepest,
    select_complete,
    select_results_of_days,
)
from analysis.reporting.stored_rows import fetch_typed_rows
from analysis.reporting.wording import pluralize
from analysis.statistics.lineage import count_parents_by_downloads
from db import SECONDS_PER_DAY, UsageError, __version__
from db.cli import isoformat_utc, parse_day
from db.depths import compare_at_depth
from db.redactions import load_redacted_names
from db.rows import StoredResult
from db.sources import find_stand_in

MAX_DATE = "9999-12-31"
DEFAULT_MAX_DEPTH = 1000
COMPARISONS = {"previous_ranking", "flows"}  # the relations of the metrics that compare lists


class GateRow(ReportGate):
    """One row of the query `gate_results`."""

    snapshot: int


class RemovalRow(TypedDict):
    """One row of the query `removed_snapshots`."""

    registry: str
    snapshot: int
    date: str
    removed_at: str
    reason: str


class EventRow(TypedDict):
    """One row of the query `quality_events`. An event of no snapshot has no date."""

    registry: str
    snapshot: int | None
    date: str | None
    noted_at: int
    kind: str
    severity: str
    count: int
    example: str


@dataclass(frozen=True)
class ReportScope:
    """The content of a report: snapshots up to a day, of these registries, with moves at this depth (None: default)."""

    as_of: str | None
    registries: tuple[str, ...]
    k: int | None = None

    @property
    def last_day(self) -> str:
        """The last day of the report."""
        return self.as_of or MAX_DATE


def build_report(
    connection: sqlite3.Connection,
    scope: ReportScope,
    computed: Sequence[StoredResult],
    loaded: Sequence[ReportSnapshot] | None = None,
) -> Report:
    """Build the document. `computed` are results of the scope that the store does not hold.

    `loaded` are the snapshots of every day, if they are loaded already.
    """
    redacted = load_redacted_names(connection)
    of_every_day = _load_snapshots(connection, scope) if loaded is None else loaded
    snapshots = [withhold_from_gate(snapshot, redacted) for snapshot in _select_days(of_every_day, scope)]
    events = [withhold_from_event(event, redacted) for event in _load_events(connection, scope)]
    newest, depths = newest_deepest(snapshots), _load_depths(connection)
    k = scope.k or choose_depth(depths, newest)
    with compare_at_depth(connection, k) if k and k not in depths else nullcontext():
        at_depth = [] if not k or k in depths else list(_compute_comparisons(connection, snapshots, k))
        results = _collect_results(connection, scope, snapshots, computed, at_depth, _warnings_by_snapshot(events))
        results = [result for result in results if not names_redacted_library(result, redacted)]
        packages = PackageLoader(connection, snapshots, results, k, redacted)
        moves = packages.load_moves()

    return {
        "schema": 2,
        "as_of": scope.as_of,
        "generated_by": f"hub-observatory {__version__}",
        "k": k,
        "results": results,
        "claims": _judge_claims(results, snapshots) if HUB in scope.registries else [],
        "snapshots": snapshots,
        "not_public": _list_stand_ins(snapshots),
        "top": packages.load_top(),
        "movers": moves,
        "base_models": [row for snapshot in newest for row in packages.load_base_models(snapshot)],
        "points": [point for snapshot in newest for point in _lineage_points(connection, snapshot)],
        "events": events,
        "unknown": [
            *list_limitations(snapshots, results, k),
            *_describe_first_day(of_every_day, scope),
            *_describe_removals(connection, scope),
        ],
    }


def _judge_claims(results: Sequence[ReportResult], snapshots: Sequence[ReportSnapshot]) -> list[ClaimRow]:
    """Judge the claims by lists by downloads, the paper's measure of popularity: turnover by the list of each day."""
    counters = {snapshot["snapshot"]: snapshot["counter"] for snapshot in snapshots if snapshot["by"] == "downloads"}
    other_results = (result for result in results if not is_turnover(result))
    usable = [*select_results_of_days(snapshots, filter(is_turnover, results)), *other_results]
    by_downloads = [row for row in usable if row["snapshot"] in counters]
    return judge_claims([to_result_row({**row, "counter": counters[row["snapshot"]]}) for row in by_downloads])


def choose_depth(depths: Sequence[int], newest: Sequence[ReportSnapshot]) -> int | None:
    """Return the deepest of these depths up to 1,000 that the newest list of every series has."""
    shallowest = min((snapshot["depth"] or 0 for snapshot in newest), default=0)
    return max((k for k in depths if k <= min(shallowest, DEFAULT_MAX_DEPTH)), default=None)


def load_scope(connection: sqlite3.Connection, scope: ReportScope) -> list[ReportSnapshot]:
    """Return the snapshots of every day. Refuse a depth that no list of the scope has, before anything is computed.

    Raises:
        UsageError: no complete list of the scope is as deep as requested.
    """
    snapshots = _load_snapshots(connection, scope)
    _require_depth(_select_days(snapshots, scope), scope)
    return snapshots


def _require_depth(snapshots: Sequence[ReportSnapshot], scope: ReportScope) -> None:
    """Refuse a requested depth that no list of the scope has."""
    lists = [row for row in select_complete(snapshots) if not is_census_counter(row["counter"])]
    deepest = max((snapshot["depth"] or 0 for snapshot in lists), default=None)
    if scope.k is not None and deepest is not None and scope.k > deepest:
        raise UsageError(
            f"No complete list of this report is {scope.k:,} deep.",
            why=f"The deepest has {pluralize(deepest, 'package')}.",
            fix=f"Use a --top of at most {deepest}, or take a deeper list with `observatory crawl snapshot`.",
            more="docs/commands.md",
        )


def _describe_first_day(snapshots: Sequence[ReportSnapshot], scope: ReportScope) -> list[str]:
    """Return a sentence on the first day, if the report ends before the first snapshot."""
    first_day = min((snapshot["date"] for snapshot in snapshots), default=scope.last_day)
    is_early = first_day > scope.last_day
    return [f"The first snapshot is of {first_day}, after the last day of this report."] if is_early else []


def _load_depths(connection: sqlite3.Connection) -> list[int]:
    # The store of another person may hold depths that are no integers.
    return [row["k"] for row in fetch_rows(connection, "depths") if isinstance(row["k"], int)]


def _compute_comparisons(
    connection: sqlite3.Connection, snapshots: Sequence[ReportSnapshot], k: int
) -> Iterator[StoredResult]:
    """Yield the results that compare lists, at a depth of which the store has none."""
    metrics = [metric for metric in list_metrics() if set(metric.relations) & COMPARISONS]
    for snapshot in select_complete(snapshots):
        if (snapshot["depth"] or 0) >= k and not is_census_counter(snapshot["counter"]):
            read_relation = cached_relations(connection, snapshot["snapshot"])
            yield from (row for metric in metrics for row in metric.compute(snapshot["snapshot"], read_relation))


def _select_days(snapshots: Sequence[ReportSnapshot], scope: ReportScope) -> list[ReportSnapshot]:
    return [snapshot for snapshot in snapshots if snapshot["date"] <= scope.last_day]


def _load_snapshots(connection: sqlite3.Connection, scope: ReportScope) -> list[ReportSnapshot]:
    """Return the snapshots of every day of the registries of a scope."""
    gates: dict[int, list[ReportGate]] = {}
    for row in fetch_typed_rows(connection, "gate_results", GateRow, as_of=MAX_DATE):
        rule = ReportGate(gate=row["gate"], outcome=row["outcome"], measured=row["measured"], rule=row["rule"])
        gates.setdefault(row["snapshot"], []).append(rule)
    services = {str(row["name"]): str(row["service"]) for row in fetch_rows(connection, "registries")}
    return [
        {**snapshot, "service": services[snapshot["registry"]], "gate": gates.get(snapshot["snapshot"], [])}
        for snapshot in fetch_typed_rows(connection, "snapshots", StoredSnapshot, as_of=MAX_DATE)
        if snapshot["registry"] in scope.registries
    ]


def _list_stand_ins(snapshots: Iterable[ReportSnapshot]) -> list[ReportStandIn]:
    """Return the endpoints of the snapshots that are not the public registry."""
    counts = Counter(
        (snapshot["registry"], find_stand_in(snapshot["source"], snapshot["service"], snapshot["origin"]))
        for snapshot in snapshots
    )
    return [
        {"registry": registry, "source": stand_in.url, "local": stand_in.is_local, "snapshots": number}
        for (registry, stand_in), number in counts.items()
        if stand_in is not None
    ]


def _describe_removals(connection: sqlite3.Connection, scope: ReportScope) -> Iterator[str]:
    """Yield a sentence on each import that was removed."""
    for row in fetch_typed_rows(connection, "removed_snapshots", RemovalRow, as_of=scope.last_day):
        if row["registry"] in scope.registries:
            yield (
                f"{row['registry']}, {row['date']}: the imported snapshot {row['snapshot']} was removed on "
                f"{row['removed_at'][:10]}: {row['reason'].rstrip('.')}. No number here uses it."
            )


def _collect_results(
    connection: sqlite3.Connection,
    scope: ReportScope,
    snapshots: Sequence[ReportSnapshot],
    computed: Sequence[StoredResult],
    at_depth: Sequence[StoredResult],
    warnings: Mapping[int, str],
) -> list[ReportResult]:
    """Return the stored results or the computed results that replace them, and those at a depth, by snapshot."""
    positions = {snapshot["snapshot"]: position for position, snapshot in enumerate(snapshots)}
    replaced = {(result.snapshot, result.metric) for result in computed}
    stored = fetch_typed_rows(connection, "results", StoredResult, as_of=scope.last_day)
    results = [row for row in stored if row.snapshot in positions and (row.snapshot, row.metric) not in replaced]
    results += [*computed, *at_depth]
    results.sort(key=lambda result: (positions[result.snapshot], result.metric, result.k, result.name))
    by_number = {snapshot["snapshot"]: snapshot for snapshot in snapshots}
    return [_result_row(result, by_number, warnings) for result in results]


def _warnings_by_snapshot(events: Iterable[ReportEvent]) -> dict[int, str]:
    """Return the quality events that affect the numbers of each snapshot."""
    warnings: dict[int, list[str]] = {}
    for event in events:
        if event["snapshot"] is not None and affects_numbers(event):
            warnings.setdefault(event["snapshot"], []).append(f"{event['kind']}: {event['example']}")
    return {snapshot: "; ".join(texts) for snapshot, texts in warnings.items()}


def _result_row(
    result: StoredResult, snapshots: Mapping[int, ReportSnapshot], warnings: Mapping[int, str]
) -> ReportResult:
    snapshot = snapshots[result.snapshot]
    previous = None if result.previous_snapshot is None else snapshots.get(result.previous_snapshot)
    return {
        "registry": snapshot["registry"], "metric": result.metric, "name": result.name, "version": result.version,
        "snapshot": result.snapshot, "date": snapshot["date"],
        "previous_snapshot": None if previous is None else previous["snapshot"],
        "previous_date": None if previous is None else previous["date"],
        "k": result.k, "value": result.value, "low": result.low, "high": result.high, "n": result.n,
        "note": _add_warning(result, warnings),
    }  # fmt: skip


def _add_warning(result: StoredResult, warnings: Mapping[int, str]) -> str:
    """Return the note of a result with the quality events of its two snapshots, if its value is defined."""
    numbers = [result.snapshot] if result.previous_snapshot is None else [result.snapshot, result.previous_snapshot]
    relevant = list(dict.fromkeys(warnings[number] for number in numbers if number in warnings))
    if not relevant or result.value is None:
        return result.note
    return "; ".join(part for part in (result.note, f"quality event: {'; '.join(relevant)}") if part)


def _lineage_points(connection: sqlite3.Connection, snapshot: ReportSnapshot) -> Iterator[ReportPoint]:
    """Yield parents with their own downloads and the number of their descendants, for the paper's Figure 7."""
    read_relation = cached_relations(connection, snapshot["snapshot"])
    lineage = read_relation("lineage")
    if not len(lineage):
        return
    parents = count_parents_by_downloads(lineage, read_relation("observed"))
    columns = (parents[name].tolist() for name in ("downloads", "descendants", "n"))
    for downloads, descendants, n in zip(*columns, strict=True):
        yield {
            "registry": snapshot["registry"], "snapshot": snapshot["snapshot"], "date": snapshot["date"],
            "metric": "descendants", "downloads": downloads, "descendants": descendants, "n": n,
        }  # fmt: skip


def _load_events(connection: sqlite3.Connection, scope: ReportScope) -> list[ReportEvent]:
    until = parse_day(scope.last_day) if scope.as_of is None else parse_day(scope.as_of) + SECONDS_PER_DAY
    rows = fetch_typed_rows(connection, "quality_events", EventRow, as_of=scope.last_day, until=until)
    return [_make_event(row) for row in rows if row["registry"] in scope.registries]


def _make_event(row: EventRow) -> ReportEvent:
    return {
        "registry": row["registry"],
        "snapshot": row["snapshot"],
        "date": row["date"] or isoformat_utc(row["noted_at"])[:10],
        "kind": row["kind"],
        "severity": row["severity"],
        "count": row["count"],
        "example": row["example"],
    }
