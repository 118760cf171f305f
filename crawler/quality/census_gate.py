"""The gate of a census: the same questions as of a list, with the rules of a whole registry (pure)."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence

from crawler.quality.gate import (
    check_counts,
    check_duration,
    check_end_reached,
    check_fields,
    check_freshness,
    check_rejects,
    check_transport,
    make_gate_result,
)
from db.rows import GateResult

MAX_SHRINKAGE = 0.01
MAX_MISSING_LEADERS = 0.05


def judge_census(
    evidence: Mapping[str, object], presence: Mapping[str, float], baseline: Iterable[tuple[str, float]],
    sizes: Sequence[int], leaders: Sequence[tuple[str, bool]],
) -> list[GateResult]:  # fmt: skip
    """The gate's findings on one census; `sizes` are those of the last complete ones, newest first."""
    listed = int(str(evidence["listed"]))
    return [
        check_end_reached(evidence), check_transport(evidence), check_ids_rise(evidence), check_counts(evidence), check_size(listed, sizes),
        check_fields(presence, baseline, listed), check_known_leaders(leaders), check_freshness(evidence), check_duration(evidence),
        check_rejects(evidence),
    ]  # fmt: skip


def check_ids_rise(evidence: Mapping[str, object]) -> GateResult:
    """G3: the ids rise strictly from the first row to the last, so that none can have been passed over."""
    wrong, twice = int(str(evidence["inversions"])), int(str(evidence["duplicates"]))
    measured = f"{wrong} ids not above the one before, {twice} seen twice"
    return make_gate_result("G3 order", not wrong and not twice, measured, "ids rise strictly")


def check_size(packages: int, sizes: Sequence[int]) -> GateResult:
    """G5: not smaller than the last census by more than 1 %, or three times what the size usually varies by.

    >>> check_size(985, [1000, 1000, 1000]).outcome, check_size(985, [1000, 900, 1000]).outcome, check_size(985, []).outcome
    ('fail', 'pass', 'no baseline')
    """
    rule = "not below the last one by more than 1 % or 3 times the usual variation"
    if not sizes:
        return GateResult("G5 size", "no baseline", f"{packages} packages", rule)
    steps = [later / earlier - 1 for later, earlier in zip(sizes, sizes[1:], strict=False) if earlier]
    usual = statistics.median(steps) if steps else 0.0
    spread = statistics.median(abs(step - usual) for step in steps) if steps else 0.0
    least = sizes[0] * (1 - max(MAX_SHRINKAGE, 3 * spread))
    return make_gate_result("G5 size", packages >= least, f"{packages} packages after {sizes[0]}", rule)


def check_known_leaders(leaders: Sequence[tuple[str, bool]]) -> GateResult:
    """G7: of the twenty packages with the largest counters, known from earlier censuses, nineteen are in this one."""
    rule = f"≥ {1 - MAX_MISSING_LEADERS:.0%} of the largest known packages"
    if not leaders:
        return GateResult("G7 leaders", "no baseline", "none is known from a census before", rule)
    gone = [name for name, present in leaders if not present]
    measured = f"{len(leaders) - len(gone)} of {len(leaders)}" + (f"; gone: {', '.join(gone[:3])}" if gone else "")
    return make_gate_result("G7 leaders", len(gone) <= MAX_MISSING_LEADERS * len(leaders), measured, rule)
