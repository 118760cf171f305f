"""Relations as frames of one snapshot."""

from __future__ import annotations

from analysis.compute.engines import parameter_names
from analysis.compute.relations import QUERY_FOLDER, cached_relations, load_query, load_relation
from db.connection import open_for_reading
from tests.analysis.conftest import descending_rows
from tests.db.census.test_history import make_census_store, take_census


def read(history, snapshot, name):
    with open_for_reading(history.path) as connection:
        return cached_relations(connection, snapshot)(name)


def test_every_query_begins_with_a_sentence():
    first = {path.stem: path.read_text("utf-8").split("\n")[0] for path in QUERY_FOLDER.glob("*.sql")}
    assert {name: line for name, line in first.items() if not line.startswith("-- ") or len(line) < 20} == {}


def test_every_query_runs_on_an_empty_store(history):
    with open_for_reading(history.path) as connection:
        for query in (load_query(path.stem) for path in QUERY_FOLDER.glob("*.sql")):
            connection.execute(f"EXPLAIN {query}", dict.fromkeys(parameter_names(query)))


def test_a_relation_is_loaded_once_for_all_metrics(history):
    snapshot = history.add_snapshot("2026-01-01", descending_rows("abcd"))
    with open_for_reading(history.path) as connection:
        relation = cached_relations(connection, snapshot)
        assert relation("ranking") is relation("ranking")


def test_a_ranking_without_ties_ends_at_rank_k(history):
    snapshot = history.add_snapshot("2026-01-01", descending_rows("abcd"))
    assert read(history, snapshot, "ranking").groupby("k")["rank"].max().to_dict() == {2: 2, 4: 4}


def test_a_ranking_includes_the_ties_below_rank_k(history):
    snapshot = history.add_snapshot("2026-01-01", [("a", 9), ("b", 5), ("c", 5), ("d", 1)])
    assert read(history, snapshot, "ranking").groupby("k")["rank"].max().to_dict() == {2: 3, 4: 4}


def test_a_ranking_without_counters_ends_at_rank_k(history):
    snapshot = history.add_snapshot("2026-01-01", ["a", "b", "c"])
    assert read(history, snapshot, "ranking")["rank"].tolist() == [1, 2]


def test_more_packages_may_tie_below_a_list_that_was_cut(history):
    snapshot = history.add_snapshot("2026-01-01", descending_rows("abcd"))
    assert read(history, snapshot, "ranking").groupby("k")["unseen"].max().to_dict() == {2: 0, 4: 1}


def test_a_smaller_next_counter_excludes_ties_below_the_list(history):
    snapshot = history.add_snapshot("2026-01-01", descending_rows("abcd"), value_after=1)
    assert not read(history, snapshot, "ranking")["unseen"].any()


def test_no_package_is_below_a_full_snapshot(history):
    snapshot = history.add_snapshot("2026-01-01", descending_rows("abcd"), k=None)
    assert not read(history, snapshot, "ranking")["unseen"].any()


def test_a_partial_snapshot_has_no_ranking(history):
    snapshot = history.add_snapshot("2026-01-01", descending_rows("abcd"), "partial")
    assert read(history, snapshot, "ranking").empty


def test_the_previous_list_is_the_newest_of_the_same_depth(history):
    deep = history.add_snapshot("2026-01-01", descending_rows("abcd"))
    shallow = history.add_snapshot("2026-01-02", descending_rows("ab"))
    now = history.add_snapshot("2026-01-03", descending_rows("abcd"))
    previous = read(history, now, "previous_ranking").groupby("k")["snapshot"].max()
    assert previous.to_dict() == {2: shallow, 4: deep}


def test_the_matched_list_is_the_closest_to_the_gap(history):
    history.add_snapshot("2026-01-01", descending_rows("ab"))
    closest = history.add_snapshot("2026-01-25", descending_rows("ab"))
    history.add_snapshot("2026-02-20", descending_rows("ab"))
    now = history.add_snapshot("2026-02-22", descending_rows("ab"))
    matched = read(history, now, "matched_ranking")
    assert set(zip(matched["gap"], matched["snapshot"], strict=True)) == {(30, closest)}


def test_the_newer_of_two_equally_close_lists_is_matched(history):
    history.add_snapshot("2026-01-30", descending_rows("ab"))
    newer = history.add_snapshot("2026-02-01", descending_rows("ab"))
    now = history.add_snapshot("2026-03-02", descending_rows("ab"))
    matched = read(history, now, "matched_ranking")
    assert set(matched["snapshot"]) == {newer}


def test_the_store_reads_a_census_as_a_relation() -> None:
    store = make_census_store()
    rows = {key * 24: (number, None, 5) for number, key in enumerate("abc")}
    snapshot = take_census(store, rows)
    frame = load_relation(store.connection, snapshot, "census")
    assert frame.to_dict("list") == {
        "package": [1, 2, 3], "downloads": [0, 1, 2], "likes": [-1, -1, -1], "downloads_all_time": [5, 5, 5],
    }  # fmt: skip
