"""Judge and end one snapshot."""

from __future__ import annotations

import time

from crawler.quality.census_events import find_census_events
from crawler.quality.census_gate import judge_census
from crawler.quality.counter_events import detect_counter_events
from crawler.quality.gate import decide_status, judge_ranking, read_evidence
from crawler.quality.names_gate import judge_names, missed_events, read_names_pages
from db.census.writer import CensusStore
from db.rows import NAMES_CENSUS_COUNTER, GateResult
from db.store import Store
from db.store.package_events import add_package_events, load_histories, load_ranking_changes


def end_snapshot(store: Store, snapshot: int, reason: str | None = None) -> tuple[str, str | None]:
    """Judge and end an open snapshot; its status and why."""
    if isinstance(store, CensusStore) and store.has_census_pages(snapshot):
        return _end_census(store, snapshot, reason)
    (row,) = store.query("gate_evidence", snapshot=snapshot)
    presence = {
        found["field"]: found["share"] for found in store.query("field_coverage", snapshot=snapshot) if found["share"]
    }
    baseline = [(found["field"], found["share"]) for found in store.query("field_coverage_baseline", snapshot=snapshot)]
    sentinels = [(found["name"], bool(found["present"])) for found in store.query("previous_leaders", snapshot=snapshot)]
    findings = judge_ranking(read_evidence(dict(row)), presence, baseline, sentinels)
    status, why = _decide_status(findings, bool(row["listed"]), reason)
    now = int(time.time())
    with store.transaction():
        store.end_snapshot(snapshot, status, findings, why, now, presence)
        if status == "complete":
            add_package_events(
                store,
                snapshot,
                [*detect_counter_events(load_histories(store, snapshot)), *load_ranking_changes(store, snapshot)],
                now,
            )
    return status, why


def _end_census(store: CensusStore, snapshot: int, reason: str | None) -> tuple[str, str | None]:
    (row,) = store.query("gate_evidence", snapshot=snapshot)
    evidence = read_evidence(dict(row)) | {"listed": row["kept"], "k": None}
    baseline = [(found["field"], found["share"]) for found in store.query("field_coverage_baseline", snapshot=snapshot)]
    sizes = [found["packages"] for found in store.query("previous_census_sizes", snapshot=snapshot)]
    presence = store.field_coverage(snapshot)
    of_names = row["counter"] == NAMES_CENSUS_COUNTER
    pages = read_names_pages(store.query("names_census_pages", snapshot=snapshot)) if of_names else []
    if of_names:
        findings = judge_names(evidence, pages, sizes, store.largest_packages(snapshot))
    else:
        findings = judge_census(evidence, presence, baseline, sizes, store.largest_packages(snapshot))
    status, why = _decide_status(findings, bool(row["kept"]), reason)
    now = int(time.time())
    with store.transaction():
        store.end_snapshot(snapshot, status, findings, why, now, presence)
        if status == "complete":
            add_package_events(
                store,
                snapshot,
                missed_events(pages, row["kept"]) if of_names else find_census_events(store, snapshot),
                now,
            )
    return status, why


def _decide_status(findings: list[GateResult], has_packages: bool, reason: str | None) -> tuple[str, str | None]:
    status, why = decide_status(findings)
    if reason:
        status, why = "partial", f"{reason}; {why}" if why else reason
    return (status if has_packages else "failed"), why
