"""Judge and end one snapshot."""

from __future__ import annotations

import time

from crawler.quality.census_events import events_of
from crawler.quality.census_gate import judge_census
from crawler.quality.counter_events import detect
from crawler.quality.gate import as_evidence, judge, verdict
from crawler.quality.names_gate import judge_names, lacking, pages_of
from db.census.writer import CensusStore
from db.rows import NAMES_ALONE, Finding
from db.store import Store
from db.store.package_events import changed, histories, note


def end_snapshot(store: Store, snapshot: int, reason: str | None = None) -> tuple[str, str | None]:
    """Judge and end an open snapshot; its status and why."""
    if isinstance(store, CensusStore) and store.holds_pages(snapshot):
        return _end_census(store, snapshot, reason)
    (row,) = store.ask("evidence", snapshot=snapshot)
    presence = {found["field"]: found["share"] for found in store.ask("presence", snapshot=snapshot) if found["share"]}
    baseline = [(found["field"], found["share"]) for found in store.ask("baseline", snapshot=snapshot)]
    sentinels = [(found["name"], bool(found["present"])) for found in store.ask("sentinels", snapshot=snapshot)]
    findings = judge(as_evidence(dict(row)), presence, baseline, sentinels)
    status, why = _decided(findings, bool(row["listed"]), reason)
    now = int(time.time())
    with store.transaction():
        store.end(snapshot, status, findings, why, now, presence)
        if status == "complete":
            note(store, snapshot, [*detect(histories(store, snapshot)), *changed(store, snapshot)], now)
    return status, why


def _end_census(store: CensusStore, snapshot: int, reason: str | None) -> tuple[str, str | None]:
    (row,) = store.ask("evidence", snapshot=snapshot)
    evidence = as_evidence(dict(row)) | {"listed": row["kept"], "k": None}
    baseline = [(found["field"], found["share"]) for found in store.ask("baseline", snapshot=snapshot)]
    sizes = [found["packages"] for found in store.ask("census_sizes", snapshot=snapshot)]
    presence = store.presence(snapshot)
    of_names = row["counter"] == NAMES_ALONE
    pages = pages_of(store.ask("names_pages", snapshot=snapshot)) if of_names else []
    if of_names:
        findings = judge_names(evidence, pages, sizes, store.leaders(snapshot))
    else:
        findings = judge_census(evidence, presence, baseline, sizes, store.leaders(snapshot))
    status, why = _decided(findings, bool(row["kept"]), reason)
    now = int(time.time())
    with store.transaction():
        store.end(snapshot, status, findings, why, now, presence)
        if status == "complete":
            note(store, snapshot, lacking(pages, row["kept"]) if of_names else events_of(store, snapshot), now)
    return status, why


def _decided(findings: list[Finding], listed: bool, reason: str | None) -> tuple[str, str | None]:
    status, why = verdict(findings)
    if reason:
        status, why = "partial", f"{reason}; {why}" if why else reason
    return (status if listed else "failed"), why
