"""A census from its first page to its end: everybody once, at the registry's pace, and the same after a kill."""

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
from tests.crawler.conftest import HUB, ROOT, Crawl, Crawled, environment, killed
from tests.simulated import Simulation

FULL = ("snapshot", HUB, "--full", "--quiet", "--clock", "registry")
HIGHEST = "f" * 24


@pytest.fixture
def growing() -> Iterator[Simulation]:
    """A Hub of its own, whose days may pass."""
    with Simulation(models=2300, datasets=20, spaces=20, packages=10) as running:
        yield running


def everybody(done: Crawled, snapshot: int) -> dict[str, tuple[int, int]]:
    """Downloads and likes of each package, by its stable id, as the store gives them back."""
    with sqlite3.connect(f"file:{done.db}?mode=ro", uri=True) as connection:
        found = load_counters(connection, snapshot)
        names = dict(connection.execute("SELECT package_id, stable_id FROM package"))
    columns = (found[name].tolist() for name in ("package", "downloads", "likes"))
    return {names[package]: (downloads, likes) for package, downloads, likes in zip(*columns, strict=True)}


def truth(pretend: Simulation, registry: str = HUB) -> dict[str, tuple[int, int]]:
    """What a perfect census would hold now."""
    return {row["id"]: (row["downloads"], row["likes"]) for row in pretend.truth(registry, k=10**6)}


def test_two_censuses_hold_everybody_as_the_hub_had_them(crawl: Crawl, growing: Simulation) -> None:
    first_truth = truth(growing)
    first = crawl(*FULL, env=environment(growing))
    growing.advance(1)
    second_truth = truth(growing)
    second = crawl(*FULL, env=environment(growing))
    assert [one.outcome["status"] for one in (first, second)] == ["complete", "complete"]
    assert everybody(second, 1) == first_truth != second_truth == everybody(second, 2)
    newest = second.rows("SELECT stable_id, downloads, likes FROM package WHERE fingerprint IS NOT NULL")
    assert {row[0]: row[1:] for row in newest} == second_truth
    lines = [request["path"] for request in growing.requests("huggingface")]
    assert len(lines) == 2 * 4, "a question of one row and three pages, each once"
    assert second.rows("SELECT kind, k, counter FROM snapshot") == [("full", None, "census:last-30-days")] * 2
    checked = subprocess.run([sys.executable, "-m", "db", "check", "--db", str(second.db)], cwd=ROOT, check=False)
    assert checked.returncode == 0


def begun_earlier(left: Crawled, days: int) -> None:
    """Put the beginning of an open snapshot back."""
    with sqlite3.connect(left.db) as connection:
        connection.execute("UPDATE snapshot SET started_at = started_at - ? * 86400", (days,))


@pytest.mark.parametrize("pages", [2, pytest.param(3, marks=pytest.mark.slow), pytest.param(4, marks=pytest.mark.slow)])
@pytest.mark.fault("A1")
def test_a_census_killed_at_a_page_and_resumed_is_the_same(
    crawl: Crawl, pretend: Simulation, tmp_path: Path, pages: int
) -> None:
    left = killed(pretend, "huggingface", tmp_path, FULL, pages)
    assert left.rows("SELECT status FROM snapshot") == [("open",)]
    assert left.rows("SELECT count(*) FROM census_page") == [(pages - 1,)]
    begun_earlier(left, days=2)
    resumed, undisturbed = crawl(*FULL, "--resume"), crawl(*FULL, db="other.db")
    assert (resumed.outcome["status"], resumed.outcome["snapshot"]) == ("complete", 1)
    digests = [done.rows("SELECT digest, depth FROM snapshot") for done in (resumed, undisturbed)]
    assert digests[0] == digests[1]
    assert everybody(resumed, 1) == truth(pretend)


def test_a_census_that_is_too_old_ends_partial_and_another_is_taken(
    crawl: Crawl, pretend: Simulation, tmp_path: Path
) -> None:
    begun_earlier(killed(pretend, "huggingface", tmp_path, FULL, 2), days=2)
    done = crawl(*FULL, "--resume", "--resume-within", "1")
    assert done.outcome["snapshot"] == 2
    found = done.rows("SELECT status, depth FROM snapshot ORDER BY snapshot_id")
    assert found == [("partial", 1000), ("complete", 3500)]
    (reason,) = done.rows("SELECT reason FROM snapshot WHERE snapshot_id = 1")[0]
    assert "too old to be resumed" in reason
    assert len(everybody(done, 1)) == 1000
    assert everybody(done, 2) == truth(pretend)


def test_spaces_are_counted_by_likes(crawl: Crawl, pretend: Simulation) -> None:
    done = crawl("snapshot", "huggingface/spaces", "--full", "--quiet")
    assert done.outcome["status"] == "complete"
    assert done.rows("SELECT ordered_by, counter, depth FROM snapshot") == [
        ("likes", "census:likes", len(pretend.truth("huggingface/spaces", by="likes", k=10**6)))
    ]


def test_datasets_are_taken_in_full_as_models_are(crawl: Crawl, pretend: Simulation) -> None:
    done = crawl("snapshot", "huggingface/datasets", "--full", "--quiet")
    assert done.rows("SELECT status, ordered_by, counter FROM snapshot") == [
        ("complete", "downloads", "census:last-30-days")
    ]
    assert everybody(done, 1) == truth(pretend, "huggingface/datasets")


def test_what_was_made_after_the_beginning_is_left_out(crawl: Crawl, pretend: Simulation) -> None:
    page = paged([row(1), row(2), row(3)], cut=f"{3:024x}", following="https://hub.example/next")
    assert ([*page.stable_ids], page.beyond, page.next_url) == ([f"{1:024x}", f"{2:024x}"], 1, None)


def test_ids_that_do_not_rise_are_counted_and_fail_the_gate() -> None:
    page = paged([row(2), row(1), row(2), row(5)], after=f"{1:024x}")
    assert ([*page.stable_ids], page.inversions, page.repeated) == ([f"{2:024x}", f"{5:024x}"], 1, 2)
    assert check_ids_rise({"inversions": 1, "duplicates": 2}).outcome == "fail"
    assert check_ids_rise({"inversions": 0, "duplicates": 0}).outcome == "pass"


def test_bad_rows_are_refused_and_the_rest_is_looked_at() -> None:
    page = paged([row(1), {"id": "a/b"}, row(3) | {"downloads": "many"}, "text"])
    assert ([*page.stable_ids], page.received, len(page.rejects)) == ([f"{1:024x}", f"{3:024x}"], 4, 2)
    assert ([*page.downloads], set(page.fingerprints)) == ([10, None], {0})
    assert [event.kind for event in page.events] == ["schema_type_change"]


def test_a_fingerprint_is_of_everything_but_the_counters() -> None:
    first = fingerprint_of(row(1))
    assert first == fingerprint_of(row(1) | {"downloads": 7, "likes": 8, "downloadsAllTime": 9, "trendingScore": 0.5})
    changes = {"id": "c/d", "gated": "auto", "disabled": True, "library_name": "x", "pipeline_tag": "y", "sdk": "z",
               "safetensors": {"total": 1}, "tags": ["t"], "baseModels": {"relation": "merge"}}  # fmt: skip
    assert len({first, *(fingerprint_of(row(1) | {name: value}) for name, value in changes.items())}) == 10


def test_one_of_twenty_leaders_may_go() -> None:
    listed = [(f"p{number}", number > 0) for number in range(20)]
    assert check_known_leaders(listed).outcome == "pass"
    assert check_known_leaders([*listed[:19], ("gone", False)]).outcome == "fail"
    assert check_known_leaders([]).outcome == "no baseline"


def row(number: int) -> dict[str, object]:
    """A row of a page."""
    return {"id": "a/b", "_id": f"{number:024x}", "downloads": 10, "gated": False}


def paged(rows: list[object], after: str = "", cut: str = HIGHEST, following: str | None = None) -> object:
    """A page of rows."""
    answer = HttpResponse("https://hub.example/api/models", 200, {}, json.dumps(rows).encode(), 0)
    lines = read_census_rows(answer.body, HuggingFaceRow)
    return make_census_page(answer, lines, after, cut, lambda raw, dropped: Observation("", ""), following)


def fingerprint_of(one: dict[str, object]) -> int:
    """The fingerprint of one row."""
    (print_,) = read_census_rows(msgspec.json.encode([one]), HuggingFaceRow).fingerprints
    return print_
