"""The gate of a census: the same questions as of a list, with the rules of a whole registry (pure)."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence

from crawler.quality.gate import counts, duration, end_reached, fields, finding, freshness, rejected, transport
from db.rows import Finding

MAY_SHRINK = 0.01
MOST_MISSING = 0.05


def judge_census(
    evidence: Mapping[str, object], presence: Mapping[str, float], baseline: Iterable[tuple[str, float]],
    sizes: Sequence[int], leaders: Sequence[tuple[str, bool]],
) -> list[Finding]:  # fmt: skip
    """The gate's findings on one census; `sizes` are those of the last complete ones, newest first."""
    listed = int(str(evidence["listed"]))
    return [
        end_reached(evidence), transport(evidence), rising(evidence), counts(evidence), size(listed, sizes),
        fields(presence, baseline, listed), still_there(leaders), freshness(evidence), duration(evidence),
        rejected(evidence),
    ]  # fmt: skip


def rising(evidence: Mapping[str, object]) -> Finding:
    """G3: the ids rise strictly from the first row to the last, so that none can have been passed over."""
    wrong, twice = int(str(evidence["inversions"])), int(str(evidence["duplicates"]))
    measured = f"{wrong} ids not above the one before, {twice} seen twice"
    return finding("G3 order", not wrong and not twice, measured, "ids rise strictly")


def size(packages: int, sizes: Sequence[int]) -> Finding:
    """G5: not smaller than the last census by more than 1 %, or three times what the size usually varies by.

    >>> size(985, [1000, 1000, 1000]).outcome, size(985, [1000, 900, 1000]).outcome, size(985, []).outcome
    ('fail', 'pass', 'no baseline')
    """
    rule = "not below the last one by more than 1 % or 3 times the usual variation"
    if not sizes:
        return Finding("G5 size", "no baseline", f"{packages} packages", rule)
    steps = [later / earlier - 1 for later, earlier in zip(sizes, sizes[1:], strict=False) if earlier]
    usual = statistics.median(steps) if steps else 0.0
    spread = statistics.median(abs(step - usual) for step in steps) if steps else 0.0
    least = sizes[0] * (1 - max(MAY_SHRINK, 3 * spread))
    return finding("G5 size", packages >= least, f"{packages} packages after {sizes[0]}", rule)


def still_there(leaders: Sequence[tuple[str, bool]]) -> Finding:
    """G7: of the twenty packages with the largest counters, known from earlier censuses, nineteen are in this one."""
    rule = f"≥ {1 - MOST_MISSING:.0%} of the largest known packages"
    if not leaders:
        return Finding("G7 leaders", "no baseline", "none is known from a census before", rule)
    gone = [name for name, present in leaders if not present]
    measured = f"{len(leaders) - len(gone)} of {len(leaders)}" + (f"; gone: {', '.join(gone[:3])}" if gone else "")
    return finding("G7 leaders", len(gone) <= MOST_MISSING * len(leaders), measured, rule)
