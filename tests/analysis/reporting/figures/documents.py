"""Report documents made by hand, with everything that a report can hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from analysis.reporting.rows import (
    ClaimNumber,
    ClaimRow,
    Report,
    ReportBaseModel,
    ReportEvent,
    ReportGate,
    ReportMove,
    ReportPoint,
    ReportResult,
    ReportSnapshot,
    ReportTopRow,
)

PASSED_GATE: list[ReportGate] = [
    {"gate": "G1 end reached", "outcome": "pass", "measured": "1000 places", "rule": "K places taken"}
]
FAILED_GATE: list[ReportGate] = [
    *PASSED_GATE,
    {"gate": "G2 transport", "outcome": "fail", "measured": "2 of 3", "rule": "all whole"},
]
REGISTRIES = ("huggingface/models", "npm", "pypi")
VERDICTS = ("holds", "weaker", "reversed", "not testable")


def make_snapshot(
    number: int,
    registry: str,
    day: str,
    *,
    status: str = "complete",
    reason: str | None = None,
    counter: str = "last-30-days",
    origin: str = "crawl",
    source: str = "https://huggingface.co",
    evidence: str = "its clock",
    depth: int = 1000,
    gate: Sequence[ReportGate] = PASSED_GATE,
) -> ReportSnapshot:
    """Make one snapshot by downloads."""
    return {
        "snapshot": number, "registry": registry, "kind": "top", "k": 1000, "by": "downloads", "counter": counter,
        "date": day, "taken_at": f"{day}T00:00:00Z", "started_at": f"{day}T00:00:00Z", "ended_at": f"{day}T00:10:00Z",
        "service": "huggingface" if registry.startswith("huggingface/") else "ecosystems",
        "status": status, "reason": reason, "origin": origin, "source": source, "evidence": evidence, "depth": depth,
        "digest": "ab" * 32, "pages": 10, "duplicates": 0, "rejected": 0, "gate": list(gate),
    }  # fmt: skip


def make_result(
    snapshot: ReportSnapshot,
    metric: str,
    name: str,
    value: float | None,
    *,
    k: int = 0,
    low: float | None = None,
    high: float | None = None,
    n: int | None = 100,
    previous_date: str | None = None,
    note: str | None = None,
) -> ReportResult:
    """Make one result of a snapshot."""
    usual_note = "" if value is not None else "not known"
    return {
        "registry": snapshot["registry"], "metric": metric, "name": name, "version": 1,
        "snapshot": snapshot["snapshot"], "date": snapshot["date"],
        "previous_snapshot": None if previous_date is None else 1, "previous_date": previous_date, "k": k,
        "value": value, "low": low, "high": high, "n": n, "note": usual_note if note is None else note,
    }  # fmt: skip


def make_event(
    snapshot: int | None,
    registry: str = "npm",
    kind: str = "renamed",
    severity: str = "note",
    day: str = "2026-01-01",
    count: int = 1,
    example: str = "same stable id",
) -> ReportEvent:
    """Make the quality events of one kind."""
    return {"registry": registry, "snapshot": snapshot, "date": day, "kind": kind, "severity": severity,
            "count": count, "example": example}  # fmt: skip


def empty_report() -> Report:
    """Make the document of a store without snapshots."""
    return {"schema": 2, "as_of": None, "generated_by": "hub-observatory 0.1.0", "k": None, "results": [],
            "claims": [], "snapshots": [], "top": [], "movers": [], "base_models": [], "points": [], "events": [],
            "not_public": [], "unknown": ["Nothing can be said yet."]}  # fmt: skip


def report_of(*snapshots: ReportSnapshot, results: Sequence[ReportResult] = (), k: int | None = None) -> Report:
    """Make a document of these snapshots and results only."""
    return {**empty_report(), "snapshots": list(snapshots), "results": list(results), "k": k}


def full_report(registries: Sequence[str] = REGISTRIES, times: int = 4, step: int = 30) -> Report:
    """Make a document with content in every section; the second snapshot of the first registry is partial."""
    snapshots = [
        make_snapshot(number * times + turn + 1, registry, str(date(2026, 1, 5) + timedelta(days=turn * step)))
        for number, registry in enumerate(registries)
        for turn in range(times)
    ]
    if times > 2:
        snapshots[1] |= {"status": "partial", "reason": "the server answered 503", "gate": FAILED_GATE}
    newest = snapshots[times - 1]
    results = [
        result for snapshot in snapshots if snapshot["status"] == "complete" for result in turnover_results(snapshot)
    ]
    results += [*preservation_results(newest), *descendants_results(newest), *documentation_results(newest)]
    return {
        **empty_report(),
        "k": 1000,
        "snapshots": snapshots,
        "results": results,
        "top": [*make_top(newest)],
        "movers": [*make_moves(newest)],
        "base_models": [*make_base_models(newest)],
        "points": [*make_points(newest)],
        "claims": [*make_claims(snapshots[:times])],
        "events": [make_event(newest["snapshot"], registries[0], day=newest["date"], count=3)],
    }


def turnover_results(snapshot: ReportSnapshot) -> Iterator[ReportResult]:
    """Yield the results of turnover and of its published form at K of 100 and 1,000."""
    share, before = snapshot["snapshot"] / 100, "2025-12-06"
    low, high = share - 0.01, share + 0.015
    for k in (100, 1000):
        yield make_result(snapshot, "turnover", "turnover", share, k=k, n=k, previous_date=before, low=low, high=high)
        yield make_result(
            snapshot, "turnover", "turnover.30d", share + 1 / 300, k=k, n=k, previous_date=before, low=low, high=high
        )
        yield make_result(snapshot, "turnover", "turnover.365d", None, k=k, n=None)
        for name in ("remained", "newcomers", "returning", "ever"):
            yield make_result(snapshot, "turnover_as_published", name, float(k // 7), k=k, n=k)


def preservation_results(snapshot: ReportSnapshot) -> Iterator[ReportResult]:
    """Yield the preservation of three libraries."""
    for position, library in enumerate(("transformers", "transformers.js", "timm")):
        share, low, n = 0.9 - position / 7, 0.5 - position / 10, 300 - position
        for ending, value in (("", share), (".adapter", share - 0.1), (".finetune", share - 0.3)):
            name = f"preservation.{library}{ending}"
            yield make_result(snapshot, "preservation", name, value, low=low, high=0.95, n=n)
        lift = f"preservation.lift.{library}.finetune"
        yield make_result(snapshot, "preservation", lift, 1.7, low=1.5, high=1.9)
        yield make_result(snapshot, "preservation_as_published", f"preservation.{library}", share + 0.05)


def documentation_results(snapshot: ReportSnapshot) -> Iterator[ReportResult]:
    """Yield the documentation as the rules score it."""
    for by, lowest in (("downloads", 0.2), ("likes", 0.3)):
        for group, share in (("top", 0.7), ("bottom", lowest)):
            name = f"documentation.rules.{by}.{group}"
            yield make_result(
                snapshot, "documentation", name, share, low=share - 0.05, high=share + 0.05, n=1000, k=1000
            )
        for tenth in (1, 5, 10):
            share = lowest + tenth / 25
            name = f"documentation.rules.{by}.decile.{tenth:02}"
            yield make_result(snapshot, "documentation", name, share, low=share - 0.02, high=share + 0.02)
    yield make_result(snapshot, "documentation", "documentation.metadata.coverage", 0.9)


def descendants_results(snapshot: ReportSnapshot) -> Iterator[ReportResult]:
    """Yield lineage in numbers."""
    for relation, links in (("adapter", 420.0), ("finetune", 360.0), ("merge", 20.0)):
        yield make_result(snapshot, "descendants", f"descendants.links.{relation}", links)
    yield make_result(snapshot, "descendants", "descendants.spearman", 0.419, low=0.39, high=0.45)
    yield make_result(snapshot, "descendants", "descendants.transitive.max", None)


def make_points(snapshot: ReportSnapshot) -> Iterator[ReportPoint]:
    """Yield parents by their downloads and descendants."""
    for downloads, descendants in ((0, 1), (10, 1), (1000, 7), (1000, 7), (9_000_000, 300)):
        yield {"registry": snapshot["registry"], "snapshot": snapshot["snapshot"], "date": snapshot["date"],
               "metric": "descendants", "downloads": downloads, "descendants": descendants, "n": 1}  # fmt: skip


def make_top(snapshot: ReportSnapshot, names: Sequence[str] = ("org/a", "org/b", "org/c")) -> Iterator[ReportTopRow]:
    """Yield the first packages of a list. The last was not in the list that is compared."""
    for rank, name in enumerate(names, 1):
        yield {"registry": snapshot["registry"], "snapshot": snapshot["snapshot"], "date": snapshot["date"],
               "rank": rank, "package": str(rank), "name": name, "value": 5_000_000.0 / rank,
               "previous_date": "2026-01-05", "previous_rank": None if rank == len(names) else 3 - rank}  # fmt: skip


def make_base_models(
    snapshot: ReportSnapshot, names: Sequence[str] = ("org/base", "org/old")
) -> Iterator[ReportBaseModel]:
    """Yield parents with their children: the first has more than before, the second fewer."""
    for position, name in enumerate(names):
        yield {"registry": snapshot["registry"], "snapshot": snapshot["snapshot"], "date": snapshot["date"],
               "previous_date": "2026-01-05", "depth": 1000, "package": str(position), "name": name,
               "rank": None if position else 7, "downloads": None if position else 900,
               "children": 12 - position, "previous_children": 9 + 3 * position,
               "finetune": 7, "adapter": 5 - position, "merge": 0, "quantized": 0, "unstated": 0}  # fmt: skip


def make_moves(snapshot: ReportSnapshot, names: Sequence[str] = ("org/a", "org/b")) -> Iterator[ReportMove]:
    """Yield each name in each way a package can move."""
    for change in ("entered", "returned", "left", "renamed"):
        for rank, name in enumerate(names, 1):
            yield {"registry": snapshot["registry"], "snapshot": snapshot["snapshot"], "date": snapshot["date"],
                   "previous_snapshot": 1, "previous_date": "2026-01-05", "k": 1000, "change": change,
                   "package": str(rank), "name": name, "previous_name": name,
                   "rank": None if change == "left" else rank, "previous_rank": rank,
                   "reason": "listed for the first time"}  # fmt: skip


def make_claims(
    snapshots: Sequence[ReportSnapshot], title: str = "Descendants keep their library"
) -> Iterator[ClaimRow]:
    """Yield a claim of each verdict, with its numbers and its trend."""
    day = snapshots[-1]["date"] if snapshots else "2026-01-05"
    for number, verdict in enumerate(VERDICTS):
        value = None if verdict == "not testable" else 0.5 + number / 30
        yield {
            "claim": f"C{number}", "finding": number + 3, "label": f"Label {number}", "title": title,
            "quote": "“as the paper says”", "published": "0.94", "published_date": "2023-10", "as_published": value,
            "sound": value, "low": None if value is None else value - 0.1,
            "high": None if value is None else value + 0.1, "n": None if value is None else 2699, "verdict": verdict,
            "judged_on": day, "date": None if value is None else day, "depth": None if value is None else 15_000,
            "rule": "the whole interval is above 0.1", "note": "see there", "p": None, "p_holm": None,
            "numbers": [] if value is None else [make_number("measured", value, day),
                                                 make_number("as in the paper", value, day, since="2025-12-06")],
            "trend": [{"date": snapshot["date"], "snapshot": snapshot["snapshot"], "value": value, "verdict": verdict,
                       "depth": 15_000}
                      for snapshot in snapshots if value is not None],
        }  # fmt: skip


def make_number(role: str, value: float, day: str, since: str | None = None) -> ClaimNumber:
    """Make one number behind a verdict."""
    days = None if since is None else (date.fromisoformat(day) - date.fromisoformat(since)).days
    return {
        "role": role, "registry": "huggingface/models", "measure": "share kept", "is_share": True,
        "metric": "preservation", "name": "preservation.transformers", "snapshot": 4, "date": day,
        "previous_date": since, "days": days, "k": 15_000, "value": value, "low": value - 0.1, "high": value + 0.1,
        "n": 2699,
    }  # fmt: skip
