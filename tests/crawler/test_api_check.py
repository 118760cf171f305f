"""`observatory crawl check`: assumptions are tested, and differences are reported and stored."""

from __future__ import annotations

import pytest

from tests.crawler.conftest import HUB, Crawl, environment
from tests.simulated import Simulation


def verdicts(outcome: dict[str, object]) -> dict[str, str]:
    """Return the verdicts by assumption."""
    return {result["assumption"]: result["verdict"] for result in outcome["assumptions"]}  # type: ignore[attr-defined]


def test_on_an_api_as_it_was_every_assumption_holds(crawl: Crawl) -> None:
    for registry in (HUB, "huggingface/datasets", "huggingface/spaces", "npm", "cargo"):
        done = crawl("check", registry, "--delay", "0", db=f"{registry[-4:]}.db")
        by_assumption = verdicts(done.outcome)
        exceptions = {name for name, verdict in by_assumption.items() if verdict != "holds"}
        missing = (
            {"a page has 1,000 rows at most"} if registry in ("huggingface/datasets", "huggingface/spaces") else set()
        )
        assert exceptions == missing, registry  # the simulation has less than one page of them
        assert len(by_assumption) >= 7


def test_a_changed_api_differs_and_is_stored_as_an_event(crawl: Crawl) -> None:
    with Simulation(models=1200, no_expand=["baseModels"]) as changed:
        changed.faults([{"kind": "no_ratelimit_headers", "path": "limit=4", "times": -1}])
        done = crawl("check", HUB, env=environment(changed))
    assert done.exit_code == 1
    assert {name for name, verdict in verdicts(done.outcome).items() if verdict == "differs"} == {
        "the requested fields are known",
        "every response states the quota",
    }
    assert done.rows("SELECT kind, evidence FROM quality_event ORDER BY evidence") == [
        ("assumption_differs", "every response states the quota"),
        ("assumption_differs", "the requested fields are known"),
    ]


def test_an_assumption_that_cannot_be_tested_is_unknown(crawl: Crawl, pretend: Simulation) -> None:
    pretend.faults([{"kind": "status", "code": 503, "path": "direction=1&limit=50", "times": -1}])
    done = crawl("check", HUB, "--retry-for", "1")
    assert verdicts(done.outcome)["sort=createdAt&direction=1 gives the oldest first"] == "unknown"


def test_the_text_output_has_a_line_for_each_assumption(crawl: Crawl) -> None:
    done = crawl("check", "npm", "--delay", "0", form="text")
    lines = done.output.splitlines()
    assert lines[0] == "npm:"
    assert sum(line.startswith("holds") for line in lines) == 8
    assert lines[-1].startswith("not tested")


def test_an_unknown_registry_is_wrong_usage(crawl: Crawl) -> None:
    done = crawl("check", "huggingface/papers")
    assert (done.exit_code, "crawl registries" in done.errors) == (2, True)


def test_every_snapshot_reports_a_cursor_with_other_keys() -> None:
    from crawler.response import HttpResponse
    from crawler.spiders.huggingface import assumption_events

    response = HttpResponse("u", 200, {"ratelimit": '"api";r=1;t=1'}, b"[]", 0)
    assert [event.after for event in assumption_events(response, "likes, _id", "downloads")] == ["likes, _id"]
    assert list(assumption_events(response, "downloads, _id", "downloads")) == []


@pytest.mark.slow
def test_without_a_network_every_verdict_is_unknown_and_the_exit_code_is_one(crawl: Crawl) -> None:
    done = crawl("check", HUB, "--retry-for", "1", env=environment(None, HF_ENDPOINT="http://127.0.0.1:9"))
    assert (done.exit_code, set(verdicts(done.outcome).values())) == (1, {"unknown"})
