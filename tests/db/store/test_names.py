"""The identity of a package: its stable id across renames, and its name only until the id is seen."""

from __future__ import annotations

from itertools import permutations

import pytest

from db.identity import derive_stable_id
from db.rows import Parent, Registry
from db.store import Store, compute_digest
from tests.db.builders import (
    begin_snapshot,
    make_observation,
    make_page,
    no_known_renames,
    query,
    served_rows,
    take_snapshot,
)

NOW = 1_700_000_000  # after LONG_AGO
LONG_AGO = 1_646_263_744  # the creation date that the Hub gives to all older packages
NPM = Registry("npm", "ecosystems")


def names_of(store: Store, key: str) -> list[tuple[object, ...]]:
    """Return every name of a package with its interval."""
    statement = (
        "SELECT a.name, valid_from, valid_to FROM alias a JOIN package USING (package_id)"
        " WHERE stable_id = ? ORDER BY 2"
    )
    return query(store, statement, key)


def changes_of_name(store: Store, key: str) -> list[tuple[object, object]]:
    """Return each name of a package with the time at which it followed another name."""
    names = [(name, since) for name, since, _ in names_of(store, key)]
    return [now for before, now in zip([(None, 0), *names], names, strict=False) if before[0] != now[0]]


def take_at(store: Store, instant: int, *rows: tuple[str, str], created: int | None = None) -> int:
    """Take a snapshot of (id, name) rows."""
    return take_snapshot(store, [make_observation(name, 1, key, created_at=created) for key, name in rows], at=instant)


def import_names(store: Store, instant: int, *rows: str) -> int:
    """Import a list that has only names."""
    return take_at(store, instant, *((derive_stable_id("huggingface/models", name), name) for name in rows))


def test_a_rename_closes_one_name_and_opens_another(store: Store) -> None:
    before, after = take_at(store, 10, ("1", "old")), take_at(store, 20, ("1", "new"))
    assert names_of(store, "1") == [("old", 10, 20), ("new", 20, None)]
    assert (served_rows(store, before), served_rows(store, after)) == ([("1", "old", 1)], [("1", "new", 1)])


def test_a_rename_is_an_event(store: Store) -> None:
    take_at(store, 10, ("1", "old"))
    take_at(store, 20, ("1", "new"))
    assert query(store, "SELECT kind, before, after, noted_at FROM quality_event") == [("renamed", "old", "new", 20)]


def test_a_package_that_is_renamed_back_has_three_names_in_turn(store: Store) -> None:
    for instant, name in [(10, "a"), (20, "b"), (30, "a")]:
        take_at(store, instant, ("1", name))
    assert names_of(store, "1") == [("a", 10, 20), ("b", 20, 30), ("a", 30, None)]


def test_two_packages_may_swap_their_names(store: Store) -> None:
    first = take_at(store, 10, ("1", "a"), ("2", "b"))
    second = take_at(store, 20, ("1", "b"), ("2", "a"))
    assert served_rows(store, first) == [("1", "a", 1), ("2", "b", 1)]
    assert served_rows(store, second) == [("1", "b", 1), ("2", "a", 1)]


def test_a_package_that_is_deleted_and_created_again_is_another_package(store: Store) -> None:
    first, second = take_at(store, 10, ("1", "a")), take_at(store, 20, ("2", "a"))
    assert served_rows(store, first) == [("1", "a", 1)]
    assert served_rows(store, second) == [("2", "a", 1)]


def test_an_older_list_imported_later_adds_older_names(store: Store) -> None:
    newer, older = take_at(store, 20, ("1", "new")), take_at(store, 10, ("1", "old"))
    assert (served_rows(store, older), served_rows(store, newer)) == ([("1", "old", 1)], [("1", "new", 1)])
    assert query(store, "SELECT name, seen_at FROM package") == [("new", 20)]
    assert query(store, "SELECT count(*) FROM quality_event") == [(0,)]


def test_a_list_between_two_others_repeats_the_name_they_agree_on(store: Store) -> None:
    take_at(store, 10, ("1", "a"))
    take_at(store, 30, ("1", "a"))
    take_at(store, 20, ("1", "a"))
    assert names_of(store, "1") == [("a", 10, None)]


def test_a_list_between_two_others_keeps_the_name_it_was_served_with(store: Store) -> None:
    take_at(store, 10, ("1", "a"))
    take_at(store, 30, ("1", "a"))
    between = take_at(store, 20, ("1", "b"))
    assert served_rows(store, between) == [("1", "b", 1)]


def test_a_rename_between_two_pages_is_seen_from_the_next_list_on(store: Store) -> None:
    snapshot = begin_snapshot(store, at=10)
    store.save_page(snapshot, make_page([make_observation("a", 1, "1")]))
    store.save_page(snapshot, make_page([make_observation("b", 1, "1")]))
    later = take_at(store, 20, ("1", "b"))
    assert served_rows(store, later) == [("1", "b", 1)]


def test_a_package_known_by_name_is_the_one_whose_id_is_seen_if_that_is_old_enough(store: Store) -> None:
    first = import_names(store, NOW, "a")
    take_at(store, NOW + 10, ("1", "a"), created=NOW - 5)
    assert served_rows(store, first) == [("1", "a", 1)]
    assert query(store, "SELECT count(*) FROM package") == [(1,)]


def test_a_package_known_by_name_is_the_one_whose_age_the_hub_does_not_report(store: Store) -> None:
    first = import_names(store, LONG_AGO - 100, "a")
    take_at(store, NOW, ("1", "a"), created=LONG_AGO)
    assert served_rows(store, first) == [("1", "a", 1)]


@pytest.mark.parametrize("created", [NOW + 5, None], ids=["created later", "unknown age"])
def test_a_package_known_by_name_is_not_one_that_may_be_younger(store: Store, created: int | None) -> None:
    first = import_names(store, NOW, "a")
    second = take_at(store, NOW + 10, ("1", "a"), created=created)
    assert served_rows(store, first) == [("name:a", "a", 1)]
    assert served_rows(store, second) == [("1", "a", 1)]


def test_an_old_list_finds_a_package_by_a_name_it_no_longer_has(store: Store) -> None:
    take_at(store, NOW, ("1", "old"), created=NOW - 50)
    take_at(store, NOW + 10, ("1", "new"), created=NOW - 50)
    past = import_names(store, NOW - 10, "old")
    assert served_rows(store, past) == [("1", "old", 1)]
    assert query(store, "SELECT count(*) FROM package") == [(1,)]


def test_an_old_list_does_not_find_a_package_that_was_created_after_it(store: Store) -> None:
    take_at(store, NOW, ("1", "a"), created=NOW - 50)
    past = import_names(store, NOW - 100, "a")
    assert served_rows(store, past) == [("name:a", "a", 1)]


def test_a_name_that_changed_hands_refers_to_its_owner_at_the_time(store: Store) -> None:
    take_at(store, NOW, ("1", "a"), ("2", "b"), created=NOW - 50)
    take_at(store, NOW + 20, ("1", "b"), ("2", "a"), created=NOW - 50)
    assert served_rows(store, import_names(store, NOW + 10, "a")) == [("1", "a", 1)]
    assert served_rows(store, import_names(store, NOW + 30, "a")) == [("2", "a", 1)]


def test_a_name_created_again_refers_to_the_newer_package(store: Store) -> None:
    take_at(store, NOW, ("1", "a"), created=NOW - 50)
    take_at(store, NOW + 20, ("2", "a"), created=NOW + 15)
    later = import_names(store, NOW + 30, "a")
    assert served_rows(store, later) == [("2", "a", 1)]


def test_names_of_one_registry_are_not_searched_in_another(store: Store) -> None:
    take_snapshot(store, [make_observation("a", 1, "a")], at=NOW, registry=NPM)
    assert served_rows(store, import_names(store, NOW + 1, "a")) == [("name:a", "a", 1)]


FORMER, CURRENT = "gpt2", "openai-community/gpt2"  # both names of a known rename
LISTS = {NOW: FORMER, NOW + 10: FORMER, NOW + 20: CURRENT}


@pytest.mark.parametrize("order", list(permutations(LISTS)))
def test_both_names_of_a_known_rename_are_one_package_in_any_order_of_import(
    store: Store, order: tuple[int, ...]
) -> None:
    snapshots = {instant: import_names(store, instant, LISTS[instant]) for instant in order}
    for instant, snapshot in snapshots.items():
        assert served_rows(store, snapshot) == [(f"name:{CURRENT}", LISTS[instant], 1)]
    assert changes_of_name(store, f"name:{CURRENT}") == [(FORMER, NOW), (CURRENT, NOW + 20)]
    assert query(store, "SELECT name, seen_at FROM package") == [(CURRENT, NOW + 20)]


@pytest.mark.parametrize("order", list(permutations([*LISTS, NOW + 30])))
@pytest.mark.parametrize("crawled_name", [CURRENT, FORMER])
def test_a_crawl_gives_both_names_of_a_known_rename_one_id(
    store: Store, order: tuple[int, ...], crawled_name: str
) -> None:
    for instant in order:
        if instant in LISTS:
            import_names(store, instant, LISTS[instant])
        else:
            take_at(store, instant, ("1", crawled_name), created=LONG_AGO)
    assert query(store, "SELECT stable_id, name FROM package") == [("1", crawled_name)]
    last = [(FORMER, NOW + 30)] if crawled_name == FORMER else []
    assert changes_of_name(store, "1") == [(FORMER, NOW), (CURRENT, NOW + 20), *last]


def test_a_known_rename_is_an_event_that_says_how_it_is_known(store: Store) -> None:
    import_names(store, NOW, FORMER)
    import_names(store, NOW + 10, CURRENT)
    assert query(store, "SELECT kind, before, after, evidence FROM quality_event") == [
        ("renamed", FORMER, CURRENT, "a known rename")
    ]


@pytest.mark.parametrize("later_name", [FORMER, CURRENT])
@pytest.mark.parametrize("key", [None, "1"])
def test_a_rename_that_becomes_known_does_not_split_a_stored_package(
    store: Store, later_name: str, key: str | None
) -> None:
    with no_known_renames(store):
        first = take_at(store, NOW, (f"name:{FORMER}", FORMER))
    digest = query(store, "SELECT digest FROM snapshot")
    take_at(store, NOW + 10, (key or f"name:{CURRENT}", later_name), created=LONG_AGO)
    assert query(store, "SELECT stable_id, name FROM package") == [(key or f"name:{CURRENT}", later_name)]
    assert served_rows(store, first) == [(key or f"name:{CURRENT}", FORMER, 1)]
    assert [(compute_digest(store.connection, first),)] == digest


def test_both_names_in_one_list_are_the_same_package_twice(store: Store) -> None:
    snapshot = import_names(store, NOW, CURRENT, FORMER, "other")
    assert [row[:2] for row in served_rows(store, snapshot)] == [(f"name:{CURRENT}", CURRENT), ("name:other", "other")]
    assert query(store, "SELECT duplicates FROM page") == [(1,)]


@pytest.mark.parametrize("name", [FORMER, CURRENT])
def test_both_names_of_a_known_rename_find_the_package(store: Store, name: str) -> None:
    for stored_name in (FORMER, CURRENT):
        import_names(store, NOW if stored_name == FORMER else NOW + 10, stored_name)
        (row,) = store.query("package_by_name", registry="huggingface/models", package=name, at=NOW)
        assert row["package_id"] == 1


def test_a_parent_that_is_not_listed_has_a_name(store: Store) -> None:
    snapshot = begin_snapshot(store, at=5)
    store.save_page(snapshot, make_page([make_observation("child", parents=(Parent("base", "finetune", "9"),))]))
    assert names_of(store, "9") == [("base", 5, None)]
