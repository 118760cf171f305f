"""Rankings held against each other: what is sure and what the order of ties decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

UNBOUNDED = 2**31


@dataclass(frozen=True)
class TopK:
    """A top K whose last places are shared out among ties.

    `sure` are in it whatever the order of ties; `slots` of the `tied` are in it too, and it is arbitrary which. Where
    the list was cut in the middle of the ties (`unseen`), any package it does not name may be one of them.
    """

    certain: frozenset[int]
    tied: frozenset[int]
    slots: int
    has_unlisted_ties: bool = False


@dataclass(frozen=True)
class SlotOptions:
    """What a top K may fill its `slots` with: tied packages that are sure in the other list, and tied in neither."""

    slots: int
    matching: int
    free: int


def split_top_k(
    ranks: Sequence[int], packages: Sequence[int], values: Sequence[float], k: int, has_unlisted_ties: bool = False
) -> TopK:
    """The top K of a list in the order of its ranks, which goes on below rank K as long as the ties do.

    Values that are larger than the value at rank K are sure, and so is a smaller one that was served above it.

    >>> split_top_k([1, 2, 3, 4], [10, 20, 30, 40], [9, 5, 5, 5], k=2)
    TopK(certain=frozenset({10}), tied=frozenset({40, 20, 30}), slots=1, has_unlisted_ties=False)
    """
    within = [value for rank, value in zip(ranks, values, strict=True) if rank <= k]
    cutoff = within[-1]
    rows = list(zip(ranks, packages, values, strict=True))
    sure = frozenset(package for rank, package, value in rows if rank <= k and value != cutoff)
    tied = frozenset(package for _, package, value in rows if value == cutoff)
    return TopK(sure, tied, sum(value == cutoff for value in within), has_unlisted_ties)


def overlap_bounds(first: TopK, second: TopK) -> tuple[int, int]:
    """The least and the most packages two top Ks have in common, over every order of the ties in both.

    >>> overlap_bounds(TopK(frozenset({1}), frozenset({2, 3}), 1), TopK(frozenset({1}), frozenset({3, 4}), 1))
    (1, 2)
    """
    first, second = _with_unlisted_ties(first, second), _with_unlisted_ties(second, first)
    shared = len(first.tied & second.tied) + (UNBOUNDED if first.has_unlisted_ties and second.has_unlisted_ties else 0)
    common = len(first.certain & second.certain)
    here, there = _slot_options(first, second), _slot_options(second, first)
    return common + _min_overlap(here, there, shared), common + _max_overlap(here, there, shared)


def _with_unlisted_ties(top: TopK, other: TopK) -> TopK:
    """`one`, tied also with what only the other list names, where more may tie than was seen."""
    if not top.has_unlisted_ties:
        return top
    return TopK(top.certain, top.tied | ((other.certain | other.tied) - top.certain), top.slots, True)


def _slot_options(top: TopK, other: TopK) -> SlotOptions:
    free = len(top.tied - other.certain - other.tied) + (UNBOUNDED if top.has_unlisted_ties else 0)
    return SlotOptions(top.slots, len(top.tied & other.certain), free)


def _max_overlap(first: SlotOptions, second: SlotOptions, shared: int) -> int:
    # A slot given to a package that is sure in the other list always counts; one given to a package that is tied in
    # both counts only if the other list chooses it too. So the sure ones first.
    mine, theirs = min(first.matching, first.slots), min(second.matching, second.slots)
    return mine + theirs + min(first.slots - mine, second.slots - theirs, shared)


def _min_overlap(first: SlotOptions, second: SlotOptions, shared: int) -> int:
    # The free ones first; then those tied in both, of which each list takes others as long as there are enough.
    mine, theirs = max(0, first.slots - first.free), max(0, second.slots - second.free)
    both = min(shared, mine), min(shared, theirs)
    return (mine - both[0]) + (theirs - both[1]) + max(0, sum(both) - shared)
