"""A census of Ecosyste.ms, whose pages move while they are read: everybody once, and nobody passed over."""

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
    wilson_interval,
)
from db.census.history import load_counters, load_series
from tests.crawler.conftest import ROOT, Crawl, Crawled, environment, killed
from tests.simulated import Simulation

NPM = "npm.example"
FULL = ("snapshot", "npm", "--full", "--quiet", "--clock", "registry", "--pause", "0")
SMALL = {"models": 10, "datasets": 10, "spaces": 10, "names_limit": 100}


@pytest.fixture(scope="module")
def pretend() -> Iterator[Simulation]:
    """An Ecosyste.ms whose registries have 700 packages each, and give 100 names at a time."""
    with Simulation(packages=700, **SMALL) as running:
        yield running


@pytest.fixture
def moving() -> Iterator[Simulation]:
    """One where about three packages appear and three vanish after every page."""
    with Simulation(packages=900, appearing=3, vanishing=3, **SMALL) as running:
        yield running


def everybody(done: Crawled, snapshot: int = 1) -> set[str]:
    """Who is in a census."""
    with sqlite3.connect(f"file:{done.db}?mode=ro", uri=True) as connection:
        names = dict(connection.execute("SELECT package_id, stable_id FROM package"))
        packages = load_counters(connection, snapshot)["package"].tolist()
    assert len(packages) == len(set(packages))
    return {names[package] for package in packages}


def walked(pretend: Simulation, order: str = "asc") -> int:
    """How many pages were asked for in one direction."""
    return sum(f"order={order}" in request["query"] for request in pretend.requests("ecosystems"))


def sound(done: Crawled) -> bool:
    """Whether `store check` finds nothing."""
    line = [sys.executable, "-m", "db", "check", "--db", str(done.db)]
    return subprocess.run(line, cwd=ROOT, check=False).returncode == 0


def test_a_registry_that_stands_still_is_held_whole_and_nothing_is_missed(crawl: Crawl, pretend: Simulation) -> None:
    done = crawl(*FULL)
    assert (done.outcome["status"], done.outcome["listed"], done.outcome["missed"]) == ("complete", 700, 0)
    assert everybody(done) == pretend.package_names(NPM)
    assert done.finding("G3 joined")[1].startswith("0 of 8 pages share no name with the previous page; about 0 names")
    assert done.finding("missed")[1].startswith("about 0 (0 to 0) besides 700: 0 of 700 names requested again")
    assert done.finding("G5 stated") == ("pass", "700 names of 700 stated")
    assert done.rows("SELECT kind, k, counter, depth FROM snapshot") == [("full", None, "census:names", 700)]
    assert (walked(pretend), walked(pretend, "desc")) == (8, 8)
    assert sound(done)


@pytest.mark.fault("C13")
def test_a_registry_that_moves_is_held_whole_but_for_what_came_and_went(crawl: Crawl, moving: Simulation) -> None:
    began = moving.package_names(NPM)
    done = crawl(*FULL, env=environment(moving))
    there_all_the_time, held = began & moving.package_names(NPM), everybody(done)
    assert done.outcome["status"] == "complete"
    assert there_all_the_time < held
    vanished = int(done.finding("G3 joined")[1].split()[-5])
    assert vanished > 0, "that many a reader of plain pages would have missed"
    measured = done.finding("missed")[1]
    assert measured.startswith("about 0 (") and " were new, and 0 of " in measured
    assert done.outcome["missed"] == len(there_all_the_time - held) == 0
    assert not done.rows("SELECT * FROM quality_event")
    assert done.outcome["duplicates"] == done.rows("SELECT sum(duplicates) FROM page")[0][0] > 0
    assert sound(done)


@pytest.mark.slow
def test_pages_that_share_no_name_are_asked_for_again_further_back(crawl: Crawl, pretend: Simulation) -> None:
    with Simulation(packages=600, vanishing=12, **SMALL) as falling:
        began = falling.package_names(NPM)
        done = crawl(*FULL, env=environment(falling))
        assert began & falling.package_names(NPM) <= everybody(done)
        stored = done.rows("SELECT count(*) FROM page WHERE url LIKE '%order=asc%'")[0][0]
        assert walked(falling) > stored, "some pages were not kept"
    assert done.finding("G3 joined")[0] == "pass"


@pytest.mark.slow
def test_births_and_deaths_between_two_censuses(crawl: Crawl, moving: Simulation, tmp_path: Path) -> None:
    first = crawl(*FULL, env=environment(moving))
    between = moving.package_names(NPM)
    moving.advance(7)
    second = crawl(*FULL, env=environment(moving))
    assert between & moving.package_names(NPM) <= everybody(second, 2)
    assert [one.outcome["status"] for one in (first, second)] == ["complete", "complete"]
    died, born = everybody(first) - everybody(second, 2), everybody(second, 2) - everybody(first)
    found, gone = computed(second), sorted(died)
    assert [found[name][0] for name in ("deaths", "births", "returns")] == pytest.approx(
        [len(died), len(born), 0], rel=0.01
    )
    assert died and born
    assert (found["edits"][0], found["concentration.downloads.zero"][0]) == (None, None)
    assert "names alone" in found["edits"][1] and found["concentration.downloads.zero"][1] == "not known of any package"
    assert not second.rows("SELECT * FROM quality_event")
    assert sound(second)
    bundle = tmp_path / "bundle"
    run("analysis.export", str(bundle), "--db", str(second.db), "--format", "csv")
    assert (bundle / "manifest.json").exists()
    with sqlite3.connect(second.db) as connection:
        package = connection.execute("SELECT package_id FROM package WHERE name = ?", (gone[0],)).fetchone()[0]
        assert [one.present for one in load_series(connection, package)] == [True, False]


def computed(done: Crawled) -> dict[str, tuple[float | None, str]]:
    """What the metrics say of the second census."""
    run("analysis", "--db", str(done.db))
    rows = done.rows("SELECT name, value, note FROM result WHERE snapshot_id = 2")
    return {name: (value, note) for name, value, note in rows}


def run(module: str, *words: str) -> None:
    """Run a command that has to end well."""
    subprocess.run([sys.executable, "-m", module, *words], cwd=ROOT, check=True, capture_output=True)


@pytest.mark.slow
@pytest.mark.parametrize("pages", [2, 5, 12])
@pytest.mark.fault("A1")
def test_a_census_of_names_killed_at_a_page_and_resumed_is_the_same(
    crawl: Crawl, pretend: Simulation, tmp_path: Path, pages: int
) -> None:
    left = killed(pretend, "ecosystems", tmp_path, FULL, pages)
    assert left.rows("SELECT status FROM snapshot") == [("open",)]
    resumed, undisturbed = crawl(*FULL, "--resume"), crawl(*FULL, db="other.db")
    assert (resumed.outcome["status"], resumed.outcome["snapshot"], resumed.outcome["missed"]) == ("complete", 1, 0)
    assert resumed.rows("SELECT digest, depth FROM snapshot") == undisturbed.rows("SELECT digest, depth FROM snapshot")
    assert everybody(resumed) == pretend.package_names(NPM)
    assert resumed.finding("G3 joined")[0] == "pass"


def test_who_was_away_when_its_page_was_read_is_estimated_and_every_result_is_warned(
    crawl: Crawl, pretend: Simulation, tmp_path: Path
) -> None:
    away = sorted(pretend.package_names(NPM))[:6]
    for name in away:
        pretend.mutate(registry=NPM, name=name, action="vanish")
    left = killed(pretend, "ecosystems", tmp_path, FULL, 5)
    for name in away:
        pretend.mutate(registry=NPM, name=name, action="come_back")
    done = crawl(*FULL, "--resume")
    assert left.rows("SELECT count(*) FROM snapshot") == [(1,)]
    assert (done.outcome["status"], done.outcome["missed"]) == ("complete", 6)
    assert pretend.package_names(NPM) - everybody(done) == {*away}
    said = "about 6 (2 to 6) besides 694: 6 of 700 names requested again were new, and 2 of 2 of these existed"
    assert done.finding("missed")[1].startswith(said)
    ((severity, evidence),) = done.rows("SELECT severity, evidence FROM quality_event WHERE kind = 'names_missed'")
    assert severity == "warning" and evidence.startswith(said), "a report puts warnings into the notes of results"


@pytest.mark.slow
def test_progress_shows_the_page_and_what_the_registry_says_it_has(crawl: Crawl) -> None:
    done = crawl(*(word for word in FULL if word != "--quiet"), form="text")
    assert "npm: page 2, 100 of 700 packages" in done.errors
    assert "700 packages on" in done.told and "seen twice where pages overlap, about 0 missed" in done.told


@pytest.mark.slow
def test_a_census_of_names_has_no_order_to_choose(crawl: Crawl) -> None:
    done = crawl(*FULL, "--by", "downloads", form="text")
    assert (done.exit_code, "no order to choose" in done.errors) == (2, True)


@given(st.integers(16, 10_000), st.integers(0, 6_000_000))
def test_a_page_begins_before_the_end_of_the_last_one_and_goes_on_behind_it(size: int, more: int) -> None:
    end = size + more
    rows, page = find_page_before(overlap_start(end, size), size)
    begins = (page - 1) * rows
    assert rows <= size and begins <= end - max(1, size // 50) and begins + rows > end


@given(st.integers(1, 10_000), st.integers(-100, 6_000_000))
def test_a_page_before_a_row_begins_there_or_before(size: int, row: int) -> None:
    rows, page = find_page_before(row, size)
    assert 1 <= rows <= size and 0 <= (page - 1) * rows <= max(0, row)


def test_names_are_in_order_by_one_reading_or_another() -> None:
    assert count_out_of_order(["@x/a", "B", "a-b", "a_c"]) == 0 == count_out_of_order(["a_c", "a-d", "A.e", "@b/c"])
    assert check_name_order({"inversions": 400, "received": 1000}).outcome == "fail"
    assert check_name_order({"inversions": 50, "received": 1000}).outcome == "pass"


def test_a_page_apart_fails_the_gate_and_what_moved_is_counted() -> None:
    pages = [walk(0, 100, 0), walk(98, 100, 5), walk(195, 100, 1), walk(290, 100, 0)]
    found = check_joined(pages)
    assert found.outcome == "fail"
    assert found.measured == (
        "1 of 4 pages share no name with the previous page; about 3 names appeared and 7 disappeared during the crawl"
    )
    assert check_joined(pages[:3]).outcome == "pass"


def test_what_is_missed_warns_and_nothing_missed_does_not() -> None:
    again = NamesPage("again", 0, 100, 0, 4)
    (event,) = missed_events([again], 1000)
    assert (event.kind, event.severity, event.after) == ("names_missed", "warning", "40")
    assert missed_events([again, NamesPage("alone", 0, 1, 0, 1)], 1000) == [] == missed_events([], 1000)
    assert estimate_missed([NamesPage("again", 0, 0, 0, 0)], 1000) is None


def walk(start: int, received: int, twice: int) -> NamesPage:
    """A page of the walk."""
    return NamesPage("walk", start, received, twice, 0)


@pytest.mark.parametrize(("some", "n"), [(0, 4), (1, 4), (4, 4), (7, 40), (1, 1)])
def test_the_interval_of_a_share_is_that_of_statsmodels(some: int, n: int) -> None:
    assert wilson_interval(some, n) == pytest.approx(proportion_confint(some, n, method="wilson"), abs=1e-12)
