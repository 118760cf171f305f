"""The bounds of the overlap equal those of all orders of the ties."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.statistics.rankings import TopK, overlap_bounds, split_top_k

UNLISTED = tuple(range(100, 108))


def iter_top_sets(top: TopK) -> Iterator[frozenset[int]]:
    """Yield every set of packages that the order of ties allows."""
    return (top.certain | set(tied) for tied in combinations(sorted(top.tied), top.slots))


def bounds_by_enumeration(first: TopK, second: TopK) -> tuple[int, int]:
    overlaps = [len(x & y) for x in iter_top_sets(first) for y in iter_top_sets(second)]
    return min(overlaps), max(overlaps)


@st.composite
def tops(draw: st.DrawFn) -> TopK:
    """Draw a top K of at most 8 with ties at its end, over few packages so that two of them overlap."""
    packages = draw(st.permutations(range(10)))
    values = sorted(draw(st.lists(st.integers(0, 3), min_size=1, max_size=10)), reverse=True)
    return split_top_k(
        range(1, len(values) + 1), packages[: len(values)], values, draw(st.integers(1, min(8, len(values))))
    )


@given(tops(), tops())
@settings(max_examples=300, deadline=None)
def test_the_bounds_equal_those_of_all_orders(first, second):
    assert overlap_bounds(first, second) == bounds_by_enumeration(first, second)


@given(tops(), tops(), st.booleans(), st.booleans())
@settings(max_examples=150, deadline=None)
def test_unlisted_ties_may_be_any_package(first, second, first_is_cut, second_is_cut):
    first, second = limit_slots(first, 2), limit_slots(second, 2)
    bounds = overlap_bounds(
        replace(first, has_unlisted_ties=first_is_cut), replace(second, has_unlisted_ties=second_is_cut)
    )
    assert bounds == bounds_by_enumeration(
        add_possible_ties(first, second, UNLISTED[5:8]) if first_is_cut else first,
        add_possible_ties(second, first, UNLISTED[3:6]) if second_is_cut else second,
    )


def limit_slots(top: TopK, slots: int) -> TopK:
    """Limit the slots of a top K: the enumeration of all orders with unlisted packages takes long."""
    return replace(top, slots=min(top.slots, slots))


def add_possible_ties(top: TopK, second: TopK, unlisted: tuple[int, ...]) -> TopK:
    """Add what may tie if the list was cut: the packages of the other list, and packages that are in neither list."""
    return replace(top, tied=top.tied | ((second.certain | second.tied) - top.certain) | {*UNLISTED[:3], *unlisted})


@given(tops())
def test_a_list_without_ties_overlaps_itself_completely(top):
    untied = replace(top, tied=frozenset(), slots=0)
    assert overlap_bounds(untied, untied) == (len(untied.certain), len(untied.certain))


@given(tops(), tops())
def test_the_bounds_are_symmetric(first, second):
    assert overlap_bounds(first, second) == overlap_bounds(second, first)


def test_a_row_ranked_above_larger_values_keeps_its_rank():
    assert split_top_k([1, 2, 3], [10, 20, 30], [9, 1, 5], k=3) == TopK(frozenset({10, 20}), frozenset({30}), 1)


def test_ties_below_rank_k_compete_for_the_last_slots():
    assert split_top_k([1, 2, 3], [10, 20, 30], [9, 5, 5], k=2) == TopK(frozenset({10}), frozenset({20, 30}), 1)
