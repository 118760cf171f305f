"""The store: begin a snapshot, save its pages, end it."""

from __future__ import annotations

import sqlite3

import pytest

from db.rows import Event, GateResult, Registry, StoredResult
from db.store import Store, compute_digest
from tests.db.builders import (
    FAILED,
    MODELS,
    PASSED,
    UNKNOWN,
    begin_snapshot,
    make_observation,
    make_page,
    query,
    ranked_names,
    served_rows,
    take_snapshot,
)


def test_a_snapshot_begins_open(store: Store) -> None:
    begin_snapshot(store, at=86_400, k=3)
    assert query(store, 'SELECT registry, kind, k, "by", date, status, depth, ended_at FROM v1_snapshot') == [
        ("huggingface/models", "top", 3, "downloads", "1970-01-02", "open", None, None)
    ]


def test_a_snapshot_without_a_depth_is_full(store: Store) -> None:
    take_snapshot(store, ["a", "b", "c"], k=None)
    assert query(store, "SELECT kind, k, depth FROM snapshot") == [("full", None, 3)]


def test_a_registry_keeps_the_name_that_its_service_gave_it(store: Store) -> None:
    take_snapshot(store, ["a"], registry=Registry("npm", "ecosystems", "the-service-s-own"))
    take_snapshot(store, ["a"], registry=Registry("npm", "ecosystems"))
    assert query(store, "SELECT name, service_name FROM registry") == [("npm", "the-service-s-own")]


def test_ranks_continue_from_page_to_page(store: Store) -> None:
    snapshot = begin_snapshot(store)
    store.save_page(snapshot, make_page(["a", "b"]))
    progress = store.save_page(snapshot, make_page(["c"]))
    assert ranked_names(store, snapshot) == [(1, "a"), (2, "b"), (3, "c")]
    assert (progress.pages, progress.depth) == (2, 3)


def test_the_first_row_of_a_package_on_a_page_counts(store: Store) -> None:
    snapshot = begin_snapshot(store)
    store.save_page(snapshot, make_page([make_observation("a", 9), "b", make_observation("a", 8), "c"]))
    assert ranked_names(store, snapshot) == [(1, "a"), (2, "b"), (3, "c")]
    assert query(store, "SELECT downloads FROM ranking WHERE rank = 1") == [(9,)]


def test_the_first_row_of_a_package_on_any_page_counts(store: Store) -> None:
    snapshot = begin_snapshot(store)
    store.save_page(snapshot, make_page([make_observation("a", 9), "b"]))
    progress = store.save_page(snapshot, make_page([make_observation("b", 7), "c", make_observation("a", 6)]))
    assert ranked_names(store, snapshot) == [(1, "a"), (2, "b"), (3, "c")]
    assert progress.duplicates == 2


def test_a_rejected_row_keeps_its_rank(store: Store) -> None:
    snapshot = begin_snapshot(store)
    progress = store.save_page(snapshot, make_page(["a", "c"], rejected=[1]))
    assert ranked_names(store, snapshot) == [(1, "a"), (3, "c")]
    assert progress.depth == 3
    assert query(store, "SELECT page, position, reason, raw FROM reject") == [(0, 1, "no name", "{}")]


def test_a_rejected_row_at_the_end_of_a_page_keeps_its_rank_on_the_next(store: Store) -> None:
    snapshot = begin_snapshot(store)
    store.save_page(snapshot, make_page(["a"], rejected=[1]))
    store.save_page(snapshot, make_page(["c"], rejected=[0]))
    assert ranked_names(store, snapshot) == [(1, "a"), (4, "c")]


def test_rows_below_the_last_rank_are_counted_and_the_first_one_gives_the_next_value(store: Store) -> None:
    snapshot = begin_snapshot(store, k=2)
    store.save_page(
        snapshot,
        make_page(
            [make_observation("a", 9), make_observation("b", 8), make_observation("c", 7), make_observation("d", 6)]
        ),
    )
    assert ranked_names(store, snapshot) == [(1, "a"), (2, "b")]
    assert query(store, "SELECT kept, beyond FROM page") == [(2, 2)]
    assert query(store, "SELECT next_value FROM snapshot") == [(7,)]


def test_the_next_value_may_be_on_a_later_page(store: Store) -> None:
    snapshot = begin_snapshot(store, k=2)
    store.save_page(snapshot, make_page([make_observation("a", 9), make_observation("b", 8)]))
    store.save_page(snapshot, make_page([make_observation("b", 8), make_observation("c", 5)]))
    store.save_page(snapshot, make_page([make_observation("d", 4)]))
    assert query(store, "SELECT next_value FROM snapshot") == [(5,)]


@pytest.mark.parametrize(("by", "column"), [("likes", "likes"), ("dependents", "dependents"), ("trending", "trending")])
def test_the_next_value_is_of_the_counter_that_orders_the_list(store: Store, by: str, column: str) -> None:
    snapshot = begin_snapshot(store, k=1, ordered_by=by)
    store.save_page(snapshot, make_page([make_observation("a", 3), make_observation("b", 2, **{column: 5})]))
    assert query(store, "SELECT next_value FROM snapshot") == [(5,)]


def test_a_page_of_counters_adds_the_counters_that_the_list_lacks(store: Store) -> None:
    snapshot = begin_snapshot(store, k=2)
    store.save_page(snapshot, make_page(["a", "b"]))
    progress = store.save_page(
        snapshot, make_page([make_observation("b", 4, dependents=2), make_observation("z", 3)], role="counters")
    )
    assert query(store, "SELECT rank, downloads, dependents, page FROM ranking") == [(1, None, None, 0), (2, 4, 2, 1)]
    assert query(store, "SELECT kept, beyond, duplicates FROM page WHERE number = 1") == [(1, 1, 0)]
    assert progress.missing == ("a",)


def test_a_probe_gives_no_ranks(store: Store) -> None:
    snapshot = begin_snapshot(store)
    store.save_page(snapshot, make_page([], role="probe"))
    progress = store.save_page(snapshot, make_page(["a"]))
    assert ranked_names(store, snapshot) == [(1, "a")]
    assert (progress.pages, progress.depth) == (2, 1)


def test_a_page_that_fails_half_way_changes_nothing(store: Store) -> None:
    snapshot = begin_snapshot(store)
    before = list(store.connection.iterdump())
    with pytest.raises(sqlite3.IntegrityError, match="downloads >= 0"):
        store.save_page(
            snapshot,
            make_page([make_observation("a", 3, attributes={"task": "text"}), make_observation("b", -1)], body=b"{}"),
        )
    assert list(store.connection.iterdump()) == before


def test_a_page_that_fails_at_its_end_changes_nothing(store: Store) -> None:
    snapshot = begin_snapshot(store)
    before = list(store.connection.iterdump())
    with pytest.raises(sqlite3.IntegrityError, match="severity"):
        store.save_page(snapshot, make_page(["a"], events=(Event("counter_reset", "no such severity", "it fell"),)))
    assert list(store.connection.iterdump()) == before


def test_after_a_page_that_failed_the_next_one_is_saved(store: Store) -> None:
    snapshot = begin_snapshot(store)
    with pytest.raises(sqlite3.IntegrityError):
        store.save_page(snapshot, make_page([make_observation("a", -1)]))
    store.save_page(snapshot, make_page(["b"]))
    assert ranked_names(store, snapshot) == [(1, "b")]


def test_bodies_are_pruned_and_their_provenance_stays(store: Store) -> None:
    snapshot = begin_snapshot(store)
    store.save_page(snapshot, make_page(["a"], body=b"[]", fetched_at=10))
    store.save_page(snapshot, make_page(["b"], body=b"[]", fetched_at=20))
    assert store.prune_bodies(20) == 1
    assert query(store, "SELECT number FROM body") == [(1,)]
    assert query(store, "SELECT count(*) FROM page") == [(2,)]


def test_a_complete_snapshot_has_a_depth_and_a_digest(store: Store) -> None:
    snapshot = take_snapshot(store, ["a", "b"], at=7)
    assert query(store, "SELECT status, depth, ended_at, reason FROM snapshot") == [("complete", 2, 7, None)]
    assert query(store, "SELECT digest FROM snapshot") == [(compute_digest(store.connection, snapshot),)]


def test_the_same_list_has_the_same_digest_whatever_was_stored_before(store: Store) -> None:
    first = take_snapshot(store, [make_observation("a", 2), make_observation("b", 1)], at=5)
    second = take_snapshot(store, [make_observation("b", 9), make_observation("a", 2)], at=6)
    third = take_snapshot(store, [make_observation("a", 2), make_observation("b", 1)], at=7)
    digests = dict(query(store, "SELECT snapshot_id, digest FROM snapshot"))
    assert digests[first] == digests[third] != digests[second]


@pytest.mark.parametrize(("gate_results", "why"), [((), "none"), (FAILED, "one failed"), (UNKNOWN, "none passed")])
def test_a_snapshot_is_not_complete_unless_its_gate_passed(
    store: Store, gate_results: tuple[GateResult, ...], why: str
) -> None:
    snapshot = begin_snapshot(store)
    with pytest.raises(sqlite3.IntegrityError, match="complete only if a rule of the gate passed"):
        store.end_snapshot(snapshot, "complete", gate_results, None, 1)
    assert query(store, "SELECT status, (SELECT count(*) FROM gate_result) FROM snapshot") == [("open", 0)], why


@pytest.mark.parametrize("status", ["partial", "failed"])
def test_an_incomplete_snapshot_has_a_reason_and_is_not_served(store: Store, status: str) -> None:
    snapshot = begin_snapshot(store)
    store.save_page(snapshot, make_page(["a"]))
    store.end_snapshot(snapshot, status, FAILED, "2 of 3 pages", 9)
    assert query(store, "SELECT status, reason FROM v1_snapshot") == [(status, "2 of 3 pages")]
    assert served_rows(store, snapshot) == []


def test_a_snapshot_ends_once(store: Store) -> None:
    snapshot = take_snapshot(store, ["a"])
    with pytest.raises(sqlite3.IntegrityError, match="ended"):
        store.end_snapshot(snapshot, "partial", (), "again", 2)


def test_an_open_snapshot_can_be_resumed_from_its_last_page(store: Store) -> None:
    snapshot = begin_snapshot(store, k=5, settings={"top": 5})
    store.save_page(snapshot, make_page(["a"], next_url="https://hub.example/2"))
    (resumable,) = store.resumable_snapshots("huggingface/models", "downloads", 5)
    assert (resumable.snapshot, resumable.settings) == (snapshot, {"top": 5})
    assert resumable.last_page.next_url == "https://hub.example/2"
    assert store.resumable_snapshots("huggingface/models", "likes", 5) == []


DAY = 86_400
MEMBERS = "SELECT name, first_at, last_at FROM top_k_membership JOIN package USING (package_id) ORDER BY name"


@pytest.fixture
def two_deep(store: Store) -> Store:
    """Return a store whose lists are compared at a depth of 2."""
    store.connection.execute("DELETE FROM ranking_depth")
    store.connection.execute("INSERT INTO ranking_depth VALUES (2)")
    return store


def test_members_of_a_top_k_are_stored_in_any_order_of_the_dates(two_deep: Store) -> None:
    for day, rows in [(2, "abc"), (3, "bac"), (1, "cab")]:
        take_snapshot(two_deep, rows, at=day * DAY)
    assert query(two_deep, MEMBERS) == [("a", DAY, 3 * DAY), ("b", 2 * DAY, 3 * DAY), ("c", DAY, DAY)]


def test_a_second_list_of_a_day_has_no_members(two_deep: Store) -> None:
    take_snapshot(two_deep, "ab", at=DAY + 9)
    take_snapshot(two_deep, "cd", at=DAY + 1)
    assert query(two_deep, MEMBERS) == [("a", DAY + 9, DAY + 9), ("b", DAY + 9, DAY + 9)]


def test_a_list_that_began_first_and_ended_last_replaces_the_members_of_its_day(two_deep: Store) -> None:
    take_snapshot(two_deep, "ab", at=DAY)
    first = begin_snapshot(two_deep, 2 * DAY)
    two_deep.save_page(first, make_page("ae"))
    take_snapshot(two_deep, "cd", at=2 * DAY + 9)
    two_deep.end_snapshot(first, "complete", PASSED, None, 2 * DAY)
    assert query(two_deep, MEMBERS) == [("a", DAY, 2 * DAY), ("b", DAY, DAY), ("e", 2 * DAY, 2 * DAY)]


def test_partial_snapshots_have_no_members(store: Store) -> None:
    store.connection.execute("INSERT INTO ranking_depth VALUES (1)")
    snapshot = begin_snapshot(store)
    store.save_page(snapshot, make_page(["a"]))
    store.end_snapshot(snapshot, "partial", FAILED, "short", 1)
    assert query(store, "SELECT count(*) FROM top_k_membership") == [(0,)]


def make_result(snapshot: int, value: float | None = 0.5) -> StoredResult:
    return StoredResult(snapshot, "turnover", 1, "turnover", 100, None, value, None, None, 100, "")


def test_results_of_later_snapshots_are_deleted_when_an_earlier_one_completes(store: Store) -> None:
    early, late = take_snapshot(store, ["a"], at=10), take_snapshot(store, ["a"], at=30)
    by_likes = take_snapshot(store, ["a"], at=40, ordered_by="likes")
    store.save_results([make_result(early), make_result(late), make_result(by_likes)], at=50)
    take_snapshot(store, ["a"], at=20)
    assert query(store, "SELECT snapshot_id FROM result ORDER BY 1") == [(early,), (by_likes,)]


def test_a_result_without_a_value_is_stored_as_null(store: Store) -> None:
    store.save_results([make_result(take_snapshot(store, ["a"]), None)], at=2)
    assert query(store, "SELECT value, computed_at FROM result") == [(None, 2)]


def test_events_are_stored_with_their_registry_and_snapshot(store: Store) -> None:
    snapshot = take_snapshot(store, ["a"])
    store.add_quality_events(MODELS, [Event("clock_jump", "warning", "by 300 s", "10", "310")], 5, snapshot)
    events = query(store, "SELECT snapshot_id, kind, severity, before, after, evidence, noted_at FROM quality_event")
    assert events == [(snapshot, "clock_jump", "warning", "10", "310", "by 300 s", 5)]


def test_methods_called_in_a_transaction_are_part_of_it(store: Store) -> None:
    with pytest.raises(RuntimeError, match="stop"), store.transaction():
        take_snapshot(store, ["a"])
        raise RuntimeError("stop")
    assert query(store, "SELECT count(*) FROM snapshot") == [(0,)]


def test_the_gate_results_of_a_snapshot_are_stored(store: Store) -> None:
    snapshot = begin_snapshot(store)
    store.end_snapshot(snapshot, "complete", PASSED, None, 1, {"downloads": 0.75})
    assert query(store, "SELECT gate, outcome FROM gate_result") == [("rows", "pass")]
    assert query(store, "SELECT field, share FROM field_coverage") == [("downloads", 0.75)]
