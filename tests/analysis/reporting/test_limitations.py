"""What cannot be said is said."""

from __future__ import annotations

from analysis.reporting.limitations import NO_SNAPSHOT, list_limitations

SNAPSHOT = {
    "snapshot": 1, "registry": "npm", "by": "downloads", "counter": "last-month", "date": "2026-01-01",
    "status": "complete", "depth": 1000,
}  # fmt: skip
LATER = {**SNAPSHOT, "snapshot": 2, "date": "2026-01-08"}


def result(name="turnover.91d", k=100, value=None, note="no snapshot"):
    return {"snapshot": 2, "name": name, "k": k, "value": value, "note": note}


def test_an_empty_store():
    assert list_limitations([], [], None) == [NO_SNAPSHOT]


def test_one_snapshot_shows_no_change():
    assert list_limitations([SNAPSHOT], [], 1000) == [
        "npm by downloads: one complete snapshot (2026-01-01), so no change can be measured yet."
    ]


def test_only_partial_snapshots():
    assert list_limitations([{**SNAPSHOT, "status": "partial"}], [], None) == [
        "npm by downloads: no snapshot is complete, and only complete ones are computed."
    ]


def test_undefined_results_of_the_newest_snapshot_with_their_reason():
    assert list_limitations([SNAPSHOT, LATER], [result()], 1000) == [
        "npm by downloads, 2026-01-08: turnover.91d: no snapshot."
    ]


def test_depths_are_named_where_not_all_are_undefined():
    results = [result(), result(k=500, value=0.1), result(k=1000)]
    assert list_limitations([SNAPSHOT, LATER], results, 1000) == [
        "npm by downloads, 2026-01-08: turnover.91d at K of 100 and 1,000: no snapshot."
    ]


def test_the_same_reason_is_given_once():
    results = [result("remained"), result("newcomers"), result("turnover")]
    assert list_limitations([SNAPSHOT, LATER], results, 1000) == [
        "npm by downloads, 2026-01-08: remained, turnover and newcomers: no snapshot."
    ]


def test_absent_counters():
    results = [result("turnover", value=0.1, note="gap 7 days; no interval: counters are absent")]
    assert list_limitations([SNAPSHOT, LATER], results, 1000) == [
        "npm by downloads, 2026-01-08: no interval: counters are absent."
    ]


def test_a_list_that_is_less_deep_than_asked():
    assert list_limitations([SNAPSHOT, LATER], [], 5000) == [
        "npm by downloads: the list of 2026-01-08 is 1,000 deep, so nobody is compared at 5,000."
    ]


def test_lists_that_count_different_things():
    total = {**SNAPSHOT, "counter": "total"}
    assert list_limitations([SNAPSHOT, total], [], 1000)[-1] == (
        "npm by downloads: lists that count last-month and total are not compared with one another."
    )
