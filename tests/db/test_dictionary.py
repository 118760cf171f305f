"""The pages that are made from the schema say what it says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlite_utils import Database

from db.__main__ import COLUMNS, dictionary, dictionary_page, schema_page
from db.maintenance.schema import schema
from db.rows import Event, Parent, StoredResult
from db.store import Store
from db.store.cards import Cards, CardText, Collection, Look, blob_hash, unscored
from db.store.changes import LookStore
from db.store.scores import Score, put_scores
from db.ticks import Tick, put
from tests.db.builders import MODELS, asked, seen, take
from tests.db.conftest import fill

ROOT = Path(__file__).resolve().parents[2]
VIEWS = [str(view["name"]) for view in dictionary()]


def columns(view: str) -> list[dict[str, object]]:
    """What the dictionary says of a view's columns."""
    (found,) = [one["column"] for one in dictionary() if one["name"] == view]
    return found


@pytest.fixture
def filled(store: Store) -> Store:
    """A store with something in every column, and something that lacks what may be lacking."""
    fill(store)
    full = {"likes": 1, "downloads_all_time": 9, "trending": 0.5, "dependents": 2, "dependent_repos": 3, "synced_at": 4}
    says = {
        "created_at": 1_600_000_000, "attributes": {"task": "text"}, "parents": (Parent("b", "finetune", None),),
        "libraries": (("peft", "library"),),
    }  # fmt: skip
    take(store, [seen("a", 5, **full, **says), seen("b")], at=8 * 86_400, k=None)
    silent = {"attributes": {"task": None}, "parents": (), "libraries": ()}
    last = take(store, [seen("renamed", 5, "id-a", **silent), seen("b")], at=9 * 86_400, k=None)
    store.note(MODELS, [Event("verdict_changed", "warning", "claim", "a", "b")], 10 * 86_400)
    take(store, [seen("a", 5, **full), seen("b")], k=None)
    store.put_results([StoredResult(last, "m", 1, "m.x", 0, 1, 0.5, 0.4, 0.6, 9, "")], 0)
    fill_cards(store)
    due = Tick("top", 60, "time", "done", "killed", "report", 61, 62, 0, 1)
    put(Database(store.connection), [due, Tick("top", 120, "time", "gap", "off")])
    return store


def fill_cards(store: Store) -> None:
    """A card, read once, and that there is none any more."""
    cards = Cards(store, store.connection)
    number, _ = cards.begin(Collection(MODELS, "crawl", "a test", 0, 0))
    package = cards.package(MODELS, "id-a", "a", 0)
    text = CardText(blob_hash(b"# A"), 3, b"# A")
    cards.put(number, Look(package, 0, "card", text, "0" * 40))
    cards.put(number, Look(package, 9, "none"))
    (card,) = unscored(store.connection, "rules", "1")
    found = [Score(card.card, "training", "yes", 1.0, 0, 3, "a heading"), Score(card.card, "evaluation", "no")]
    put_scores(store, store.connection, "rules", "1", found, 0)
    looked_at(LookStore(Database(store.connection)))
    return store


def looked_at(looks: LookStore) -> None:
    """Two looks, one of them killed; two absent packages, one of them decided."""
    numbers = [looks.begin_look(MODELS, "a test", at) for at in (1, 2)]
    looks.end_look(numbers[1], "bounded", "so it is", 3)
    third = looks.begin_look(MODELS, "a test", 4)
    assert looks.miss([(1, 0, 1), (2, 0, 1)]) == 2
    fate = {"state": "renamed", "probes": 1, "first": 2, "last": 2, "successor": "c", "decided_at": 3, "name": "a"}
    looks.record_absence(third, None, {**fate, "package": 1, "missed_at": 1})


def test_the_schema_that_can_be_read_is_the_one_that_is_applied() -> None:
    again = "run `python -m db schema > db/schema.sql`"
    assert (ROOT / "db" / "schema.sql").read_text("utf-8") == schema_page(schema(), "sql"), again


def test_the_dictionary_that_can_be_read_is_the_one_that_is_printed() -> None:
    again = "run `python -m db schema --dictionary --format markdown > docs/dictionary.md`"
    assert (ROOT / "docs" / "dictionary.md").read_text("utf-8") == dictionary_page(dictionary()), again


def test_every_stable_view_is_in_the_dictionary(store: Store) -> None:
    views = asked(store, "SELECT name FROM sqlite_master WHERE type = 'view' AND name LIKE 'v1\\_%' ESCAPE '\\'")
    assert sorted(name for (name,) in views) == sorted(VIEWS)


@pytest.mark.parametrize("view", VIEWS)
def test_every_column_is_in_the_dictionary_in_its_place(store: Store, view: str) -> None:
    there = [name for (name,) in asked(store, "SELECT name FROM pragma_table_info(?)", view)]
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
        found = {kind for (kind,) in asked(filled, statement)}
        assert found - {"NULL"} == {column["type"]}, column["name"]
        assert column["nullable"] or "NULL" not in found, column["name"]


def test_the_caveats_say_what_the_counters_mean() -> None:
    said = {str(column["name"]): str(column.get("caveat")) for column in columns("v1_ranking")}
    assert all(word in said["downloads"] for word in ("last 30 days", "freezes", "total", "old", "NULL: not served"))
    assert "fallen" in said["downloads_all_time"]
    assert "CC BY-SA 4.0" in said["registry"]
    assert "name:" in said["package"]
    assert "never to be compared" in json.dumps(columns("v1_snapshot"))
