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

from analysis.claims.rules import HUB, judged
from analysis.compute.relations import reader, rows
from analysis.reporting.limitations import series_of, unknown
from analysis.reporting.movers import mover
from analysis.statistics.lineage import parents_by_downloads
from db import UsageError, __version__
from db.cli import day, instant
from db.rows import StoredResult

Row = dict[str, object]
COLUMNS = ("registry", "metric", "name", "version", "snapshot", "date", "previous_date", "k", "value", "low", "high",
           "n", "note")  # fmt: skip
EVER = "9999-12-31"
USUAL = 1000


@dataclass(frozen=True)
class Scope:
    """What a report is of: snapshots up to a day, of these registries, with movers at this depth (None: the usual)."""

    as_of: str | None
    registries: tuple[str, ...]
    k: int | None = None

    @property
    def last_day(self) -> str:
        """The last day that is looked at."""
        return self.as_of or EVER


def document(connection: sqlite3.Connection, scope: Scope, unstored: Sequence[StoredResult]) -> Row:
    """The report's document. `unstored` are results of the scope that the store does not hold."""
    snapshots = _snapshots(connection, scope)
    results = _results(connection, scope, snapshots, unstored)
    newest = _newest(snapshots)
    k = depth(connection, newest, scope.k)
    return {
        "schema": 1,
        "as_of": scope.as_of,
        "generated_by": f"hub-observatory {__version__}",
        "k": k,
        "results": results,
        "claims": judged(_by_downloads(results, snapshots)) if HUB in scope.registries else [],
        "snapshots": snapshots,
        "movers": [one for snapshot in newest for one in _movers(connection, snapshot, k)] if k else [],
        "points": [row for snapshot in newest for row in _points(connection, snapshot)],
        "events": _events(connection, scope),
        "unknown": unknown(snapshots, results, k),
    }


def depth(connection: sqlite3.Connection, newest: Sequence[Mapping[str, object]], asked: int | None) -> int | None:
    """The depth that is asked for, or the deepest up to 1,000 that the newest list of every series has.

    Raises:
        UsageError: lists are not looked at to that depth.
    """
    known = [row["k"] for row in rows(connection, "depths") if isinstance(row["k"], int)]  # others are not of ours
    if asked is None:
        shallowest = min((snapshot["depth"] for snapshot in newest), default=0)
        return max((k for k in known if k <= min(shallowest, USUAL)), default=None)
    if asked not in known:
        near = difflib.get_close_matches(str(asked), [str(k) for k in known], 1)
        raise UsageError(
            f"Lists are not looked at to a depth of {asked:,}.",
            why=f"Did you mean {near[0]}?" if near else "",
            fix=f"Use one of {', '.join(map(str, known))} with --k.",
            more="docs/commands.md",
        )
    return asked


def _snapshots(connection: sqlite3.Connection, scope: Scope) -> list[Row]:
    gates: dict[object, list[Row]] = {}
    for finding in rows(connection, "findings", as_of=scope.last_day):
        gates.setdefault(finding.pop("snapshot"), []).append(finding)
    return [
        {**snapshot, "gate": gates.get(snapshot["snapshot"], [])}
        for snapshot in rows(connection, "snapshots", as_of=scope.last_day)
        if snapshot["registry"] in scope.registries
    ]


def _results(
    connection: sqlite3.Connection, scope: Scope, snapshots: Sequence[Row], unstored: Sequence[StoredResult]
) -> list[Row]:
    """Stored results and those that replace them, in the order of the snapshots."""
    place = {snapshot["snapshot"]: number for number, snapshot in enumerate(snapshots)}
    newer = {(result.snapshot, result.metric) for result in unstored}
    stored = [
        row
        for row in rows(connection, "results", as_of=scope.last_day)
        if row["snapshot"] in place and (row["snapshot"], row["metric"]) not in newer
    ]
    touched = _touched(connection, scope)
    given = [_warned(row, touched) for row in (*stored, *map(asdict, unstored))]
    given.sort(key=lambda row: (place[row["snapshot"]], row["metric"], row["k"], row["name"]))
    return [_result(row, snapshots, place) for row in given]


def _touched(connection: sqlite3.Connection, scope: Scope) -> dict[object, str]:
    """What a reader of a snapshot's numbers is warned of, by snapshot."""
    found: dict[object, list[str]] = {}
    for row in _events(connection, scope):
        if row["severity"] != "note" and row["snapshot"] is not None and row["kind"] != "verdict_changed":
            found.setdefault(row["snapshot"], []).append(f"{row['kind']}: {row['example']}")
    return {snapshot: "; ".join(said) for snapshot, said in found.items()}


def _warned(row: Row, touched: Mapping[object, str]) -> Row:
    """A result with the quality events of the snapshots it rests on in its note; its value stays what it is. Where
    there is no value, there is nothing to be warned of."""
    resting = dict.fromkeys(touched[one] for one in (row["snapshot"], row["previous_snapshot"]) if one in touched)
    if not resting or row["value"] is None:
        return row
    return {**row, "note": "; ".join(part for part in (row["note"], f"quality event: {'; '.join(resting)}") if part)}


def _result(row: Row, snapshots: Sequence[Row], place: Mapping[object, int]) -> Row:
    snapshot = snapshots[place[row["snapshot"]]]
    previous = place.get(row["previous_snapshot"])
    known = {
        **row,
        "registry": snapshot["registry"],
        "date": snapshot["date"],
        "previous_date": None if previous is None else snapshots[previous]["date"],
    }
    return {column: known[column] for column in COLUMNS}


def _by_downloads(results: Iterable[Row], snapshots: Iterable[Row]) -> list[Row]:
    """The results of lists by downloads, which is what the paper calls popular."""
    wanted = {snapshot["snapshot"] for snapshot in snapshots if snapshot["by"] == "downloads"}
    return [row for row in results if row["snapshot"] in wanted]


def _newest(snapshots: Iterable[Row]) -> list[Row]:
    """The newest complete snapshot of every series."""
    return list({series_of(snapshot): snapshot for snapshot in snapshots if snapshot["status"] == "complete"}.values())


def _movers(connection: sqlite3.Connection, snapshot: Row, k: int) -> list[Row]:
    told = {"registry": snapshot["registry"], "snapshot": snapshot["snapshot"], "date": snapshot["date"]}
    found = rows(connection, "movers", snapshot=snapshot["snapshot"], k=k)
    return [{**told, **mover(row, k)} for row in found]


def _points(connection: sqlite3.Connection, snapshot: Row) -> Iterator[Row]:
    """Parents with their own downloads and the number of their descendants, for the paper's Figure 7."""
    read = reader(connection, int(str(snapshot["snapshot"])))
    lineage = read("lineage")
    told = {"registry": snapshot["registry"], "snapshot": snapshot["snapshot"], "date": snapshot["date"]}
    for row in parents_by_downloads(lineage, read("observed")).itertuples() if len(lineage) else ():
        yield {**told, "metric": "descendants", "downloads": int(row.downloads), "descendants": int(row.descendants),
               "n": int(row.n)}  # fmt: skip


def _events(connection: sqlite3.Connection, scope: Scope) -> list[Row]:
    after = scope.last_day if scope.as_of is None else str(date.fromisoformat(scope.as_of) + timedelta(days=1))
    found = rows(connection, "events", as_of=scope.last_day, until=day(after))
    events = [{**row, "date": row["date"] or instant(row["noted_at"])[:10]} for row in found]
    wanted = ("registry", "snapshot", "date", "kind", "severity", "count", "example")
    return [{key: event[key] for key in wanted} for event in events if event["registry"] in scope.registries]
