"""The pages that are made from the schema say what it says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlite_utils import Database

from db.__main__ import COLUMNS, load_dictionary, render_dictionary, render_schema
from db.maintenance.schema import load_schema
from db.rows import Event, Parent, StoredResult
from db.store import Store
from db.store.cards import CardCollection, CardObservation, CardStore, CardText, blob_hash, unscored_cards
from db.store.changes import ChangeStore
from db.store.scores import Score, save_scores
from db.ticks import Tick, save_ticks
from tests.db.builders import MODELS, make_observation, query, take_snapshot
from tests.db.conftest import fill_store

ROOT = Path(__file__).resolve().parents[2]
VIEWS = [str(view["name"]) for view in load_dictionary()]


def columns(view: str) -> list[dict[str, object]]:
    """What the dictionary says of a view's columns."""
    (found,) = [one["column"] for one in load_dictionary() if one["name"] == view]
    return found


@pytest.fixture
def filled(store: Store) -> Store:
    """A store with something in every column, and something that lacks what may be lacking."""
    fill_store(store)
    full = {"likes": 1, "downloads_all_time": 9, "trending": 0.5, "dependents": 2, "dependent_repos": 3, "synced_at": 4}
    says = {
        "created_at": 1_600_000_000, "attributes": {"task": "text"}, "parents": (Parent("b", "finetune", None),),
        "libraries": (("peft", "library"),),
    }  # fmt: skip
    take_snapshot(store, [make_observation("a", 5, **full, **says), make_observation("b")], at=8 * 86_400, k=None)
    silent = {"attributes": {"task": None}, "parents": (), "libraries": ()}
    last = take_snapshot(
        store, [make_observation("renamed", 5, "id-a", **silent), make_observation("b")], at=9 * 86_400, k=None
    )
    store.add_quality_events(MODELS, [Event("verdict_changed", "warning", "claim", "a", "b")], 10 * 86_400)
    take_snapshot(store, [make_observation("a", 5, **full), make_observation("b")], k=None)
    store.save_results([StoredResult(last, "m", 1, "m.x", 0, 1, 0.5, 0.4, 0.6, 9, "")], 0)
    fill_cards(store)
    due = Tick("top", 60, "time", "done", "killed", "report", 61, 62, 0, 1)
    save_ticks(Database(store.connection), [due, Tick("top", 120, "time", "gap", "off")])
    return store


def fill_cards(store: Store) -> None:
    """A card, read once, and that there is none any more."""
    cards = CardStore(store, store.connection)
    number, _ = cards.begin_collection(CardCollection(MODELS, "crawl", "a test", 0, 0))
    package = cards.find_or_add_package(MODELS, "id-a", "a", 0)
    text = CardText(blob_hash(b"# A"), 3, b"# A")
    cards.save_observation(number, CardObservation(package, 0, "card", text, "0" * 40))
    cards.save_observation(number, CardObservation(package, 9, "none"))
    (card,) = unscored_cards(store.connection, "rules", "1")
    found = [Score(card.card, "training", "yes", 1.0, 0, 3, "a heading"), Score(card.card, "evaluation", "no")]
    save_scores(store, store.connection, "rules", "1", found, 0)
    looked_at(ChangeStore(Database(store.connection)))
    return store


def looked_at(looks: ChangeStore) -> None:
    """Two looks, one of them killed; two absent packages, one of them decided."""
    numbers = [looks.begin_change_crawl(MODELS, "a test", at) for at in (1, 2)]
    looks.end_change_crawl(numbers[1], "bounded", "so it is", 3)
    third = looks.begin_change_crawl(MODELS, "a test", 4)
    assert looks.open_missing([(1, 0, 1), (2, 0, 1)]) == 2
    fate = {
        "state": "renamed",
        "probes": 1,
        "first_probe": 2,
        "last_probe": 2,
        "successor": "c",
        "decided_at": 3,
        "name": "a",
    }
    looks.save_missing_package(third, None, {**fate, "package": 1, "missing_since": 1})


def test_the_schema_that_can_be_read_is_the_one_that_is_applied() -> None:
    again = "run `python -m db schema > db/schema.sql`"
    assert (ROOT / "db" / "schema.sql").read_text("utf-8") == render_schema(load_schema(), "sql"), again


def test_the_dictionary_that_can_be_read_is_the_one_that_is_printed() -> None:
    again = "run `python -m db schema --dictionary --format markdown > docs/dictionary.md`"
    assert (ROOT / "docs" / "dictionary.md").read_text("utf-8") == render_dictionary(load_dictionary()), again


def test_every_stable_view_is_in_the_dictionary(store: Store) -> None:
    views = query(store, "SELECT name FROM sqlite_master WHERE type = 'view' AND name LIKE 'v1\\_%' ESCAPE '\\'")
    assert sorted(name for (name,) in views) == sorted(VIEWS)


@pytest.mark.parametrize("view", VIEWS)
def test_every_column_is_in_the_dictionary_in_its_place(store: Store, view: str) -> None:
    there = [name for (name,) in query(store, "SELECT name FROM pragma_table_info(?)", view)]
    assert [column["name"] for column in columns(view)] == there


@pytest.mark.parametrize("view", VIEWS)
def test_every_column_is_described(view: str) -> None:
    more = {"caveat", "personal"}
    needed = {"name", *COLUMNS} - more
    assert [column["name"] for column in columns(view) if not needed <= column.keys() <= needed | more] == []
    assert [
        column["name"] for column in columns(view) if column.get("personal", "name") not in ("name", "text", "hash")
    ] == []
    assert [column["name"] for column in columns(view) if not isinstance(column["nullable"], bool)] == []


@pytest.mark.parametrize("view", VIEWS)
def test_every_column_has_the_type_and_the_nulls_the_dictionary_says(filled: Store, view: str) -> None:
    for column in columns(view):
        statement = f'SELECT DISTINCT upper(typeof("{column["name"]}")) FROM {view}'
        found = {kind for (kind,) in query(filled, statement)}
        assert found - {"NULL"} == {column["type"]}, column["name"]
        assert column["nullable"] or "NULL" not in found, column["name"]


def test_the_caveats_say_what_the_counters_mean() -> None:
    said = {str(column["name"]): str(column.get("caveat")) for column in columns("v1_ranking")}
    assert all(word in said["downloads"] for word in ("last 30 days", "freezes", "total", "old", "NULL: not served"))
    assert "fallen" in said["downloads_all_time"]
    assert "CC BY-SA 4.0" in said["registry"]
    assert "name:" in said["package"]
    assert "Never compare" in json.dumps(columns("v1_snapshot"))
