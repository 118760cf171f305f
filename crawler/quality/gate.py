"""Is it complete? The gate a snapshot has to pass, from what was stored of it (pure).

Every rule must hold for `complete`; the first to fail gives the reason for `partial`. The numbers are the rules' own
starting values; each finding states what was measured beside them.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Mapping, Sequence

from db.rows import GateResult

MAX_OVERLAP = 0.01
MAX_REJECTED = 0.001
MAX_DISORDER = 0.005
MAX_WITHOUT_COUNTERS = 0.01
FIELD_TOLERANCE = 0.02
MAX_STANDARD_ERRORS = 4.0
MAX_RESPONSE_AGE = 7200  # Ecosyste.ms: an hour in the cache, and an hour more while it is asked anew
MAX_CLOCK_SKEW = 300
MAX_CRAWL_SECONDS = 6 * 3600
MIN_LEADERS_PRESENT = 0.9


def judge_ranking(
    evidence: Mapping[str, object], presence: Mapping[str, float], baseline: Iterable[tuple[str, float]],
    leaders: Sequence[tuple[str, bool]],
) -> list[GateResult]:  # fmt: skip
    """The gate's findings on one snapshot.

    Args:
        evidence: the row of `statements/gate_evidence.sql`, with `settings` read from JSON.
        presence: the share of rows in which each field is there.
        baseline: field and share, for each of the last complete snapshots of the same list.
        sentinels: name and whether it is listed, for the leaders of the last one.
    """
    findings = [
        check_end_reached(evidence), check_transport(evidence), check_order(evidence), check_overlap(evidence), check_counts(evidence),
        check_size(evidence),
        check_fields(presence, baseline, _number(evidence, "listed")), check_rejects(evidence),
    ]  # fmt: skip
    if evidence["origin"] == "crawl":
        findings += [
            check_leaders(leaders),
            check_freshness(evidence),
            check_duration(evidence),
            check_counters(evidence),
        ]
    return findings


def check_end_reached(evidence: Mapping[str, object]) -> GateResult:
    """G1: the list was walked to its end or to the last place asked for; the loop did not merely stop."""
    taken, k = _number(evidence, "listed") + _number(evidence, "rejected"), evidence["k"]
    full = k is not None and taken >= int(str(k))
    ended = evidence["next_url"] is None and _number(evidence, "pages") > 0
    measured = f"{taken} places taken" if full else "no further page" if ended else "stopped before the end"
    return make_gate_result("G1 end reached", full or ended, measured, "K places taken, or a last page without a next")


def check_transport(evidence: Mapping[str, object]) -> GateResult:
    """G2: every page was a whole JSON list with status 200; anything else was never stored as one."""
    pages, bad = _number(evidence, "pages"), _number(evidence, "not_ok")
    short, lossy = _number(evidence, "short_pages"), _number(evidence, "lossy_pages")
    measured = f"{pages} pages, {bad} not 200, {short} shorter than the others though the list went on"
    measured += f", {lossy} whose next page begins after another row than their last" if lossy else ""
    whole = pages > 0 and bad <= _number(evidence, "singles") and not short and not lossy
    return make_gate_result("G2 transport", whole, measured, "all whole")


def check_order(evidence: Mapping[str, object]) -> GateResult:
    """G3: the order that was asked for is the order that came; what moved between two pages is counted apart."""
    inside, rows = _number(evidence, "inversions"), max(1, _number(evidence, "received"))
    measured = f"{inside} inversions within pages, {_number(evidence, 'disorder')} in all, of {rows} rows"
    return make_gate_result(
        "G3 order", inside <= MAX_DISORDER * rows, measured, f"within pages ≤ {MAX_DISORDER:.1%} of rows"
    )


def check_overlap(evidence: Mapping[str, object]) -> GateResult:
    """What was seen twice, on pages of a list that moved; about as many packages were probably missed."""
    twice, rows = _number(evidence, "duplicates"), max(1, _number(evidence, "ranked_received"))
    measured = f"{twice} seen twice (about as many may be missed) of {rows} rows"
    return make_gate_result("overlap", twice <= MAX_OVERLAP * rows, measured, f"≤ {MAX_OVERLAP:.0%} of rows")


def check_counts(evidence: Mapping[str, object]) -> GateResult:
    """G4: what was received is what was kept, seen twice, rejected or beyond the last place."""
    parts = [_number(evidence, part) for part in ("kept", "duplicates", "rejected_everywhere", "beyond")]
    received = _number(evidence, "received")
    measured = f"{received} received = {' + '.join(map(str, parts))}"
    return make_gate_result(
        "G4 counts", received == sum(parts), measured, "received = kept + twice + rejected + beyond"
    )


def check_size(evidence: Mapping[str, object]) -> GateResult:
    """G5: exactly K places; fewer only where the registry itself says that it holds no more."""
    taken, k = _number(evidence, "listed") + _number(evidence, "rejected"), _number(evidence, "k")
    population = _number(evidence, "population")
    all_there = evidence["next_url"] is None and 0 < population <= taken * 1.01
    measured = f"{taken} places" + (f" of a registry of {population}" if population else "")
    return make_gate_result(
        "G5 size", taken == k or (taken < k and all_there), measured, f"{k} places, or the whole registry"
    )


def check_fields(presence: Mapping[str, float], baseline: Iterable[tuple[str, float]], rows: int) -> GateResult:
    """G6: each field is about as often there as it was: a field that goes away is an API that has changed.

    The packages of a ranking change, and with them what authors state; so a share may fall by what chance allows two
    lists of that many rows, and by two points in any case.
    """
    before: dict[str, list[float]] = {}
    for field, share in baseline:
        before.setdefault(field, []).append(share)
    rule = f"not below the median of the last 8 by more than {FIELD_TOLERANCE:.0%} or {MAX_STANDARD_ERRORS:g} standard errors"
    if not before:
        shares = ", ".join(f"{field} {share:.1%}" for field, share in sorted(presence.items()))
        return GateResult("G6 fields", "no baseline", shares or "no rows", rule)
    was = {field: statistics.median(shares) for field, shares in before.items()}
    fallen = {
        field: share for field, share in was.items() if presence.get(field, 0.0) < share - share_tolerance(share, rows)
    }
    said = ", ".join(f"{field} {share:.1%} → {presence.get(field, 0.0):.1%}" for field, share in sorted(fallen.items()))
    return make_gate_result("G6 fields", not fallen, said or f"{len(before)} fields as before", rule)


def share_tolerance(share: float, rows: int) -> float:
    """By how much a share may fall between two lists of so many rows.

    >>> share_tolerance(1.0, 1000), round(share_tolerance(0.5, 1000), 3), round(share_tolerance(0.5, 100), 3)
    (0.02, 0.089, 0.283)
    """
    return max(FIELD_TOLERANCE, MAX_STANDARD_ERRORS * (2 * share * (1 - share) / max(1, rows)) ** 0.5)


def check_leaders(leaders: Sequence[tuple[str, bool]]) -> GateResult:
    """G7: the leaders of the last snapshot of at most eight days ago are still listed, all but one in ten."""
    rule = f"≥ {MIN_LEADERS_PRESENT:.0%} of the last leaders"
    if not leaders:
        return GateResult("G7 leaders", "no baseline", "no complete crawl of this list in the last 8 days", rule)
    gone = [name for name, present in leaders if not present]
    measured = f"{len(leaders) - len(gone)} of {len(leaders)}" + (f"; gone: {', '.join(gone[:3])}" if gone else "")
    return make_gate_result("G7 leaders", len(gone) <= (1 - MIN_LEADERS_PRESENT) * len(leaders) + 1e-9, measured, rule)


def check_freshness(evidence: Mapping[str, object]) -> GateResult:
    """G8: no answer lay in a cache for long, and the registry's clock agrees with ours."""
    oldest, skew = evidence["oldest"], evidence["skew"]
    measured = (
        f"oldest answer {oldest if oldest is not None else '?'} s, clocks apart {skew if skew is not None else '?'} s"
    )
    fresh = (oldest is None or int(str(oldest)) <= MAX_RESPONSE_AGE) and (
        skew is None or int(str(skew)) <= MAX_CLOCK_SKEW
    )
    return make_gate_result(
        "G8 freshness", fresh, measured, f"≤ {MAX_RESPONSE_AGE} s old, clocks ≤ {MAX_CLOCK_SKEW} s apart"
    )


def check_duration(evidence: Mapping[str, object]) -> GateResult:
    """G9: it was seen within hours, so that it can stand for one moment."""
    took, longest = _number(evidence, "seconds"), _number(evidence, "longest") or MAX_CRAWL_SECONDS
    return make_gate_result("G9 duration", took <= longest, f"{took} s", f"≤ {longest} s")


def check_rejects(evidence: Mapping[str, object]) -> GateResult:
    """G10: rows that could not be read are few; each keeps its place and stands in `reject` with its reason."""
    bad, rows = _number(evidence, "rejected_everywhere"), max(1, _number(evidence, "received"))
    return make_gate_result(
        "G10 rejects", bad <= MAX_REJECTED * rows, f"{bad} of {rows} rows", f"≤ {MAX_REJECTED:.1%} of rows"
    )


def check_counters(evidence: Mapping[str, object]) -> GateResult:
    """The packages of the list have counters, where counters were asked for."""
    listed, known = _number(evidence, "listed"), _number(evidence, "with_counters")
    asked = bool(evidence.get("with_counters_asked", True))
    needed = listed * (1 - MAX_WITHOUT_COUNTERS) if asked else 0
    measured = f"{known} of {listed}" if asked else "not asked for"
    return make_gate_result("counters", known >= needed, measured, f"≥ {1 - MAX_WITHOUT_COUNTERS:.0%} of the packages")


def decide_status(findings: Iterable[GateResult]) -> tuple[str, str | None]:
    """The status the findings allow, and the reason where it is not complete."""
    failed = [f"{f.gate}: {f.measured} (rule: {f.rule})" for f in findings if f.outcome == "fail"]
    return ("partial", "; ".join(failed)) if failed else ("complete", None)


def read_evidence(row: Mapping[str, object]) -> dict[str, object]:
    """The evidence row with what the crawl had learned read out of its settings."""
    settings = json.loads(str(row["settings"]))
    return {
        **row,
        "population": settings.get("population", 0),
        "with_counters_asked": settings.get("with_counters", True),
        "longest": settings.get("longest", MAX_CRAWL_SECONDS),
    }


def make_gate_result(gate: str, is_met: bool, measured: str, rule: str) -> GateResult:
    """A rule that holds, or fails."""
    return GateResult(gate, "pass" if is_met else "fail", measured, rule)


def _number(evidence: Mapping[str, object], name: str) -> int:
    return int(str(evidence.get(name) or 0))
