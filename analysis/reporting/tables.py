"""The tables of a report, row by row, for every format."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from analysis.periods import count_gap_days
from analysis.reporting.names import registry_title
from analysis.reporting.rows import ReportEvent, ReportGate, ReportResult, ReportSnapshot
from analysis.reporting.table import ColumnKind, ReportCell, ReportTable, make_table
from analysis.reporting.wording import UNDEFINED, format_count, format_number, format_range, format_value

FLOWS = ("remained", "newcomers", "returning", "ever")
CHANGE_COLUMNS: Mapping[str, ColumnKind] = {
    "since": "date", "days": "number", **dict.fromkeys(FLOWS, "number"), "turnover": "number", "tie range": "number",
}  # fmt: skip
SNAPSHOT_COLUMNS: Mapping[str, ColumnKind] = {
    "date": "date", "state": "text", "reason": "text", "depth": "number", "gate passed": "number",
    "date known by": "text", "digest": "name", "source": "name",
}  # fmt: skip
MATCHED_COLUMNS: Mapping[str, ColumnKind] = {
    "top K": "number", "gap": "date", "turnover": "number", "tie range": "number", "against": "date",
    "days": "number", "n": "number",
}  # fmt: skip
RESULT_COLUMNS: Mapping[str, ColumnKind] = {
    "metric": "name", "result": "name", "K": "number", "value": "number", "low": "number", "high": "number",
    "n": "number", "note": "text",
}  # fmt: skip
METRIC_COLUMNS: Mapping[str, ColumnKind] = {
    "metric": "text", "result": "name", "value": "number", "interval": "number", "n": "number", "note": "text",
}  # fmt: skip
EVENT_COLUMNS: Mapping[str, ColumnKind] = {
    "date": "date", "registry": "text", "kind": "text", "severity": "text", "count": "number", "example": "text",
}  # fmt: skip
EVENT_KIND_COLUMNS: Mapping[str, ColumnKind] = {
    "kind": "text", "count": "number", "newest": "date", "registry": "text", "severity": "text", "example": "text",
}  # fmt: skip
POPULATION_RESULTS = {
    "packages": "population",
    "births a week": "births",
    "deaths a week": "deaths",
    "edits a week": "edits",
    "share without downloads": "concentration.downloads.zero",
    "share of downloads of the largest 1 %": "concentration.downloads.top_1pct",
    "Gini of downloads": "concentration.downloads.gini",
    "Gini of downloads without zeros": "concentration.downloads.gini_without_zeros",
    "share made from another": "kinship.made_from",
    "share of edges whose parent is missing": "kinship.dangling",
    "most descendants, at any distance": "kinship.descendants.transitive.max",
}

ResultIndex = Mapping[tuple[int, str, int], ReportResult]


def snapshots_table(title: str, snapshots: Sequence[ReportSnapshot]) -> ReportTable:
    """List every snapshot of a series with its state."""
    return make_table(f"Snapshots of {title}", SNAPSHOT_COLUMNS, map(_snapshot_row, snapshots))


def _snapshot_row(snapshot: ReportSnapshot) -> tuple[ReportCell | str, ...]:
    return (
        snapshot["date"],
        ReportCell(snapshot["status"], is_bad=snapshot["status"] != "complete"),
        snapshot["reason"] or "",
        format_count(snapshot["depth"]),
        _count_passed(snapshot["gate"]),
        snapshot["evidence"],
        (snapshot["digest"] or UNDEFINED)[:12],
        snapshot["source"],
    )


def _count_passed(gate: Sequence[ReportGate]) -> str:
    """Return how many rules of a gate passed, of the rules that could be judged."""
    outcomes = [rule["outcome"] for rule in gate]
    judged = outcomes.count("pass") + outcomes.count("fail")
    return f"{outcomes.count('pass')} of {judged}" if outcomes else UNDEFINED


def gate_table(title: str, snapshot: ReportSnapshot) -> ReportTable:
    """List the rules of the gate of one snapshot."""
    rows = [
        (rule["gate"], ReportCell(rule["outcome"], is_bad=rule["outcome"] == "fail"), rule["measured"], rule["rule"])
        for rule in snapshot["gate"]
    ]
    columns: dict[str, ColumnKind] = {"rule": "text", "outcome": "text", "measured": "text", "limit": "text"}
    return make_table(f"Gate of {title}, {snapshot['date']}", columns, rows)


def matched_table(day: str, results: Iterable[ReportResult]) -> ReportTable:
    """List the defined turnover of one snapshot over matched gaps."""
    matched = [result for result in results if result["name"].startswith("turnover.") and result["value"] is not None]
    matched.sort(key=lambda result: (result["k"], len(result["name"]), result["name"]))
    return make_table(f"Turnover up to {day} over matched gaps", MATCHED_COLUMNS, map(_matched_row, matched))


def _matched_row(result: ReportResult) -> tuple[ReportCell | str, ...]:
    k, gap = format_count(result["k"]), result["name"].removeprefix("turnover.").removesuffix("d")
    return (k, f"{gap} days", result_cell(result), result_range(result), *_since(result), format_count(result["n"]))


def changes_table(day: str, results: Iterable[ReportResult], index: ResultIndex) -> ReportTable:
    """List the change up to one day since the list before, for each depth that can be compared."""
    turnovers = (row for row in results if row["name"] == "turnover" and row["k"] and row["previous_date"])
    keys = sorted((row["k"], row["snapshot"]) for row in turnovers)
    rows = [(format_count(k), *_change_cells(number, index, k)) for k, number in keys]
    return make_table(f"Turnover up to {day}", {"top K": "number", **CHANGE_COLUMNS}, rows)


def over_time_table(snapshots: Sequence[ReportSnapshot], index: ResultIndex, k: int) -> ReportTable:
    """List the change of one top K from each day's list to the next."""
    rows = [
        (snapshot["date"], *_change_cells(snapshot["snapshot"], index, k))
        for snapshot in snapshots
        if (snapshot["snapshot"], "turnover", k) in index
    ]
    return make_table(f"The top {k:,} over time", {"date": "date", **CHANGE_COLUMNS}, rows)


def _change_cells(number: int, index: ResultIndex, k: int) -> tuple[ReportCell | str, ...]:
    turnover = index[number, "turnover", k]
    flows = [result_cell(index.get((number, flow, k))) for flow in FLOWS]
    return (*_since(turnover), *flows, result_cell(turnover), result_range(turnover))


def _since(result: ReportResult) -> tuple[str, str]:
    """Return the date of the snapshot before, and the days since then."""
    return result["previous_date"] or UNDEFINED, format_count(count_gap_days(result))


def result_cell(result: ReportResult | None) -> ReportCell:
    """Return the cell of one result."""
    if result is None:
        return ReportCell(UNDEFINED)
    title = f"{result['metric']}@{result['version']} {result['name']}, K = {result['k']}"
    return ReportCell(
        format_value(result["name"], result["value"]),
        value=_exact(result["value"]),
        title=f"{title} · snapshot {result['snapshot']}",
    )


def result_range(result: ReportResult) -> str:
    """Return the interval of one result."""
    return format_range(result["name"], result["low"], result["high"])


def population_table(snapshot: ReportSnapshot, index: ResultIndex) -> ReportTable:
    """List the numbers of the whole registry, if the snapshot is a census."""
    is_census = (snapshot["snapshot"], "population", 0) in index
    rows = [
        (label, *_population_cells(index.get((snapshot["snapshot"], name, 0))))
        for label, name in POPULATION_RESULTS.items()
        if is_census
    ]
    columns: dict[str, ColumnKind] = {"quantity": "text", "value": "number", "n": "number"}
    return make_table(f"The whole of {registry_title(snapshot['registry'])} on {snapshot['date']}", columns, rows)


def _population_cells(result: ReportResult | None) -> tuple[ReportCell | str, str]:
    if result is None or result["value"] is None:
        return UNDEFINED, UNDEFINED
    value = result["value"]
    text = format_count(value) if value >= 10 or value.is_integer() else f"{value:.4f}"
    return replace(result_cell(result), text=text), format_count(result["n"])


def results_table(caption: str, results: Sequence[ReportResult]) -> ReportTable:
    """List results with every number they have."""
    rows = [
        (
            f"{result['metric']}@{result['version']}",
            result["name"],
            str(result["k"]),
            *(format_number(number, 6) for number in (result["value"], result["low"], result["high"])),
            UNDEFINED if result["n"] is None else str(result["n"]),
            result["note"],
        )
        for result in results
    ]
    return make_table(caption, RESULT_COLUMNS, rows)


def metric_table(caption: str, results: Iterable[ReportResult], metric: str) -> ReportTable:
    """List the results of one metric and of its published form, if any of them is defined."""
    selected = [result for result in results if result["metric"].startswith(metric)]
    is_defined = any(result["value"] is not None for result in selected)
    rows = [
        (row["metric"], row["name"], result_cell(row), result_range(row), format_count(row["n"]), row["note"])
        for row in selected
        if is_defined
    ]
    return make_table(caption, METRIC_COLUMNS, rows)


def events_table(events: Iterable[ReportEvent]) -> ReportTable:
    """List the quality events of each snapshot and kind."""
    rows = [
        (
            event["date"],
            registry_title(event["registry"]),
            event["kind"].replace("_", " "),
            _severity_cell(event["severity"]),
            format_count(event["count"]),
            event["example"],
        )
        for event in events
    ]
    return make_table("Quality events", EVENT_COLUMNS, rows)


def event_kinds_table(events: Iterable[ReportEvent]) -> ReportTable:
    """List the quality events of each registry and kind, with the newest date and an example."""
    rows = [
        (
            kind.replace("_", " "),
            format_count(sum(event["count"] for event in group)),
            max(event["date"] for event in group),
            registry_title(registry),
            _severity_cell(severity),
            group[-1]["example"],
        )
        for (registry, kind, severity), group in _group_by_kind(events).items()
    ]
    return make_table("Quality events by kind", EVENT_KIND_COLUMNS, rows)


def _group_by_kind(events: Iterable[ReportEvent]) -> dict[tuple[str, str, str], list[ReportEvent]]:
    kinds: dict[tuple[str, str, str], list[ReportEvent]] = {}
    for event in events:
        kinds.setdefault((event["registry"], event["kind"], event["severity"]), []).append(event)
    return kinds


def _severity_cell(severity: str) -> ReportCell:
    return ReportCell(severity, is_bad=severity != "note")


def sources_table(snapshots: Iterable[ReportSnapshot]) -> ReportTable:
    """List where the snapshots of each registry come from."""
    counts = Counter((snapshot["registry"], snapshot["source"], snapshot["origin"]) for snapshot in snapshots)
    rows = [
        (registry_title(registry), source, origin, format_count(count))
        for (registry, source, origin), count in counts.items()
    ]
    columns: dict[str, ColumnKind] = {"registry": "text", "source": "name", "how": "text", "snapshots": "number"}
    return make_table("Where the snapshots come from", columns, rows)


def _exact(value: float | None) -> str:
    return "" if value is None else str(value)
