"""Who vanished between two censuses is noted once, and is let go when it is seen again."""

from __future__ import annotations

import pytest

from db.census.missing import find_missing_packages
from db.store.changes import ChangeStore
from tests.db.builders import query
from tests.db.census.test_history import make_census_store, take_census

HUB = "huggingface/models"
ROW = (1, 2, 3)
A, B, C = (f"{number:024x}" for number in (1, 2, 3))


def test_those_that_the_newest_census_lacks_are_noted_once() -> None:
    store = make_census_store()
    take_census(store, {A: ROW, B: ROW}, at=100)
    assert find_missing_packages(store.connection, HUB) == []
    take_census(store, {A: ROW, C: ROW}, at=200)
    (found,) = find_missing_packages(store.connection, HUB)
    assert (*found[1:], *query(store, "SELECT stable_id FROM package WHERE package_id = ?", found[0])) == (
        100, 200, (B,),
    )  # fmt: skip
    store.__class__ = ChangeStore
    assert store.open_missing([found]) == 1
    assert find_missing_packages(store.connection, HUB) == []
    assert [row["stable_id"] for row in store.pending_missing(HUB)] == [B]


def test_one_that_is_listed_again_is_no_longer_asked_for() -> None:
    store = make_census_store()
    take_census(store, {A: ROW, B: ROW}, at=100)
    take_census(store, {A: ROW}, at=200)
    store.__class__ = ChangeStore
    store.open_missing(find_missing_packages(store.connection, HUB))
    assert store.close_returned(HUB, 250) == 0
    store.__class__ = type(make_census_store())
    take_census(store, {A: ROW, B: ROW}, at=300)
    store.__class__ = ChangeStore
    assert store.close_returned(HUB, 350) == 1
    assert query(store, "SELECT state, decided_at FROM missing_package") == [("returned", 350)]
    assert query(store, "SELECT kind FROM quality_event WHERE kind = 'returned'") == [("returned",)]
    assert store.pending_missing(HUB) == []


@pytest.mark.fault("D4")
def test_one_that_was_not_there_and_is_listed_again_was_private_and_not_deleted() -> None:
    store = make_census_store()
    take_census(store, {A: ROW, B: ROW, C: ROW}, at=100)
    take_census(store, {A: ROW}, at=200)
    store.__class__ = ChangeStore
    store.open_missing(find_missing_packages(store.connection, HUB))
    ask = store.connection.execute
    ask("UPDATE missing_package SET probes = 1, first_probe = 210, last_probe = 210")
    ask("UPDATE missing_package SET state = 'deleted', decided_at = 220 WHERE package_id = 3")
    assert store.close_returned(HUB, 250) == 0
    store.__class__ = type(make_census_store())
    take_census(store, {A: ROW, B: ROW, C: ROW}, at=300)
    store.__class__ = ChangeStore
    for at in (350, 360):
        store.close_returned(HUB, at)
    assert query(store, "SELECT package_id, noted_at FROM quality_event WHERE kind = 'privated' ORDER BY 1") == [
        (2, 350), (3, 350),
    ]  # fmt: skip
    assert query(store, "SELECT state FROM missing_package ORDER BY package_id") == [("returned",), ("deleted",)]
