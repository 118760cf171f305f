"""What is kept small is read as it was said, found without a look at everything, and written by either way alike."""

from __future__ import annotations

import random
import re
import sqlite3
from pathlib import Path

import pytest

from db.census import new_packages as newcomers
from db.census.writer import CensusStore
from db.ids import compact_id
from db.migrate import split_statements
from db.rows import RELATIONS, CensusPage, Observation, Parent, SnapshotSpec
from db.store import STATEMENTS_FOLDER, Store
from tests.db.builders import MODELS, PASSED, make_observation, make_page, query, take_snapshot
from tests.db.census.test_history import make_census_store

READ = ("package", "alias", "attribute", "package_library", "lineage_edge", "quality_event", "name_history")
NAMES = [f"maker/m{number}" for number in range(12)]
FROM_A_PAGE = ("upsert_packages", "package_changes", "census_package_changes", "package_by_name")


@pytest.mark.parametrize("text", ["0" * 24, "f" * 40, "F" * 24, "0" * 23, "name:" + "0" * 19, " " * 24, "é" * 24, ""])
def test_a_text_is_kept_small_and_read_as_it_was(store: Store, text: str) -> None:
    take_snapshot(store, [make_observation("a", 1, key=text or "x", sha=text)])
    assert query(store, "SELECT stable_id, sha, typeof(key) FROM package") == [
        (text or "x", text, "blob" if isinstance(compact_id(text), bytes) else "text")
    ]


def test_words_given_in_a_transaction_that_failed_are_forgotten(store: Store) -> None:
    snapshot = take_snapshot(store, ["a"])
    with pytest.raises(ZeroDivisionError), store.transaction():
        store._load_incoming(make_page([make_observation("b", attributes={"task": "gone"})]))
        raise ZeroDivisionError
    assert query(store, "SELECT count(*) FROM term") == [(0,)]
    take_snapshot(
        store,
        [make_observation("b", attributes={"task": "other"}), make_observation("c", attributes={"task": "gone"})],
        at=snapshot,
    )
    assert query(store, "SELECT value FROM attribute ORDER BY package_id") == [("other",), ("gone",)]


def test_two_names_with_one_hash_are_two(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("db.store.short_hash", lambda text: 7)
    two = {"task": "x", "sdk": "y"}
    take_snapshot(
        store,
        [make_observation("a", 2, key="1" * 24), make_observation("b", 1, key="2" * 24, created_at=0, attributes=two)],
    )
    take_snapshot(
        store, [make_observation("b", 1, key="name:b"), make_observation("d", 1, parents=(Parent("a", "merge"),))], at=9
    )
    assert query(store, "SELECT rank, package_id FROM ranking WHERE snapshot_id = 2 ORDER BY 1") == [(1, 2), (2, 3)]
    assert query(store, "SELECT parent_id FROM lineage_edge") == [(1,)]
    assert query(store, "SELECT name, value FROM attribute ORDER BY 1") == [("sdk", "y"), ("task", "x")]


def rows(chance: random.Random) -> list[Observation]:
    """The rows of one page of a census, in order."""
    return [
        Observation(
            f"{key:024x}", chance.choice(NAMES), key, sha=f"{key:040x}", created_at=5,
            attributes={name: chance.choice((None, "x", "y")) for name in ("task", "library")},
            libraries=tuple((name, "library") for name in chance.sample(("x", "y", "z"), chance.randrange(3))),
            parents=tuple(
                Parent(chance.choice(NAMES), chance.choice(RELATIONS), chance.choice((None, f"{number:024x}")))
                for number in chance.sample(range(30), chance.randrange(3))
            ),
        )
        for key in sorted(chance.sample(range(30), 12))
    ]  # fmt: skip


def censuses(seed: int) -> CensusStore:
    """Three censuses of two pages each."""
    chance, store = random.Random(seed), make_census_store()
    for at in (10, 20, 30):
        number = store.begin_snapshot(SnapshotSpec(MODELS, "downloads", "census:x", None, "x", "x", at, at))
        listed = rows(chance)
        for part in (listed[:6], listed[6:]):
            some = {name: [None] * len(part) for name in ("likes", "downloads_all_time", "trending")}
            said = CensusPage(
                "ranking", "u", 0, 200, 1, "0" * 64, {}, len(part), stable_ids=[one.stable_id for one in part],
                fingerprints=[chance.randrange(1, 9) for _ in part], downloads=[one.downloads for one in part],
                observe=part.__getitem__, **some,
            )  # fmt: skip
            store.save_page(number, said)
        store.end_snapshot(number, "complete", PASSED, None, at)
    return store


@pytest.mark.parametrize("seed", range(4))
def test_newcomers_are_written_as_any_row_would_be(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    straight = censuses(seed)
    monkeypatch.setattr(newcomers, "has_packages_by_name", lambda *_: True)
    compared = censuses(seed)
    number = "(SELECT stable_id FROM package p WHERE p.package_id = {0})"
    for table in READ:
        names = [name for (name,) in query(straight, "SELECT name FROM pragma_table_xinfo(?)", table)]
        told = [
            number.format(f"t.{name}") if name in ("package_id", "child_id", "parent_id") else name
            for name in names
            if name != "event_id"
        ]
        question = f"SELECT {', '.join(told)} FROM {table} t ORDER BY {', '.join(map(str, range(1, len(told) + 1)))}"
        assert query(straight, question) == query(compared, question), table


def plan(connection: sqlite3.Connection, statement: str) -> list[str]:
    values = dict.fromkeys(re.findall(r":([a-z_]+)", statement))
    return [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)]


@pytest.mark.parametrize("name", FROM_A_PAGE)
def test_a_name_is_found_without_a_look_at_every_package(store: Store, name: str) -> None:
    for statement in split_statements((STATEMENTS_FOLDER / f"{name}.sql").read_text("utf-8")):
        steps = plan(store.connection, statement)
        assert not [
            step for step in steps if re.search(r"package_key \(registry_id=\?\)|MATERIALIZE [a-z_]*alias", step)
        ]


@pytest.mark.parametrize(
    "path", sorted((STATEMENTS_FOLDER.parent / "queries").glob("*.sql")), ids=lambda path: path.stem
)
def test_no_question_of_a_list_puts_a_whole_view_together(store: Store, path: Path) -> None:
    whole = r"MATERIALIZE (alias|attribute|package_library|lineage_edge)$"
    assert not [step for step in plan(store.connection, path.read_text("utf-8")) if re.search(whole, step)]
