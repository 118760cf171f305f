"""A package that is missing from a census gets one case, which is closed when the package is listed again."""

from __future__ import annotations

import pytest

from db.census.missing import find_missing_packages
from db.rows import Reject
from db.store.changes import ChangeStore
from tests.db.builders import query
from tests.db.census.test_history import make_census_store, take_census

HUB = "huggingface/models"
ROW = (1, 2, 3)
A, B, C = (f"{number:024x}" for number in (1, 2, 3))


def test_packages_missing_from_the_newest_census_are_found_once() -> None:
    store = make_census_store()
    take_census(store, {A: ROW, B: ROW}, at=100)
    assert find_missing_packages(store.connection, HUB) == []
    take_census(store, {A: ROW, C: ROW}, at=200)
    (missing,) = find_missing_packages(store.connection, HUB)
    assert (*missing[1:], *query(store, "SELECT stable_id FROM package WHERE package_id = ?", missing[0])) == (
        100,
        200,
        (B,),
    )
    changes = ChangeStore(store.database)
    assert changes.open_missing([missing]) == 1
    assert find_missing_packages(store.connection, HUB) == []
    assert [row["stable_id"] for row in changes.pending_missing(HUB)] == [B]


@pytest.mark.fault("D14")
def test_a_package_whose_row_could_not_be_read_is_not_missing() -> None:
    store = make_census_store()
    take_census(store, {A: ROW, B: ROW, C: ROW}, at=100)
    rejects = (Reject(1, "id is missing", f'{{"_id":"{B}","id":null}}'),)
    take_census(store, {A: ROW}, at=200, rejects=rejects)
    assert [package for package, *_ in find_missing_packages(store.connection, HUB)] == [3]


def test_the_case_of_a_package_that_is_listed_again_is_closed() -> None:
    store = make_census_store()
    take_census(store, {A: ROW, B: ROW}, at=100)
    take_census(store, {A: ROW}, at=200)
    changes = ChangeStore(store.database)
    changes.open_missing(find_missing_packages(store.connection, HUB))
    assert changes.close_returned(HUB, 250) == 0
    take_census(store, {A: ROW, B: ROW}, at=300)
    assert changes.close_returned(HUB, 350) == 1
    assert query(store, "SELECT state, decided_at FROM missing_package") == [("returned", 350)]
    assert query(store, "SELECT kind FROM quality_event WHERE kind = 'returned'") == [("returned",)]
    assert changes.pending_missing(HUB) == []


@pytest.mark.fault("D4")
def test_a_missing_package_that_is_listed_again_was_private_and_not_deleted() -> None:
    store = make_census_store()
    take_census(store, {A: ROW, B: ROW, C: ROW}, at=100)
    take_census(store, {A: ROW}, at=200)
    changes = ChangeStore(store.database)
    changes.open_missing(find_missing_packages(store.connection, HUB))
    execute = store.connection.execute
    execute("UPDATE missing_package SET probes = 1, first_probe = 210, last_probe = 210")
    execute("UPDATE missing_package SET state = 'deleted', decided_at = 220 WHERE package_id = 3")
    assert changes.close_returned(HUB, 250) == 0
    take_census(store, {A: ROW, B: ROW, C: ROW}, at=300)
    for at in (350, 360):
        changes.close_returned(HUB, at)
    assert query(store, "SELECT package_id, noted_at FROM quality_event WHERE kind = 'privated' ORDER BY 1") == [
        (2, 350),
        (3, 350),
    ]
    assert query(store, "SELECT state FROM missing_package ORDER BY package_id") == [("returned",), ("deleted",)]
