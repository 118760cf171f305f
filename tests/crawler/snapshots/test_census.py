"""A census from its first page to its end: each package once, within the quota, and the same after a kill."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from crawler.parsing.census_rows import make_census_page, read_census_rows
from crawler.parsing.huggingface_rows import HuggingFaceRow
from crawler.quality.census_gate import check_ids_rise, check_known_leaders
from crawler.response import HttpResponse, Observation
from db.census.history import load_counters
from tests.crawler.conftest import HUB, ROOT, Crawl, CrawlRun, environment, run_killed_crawl
from tests.simulated import Simulation

FULL = ("snapshot", HUB, "--full", "--quiet", "--clock", "registry")
HIGHEST = "f" * 24


@pytest.fixture
def growing() -> Iterator[Simulation]:
    """Start a Hub whose clock the test advances."""
    with Simulation(models=2310, datasets=20, spaces=20, packages=10) as simulation:
        yield simulation


def read_counters(crawled: CrawlRun, snapshot: int) -> dict[str, tuple[int, int]]:
    """Return the stored downloads and likes of each package by its stable id."""
    with sqlite3.connect(f"file:{crawled.db}?mode=ro", uri=True) as connection:
        counters = load_counters(connection, snapshot)
        stable_ids = dict(connection.execute("SELECT package_id, stable_id FROM package"))
    columns = (counters[name].tolist() for name in ("package", "downloads", "likes"))
    return {stable_ids[package]: (downloads, likes) for package, downloads, likes in zip(*columns, strict=True)}


def true_counters(pretend: Simulation, registry: str = HUB) -> dict[str, tuple[int, int]]:
    """Return the downloads and likes that a perfect census would hold now."""
    return {row["id"]: (row["downloads"], row["likes"]) for row in pretend.truth(registry, k=10**6)}


def test_two_censuses_hold_the_counters_of_every_package(crawl: Crawl, growing: Simulation) -> None:
    first_truth = true_counters(growing)
    first = crawl(*FULL, env=environment(growing))
    growing.advance(1)
    second_truth = true_counters(growing)
    second = crawl(*FULL, env=environment(growing))
    assert [crawled.outcome["status"] for crawled in (first, second)] == ["complete", "complete"]
    assert read_counters(second, 1) == first_truth != second_truth == read_counters(second, 2)
    newest = second.rows("SELECT stable_id, downloads, likes FROM package WHERE fingerprint IS NOT NULL")
    assert {row[0]: row[1:] for row in newest} == second_truth
    paths = [request["path"] for request in growing.requests("huggingface")]
    assert len(paths) == 2 * 4, "a request for one row and three pages, each once"
    assert second.rows("SELECT kind, k, counter FROM snapshot") == [("full", None, "census:last-30-days")] * 2
    process = subprocess.run([sys.executable, "-m", "db", "check", "--db", str(second.db)], cwd=ROOT, check=False)
    assert process.returncode == 0


def backdate_start(crawled: CrawlRun, days: int) -> None:
    """Move the start of an open snapshot back by some days."""
    with sqlite3.connect(crawled.db) as connection:
        connection.execute("UPDATE snapshot SET started_at = started_at - ? * 86400", (days,))


@pytest.mark.parametrize("pages", [2, pytest.param(3, marks=pytest.mark.slow), pytest.param(4, marks=pytest.mark.slow)])
@pytest.mark.fault("A1")
def test_a_census_killed_at_a_page_and_resumed_is_the_same(
    crawl: Crawl, pretend: Simulation, tmp_path: Path, pages: int
) -> None:
    interrupted = run_killed_crawl(pretend, "huggingface", tmp_path, FULL, pages)
    assert interrupted.rows("SELECT status FROM snapshot") == [("open",)]
    assert interrupted.rows("SELECT count(*) FROM census_page") == [(pages - 1,)]
    backdate_start(interrupted, days=2)
    resumed, undisturbed = crawl(*FULL, "--resume"), crawl(*FULL, db="other.db")
    assert (resumed.outcome["status"], resumed.outcome["snapshot"]) == ("complete", 1)
    digests = [done.rows("SELECT digest, depth FROM snapshot") for done in (resumed, undisturbed)]
    assert digests[0] == digests[1]
    assert read_counters(resumed, 1) == true_counters(pretend)


def test_a_census_that_is_too_old_ends_partial_and_a_new_census_begins(
    crawl: Crawl, pretend: Simulation, tmp_path: Path
) -> None:
    backdate_start(run_killed_crawl(pretend, "huggingface", tmp_path, FULL, 2), days=2)
    done = crawl(*FULL, "--resume", "--resume-within", "1")
    assert done.outcome["snapshot"] == 2
    snapshots = done.rows("SELECT status, depth FROM snapshot ORDER BY snapshot_id")
    assert snapshots == [("partial", 1000), ("complete", 3500)]
    (reason,) = done.rows("SELECT reason FROM snapshot WHERE snapshot_id = 1")[0]
    assert "too old to be resumed" in reason
    assert len(read_counters(done, 1)) == 1000
    assert read_counters(done, 2) == true_counters(pretend)


def test_a_census_of_spaces_counts_likes(crawl: Crawl, pretend: Simulation) -> None:
    done = crawl("snapshot", "huggingface/spaces", "--full", "--quiet")
    assert done.outcome["status"] == "complete"
    assert done.rows("SELECT ordered_by, counter, depth FROM snapshot") == [
        ("likes", "census:likes", len(pretend.truth("huggingface/spaces", by="likes", k=10**6)))
    ]


def test_a_census_of_datasets_counts_downloads(crawl: Crawl, pretend: Simulation) -> None:
    done = crawl("snapshot", "huggingface/datasets", "--full", "--quiet")
    assert done.rows("SELECT status, ordered_by, counter FROM snapshot") == [
        ("complete", "downloads", "census:last-30-days")
    ]
    assert read_counters(done, 1) == true_counters(pretend, "huggingface/datasets")


def test_packages_created_after_the_start_are_omitted() -> None:
    page = make_page([make_row(1), make_row(2), make_row(3)], cutoff=f"{3:024x}", next_url="https://hub.example/next")
    assert ([*page.stable_ids], page.beyond, page.next_url) == ([f"{1:024x}", f"{2:024x}"], 1, None)


def test_ids_that_do_not_increase_are_counted_and_fail_the_gate() -> None:
    page = make_page([make_row(2), make_row(1), make_row(2), make_row(5)], after=f"{1:024x}")
    assert ([*page.stable_ids], page.inversions, page.repeated) == ([f"{2:024x}", f"{5:024x}"], 1, 2)
    assert check_ids_rise({"inversions": 1, "duplicates": 2, "received": 4}).outcome == "fail"
    assert check_ids_rise({"inversions": 0, "duplicates": 0, "received": 4}).outcome == "pass"


def test_invalid_rows_are_rejected_and_the_other_rows_are_read() -> None:
    page = make_page([make_row(1), {"id": "a/b"}, make_row(3) | {"downloads": "many"}, "text"])
    assert ([*page.stable_ids], page.received, len(page.rejects)) == ([f"{1:024x}", f"{3:024x}"], 4, 2)
    assert ([*page.downloads], set(page.fingerprints)) == ([10, None], {0})
    assert [event.kind for event in page.events] == ["schema_type_change"]


def test_a_fingerprint_depends_on_every_field_except_the_counters() -> None:
    first = read_fingerprint(make_row(1))
    assert first == read_fingerprint(
        make_row(1) | {"downloads": 7, "likes": 8, "downloadsAllTime": 9, "trendingScore": 0.5}
    )
    changes = {"id": "c/d", "gated": "auto", "disabled": True, "library_name": "x", "pipeline_tag": "y", "sdk": "z",
               "safetensors": {"total": 1}, "tags": ["t"], "baseModels": {"relation": "merge"}}  # fmt: skip
    assert len({first, *(read_fingerprint(make_row(1) | {name: value}) for name, value in changes.items())}) == 10


def test_one_of_twenty_leaders_may_be_missing() -> None:
    listed = [(f"p{number}", number > 0) for number in range(20)]
    assert check_known_leaders(listed).outcome == "pass"
    assert check_known_leaders([*listed[:19], ("missing", False)]).outcome == "fail"
    assert check_known_leaders([]).outcome == "no baseline"


def make_row(number: int) -> dict[str, object]:
    """Return a row of a page."""
    return {"id": "a/b", "_id": f"{number:024x}", "downloads": 10, "gated": False}


def make_page(rows: list[object], after: str = "", cutoff: str = HIGHEST, next_url: str | None = None) -> object:
    """Return the page that a response with these rows gives."""
    response = HttpResponse("https://hub.example/api/models", 200, {}, json.dumps(rows).encode(), 0)
    census_rows = read_census_rows(response.body, HuggingFaceRow)
    return make_census_page(response, census_rows, after, cutoff, lambda raw, dropped: Observation("", ""), next_url)


def read_fingerprint(row: dict[str, object]) -> int:
    """Return the fingerprint of a row."""
    (fingerprint,) = read_census_rows(msgspec.json.encode([row]), HuggingFaceRow).fingerprints
    return fingerprint
