"""The generated pages of the schema and the data dictionary agree with the schema."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from db.__main__ import COLUMNS, render_dictionary, render_schema
from db.dictionary import ColumnDescription, load_dictionary
from db.maintenance.schema import load_schema
from db.removal import remove_snapshot
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


def columns(view: str) -> list[ColumnDescription]:
    """Return the descriptions of a view's columns."""
    (descriptions,) = [description["column"] for description in load_dictionary() if description["name"] == view]
    return descriptions


@pytest.fixture
def filled(store: Store) -> Store:
    """Return a store with a value in every column, and with a NULL in every column that may have one."""
    fill_store(store)
    full = {"likes": 1, "downloads_all_time": 9, "trending": 0.5, "dependents": 2, "dependent_repos": 3, "synced_at": 4}
    stated = {
        "created_at": 1_600_000_000,
        "attributes": {"task": "text"},
        "parents": (Parent("b", "finetune", None),),
        "libraries": (("peft", "library"),),
    }
    take_snapshot(store, [make_observation("a", 5, **full, **stated), make_observation("b")], at=8 * 86_400, k=None)
    silent = {"attributes": {"task": None}, "parents": (), "libraries": ()}
    last = take_snapshot(
        store, [make_observation("renamed", 5, "id-a", **silent), make_observation("b")], at=9 * 86_400, k=None
    )
    store.add_quality_events(MODELS, [Event("verdict_changed", "warning", "claim", "a", "b")], 10 * 86_400)
    take_snapshot(store, [make_observation("a", 5, **full), make_observation("b")], k=None)
    fill_cards(store)
    remove_import(store)
    store.save_results([StoredResult(last, "m", 1, "m.x", 0, 1, 0.5, 0.4, 0.6, 9, "")], 0)
    due = Tick("top", 60, "time", "done", "killed", "report", 61, 62, 0, 1)
    save_ticks(store.database, [due, Tick("top", 120, "time", "gap", "off")])
    return store


def remove_import(store: Store) -> None:
    """Save an import and remove it, so that its tombstone stays."""
    wrong = take_snapshot(store, [make_observation("b")], at=7 * 86_400, origin="import", ordered_by="likes")
    remove_snapshot(store, wrong, "wrong", 0)


def fill_cards(store: Store) -> None:
    """Save a card with two scores, and that the package later has no card."""
    cards = CardStore(store)
    number, _ = cards.begin_collection(CardCollection(MODELS, "crawl", "a test", 0, 0))
    package = cards.find_or_add_package(MODELS, "id-a", "a", 0)
    text = CardText(blob_hash(b"# A"), 3, b"# A")
    cards.save_observation(number, CardObservation(package, 0, "card", text, "0" * 40))
    cards.save_observation(number, CardObservation(package, 9, "none"))
    (card,) = unscored_cards(store.connection, "rules", "1")
    scores = [Score(card.card, "training", "yes", 1.0, 0, 3, "a heading"), Score(card.card, "evaluation", "no")]
    save_scores(store, "rules", "1", scores, 0)
    fill_change_crawls(ChangeStore(store.database))


def fill_change_crawls(changes: ChangeStore) -> None:
    """Save three change crawls, one of them killed, and two missing packages, one of them decided."""
    numbers = [changes.begin_change_crawl(MODELS, "a test", at) for at in (1, 2)]
    changes.end_change_crawl(numbers[1], "bounded", "so it is", 3)
    third = changes.begin_change_crawl(MODELS, "a test", 4)
    assert changes.open_missing([(1, 0, 1), (2, 0, 1)]) == 2
    fate = {
        "state": "renamed",
        "probes": 1,
        "first_probe": 2,
        "last_probe": 2,
        "successor": "c",
        "decided_at": 3,
        "name": "a",
    }
    changes.save_missing_package(third, None, {**fate, "package": 1, "missing_since": 1})


def test_the_schema_file_equals_the_applied_schema() -> None:
    fix = "run `python -m db schema > db/schema.sql`"
    assert (ROOT / "db" / "schema.sql").read_text("utf-8") == render_schema(load_schema(), "sql"), fix


def test_the_dictionary_page_equals_the_printed_dictionary() -> None:
    fix = "run `python -m db schema --dictionary --format markdown > docs/dictionary.md`"
    assert (ROOT / "docs" / "dictionary.md").read_text("utf-8") == render_dictionary(load_dictionary()), fix


def test_every_stable_view_is_in_the_dictionary(store: Store) -> None:
    views = query(store, "SELECT name FROM sqlite_master WHERE type = 'view' AND name LIKE 'v1\\_%' ESCAPE '\\'")
    assert sorted(name for (name,) in views) == sorted(VIEWS)


@pytest.mark.parametrize("view", VIEWS)
def test_every_column_is_in_the_dictionary_in_its_order(store: Store, view: str) -> None:
    names = [name for (name,) in query(store, "SELECT name FROM pragma_table_info(?)", view)]
    assert [column["name"] for column in columns(view)] == names


@pytest.mark.parametrize("view", VIEWS)
def test_every_column_is_described(view: str) -> None:
    optional = {"caveat", "personal"}
    required = {"name", *COLUMNS} - optional
    assert [column["name"] for column in columns(view) if not required <= column.keys() <= required | optional] == []
    classes = ("name", "text", "hash", "label")
    assert [column["name"] for column in columns(view) if column.get("personal", "name") not in classes] == []
    assert [column["name"] for column in columns(view) if not isinstance(column["nullable"], bool)] == []


@pytest.mark.parametrize("view", VIEWS)
def test_every_column_has_the_type_and_the_nulls_that_the_dictionary_states(filled: Store, view: str) -> None:
    for column in columns(view):
        statement = f'SELECT DISTINCT upper(typeof("{column["name"]}")) FROM {view}'
        types = {kind for (kind,) in query(filled, statement)}
        assert types - {"NULL"} == {column["type"]}, column["name"]
        assert column["nullable"] or "NULL" not in types, column["name"]


def test_the_caveats_explain_the_counters() -> None:
    caveats = {str(column["name"]): str(column.get("caveat")) for column in columns("v1_ranking")}
    assert all(word in caveats["downloads"] for word in ("last 30 days", "freezes", "total", "old", "NULL: not served"))
    assert "fallen" in caveats["downloads_all_time"]
    assert "CC BY-SA 4.0" in caveats["registry"]
    assert "name:" in caveats["package"]
    assert "Never compare" in json.dumps(columns("v1_snapshot"))
