"""Library, task, licence: what was so from one instant to another."""

from __future__ import annotations

from db.store import Store
from tests.db.builders import make_observation, query, take_snapshot


def at(store: Store, instant: int, **attributes: str | None) -> None:
    """One package is listed with these attributes; what is not among them was not asked for."""
    take_snapshot(store, [make_observation("a", 1, attributes=attributes)], at=instant)


def tasks(store: Store) -> list[tuple[object, ...]]:
    """The values of the attribute `task` in turn."""
    return query(store, "SELECT value, valid_from, valid_to FROM attribute WHERE name = 'task' ORDER BY valid_from")


def test_an_attribute_that_stays_is_one_row(store: Store) -> None:
    at(store, 10, task="text")
    at(store, 20, task="text")
    assert tasks(store) == [("text", 10, None)]


def test_an_attribute_that_changes_is_two_rows(store: Store) -> None:
    at(store, 10, task="text")
    at(store, 20, task="image")
    assert tasks(store) == [("text", 10, 20), ("image", 20, None)]


def test_an_attribute_that_is_gone_is_closed(store: Store) -> None:
    at(store, 10, task="text")
    at(store, 20, task=None)
    assert tasks(store) == [("text", 10, 20)]


def test_an_attribute_that_is_back_is_opened_again(store: Store) -> None:
    for instant, task in [(10, "text"), (20, None), (30, "text")]:
        at(store, instant, task=task)
    assert tasks(store) == [("text", 10, 20), ("text", 30, None)]


def test_an_attribute_that_was_not_asked_for_stays_as_it_was(store: Store) -> None:
    at(store, 10, task="text", licence="mit")
    at(store, 20, licence="apache-2.0")
    assert tasks(store) == [("text", 10, None)]


def test_a_package_that_is_not_listed_keeps_its_attributes(store: Store) -> None:
    at(store, 10, task="text")
    take_snapshot(store, ["b"], at=20)
    assert tasks(store) == [("text", 10, None)]


def test_an_older_list_that_comes_later_gives_older_attributes(store: Store) -> None:
    at(store, 20, task="image")
    at(store, 10, task="text")
    assert tasks(store) == [("text", 10, 20), ("image", 20, None)]


def test_an_older_list_does_not_close_what_is_newer(store: Store) -> None:
    at(store, 20, task="image")
    at(store, 10, task=None)
    assert tasks(store) == [("image", 20, None)]


def test_a_package_has_the_newest_counters_that_were_served(store: Store) -> None:
    take_snapshot(store, [make_observation("a", 5, likes=1, sha="one")], at=10)
    take_snapshot(store, [make_observation("a", 6)], at=20)
    take_snapshot(store, [make_observation("a", 4, likes=9)], at=15)
    assert query(store, "SELECT downloads, likes, sha, seen_at FROM package") == [(6, 1, "one", 20)]
