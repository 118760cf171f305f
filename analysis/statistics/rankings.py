"""Comparison of two rankings: which packages are certainly in both, and what the order of ties decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

UNBOUNDED = 2**31


@dataclass(frozen=True)
class TopK:
    """A top K whose last slots are shared by tied packages.

    The `certain` packages are in the top K whatever the order of ties. `slots` of the `tied` packages are in it too,
    and which ones is arbitrary. If the list was cut among the ties (`has_unlisted_ties`), packages that are not listed
    may tie as well.
    """

    certain: frozenset[int]
    tied: frozenset[int]
    slots: int
    has_unlisted_ties: bool = False


@dataclass(frozen=True)
class SlotOptions:
    """What a top K may fill its `slots` with, relative to another top K.

    `matching` counts the tied packages that are certain in the other, `free` those that are neither certain nor tied
    in the other.
    """

    slots: int
    matching: int
    free: int


def split_top_k(
    ranks: Sequence[int], packages: Sequence[int], values: Sequence[float], k: int, has_unlisted_ties: bool = False
) -> TopK:
    """Split the top K of a list in rank order into certain and tied packages.

    The list continues below rank K as long as the ties do. A value other than the value at rank K is certain if its
    rank is at most K: larger values, and smaller ones that the registry ranked above it.

    >>> split_top_k([1, 2, 3, 4], [10, 20, 30, 40], [9, 5, 5, 5], k=2)
    TopK(certain=frozenset({10}), tied=frozenset({40, 20, 30}), slots=1, has_unlisted_ties=False)
    """
    within = [value for rank, value in zip(ranks, values, strict=True) if rank <= k]
    cutoff = within[-1]
    rows = list(zip(ranks, packages, values, strict=True))
    certain = frozenset(package for rank, package, value in rows if rank <= k and value != cutoff)
    tied = frozenset(package for _, package, value in rows if value == cutoff)
    return TopK(certain, tied, sum(value == cutoff for value in within), has_unlisted_ties)


def overlap_bounds(first: TopK, second: TopK) -> tuple[int, int]:
    """Return the least and the most packages that two top Ks have in common, over every order of the ties in both.

    >>> overlap_bounds(TopK(frozenset({1}), frozenset({2, 3}), 1), TopK(frozenset({1}), frozenset({3, 4}), 1))
    (1, 2)
    """
    first, second = _with_unlisted_ties(first, second), _with_unlisted_ties(second, first)
    both_unlisted = first.has_unlisted_ties and second.has_unlisted_ties
    shared = len(first.tied & second.tied) + (UNBOUNDED if both_unlisted else 0)
    common = len(first.certain & second.certain)
    options = _slot_options(first, second), _slot_options(second, first)
    return common + _min_overlap(*options, shared), common + _max_overlap(*options, shared)


def _with_unlisted_ties(top: TopK, opposite: TopK) -> TopK:
    """Add to the ties of `top` the packages that only `opposite` lists, if packages that are not listed may tie."""
    if not top.has_unlisted_ties:
        return top
    return TopK(top.certain, top.tied | ((opposite.certain | opposite.tied) - top.certain), top.slots, True)


def _slot_options(top: TopK, opposite: TopK) -> SlotOptions:
    free = len(top.tied - opposite.certain - opposite.tied) + (UNBOUNDED if top.has_unlisted_ties else 0)
    return SlotOptions(top.slots, len(top.tied & opposite.certain), free)


def _max_overlap(first: SlotOptions, second: SlotOptions, shared: int) -> int:
    # A slot filled with a package that is certain in the other list always counts. A slot filled with a package that
    # is tied in both lists counts only if the other list takes the same package. So certain packages are taken first.
    in_first, in_second = min(first.matching, first.slots), min(second.matching, second.slots)
    return in_first + in_second + min(first.slots - in_first, second.slots - in_second, shared)


def _min_overlap(first: SlotOptions, second: SlotOptions, shared: int) -> int:
    # Free packages are taken first, then packages that are tied in both lists: each list takes different ones while
    # there are enough of them.
    in_first, in_second = max(0, first.slots - first.free), max(0, second.slots - second.free)
    shared_by_first, shared_by_second = min(shared, in_first), min(shared, in_second)
    unshared = (in_first - shared_by_first) + (in_second - shared_by_second)
    return unshared + max(0, shared_by_first + shared_by_second - shared)
