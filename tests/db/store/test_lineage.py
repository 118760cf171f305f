"""Lineage edges between packages and the intervals in which they hold."""

from __future__ import annotations

import pytest

from db.rows import Parent
from db.store import Store
from tests.db.builders import make_observation, query, take_snapshot

BASE = Parent("base", "finetune", "9")


def list_child(store: Store, instant: int, *parents: Parent) -> None:
    """List one package with these parents at an instant."""
    take_snapshot(store, [make_observation("child", 1, parents=parents)], at=instant)


def edges(store: Store) -> list[tuple[object, ...]]:
    """Return every edge: the name and the id of the parent, the relation, the interval."""
    return query(
        store,
        "SELECT parent_name, stable_id, relation, valid_from, valid_to FROM lineage_edge"
        " LEFT JOIN package ON package_id = parent_id ORDER BY valid_from, parent_name, relation",
    )


def test_an_edge_that_stays_is_one_row(store: Store) -> None:
    list_child(store, 10, BASE)
    list_child(store, 20, BASE)
    assert edges(store) == [("base", "9", "finetune", 10, None)]


def test_an_edge_that_is_added_is_opened(store: Store) -> None:
    list_child(store, 10)
    list_child(store, 20, BASE)
    assert edges(store) == [("base", "9", "finetune", 20, None)]


def test_an_edge_that_is_dropped_is_closed(store: Store) -> None:
    list_child(store, 10, BASE)
    list_child(store, 20)
    assert edges(store) == [("base", "9", "finetune", 10, 20)]


def test_another_relation_to_the_same_parent_is_another_edge(store: Store) -> None:
    list_child(store, 10, BASE)
    list_child(store, 20, Parent("base", "quantized", "9"))
    assert edges(store) == [("base", "9", "finetune", 10, 20), ("base", "9", "quantized", 20, None)]


def test_a_parent_that_is_renamed_is_the_same_parent(store: Store) -> None:
    list_child(store, 10, BASE)
    list_child(store, 20, Parent("base-v2", "finetune", "9"))
    assert edges(store) == [("base", "9", "finetune", 10, None)]


def test_another_package_with_the_name_of_the_parent_is_another_parent(store: Store) -> None:
    list_child(store, 10, BASE)
    list_child(store, 20, Parent("base", "finetune", "8"))
    assert edges(store) == [("base", "9", "finetune", 10, 20), ("base", "8", "finetune", 20, None)]


def test_a_dangling_name_refers_to_its_package_once_that_is_known(store: Store) -> None:
    list_child(store, 10, Parent("base", "finetune"))
    take_snapshot(store, [make_observation("base", 1, "9")], at=15)
    list_child(store, 20, Parent("base", "finetune", "9"))
    assert edges(store)[-1] == ("base", "9", "finetune", 20, None)


def test_a_package_may_have_several_parents(store: Store) -> None:
    list_child(store, 10, Parent("a", "merge", "1"), Parent("b", "merge", "2"))
    list_child(store, 20, Parent("b", "merge", "2"))
    assert edges(store) == [("a", "1", "merge", 10, 20), ("b", "2", "merge", 10, None)]


def test_a_name_of_no_known_package_dangles(store: Store) -> None:
    list_child(store, 10, Parent("somewhere/else", "finetune"))
    list_child(store, 20, Parent("somewhere/else", "finetune"))
    assert edges(store) == [("somewhere/else", None, "finetune", 10, None)]


def test_a_known_name_refers_to_its_package(store: Store) -> None:
    take_snapshot(store, [make_observation("base", 1, "9")], at=5)
    list_child(store, 10, Parent("base", "unstated"))
    assert edges(store) == [("base", "9", "unstated", 10, None)]


def test_a_package_may_name_itself_as_parent(store: Store) -> None:
    list_child(store, 10, Parent("child", "finetune", "id-child"))
    assert edges(store) == [("child", "id-child", "finetune", 10, None)]
    assert query(store, "SELECT count(*) FROM package") == [(1,)]


def test_lineage_that_was_not_requested_stays_as_it_was(store: Store) -> None:
    list_child(store, 10, BASE)
    take_snapshot(store, [make_observation("child", 1)], at=20)
    assert edges(store) == [("base", "9", "finetune", 10, None)]


def test_an_older_list_imported_later_adds_older_edges(store: Store) -> None:
    list_child(store, 20)
    list_child(store, 10, BASE)
    assert edges(store) == [("base", "9", "finetune", 10, 20)]


def test_a_parent_named_twice_is_one_edge(store: Store) -> None:
    list_child(store, 10, BASE, BASE)
    assert edges(store) == [("base", "9", "finetune", 10, None)]


@pytest.mark.fault("C11")
def test_thousands_of_parents_take_time_in_proportion_to_their_number(store: Store) -> None:
    steps = 0

    def count_steps() -> int:
        nonlocal steps
        steps += 1
        return 0

    costs = []
    for instant, count in ((10, 500), (20, 500), (30, 2000), (40, 2000)):
        steps = 0
        store.connection.set_progress_handler(count_steps, 1000)
        list_child(store, instant, *(Parent(f"a/b{number}", "unstated", None) for number in range(count)))
        costs.append(steps)
    assert costs[3] < 8 * costs[1]  # four times as many parents, and not sixteen times as many steps
    assert len(edges(store)) == 2000
