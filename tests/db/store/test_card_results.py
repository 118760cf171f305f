"""New cards and scores delete the results that they change, and no others."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from analysis.compute.metric import list_metrics
from analysis.compute.relations import SqlRow, fetch_rows
from db.sql_files import load_statements
from db.store import Store
from db.store.cards import CardCollection, CardObservation, CardStore, CardText, blob_hash
from db.store.scores import Score, save_scores
from tests.db.builders import MODELS, make_observation, make_store, query, take_snapshot

DAY = 86_400
LIST_DAYS = (10, 100, 200, 300, 400, 500)
observations = st.tuples(
    st.sampled_from("ab"),
    st.sampled_from([5, 10, 150, 195, 250, 305, 450]),
    st.sampled_from([b"one", b"two", None]),
    st.sampled_from([None, "c0"]),
)


def store_with_lists() -> Store:
    store = make_store()
    for day in LIST_DAYS:
        take_snapshot(store, [make_observation(name, 5, f"id-{name}") for name in "ab"], at=day * DAY)
    return store


def save_results(store: Store) -> None:
    store.connection.execute(
        "INSERT OR IGNORE INTO result SELECT snapshot_id, m.value, 1, 'x', 0, NULL, 1, NULL, NULL, 1, '', 0"
        ' FROM snapshot CROSS JOIN json_each(\'["documentation", "agreement", "turnover"]\') m'
    )


def observe(cards: CardStore, package: int, day: int, content: bytes | None, sha: str | None) -> None:
    collection = cards.begin_collection(CardCollection(MODELS, "crawl", "a test", day * DAY, 0))[0]
    text = None if content is None else CardText(blob_hash(content), len(content), content)
    state = "none" if content is None else "card"
    cards.save_observation(collection, CardObservation(package, day * DAY, state, text, sha))


def snapshots_with(store: Store, metric: str) -> list[int]:
    return [number for (number,) in query(store, "SELECT snapshot_id FROM result WHERE metric = ?", metric)]


def read_cards(store: Store) -> dict[int, list[SqlRow]]:
    """Return what is known of the cards of each snapshot."""
    numbers = range(1, len(LIST_DAYS) + 1)
    return {number: fetch_rows(store.connection, "cards", snapshot=number) for number in numbers}


@given(st.lists(observations, min_size=1, max_size=8))
@example([("a", 5, b"one", None), ("a", 250, b"one", None)])  # the list of day 200 is no longer too late
@settings(max_examples=15, deadline=None)
def test_a_result_that_remains_rests_on_the_cards_that_it_was_computed_from(
    history: list[tuple[str, int, bytes | None, str | None]],
) -> None:
    store = store_with_lists()
    packages = dict(query(store, "SELECT name, package_id FROM package"))
    for name, day, content, sha in history:
        save_results(store)
        before = read_cards(store)
        observe(CardStore(store), packages[name], day, content, sha)
        after = read_cards(store)
        kept = snapshots_with(store, "documentation")
        assert [after[number] for number in kept] == [before[number] for number in kept]
        assert len(snapshots_with(store, "turnover")) == len(LIST_DAYS)


def test_a_card_of_today_leaves_the_results_of_earlier_lists() -> None:
    store = store_with_lists()
    save_results(store)
    cards = CardStore(store)
    observe(cards, 1, 350, b"one", "c0")
    assert snapshots_with(store, "documentation") == snapshots_with(store, "agreement") == [1, 2, 3, 4]
    save_results(store)
    observe(CardStore(store), 1, 450, b"one", "c1")
    assert len(snapshots_with(store, "documentation")) == len(LIST_DAYS), "the same card at a newer commit"


def test_an_earlier_change_of_the_same_crawl_deletes_more() -> None:
    store = store_with_lists()
    save_results(store)
    cards = CardStore(store)
    for package, day in ((1, 450), (2, 150)):
        observe(cards, package, day, b"one", "c0")
    assert snapshots_with(store, "documentation") == [1, 2]


@pytest.mark.parametrize("metric", ["documentation", "agreement"])
def test_scores_delete_the_results_since_a_package_had_one_of_their_cards(metric: str) -> None:
    store = store_with_lists()
    observe(CardStore(store), 1, 350, b"one", "c0")
    save_results(store)
    save_scores(store, "rules", "1", [Score(1, "training", "yes")], at=600 * DAY)
    assert snapshots_with(store, metric) == [1, 2, 3, 4]
    assert len(snapshots_with(store, "turnover")) == len(LIST_DAYS)


def test_every_metric_of_cards_is_computed_again() -> None:
    (statement,) = load_statements("invalidate_card_results")
    readers = [metric.name for metric in list_metrics() if {"cards", "scores", "answers"} & set(metric.relations)]
    assert sorted(readers) == ["agreement", "documentation", "documentation_as_published"]
    assert all(f"'{name}'" in statement for name in readers)
