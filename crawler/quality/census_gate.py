"""The gate of a census: the rules of a ranking, adapted to a whole registry (pure)."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from crawler.quality.gate import (
    GateEvidence,
    check_counts,
    check_duration,
    check_end_reached,
    check_fields,
    check_freshness,
    check_rejects,
    check_transport,
    count_leaders,
    make_gate_result,
    missing_leaders,
)
from db.rows import GateResult

MAX_SHRINKAGE = 0.01
MAX_MISSING_LEADERS = 0.05
KNOWN_LEADERS_RULE = f"≥ {1 - MAX_MISSING_LEADERS:.0%} of the largest known packages"


def judge_census(
    evidence: GateEvidence, coverage: Mapping[str, float], baseline: Iterable[tuple[str, float]],
    sizes: Sequence[int], leaders: Sequence[tuple[str, bool]],
) -> list[GateResult]:  # fmt: skip
    """Return the results of the gate for one census. `sizes` are those of the last complete ones, newest first."""
    listed = evidence["listed"]
    return [
        check_end_reached(evidence), check_transport(evidence), check_ids_rise(evidence), check_counts(evidence),
        check_size(listed, sizes), check_fields(coverage, baseline, listed), check_known_leaders(leaders),
        check_freshness(evidence), check_duration(evidence), check_rejects(evidence),
    ]  # fmt: skip


def check_ids_rise(evidence: GateEvidence) -> GateResult:
    """G3: Check that the ids rise strictly from the first row to the last, so that no package was skipped."""
    inversions, duplicates = evidence["inversions"], evidence["duplicates"]
    measured, rule = f"{inversions} ids not above the previous id, {duplicates} seen twice", "ids rise strictly"
    if not evidence["received"]:
        return GateResult("G3 order", "no baseline", "no rows", rule)
    return make_gate_result("G3 order", not inversions and not duplicates, measured, rule)


def check_size(packages: int, sizes: Sequence[int]) -> GateResult:
    """G5: Check that a census is smaller than the last one by at most 1 % or three times the usual variation.

    >>> results = [check_size(985, sizes) for sizes in ([1000, 1000, 1000], [1000, 900, 1000], [])]
    >>> [result.outcome for result in results]
    ['fail', 'pass', 'no baseline']
    """
    rule = "not below the last one by more than 1 % or 3 times the usual variation"
    if not sizes:
        return GateResult("G5 size", "no baseline", f"{packages} packages", rule)
    changes = [later / earlier - 1 for later, earlier in pairwise(sizes) if earlier]
    median_change = statistics.median(changes) if changes else 0.0
    spread = statistics.median(abs(change - median_change) for change in changes) if changes else 0.0
    min_size = sizes[0] * (1 - max(MAX_SHRINKAGE, 3 * spread))
    return make_gate_result("G5 size", packages >= min_size, f"{packages} packages after {sizes[0]}", rule)


def check_known_leaders(leaders: Sequence[tuple[str, bool]]) -> GateResult:
    """G7: Check that the census has 19 of the 20 packages with the largest counters of earlier censuses."""
    if not leaders:
        return GateResult("G7 leaders", "no baseline", "no earlier census", KNOWN_LEADERS_RULE)
    is_met = len(missing_leaders(leaders)) <= MAX_MISSING_LEADERS * len(leaders)
    return make_gate_result("G7 leaders", is_met, count_leaders(leaders), KNOWN_LEADERS_RULE)
