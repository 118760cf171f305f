"""The bounds over tie orders, held against every order there is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.statistics.rankings import TopK, overlap_bounds, split_top_k

STRANGERS = tuple(range(100, 108))


def every_choice(one: TopK) -> Iterator[frozenset[int]]:
    """Every top K that the order of ties allows."""
    return (one.certain | set(chosen) for chosen in combinations(sorted(one.tied), one.slots))


def by_trying(one: TopK, other: TopK) -> tuple[int, int]:
    overlaps = [len(here & there) for here in every_choice(one) for there in every_choice(other)]
    return min(overlaps), max(overlaps)


@st.composite
def tops(draw: st.DrawFn) -> TopK:
    """A top K of at most 8 with ties at its end, over few packages so that two of them meet."""
    packages = draw(st.permutations(range(10)))
    values = sorted(draw(st.lists(st.integers(0, 3), min_size=1, max_size=10)), reverse=True)
    return split_top_k(
        range(1, len(values) + 1), packages[: len(values)], values, draw(st.integers(1, min(8, len(values))))
    )


@given(tops(), tops())
@settings(max_examples=300, deadline=None)
def test_the_bounds_are_those_of_trying_every_order(one, other):
    assert overlap_bounds(one, other) == by_trying(one, other)


@given(tops(), tops(), st.booleans(), st.booleans())
@settings(max_examples=150, deadline=None)
def test_ties_that_were_not_seen_are_any_other_package(one, other, here, there):
    one, other = cut_to(one, 2), cut_to(other, 2)
    bounds = overlap_bounds(replace(one, has_unlisted_ties=here), replace(other, has_unlisted_ties=there))
    assert bounds == by_trying(among_all(one, other, here), among_all(other, one, there, reverse=True))


def cut_to(one: TopK, slots: int) -> TopK:
    """The same with few slots: trying every order with strangers takes long."""
    return replace(one, slots=min(one.slots, slots))


def among_all(one: TopK, other: TopK, unseen: bool, reverse: bool = False) -> TopK:
    """What may be tied if the list was cut: what the other list names, strangers to both, and strangers to it alone."""
    if not unseen:
        return one
    alone = STRANGERS[3:6] if reverse else STRANGERS[5:8]
    return replace(one, tied=one.tied | ((other.certain | other.tied) - one.certain) | {*STRANGERS[:3], *alone})


@given(tops())
def test_a_list_without_ties_has_itself_in_common_with_itself(one):
    sure = replace(one, tied=frozenset(), slots=0)
    assert overlap_bounds(sure, sure) == (len(sure.certain), len(sure.certain))


@given(tops(), tops())
def test_the_bounds_do_not_depend_on_which_list_is_named_first(one, other):
    assert overlap_bounds(one, other) == overlap_bounds(other, one)


def test_a_row_served_above_larger_ones_is_in_the_list_as_served():
    assert split_top_k([1, 2, 3], [10, 20, 30], [9, 1, 5], k=3) == TopK(frozenset({10, 20}), frozenset({30}), 1)


def test_ties_below_rank_k_compete_for_its_last_places():
    assert split_top_k([1, 2, 3], [10, 20, 30], [9, 5, 5], k=2) == TopK(frozenset({10}), frozenset({20, 30}), 1)
