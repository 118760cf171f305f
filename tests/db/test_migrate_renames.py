"""Migration 0016: the two packages of a known rename become one, and ended snapshots keep their digests."""

from __future__ import annotations

import pytest

from db.migrate import FOLDER, split_statements
from db.rows import Parent
from db.store import Store, compute_digest
from tests.db.builders import make_observation, no_known_renames, query, served_rows, take_snapshot

MIGRATION = FOLDER / "0016_known_renames.sql"
DAY = 86_400
NOW = 1_700_000_000
LONG_AGO = 1_646_263_744  # the creation date that the Hub gives to all older packages
FORMER, CURRENT = "gpt2", "openai-community/gpt2"


def take_old(store: Store, day: int, name: str, key: str | None = None, **fields: object) -> int:
    """Take a list with one package as older versions stored it: two names of a known rename had two ids."""
    rows = [make_observation("child", 9), make_observation(name, day, key or f"name:{name}", **fields)]
    with no_known_renames(store):
        return take_snapshot(store, rows, at=NOW + day * DAY)


def migrate(store: Store) -> None:
    """Run the migration, and check that no ended snapshot has changed."""
    digests = query(store, "SELECT snapshot_id, digest FROM snapshot")
    with store.transaction():
        for statement in split_statements(MIGRATION.read_text("utf-8")):
            store.connection.execute(statement)
    assert [(number, compute_digest(store.connection, number)) for number, _ in digests] == digests
    assert query(store, "PRAGMA foreign_key_check") == []


def history_of(store: Store) -> list[tuple[object, ...]]:
    return query(store, "SELECT name, (valid_from - ?) / 86400 FROM alias WHERE name <> 'child' ORDER BY 2", NOW)


@pytest.mark.parametrize(
    ("days", "key"), [((1, 2, 3), None), ((3, 2, 1), None), ((2, 3, 1), None), ((1, 2, 3), "1"), ((2, 1, 3), "1")]
)
def test_two_packages_of_a_known_rename_become_one(store: Store, days: tuple[int, ...], key: str | None) -> None:
    fields = {"key": key, "created_at": LONG_AGO} if key else {}
    lists = {1: (FORMER, {}), 2: (FORMER, {}), 3: (CURRENT, fields)}
    snapshots = {day: take_old(store, day, lists[day][0], **lists[day][1]) for day in days}
    assert query(store, "SELECT count(*) FROM package") == [(3,)]
    migrate(store)
    package = key or f"name:{CURRENT}"
    for day, snapshot in snapshots.items():
        assert served_rows(store, snapshot)[1] == (package, lists[day][0], day)
    assert history_of(store) == [(FORMER, 1), (CURRENT, 3)]
    assert query(store, "SELECT name, downloads, seen_at FROM package WHERE stable_id = ?", package) == [
        (CURRENT, 3, NOW + 3 * DAY)
    ]


def test_the_first_and_the_last_membership_are_joined(store: Store) -> None:
    store.connection.execute("INSERT INTO ranking_depth (k) VALUES (2)")
    for day, name in ((1, FORMER), (2, CURRENT)):
        take_old(store, day, name)
    migrate(store)
    memberships = "SELECT first_at, last_at FROM top_k_membership JOIN package USING (package_id) WHERE key = ?"
    assert query(store, memberships, f"name:{CURRENT}") == [(NOW + DAY, NOW + 2 * DAY)]
    assert query(store, "SELECT count(*) FROM top_k_membership") == [(2,)]


def test_attributes_and_children_of_the_former_name_are_kept(store: Store) -> None:
    take_old(store, 1, FORMER, attributes={"task": "text"}, libraries=(("torch", "library"),))
    child = make_observation("child", 9, parents=(Parent(FORMER, "finetune"),))
    take_snapshot(store, [child], at=NOW + DAY + 1)
    take_old(store, 2, CURRENT, attributes={"task": "image"})
    migrate(store)
    attributes = query(store, "SELECT value, (valid_from - ?1) / 86400, (valid_to - ?1) / 86400 FROM attribute", NOW)
    assert sorted(attributes) == [("image", 2, None), ("text", 1, 2)]
    assert query(store, "SELECT library, (valid_to - ?) / 86400 FROM package_library", NOW) == [("torch", 2)]
    parents = "SELECT p.stable_id, e.parent_name FROM lineage_edge e JOIN package p ON p.package_id = e.parent_id"
    assert query(store, parents) == [(f"name:{CURRENT}", FORMER)]


def test_a_package_with_only_the_former_name_waits_for_the_other(store: Store) -> None:
    first = take_old(store, 1, FORMER)
    migrate(store)
    second = take_old(store, 2, CURRENT)
    assert [served_rows(store, snapshot)[1][:2] for snapshot in (first, second)] == [
        (f"name:{CURRENT}", FORMER), (f"name:{CURRENT}", CURRENT),
    ]  # fmt: skip


@pytest.mark.parametrize("created", [None, NOW + 2 * DAY], ids=["of unknown age", "created later"])
def test_a_package_that_may_be_younger_is_not_joined(store: Store, created: int | None) -> None:
    take_old(store, 1, FORMER)
    take_old(store, 3, CURRENT, "1", created_at=created)
    migrate(store)
    keys = query(store, "SELECT stable_id FROM package WHERE name <> 'child' ORDER BY 1")
    assert keys == [("1",), (f"name:{CURRENT}",)]


def test_two_names_in_one_list_stay_two_packages(store: Store) -> None:
    rows = [make_observation(name, 1, f"name:{name}") for name in (FORMER, CURRENT)]
    with no_known_renames(store):
        snapshot = take_snapshot(store, rows, at=NOW)
    migrate(store)
    assert served_rows(store, snapshot) == [(f"name:{name}", name, 1) for name in (FORMER, CURRENT)]


def test_results_that_counted_two_packages_are_computed_again(store: Store) -> None:
    take_old(store, 1, FORMER)
    newest = take_old(store, 2, CURRENT)
    store.connection.execute(
        "INSERT INTO result VALUES (?, 'turnover', 1, 'turnover', 2, NULL, 0.5, NULL, NULL, 2, '', 0)", (newest,)
    )
    migrate(store)
    assert query(store, "SELECT count(*) FROM result") == [(0,)]


def test_a_list_is_protected_again_after_the_migration(store: Store) -> None:
    snapshot = take_old(store, 1, FORMER)
    migrate(store)
    for change in ("UPDATE ranking SET rank = 9", "DELETE FROM ranking"):
        with pytest.raises(Exception, match=r"cannot be (changed|deleted)"):
            store.connection.execute(f"{change} WHERE snapshot_id = ?", (snapshot,))
