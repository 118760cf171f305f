"""Rankings held against each other: what is sure and what the order of ties decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

BOUNDLESS = 2**31


@dataclass(frozen=True)
class Top:
    """A top K whose last places are shared out among ties.

    `sure` are in it whatever the order of ties; `slots` of the `tied` are in it too, and it is arbitrary which. Where
    the list was cut in the middle of the ties (`unseen`), any package it does not name may be one of them.
    """

    sure: frozenset[int]
    tied: frozenset[int]
    slots: int
    unseen: bool = False


@dataclass(frozen=True)
class Choice:
    """What a top K may fill its `slots` with: tied packages that are sure in the other list, and tied in neither."""

    slots: int
    matching: int
    free: int


def top(ranks: Sequence[int], packages: Sequence[int], values: Sequence[float], k: int, unseen: bool = False) -> Top:
    """The top K of a list in the order of its ranks, which goes on below rank K as long as the ties do.

    Values that are larger than the value at rank K are sure, and so is a smaller one that was served above it.

    >>> top([1, 2, 3, 4], [10, 20, 30, 40], [9, 5, 5, 5], k=2)
    Top(sure=frozenset({10}), tied=frozenset({40, 20, 30}), slots=1, unseen=False)
    """
    within = [value for rank, value in zip(ranks, values, strict=True) if rank <= k]
    cutoff = within[-1]
    rows = list(zip(ranks, packages, values, strict=True))
    sure = frozenset(package for rank, package, value in rows if rank <= k and value != cutoff)
    tied = frozenset(package for _, package, value in rows if value == cutoff)
    return Top(sure, tied, sum(value == cutoff for value in within), unseen)


def overlap_bounds(one: Top, other: Top) -> tuple[int, int]:
    """The least and the most packages two top Ks have in common, over every order of the ties in both.

    >>> overlap_bounds(Top(frozenset({1}), frozenset({2, 3}), 1), Top(frozenset({1}), frozenset({3, 4}), 1))
    (1, 2)
    """
    one, other = _with_strangers(one, other), _with_strangers(other, one)
    shared = len(one.tied & other.tied) + (BOUNDLESS if one.unseen and other.unseen else 0)
    common = len(one.sure & other.sure)
    here, there = _choice(one, other), _choice(other, one)
    return common + _least(here, there, shared), common + _most(here, there, shared)


def _with_strangers(one: Top, other: Top) -> Top:
    """`one`, tied also with what only the other list names, where more may tie than was seen."""
    if not one.unseen:
        return one
    return Top(one.sure, one.tied | ((other.sure | other.tied) - one.sure), one.slots, True)


def _choice(one: Top, other: Top) -> Choice:
    free = len(one.tied - other.sure - other.tied) + (BOUNDLESS if one.unseen else 0)
    return Choice(one.slots, len(one.tied & other.sure), free)


def _most(here: Choice, there: Choice, shared: int) -> int:
    # A slot given to a package that is sure in the other list always counts; one given to a package that is tied in
    # both counts only if the other list chooses it too. So the sure ones first.
    mine, theirs = min(here.matching, here.slots), min(there.matching, there.slots)
    return mine + theirs + min(here.slots - mine, there.slots - theirs, shared)


def _least(here: Choice, there: Choice, shared: int) -> int:
    # The free ones first; then those tied in both, of which each list takes others as long as there are enough.
    mine, theirs = max(0, here.slots - here.free), max(0, there.slots - there.free)
    both = min(shared, mine), min(shared, theirs)
    return (mine - both[0]) + (theirs - both[1]) + max(0, sum(both) - shared)
