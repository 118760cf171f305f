"""A census of Ecosyste.ms, whose pages move during the crawl: each package once, and no package missed."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from crawler.parsing.offsets import count_out_of_order, find_page_before, overlap_start
from crawler.quality.names_gate import (
    NamesPage,
    check_joined,
    check_name_order,
    estimate_missed,
    missed_events,
    read_names_pages,
    wilson_interval,
)
from db.census.history import load_counters, load_series
from tests.crawler.conftest import ROOT, Crawl, CrawlRun, environment, run_killed_crawl
from tests.simulated import Simulation

NPM = "npm.example"
FULL = ("snapshot", "npm", "--full", "--quiet", "--clock", "registry", "--delay", "0")
SMALL = {"models": 10, "datasets": 10, "spaces": 10, "names_limit": 100}


@pytest.fixture(scope="module")
def pretend() -> Iterator[Simulation]:
    """Start an Ecosyste.ms with 700 packages per registry and 100 names per page."""
    with Simulation(packages=700, **SMALL) as simulation:
        yield simulation


@pytest.fixture
def moving() -> Iterator[Simulation]:
    """Start an Ecosyste.ms where about three packages appear and three disappear after each page."""
    with Simulation(packages=900, appearing=3, vanishing=3, **SMALL) as simulation:
        yield simulation


def read_package_names(crawled: CrawlRun, snapshot: int = 1) -> set[str]:
    """Return the names of the packages of a census."""
    with sqlite3.connect(f"file:{crawled.db}?mode=ro", uri=True) as connection:
        names = dict(connection.execute("SELECT package_id, stable_id FROM package"))
        packages = load_counters(connection, snapshot)["package"].tolist()
    assert len(packages) == len(set(packages))
    return {names[package] for package in packages}


def count_requests(pretend: Simulation, order: str = "asc") -> int:
    """Return the number of pages requested in one order."""
    return sum(f"order={order}" in request["query"] for request in pretend.requests("ecosystems"))


def is_sound(crawled: CrawlRun) -> bool:
    """Return whether `store check` passes."""
    command = [sys.executable, "-m", "db", "check", "--db", str(crawled.db)]
    return subprocess.run(command, cwd=ROOT, check=False).returncode == 0


def test_a_census_of_a_fixed_registry_has_every_package(crawl: Crawl, pretend: Simulation) -> None:
    done = crawl(*FULL)
    assert (done.outcome["status"], done.outcome["listed"], done.outcome["missed"]) == ("complete", 700, 0)
    assert read_package_names(done) == pretend.package_names(NPM)
    assert done.gate_result("G3 joined")[1].startswith(
        "0 of 8 pages share no name with the previous page; about 0 names"
    )
    assert done.gate_result("missed")[1].startswith("about 0 (0 to 0) besides 700: 0 of 700 names requested again")
    assert done.gate_result("G5 stated") == ("pass", "700 names of 700 stated")
    assert done.rows("SELECT kind, k, counter, depth FROM snapshot") == [("full", None, "census:names", 700)]
    assert (count_requests(pretend), count_requests(pretend, "desc")) == (8, 8)
    assert is_sound(done)


@pytest.mark.fault("C13")
def test_a_census_of_a_moving_registry_has_every_permanent_package(crawl: Crawl, moving: Simulation) -> None:
    names_at_start = moving.package_names(NPM)
    done = crawl(*FULL, env=environment(moving))
    permanent, stored = names_at_start & moving.package_names(NPM), read_package_names(done)
    assert done.outcome["status"] == "complete"
    assert permanent < stored
    skipped = int(done.gate_result("G3 joined")[1].split()[-5])
    assert skipped > 0, "a crawl of plain pages would have missed these names"
    measured = done.gate_result("missed")[1]
    assert measured.startswith("about 0 (") and " were new, and 0 of " in measured
    assert done.outcome["missed"] == len(permanent - stored) == 0
    assert not done.rows("SELECT * FROM quality_event")
    assert done.outcome["duplicates"] == done.rows("SELECT sum(duplicates) FROM page")[0][0] > 0
    assert is_sound(done)


@pytest.mark.slow
def test_pages_that_share_no_name_are_requested_again_further_back(crawl: Crawl, pretend: Simulation) -> None:
    with Simulation(packages=600, vanishing=12, **SMALL) as falling:
        names_at_start = falling.package_names(NPM)
        done = crawl(*FULL, env=environment(falling))
        assert names_at_start & falling.package_names(NPM) <= read_package_names(done)
        stored = done.rows("SELECT count(*) FROM page WHERE url LIKE '%order=asc%'")[0][0]
        assert count_requests(falling) > stored, "some pages were not stored"
    assert done.gate_result("G3 joined")[0] == "pass"


@pytest.mark.slow
def test_births_and_deaths_between_two_censuses_are_counted(crawl: Crawl, moving: Simulation, tmp_path: Path) -> None:
    first = crawl(*FULL, env=environment(moving))
    between = moving.package_names(NPM)
    moving.advance(7)
    second = crawl(*FULL, env=environment(moving))
    assert between & moving.package_names(NPM) <= read_package_names(second, 2)
    assert [crawled.outcome["status"] for crawled in (first, second)] == ["complete", "complete"]
    died, born = (
        read_package_names(first) - read_package_names(second, 2),
        read_package_names(second, 2) - read_package_names(first),
    )
    results, names = compute_results(second), sorted(died)
    assert [results[name][0] for name in ("deaths", "births", "returns")] == pytest.approx(
        [len(died), len(born), 0], rel=0.01
    )
    assert died and born
    assert (results["edits"][0], results["concentration.downloads.zero"][0]) == (None, None)
    assert "names only" in results["edits"][1]
    assert results["concentration.downloads.zero"][1] == "no package has a known counter"
    assert not second.rows("SELECT * FROM quality_event")
    assert is_sound(second)
    bundle = tmp_path / "bundle"
    run_module("analysis.export", str(bundle), "--db", str(second.db), "--format", "csv")
    assert (bundle / "manifest.json").exists()
    with sqlite3.connect(second.db) as connection:
        package = connection.execute("SELECT package_id FROM package WHERE name = ?", (names[0],)).fetchone()[0]
        assert [point.present for point in load_series(connection, package)] == [True, False]


def compute_results(crawled: CrawlRun) -> dict[str, tuple[float | None, str]]:
    """Compute the metrics, and return value and note of each result of the second census."""
    run_module("analysis", "--db", str(crawled.db))
    rows = crawled.rows("SELECT name, value, note FROM result WHERE snapshot_id = 2")
    return {name: (value, note) for name, value, note in rows}


def run_module(module: str, *arguments: str) -> None:
    """Run a module's command, which must succeed."""
    subprocess.run([sys.executable, "-m", module, *arguments], cwd=ROOT, check=True, capture_output=True)


@pytest.mark.slow
@pytest.mark.parametrize("pages", [2, 5, 12])
@pytest.mark.fault("A1")
def test_a_census_of_names_killed_at_a_page_and_resumed_is_the_same(
    crawl: Crawl, pretend: Simulation, tmp_path: Path, pages: int
) -> None:
    interrupted = run_killed_crawl(pretend, "ecosystems", tmp_path, FULL, pages)
    assert interrupted.rows("SELECT status FROM snapshot") == [("open",)]
    resumed, undisturbed = crawl(*FULL, "--resume"), crawl(*FULL, db="other.db")
    assert (resumed.outcome["status"], resumed.outcome["snapshot"], resumed.outcome["missed"]) == ("complete", 1, 0)
    assert resumed.rows("SELECT digest, depth FROM snapshot") == undisturbed.rows("SELECT digest, depth FROM snapshot")
    assert read_package_names(resumed) == pretend.package_names(NPM)
    assert resumed.gate_result("G3 joined")[0] == "pass"


def test_packages_missed_by_the_crawl_are_estimated_and_each_result_has_a_warning(
    crawl: Crawl, pretend: Simulation, tmp_path: Path
) -> None:
    absent = sorted(pretend.package_names(NPM))[:6]
    for name in absent:
        pretend.mutate(registry=NPM, name=name, action="vanish")
    interrupted = run_killed_crawl(pretend, "ecosystems", tmp_path, FULL, 5)
    for name in absent:
        pretend.mutate(registry=NPM, name=name, action="come_back")
    done = crawl(*FULL, "--resume")
    assert interrupted.rows("SELECT count(*) FROM snapshot") == [(1,)]
    assert (done.outcome["status"], done.outcome["missed"]) == ("complete", 6)
    assert pretend.package_names(NPM) - read_package_names(done) == {*absent}
    estimate = "about 6 (2 to 6) besides 694: 6 of 700 names requested again were new, and 2 of 2 of these existed"
    assert done.gate_result("missed")[1].startswith(estimate)
    ((severity, evidence),) = done.rows("SELECT severity, evidence FROM quality_event WHERE kind = 'names_missed'")
    assert severity == "warning" and evidence.startswith(estimate), "a report shows warnings in the notes of results"


@pytest.mark.slow
def test_progress_shows_the_page_and_the_size_that_the_registry_states(crawl: Crawl) -> None:
    done = crawl(*(argument for argument in FULL if argument != "--quiet"), form="text")
    assert "npm: page 2, 100 of 700 packages" in done.errors
    assert "700 packages on" in done.output and "seen twice where pages overlap, about 0 missed" in done.output


@pytest.mark.slow
def test_a_census_of_names_refuses_an_order(crawl: Crawl) -> None:
    done = crawl(*FULL, "--by", "downloads", form="text")
    assert (done.exit_code, "no order to choose" in done.errors) == (2, True)


@given(st.integers(16, 10_000), st.integers(0, 6_000_000))
def test_a_page_overlaps_the_end_of_the_previous_page_and_ends_after_it(size: int, surplus: int) -> None:
    end = size + surplus
    rows, page = find_page_before(overlap_start(end, size), size)
    start = (page - 1) * rows
    assert rows <= size and start <= end - max(1, size // 50) and start + rows > end


@given(st.integers(1, 10_000), st.integers(-100, 6_000_000))
def test_a_page_before_a_row_starts_at_the_row_or_earlier(size: int, row: int) -> None:
    rows, page = find_page_before(row, size)
    assert 1 <= rows <= size and 0 <= (page - 1) * rows <= max(0, row)


def test_names_may_be_in_either_of_two_orders() -> None:
    assert count_out_of_order(["@x/a", "B", "a-b", "a_c"]) == 0 == count_out_of_order(["a_c", "a-d", "A.e", "@b/c"])
    assert check_name_order({"inversions": 400, "received": 1000}).outcome == "fail"
    assert check_name_order({"inversions": 50, "received": 1000}).outcome == "pass"


def test_a_page_without_overlap_fails_the_gate_and_moved_names_are_counted() -> None:
    pages = [
        make_walk_page(0, 100, 0),
        make_walk_page(98, 100, 5),
        make_walk_page(195, 100, 1),
        make_walk_page(290, 100, 0),
    ]
    result = check_joined(pages)
    assert result.outcome == "fail"
    assert result.measured == (
        "1 of 4 pages share no name with the previous page; about 3 names appeared and 7 disappeared during the crawl"
    )
    assert check_joined(pages[:3]).outcome == "pass"


def test_a_last_page_that_states_how_many_rows_it_holds_moves_no_name() -> None:
    row = {"role": "ranking", "duplicates": 0, "beyond": 0}
    first = {**row, "url": "/package_names?per_page=1000&page=1", "received": 1000, "given": 1000, "next_url": "more"}
    last = {**row, "url": "/package_names?per_page=980&page=2", "received": 53, "given": 53, "next_url": None}
    result = check_joined(read_names_pages([first, {**last, "duplicates": 20}]))
    assert result.measured.endswith("about 0 names appeared and 0 disappeared during the crawl")


def test_missed_names_give_a_warning_and_no_missed_names_give_none() -> None:
    page = NamesPage("again", 0, 100, 0, 4)
    (event,) = missed_events([page], 1000)
    assert (event.kind, event.severity, event.after) == ("names_missed", "warning", "40")
    assert missed_events([page, NamesPage("alone", 0, 1, 0, 1)], 1000) == [] == missed_events([], 1000)
    assert estimate_missed([NamesPage("again", 0, 0, 0, 0)], 1000) is None


def make_walk_page(start: int, received: int, twice: int) -> NamesPage:
    """Return a page of the walk."""
    return NamesPage("walk", start, received, twice, 0)


@pytest.mark.parametrize(("count", "n"), [(0, 4), (1, 4), (4, 4), (7, 40), (1, 1)])
def test_the_interval_of_a_share_equals_that_of_statsmodels(count: int, n: int) -> None:
    assert wilson_interval(count, n) == pytest.approx(proportion_confint(count, n, method="wilson"), abs=1e-12)
