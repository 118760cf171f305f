"""Counter events of a census: the same as those of a ranking."""

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


def usual_counters(week: int) -> dict[str, Counters]:
    """Return counters that move a little each week."""
    return {key: (1000 + 10 * index + week, 5, 9000 + index + week) for index, key in enumerate(KEYS)}


def events_of_census(store: CensusStore, rows: dict[str, Counters], at: int) -> dict[str, list[str]]:
    """Take one more census and return its events: the keys of each kind, in order."""
    events: dict[str, list[str]] = {}
    for event in find_census_events(store, take_census(store, rows, at)):
        name = query(store, "SELECT stable_id FROM package WHERE package_id = ?", event.package)
        events.setdefault(event.kind, []).append(str(name[0][0]) if name else event.evidence)
    return {kind: sorted(keys) for kind, keys in events.items()}


@pytest.mark.fault("D5")
def test_events_of_single_counters_between_two_censuses_are_reported() -> None:
    store = make_census_store()
    assert events_of_census(store, usual_counters(0), 0) == {}
    assert events_of_census(store, usual_counters(1), 7 * SECONDS_PER_DAY) == {}
    zero, dropped, decreased, removed, new = *KEYS[:4], "f" * 24
    rows = usual_counters(2) | {zero: (0, 5, 9100), dropped: (100, 5, 9100), decreased: (1022, 5, 8000), new: (0, 0, 0)}
    del rows[removed]
    assert events_of_census(store, rows, 14 * SECONDS_PER_DAY) == {
        "counter_reset": [zero],
        "counter_drop": [dropped],
        "alltime_decrease": [decreased],
    }


@pytest.mark.fault("D5")
def test_packages_of_every_block_are_compared_with_their_own_past() -> None:
    store = make_census_store()
    query(store, "INSERT INTO registry (registry_id, name, service) VALUES (1, ?, 'huggingface')", MODELS.name)
    query(store, "INSERT INTO package (package_id, registry_id, key, name, name_hash, first_seen_at, seen_at)"
          " VALUES (?, 1, 'name:x', 'x', 0, 0, 0)", (1 << 16) - 3)  # fmt: skip
    first, second, third = KEYS[:2], KEYS[2:6], "f" * 24  # in blocks 0, 1 and 3
    rows = {key: (1000 + index, 1, 10) for index, key in enumerate(KEYS[:6])}
    assert events_of_census(store, {key: rows[key] for key in first}, 0) == {}
    assert events_of_census(store, {key: rows[key] for key in second}, SECONDS_PER_DAY) == {}
    query(store, "INSERT INTO package (package_id, registry_id, key, name, name_hash, first_seen_at, seen_at)"
          " VALUES (?, 1, 'name:y', 'y', 0, 0, 0)", 3 << 16)  # fmt: skip
    dropped = dict.fromkeys(rows, (1, 1, 10))
    assert events_of_census(store, dropped | {third: (2000, 1, 10)}, 2 * SECONDS_PER_DAY)["counter_drop"] == second
    assert events_of_census(store, rows | {third: (1, 1, 10)}, 3 * SECONDS_PER_DAY) == {"counter_drop": [third]}


@pytest.mark.fault("D5")
def test_a_counter_that_stands_still_for_two_weeks_is_reported_once() -> None:
    store = make_census_store()
    for week in range(7):
        rows = usual_counters(week) | ({KEYS[5]: (7777, 5, 9500 + week)} if week >= 2 else {})
        assert events_of_census(store, rows, 7 * week * SECONDS_PER_DAY) == (
            {"counter_frozen": [KEYS[5]]} if week == 4 else {}
        )


@pytest.mark.fault("D5")
def test_many_resets_are_one_event_of_the_source_and_only_the_largest_have_their_own() -> None:
    store = make_census_store()
    keys = [f"{number:024x}" for number in range(1, MAX_EVENTS_PER_KIND + 200)]
    take_census(store, {key: (1000 + index, 1, 1) for index, key in enumerate(keys)}, 0, per_page=500)
    last = take_census(store, dict.fromkeys(keys, (0, 1, 1)), SECONDS_PER_DAY, per_page=500)
    events = find_census_events(store, last)
    assert Counter(event.kind for event in events) == {"counter_reset": MAX_EVENTS_PER_KIND + 1, "mass_event": 1}
    assert [event.evidence for event in events if event.package is None] == [
        "1,199 packages; only the 1,000 largest have an event of their own",
        "counter_reset of 1199 of 1199 packages",
    ]


def take_named_census(store: CensusStore, at: int, packages: dict[str, tuple[str, str]]) -> int:
    """Take a census in which each id has a name and a value of `gated`, and end it like a crawl."""
    rows = sorted(packages.items())
    page = make_census_page({key: (5, 5, 5) for key, _ in rows}, {key: hash(content) % 10**6 for key, content in rows})

    def observe(index: int) -> Observation:
        key, (name, gated) = rows[index]
        return Observation(key, name, 5, 5, 5, attributes={"gated": gated})

    snapshot = begin_snapshot(store, at, k=None)
    store.save_page(snapshot, replace(page, observe=observe, fetched_at=at))
    assert end_snapshot(load_kind("census"), store, snapshot)[0] == "complete"
    return snapshot


@pytest.mark.fault("D3", "D4")
def test_a_census_reports_packages_that_became_gated_or_took_the_name_of_another() -> None:
    store = make_census_store()
    a, b, c = KEYS[:3]
    take_named_census(store, 0, {a: ("x/a", "false"), b: ("x/b", "false")})
    second = take_named_census(store, SECONDS_PER_DAY, {a: ("x/a", "manual"), c: ("x/b", "false")})
    events = query(
        store, "SELECT kind, before, after FROM quality_event WHERE snapshot_id = ? AND kind <> 'mass_event'", second
    )
    assert sorted(events) == [("gated_change", "false", "manual"), ("recreated", b, c)]
