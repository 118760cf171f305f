"""Compact ids and short hashes: values are read back unchanged, and packages are found by an index."""

from __future__ import annotations

import random
import re
import sqlite3
from pathlib import Path

import pytest

from db.census import new_packages
from db.census.writer import CensusStore
from db.ids import compact_id
from db.migrate import split_statements
from db.rows import RELATIONS, CensusPage, Observation, Parent, SnapshotSpec
from db.sql_files import STATEMENTS_FOLDER
from db.store import Store
from tests.db.builders import MODELS, PASSED, make_observation, make_page, query, take_snapshot
from tests.db.census.test_history import make_census_store

READ = ("package", "alias", "attribute", "package_library", "lineage_edge", "quality_event", "name_history")
NAMES = [f"maker/m{number}" for number in range(12)]
FROM_A_PAGE = ("upsert_packages", "package_changes", "census_package_changes", "package_by_name")


@pytest.mark.parametrize("text", ["0" * 24, "f" * 40, "F" * 24, "0" * 23, "name:" + "0" * 19, " " * 24, "é" * 24, ""])
def test_an_id_is_stored_compactly_and_read_back_unchanged(store: Store, text: str) -> None:
    take_snapshot(store, [make_observation("a", 1, key=text or "x", sha=text)])
    assert query(store, "SELECT stable_id, sha, typeof(key) FROM package") == [
        (text or "x", text, "blob" if isinstance(compact_id(text), bytes) else "text")
    ]


def test_terms_added_in_a_failed_transaction_are_forgotten(store: Store) -> None:
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
    for module in ("db.store", "db.store.terms"):
        monkeypatch.setattr(f"{module}.short_hash", lambda text: 7)
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


def make_rows(rng: random.Random) -> list[Observation]:
    """Return the rows of one page of a census, in order."""
    return [
        Observation(
            f"{key:024x}", rng.choice(NAMES), key, sha=f"{key:040x}", created_at=5,
            attributes={name: rng.choice((None, "x", "y")) for name in ("task", "library")},
            libraries=tuple((name, "library") for name in rng.sample(("x", "y", "z"), rng.randrange(3))),
            parents=tuple(
                Parent(rng.choice(NAMES), rng.choice(RELATIONS), rng.choice((None, f"{number:024x}")))
                for number in rng.sample(range(30), rng.randrange(3))
            ),
        )
        for key in sorted(rng.sample(range(30), 12))
    ]  # fmt: skip


def make_censuses(seed: int) -> CensusStore:
    """Return a store with three censuses of two pages each."""
    rng, store = random.Random(seed), make_census_store()
    for at in (10, 20, 30):
        number = store.begin_snapshot(SnapshotSpec(MODELS, "downloads", "census:x", None, "x", "x", at, at))
        rows = make_rows(rng)
        for page_rows in (rows[:6], rows[6:]):
            missing = {name: [None] * len(page_rows) for name in ("likes", "downloads_all_time", "trending")}
            page = CensusPage(
                "ranking", "u", 0, 200, 1, "0" * 64, {}, len(page_rows),
                stable_ids=[row.stable_id for row in page_rows],
                fingerprints=[rng.randrange(1, 9) for _ in page_rows],
                downloads=[row.downloads for row in page_rows], observe=page_rows.__getitem__, **missing,
            )  # fmt: skip
            store.save_page(number, page)
        store.end_snapshot(number, "complete", PASSED, None, at)
    return store


@pytest.mark.parametrize("seed", range(4))
def test_new_packages_are_written_as_changed_rows_would_be(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    inserted = make_censuses(seed)
    monkeypatch.setattr(new_packages, "has_packages_by_name", lambda *_: True)
    compared = make_censuses(seed)
    number = "(SELECT stable_id FROM package p WHERE p.package_id = {0})"
    for table in READ:
        names = [name for (name,) in query(inserted, "SELECT name FROM pragma_table_xinfo(?)", table)]
        columns = [
            number.format(f"t.{name}") if name in ("package_id", "child_id", "parent_id") else name
            for name in names
            if name != "event_id"
        ]
        order = ", ".join(map(str, range(1, len(columns) + 1)))
        statement = f"SELECT {', '.join(columns)} FROM {table} t ORDER BY {order}"
        assert query(inserted, statement) == query(compared, statement), table


def query_plan(connection: sqlite3.Connection, statement: str) -> list[str]:
    """Return the steps by which SQLite would run a statement."""
    values = dict.fromkeys(re.findall(r":([a-z_]+)", statement))
    return [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)]


@pytest.mark.parametrize("name", FROM_A_PAGE)
def test_a_name_is_found_without_a_scan_of_all_packages(store: Store, name: str) -> None:
    for statement in split_statements((STATEMENTS_FOLDER / f"{name}.sql").read_text("utf-8")):
        steps = query_plan(store.connection, statement)
        assert not [
            step for step in steps if re.search(r"package_key \(registry_id=\?\)|MATERIALIZE [a-z_]*alias", step)
        ]


@pytest.mark.parametrize(
    "path", sorted((STATEMENTS_FOLDER.parent / "queries").glob("*.sql")), ids=lambda path: path.stem
)
def test_no_query_of_a_list_materialises_a_whole_view(store: Store, path: Path) -> None:
    pattern = r"MATERIALIZE (alias|attribute|package_library|lineage_edge)$"
    assert not [step for step in query_plan(store.connection, path.read_text("utf-8")) if re.search(pattern, step)]
