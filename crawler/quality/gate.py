"""The gate of a ranking: decides from the stored pages whether a snapshot is complete (pure).

Every rule must hold for `complete`. The rules that fail give the reason for `partial`. A rule without evidence passes
nothing: its result is `no baseline`. The limits are starting values. Each result states what was measured.
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import TypedDict

import msgspec

from db.rows import GateResult

MAX_OVERLAP = 0.01
MAX_REASON_LENGTH = 200
MAX_REJECTED = 0.001
MAX_DISORDER = 0.005
MAX_WITHOUT_COUNTERS = 0.01
FIELD_TOLERANCE = 0.02
MAX_STANDARD_ERRORS = 4.0
MAX_RESPONSE_AGE = 7200  # Ecosyste.ms: one hour in the cache, and one more while the cache refreshes
MAX_CLOCK_SKEW = 300
MAX_CRAWL_SECONDS = 6 * 3600
MIN_LEADERS_PRESENT = 0.9
COUNTS_RULE = "received = kept + seen twice + rejected + beyond + not public"
FIELDS_RULE = (
    f"not below the median of the last 8 by more than {FIELD_TOLERANCE:.0%} or {MAX_STANDARD_ERRORS:g} standard errors"
)
FRESHNESS_RULE = f"≤ {MAX_RESPONSE_AGE} s old, clocks differ by ≤ {MAX_CLOCK_SKEW} s"


class GateEvidence(TypedDict):
    """What the store holds of one snapshot: counts over its pages and rows, and three values of its settings."""

    origin: str
    k: int | None
    listed: int
    with_counters: int
    disorder: int
    compared: int
    pages: int
    not_ok: int
    singles: int
    short_pages: int
    lossy_pages: int
    ranked_received: int
    received: int
    kept: int
    duplicates: int
    rejected: int
    rejected_everywhere: int
    main_reject: str | None
    beyond: int
    hidden: int
    inversions: int
    oldest: int | None
    skew: int | None
    seconds: int
    next_url: str | None
    population: int
    with_counters_asked: bool
    longest: int


def read_evidence(row: Mapping[str, object]) -> GateEvidence:
    """Return the evidence in a row of the query of the gate. The settings of the row are JSON."""
    settings = json.loads(str(row["settings"]))
    from_settings = {
        "population": settings.get("population", 0),
        "with_counters_asked": settings.get("with_counters", True),
        "longest": settings.get("longest", MAX_CRAWL_SECONDS),
    }
    return msgspec.convert({**row, **from_settings}, GateEvidence)


def judge_ranking(
    evidence: GateEvidence,
    coverage: Mapping[str, float],
    baseline: Iterable[tuple[str, float]],
    leaders: Sequence[tuple[str, bool]],
) -> list[GateResult]:
    """Return the results of the gate for one snapshot of a ranking.

    Args:
        evidence: what is stored of the snapshot.
        coverage: the share of rows that have each field.
        baseline: field and share, for each of the last complete snapshots of the same list.
        leaders: the names of the leaders of the last snapshot, and whether each is listed now.
    """
    results = [
        check_end_reached(evidence), check_transport(evidence), check_order(evidence), check_overlap(evidence),
        check_counts(evidence), check_size(evidence), check_fields(coverage, baseline, evidence["listed"]),
        check_rejects(evidence),
    ]  # fmt: skip
    if evidence["origin"] == "crawl":
        results += [
            check_leaders(leaders), check_freshness(evidence), check_duration(evidence), check_counters(evidence),
        ]  # fmt: skip
    return results


def check_end_reached(evidence: GateEvidence) -> GateResult:
    """G1: Check that the crawl reached the end of the list or rank K, and did not just stop."""
    ranks, k = evidence["listed"] + evidence["rejected"], evidence["k"]
    is_full = k is not None and ranks >= k
    has_ended = evidence["next_url"] is None and evidence["pages"] > 0
    measured = f"{ranks} ranks" if is_full else "no further page" if has_ended else "stopped before the end"
    return make_gate_result("G1 end reached", is_full or has_ended, measured, "K ranks, or a last page without a next")


def check_transport(evidence: GateEvidence) -> GateResult:
    """G2: Check that every page was a whole JSON list with status 200."""
    pages, bad, short, lossy = (evidence[key] for key in ("pages", "not_ok", "short_pages", "lossy_pages"))
    measured = f"{pages} pages, {bad} not 200, {short} shorter than the others although the list continues"
    measured += f", {lossy} whose next page starts after another row than their last" if lossy else ""
    is_whole = pages > 0 and bad <= evidence["singles"] and not short and not lossy
    return make_gate_result("G2 transport", is_whole, measured, "all pages whole")


def check_order(evidence: GateEvidence) -> GateResult:
    """G3: Check that the rows of each page are in the requested order. Moves between two pages are counted apart."""
    inversions, rows = evidence["inversions"], max(1, evidence["received"])
    measured = f"{inversions} inversions within pages, {evidence['disorder']} in all, of {rows} rows"
    rule = f"within pages ≤ {MAX_DISORDER:.1%} of rows"
    if not evidence["compared"] and not inversions:
        return GateResult("G3 order", "no baseline", "no two rows in a row have a counter", rule)
    return make_gate_result("G3 order", inversions <= MAX_DISORDER * rows, measured, rule)


def check_overlap(evidence: GateEvidence) -> GateResult:
    """Check the rows seen twice in a list that moves. About as many packages were probably missed."""
    duplicates, rows = evidence["duplicates"], max(1, evidence["ranked_received"])
    measured, rule = (
        f"{duplicates} seen twice (about as many may be missed) of {rows} rows",
        f"≤ {MAX_OVERLAP:.0%} of rows",
    )
    if not evidence["ranked_received"]:
        return GateResult("overlap", "no baseline", "no rows", rule)
    return make_gate_result("overlap", duplicates <= MAX_OVERLAP * rows, measured, rule)


def check_counts(evidence: GateEvidence) -> GateResult:
    """G4: Check that every received row was kept, seen twice, rejected, beyond rank K, or dropped as not public."""
    received = evidence["received"]
    parts = [evidence["kept"], evidence["duplicates"], evidence["rejected_everywhere"], evidence["beyond"]]
    parts.append(evidence["hidden"])
    measured = f"{received} received = {' + '.join(map(str, parts))}"
    if not received and not any(parts):
        return GateResult("G4 counts", "no baseline", "no rows", COUNTS_RULE)
    return make_gate_result("G4 counts", received == sum(parts), measured, COUNTS_RULE)


def check_size(evidence: GateEvidence) -> GateResult:
    """G5: Check that the list has K ranks, or fewer only if the registry states that it has no more packages."""
    ranks, k, population = evidence["listed"] + evidence["rejected"], evidence["k"] or 0, evidence["population"]
    is_whole_registry = evidence["next_url"] is None and 0 < population <= ranks * 1.01
    measured = f"{ranks} ranks" + (f" of a registry of {population}" if population else "")
    is_met = ranks == k or (ranks < k and is_whole_registry)
    return make_gate_result("G5 size", is_met, measured, f"{k} ranks, or the whole registry")


def check_fields(coverage: Mapping[str, float], baseline: Iterable[tuple[str, float]], rows: int) -> GateResult:
    """G6: Check that each field is about as frequent as before. A field that disappears is a changed API.

    The packages of a ranking change, and with them what their authors state. So a share may fall by two points, or by
    the chance difference of two lists of that many rows.
    """
    shares_by_field: dict[str, list[float]] = {}
    for field, share in baseline:
        shares_by_field.setdefault(field, []).append(share)
    if not shares_by_field:
        shares = ", ".join(f"{field} {share:.1%}" for field, share in sorted(coverage.items()))
        return GateResult("G6 fields", "no baseline", shares or "no rows", FIELDS_RULE)
    medians = {field: statistics.median(shares) for field, shares in shares_by_field.items()}
    changes = ", ".join(
        f"{field} {share:.1%} → {coverage.get(field, 0.0):.1%}"
        for field, share in sorted(medians.items())
        if coverage.get(field, 0.0) < share - share_tolerance(share, rows)
    )
    return make_gate_result("G6 fields", not changes, changes or f"{len(medians)} fields as before", FIELDS_RULE)


def share_tolerance(share: float, rows: int) -> float:
    """Return by how much a share may fall between two lists of that many rows.

    >>> share_tolerance(1.0, 1000), round(share_tolerance(0.5, 1000), 3), round(share_tolerance(0.5, 100), 3)
    (0.02, 0.089, 0.283)
    """
    return max(FIELD_TOLERANCE, MAX_STANDARD_ERRORS * math.sqrt(2 * share * (1 - share) / max(1, rows)))


def check_leaders(leaders: Sequence[tuple[str, bool]]) -> GateResult:
    """G7: Check that nine of ten leaders of the last snapshot, at most eight days old, are still listed."""
    rule = f"≥ {MIN_LEADERS_PRESENT:.0%} of the last leaders"
    if not leaders:
        return GateResult("G7 leaders", "no baseline", "no complete crawl of this list in the last 8 days", rule)
    is_met = len(missing_leaders(leaders)) <= (1 - MIN_LEADERS_PRESENT) * len(leaders) + 1e-9
    return make_gate_result("G7 leaders", is_met, count_leaders(leaders), rule)


def missing_leaders(leaders: Sequence[tuple[str, bool]]) -> list[str]:
    """Return the names of the leaders that are not listed any more."""
    return [name for name, is_listed in leaders if not is_listed]


def count_leaders(leaders: Sequence[tuple[str, bool]]) -> str:
    """Return in words how many leaders are still listed, with the first three that are not.

    >>> count_leaders([("a/b", True), ("c/d", False)])
    '1 of 2; gone: c/d'
    """
    missing = missing_leaders(leaders)
    text = f"{len(leaders) - len(missing)} of {len(leaders)}"
    return f"{text}; gone: {', '.join(missing[:3])}" if missing else text


def check_freshness(evidence: GateEvidence) -> GateResult:
    """G8: Check that no response came from an old cache, and that the clock of the registry agrees with ours."""
    oldest, skew = evidence["oldest"], evidence["skew"]
    measured = f"oldest response {_or_unknown(oldest)} s, clocks differ by {_or_unknown(skew)} s"
    if oldest is None and skew is None:
        return GateResult("G8 freshness", "no baseline", "no response states its age or its time", FRESHNESS_RULE)
    is_fresh = (oldest is None or oldest <= MAX_RESPONSE_AGE) and (skew is None or skew <= MAX_CLOCK_SKEW)
    return make_gate_result("G8 freshness", is_fresh, measured, FRESHNESS_RULE)


def check_duration(evidence: GateEvidence) -> GateResult:
    """G9: Check that the crawl took hours at most, so that it can stand for one moment."""
    seconds, longest = evidence["seconds"], evidence["longest"] or MAX_CRAWL_SECONDS
    return make_gate_result("G9 duration", seconds <= longest, f"{seconds} s", f"≤ {longest} s")


def check_rejects(evidence: GateEvidence) -> GateResult:
    """G10: Check that few rows are unreadable. Each keeps its rank, and `reject` holds the reason."""
    rejects, rows = evidence["rejected_everywhere"], max(1, evidence["received"])
    reason = (evidence["main_reject"] or "")[:MAX_REASON_LENGTH]
    measured = f"{rejects} of {rows} rows" + (f", most often: {reason}" if reason else "")
    rule = f"≤ {MAX_REJECTED:.1%} of rows"
    if not evidence["received"] and not rejects:
        return GateResult("G10 rejects", "no baseline", "no rows", rule)
    return make_gate_result("G10 rejects", rejects <= MAX_REJECTED * rows, measured, rule)


def check_counters(evidence: GateEvidence) -> GateResult:
    """Check that the packages of the list have counters, if the crawl requested counters."""
    listed, with_counters, is_requested = evidence["listed"], evidence["with_counters"], evidence["with_counters_asked"]
    rule = f"≥ {1 - MAX_WITHOUT_COUNTERS:.0%} of the packages"
    if not is_requested or not listed:
        return GateResult("counters", "no baseline", "no packages" if is_requested else "not requested", rule)
    is_met = with_counters >= listed * (1 - MAX_WITHOUT_COUNTERS)
    return make_gate_result("counters", is_met, f"{with_counters} of {listed}", rule)


def decide_status(results: Iterable[GateResult]) -> tuple[str, str | None]:
    """Return the status that the results allow, and the reason if the status is not `complete`."""
    failed = [
        f"{result.gate}: {result.measured} (rule: {result.rule})" for result in results if result.outcome == "fail"
    ]
    return ("partial", "; ".join(failed)) if failed else ("complete", None)


def make_gate_result(gate: str, is_met: bool, measured: str, rule: str) -> GateResult:
    """Return the result of a rule that passes or fails."""
    return GateResult(gate, "pass" if is_met else "fail", measured, rule)


def _or_unknown(number: int | None) -> str:
    return "?" if number is None else str(number)
