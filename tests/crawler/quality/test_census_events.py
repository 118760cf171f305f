"""What the counters of a whole registry did between two censuses is told as it is of a list."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from crawler.quality.census_events import MAX_EVENTS_PER_KIND, find_census_events
from crawler.quality.counter_events import SECONDS_PER_DAY
from crawler.snapshots.ending import end_snapshot
from crawler.snapshots.kinds import load_kind
from db.census.writer import CensusStore
from db.rows import Observation
from tests.db.builders import MODELS, begin_snapshot, query
from tests.db.census.test_history import Counters, make_census_page, make_census_store, take_census

KEYS = [f"{number:024x}" for number in range(1, 40)]


def usual(week: int) -> dict[str, Counters]:
    """Counters that move a little each week."""
    return {key: (1000 + 10 * place + week, 5, 9000 + place + week) for place, key in enumerate(KEYS)}


def told(store: CensusStore, rows: dict[str, Counters], at: int) -> dict[str, list[str]]:
    """The events of one more census: the keys by kind, in order."""
    found: dict[str, list[str]] = {}
    for event in find_census_events(store, take_census(store, rows, at)):
        name = query(store, "SELECT stable_id FROM package WHERE package_id = ?", event.package)
        found.setdefault(event.kind, []).append(str(name[0][0]) if name else event.evidence)
    return {kind: sorted(keys) for kind, keys in found.items()}


@pytest.mark.fault("D5")
def test_what_single_counters_did_between_two_censuses_is_told() -> None:
    store = make_census_store()
    assert told(store, usual(0), 0) == {}
    assert told(store, usual(1), 7 * SECONDS_PER_DAY) == {}
    zero, fallen, less, gone, new = KEYS[:4] + ["f" * 24]
    rows = usual(2) | {zero: (0, 5, 9100), fallen: (100, 5, 9100), less: (1022, 5, 8000), new: (0, 0, 0)}
    del rows[gone]
    assert told(store, rows, 14 * SECONDS_PER_DAY) == {
        "counter_reset": [zero], "counter_drop": [fallen], "alltime_decrease": [less],
    }  # fmt: skip


@pytest.mark.fault("D5")
def test_packages_of_every_block_are_held_against_their_own_past() -> None:
    store = make_census_store()
    query(store, "INSERT INTO registry (registry_id, name, service) VALUES (1, ?, 'huggingface')", MODELS.name)
    query(store, "INSERT INTO package (package_id, registry_id, key, name, name_hash, first_seen_at, seen_at)"
          " VALUES (?, 1, 'name:x', 'x', 0, 0, 0)", (1 << 16) - 3)  # fmt: skip
    first, second, third = KEYS[:2], KEYS[2:6], "f" * 24  # of block 0, of block 1, and of block 3
    rows = {key: (1000 + place, 1, 10) for place, key in enumerate(KEYS[:6])}
    assert told(store, {key: rows[key] for key in first}, 0) == {}
    assert told(store, {key: rows[key] for key in second}, SECONDS_PER_DAY) == {}
    query(store, "INSERT INTO package (package_id, registry_id, key, name, name_hash, first_seen_at, seen_at)"
          " VALUES (?, 1, 'name:y', 'y', 0, 0, 0)", 3 << 16)  # fmt: skip
    fallen = dict.fromkeys(rows, (1, 1, 10))
    assert told(store, fallen | {third: (2000, 1, 10)}, 2 * SECONDS_PER_DAY)["counter_drop"] == second
    assert told(store, rows | {third: (1, 1, 10)}, 3 * SECONDS_PER_DAY) == {"counter_drop": [third]}


@pytest.mark.fault("D5")
def test_a_counter_that_stands_still_for_two_weeks_is_told_once() -> None:
    store = make_census_store()
    for week in range(7):
        rows = usual(week) | ({KEYS[5]: (7777, 5, 9500 + week)} if week >= 2 else {})
        assert told(store, rows, 7 * week * SECONDS_PER_DAY) == ({"counter_frozen": [KEYS[5]]} if week == 4 else {})


@pytest.mark.fault("D5")
def test_zeros_of_many_are_an_event_of_the_source_and_only_the_largest_are_told_singly() -> None:
    store = make_census_store()
    keys = [f"{number:024x}" for number in range(1, MAX_EVENTS_PER_KIND + 200)]
    take_census(store, {key: (1000 + place, 1, 1) for place, key in enumerate(keys)}, 0, per_page=500)
    last = take_census(store, dict.fromkeys(keys, (0, 1, 1)), SECONDS_PER_DAY, per_page=500)
    found = find_census_events(store, last)
    assert Counter(event.kind for event in found) == {"counter_reset": MAX_EVENTS_PER_KIND + 1, "mass_event": 1}
    assert [event.evidence for event in found if event.package is None] == [
        "1,199 packages; the 1,000 largest are told one by one", "counter_reset of 1199 of 1199 packages",
    ]  # fmt: skip


def named(store: CensusStore, at: int, packages: dict[str, tuple[str, str]]) -> int:
    """A census in which each id has a name, and says who asks for consent; ended as a crawl ends it."""
    rows = sorted(packages.items())
    page = make_census_page({key: (5, 5, 5) for key, _ in rows}, {key: hash(said) % 10**6 for key, said in rows})

    def observe(place: int) -> Observation:
        key, (name, gated) = rows[place]
        return Observation(key, name, 5, 5, 5, attributes={"gated": gated})

    snapshot = begin_snapshot(store, at, k=None)
    store.save_page(snapshot, replace(page, observe=observe, fetched_at=at))
    assert end_snapshot(load_kind("census"), store, snapshot)[0] == "complete"
    return snapshot


@pytest.mark.fault("D3", "D4")
def test_who_asks_for_consent_now_and_who_has_the_name_of_another_is_told_of_a_census_too() -> None:
    store = make_census_store()
    a, b, c = KEYS[:3]
    named(store, 0, {a: ("x/a", "false"), b: ("x/b", "false")})
    second = named(store, SECONDS_PER_DAY, {a: ("x/a", "manual"), c: ("x/b", "false")})
    found = query(
        store, "SELECT kind, before, after FROM quality_event WHERE snapshot_id = ? AND kind <> 'mass_event'", second
    )
    assert sorted(found) == [("gated_change", "false", "manual"), ("recreated", b, c)]
