"""A snapshot from the first question to its end: whole, in order, at the registry's pace, and the same after a kill."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.crawler.conftest import HUB, ROOT, Crawl, Crawled, environment
from tests.simulated import Simulation


def ids(rows: list[dict[str, object]]) -> list[object]:
    return [row["id"] for row in rows]


@pytest.mark.parametrize(
    ("registry", "by", "k"),
    [
        (HUB, "downloads", 1000),
        (HUB, "downloads", 7),
        (HUB, "likes", 1000),
        (HUB, "trending", 500),
        ("huggingface/datasets", "downloads", 100),
        ("huggingface/spaces", "likes", 100),
    ],
)
def test_the_ranking_of_the_hub_is_the_truth(crawl: Crawl, pretend: Simulation, registry: str, by: str, k: int) -> None:
    done = crawl("snapshot", registry, "--top", str(k), "--by", by, "--quiet")
    assert (done.exit_code, done.outcome["status"], done.outcome["listed"]) == (0, "complete", k)
    assert [row[1] for row in done.ranking()] == ids(pretend.truth(registry, by=by, k=k))
    assert len(pretend.requests("huggingface")) == 2


@pytest.mark.parametrize(
    ("registry", "service_name", "by", "counter"),
    [
        ("npm", "npm.example", "downloads", "last-month"),
        ("pypi", "pypi.example", "downloads", "last-month"),
        ("cargo", "crates.example", "downloads", "total"),
        ("rubygems", "gems.example", "downloads", "total"),
        ("coop.example", "coop.example", "downloads", "total"),
        ("go", "go.example", "dependents", "dependents"),
        ("actions", "github actions", "dependents", "dependents"),
        ("github actions", "github actions", "dependents", "dependents"),
    ],
)
def test_any_registry_of_ecosystems_is_found_by_its_ecosystem_or_its_name(
    crawl: Crawl, pretend: Simulation, registry: str, service_name: str, by: str, counter: str
) -> None:
    order = ("--by", by) if " " in registry else ()  # its rows are not known to have no downloads before they are asked
    done = crawl("snapshot", registry, "--top", "250", *order, "--pause", "0", "--quiet")
    assert (done.exit_code, done.outcome["status"]) == (0, "complete")
    assert done.rows("SELECT counter, service_name FROM snapshot JOIN registry USING (registry_id)") == [
        (counter, service_name)
    ]
    order = "dependent_packages_count" if by == "dependents" else by
    truth = [row["value"] for row in pretend.truth(service_name, by=order, k=250)]
    assert [row[0] for row in done.rows(f"SELECT {by} FROM v1_ranking ORDER BY rank")] == truth


@pytest.mark.fault("G1")
def test_no_address_of_a_person_is_kept_anywhere(crawl: Crawl) -> None:
    done = crawl("snapshot", "npm", "--top", "100", "--pause", "0", "--quiet")
    import zstandard

    bodies = [zstandard.decompress(row[0]) for row in done.rows("SELECT content FROM body")]
    assert sum(map(len, bodies)) > 10_000
    assert not [body for body in bodies if b"@" in body.replace(b'"@', b"")]
    assert b"maintainer" not in b"".join(bodies)
    assert b"@mail." not in done.db.read_bytes()


def test_an_order_that_does_not_exist_is_wrong_usage_and_leaves_nothing(crawl: Crawl) -> None:
    for words in (
        ("huggingface/spaces", "--by", "downloads"),
        (HUB, "--by", "dependents"),
        ("npm", "--by", "likes"),
        ("go", "--by", "downloads"),
        ("nosuch",),
        ("rubygem",),
    ):
        done = crawl("snapshot", *words, "--pause", "0", "--quiet")
        assert done.exit_code == 2
        assert done.errors.count("\n") >= 3
        assert not done.db.exists() or done.rows("SELECT count(*) FROM snapshot") == [(0,)]


@pytest.mark.fault("D1")
def test_a_field_the_hub_no_longer_knows_is_left_out_and_lineage_comes_from_the_tags(crawl: Crawl) -> None:
    with Simulation(models=600, no_expand=["baseModels"]) as older:
        done = crawl("snapshot", HUB, "--top", "500", "--quiet", env=environment(older))
        whole = crawl("snapshot", HUB, "--top", "500", "--quiet", db="b.db", env=environment(older))
    assert done.outcome["status"] == "complete"
    assert done.rows("SELECT kind, before FROM quality_event WHERE kind <> 'self_loop'") == [
        ("schema_missing_field", "baseModels")
    ]
    assert done.rows("SELECT count(*) FROM lineage_edge WHERE relation <> 'unstated'")[0][0] > 20
    assert whole.rows("SELECT count(*) FROM page WHERE role = 'probe'") == [(2,)]


def test_lineage_and_attributes_are_those_of_the_registry(crawl: Crawl, pretend: Simulation) -> None:
    done = crawl("snapshot", HUB, "--top", "1000", "--quiet")
    edges = done.rows(
        "SELECT c.stable_id, p.stable_id, relation FROM lineage_edge e JOIN package c ON c.package_id = child_id"
        " JOIN package p ON p.package_id = parent_id"
    )
    assert len(edges) > 100
    for child, parent, relation in edges[:25]:
        said = pretend.repository(HUB, id=str(child))
        assert f"base_model:{relation}:" in " ".join(said["tags"])
        assert parent in [base["_id"] for base in said["baseModels"]["models"]]
    attributes = dict(
        done.rows("SELECT a.name, a.value FROM attribute a JOIN v1_ranking r ON r.rank = 1 JOIN package p USING"
                  " (package_id) WHERE p.stable_id = r.package")
    )  # fmt: skip
    first = pretend.repository(HUB, id=str(done.ranking()[0][1]))
    assert attributes.get("task") == first.get("pipeline_tag")
    assert attributes.get("library") == first.get("library_name")


@pytest.mark.slow
@pytest.mark.fault("C13")
def test_a_list_that_moves_between_two_pages_is_counted_twice_and_said(crawl: Crawl) -> None:
    with Simulation(models=16500, churn=0.002, quota=12, window=2) as moving:
        done = crawl("snapshot", HUB, "--top", "15000", "--quiet", env=environment(moving))
        asked = moving.requests("huggingface")
    twice = int(str(done.outcome["duplicates"]))
    assert done.outcome["listed"] == 15000
    assert done.finding("overlap")[1] == f"{twice} seen twice (about as many may be missed) of " + (
        f"{done.rows('SELECT sum(received) FROM page WHERE role = ?', 'ranking')[0][0]} rows"
    )
    assert twice > 0
    assert len({row[1] for row in done.ranking()}) == 15000
    assert [request for request in asked if request["over_quota"] or request["status"] == 429] == []


@pytest.mark.slow
def test_a_list_of_fifteen_thousand_that_stands_still_is_the_truth(crawl: Crawl) -> None:
    with Simulation(models=15500) as still:
        done = crawl("snapshot", HUB, "--top", "15000", "--quiet", env=environment(still))
        truth = ids(still.truth(HUB, by="downloads", k=15000))
    assert (done.outcome["status"], done.outcome["duplicates"]) == ("complete", 0)
    assert [row[1] for row in done.ranking()] == truth


@pytest.mark.parametrize("share", ["1", pytest.param("0.5", marks=pytest.mark.slow)])
@pytest.mark.fault("C1", "G7")
def test_no_request_goes_out_over_the_quota(crawl: Crawl, share: str) -> None:
    with Simulation(models=3500, quota=3, window=2) as narrow:
        done = crawl("snapshot", HUB, "--top", "3000", "--share", share, "--quiet", env=environment(narrow))
        asked = narrow.requests("huggingface")
    assert done.outcome["status"] == "complete"
    assert [request["status"] for request in asked] == [200] * 4
    assert not any(request["over_quota"] for request in asked)


@pytest.mark.slow
@pytest.mark.fault("C1")
def test_a_quota_others_have_used_up_is_waited_for(crawl: Crawl) -> None:
    with Simulation(models=1500, quota=2, window=3) as narrow:
        first = crawl("snapshot", HUB, "--top", "5", "--quiet", env=environment(narrow))
        second = crawl("snapshot", HUB, "--top", "5", "--quiet", env=environment(narrow))
        statuses = [request["status"] for request in narrow.requests("huggingface")]
    assert (first.outcome["status"], second.outcome["status"]) == ("complete", "complete")
    assert statuses.count(429) <= 1  # nobody had told the second crawl


@pytest.mark.fault("C5")
def test_pages_that_are_too_heavy_are_asked_for_in_halves(crawl: Crawl) -> None:
    with Simulation(packages=600, heavy_limit=30) as weak:
        done = crawl(
            "snapshot", "npm", "--top", "300", "--pause", "0", "--patience", "2", "--quiet", env=environment(weak)
        )
        asked = weak.requests("ecosystems")
    assert done.outcome["status"] == "complete"
    assert done.finding("counters") == ("pass", "300 of 300")
    assert {request["status"] for request in asked} == {200, 500}
    assert sum(request["status"] == 500 for request in asked) <= 6


@pytest.mark.fault("C12")
def test_names_cut_to_smaller_pages_are_followed(crawl: Crawl) -> None:
    with Simulation(packages=900, names_limit=200) as small:
        done = crawl(
            "snapshot", "npm", "--top", "700", "--no-counters", "--quiet", "--pause", "0", env=environment(small)
        )
        truth = ids(small.truth("npm.example", by="downloads", k=700))
    assert done.outcome["status"] == "complete"
    assert [row[1] for row in done.ranking()][:50] == truth[:50]
    assert done.finding("counters") == ("pass", "not requested")


def test_a_registry_smaller_than_k_is_whole_only_because_it_says_so(crawl: Crawl, pretend: Simulation) -> None:
    whole = crawl("snapshot", "npm", "--top", "1000", "--pause", "0", "--quiet")
    assert (whole.outcome["status"], whole.outcome["listed"]) == ("complete", 400)
    unknown = crawl("snapshot", "huggingface/datasets", "--top", "1000", "--quiet", db="b.db")
    assert (unknown.exit_code, unknown.outcome["status"]) == (3, "partial")
    assert "G5 size" in str(unknown.outcome["reason"])


def test_a_contact_opens_the_polite_pool_and_is_told(crawl: Crawl, pretend: Simulation) -> None:
    crawl("snapshot", "npm", "--top", "5", "--pause", "0", "--quiet", "--contact", "who@lab.example")
    agents = {request["user_agent"] for request in pretend.requests("ecosystems")}
    assert agents == {"hub-observatory/0.1.0 (who@lab.example)"}


@pytest.mark.fault("E10")
def test_a_token_is_sent_to_the_hub_and_to_nobody_else_and_written_nowhere(crawl: Crawl, pretend: Simulation) -> None:
    token = "hf_" + "x" * 34
    env = environment(pretend, HF_TOKEN=token)
    done = crawl("snapshot", HUB, "--top", "5", env=env)
    crawl("snapshot", "npm", "--top", "5", "--pause", "0", env=env)
    assert [request["authorization"] for request in pretend.requests("huggingface")] == [True, True]
    assert not any(request["authorization"] for request in pretend.requests("ecosystems"))
    assert token not in done.told + done.errors
    assert token.encode() not in done.db.read_bytes()


@pytest.mark.fault("G7")
def test_config_json_is_never_asked_for(crawl: Crawl, pretend: Simulation) -> None:
    crawl("snapshot", HUB, "--top", "1000", "--quiet")
    assert {request["path"] for request in pretend.requests("huggingface")} == {"/api/models"}


def killed_at(pretend: Simulation, db: Path, pages: int, *words: str) -> None:
    """Start a crawl and SIGKILL it as soon as so many pages are stored."""
    line = [sys.executable, "-m", "crawler", "snapshot", *words, "--db", str(db), "--quiet", "--format", "json"]
    child = subprocess.Popen(line, cwd=ROOT, env=environment(pretend), stdout=subprocess.DEVNULL)
    seen = Crawled(0, "", "", db)
    while child.poll() is None:
        try:
            if seen.rows("SELECT count(*) FROM page")[0][0] >= pages:
                child.send_signal(signal.SIGKILL)
        except Exception:  # the store is just being made
            pass
        time.sleep(0.002)
    child.wait()


@pytest.mark.parametrize("pages", [2, *(pytest.param(pages, marks=pytest.mark.slow) for pages in (1, 3))])
@pytest.mark.fault("A1")
def test_a_crawl_killed_at_a_page_and_resumed_gives_the_same_ranking(
    crawl: Crawl, pretend: Simulation, tmp_path: Path, pages: int
) -> None:
    pretend.faults([{"api": "huggingface", "request": pages + 1, "kind": "stall", "seconds": 0.7}])
    killed_at(pretend, tmp_path / "store.db", pages, HUB, "--top", "3000")
    left = Crawled(0, "", "", tmp_path / "store.db")
    assert left.rows("SELECT status FROM snapshot") == [("open",)]
    assert left.rows("SELECT count(*) FROM v1_ranking") == [(0,)]
    assert left.rows("SELECT count(*) % 1000 FROM ranking") == [(0,)]
    pretend.reset()
    resumed = crawl("snapshot", HUB, "--top", "3000", "--resume", "--quiet")
    undisturbed = crawl("snapshot", HUB, "--top", "3000", "--quiet", db="other.db")
    assert (resumed.outcome["status"], resumed.outcome["snapshot"]) == ("complete", 1)
    assert resumed.ranking() == undisturbed.ranking()
    digest = "SELECT digest FROM snapshot"
    assert resumed.rows(digest) == undisturbed.rows(digest)


@pytest.mark.parametrize("pages", [3, pytest.param(5, marks=pytest.mark.slow)])
@pytest.mark.fault("A1")
def test_a_crawl_of_ecosystems_killed_and_resumed_gives_the_same_ranking(
    crawl: Crawl, pretend: Simulation, tmp_path: Path, pages: int
) -> None:
    pretend.faults([{"api": "ecosystems", "request": pages + 1, "kind": "stall", "seconds": 0.7}])
    killed_at(pretend, tmp_path / "store.db", pages, "npm", "--top", "300", "--pause", "0")
    pretend.reset()
    resumed = crawl("snapshot", "npm", "--top", "300", "--resume", "--pause", "0", "--quiet")
    undisturbed = crawl("snapshot", "npm", "--top", "300", "--pause", "0", "--quiet", db="other.db")
    assert (resumed.outcome["status"], resumed.outcome["snapshot"]) == ("complete", 1)
    assert resumed.ranking() == undisturbed.ranking()


def test_without_resume_an_interrupted_snapshot_ends_partial_and_a_new_one_is_taken(
    crawl: Crawl, pretend: Simulation, tmp_path: Path
) -> None:
    pretend.faults([{"api": "huggingface", "request": 3, "kind": "stall", "seconds": 0.7}])
    killed_at(pretend, tmp_path / "store.db", 2, HUB, "--top", "3000")
    pretend.reset()
    done = crawl("snapshot", HUB, "--top", "3000", "--quiet")
    assert done.rows("SELECT snapshot, status FROM v1_snapshot") == [(1, "partial"), (2, "complete")]
    (reason,) = done.rows("SELECT reason FROM snapshot WHERE snapshot_id = 1")[0]
    assert "a later crawl began anew" in reason


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
@pytest.mark.fault("A13")
def test_a_crawl_that_is_told_to_stop_stops_at_a_page_and_can_be_gone_on_with(
    crawl: Crawl, pretend: Simulation, tmp_path: Path, number: signal.Signals
) -> None:
    pretend.faults([{"api": "huggingface", "request": 3, "kind": "stall", "seconds": 1.0}])
    line = [sys.executable, "-m", "crawler", "snapshot", HUB, "--top", "3000", "--db", str(tmp_path / "store.db")]
    child = subprocess.Popen(line, cwd=ROOT, env=environment(pretend), stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stderr is not None
    while b"1000 of" not in child.stderr.readline():
        pass
    os.kill(child.pid, number)
    assert child.wait(timeout=10) == 3
    pretend.reset()
    done = crawl("snapshot", HUB, "--top", "3000", "--resume", "--quiet")
    assert (done.outcome["status"], done.outcome["snapshot"], done.outcome["listed"]) == ("complete", 1, 3000)


def test_several_registries_are_taken_each_by_itself(crawl: Crawl, pretend: Simulation) -> None:
    pretend.faults([{"path": "/npm.example/package_names", "api": "ecosystems", "kind": "status", "code": 404}])
    done = crawl("snapshot", HUB, "npm", "pypi", "--top", "100", "--pause", "0", "--quiet")
    assert done.exit_code == 1
    statuses = [one["status"] for one in json.loads(done.told)["snapshots"]]
    assert statuses == ["complete", "failed", "complete"]  # type: ignore[index]


@pytest.mark.slow
@pytest.mark.fault("C15")
def test_without_a_network_there_is_one_clear_error_and_nothing_that_looks_taken(crawl: Crawl) -> None:
    env = environment(None, HF_ENDPOINT="http://127.0.0.1:9", ECOSYSTEMS_ENDPOINT="http://127.0.0.1:9/api/v1")
    done = crawl("snapshot", HUB, "npm", "pypi", "--top", "1000", "--quiet", env=env, form="text")
    assert done.exit_code == 1
    assert done.errors.count("error:") == 1
    assert "make demo" in done.errors
    assert "Traceback" not in done.errors
    assert done.rows("SELECT DISTINCT status, depth FROM snapshot") == [("failed", 0)]


@pytest.mark.fault("B4")
def test_a_clock_that_is_wrong_makes_a_snapshot_partial_unless_the_registry_dates_it(crawl: Crawl) -> None:
    with Simulation(models=200, start="2026-01-05") as long_ago:
        wrong = crawl("snapshot", HUB, "--top", "100", "--quiet", env=environment(long_ago))
        dated = crawl("snapshot", HUB, "--top", "100", "--quiet", "--clock", "registry", env=environment(long_ago))
    assert (wrong.outcome["status"], dated.outcome["status"]) == ("partial", "complete")
    assert "G8 freshness" in str(wrong.outcome["reason"])
    assert dated.rows("SELECT date FROM v1_snapshot WHERE status = 'complete'") == [("2026-01-05",)]


@pytest.mark.fault("D2")
def test_a_renamed_package_keeps_its_identity(crawl: Crawl) -> None:
    with Simulation(models=300, start="2026-01-05") as hub:
        words = ("snapshot", HUB, "--top", "50", "--quiet", "--clock", "registry")
        first = crawl(*words, env=environment(hub))
        leader = first.rows("SELECT package, name FROM v1_ranking WHERE rank = 1")[0]
        hub.mutate(id=leader[0], action="rename", to="elsewhere/renamed-model")
        hub.advance(1)
        second = crawl(*words, env=environment(hub))
    assert second.rows("SELECT DISTINCT name FROM v1_ranking WHERE package = ? ORDER BY name", leader[0]) == sorted(
        [(leader[1],), ("elsewhere/renamed-model",)]
    )
    assert ("renamed", leader[1], "elsewhere/renamed-model") in second.rows(
        "SELECT kind, before, after FROM quality_event"
    )


def test_a_snapshot_begun_at_another_endpoint_is_not_gone_on_with(
    crawl: Crawl, pretend: Simulation, tmp_path: Path
) -> None:
    pretend.faults([{"api": "huggingface", "request": 3, "kind": "stall", "seconds": 0.7}])
    killed_at(pretend, tmp_path / "store.db", 2, HUB, "--top", "3000")
    with Simulation(models=3100) as other:
        done = crawl("snapshot", HUB, "--top", "3000", "--resume", "--quiet", env=environment(other))
    assert done.rows("SELECT snapshot, status FROM v1_snapshot") == [(1, "partial"), (2, "complete")]
    assert "another endpoint" in str(done.rows("SELECT reason FROM snapshot")[0][0])


@pytest.mark.fault("C3")
def test_a_wait_longer_than_a_crawl_is_held_open_for_ends_it_with_the_time(crawl: Crawl, pretend: Simulation) -> None:
    spent = {"RateLimit": '"api";r=0;t=99999', "RateLimit-Policy": '"fixed window";"api";q=500;w=99999'}
    pretend.faults([{"kind": "ratelimit_headers", "request": 2, "headers": spent}])
    done = crawl("snapshot", HUB, "--top", "3000", "--quiet")
    assert (done.exit_code, done.outcome["status"], done.outcome["listed"]) == (3, "open", 1000)
    assert "1667 minutes" in done.outcome["error"]["what"]


def test_a_child_that_is_killed_is_a_failure_and_the_others_are_taken(
    crawl: Crawl, monkeypatch: pytest.MonkeyPatch
) -> None:
    from crawler.commands.snapshot import _parse_child_outcome

    outcome = _parse_child_outcome("npm", "", -9)
    assert (outcome["status"], outcome["exit_code"]) == ("failed", 1)
    assert "signal 9" in outcome["error"]["what"]
    assert _parse_child_outcome("npm", "", -15)["status"] == "stopped"


@pytest.mark.fault("A13")
def test_several_registries_told_to_stop_end_with_three(crawl: Crawl, pretend: Simulation, tmp_path: Path) -> None:
    pretend.faults([{"api": "huggingface", "request": 3, "kind": "stall", "seconds": 1.0}])
    line = [
        sys.executable,
        "-m",
        "crawler",
        "snapshot",
        HUB,
        "npm",
        "--top",
        "3000",
        "--db",
        str(tmp_path / "store.db"),
    ]
    child = subprocess.Popen(line, cwd=ROOT, env=environment(pretend), stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stderr is not None
    while b"1000 of" not in child.stderr.readline():
        pass
    child.terminate()
    assert child.wait(timeout=12) == 3
    left = Crawled(0, "", "", tmp_path / "store.db")
    assert left.rows("SELECT name, status FROM snapshot JOIN registry USING (registry_id)") == [(HUB, "open")]
