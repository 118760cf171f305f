"""A crawl of changes finds new and edited packages within a few requests, and loses nothing when killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils import Database

from crawler.changes.spider import ChangeCursor
from crawler.response import Observation, Page
from db.connection import open_for_writing
from db.store.changes import ChangeStore
from tests.crawler.conftest import HUB, ROOT, Crawl, CrawlRun, environment
from tests.simulated import Simulation

LONG = pytest.mark.ci
CLOCK = ("--clock", "registry", "--quiet")


@pytest.fixture
def pretend() -> Iterator[Simulation]:
    """Yield a simulated Hub of its own for each test, which the test may change."""
    with Simulation(models=700, datasets=60, spaces=60, packages=5, start="2026-01-05", lively=0.02) as running:
        yield running


def truth(pretend: Simulation, since: str = "") -> dict[str, dict[str, Any]]:
    """Return the visible repositories that were created or edited since a day, by stable id."""
    touched = {
        event["new_id"] if event["kind"] == "recreated" else event["id"]
        for event in pretend.events(since)
        if event["registry"] == HUB and event["kind"] in ("created", "edited", "recreated")
    }
    rows = {key: pretend.repository(HUB, id=key) for key in touched}
    return {key: row for key, row in rows.items() if not row["private"] and not row["deleted"]}


def assert_stored(done: CrawlRun, expected_rows: dict[str, dict[str, Any]]) -> None:
    """Assert that the store has these packages as the Hub shows them: name, commit, library, licence and parents."""
    stored = {row[1]: row for row in done.rows("SELECT package_id, stable_id, name, sha FROM package")}
    assert len(expected_rows) > 5
    for key, row in expected_rows.items():
        package, _, name, sha = stored[key]
        assert (name, sha) == (row["id"], row["sha"])
        attributes = "SELECT name, value FROM attribute WHERE package_id = ? AND valid_to IS NULL"
        current = dict(done.rows(attributes, package))
        traits = row["traits"]
        assert (current.get("library"), current.get("licence")) == (traits["library"], traits["licence"])
        parents = done.rows("SELECT count(*) FROM lineage_edge WHERE child_id = ? AND valid_to IS NULL", package)
        assert parents == [(len(traits["parents"]),)]


def test_the_first_crawl_sets_the_marks_with_one_page_of_each_order(crawl: Crawl, pretend: Simulation) -> None:
    done = crawl("changes", HUB, *CLOCK)
    assert (done.exit_code, done.outcome["look"]["status"]) == (0, "caught up")
    assert len(pretend.requests("huggingface")) == 3 == done.outcome["look"]["requests"]
    assert all(done.outcome["look"]["marks"].values())


def walk(mark: int | None, instants: Sequence[int], next_url: str | None = None, **fields: object) -> ChangeCursor:
    """Return the cursor of the order of creation after a page of rows."""
    rows = tuple(Observation(str(at), "a/b", created_at=at) for at in instants)
    page = Page("created", "", 10**6, 200, 0, "", {}, len(rows), next_url=next_url, observations=rows)
    return ChangeCursor("created", mark, **fields).advance(page)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("instants", "next_url", "mark"),
    [
        ([9000, 4000, 3000], "more", 9000),
        ([9000, 8000, 7000], "more", 5000),
        ([9000, 8000, 7000], None, 5000),
        ([], None, 5000),
        ([9000, 6000, 5000], None, 9000),
        ([9000, 8000, 5000], "more", 5000),
        ([9000, 1, 8000, 7000], "more", 5000),
        ([9000, 8000, 1], "more", 5000),
        ([9000, 8000, 1], None, 9000),
        ([9000, 1, 8000, 7000], None, 5000),
    ],
)
@pytest.mark.fault("D14")
def test_the_mark_rises_only_when_the_walk_has_come_down_to_it(
    instants: list[int], next_url: str | None, mark: int
) -> None:
    cursor = walk(5000, instants, next_url)
    assert cursor.high_water_mark == mark
    assert cursor.resume_url == (None if mark == 9000 else next_url)


@LONG
@pytest.mark.fault("C17", "D13")
def test_a_feed_that_ends_too_soon_leaves_the_mark_and_the_next_crawl_loses_nothing(
    crawl: Crawl, pretend: Simulation
) -> None:
    crawl("changes", HUB, *CLOCK)
    pretend.advance(20)
    link = {"api": "huggingface", "kind": "missing_link", "request": 1, "times": -1}
    pretend.faults([link, {"api": "huggingface", "kind": "short_page", "request": 2, "n": 660, "times": -1}])
    cut = crawl("changes", HUB, *CLOCK)
    assert (cut.exit_code, cut.outcome["look"]["status"]) == (3, "bounded")
    pretend.reset()
    done = crawl("changes", HUB, *CLOCK)
    assert (done.exit_code, done.outcome["look"]["status"]) == (0, "caught up")
    assert_stored(done, truth(pretend))


def test_the_changes_of_a_day_are_found_by_three_requests(crawl: Crawl, pretend: Simulation) -> None:
    crawl("changes", HUB, *CLOCK)
    pretend.advance(1)
    pretend.reset()
    done = crawl("changes", HUB, *CLOCK)
    assert done.exit_code == 0 and len(pretend.requests("huggingface")) == 3
    assert_stored(done, truth(pretend))
    assert done.outcome["look"]["new"] >= 5 and done.outcome["look"]["edited"] >= 5


def test_a_crawl_of_changes_makes_no_snapshot_and_writes_no_counter(crawl: Crawl, pretend: Simulation) -> None:
    done = crawl("snapshot", HUB, "--top", "100", *CLOCK)
    before = done.rows("SELECT package_id, downloads, likes, trending, downloads_all_time FROM package ORDER BY 1")
    digest = done.rows("SELECT digest, status FROM snapshot")
    pretend.advance(2)
    done = crawl("changes", HUB, *CLOCK)
    after = done.rows("SELECT package_id, downloads, likes, trending, downloads_all_time FROM package ORDER BY 1")
    assert done.outcome["look"]["new"] > 100
    assert after[: len(before)] == before and not [row for row in after[len(before) :] if any(row[1:])]
    assert done.rows("SELECT digest, status FROM snapshot") == digest
    assert done.rows("SELECT count(*), max(snapshot_id) FROM ranking") == [(100, 1)]


@pytest.mark.slow
def test_a_crawl_with_too_few_pages_is_resumed(crawl: Crawl, pretend: Simulation) -> None:
    crawl("changes", HUB, *CLOCK)
    pretend.advance(4)
    pretend.faults([{"api": "huggingface", "kind": "clamp", "size": 25, "times": -1}])
    runs = [crawl("changes", HUB, *CLOCK, "--most", "2")]
    assert runs[0].exit_code == 3 and runs[0].outcome["look"]["status"] == "bounded"
    while runs[-1].exit_code == 3 and len(runs) < 12:
        runs.append(crawl("changes", HUB, *CLOCK, "--most", "2"))
    assert runs[-1].exit_code == 0 and len(runs) > 2
    assert_stored(runs[-1], truth(pretend))


def test_rows_that_move_during_the_crawl_are_counted_as_duplicates(crawl: Crawl, pretend: Simulation) -> None:
    crawl("changes", HUB, *CLOCK)
    pretend.advance(2)
    pretend.reset()
    pretend.faults([{"api": "huggingface", "kind": "duplicate_rows", "request": 2}])
    done = crawl("changes", HUB, *CLOCK)
    assert done.exit_code == 0 and done.outcome["look"]["duplicates"] > 0
    ((received, parts),) = done.rows(
        "SELECT sum(received), sum(new + edited + unchanged + duplicates + rejected)"
        " FROM change_crawl_page WHERE role IN ('modified', 'created')"
    )
    assert received == parts
    assert_stored(done, truth(pretend))


@pytest.mark.parametrize("pages", [2, pytest.param(3, marks=pytest.mark.slow), pytest.param(4, marks=pytest.mark.slow)])
@pytest.mark.fault("A1")
def test_a_crawl_that_is_killed_loses_nothing(crawl: Crawl, pretend: Simulation, tmp_path: Path, pages: int) -> None:
    done = crawl("changes", HUB, *CLOCK)
    pretend.advance(3)
    pretend.reset()
    pretend.faults(
        [
            {"api": "huggingface", "kind": "clamp", "size": 20, "times": -1},
            {"api": "huggingface", "kind": "stall", "request": pages + 1, "seconds": 20},
        ]
    )
    line = [sys.executable, "-m", "crawler", "changes", HUB, "--db", str(done.db), *CLOCK]
    child = subprocess.Popen(line, cwd=ROOT, env=environment(pretend), stdout=subprocess.DEVNULL)
    while done.rows("SELECT count(*) FROM change_crawl_page WHERE change_crawl_id = 2")[0][0] < pages:
        time.sleep(0.01)
        assert child.poll() is None
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    pretend.mutate(registry=HUB, id=next(iter(truth(pretend))), action="edit")
    pretend.faults([])
    done = crawl("changes", HUB, *CLOCK)
    assert done.exit_code == 0
    statuses = [status for (status,) in done.rows("SELECT status FROM change_crawl ORDER BY change_crawl_id")]
    assert statuses == ["caught up", "stopped", "caught up"]
    assert_stored(done, truth(pretend))


@pytest.mark.parametrize(
    "registry", ["huggingface/spaces", pytest.param("huggingface/datasets", marks=pytest.mark.slow)]
)
def test_changes_of_datasets_and_spaces_are_crawled_too(crawl: Crawl, pretend: Simulation, registry: str) -> None:
    crawl("changes", registry, *CLOCK)
    pretend.mutate(registry=registry, name="lab/new-one", action="create")
    done = crawl("changes", registry, *CLOCK)
    assert (done.exit_code, done.outcome["look"]["new"]) == (0, 1)
    assert done.rows("SELECT 1 FROM package WHERE name = 'lab/new-one'")


def test_a_registry_without_a_list_of_changes_is_refused_with_the_reason(crawl: Crawl) -> None:
    done = crawl("changes", "npm", *CLOCK)
    assert done.exit_code == 2 and "updated_at" in done.errors


def test_a_failing_server_leaves_the_mark_unchanged(crawl: Crawl, pretend: Simulation) -> None:
    done = crawl("changes", HUB, *CLOCK)
    marks = done.rows('SELECT "order", high_water_mark FROM change_cursor')
    pretend.advance(1)
    pretend.reset()
    pretend.faults([{"api": "huggingface", "kind": "status", "code": 500, "request": 2, "times": -1}])
    done = crawl("changes", HUB, *CLOCK, "--patience", "0.2")
    assert done.exit_code == 1 and done.outcome["look"]["error"]["fix"]
    assert done.rows('SELECT "order", high_water_mark FROM change_cursor') == marks


def mark_as_missing(store: Path, keys: list[str], at: int) -> None:
    """Mark packages as listed by the last census and missing from the newest one."""
    with open_for_writing(store) as database:
        rows = [
            database.conn.execute("SELECT package_id FROM package WHERE stable_id = ?", (key,)).fetchone()[0]
            for key in keys
        ]
        assert ChangeStore(database).open_missing((row, at - 1, at) for row in rows) == len(keys)


MutateRepository = Callable[[Simulation, str], object]
MUTATIONS: dict[str, MutateRepository | None] = {
    "renamed": lambda hub, key: hub.mutate(registry=HUB, id=key, action="rename", to="other-lab/moved-here"),
    "recreated": lambda hub, key: hub.mutate(registry=HUB, id=key, action="recreate"),
    "deleted": lambda hub, key: hub.mutate(registry=HUB, id=key, action="delete"),
    "gated": lambda hub, key: hub.mutate(registry=HUB, id=key, action="gate", to="manual"),
    "disabled": lambda hub, key: hub.mutate(registry=HUB, id=key, action="disable"),
    "unlisted": None,
}


@pytest.mark.fault("D4")
def test_the_state_of_a_missing_package_is_decided_over_days(crawl: Crawl) -> None:
    with Simulation(models=60, datasets=5, spaces=5, packages=5) as hub:  # the local clock decides which probes are due
        env = environment(hub)
        done = crawl("changes", HUB, "--quiet", env=env)
        plain = [row[0] for row in done.rows("SELECT stable_id FROM package ORDER BY stable_id")
                 if not (repo := hub.repository(HUB, id=str(row[0])))["gated"] and not repo["disabled"]]  # fmt: skip
        keys = dict(zip(MUTATIONS, map(str, plain), strict=False))
        for state, mutate in MUTATIONS.items():
            if mutate:
                mutate(hub, keys[state])
        mark_as_missing(done.db, list(keys.values()), int(time.time()))
        time.sleep(1)  # a package has one name in a second
        done = crawl("changes", HUB, "--quiet", env=env)
        expected = {state: state for state in MUTATIONS} | {"deleted": "unknown"}
        states = dict(done.rows("SELECT stable_id, state FROM missing_package JOIN package USING (package_id)"))
        assert {state: states[key] for state, key in keys.items()} == expected
        assert done.outcome["look"]["absent"]["unknown"] == 1
        kinds = [row[0] for row in done.rows("SELECT kind FROM quality_event WHERE package_id IS NOT NULL")]
        assert sorted({*kinds} & {*MUTATIONS}) == sorted({*MUTATIONS} - {"deleted"})
        assert done.rows("SELECT name FROM alias WHERE name = 'other-lab/moved-here' AND valid_to IS NULL")
        request_count = len(hub.requests("huggingface"))
        done = crawl("changes", HUB, "--quiet", env=env)
        assert len(hub.requests("huggingface")) - request_count == 3, "no probe is due on the same day"
        for days in (4, 8):
            backdate_probes(done.db, days)
            done = crawl("changes", HUB, "--quiet", env=env)
        assert done.outcome["look"]["absent"] == {"deleted": 1}
        assert done.rows("SELECT probes, state FROM missing_package WHERE state = 'deleted'") == [(3, "deleted")]


def backdate_probes(store: Path, days: int) -> None:
    """Move the first probe to `days` days ago, and the last probe to yesterday."""
    with open_for_writing(store) as database:
        now = int(time.time())
        connection: Any = database.conn if isinstance(database, Database) else database
        connection.execute(
            "UPDATE missing_package SET first_probe = ?, last_probe = ? WHERE state = 'unknown'",
            (now - days * 86400, now - 86401),
        )
