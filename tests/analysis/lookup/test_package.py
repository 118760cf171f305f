"""The document about one package: its days, its censuses, and what a census missed."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.lookup.fetching import END_OF_TIME, open_for_lookup
from analysis.lookup.package import build_document, find_packages, select_days
from analysis.lookup.package_rows import PackageDocument
from analysis.lookup.package_text import render_package
from db.census.missing import find_missing_packages
from db.cli import parse_day
from db.connection import open_for_writing
from db.rows import Observation, Parent, Registry
from db.store.changes import ChangeStore
from tests.analysis.censuses import store_census
from tests.analysis.conftest import History

KEYS = [f"{key:024x}" for key in range(3)]


def read_document(path: Path, name: str, until: int = END_OF_TIME) -> PackageDocument:
    """Return the document about the package of a name."""
    with open_for_lookup(path) as connection:
        (row,) = find_packages(connection, name, until)
        return build_document(connection, row, [], "downloads", until)


@pytest.fixture
def census_store(tmp_path: Path) -> Path:
    """Return a store with three censuses, the second of which misses a package, and the third of which is partial."""
    rows = {key: Observation(key, f"owner/m{int(key)}", 10 * int(key) + 5, 1) for key in KEYS}
    later = {key: Observation(key, row.name, row.downloads * 2, 2) for key, row in rows.items() if key != KEYS[1]}
    path = tmp_path / "s.db"
    store_census(path, "2026-04-01", rows)
    store_census(path, "2026-04-08", later)
    store_census(path, "2026-04-15", rows, "partial")
    with open_for_writing(path) as database:
        ChangeStore(database).open_missing(find_missing_packages(database.conn, "huggingface/models"))
    return path


def test_a_package_that_only_censuses_have_is_found_with_its_counters(census_store: Path) -> None:
    document = read_document(census_store, "owner/m2")
    assert document["series"] == []
    assert [(day["date"], day["present"], day["downloads"], day["likes"]) for day in document["censuses"]] == [
        ("2026-04-01", True, 25, 1),
        ("2026-04-08", True, 50, 2),
    ]
    earlier = read_document(census_store, "owner/m2", parse_day("2026-04-08"))
    assert [day["downloads"] for day in earlier["censuses"]] == [25]


def test_a_census_without_the_package_says_so(census_store: Path) -> None:
    document = read_document(census_store, "owner/m1")
    assert [day["present"] for day in document["censuses"]] == [True, False]
    assert [(row["last_seen"], row["missing_since"], row["state"]) for row in document["absences"]] == [
        ("2026-04-01", "2026-04-08", "unknown")
    ]
    lines = render_package(document, 80).splitlines()
    assert "  missing    in the census of 2026-04-08: unknown" in lines
    assert "In 1 of 2 complete censuses" in lines
    assert "  2026-04-08  not listed      –                   –" in lines


def test_a_package_was_last_seen_in_the_newest_census_that_has_it(census_store: Path) -> None:
    assert read_document(census_store, "owner/m2")["last_seen"] == "2026-04-08", "its row is as on the first day"
    assert read_document(census_store, "owner/m2", parse_day("2026-04-08"))["last_seen"] == "2026-04-01"
    assert read_document(census_store, "owner/m1", parse_day("2026-04-10"))["last_seen"] == "2026-04-01"


def test_only_complete_snapshots_up_to_the_day_make_a_package_a_simulated_one(history: History) -> None:
    local = "http://127.0.0.1:4711"
    for day, status, source in ((1, "complete", "a test"), (2, "failed", local), (3, "complete", local)):
        reason = None if status == "complete" else "a test"
        history.add_snapshot(f"2026-01-0{day}", [("a", 2)], status, source=source, reason=reason)
    warnings = [read_document(history.path, "a", parse_day(f"2026-01-0{day}"))["warning"] for day in (3, 4)]
    assert [bool(warning) for warning in warnings] == [False, True]


def test_of_the_lists_of_one_day_the_newest_with_the_package_counts_else_the_deepest() -> None:
    counters = dict.fromkeys(("downloads", "likes", "downloads_all_time", "trending", "dependents", "dependent_repos"))
    lists = [("2026-01-01", 5, 100), ("2026-01-01", 6, 100), ("2026-01-01", None, 3), ("2026-01-02", None, 9),
             ("2026-01-02", None, 3)]  # fmt: skip
    rows = [
        {"date": date, "snapshot": number, "depth": depth, "rank": rank, **counters}
        for number, (date, rank, depth) in enumerate(lists)
    ]
    assert [(day["date"], day["rank"], day["depth"]) for day in select_days(rows)] == [
        ("2026-01-01", 6, 100),
        ("2026-01-02", None, 9),
    ]


def test_a_child_has_the_name_of_that_day(history: History) -> None:
    for day, name in ((1, "owner/old"), (2, "owner/new")):
        child = Observation("id-child", name, downloads=8, parents=(Parent("base", "finetune", None),))
        history.add_snapshot(f"2026-01-0{day}", [("base", 9), child])
    children = [
        read_document(history.path, "base", parse_day(f"2026-01-0{day}"))["children"]["leading"] for day in (2, 3)
    ]
    assert [[row["name"] for row in leading] for leading in children] == [["owner/old"], ["owner/new"]]


def test_a_package_of_another_service_has_no_page_of_ecosystems(history: History) -> None:
    shelf = Registry("shelf", "shelf", "shelf.example")
    history.add_snapshot("2026-01-01", [("a", 2)], registry=shelf, source="https://shelf.example.org")
    assert read_document(history.path, "a")["url"] is None
