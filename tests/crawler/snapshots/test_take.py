"""A snapshot from its first request to its end: complete, in order, within the quota, and the same after a kill."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import zstandard

from crawler.commands.snapshot import _parse_child_outcome
from tests.crawler.conftest import HUB, ROOT, Crawl, CrawlRun, environment, run_killed_crawl
from tests.simulated import Simulation


def list_ids(rows: list[dict[str, object]]) -> list[object]:
    """Return the ids of rows."""
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
def test_the_ranking_of_the_hub_equals_the_truth(
    crawl: Crawl, pretend: Simulation, registry: str, by: str, k: int
) -> None:
    crawled = crawl("snapshot", registry, "--top", str(k), "--by", by, "--quiet")
    assert (crawled.exit_code, crawled.outcome["status"], crawled.outcome["listed"]) == (0, "complete", k)
    assert [row[1] for row in crawled.ranking()] == list_ids(pretend.truth(registry, by=by, k=k))
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
def test_each_registry_of_ecosystems_is_found_by_its_ecosystem_or_its_name(
    crawl: Crawl, pretend: Simulation, registry: str, service_name: str, by: str, counter: str
) -> None:
    options = ("--by", by) if " " in registry else ()  # before the first page nothing shows that no row has downloads
    done = crawl("snapshot", registry, "--top", "250", *options, "--delay", "0", "--quiet")
    assert (done.exit_code, done.outcome["status"]) == (0, "complete")
    assert done.rows("SELECT counter, service_name FROM snapshot JOIN registry USING (registry_id)") == [
        (counter, service_name)
    ]
    order = "dependent_packages_count" if by == "dependents" else by
    truth = [row["value"] for row in pretend.truth(service_name, by=order, k=250)]
    assert [row[0] for row in done.rows(f"SELECT {by} FROM v1_ranking ORDER BY rank")] == truth


@pytest.mark.fault("G1")
def test_no_e_mail_address_is_stored_anywhere(crawl: Crawl) -> None:
    done = crawl("snapshot", "npm", "--top", "100", "--delay", "0", "--quiet")
    bodies = [zstandard.decompress(row[0]) for row in done.rows("SELECT content FROM body")]
    assert sum(map(len, bodies)) > 10_000
    assert not [body for body in bodies if b"@" in body.replace(b'"@', b"")]
    assert b"maintainer" not in b"".join(bodies)
    assert b"@mail." not in done.db.read_bytes()


def test_an_unknown_order_or_registry_is_wrong_usage_and_stores_nothing(crawl: Crawl) -> None:
    for arguments in (
        ("huggingface/spaces", "--by", "downloads"),
        (HUB, "--by", "dependents"),
        ("npm", "--by", "likes"),
        ("go", "--by", "downloads"),
        ("nosuch",),
        ("rubygem",),
    ):
        done = crawl("snapshot", *arguments, "--delay", "0", "--quiet")
        assert done.exit_code == 2
        assert done.errors.count("\n") >= 3
        assert not done.db.exists() or done.rows("SELECT count(*) FROM snapshot") == [(0,)]


@pytest.mark.fault("D1")
def test_a_field_that_the_hub_no_longer_accepts_is_omitted_and_lineage_comes_from_the_tags(crawl: Crawl) -> None:
    with Simulation(models=600, no_expand=["baseModels"]) as older:
        done = crawl("snapshot", HUB, "--top", "500", "--quiet", env=environment(older))
        again = crawl("snapshot", HUB, "--top", "500", "--quiet", db="b.db", env=environment(older))
    assert done.outcome["status"] == "complete"
    assert done.rows("SELECT kind, before FROM quality_event WHERE kind <> 'self_loop'") == [
        ("schema_missing_field", "baseModels")
    ]
    assert done.rows("SELECT count(*) FROM lineage_edge WHERE relation <> 'unstated'")[0][0] > 20
    assert again.rows("SELECT count(*) FROM page WHERE role = 'probe'") == [(2,)]


def test_lineage_and_attributes_equal_those_of_the_registry(crawl: Crawl, pretend: Simulation) -> None:
    done = crawl("snapshot", HUB, "--top", "1000", "--quiet")
    edges = done.rows(
        "SELECT c.stable_id, p.stable_id, relation FROM lineage_edge e JOIN package c ON c.package_id = child_id"
        " JOIN package p ON p.package_id = parent_id"
    )
    assert len(edges) > 100
    for child, parent, relation in edges[:25]:
        repository = pretend.repository(HUB, id=str(child))
        assert f"base_model:{relation}:" in " ".join(repository["tags"])
        assert parent in [base["_id"] for base in repository["baseModels"]["models"]]
    attributes = dict(
        done.rows(
            "SELECT a.name, a.value FROM attribute a JOIN v1_ranking r ON r.rank = 1 JOIN package p USING"
            " (package_id) WHERE p.stable_id = r.package"
        )
    )
    first = pretend.repository(HUB, id=str(done.ranking()[0][1]))
    assert attributes.get("task") == first.get("pipeline_tag")
    assert attributes.get("library") == first.get("library_name")


@pytest.mark.slow
@pytest.mark.fault("C13")
def test_rows_seen_twice_in_a_moving_list_are_counted_and_reported(crawl: Crawl) -> None:
    with Simulation(models=16500, churn=0.002, quota=12, window=2) as moving:
        done = crawl("snapshot", HUB, "--top", "15000", "--quiet", env=environment(moving))
        requests = moving.requests("huggingface")
    duplicates = int(str(done.outcome["duplicates"]))
    assert done.outcome["listed"] == 15000
    assert done.gate_result("overlap")[1] == f"{duplicates} seen twice (about as many may be missed) of " + (
        f"{done.rows('SELECT sum(received) FROM page WHERE role = ?', 'ranking')[0][0]} rows"
    )
    assert duplicates > 0
    assert len({row[1] for row in done.ranking()}) == 15000
    assert [request for request in requests if request["over_quota"] or request["status"] == 429] == []


@pytest.mark.slow
def test_a_ranking_of_fifteen_thousand_of_a_fixed_list_equals_the_truth(crawl: Crawl) -> None:
    with Simulation(models=15500) as fixed:
        done = crawl("snapshot", HUB, "--top", "15000", "--quiet", env=environment(fixed))
        truth = list_ids(fixed.truth(HUB, by="downloads", k=15000))
    assert (done.outcome["status"], done.outcome["duplicates"]) == ("complete", 0)
    assert [row[1] for row in done.ranking()] == truth


@pytest.mark.parametrize("share", ["1", pytest.param("0.5", marks=pytest.mark.slow)])
@pytest.mark.fault("C1", "G7")
def test_no_request_exceeds_the_quota(crawl: Crawl, share: str) -> None:
    with Simulation(models=3500, quota=3, window=2) as narrow:
        done = crawl("snapshot", HUB, "--top", "3000", "--quota-share", share, "--quiet", env=environment(narrow))
        requests = narrow.requests("huggingface")
    assert done.outcome["status"] == "complete"
    assert [request["status"] for request in requests] == [200] * 4
    assert not any(request["over_quota"] for request in requests)


@pytest.mark.slow
@pytest.mark.fault("C1")
def test_a_crawl_waits_for_a_quota_that_another_crawl_has_used_up(crawl: Crawl) -> None:
    with Simulation(models=1500, quota=2, window=3) as narrow:
        first = crawl("snapshot", HUB, "--top", "5", "--quiet", env=environment(narrow))
        second = crawl("snapshot", HUB, "--top", "5", "--quiet", env=environment(narrow))
        statuses = [request["status"] for request in narrow.requests("huggingface")]
    assert (first.outcome["status"], second.outcome["status"]) == ("complete", "complete")
    assert statuses.count(429) <= 1  # the second crawl learns the quota from its first response


@pytest.mark.fault("C5")
def test_pages_that_are_too_heavy_are_requested_in_halves(crawl: Crawl) -> None:
    with Simulation(packages=600, heavy_limit=30) as weak:
        done = crawl(
            "snapshot", "npm", "--top", "300", "--delay", "0", "--retry-for", "2", "--quiet", env=environment(weak)
        )
        requests = weak.requests("ecosystems")
    assert done.outcome["status"] == "complete"
    assert done.gate_result("counters") == ("pass", "300 of 300")
    assert {request["status"] for request in requests} == {200, 500}
    assert sum(request["status"] == 500 for request in requests) <= 8


@pytest.mark.fault("C12")
def test_pages_of_names_that_the_service_shortens_are_followed(crawl: Crawl) -> None:
    with Simulation(packages=900, names_limit=200) as small:
        done = crawl(
            "snapshot", "npm", "--top", "700", "--no-counters", "--quiet", "--delay", "0", env=environment(small)
        )
        truth = list_ids(small.truth("npm.example", by="downloads", k=700))
    assert done.outcome["status"] == "complete"
    assert [row[1] for row in done.ranking()][:50] == truth[:50]
    assert done.gate_result("counters") == ("no baseline", "not requested")


def test_a_registry_smaller_than_k_is_complete_only_if_it_states_its_size(crawl: Crawl, pretend: Simulation) -> None:
    stated = crawl("snapshot", "npm", "--top", "1000", "--delay", "0", "--quiet")
    assert (stated.outcome["status"], stated.outcome["listed"]) == ("complete", 400)
    unknown = crawl("snapshot", "huggingface/datasets", "--top", "1000", "--quiet", db="b.db")
    assert (unknown.exit_code, unknown.outcome["status"]) == (3, "partial")
    assert "G5 size" in str(unknown.outcome["reason"])


def test_a_contact_is_sent_in_the_user_agent(crawl: Crawl, pretend: Simulation) -> None:
    contact = "Jo Doe <who@lab.example>"
    crawl("snapshot", "npm", "--top", "5", "--delay", "0", "--quiet", "--contact", contact)
    agents = {request["user_agent"] for request in pretend.requests("ecosystems")}
    assert agents == {f"hub-observatory/0.1.0 ({contact})"}


@pytest.mark.fault("E10")
def test_a_token_is_sent_to_the_hub_only_and_stored_nowhere(crawl: Crawl, pretend: Simulation) -> None:
    token = "hf_" + "x" * 34
    env = environment(pretend, HF_TOKEN=token)
    done = crawl("snapshot", HUB, "--top", "5", env=env)
    crawl("snapshot", "npm", "--top", "5", "--delay", "0", env=env)
    assert {request["authorization"] for request in pretend.requests("huggingface")} == {True}
    assert not any(request["authorization"] for request in pretend.requests("ecosystems"))
    assert token not in done.output + done.errors
    assert token.encode() not in done.db.read_bytes()


@pytest.mark.fault("G7")
def test_config_json_is_never_requested(crawl: Crawl, pretend: Simulation) -> None:
    crawl("snapshot", HUB, "--top", "1000", "--quiet")
    assert {request["path"] for request in pretend.requests("huggingface")} == {"/api/models"}


DEEP = ("snapshot", HUB, "--top", "3000", "--quiet")


def crawl_and_stop(pretend: Simulation, db: Path, number: signal.Signals, *registries: str) -> int:
    """Send a signal to a crawl after its first page, and return the exit code."""
    pretend.faults([{"api": "huggingface", "request": 3, "kind": "stall", "seconds": 1.0}])
    command = [sys.executable, "-m", "crawler", "snapshot", *registries, "--top", "3000", "--db", str(db)]
    child = subprocess.Popen(
        command, cwd=ROOT, env=environment(pretend), stderr=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert child.stderr is not None
    while b"1000 of" not in child.stderr.readline():
        pass
    os.kill(child.pid, number)
    code = child.wait(timeout=12)
    pretend.reset()
    return code


@pytest.mark.parametrize("pages", [2, *(pytest.param(pages, marks=pytest.mark.slow) for pages in (1, 3))])
@pytest.mark.fault("A1")
def test_a_crawl_killed_at_a_page_and_resumed_has_the_same_ranking(
    crawl: Crawl, pretend: Simulation, tmp_path: Path, pages: int
) -> None:
    interrupted = run_killed_crawl(pretend, "huggingface", tmp_path, DEEP, pages)
    assert interrupted.rows("SELECT status FROM snapshot") == [("open",)]
    assert interrupted.rows("SELECT count(*) FROM v1_ranking") == [(0,)]
    assert interrupted.rows("SELECT count(*) % 1000 FROM ranking") == [(0,)]
    resumed, undisturbed = crawl(*DEEP, "--resume"), crawl(*DEEP, db="other.db")
    assert (resumed.outcome["status"], resumed.outcome["snapshot"]) == ("complete", 1)
    assert resumed.ranking() == undisturbed.ranking()
    digest = "SELECT digest FROM snapshot"
    assert resumed.rows(digest) == undisturbed.rows(digest)


@pytest.mark.parametrize("pages", [3, pytest.param(5, marks=pytest.mark.slow)])
@pytest.mark.fault("A1")
def test_a_crawl_of_ecosystems_killed_and_resumed_has_the_same_ranking(
    crawl: Crawl, pretend: Simulation, tmp_path: Path, pages: int
) -> None:
    arguments = ("snapshot", "npm", "--top", "300", "--delay", "0", "--quiet")
    run_killed_crawl(pretend, "ecosystems", tmp_path, arguments, pages)
    resumed, undisturbed = crawl(*arguments, "--resume"), crawl(*arguments, db="other.db")
    assert (resumed.outcome["status"], resumed.outcome["snapshot"]) == ("complete", 1)
    assert resumed.ranking() == undisturbed.ranking()


def test_without_resume_an_interrupted_snapshot_ends_partial_and_a_new_snapshot_begins(
    crawl: Crawl, pretend: Simulation, tmp_path: Path
) -> None:
    run_killed_crawl(pretend, "huggingface", tmp_path, DEEP, 2)
    done = crawl(*DEEP)
    assert done.rows("SELECT snapshot, status FROM v1_snapshot") == [(1, "partial"), (2, "complete")]
    (reason,) = done.rows("SELECT reason FROM snapshot WHERE snapshot_id = 1")[0]
    assert "a later crawl began anew" in reason


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
@pytest.mark.fault("A13")
def test_a_crawl_that_receives_a_signal_stops_after_a_page_and_can_be_resumed(
    crawl: Crawl, pretend: Simulation, tmp_path: Path, number: signal.Signals
) -> None:
    assert crawl_and_stop(pretend, tmp_path / "store.db", number, HUB) == 3
    done = crawl(*DEEP, "--resume")
    assert (done.outcome["status"], done.outcome["snapshot"], done.outcome["listed"]) == ("complete", 1, 3000)


def test_a_failing_registry_does_not_stop_the_others(crawl: Crawl, pretend: Simulation) -> None:
    pretend.faults([{"path": "/npm.example/package_names", "api": "ecosystems", "kind": "status", "code": 404}])
    done = crawl("snapshot", HUB, "npm", "pypi", "--top", "100", "--delay", "0", "--quiet")
    assert done.exit_code == 1
    statuses = [outcome["status"] for outcome in json.loads(done.output)["snapshots"]]
    assert statuses == ["complete", "failed", "complete"]


@pytest.mark.slow
@pytest.mark.fault("C15")
def test_without_a_network_there_is_a_clear_error_and_only_failed_snapshots(crawl: Crawl) -> None:
    env = environment(None, HF_ENDPOINT="http://127.0.0.1:9", ECOSYSTEMS_ENDPOINT="http://127.0.0.1:9/api/v1")
    done = crawl("snapshot", HUB, "npm", "pypi", "--top", "1000", "--quiet", env=env, form="text")
    assert done.exit_code == 1
    assert done.errors.count("error:") == 1
    assert "make demo" in done.errors
    assert "Traceback" not in done.errors
    assert done.rows("SELECT DISTINCT status, depth FROM snapshot") == [("failed", 0)]


@pytest.mark.fault("B4")
def test_a_wrong_clock_makes_a_snapshot_partial_unless_the_registry_dates_the_snapshot(crawl: Crawl) -> None:
    with Simulation(models=200, start="2026-01-05") as long_ago:
        wrong = crawl("snapshot", HUB, "--top", "100", "--quiet", env=environment(long_ago))
        dated = crawl("snapshot", HUB, "--top", "100", "--quiet", "--clock", "registry", env=environment(long_ago))
    assert (wrong.outcome["status"], dated.outcome["status"]) == ("partial", "complete")
    assert "G8 freshness" in str(wrong.outcome["reason"])
    assert dated.rows("SELECT date FROM v1_snapshot WHERE status = 'complete'") == [("2026-01-05",)]


@pytest.mark.fault("D2")
def test_a_renamed_package_keeps_its_identity(crawl: Crawl) -> None:
    with Simulation(models=300, start="2026-01-05") as hub:
        arguments = ("snapshot", HUB, "--top", "50", "--quiet", "--clock", "registry")
        first = crawl(*arguments, env=environment(hub))
        leader = first.rows("SELECT package, name FROM v1_ranking WHERE rank = 1")[0]
        hub.mutate(id=leader[0], action="rename", to="elsewhere/renamed-model")
        hub.advance(1)
        second = crawl(*arguments, env=environment(hub))
    assert second.rows("SELECT DISTINCT name FROM v1_ranking WHERE package = ? ORDER BY name", leader[0]) == sorted(
        [(leader[1],), ("elsewhere/renamed-model",)]
    )
    assert ("renamed", leader[1], "elsewhere/renamed-model") in second.rows(
        "SELECT kind, before, after FROM quality_event"
    )


def test_a_snapshot_of_another_endpoint_is_not_resumed(crawl: Crawl, pretend: Simulation, tmp_path: Path) -> None:
    run_killed_crawl(pretend, "huggingface", tmp_path, DEEP, 2)
    with Simulation(models=3100) as mirror:
        done = crawl(*DEEP, "--resume", env=environment(mirror))
    assert done.rows("SELECT snapshot, status FROM v1_snapshot") == [(1, "partial"), (2, "complete")]
    assert "another endpoint" in str(done.rows("SELECT reason FROM snapshot")[0][0])


@pytest.mark.fault("C3")
def test_a_crawl_ends_if_the_quota_requires_a_long_wait_and_the_error_says_how_long(
    crawl: Crawl, pretend: Simulation
) -> None:
    spent = {"RateLimit": '"api";r=0;t=99999', "RateLimit-Policy": '"fixed window";"api";q=500;w=99999'}
    pretend.faults([{"kind": "ratelimit_headers", "request": 2, "headers": spent}])
    done = crawl("snapshot", HUB, "--top", "3000", "--quiet")
    assert (done.exit_code, done.outcome["status"], done.outcome["listed"]) == (3, "open", 1000)
    assert "1667 minutes" in done.outcome["error"]["what"]


def test_a_child_process_that_is_killed_has_failed_and_one_that_is_stopped_has_not() -> None:
    outcome = _parse_child_outcome("npm", "", -9)
    assert (outcome["status"], outcome["exit_code"]) == ("failed", 1)
    assert "signal 9" in outcome["error"]["what"]
    assert _parse_child_outcome("npm", "", -15)["status"] == "stopped"


@pytest.mark.fault("A13")
def test_a_crawl_of_several_registries_ends_with_three_if_a_signal_stops_it(
    crawl: Crawl, pretend: Simulation, tmp_path: Path
) -> None:
    assert crawl_and_stop(pretend, tmp_path / "store.db", signal.SIGTERM, HUB, "npm") == 3
    stopped = CrawlRun(0, "", "", tmp_path / "store.db")
    assert stopped.rows("SELECT name, status FROM snapshot JOIN registry USING (registry_id)") == [(HUB, "open")]
