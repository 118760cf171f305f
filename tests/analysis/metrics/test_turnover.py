"""Metric 2 equals plain Python, and the known answers for small histories."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.metrics.turnover import GAPS
from db.cli import parse_day
from db.identity import derive_stable_id
from db.rows import Observation, Registry
from tests.analysis.conftest import History, descending_rows

DAY = 86_400
NPM = Registry("npm", "ecosystems")
LISTS = st.lists(st.permutations("abcdefg").map(lambda names: "".join(names[:4])), min_size=1, max_size=6)


def as_published(lists: list[str], k: int) -> list[dict[str, float | None]]:
    """Compute the paper's counts in plain Python."""
    counts, ever, last = [], set(), None
    for names in lists:
        cur = set(names[:k])
        flows = dict.fromkeys(("remained", "newcomers", "returning"))
        if last is not None:
            entered = cur - last
            flows = {"remained": len(last & cur), "newcomers": len(entered - ever), "returning": len(entered & ever)}
        ever, last = ever | cur, cur
        counts.append({**flows, "ever": len(ever)})
    return counts


def counts_in_store(lists: list[str], order: list[int], folder: str) -> list[dict[str, float | None]]:
    """Compute the counts through the store. Results are computed after each snapshot is added, in this order."""
    history = History(Path(folder) / "observatory.db")
    history.set_depths(2, 4)
    snapshots = {}
    for index in order:
        snapshots[index] = history.add_snapshot(parse_day("2026-01-01") + index * DAY, descending_rows(lists[index]))
        history.compute_pending()
    assert history.compute_pending() == []
    by_date = [snapshots[index] for index in sorted(order)]
    return [history.query_values(snapshot_id=snapshot, metric="turnover_as_published", k=2) for snapshot in by_date]


@given(LISTS.flatmap(lambda lists: st.tuples(st.just(lists), st.permutations(range(len(lists))))))
@settings(max_examples=15, deadline=None)
def test_the_order_of_importing_does_not_matter(case):
    lists, order = case
    with TemporaryDirectory() as folder:
        assert counts_in_store(lists, list(order), folder) == as_published(lists, 2)


@pytest.mark.fault("D7")
def test_the_first_snapshot_has_no_flows_and_says_why(history):
    history.add_snapshot("2026-01-01", descending_rows("abcd"))
    history.compute_pending()
    notes = {row["name"]: row["note"] for row in history.query_results(metric="turnover_as_published", k=4)}
    assert history.query_values(metric="turnover_as_published", k=4)["remained"] is None
    assert notes["remained"] == "no earlier list of another day, at least 20 hours older, has this depth"


def test_a_package_that_left_and_came_back_is_returning(history):
    for date, names in (("2026-01-01", "ab"), ("2026-01-08", "ac"), ("2026-01-15", "ab")):
        newest = history.add_snapshot(date, descending_rows(names))
    history.compute_pending()
    assert history.query_values(snapshot_id=newest, metric="turnover_as_published", k=2) == {
        "remained": 1, "newcomers": 0, "returning": 1, "ever": 3,
    }  # fmt: skip


@pytest.mark.fault("D2")
def test_a_renamed_package_has_not_left(history):
    history.add_snapshot("2026-01-01", [Observation("1", "gpt2", downloads=9), Observation("2", "bert", downloads=8)])
    newest = history.add_snapshot(
        "2026-02-01", [Observation("1", "openai-community/gpt2", downloads=9), Observation("2", "bert", downloads=8)]
    )
    history.compute_pending()
    assert history.query_values(snapshot_id=newest, metric="turnover", k=2)["turnover"] == 0


def name_only(*names: str) -> list[Observation]:
    """Make the rows of a past list of the Hub, which has only names."""
    return [
        Observation(derive_stable_id("huggingface/models", name), name, downloads=9 - rank)
        for rank, name in enumerate(names)
    ]


@pytest.mark.fault("D2")
def test_the_note_says_how_many_packages_a_rename_may_concern(history):
    history.add_snapshot("2026-01-01", name_only("gpt2", "a", "b", "c"))
    newest = history.add_snapshot("2026-02-01", name_only("a", "openai-community/gpt2", "d", "e"))
    history.compute_pending()
    results = {row["name"]: row for row in history.query_results(snapshot_id=newest, k=4)}
    assert (results["turnover"]["value"], results["remained"]["value"]) == (0.5, 2)
    for name in ("turnover", "turnover.30d", "remained", "newcomers", "returning", "ever"):
        assert results[name]["note"].endswith(
            "known by name alone: 2 of 2 that left, 2 of 2 that entered, and a rename among them counts as both"
            " (known renames, which count as neither: 1)"
        ), name


def test_lists_with_ids_have_no_note_on_names(history):
    history.add_snapshot("2026-01-01", descending_rows("abcd"))
    history.add_snapshot("2026-02-01", descending_rows("abef"))
    history.compute_pending()
    assert not [row for row in history.query_results() if "name alone" in row["note"]]


def test_the_same_names_have_no_note_on_names(history):
    for date in ("2026-01-01", "2026-02-01"):
        newest = history.add_snapshot(date, name_only("a", "b", "c", "d"))
    history.compute_pending()
    assert not [row for row in history.query_results(snapshot_id=newest) if "name alone" in row["note"]]


def test_turnover_is_the_share_of_new_packages(history):
    before = history.add_snapshot("2026-01-01", descending_rows("abcd"))
    newest = history.add_snapshot("2026-01-31", descending_rows("abef"), value_after=1)
    history.compute_pending()
    (result,) = history.query_results(snapshot_id=newest, name="turnover", k=4)
    assert (result["value"], result["n"], result["previous_snapshot_id"]) == (0.5, 4, before)


def test_the_gap_is_always_in_the_note(history):
    history.add_snapshot("2026-01-01", descending_rows("abcd"))
    newest = history.add_snapshot(parse_day("2026-01-31") + DAY // 2, descending_rows("abcd"))
    history.compute_pending()
    notes = [row["note"] for row in history.query_results(snapshot_id=newest) if row["value"] is not None]
    assert len(notes) == 12
    assert all(note.startswith("gap 30.5 days") for note in notes)


@pytest.mark.parametrize(("days", "accepted"), [(72, False), (73, True), (109, True), (110, False)])
def test_a_matched_gap_is_within_a_fifth(history, days, accepted):
    history.add_snapshot(parse_day("2026-06-01") - days * DAY, descending_rows("ab"))
    newest = history.add_snapshot("2026-06-01", descending_rows("ab"))
    history.compute_pending()
    (result,) = history.query_results(snapshot_id=newest, name="turnover.91d")
    assert (result["value"] is not None) == accepted


def test_a_gap_without_a_snapshot_names_the_missing_dates(history):
    history.add_snapshot("2026-06-01", descending_rows("ab"))
    history.compute_pending()
    (result,) = history.query_results(name="turnover.30d")
    assert result["note"] == (
        "no complete snapshot of this list with this depth from about 30 days earlier (2026-04-26 to 2026-05-08)"
    )


@pytest.mark.fault("D6")
def test_ties_at_rank_k_give_an_interval(history):
    history.add_snapshot("2026-01-01", [("a", 9), ("b", 5), ("c", 5), ("d", 1)])
    newest = history.add_snapshot("2026-01-31", [("a", 9), ("c", 6), ("b", 5), ("d", 1)])
    history.compute_pending()
    (result,) = history.query_results(snapshot_id=newest, name="turnover", k=2)
    assert (result["value"], result["low"], result["high"]) == (0.5, 0.0, 0.5)


@pytest.mark.fault("D6")
def test_possible_ties_below_the_list_widen_the_interval(history):
    history.add_snapshot("2026-01-01", descending_rows("ab"))
    newest = history.add_snapshot("2026-01-31", descending_rows("ab"))
    history.compute_pending()
    (result,) = history.query_results(snapshot_id=newest, name="turnover", k=2)
    assert (result["low"], result["value"], result["high"]) == (0.0, 0.0, 0.5)
    assert "ties below the last listed rank" in result["note"]


def test_a_known_counter_below_the_list_keeps_the_interval_narrow(history):
    history.add_snapshot("2026-01-01", descending_rows("ab"), value_after=1)
    newest = history.add_snapshot("2026-01-31", descending_rows("ab"), value_after=1)
    history.compute_pending()
    (result,) = history.query_results(snapshot_id=newest, name="turnover", k=2)
    assert (result["low"], result["high"]) == (0.0, 0.0)


@pytest.mark.fault("D6")
def test_without_counters_there_is_no_interval(history):
    history.add_snapshot("2026-01-01", ["a", "b"])
    newest = history.add_snapshot("2026-01-31", ["a", "c"])
    history.compute_pending()
    (result,) = history.query_results(snapshot_id=newest, name="turnover", k=2)
    assert (result["value"], result["low"], result["high"]) == (0.5, None, None)
    assert "counters are absent" in result["note"]


def test_a_missing_counter_above_the_ties_keeps_the_interval(history):
    history.add_snapshot("2026-01-01", descending_rows("abcd"))
    newest = history.add_snapshot("2026-01-31", [("a", None), ("b", 9), ("c", 8), ("d", 7), ("e", 6)])
    history.compute_pending()
    assert history.query_results(snapshot_id=newest, name="turnover", k=4)[0]["low"] == 0.0


def test_a_missing_counter_just_below_rank_k_leaves_no_interval(history):
    history.add_snapshot("2026-01-01", descending_rows("abc"))
    newest = history.add_snapshot("2026-01-31", [("a", 9), ("b", 8), ("c", None), ("d", 7)])
    history.compute_pending()
    assert history.query_results(snapshot_id=newest, name="turnover", k=2)[0]["low"] is None


def test_unreadable_ranks_are_not_counted(history):
    history.add_snapshot("2026-01-01", descending_rows("abcd"))
    newest = history.add_snapshot("2026-01-31", descending_rows("abd"), rejected=[2])
    history.compute_pending()
    (result,) = history.query_results(snapshot_id=newest, name="turnover", k=4)
    assert (result["value"], result["n"]) == (0.0, 3)
    assert "3 of 4 ranks of 2026-01-31 could be read" in result["note"]


@pytest.mark.parametrize("series", [{"counter": "total"}, {"ordered_by": "likes"}, {"registry": NPM}])
@pytest.mark.fault("D12")
def test_different_series_are_never_compared(history, series):
    history.add_snapshot("2026-01-01", descending_rows("ab"), **series)
    newest = history.add_snapshot("2026-01-31", descending_rows("ab"))
    history.compute_pending()
    values = history.query_values(snapshot_id=newest, k=2)
    assert (values["turnover"], values["turnover.30d"], values["remained"], values["ever"]) == (None, None, None, 2)


@pytest.mark.parametrize("status", ["partial", "failed", "open"])
def test_only_complete_snapshots_are_read(history, status):
    history.add_snapshot("2026-01-01", descending_rows("ab"))
    history.add_snapshot("2026-01-08", descending_rows("cd"), status)
    newest = history.add_snapshot("2026-01-15", descending_rows("ab"))
    history.compute_pending()
    assert history.query_values(snapshot_id=newest, metric="turnover_as_published", k=2) == {
        "remained": 2, "newcomers": 0, "returning": 0, "ever": 2,
    }  # fmt: skip


def test_a_full_snapshot_counts_too(history):
    history.add_snapshot("2026-01-01", descending_rows("abcd"), k=None)
    newest = history.add_snapshot("2026-01-31", descending_rows("ab"))
    history.compute_pending()
    assert history.query_values(snapshot_id=newest, k=2)["remained"] == 2


@pytest.mark.fault("D7")
def test_a_list_that_is_too_short_has_one_undefined_result_of_each_metric(history):
    history.add_snapshot("2026-01-01", descending_rows("a"))
    history.compute_pending()
    assert [(row["k"], row["value"], bool(row["note"])) for row in history.query_results()] == [(0, None, True)] * 9


def test_the_hazard_is_given_with_its_gap(history):
    history.add_snapshot("2026-01-01", descending_rows("abcd"))
    newest = history.add_snapshot("2026-03-02", descending_rows("abef"))
    history.compute_pending()
    (result,) = history.query_results(snapshot_id=newest, name="turnover", k=4)
    hazard = 1 - 0.5 ** (30.44 / 60)
    assert f"gap 60 days; monthly hazard {hazard:.3f} over this gap" in result["note"]


def test_every_gap_is_matched_where_there_is_a_snapshot(history):
    newest = parse_day("2026-06-01")
    for days in (*reversed(GAPS), 0):
        last = history.add_snapshot(newest - days * DAY, descending_rows("ab"))
    history.compute_pending()
    notes = {
        row["name"]: row["note"].split("; ")[0]
        for row in history.query_results(snapshot_id=last, metric="turnover", k=2)
    }
    assert notes == {"turnover": "gap 7 days", **{f"turnover.{days}d": f"gap {days} days" for days in GAPS}}


@pytest.mark.fault("D7")
def test_a_list_compared_with_itself_has_not_changed(history):
    history.add_snapshot("2026-01-01", descending_rows("abcd"), value_after=1)
    history.add_snapshot("2026-01-31", descending_rows("abcd"), value_after=1)
    history.compute_pending()
    rows = [row for row in history.query_results(metric="turnover") if row["value"] is not None]
    assert {(row["value"], row["low"], row["high"]) for row in rows} == {(0.0, 0.0, 0.0)}


def test_the_value_of_a_list_out_of_order_lies_in_its_interval(history):
    history.add_snapshot("2026-01-01", [("a", 9), ("b", 3), ("c", 5), ("d", 5)])
    newest = history.add_snapshot("2026-01-31", [("a", 9), ("c", 5), ("b", 7), ("d", 5)])
    history.compute_pending()
    for row in history.query_results(snapshot_id=newest, name="turnover"):
        assert row["low"] <= row["value"] <= row["high"]
