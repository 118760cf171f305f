"""Who vanished between two censuses is noted once, and is let go when it is seen again."""

from __future__ import annotations

from db.census.missing import vanished
from db.store.changes import LookStore
from tests.db.builders import asked
from tests.db.census.test_history import census, census_store

HUB = "huggingface/models"
ROW = (1, 2, 3)
A, B, C = (f"{number:024x}" for number in (1, 2, 3))


def test_those_that_the_newest_census_lacks_are_noted_once() -> None:
    store = census_store()
    census(store, {A: ROW, B: ROW}, at=100)
    assert vanished(store.connection, HUB) == []
    census(store, {A: ROW, C: ROW}, at=200)
    (found,) = vanished(store.connection, HUB)
    assert (*found[1:], *asked(store, "SELECT stable_id FROM package WHERE package_id = ?", found[0])) == (
        100, 200, (B,),
    )  # fmt: skip
    store.__class__ = LookStore
    assert store.miss([found]) == 1
    assert vanished(store.connection, HUB) == []
    assert [row["stable_id"] for row in store.undecided(HUB)] == [B]


def test_one_that_is_listed_again_is_no_longer_asked_for() -> None:
    store = census_store()
    census(store, {A: ROW, B: ROW}, at=100)
    census(store, {A: ROW}, at=200)
    store.__class__ = LookStore
    store.miss(vanished(store.connection, HUB))
    assert store.welcome_back(HUB, 250) == 0
    store.__class__ = type(census_store())
    census(store, {A: ROW, B: ROW}, at=300)
    store.__class__ = LookStore
    assert store.welcome_back(HUB, 350) == 1
    assert asked(store, "SELECT state, decided_at FROM absence") == [("returned", 350)]
    assert asked(store, "SELECT kind FROM quality_event WHERE kind = 'returned'") == [("returned",)]
    assert store.undecided(HUB) == []


def test_D4_one_that_was_not_there_and_is_listed_again_was_private_and_not_deleted() -> None:
    store = census_store()
    census(store, {A: ROW, B: ROW, C: ROW}, at=100)
    census(store, {A: ROW}, at=200)
    store.__class__ = LookStore
    store.miss(vanished(store.connection, HUB))
    ask = store.connection.execute
    ask("UPDATE absence SET probes = 1, first_probe = 210, last_probe = 210")
    ask("UPDATE absence SET state = 'deleted', decided_at = 220 WHERE package_id = 3")
    assert store.welcome_back(HUB, 250) == 0
    store.__class__ = type(census_store())
    census(store, {A: ROW, B: ROW, C: ROW}, at=300)
    store.__class__ = LookStore
    for at in (350, 360):
        store.welcome_back(HUB, at)
    assert asked(store, "SELECT package_id, noted_at FROM quality_event WHERE kind = 'privated' ORDER BY 1") == [
        (2, 350), (3, 350),
    ]  # fmt: skip
    assert asked(store, "SELECT state FROM absence ORDER BY package_id") == [("returned",), ("deleted",)]
