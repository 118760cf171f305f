"""A look knows what was made and modified within a few requests; a kill in between loses nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils import Database

from db.connection import open_for_writing
from db.store.changes import ChangeStore
from tests.crawler.conftest import HUB, ROOT, Crawl, Crawled, environment
from tests.simulated import Simulation

CLOCK = ("--clock", "registry", "--quiet")


@pytest.fixture
def pretend() -> Iterator[Simulation]:
    """A Hub that may be changed: one for each test."""
    with Simulation(models=700, datasets=60, spaces=60, packages=5, start="2026-01-05", lively=0.02) as running:
        yield running


def truth(pretend: Simulation, since: str = "") -> dict[str, dict[str, Any]]:
    """What was made or edited since a day and can be seen, by stable id."""
    touched = {
        one["new_id"] if one["kind"] == "recreated" else one["id"]
        for one in pretend.events(since)
        if one["registry"] == HUB and one["kind"] in ("created", "edited", "recreated")
    }
    found = {key: pretend.repository(HUB, id=key) for key in touched}
    return {key: row for key, row in found.items() if not row["private"] and not row["deleted"]}


def assert_known(done: Crawled, wanted: dict[str, dict[str, Any]]) -> None:
    """Each of these is in the store as the Hub shows it: name, commit, library, licence and parents."""
    stored = {row[1]: row for row in done.rows("SELECT package_id, stable_id, name, sha FROM package")}
    assert len(wanted) > 5
    for key, row in wanted.items():
        package, _, name, sha = stored[key]
        assert (name, sha) == (row["id"], row["sha"])
        now = dict(done.rows("SELECT name, value FROM attribute WHERE package_id = ? AND valid_to IS NULL", package))
        assert (now.get("library"), now.get("licence")) == (row["traits"]["library"], row["traits"]["licence"])
        parents = done.rows("SELECT count(*) FROM lineage_edge WHERE child_id = ? AND valid_to IS NULL", package)
        assert parents == [(len(row["traits"]["parents"]),)]


def test_the_first_look_sets_the_marks_with_one_page_of_each_order(crawl: Crawl, pretend: Simulation) -> None:
    done = crawl("changes", HUB, *CLOCK)
    assert (done.exit_code, done.outcome["look"]["status"]) == (0, "caught up")
    assert len(pretend.requests("huggingface")) == 3 == done.outcome["look"]["requests"]
    assert all(done.outcome["look"]["marks"].values())


def test_a_day_is_known_within_one_look_of_three_requests(crawl: Crawl, pretend: Simulation) -> None:
    crawl("changes", HUB, *CLOCK)
    pretend.advance(1)
    pretend.reset()
    done = crawl("changes", HUB, *CLOCK)
    assert done.exit_code == 0 and len(pretend.requests("huggingface")) == 3
    assert_known(done, truth(pretend))
    assert done.outcome["look"]["new"] >= 5 and done.outcome["look"]["edited"] >= 5


def test_a_look_is_no_snapshot_and_writes_no_counter(crawl: Crawl, pretend: Simulation) -> None:
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
def test_a_look_that_is_given_too_few_pages_is_gone_on_with(crawl: Crawl, pretend: Simulation) -> None:
    crawl("changes", HUB, *CLOCK)
    pretend.advance(4)
    pretend.faults([{"api": "huggingface", "kind": "clamp", "size": 25, "times": -1}])
    looks = [crawl("changes", HUB, *CLOCK, "--most", "2")]
    assert looks[0].exit_code == 3 and looks[0].outcome["look"]["status"] == "bounded"
    while looks[-1].exit_code == 3 and len(looks) < 12:
        looks.append(crawl("changes", HUB, *CLOCK, "--most", "2"))
    assert looks[-1].exit_code == 0 and len(looks) > 2
    assert_known(looks[-1], truth(pretend))


def test_what_moves_while_we_page_is_seen_twice_and_counted(crawl: Crawl, pretend: Simulation) -> None:
    crawl("changes", HUB, *CLOCK)
    pretend.advance(2)
    pretend.reset()
    pretend.faults([{"api": "huggingface", "kind": "duplicate_rows", "request": 2}])
    done = crawl("changes", HUB, *CLOCK)
    assert done.exit_code == 0 and done.outcome["look"]["duplicates"] > 0
    received, parts = done.rows("SELECT sum(received), sum(new + edited + unchanged + duplicates + rejected) FROM change_crawl_page"
                                " WHERE role IN ('modified', 'created')")[0]  # fmt: skip
    assert received == parts
    assert_known(done, truth(pretend))


@pytest.mark.parametrize("pages", [2, pytest.param(3, marks=pytest.mark.slow), pytest.param(4, marks=pytest.mark.slow)])
@pytest.mark.fault("A1")
def test_a_look_that_is_killed_loses_nothing(crawl: Crawl, pretend: Simulation, tmp_path: Path, pages: int) -> None:
    done = crawl("changes", HUB, *CLOCK)
    pretend.advance(3)
    pretend.reset()
    pretend.faults([
        {"api": "huggingface", "kind": "clamp", "size": 20, "times": -1},
        {"api": "huggingface", "kind": "stall", "request": pages + 1, "seconds": 20},
    ])  # fmt: skip
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
    assert done.rows("SELECT status FROM change_crawl ORDER BY change_crawl_id") == [("caught up",), ("stopped",), ("caught up",)]
    assert_known(done, truth(pretend))


@pytest.mark.parametrize(
    "registry", ["huggingface/spaces", pytest.param("huggingface/datasets", marks=pytest.mark.slow)]
)
def test_datasets_and_spaces_are_looked_at_too(crawl: Crawl, pretend: Simulation, registry: str) -> None:
    crawl("changes", registry, *CLOCK)
    pretend.mutate(registry=registry, name="lab/new-one", action="create")
    done = crawl("changes", registry, *CLOCK)
    assert (done.exit_code, done.outcome["look"]["new"]) == (0, 1)
    assert done.rows("SELECT 1 FROM package WHERE name = 'lab/new-one'")


def test_a_registry_that_cannot_tell_says_so(crawl: Crawl) -> None:
    done = crawl("changes", "npm", *CLOCK)
    assert done.exit_code == 2 and "updated_at" in done.errors


def test_a_server_that_fails_leaves_the_mark_where_it_was(crawl: Crawl, pretend: Simulation) -> None:
    done = crawl("changes", HUB, *CLOCK)
    marks = done.rows('SELECT "order", high_water_mark FROM change_cursor')
    pretend.advance(1)
    pretend.reset()
    pretend.faults([{"api": "huggingface", "kind": "status", "code": 500, "request": 2, "times": -1}])
    done = crawl("changes", HUB, *CLOCK, "--patience", "0.2")
    assert done.exit_code == 1 and done.outcome["look"]["error"]["fix"]
    assert done.rows('SELECT "order", high_water_mark FROM change_cursor') == marks


def missing(store: Path, keys: list[str], at: int) -> None:
    """Say that these were in the last census and are not in the newest."""
    with open_for_writing(store) as database:
        rows = [database.conn.execute("SELECT package_id FROM package WHERE stable_id = ?", (key,)).fetchone()[0]
                for key in keys]  # fmt: skip
        assert ChangeStore(database).open_missing((row, at - 1, at) for row in rows) == len(keys)


Act = Callable[[Simulation, str], object]
FATES: dict[str, Act | None] = {
    "renamed": lambda hub, key: hub.mutate(registry=HUB, id=key, action="rename", to="other-lab/moved-here"),
    "recreated": lambda hub, key: hub.mutate(registry=HUB, id=key, action="recreate"),
    "deleted": lambda hub, key: hub.mutate(registry=HUB, id=key, action="delete"),
    "gated": lambda hub, key: hub.mutate(registry=HUB, id=key, action="gate", to="manual"),
    "disabled": lambda hub, key: hub.mutate(registry=HUB, id=key, action="disable"),
    "unlisted": None,
}


@pytest.mark.fault("D4")
def test_what_became_of_what_vanished_is_decided_over_days(crawl: Crawl) -> None:
    with Simulation(models=60, datasets=5, spaces=5, packages=5) as hub:  # our clock: cases are due by it
        env = environment(hub)
        done = crawl("changes", HUB, "--quiet", env=env)
        plain = [row[0] for row in done.rows("SELECT stable_id FROM package ORDER BY stable_id")
                 if not (one := hub.repository(HUB, id=str(row[0])))["gated"] and not one["disabled"]]  # fmt: skip
        keys = dict(zip(FATES, map(str, plain), strict=False))
        for fate, act in FATES.items():
            if act:
                act(hub, keys[fate])
        missing(done.db, list(keys.values()), int(time.time()))
        time.sleep(1)  # a package has one name in a second
        done = crawl("changes", HUB, "--quiet", env=env)
        expected = {fate: fate for fate in FATES} | {"deleted": "unknown"}
        states = dict(done.rows("SELECT stable_id, state FROM missing_package JOIN package USING (package_id)"))
        assert {fate: states[key] for fate, key in keys.items()} == expected
        assert done.outcome["look"]["absent"]["unknown"] == 1
        kinds = [row[0] for row in done.rows("SELECT kind FROM quality_event WHERE package_id IS NOT NULL")]
        assert sorted({*kinds} & {*FATES}) == sorted({*FATES} - {"deleted"})
        assert done.rows("SELECT name FROM alias WHERE name = 'other-lab/moved-here' AND valid_to IS NULL")
        asked = len(hub.requests("huggingface"))
        done = crawl("changes", HUB, "--quiet", env=env)
        assert len(hub.requests("huggingface")) - asked == 3, "nothing is due on the same day"
        for days in (4, 8):
            age(done.db, days)
            done = crawl("changes", HUB, "--quiet", env=env)
        assert done.outcome["look"]["absent"] == {"deleted": 1}
        assert done.rows("SELECT probes, state FROM missing_package WHERE state = 'deleted'") == [(3, "deleted")]


def age(store: Path, days: int) -> None:
    """Let the first question have been so many days ago, and the last one yesterday."""
    with open_for_writing(store) as database:
        now = int(time.time())
        connection: Any = database.conn if isinstance(database, Database) else database
        connection.execute(
            "UPDATE missing_package SET first_probe = ?, last_probe = ? WHERE state = 'unknown'",
            (now - days * 86400, now - 86401),
        )
