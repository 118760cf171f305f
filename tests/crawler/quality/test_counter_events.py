"""Counter events: detected where they were planted, and nowhere else."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from crawler.quality.counter_events import (
    SECONDS_PER_DAY,
    detect_counter_events,
    detect_mass_events,
    detect_package_events,
)
from crawler.snapshots.ending import end_snapshot
from crawler.snapshots.kinds import load_kind
from db.connection import open_for_writing
from db.rows import Observation
from db.store import Store
from db.store.package_events import CounterReading
from tests.db.builders import begin_snapshot, make_observation, make_page, query

KINDS = ("counter_reset", "counter_drop", "counter_frozen", "alltime_decrease", None)


WEEK = 7 * SECONDS_PER_DAY


def history(*downloads: int | None, days: int = 7) -> list[CounterReading]:
    """Return readings of one counter at regular intervals."""
    return [CounterReading(days * SECONDS_PER_DAY * index, value) for index, value in enumerate(downloads)]


def frozen_history(*synced_at: int) -> list[CounterReading]:
    """Return a reading of 900 downloads, then weekly readings of 1,000 with their times of synchronisation."""
    later = [CounterReading(WEEK * (1 + index), 1000, None, synced) for index, synced in enumerate(synced_at)]
    return [CounterReading(0, 900, None, 1), *later]


def totals(*all_time: int) -> list[CounterReading]:
    """Return daily readings of one all-time total."""
    return [CounterReading(index * SECONDS_PER_DAY, 5, total) for index, total in enumerate(all_time)]


def event_kinds(readings: list[CounterReading]) -> list[str]:
    """Return the kinds of the events of one package."""
    return [event.kind for event in detect_package_events(1, readings)]


@pytest.mark.parametrize(
    ("readings", "kinds"),
    [
        (history(500), []), (history(500, 0), ["counter_reset"]), (history(100, 0), []), (history(0, 0), []),
        (history(1000, 399), ["counter_drop"]), (history(1000, 401), []), (history(1000, 399, days=30), []),
        (history(1000, 1010, 990, 1005, 300), ["counter_drop"]), (history(1000, 300, 1500, 900, 250), []),
        (history(900, 1000, 1000, 1000), ["counter_frozen"]), (history(900, 1000, 1000), []),
        (history(900, 1000, 1000, 1000, 1000), []), (history(1000, 1000, 1000), []), (history(90, 10, 10, 10), []),
        (history(None, 500), []), (history(500, None), []), (history(500, None, 0), ["counter_reset"]),
        (totals(100, 99), ["alltime_decrease"]), (totals(100, 100), []),
        (frozen_history(2, 2, 2), []), (frozen_history(2, 9, 16), ["counter_frozen"]),
    ],
)  # fmt: skip
@pytest.mark.fault("D5")
def test_each_history_has_the_events_of_its_counter(readings: list[CounterReading], kinds: list[str]) -> None:
    assert event_kinds(readings) == kinds


def make_history(random_source: random.Random, kind: str | None) -> list[CounterReading]:
    """Return weekly readings of a counter that drifts, with one event at the end."""
    level, total = random_source.lognormvariate(9, 1.5) + 300, 10**6
    readings: list[CounterReading] = []
    for week in range(20):
        level = max(150.0, level * random_source.lognormvariate(0, 0.08))
        total += int(level / 4)
        readings.append(CounterReading(week * WEEK, int(level), total))
    last, downloads = readings[-1].taken_at, int(level)
    if kind == "counter_reset":
        readings.append(CounterReading(last + WEEK, 0, total))
    elif kind == "counter_drop":
        readings.append(CounterReading(last + WEEK, int(downloads * random_source.uniform(0.02, 0.2)), total))
    elif kind == "counter_frozen":
        readings += [CounterReading(last + WEEK * weeks, downloads, total + weeks) for weeks in (1, 2)]
    elif kind == "alltime_decrease":
        readings.append(CounterReading(last + WEEK, downloads, total - random_source.randint(1, 10**5)))
    return readings


@pytest.mark.fault("D5")
def test_of_a_thousand_histories_at_least_95_percent_are_classified_correctly() -> None:
    random_source = random.Random(7)
    correct = wrong = missed = 0
    for number in range(1000):
        planted_kind = KINDS[number % len(KINDS)]
        kinds = event_kinds(make_history(random_source, planted_kind))
        correct += planted_kind in kinds
        missed += planted_kind is not None and planted_kind not in kinds
        wrong += sum(kind != planted_kind for kind in kinds)
    assert correct / (correct + wrong) >= 0.95 and correct / (correct + missed) >= 0.95, (correct, wrong, missed)


@pytest.mark.fault("D5")
def test_the_same_event_of_many_packages_is_one_event_of_the_source() -> None:
    (event,) = detect_mass_events({"counter_reset": 11}, 1000)
    assert event.evidence == "counter_reset of 11 of 1000 packages"
    assert not list(detect_mass_events({"counter_reset": 10}, 1000))
    assert not list(detect_mass_events({"counter_reset": 4}, 10))
    resets = [(package, history(500, 0)) for package in range(100)]
    assert [event.kind for event in detect_counter_events(resets)].count("mass_event") == 1


@pytest.mark.fault("D5")
def test_two_weeks_of_zeros_as_in_2022_are_reported_once_and_their_end_is_no_event() -> None:
    random_source = random.Random(3)
    levels = [random_source.lognormvariate(8, 1) + 300 for _ in range(200)]
    weekly = [[int(level * random_source.uniform(0.9, 1.1)) for _ in range(12)] for level in levels]
    observed = [[0 if week in (6, 7) else value for week, value in enumerate(values)] for values in weekly]
    kinds_by_week = []
    for week in range(1, 12):
        histories = [(package, history(*values[: week + 1])) for package, values in enumerate(observed)]
        kinds = [event.kind for event in detect_counter_events(histories)]
        kinds_by_week.append([kind for kind in kinds if kind in ("mass_event", "counter_reset")])
    assert kinds_by_week[5].count("mass_event") == 1 and kinds_by_week[5].count("counter_reset") == 200
    assert [kinds for week, kinds in enumerate(kinds_by_week) if week != 5 and kinds] == []


@pytest.mark.fault("D5")
def test_a_total_that_falls_as_in_2026_is_an_event_of_each_package_and_of_the_source() -> None:
    histories = [(package, totals(10_000 + package, 9_000 + package)) for package in range(300)]
    kinds = [event.kind for event in detect_counter_events(histories)]
    assert (kinds.count("alltime_decrease"), kinds.count("mass_event")) == (300, 1)


def take_ranking(store: Store, day: int, rows: list[Observation]) -> int:
    """Store a complete snapshot of a ranking, and end it like a crawl."""
    snapshot = begin_snapshot(store, at=day * SECONDS_PER_DAY, k=len(rows))
    store.save_page(snapshot, make_page(rows, fetched_at=day * SECONDS_PER_DAY))
    assert end_snapshot(load_kind("ranking"), store, snapshot)[0] == "complete"
    return snapshot


@pytest.mark.fault("D5")
def test_events_are_stored_when_a_snapshot_ends_and_no_value_changes(tmp_path: Path) -> None:
    with open_for_writing(tmp_path / "s.db") as database:
        store = Store(database)
        take_ranking(store, 1, [make_observation(f"p{n}", 1000 - n) for n in range(20)])
        second = take_ranking(store, 8, [make_observation(f"p{n}", 0 if n >= 10 else 990 - n) for n in range(20)])
        third = take_ranking(store, 9, [make_observation(f"p{n}", 0 if n >= 10 else 980 - n) for n in range(20)])
        events = query(
            store, "SELECT snapshot_id, kind, severity, count(*) FROM quality_event GROUP BY 1, 2, 3 ORDER BY 2"
        )
        assert events == [(second, "counter_reset", "note", 10), (second, "mass_event", "warning", 1)]
        assert query(store, "SELECT sum(downloads) FROM ranking WHERE snapshot_id = ?", third) == [(9755,)]
        packages = query(store, "SELECT count(DISTINCT package_id) FROM quality_event WHERE kind = 'counter_reset'")
        assert packages == [(10,)]


@pytest.mark.fault("D3")
def test_a_new_package_with_an_old_name_is_recreated(tmp_path: Path) -> None:
    with open_for_writing(tmp_path / "s.db") as database:
        store = Store(database)
        other_rows = [make_observation(f"p{n}", 1000 - n) for n in range(20)]
        take_ranking(store, 1, [*other_rows, make_observation("a", 90, "id-old")])
        take_ranking(store, 2, [*other_rows, make_observation("a", 90, "id-new")])
        events = query(store, "SELECT before, after FROM quality_event WHERE kind = 'recreated'")
        assert events == [("id-old", "id-new")]


@pytest.mark.fault("D2")
def test_two_packages_that_swap_names_are_renamed_and_not_recreated(tmp_path: Path) -> None:
    with open_for_writing(tmp_path / "s.db") as database:
        store = Store(database)
        take_ranking(store, 1, [make_observation("a", 90, "1"), make_observation("b", 80, "2")])
        take_ranking(store, 2, [make_observation("b", 90, "1"), make_observation("a", 80, "2")])
        assert query(store, "SELECT kind, count(*) FROM quality_event GROUP BY kind") == [("renamed", 2)]


@pytest.mark.parametrize(
    ("before", "after", "count"), [("false", "auto", 1), ("auto", "false", 1), ("auto", "auto", 0)]
)
@pytest.mark.fault("D4")
def test_a_package_that_becomes_gated_is_an_event(tmp_path: Path, before: str, after: str, count: int) -> None:
    with open_for_writing(tmp_path / "s.db") as database:
        store = Store(database)
        take_ranking(store, 1, [make_observation("a", 90, attributes={"gated": before})])
        take_ranking(store, 2, [make_observation("a", 90, attributes={"gated": after})])
        events = query(store, "SELECT before, after FROM quality_event WHERE kind = 'gated_change'")
        assert events == [(before, after)] * count


def test_a_mass_event_of_a_snapshot_is_in_the_notes_of_its_results(tmp_path: Path) -> None:
    from analysis.__main__ import main as compute
    from analysis.report import main as report

    path = tmp_path / "s.db"
    with open_for_writing(path) as database:
        store = Store(database)
        take_ranking(store, 1, [make_observation(f"p{n}", 1000 - n) for n in range(100)])
        take_ranking(store, 8, [make_observation(f"p{n}", 0 if n >= 50 else 990 - n) for n in range(100)])
    assert compute(["--db", str(path)]) == 0
    out = tmp_path / "r.json"
    assert report(["--db", str(path), "--format", "json", "--out", str(out)]) == 0
    results = [row for row in json.loads(out.read_text())["results"] if row["metric"] == "turnover"]
    note = "quality event: mass_event: counter_reset of 50 of 100 packages"
    noted = [(row["value"] is not None, note in row["note"]) for row in results if row["date"] == "1970-01-09"]
    assert set(noted) == {(True, True), (False, False)}, "only results with a value have the note"
    assert not any("quality event" in row["note"] for row in results if row["date"] == "1970-01-02")
