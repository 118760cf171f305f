"""Who a package is: its stable id through every rename, a name alone only until the id is seen."""

from __future__ import annotations

import pytest

from db.identity import derive_stable_id
from db.rows import Parent, Registry
from db.store import Store
from tests.db.builders import begin_snapshot, make_observation, make_page, query, served_rows, take_snapshot

NOW = 1_700_000_000  # after the day the Hub gives to everything older
LONG_AGO = 1_646_263_744  # that day
NPM = Registry("npm", "ecosystems")


def names(store: Store, key: str) -> list[tuple[object, ...]]:
    """Every name of a package with its interval."""
    statement = (
        "SELECT a.name, valid_from, valid_to FROM alias a JOIN package USING (package_id)"
        " WHERE stable_id = ? ORDER BY 2"
    )
    return query(store, statement, key)


def at(store: Store, instant: int, *rows: tuple[str, str], created: int | None = None) -> int:
    """A snapshot of (id, name) rows."""
    return take_snapshot(store, [make_observation(name, 1, key, created_at=created) for key, name in rows], at=instant)


def by_name(store: Store, instant: int, *rows: str) -> int:
    """An imported list that has only names."""
    return at(store, instant, *((derive_stable_id("huggingface/models", name), name) for name in rows))


def test_a_rename_closes_one_name_and_opens_another(store: Store) -> None:
    before, after = at(store, 10, ("1", "old")), at(store, 20, ("1", "new"))
    assert names(store, "1") == [("old", 10, 20), ("new", 20, None)]
    assert (served_rows(store, before), served_rows(store, after)) == ([("1", "old", 1)], [("1", "new", 1)])


def test_a_rename_is_an_event(store: Store) -> None:
    at(store, 10, ("1", "old"))
    at(store, 20, ("1", "new"))
    assert query(store, "SELECT kind, before, after, noted_at FROM quality_event") == [("renamed", "old", "new", 20)]


def test_a_package_that_is_renamed_back_has_three_names_in_turn(store: Store) -> None:
    for instant, name in [(10, "a"), (20, "b"), (30, "a")]:
        at(store, instant, ("1", name))
    assert names(store, "1") == [("a", 10, 20), ("b", 20, 30), ("a", 30, None)]


def test_two_packages_may_swap_their_names(store: Store) -> None:
    first = at(store, 10, ("1", "a"), ("2", "b"))
    second = at(store, 20, ("1", "b"), ("2", "a"))
    assert served_rows(store, first) == [("1", "a", 1), ("2", "b", 1)]
    assert served_rows(store, second) == [("1", "b", 1), ("2", "a", 1)]


def test_what_is_deleted_and_made_again_is_another_package(store: Store) -> None:
    first, second = at(store, 10, ("1", "a")), at(store, 20, ("2", "a"))
    assert served_rows(store, first) == [("1", "a", 1)]
    assert served_rows(store, second) == [("2", "a", 1)]


def test_an_older_list_that_comes_later_gives_older_names(store: Store) -> None:
    newer, older = at(store, 20, ("1", "new")), at(store, 10, ("1", "old"))
    assert (served_rows(store, older), served_rows(store, newer)) == ([("1", "old", 1)], [("1", "new", 1)])
    assert query(store, "SELECT name, seen_at FROM package") == [("new", 20)]
    assert query(store, "SELECT count(*) FROM quality_event") == [(0,)]


def test_a_list_between_two_others_repeats_the_name_they_agree_on(store: Store) -> None:
    at(store, 10, ("1", "a"))
    at(store, 30, ("1", "a"))
    at(store, 20, ("1", "a"))
    assert names(store, "1") == [("a", 10, None)]


def test_a_list_between_two_others_keeps_the_name_it_was_served_with(store: Store) -> None:
    at(store, 10, ("1", "a"))
    at(store, 30, ("1", "a"))
    between = at(store, 20, ("1", "b"))
    assert served_rows(store, between) == [("1", "b", 1)]


def test_a_rename_between_two_pages_is_seen_from_the_next_list_on(store: Store) -> None:
    snapshot = begin_snapshot(store, at=10)
    store.save_page(snapshot, make_page([make_observation("a", 1, "1")]))
    store.save_page(snapshot, make_page([make_observation("b", 1, "1")]))
    later = at(store, 20, ("1", "b"))
    assert served_rows(store, later) == [("1", "b", 1)]


def test_a_package_known_by_name_is_the_one_whose_id_is_seen_if_that_is_old_enough(store: Store) -> None:
    first = by_name(store, NOW, "a")
    at(store, NOW + 10, ("1", "a"), created=NOW - 5)
    assert served_rows(store, first) == [("1", "a", 1)]
    assert query(store, "SELECT count(*) FROM package") == [(1,)]


def test_a_package_known_by_name_is_the_one_whose_age_the_hub_does_not_tell(store: Store) -> None:
    first = by_name(store, LONG_AGO - 100, "a")
    at(store, NOW, ("1", "a"), created=LONG_AGO)
    assert served_rows(store, first) == [("1", "a", 1)]


@pytest.mark.parametrize("created", [NOW + 5, None], ids=["created later", "unknown age"])
def test_a_package_known_by_name_is_not_one_that_may_be_younger(store: Store, created: int | None) -> None:
    first = by_name(store, NOW, "a")
    second = at(store, NOW + 10, ("1", "a"), created=created)
    assert served_rows(store, first) == [("name:a", "a", 1)]
    assert served_rows(store, second) == [("1", "a", 1)]


def test_an_old_list_finds_a_package_by_a_name_it_no_longer_has(store: Store) -> None:
    at(store, NOW, ("1", "old"), created=NOW - 50)
    at(store, NOW + 10, ("1", "new"), created=NOW - 50)
    past = by_name(store, NOW - 10, "old")
    assert served_rows(store, past) == [("1", "old", 1)]
    assert query(store, "SELECT count(*) FROM package") == [(1,)]


def test_an_old_list_does_not_find_a_package_that_was_made_after_it(store: Store) -> None:
    at(store, NOW, ("1", "a"), created=NOW - 50)
    past = by_name(store, NOW - 100, "a")
    assert served_rows(store, past) == [("name:a", "a", 1)]


def test_a_name_that_changed_hands_names_whoever_had_it_then(store: Store) -> None:
    at(store, NOW, ("1", "a"), ("2", "b"), created=NOW - 50)
    at(store, NOW + 20, ("1", "b"), ("2", "a"), created=NOW - 50)
    assert served_rows(store, by_name(store, NOW + 10, "a")) == [("1", "a", 1)]
    assert served_rows(store, by_name(store, NOW + 30, "a")) == [("2", "a", 1)]


def test_a_name_made_again_names_the_newer_package(store: Store) -> None:
    at(store, NOW, ("1", "a"), created=NOW - 50)
    at(store, NOW + 20, ("2", "a"), created=NOW + 15)
    later = by_name(store, NOW + 30, "a")
    assert served_rows(store, later) == [("2", "a", 1)]


def test_names_of_one_registry_are_not_looked_for_in_another(store: Store) -> None:
    take_snapshot(store, [make_observation("a", 1, "a")], at=NOW, registry=NPM)
    assert served_rows(store, by_name(store, NOW + 1, "a")) == [("name:a", "a", 1)]


def test_a_parent_that_is_not_listed_has_a_name(store: Store) -> None:
    snapshot = begin_snapshot(store, at=5)
    store.save_page(snapshot, make_page([make_observation("child", parents=(Parent("base", "finetune", "9"),))]))
    assert names(store, "9") == [("base", 5, None)]
