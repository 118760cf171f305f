"""What happened to a counter: found where it was planted, and not where it was not."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from crawler.quality.counter_events import DAY, detect, mass, of_one
from crawler.snapshots.ending import end_snapshot
from db.connection import writing
from db.store import Store
from db.store.package_events import Said
from tests.db.builders import asked, begin, page, seen

KINDS = ("counter_reset", "counter_drop", "counter_frozen", "alltime_decrease", None)


def history(*downloads: int | None, gap: int = 7) -> list[Said]:
    return [Said(gap * DAY * number, value) for number, value in enumerate(downloads)]


def kinds(said: list[Said]) -> list[str]:
    return [event.kind for event in of_one(1, said)]


@pytest.mark.parametrize(
    ("said", "found"),
    [
        (history(500), []), (history(500, 0), ["counter_reset"]), (history(100, 0), []), (history(0, 0), []),
        (history(1000, 399), ["counter_drop"]), (history(1000, 401), []), (history(1000, 399, gap=30), []),
        (history(1000, 1010, 990, 1005, 300), ["counter_drop"]), (history(1000, 300, 1500, 900, 250), []),
        (history(900, 1000, 1000, 1000), ["counter_frozen"]), (history(900, 1000, 1000), []),
        (history(900, 1000, 1000, 1000, 1000), []), (history(1000, 1000, 1000), []), (history(90, 10, 10, 10), []),
        (history(None, 500), []), (history(500, None), []), (history(500, None, 0), ["counter_reset"]),
        ([Said(0, 5, 100), Said(DAY, 5, 99)], ["alltime_decrease"]), ([Said(0, 5, 100), Said(DAY, 5, 100)], []),
        ([Said(0, 900, None, 1), *(Said((7 + d) * DAY, 1000, None, 2) for d in (0, 7, 14))], []),
        ([Said(0, 900, None, 1), *(Said((7 + d) * DAY, 1000, None, 2 + d) for d in (0, 7, 14))], ["counter_frozen"]),
    ],
)  # fmt: skip
def test_D5_what_one_counter_did(said: list[Said], found: list[str]) -> None:
    assert kinds(said) == found


def planted(chance: random.Random, kind: str | None) -> list[Said]:
    """A year of weeks of a counter that drifts and wavers, with one thing that happened at its end."""
    level, total, said = chance.lognormvariate(9, 1.5) + 300, 10**6, []
    for week in range(20):
        level = max(150.0, level * chance.lognormvariate(0, 0.08))
        total += int(level / 4)
        said.append(Said(week * 7 * DAY, int(level), total))
    last = said[-1]
    if kind == "counter_reset":
        said.append(Said(last.at + 7 * DAY, 0, total))
    elif kind == "counter_drop":
        said.append(Said(last.at + 7 * DAY, int((last.downloads or 0) * chance.uniform(0.02, 0.2)), total))
    elif kind == "counter_frozen":
        said += [Said(last.at + 7 * DAY * n, last.downloads, total + n) for n in (1, 2)]
    elif kind == "alltime_decrease":
        said.append(Said(last.at + 7 * DAY, last.downloads, total - chance.randint(1, 10**5)))
    return said


def test_D5_of_a_thousand_series_what_was_planted_is_found_and_little_else() -> None:
    chance = random.Random(7)
    right = wrong = missed = 0
    for number in range(1000):
        kind = KINDS[number % len(KINDS)]
        found = kinds(planted(chance, kind))
        right += kind in found
        missed += kind is not None and kind not in found
        wrong += sum(one != kind for one in found)
    assert right / (right + wrong) >= 0.95 and right / (right + missed) >= 0.95, (right, wrong, missed)


def test_D5_the_same_to_many_is_one_event_of_the_source() -> None:
    assert [one.evidence for one in mass({"counter_reset": 11}, 1000)] == ["counter_reset of 11 of 1000 packages"]
    assert not list(mass({"counter_reset": 10}, 1000)) and not list(mass({"counter_reset": 4}, 10))
    zeros = [(package, history(500, 0)) for package in range(100)]
    assert [event.kind for event in detect(zeros)].count("mass_event") == 1


def test_D5_two_weeks_of_zeros_as_in_2022_are_told_once_and_their_end_is_no_event() -> None:
    chance = random.Random(3)
    levels = [chance.lognormvariate(8, 1) + 300 for _ in range(200)]
    true = {package: [int(one * chance.uniform(0.9, 1.1)) for _ in range(12)] for package, one in enumerate(levels)}
    told = []
    for week in range(1, 12):
        said = [
            (package, [Said(7 * DAY * n, 0 if n in (6, 7) else values[n], None) for n in range(week + 1)])
            for package, values in true.items()
        ]
        told.append([event.kind for event in detect(said) if event.kind in ("mass_event", "counter_reset")])
    assert told[5].count("mass_event") == 1 and told[5].count("counter_reset") == 200
    assert [kinds for week, kinds in enumerate(told) if week != 5 and kinds] == []


def test_D5_a_total_that_falls_as_in_2026_is_told_for_each_and_for_the_source() -> None:
    said = [(package, [Said(0, 500, 10_000 + package), Said(DAY, 501, 9_000 + package)]) for package in range(300)]
    kinds_told = [event.kind for event in detect(said)]
    assert (kinds_told.count("alltime_decrease"), kinds_told.count("mass_event")) == (300, 1)


def list_of(store: Store, day: int, rows: list[object]) -> int:
    snapshot = begin(store, at=day * DAY, k=len(rows))
    store.record(snapshot, page(rows, fetched_at=day * DAY))
    assert end_snapshot(store, snapshot)[0] == "complete"
    return snapshot


def test_D5_events_are_written_when_a_snapshot_ends_and_no_value_is_altered(tmp_path: Path) -> None:
    with writing(tmp_path / "s.db") as database:
        store = Store(database)
        list_of(store, 1, [seen(f"p{n}", 1000 - n) for n in range(20)])
        second = list_of(store, 8, [seen(f"p{n}", 0 if n >= 10 else 990 - n) for n in range(20)])
        third = list_of(store, 9, [seen(f"p{n}", 0 if n >= 10 else 980 - n) for n in range(20)])
        events = asked(
            store, "SELECT snapshot_id, kind, severity, count(*) FROM quality_event GROUP BY 1, 2, 3 ORDER BY 2"
        )
        assert events == [(second, "counter_reset", "note", 10), (second, "mass_event", "warning", 1)]
        assert asked(store, "SELECT sum(downloads) FROM ranking WHERE snapshot_id = ?", third) == [(9755,)]
        named = asked(store, "SELECT count(DISTINCT package_id) FROM quality_event WHERE kind = 'counter_reset'")
        assert named == [(10,)]


def test_D3_a_new_package_of_an_old_name_is_not_the_old_one(tmp_path: Path) -> None:
    with writing(tmp_path / "s.db") as database:
        store = Store(database)
        others = [seen(f"p{n}", 1000 - n) for n in range(20)]
        list_of(store, 1, [*others, seen("a", 90, "id-old")])
        list_of(store, 2, [*others, seen("a", 90, "id-new")])
        found = asked(store, "SELECT before, after FROM quality_event WHERE kind = 'recreated'")
        assert found == [("id-old", "id-new")]


def test_D2_two_packages_that_swap_names_are_renamed_and_not_made_again(tmp_path: Path) -> None:
    with writing(tmp_path / "s.db") as database:
        store = Store(database)
        list_of(store, 1, [seen("a", 90, "1"), seen("b", 80, "2")])
        list_of(store, 2, [seen("b", 90, "1"), seen("a", 80, "2")])
        assert asked(store, "SELECT kind, count(*) FROM quality_event GROUP BY kind") == [("renamed", 2)]


@pytest.mark.parametrize(
    ("before", "after", "count"), [("false", "auto", 1), ("auto", "false", 1), ("auto", "auto", 0)]
)
def test_D4_who_asks_for_consent_now_is_noted(tmp_path: Path, before: str, after: str, count: int) -> None:
    with writing(tmp_path / "s.db") as database:
        store = Store(database)
        list_of(store, 1, [seen("a", 90, attributes={"gated": before})])
        list_of(store, 2, [seen("a", 90, attributes={"gated": after})])
        found = asked(store, "SELECT before, after FROM quality_event WHERE kind = 'gated_change'")
        assert found == [(before, after)] * count


def test_what_touches_a_snapshot_is_told_beside_its_results(tmp_path: Path) -> None:
    from analysis.__main__ import main as compute
    from analysis.report import main as report

    path = tmp_path / "s.db"
    with writing(path) as database:
        store = Store(database)
        list_of(store, 1, [seen(f"p{n}", 1000 - n) for n in range(100)])
        list_of(store, 8, [seen(f"p{n}", 0 if n >= 50 else 990 - n) for n in range(100)])
    assert compute(["--db", str(path)]) == 0
    out = tmp_path / "r.json"
    assert report(["--db", str(path), "--format", "json", "--out", str(out)]) == 0
    import json

    given = [one for one in json.loads(out.read_text())["results"] if one["metric"] == "turnover"]
    told = "quality event: mass_event: counter_reset of 50 of 100 packages"
    warned = [(one["value"] is not None, told in one["note"]) for one in given if one["date"] == "1970-01-09"]
    assert set(warned) == {(True, True), (False, False)}, "of what has a value, and of nothing else"
    assert not any("quality event" in one["note"] for one in given if one["date"] == "1970-01-02")
