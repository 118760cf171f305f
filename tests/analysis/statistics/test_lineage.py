"""Edges, cycles and descendants equal plain sets on random graphs with loops, cycles and duplicates."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas import DataFrame

from analysis.statistics.lineage import (
    count_children,
    count_descendants,
    count_on_cycles,
    distinct_edges,
    fit_as_published,
)

COLUMNS = ["child", "child_name", "parent", "parent_name", "relation"]
PARENTS = st.one_of(
    st.integers(1, 8).map(lambda parent: (parent, f"n{parent}")),
    st.integers(1, 8).map(lambda parent: (parent, f"old{parent}")),
    st.sampled_from(["gone", "lost", "n1", "n2"]).map(lambda name: (None, name)),
)
ROWS = st.lists(st.tuples(st.integers(1, 8), PARENTS, st.sampled_from(["finetune", "merge"])), max_size=30)
Node = int | str


def frame(rows: list[tuple[int, tuple[int | None, str], str]]) -> DataFrame:
    return DataFrame([(child, f"n{child}", *parent, how) for child, parent, how in rows], columns=COLUMNS)


def chain(length: int) -> DataFrame:
    """Make packages of which each is made from the previous one."""
    return frame([(child, (child - 1, f"n{child - 1}"), "finetune") for child in range(2, length + 1)])


def children_by_parent(rows) -> dict[Node, set[int]]:
    """Return the children of each parent without self-loops, by plain dictionaries."""
    children: dict[Node, set[int]] = {}
    for child, (parent, name), _ in rows:
        if parent != child and not (parent is None and name == f"n{child}"):
            children.setdefault(name if parent is None else parent, set()).add(child)
    return children


def reach(children: dict[Node, set[int]], top: Node) -> set[Node]:
    """Return all packages reached from a package, itself too if it is on a cycle."""
    reached: set[Node] = set()
    queue = [top]
    while queue:
        new = children.get(queue.pop(), set()) - reached
        reached |= new
        queue += new
    return reached


def counts_by_node(counts, rows) -> dict[Node, int]:
    """Return the counts by package id, or by name where the name dangles."""
    names = sorted({name for _, (_, name), _ in rows})
    return {int(parent) if parent > 0 else names[-1 - parent]: int(count) for parent, count in counts.items()}


@given(ROWS)
@settings(deadline=None)
def test_direct_descendants_are_the_sets_of_children(rows):
    expected = {parent: len(children) for parent, children in children_by_parent(rows).items()}
    assert counts_by_node(count_children(distinct_edges(frame(rows))), rows) == expected


@given(ROWS)
@settings(max_examples=300, deadline=None)
def test_transitive_descendants_equal_those_of_a_graph_walk(rows):
    children = children_by_parent(rows)
    expected = {parent: len(reach(children, parent) - {parent}) for parent in children}
    assert counts_by_node(count_descendants(distinct_edges(frame(rows))), rows) == expected


@given(ROWS)
@settings(deadline=None)
def test_a_package_is_on_a_cycle_if_a_walk_returns_to_it(rows):
    children = children_by_parent(rows)
    assert count_on_cycles(distinct_edges(frame(rows))) == sum(node in reach(children, node) for node in children)


@given(ROWS)
@settings(deadline=None)
def test_edges_are_distinct_by_child_parent_and_relation(rows):
    edges = distinct_edges(frame(rows))
    nodes = {(child, name if parent is None else parent, how) for child, (parent, name), how in rows}
    assert len(edges) == len(nodes)
    assert edges["dangling"].sum() == sum(isinstance(parent, str) for _, parent, _ in nodes)
    assert edges["loop"].sum() == sum(parent in (child, f"n{child}") for child, parent, _ in nodes)


def test_a_package_under_two_names_is_one_parent():
    edges = distinct_edges(frame([(2, (1, "gpt2"), "finetune"), (3, (1, "openai-community/gpt2"), "finetune")]))
    assert count_children(edges).to_dict() == {1: 2}


def test_packages_on_a_cycle_do_not_count_themselves():
    rows = [(1, (2, "n2"), "merge"), (2, (3, "n3"), "merge"), (3, (1, "n1"), "merge"), (4, (1, "n1"), "merge")]
    edges = distinct_edges(frame(rows))
    assert count_descendants(edges).to_dict() == {1: 3, 2: 3, 3: 3}
    assert count_on_cycles(edges) == 3


def test_a_deep_chain_costs_no_more_than_its_length():
    edges = distinct_edges(chain(50_000))
    started = time.monotonic()
    counts = count_descendants(edges)
    assert time.monotonic() - started < 20
    assert (counts.loc[1], counts.loc[49_999]) == (49_999, 1)


def ladder(steps: int) -> DataFrame:
    """Make two packages per step, each made from both packages of the previous step."""
    return frame([
        (2 * step + side, (2 * step - 2 + parent, "p"), "merge")
        for step in range(1, steps) for side in (0, 1) for parent in (0, 1)
    ])  # fmt: skip


def test_a_graph_that_needs_too_many_copies_has_no_counts():
    edges = distinct_edges(ladder(200))
    assert count_descendants(edges, max_copies=1000) is None
    assert count_descendants(edges).max() == 398


@pytest.mark.parametrize("parents", [[None, None], [np.nan, np.nan], [1, 1]])
def test_children_are_counted_whether_all_or_no_parents_are_stored(parents):
    table = DataFrame([(2, "n2", parents[0], "n1", "merge"), (3, "n3", parents[1], "n1", "merge")], columns=COLUMNS)
    assert count_children(distinct_edges(table)).tolist() == [2]


def test_no_lineage_has_no_descendants():
    edges = distinct_edges(frame([]))
    assert (len(count_children(edges)), len(count_descendants(edges)), count_on_cycles(edges)) == (0, 0, 0)


def test_the_published_fit_drops_equal_points_but_not_from_the_correlation():
    fit = fit_as_published([10, 100, 100, 0], [1, 10, 10, 1])
    assert (fit.line.slope.n, fit.with_duplicates.slope.n, fit.spearman.n) == (3, 4, 4)


def test_the_published_fit_of_points_on_a_line_is_that_line():
    downloads = np.asarray([1e1, 1e3, 1e5])
    fit = fit_as_published(downloads, 2 * downloads**0.5)
    assert (fit.line.slope.value, fit.line.intercept) == pytest.approx((0.5, np.log10(2)), abs=1e-6)
