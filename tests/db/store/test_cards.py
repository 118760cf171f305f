"""Cards: each text is stored once, with the intervals in which packages had it, and the scores of cards."""

from __future__ import annotations

import sqlite3
import subprocess

import pytest

from db.store import Store
from db.store.cards import (
    MAX_CARD_BYTES,
    CardCollection,
    CardObservation,
    CardStore,
    CardText,
    blob_hash,
    count_listed_packages,
    pending_cards,
    unscored_cards,
)
from db.store.changes import ChangeStore
from db.store.scores import Score, save_scores
from tests.db.builders import MODELS, make_observation, read_card, read_scores, take_snapshot
from tests.db.census.test_history import make_census_store, take_census


@pytest.fixture
def connection(store: Store) -> sqlite3.Connection:
    return store.connection


@pytest.fixture
def cards(store: Store) -> CardStore:
    return CardStore(store)


def make_text(content: bytes) -> CardText:
    return CardText(blob_hash(content), len(content), content)


def begin_collection(cards: CardStore, at: int = 0) -> int:
    return cards.begin_collection(CardCollection(MODELS, "crawl", "a test", at, at))[0]


def observe(cards: CardStore, package: int, at: int, content: bytes | None, sha: str | None = None) -> None:
    state = "none" if content is None else "card"
    text = None if content is None else make_text(content)
    cards.save_observation(begin_collection(cards, at), CardObservation(package, at, state, text, sha))


def test_the_hash_equals_that_of_git() -> None:
    for content in (b"", b"hello\n", "---\r\nlicense: mit\r\n---\r\nÜ".encode(), b"\xff\x00"):
        process = subprocess.run(["git", "hash-object", "--stdin"], input=content, capture_output=True, check=True)
        assert blob_hash(content) == process.stdout.decode().strip()


def test_a_card_is_read_as_of_any_instant(cards: CardStore, connection: sqlite3.Connection) -> None:
    package = cards.find_or_add_package(MODELS, "name:a/b", "a/b", 10)
    observe(cards, package, 10, b"one")
    observe(cards, package, 20, b"one")
    observe(cards, package, 30, b"two")
    observe(cards, package, 40, None)
    found_cards = [read_card(connection, package, at) for at in (9, 10, 29, 30, 39, 40)]
    assert [card and card.text for card in found_cards] == [None, "one", "one", "two", "two", None]
    assert connection.execute("SELECT count(*) FROM card_revision").fetchone()[0] == 3


def test_a_check_before_two_of_one_instant_is_saved(cards: CardStore, connection: sqlite3.Connection) -> None:
    package = cards.find_or_add_package(MODELS, "name:a/b", "a/b", 10)
    for at, content in ((10, b"one"), (30, b"one"), (30, b"two"), (20, b"three")):
        observe(cards, package, at, content)
    known = [read_card(connection, package, at) for at in (19, 20, 29, 30)]
    assert [card and card.text for card in known] == ["one", "three", "three", "two"]


def test_an_older_observation_saved_later_does_not_undo_a_newer_one(
    cards: CardStore, connection: sqlite3.Connection
) -> None:
    package = cards.find_or_add_package(MODELS, "name:a/b", "a/b", 10)
    observe(cards, package, 10, b"one")
    observe(cards, package, 30, b"one")
    observe(cards, package, 20, b"between")
    observe(cards, package, 5, b"zero")
    found_cards = [read_card(connection, package, at) for at in (4, 5, 9, 10, 19, 20, 29, 30, 99)]
    assert [card and card.text for card in found_cards] == [
        None, "zero", "zero", "one", "one", "between", "between", "one", "one",
    ]  # fmt: skip


def test_the_same_text_of_two_packages_is_one_card(cards: CardStore, connection: sqlite3.Connection) -> None:
    for name in ("a/b", "c/d"):
        observe(cards, cards.find_or_add_package(MODELS, f"name:{name}", name, 1), 1, b"the same")
    assert connection.execute("SELECT count(*) FROM card").fetchone()[0] == 1
    assert connection.execute("SELECT count(*) FROM card_revision").fetchone()[0] == 2


@pytest.mark.parametrize("size", [0, 1, MAX_CARD_BYTES - 1, MAX_CARD_BYTES, MAX_CARD_BYTES + 1])
@pytest.mark.fault("E1")
def test_a_large_card_is_stored_in_part_with_its_true_size(
    cards: CardStore, connection: sqlite3.Connection, size: int
) -> None:
    package = cards.find_or_add_package(MODELS, "name:a/b", "a/b", 1)
    observe(cards, package, 1, b"x" * size)
    card = read_card(connection, package, 1)
    assert card and len(card.content) == min(size, MAX_CARD_BYTES)
    assert card.truncated == (size > MAX_CARD_BYTES)
    assert connection.execute("SELECT size FROM card").fetchone()[0] == size
    assert card.blob == blob_hash(b"x" * size)


def test_enough_cards_are_compressed_with_a_dictionary_and_read_as_before(
    cards: CardStore, store: Store, connection: sqlite3.Connection
) -> None:
    texts = [
        f"# model {n}\n\nThis model is a fine-tuned version of base {n % 7} on data {n * 31}.\n" * 3
        for n in range(1100)
    ]
    with store.transaction():
        for n, content in enumerate(texts):
            observe(cards, cards.find_or_add_package(MODELS, f"name:{n}", str(n), 1), 1, content.encode())
    before = connection.execute("SELECT sum(length(content)) FROM card").fetchone()[0]
    cards.finish_collection()
    after, dictionaries = connection.execute(
        "SELECT sum(length(content)), count(DISTINCT dictionary_id) FROM card"
    ).fetchone()
    assert dictionaries == 1 and after < before
    assert [card.text for card in unscored_cards(connection, "rules", "1")] == texts
    observe(
        CardStore(store),
        cards.find_or_add_package(MODELS, "name:new", "new", 1),
        1,
        b"# model new\n\nThis model is new.",
    )
    assert connection.execute("SELECT count(*) FROM card WHERE dictionary_id IS NULL").fetchone()[0] == 0


def test_cards_are_never_deleted_or_changed(cards: CardStore, connection: sqlite3.Connection) -> None:
    observe(cards, cards.find_or_add_package(MODELS, "name:a", "a", 1), 1, b"one")
    for statement in ("DELETE FROM card", "UPDATE card SET size = 1"):
        with pytest.raises(sqlite3.IntegrityError):
            connection.execute(statement)


def test_only_a_repository_that_changed_is_pending(cards: CardStore, store: Store) -> None:
    take_snapshot(
        store,
        [make_observation("a/b", 9, sha="s1"), make_observation("c/d", 8, sha="s1"), make_observation("e/f", 7)],
        at=100,
    )
    first = pending_cards(store, MODELS.name, 10)
    assert [(card.name, card.sha, card.at) for card in first] == [("a/b", "s1", 100), ("c/d", "s1", 100)]
    observe(cards, first[0].package, 100, b"card", "s1")
    observe(cards, first[1].package, 100, None, "s1")
    assert pending_cards(store, MODELS.name, 10) == []
    take_snapshot(store, [make_observation("a/b", 9, sha="s1"), make_observation("c/d", 8, sha="s2")], at=200)
    (changed,) = pending_cards(store, MODELS.name, 10)
    assert (changed.name, changed.sha) == ("c/d", "s2")
    observe(cards, changed.package, 200, None, "s2")
    assert pending_cards(store, MODELS.name, 10) == []
    assert pending_cards(store, MODELS.name, 10) == []


def test_a_census_does_not_hide_the_newest_ranking() -> None:
    store = make_census_store()
    take_snapshot(store, [make_observation("a/b", 9, sha="s1")], at=100)
    take_census(store, {"f" * 24: (1, 2, 3)}, 200)
    assert [card.name for card in pending_cards(store, MODELS.name, 10)] == ["a/b"]
    assert count_listed_packages(store, MODELS.name, 10) == 1


def test_the_same_file_of_the_same_day_is_not_imported_again(cards: CardStore) -> None:
    collection = CardCollection(MODELS, "import", "cards.jsonl", 5, 5, "0" * 64)
    number, is_known = cards.begin_collection(collection)
    assert (cards.begin_collection(collection), is_known) == ((number, True), False)


def read_unscored(connection: sqlite3.Connection, public_only: bool) -> list[str]:
    """Return the texts of the cards that a judge has not scored."""
    return [card.text for card in unscored_cards(connection, "openai", "1", public_only=public_only)]


@pytest.mark.fault("F8", "G8")
def test_only_cards_that_everyone_reads_are_for_the_judge(
    cards: CardStore, store: Store, connection: sqlite3.Connection
) -> None:
    names = ["public", "gated", "older", "gone", "replaced"]
    rows = [make_observation(name, 9, attributes={"gated": "auto" if name == "gated" else None}) for name in names]
    take_snapshot(store, rows, at=1)
    packages = dict(connection.execute("SELECT name, package_id FROM package").fetchall())
    for day, name in enumerate(names):
        observe(cards, packages[name], 10 + day, name.encode())
    observe(cards, packages["replaced"], 20, b"its next card")
    connection.execute("UPDATE card_collection SET is_public = 0 WHERE taken_at = 12")
    ChangeStore(store.database).open_missing([(packages["gone"], 1, 2)])
    assert read_unscored(connection, public_only=True) == ["public", "its next card"]
    assert read_unscored(connection, public_only=False) == [*names, "its next card"]
    observe(cards, packages["older"], 21, b"older")
    assert read_unscored(connection, public_only=True) == ["public", "older", "its next card"]


def test_saved_scores_are_read_and_the_other_cards_are_unscored(
    cards: CardStore, store: Store, connection: sqlite3.Connection
) -> None:
    for n in range(3):
        observe(cards, cards.find_or_add_package(MODELS, f"name:{n}", str(n), 1), 1, b"%d" % n)
    first, *remaining = unscored_cards(connection, "rules", "1")
    scores = [Score(first.card, "training", "yes", None, 0, 1, "a heading"), Score(first.card, "evaluation", "no")]
    assert save_scores(store, "rules", "1", scores, 7) == 2
    assert list(unscored_cards(connection, "rules", "1")) == remaining
    assert len(list(unscored_cards(connection, "rules", "2"))) == 3
    assert len(list(unscored_cards(connection, "openai", "1"))) == 3
    assert len(list(unscored_cards(connection, "rules", "1", limit=1))) == 1
    stored_scores = read_scores(connection, "rules", "1")
    assert {score.item: score for score in stored_scores} == {score.item: score for score in scores}
