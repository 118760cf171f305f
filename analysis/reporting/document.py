"""What a report says, as one document that every format renders.

    {"schema": 1,
     "as_of":        the last day that is looked at, or null for all,
     "generated_by": the program and its version,
     "k":            the depth at which movers are looked at, or null if no snapshot is deep enough,
     "results":   [{registry, metric, name, version, snapshot, date, previous_date, k, value, low, high, n, note}],
     "claims":    [{claim, title, published, published_date, as_published, sound, low, high, n, verdict, rule, note, p,
                    p_holm, trend: [{date, value, verdict}]}],
     "snapshots": [{every column of v1_snapshot, and gate: [{gate, outcome, measured, rule}]}],
     "movers":    [{registry, snapshot, date, previous_snapshot, previous_date, k, change, package, name, previous_name,
                    rank, previous_rank, reason}],
     "points":    [{registry, snapshot, date, metric, downloads, descendants, n}]: parents of the newest lists,
     "events":    [{registry, snapshot, date, kind, severity, count, example}],
     "unknown":   [a sentence on what cannot be said yet]}

`change` is entered, returned, left or renamed. An undefined value is null, and its note says why. Rows stand in the
order of registry, series, date and depth; nothing depends on when or where the report is made.
"""

from __future__ import annotations

import difflib
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta

from analysis.claims.rules import HUB, judge_claims
from analysis.compute.relations import cached_relations, fetch_rows
from analysis.reporting.limitations import list_limitations, series_key
from analysis.reporting.movers import describe_move
from analysis.statistics.lineage import count_parents_by_downloads
from db import UsageError, __version__
from db.cli import isoformat_utc, parse_day
from db.rows import StoredResult

Row = dict[str, object]
RESULT_COLUMNS = ("registry", "metric", "name", "version", "snapshot", "date", "previous_date", "k", "value", "low", "high",
           "n", "note")  # fmt: skip
MAX_DATE = "9999-12-31"
DEFAULT_MAX_DEPTH = 1000


@dataclass(frozen=True)
class ReportScope:
    """What a report is of: snapshots up to a day, of these registries, with movers at this depth (None: the usual)."""

    as_of: str | None
    registries: tuple[str, ...]
    k: int | None = None

    @property
    def last_day(self) -> str:
        """The last day that is looked at."""
        return self.as_of or MAX_DATE


def build_report(connection: sqlite3.Connection, scope: ReportScope, computed: Sequence[StoredResult]) -> Row:
    """The report's document. `unstored` are results of the scope that the store does not hold."""
    snapshots = _load_snapshots(connection, scope)
    results = _collect_results(connection, scope, snapshots, computed)
    newest = _newest_snapshots(snapshots)
    k = choose_depth(connection, newest, scope.k)
    return {
        "schema": 1,
        "as_of": scope.as_of,
        "generated_by": f"hub-observatory {__version__}",
        "k": k,
        "results": results,
        "claims": judge_claims(_results_by_downloads(results, snapshots)) if HUB in scope.registries else [],
        "snapshots": snapshots,
        "movers": [one for snapshot in newest for one in _load_movers(connection, snapshot, k)] if k else [],
        "points": [row for snapshot in newest for row in _lineage_points(connection, snapshot)],
        "events": _load_events(connection, scope),
        "unknown": list_limitations(snapshots, results, k),
    }


def choose_depth(
    connection: sqlite3.Connection, newest: Sequence[Mapping[str, object]], requested: int | None
) -> int | None:
    """The depth that is asked for, or the deepest up to 1,000 that the newest list of every series has.

    Raises:
        UsageError: lists are not looked at to that depth.
    """
    known = [
        row["k"] for row in fetch_rows(connection, "depths") if isinstance(row["k"], int)
    ]  # others are not of ours
    if requested is None:
        shallowest = min((snapshot["depth"] for snapshot in newest), default=0)
        return max((k for k in known if k <= min(shallowest, DEFAULT_MAX_DEPTH)), default=None)
    if requested not in known:
        near = difflib.get_close_matches(str(requested), [str(k) for k in known], 1)
        raise UsageError(
            f"Lists are not looked at to a depth of {requested:,}.",
            why=f"Did you mean {near[0]}?" if near else "",
            fix=f"Use one of {', '.join(map(str, known))} with --k.",
            more="docs/commands.md",
        )
    return requested


def _load_snapshots(connection: sqlite3.Connection, scope: ReportScope) -> list[Row]:
    gates: dict[object, list[Row]] = {}
    for finding in fetch_rows(connection, "gate_results", as_of=scope.last_day):
        gates.setdefault(finding.pop("snapshot"), []).append(finding)
    return [
        {**snapshot, "gate": gates.get(snapshot["snapshot"], [])}
        for snapshot in fetch_rows(connection, "snapshots", as_of=scope.last_day)
        if snapshot["registry"] in scope.registries
    ]


def _collect_results(
    connection: sqlite3.Connection, scope: ReportScope, snapshots: Sequence[Row], computed: Sequence[StoredResult]
) -> list[Row]:
    """Stored results and those that replace them, in the order of the snapshots."""
    place = {snapshot["snapshot"]: number for number, snapshot in enumerate(snapshots)}
    newer = {(result.snapshot, result.metric) for result in computed}
    stored = [
        row
        for row in fetch_rows(connection, "results", as_of=scope.last_day)
        if row["snapshot"] in place and (row["snapshot"], row["metric"]) not in newer
    ]
    touched = _warnings_by_snapshot(connection, scope)
    given = [_add_warning(row, touched) for row in (*stored, *map(asdict, computed))]
    given.sort(key=lambda row: (place[row["snapshot"]], row["metric"], row["k"], row["name"]))
    return [_result_row(row, snapshots, place) for row in given]


def _warnings_by_snapshot(connection: sqlite3.Connection, scope: ReportScope) -> dict[object, str]:
    """What a reader of a snapshot's numbers is warned of, by snapshot."""
    found: dict[object, list[str]] = {}
    for row in _load_events(connection, scope):
        if row["severity"] != "note" and row["snapshot"] is not None and row["kind"] != "verdict_changed":
            found.setdefault(row["snapshot"], []).append(f"{row['kind']}: {row['example']}")
    return {snapshot: "; ".join(said) for snapshot, said in found.items()}


def _add_warning(row: Row, warnings: Mapping[object, str]) -> Row:
    """A result with the quality events of the snapshots it rests on in its note; its value stays what it is. Where
    there is no value, there is nothing to be warned of."""
    resting = dict.fromkeys(warnings[one] for one in (row["snapshot"], row["previous_snapshot"]) if one in warnings)
    if not resting or row["value"] is None:
        return row
    return {**row, "note": "; ".join(part for part in (row["note"], f"quality event: {'; '.join(resting)}") if part)}


def _result_row(row: Row, snapshots: Sequence[Row], positions: Mapping[object, int]) -> Row:
    snapshot = snapshots[positions[row["snapshot"]]]
    previous = positions.get(row["previous_snapshot"])
    known = {
        **row,
        "registry": snapshot["registry"],
        "date": snapshot["date"],
        "previous_date": None if previous is None else snapshots[previous]["date"],
    }
    return {column: known[column] for column in RESULT_COLUMNS}


def _results_by_downloads(results: Iterable[Row], snapshots: Iterable[Row]) -> list[Row]:
    """The results of lists by downloads, which is what the paper calls popular."""
    wanted = {snapshot["snapshot"] for snapshot in snapshots if snapshot["by"] == "downloads"}
    return [row for row in results if row["snapshot"] in wanted]


def _newest_snapshots(snapshots: Iterable[Row]) -> list[Row]:
    """The newest complete snapshot of every series."""
    return list({series_key(snapshot): snapshot for snapshot in snapshots if snapshot["status"] == "complete"}.values())


def _load_movers(connection: sqlite3.Connection, snapshot: Row, k: int) -> list[Row]:
    told = {"registry": snapshot["registry"], "snapshot": snapshot["snapshot"], "date": snapshot["date"]}
    found = fetch_rows(connection, "movers", snapshot=snapshot["snapshot"], k=k)
    return [{**told, **describe_move(row, k)} for row in found]


def _lineage_points(connection: sqlite3.Connection, snapshot: Row) -> Iterator[Row]:
    """Parents with their own downloads and the number of their descendants, for the paper's Figure 7."""
    read = cached_relations(connection, int(str(snapshot["snapshot"])))
    lineage = read("lineage")
    told = {"registry": snapshot["registry"], "snapshot": snapshot["snapshot"], "date": snapshot["date"]}
    for row in count_parents_by_downloads(lineage, read("observed")).itertuples() if len(lineage) else ():
        yield {**told, "metric": "descendants", "downloads": int(row.downloads), "descendants": int(row.descendants),
               "n": int(row.n)}  # fmt: skip


def _load_events(connection: sqlite3.Connection, scope: ReportScope) -> list[Row]:
    after = scope.last_day if scope.as_of is None else str(date.fromisoformat(scope.as_of) + timedelta(days=1))
    found = fetch_rows(connection, "quality_events", as_of=scope.last_day, until=parse_day(after))
    events = [{**row, "date": row["date"] or isoformat_utc(row["noted_at"])[:10]} for row in found]
    wanted = ("registry", "snapshot", "date", "kind", "severity", "count", "example")
    return [{key: event[key] for key in wanted} for event in events if event["registry"] in scope.registries]
