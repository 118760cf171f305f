"""The report document: everything a report shows, as one document that every format renders.

    {"schema": 1,
     "as_of":        the last day of the report, or null for no limit,
     "generated_by": the program and its version,
     "k":            the depth at which moves are listed, or null if no snapshot is deep enough,
     "results":   [{registry, metric, name, version, snapshot, date, previous_snapshot, previous_date, k, value, low,
                    high, n, note}],
     "claims":    [{claim, finding, title, published, published_date, as_published, sound, low, high, n, verdict, rule,
                    note, p, p_holm, trend: [{date, value, verdict}]}],
     "snapshots": [{every column of v1_snapshot, and gate: [{gate, outcome, measured, rule}]}],
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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import TypedDict, TypeVar

import msgspec

from analysis.claims.results import HUB
from analysis.claims.verdicts import ClaimRow, judge_claims
from analysis.compute.relations import cached_relations, fetch_rows
from analysis.reporting.leaders import (
    TOP_ROWS,
    choose_growth_base,
    choose_previous,
    describe_base_models,
    describe_top,
    omit_redacted,
    shared_depth,
)
from analysis.reporting.limitations import list_limitations
from analysis.reporting.movers import MoverRow, describe_move
from analysis.reporting.rows import (
    ParentRow,
    RankedRow,
    Report,
    ReportBaseModel,
    ReportEvent,
    ReportGate,
    ReportMove,
    ReportPoint,
    ReportResult,
    ReportSnapshot,
    ReportTopRow,
    StoredSnapshot,
)
from analysis.reporting.series import newest_complete
from analysis.statistics.lineage import count_parents_by_downloads
from db import ObservatoryError, UsageError, __version__
from db.cli import did_you_mean, isoformat_utc, parse_day
from db.rows import StoredResult

MAX_DATE = "9999-12-31"
DEFAULT_MAX_DEPTH = 1000

Row = TypeVar("Row")


class GateRow(ReportGate):
    """One row of the query `findings`."""

    snapshot: int


class EventRow(TypedDict):
    """One row of the query `events`. An event of no snapshot has no date."""

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


def build_report(connection: sqlite3.Connection, scope: ReportScope, computed: Sequence[StoredResult]) -> Report:
    """Build the document. `computed` are results of the scope that the store does not hold."""
    snapshots = _load_snapshots(connection, scope)
    events = _load_events(connection, scope)
    results = _collect_results(connection, scope, snapshots, computed, _warnings_by_snapshot(events))
    newest = newest_complete(snapshots)
    k = choose_depth(connection, newest, scope.k)
    packages = PackageLoader(connection, {snapshot["snapshot"]: snapshot for snapshot in snapshots}, results, k)

    return {
        "schema": 1,
        "as_of": scope.as_of,
        "generated_by": f"hub-observatory {__version__}",
        "k": k,
        "results": results,
        "claims": _judge_claims(results, snapshots) if HUB in scope.registries else [],
        "snapshots": snapshots,
        "top": [row for snapshot in newest for row in packages.load_top(snapshot)],
        "movers": [move for snapshot in newest for move in packages.load_moves(snapshot)],
        "base_models": [row for snapshot in newest for row in packages.load_base_models(snapshot)],
        "points": [point for snapshot in newest for point in _lineage_points(connection, snapshot)],
        "events": events,
        "unknown": list_limitations(snapshots, results, k),
    }


def _judge_claims(results: Sequence[ReportResult], snapshots: Sequence[ReportSnapshot]) -> list[ClaimRow]:
    return judge_claims(_results_by_downloads(results, snapshots))


def choose_depth(connection: sqlite3.Connection, newest: Sequence[ReportSnapshot], requested: int | None) -> int | None:
    """Return the requested depth, or the deepest up to 1,000 that the newest list of every series has.

    Raises:
        UsageError: lists are not compared at the requested depth.
    """
    # The store of another person may hold depths that are no integers.
    depths = [row["k"] for row in fetch_rows(connection, "depths") if isinstance(row["k"], int)]
    if requested is None:
        shallowest = min((snapshot["depth"] or 0 for snapshot in newest), default=0)
        return max((k for k in depths if k <= min(shallowest, DEFAULT_MAX_DEPTH)), default=None)
    if requested not in depths:
        raise UsageError(
            f"Lists are not compared at a depth of {requested:,}.",
            why=did_you_mean(str(requested), map(str, depths)),
            fix=f"Use one of {', '.join(map(str, depths))} with --top.",
            more="docs/commands.md",
        )
    return requested


def _fetch(connection: sqlite3.Connection, name: str, row_type: type[Row], **values: object) -> list[Row]:
    """Fetch the rows of one query, each checked against its type.

    Raises:
        ObservatoryError: the store holds a value of another type.
    """
    try:
        return [msgspec.convert(row, row_type) for row in fetch_rows(connection, name, **values)]
    except msgspec.ValidationError as error:
        raise ObservatoryError(
            f"The store holds a value of the wrong type: {error}.",
            why=f"The query `{name}` expects another type in this column.",
            fix="Check the store with `observatory store check`.",
        ) from error


def _load_snapshots(connection: sqlite3.Connection, scope: ReportScope) -> list[ReportSnapshot]:
    gates: dict[int, list[ReportGate]] = {}
    for row in _fetch(connection, "gate_results", GateRow, as_of=scope.last_day):
        rule = ReportGate(gate=row["gate"], outcome=row["outcome"], measured=row["measured"], rule=row["rule"])
        gates.setdefault(row["snapshot"], []).append(rule)
    return [
        {**snapshot, "gate": gates.get(snapshot["snapshot"], [])}
        for snapshot in _fetch(connection, "snapshots", StoredSnapshot, as_of=scope.last_day)
        if snapshot["registry"] in scope.registries
    ]


def _collect_results(
    connection: sqlite3.Connection,
    scope: ReportScope,
    snapshots: Sequence[ReportSnapshot],
    computed: Sequence[StoredResult],
    warnings: Mapping[int, str],
) -> list[ReportResult]:
    """Return the stored results, or the computed results that replace them, in the order of the snapshots."""
    positions = {snapshot["snapshot"]: position for position, snapshot in enumerate(snapshots)}
    replaced = {(result.snapshot, result.metric) for result in computed}
    stored = _fetch(connection, "results", StoredResult, as_of=scope.last_day)
    results = [row for row in stored if row.snapshot in positions and (row.snapshot, row.metric) not in replaced]
    results += computed
    results.sort(key=lambda result: (positions[result.snapshot], result.metric, result.k, result.name))
    by_number = {snapshot["snapshot"]: snapshot for snapshot in snapshots}
    return [_result_row(result, by_number, warnings) for result in results]


def _warnings_by_snapshot(events: Iterable[ReportEvent]) -> dict[int, str]:
    """Return the quality events above a note that affect the numbers of each snapshot."""
    warnings: dict[int, list[str]] = {}
    for event in events:
        if event["severity"] != "note" and event["snapshot"] is not None and event["kind"] != "verdict_changed":
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


def _results_by_downloads(results: Iterable[ReportResult], snapshots: Iterable[ReportSnapshot]) -> list[ReportResult]:
    """Return the results of lists by downloads, which are the paper's measure of popularity."""
    numbers = {snapshot["snapshot"] for snapshot in snapshots if snapshot["by"] == "downloads"}
    return [result for result in results if result["snapshot"] in numbers]


@dataclass(frozen=True)
class PackageLoader:
    """Loads the packages of the newest lists by name, each with the list that the results compare."""

    connection: sqlite3.Connection
    snapshots: Mapping[int, ReportSnapshot]
    results: Sequence[ReportResult]
    k: int | None

    @cached_property
    def _redacted(self) -> frozenset[str]:
        return frozenset(row["name"] for row in fetch_rows(self.connection, "redacted_names"))

    def load_top(self, snapshot: ReportSnapshot) -> Iterator[ReportTopRow]:
        """Yield the first packages of a list."""
        previous = choose_previous(self.results, snapshot["snapshot"], self.k)
        rows = _fetch(self.connection, "top_ranks", RankedRow, snapshot=snapshot["snapshot"], previous=previous,
                      limit=TOP_ROWS)  # fmt: skip
        return describe_top(omit_redacted(rows, self._redacted), snapshot, self._snapshot(previous))

    def load_moves(self, snapshot: ReportSnapshot) -> Iterator[ReportMove]:
        """Yield the moves into, out of and within the top K."""
        if self.k:
            rows = _fetch(self.connection, "movers", MoverRow, snapshot=snapshot["snapshot"], k=self.k)
            yield from (describe_move(row, snapshot, self.k) for row in omit_redacted(rows, self._redacted))

    def load_base_models(self, snapshot: ReportSnapshot) -> list[ReportBaseModel]:
        """Return the parents with the most children, and those with the largest growth."""
        previous = self._snapshot(choose_growth_base(self.results, snapshot["snapshot"]))
        depth = shared_depth(snapshot, previous)
        rows = _fetch(self.connection, "base_models", ParentRow, snapshot=snapshot["snapshot"],
                      previous=previous and previous["snapshot"], depth=depth)  # fmt: skip
        return describe_base_models(omit_redacted(rows, self._redacted), snapshot, previous, depth)

    def _snapshot(self, number: int | None) -> ReportSnapshot | None:
        return None if number is None else self.snapshots.get(number)


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
    end = scope.last_day if scope.as_of is None else str(date.fromisoformat(scope.as_of) + timedelta(days=1))
    rows = _fetch(connection, "quality_events", EventRow, as_of=scope.last_day, until=parse_day(end))
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
