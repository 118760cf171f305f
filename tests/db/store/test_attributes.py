"""Attributes of packages (library, task, licence) and the intervals in which they hold."""

from __future__ import annotations

from db.store import Store
from tests.db.builders import make_observation, query, take_snapshot


def list_package(store: Store, instant: int, **attributes: str | None) -> None:
    """List one package with these attributes at an instant. Attributes without a key were not requested."""
    take_snapshot(store, [make_observation("a", 1, attributes=attributes)], at=instant)


def tasks(store: Store) -> list[tuple[object, ...]]:
    """Return the values of the attribute `task` with their intervals."""
    return query(store, "SELECT value, valid_from, valid_to FROM attribute WHERE name = 'task' ORDER BY valid_from")


def test_an_attribute_that_stays_is_one_row(store: Store) -> None:
    list_package(store, 10, task="text")
    list_package(store, 20, task="text")
    assert tasks(store) == [("text", 10, None)]


def test_an_attribute_that_changes_is_two_rows(store: Store) -> None:
    list_package(store, 10, task="text")
    list_package(store, 20, task="image")
    assert tasks(store) == [("text", 10, 20), ("image", 20, None)]


def test_an_attribute_that_disappears_is_closed(store: Store) -> None:
    list_package(store, 10, task="text")
    list_package(store, 20, task=None)
    assert tasks(store) == [("text", 10, 20)]


def test_an_attribute_that_returns_is_opened_again(store: Store) -> None:
    for instant, task in [(10, "text"), (20, None), (30, "text")]:
        list_package(store, instant, task=task)
    assert tasks(store) == [("text", 10, 20), ("text", 30, None)]


def test_an_attribute_that_was_not_requested_stays_open(store: Store) -> None:
    list_package(store, 10, task="text", licence="mit")
    list_package(store, 20, licence="apache-2.0")
    assert tasks(store) == [("text", 10, None)]


def test_a_package_that_is_not_listed_keeps_its_attributes(store: Store) -> None:
    list_package(store, 10, task="text")
    take_snapshot(store, ["b"], at=20)
    assert tasks(store) == [("text", 10, None)]


def test_an_older_list_imported_later_adds_older_attributes(store: Store) -> None:
    list_package(store, 20, task="image")
    list_package(store, 10, task="text")
    assert tasks(store) == [("text", 10, 20), ("image", 20, None)]


def test_an_older_list_does_not_close_newer_attributes(store: Store) -> None:
    list_package(store, 20, task="image")
    list_package(store, 10, task=None)
    assert tasks(store) == [("image", 20, None)]


def test_a_package_has_its_newest_counters(store: Store) -> None:
    take_snapshot(store, [make_observation("a", 5, likes=1, sha="one")], at=10)
    take_snapshot(store, [make_observation("a", 6)], at=20)
    take_snapshot(store, [make_observation("a", 4, likes=9)], at=15)
    assert query(store, "SELECT downloads, likes, sha, seen_at FROM package") == [(6, 1, "one", 20)]
