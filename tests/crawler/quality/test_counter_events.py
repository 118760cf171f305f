"""What happened to a counter: found where it was planted, and not where it was not."""

from __future__ import annotations

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
from db.store import Store
from db.store.package_events import CounterReading
from tests.db.builders import begin_snapshot, make_observation, make_page, query

KINDS = ("counter_reset", "counter_drop", "counter_frozen", "alltime_decrease", None)


def history(*downloads: int | None, gap: int = 7) -> list[CounterReading]:
    return [CounterReading(gap * SECONDS_PER_DAY * number, value) for number, value in enumerate(downloads)]


def kinds(said: list[CounterReading]) -> list[str]:
    return [event.kind for event in detect_package_events(1, said)]


@pytest.mark.parametrize(
    ("said", "found"),
    [
        (history(500), []), (history(500, 0), ["counter_reset"]), (history(100, 0), []), (history(0, 0), []),
        (history(1000, 399), ["counter_drop"]), (history(1000, 401), []), (history(1000, 399, gap=30), []),
        (history(1000, 1010, 990, 1005, 300), ["counter_drop"]), (history(1000, 300, 1500, 900, 250), []),
        (history(900, 1000, 1000, 1000), ["counter_frozen"]), (history(900, 1000, 1000), []),
        (history(900, 1000, 1000, 1000, 1000), []), (history(1000, 1000, 1000), []), (history(90, 10, 10, 10), []),
        (history(None, 500), []), (history(500, None), []), (history(500, None, 0), ["counter_reset"]),
        ([CounterReading(0, 5, 100), CounterReading(SECONDS_PER_DAY, 5, 99)], ["alltime_decrease"]), ([CounterReading(0, 5, 100), CounterReading(SECONDS_PER_DAY, 5, 100)], []),
        ([CounterReading(0, 900, None, 1), *(CounterReading((7 + d) * SECONDS_PER_DAY, 1000, None, 2) for d in (0, 7, 14))], []),
        ([CounterReading(0, 900, None, 1), *(CounterReading((7 + d) * SECONDS_PER_DAY, 1000, None, 2 + d) for d in (0, 7, 14))], ["counter_frozen"]),
    ],
)  # fmt: skip
@pytest.mark.fault("D5")
def test_what_one_counter_did(said: list[CounterReading], found: list[str]) -> None:
    assert kinds(said) == found


def planted(chance: random.Random, kind: str | None) -> list[CounterReading]:
    """A year of weeks of a counter that drifts and wavers, with one thing that happened at its end."""
    level, total, said = chance.lognormvariate(9, 1.5) + 300, 10**6, []
    for week in range(20):
        level = max(150.0, level * chance.lognormvariate(0, 0.08))
        total += int(level / 4)
        said.append(CounterReading(week * 7 * SECONDS_PER_DAY, int(level), total))
    last = said[-1]
    if kind == "counter_reset":
        said.append(CounterReading(last.taken_at + 7 * SECONDS_PER_DAY, 0, total))
    elif kind == "counter_drop":
        said.append(
            CounterReading(
                last.taken_at + 7 * SECONDS_PER_DAY, int((last.downloads or 0) * chance.uniform(0.02, 0.2)), total
            )
        )
    elif kind == "counter_frozen":
        said += [CounterReading(last.taken_at + 7 * SECONDS_PER_DAY * n, last.downloads, total + n) for n in (1, 2)]
    elif kind == "alltime_decrease":
        said.append(
            CounterReading(last.taken_at + 7 * SECONDS_PER_DAY, last.downloads, total - chance.randint(1, 10**5))
        )
    return said


@pytest.mark.fault("D5")
def test_of_a_thousand_series_what_was_planted_is_found_and_little_else() -> None:
    chance = random.Random(7)
    right = wrong = missed = 0
    for number in range(1000):
        kind = KINDS[number % len(KINDS)]
        found = kinds(planted(chance, kind))
        right += kind in found
        missed += kind is not None and kind not in found
        wrong += sum(one != kind for one in found)
    assert right / (right + wrong) >= 0.95 and right / (right + missed) >= 0.95, (right, wrong, missed)


@pytest.mark.fault("D5")
def test_the_same_to_many_is_one_event_of_the_source() -> None:
    assert [one.evidence for one in detect_mass_events({"counter_reset": 11}, 1000)] == [
        "counter_reset of 11 of 1000 packages"
    ]
    assert not list(detect_mass_events({"counter_reset": 10}, 1000)) and not list(
        detect_mass_events({"counter_reset": 4}, 10)
    )
    zeros = [(package, history(500, 0)) for package in range(100)]
    assert [event.kind for event in detect_counter_events(zeros)].count("mass_event") == 1


@pytest.mark.fault("D5")
def test_two_weeks_of_zeros_as_in_2022_are_told_once_and_their_end_is_no_event() -> None:
    chance = random.Random(3)
    levels = [chance.lognormvariate(8, 1) + 300 for _ in range(200)]
    true = {package: [int(one * chance.uniform(0.9, 1.1)) for _ in range(12)] for package, one in enumerate(levels)}
    told = []
    for week in range(1, 12):
        said = [
            (
                package,
                [
                    CounterReading(7 * SECONDS_PER_DAY * n, 0 if n in (6, 7) else values[n], None)
                    for n in range(week + 1)
                ],
            )
            for package, values in true.items()
        ]
        told.append(
            [event.kind for event in detect_counter_events(said) if event.kind in ("mass_event", "counter_reset")]
        )
    assert told[5].count("mass_event") == 1 and told[5].count("counter_reset") == 200
    assert [kinds for week, kinds in enumerate(told) if week != 5 and kinds] == []


@pytest.mark.fault("D5")
def test_a_total_that_falls_as_in_2026_is_told_for_each_and_for_the_source() -> None:
    said = [
        (package, [CounterReading(0, 500, 10_000 + package), CounterReading(SECONDS_PER_DAY, 501, 9_000 + package)])
        for package in range(300)
    ]
    kinds_told = [event.kind for event in detect_counter_events(said)]
    assert (kinds_told.count("alltime_decrease"), kinds_told.count("mass_event")) == (300, 1)


def list_of(store: Store, day: int, rows: list[object]) -> int:
    snapshot = begin_snapshot(store, at=day * SECONDS_PER_DAY, k=len(rows))
    store.save_page(snapshot, make_page(rows, fetched_at=day * SECONDS_PER_DAY))
    assert end_snapshot(load_kind("ranking"), store, snapshot)[0] == "complete"
    return snapshot


@pytest.mark.fault("D5")
def test_events_are_written_when_a_snapshot_ends_and_no_value_is_altered(tmp_path: Path) -> None:
    with open_for_writing(tmp_path / "s.db") as database:
        store = Store(database)
        list_of(store, 1, [make_observation(f"p{n}", 1000 - n) for n in range(20)])
        second = list_of(store, 8, [make_observation(f"p{n}", 0 if n >= 10 else 990 - n) for n in range(20)])
        third = list_of(store, 9, [make_observation(f"p{n}", 0 if n >= 10 else 980 - n) for n in range(20)])
        events = query(
            store, "SELECT snapshot_id, kind, severity, count(*) FROM quality_event GROUP BY 1, 2, 3 ORDER BY 2"
        )
        assert events == [(second, "counter_reset", "note", 10), (second, "mass_event", "warning", 1)]
        assert query(store, "SELECT sum(downloads) FROM ranking WHERE snapshot_id = ?", third) == [(9755,)]
        named = query(store, "SELECT count(DISTINCT package_id) FROM quality_event WHERE kind = 'counter_reset'")
        assert named == [(10,)]


@pytest.mark.fault("D3")
def test_a_new_package_of_an_old_name_is_not_the_old_one(tmp_path: Path) -> None:
    with open_for_writing(tmp_path / "s.db") as database:
        store = Store(database)
        others = [make_observation(f"p{n}", 1000 - n) for n in range(20)]
        list_of(store, 1, [*others, make_observation("a", 90, "id-old")])
        list_of(store, 2, [*others, make_observation("a", 90, "id-new")])
        found = query(store, "SELECT before, after FROM quality_event WHERE kind = 'recreated'")
        assert found == [("id-old", "id-new")]


@pytest.mark.fault("D2")
def test_two_packages_that_swap_names_are_renamed_and_not_made_again(tmp_path: Path) -> None:
    with open_for_writing(tmp_path / "s.db") as database:
        store = Store(database)
        list_of(store, 1, [make_observation("a", 90, "1"), make_observation("b", 80, "2")])
        list_of(store, 2, [make_observation("b", 90, "1"), make_observation("a", 80, "2")])
        assert query(store, "SELECT kind, count(*) FROM quality_event GROUP BY kind") == [("renamed", 2)]


@pytest.mark.parametrize(
    ("before", "after", "count"), [("false", "auto", 1), ("auto", "false", 1), ("auto", "auto", 0)]
)
@pytest.mark.fault("D4")
def test_who_asks_for_consent_now_is_noted(tmp_path: Path, before: str, after: str, count: int) -> None:
    with open_for_writing(tmp_path / "s.db") as database:
        store = Store(database)
        list_of(store, 1, [make_observation("a", 90, attributes={"gated": before})])
        list_of(store, 2, [make_observation("a", 90, attributes={"gated": after})])
        found = query(store, "SELECT before, after FROM quality_event WHERE kind = 'gated_change'")
        assert found == [(before, after)] * count


def test_what_touches_a_snapshot_is_told_beside_its_results(tmp_path: Path) -> None:
    from analysis.__main__ import main as compute
    from analysis.report import main as report

    path = tmp_path / "s.db"
    with open_for_writing(path) as database:
        store = Store(database)
        list_of(store, 1, [make_observation(f"p{n}", 1000 - n) for n in range(100)])
        list_of(store, 8, [make_observation(f"p{n}", 0 if n >= 50 else 990 - n) for n in range(100)])
    assert compute(["--db", str(path)]) == 0
    out = tmp_path / "r.json"
    assert report(["--db", str(path), "--format", "json", "--out", str(out)]) == 0
    import json

    given = [one for one in json.loads(out.read_text())["results"] if one["metric"] == "turnover"]
    told = "quality event: mass_event: counter_reset of 50 of 100 packages"
    warned = [(one["value"] is not None, told in one["note"]) for one in given if one["date"] == "1970-01-09"]
    assert set(warned) == {(True, True), (False, False)}, "of what has a value, and of nothing else"
    assert not any("quality event" in one["note"] for one in given if one["date"] == "1970-01-02")
