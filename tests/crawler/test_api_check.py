"""`observatory crawl check`: what a crawl rests on is tried, and what has changed is said and kept."""

from __future__ import annotations

import pytest

from tests.crawler.conftest import HUB, Crawl, environment
from tests.simulated import Simulation


def verdicts(outcome: dict[str, object]) -> dict[str, str]:
    return {one["assumption"]: one["verdict"] for one in outcome["assumptions"]}  # type: ignore[attr-defined]


def test_on_an_api_as_it_was_every_assumption_holds(crawl: Crawl) -> None:
    for registry in (HUB, "huggingface/datasets", "huggingface/spaces", "npm", "cargo"):
        done = crawl("check", registry, "--pause", "0", db=f"{registry[-4:]}.db")
        found = verdicts(done.outcome)
        differs = {name for name, verdict in found.items() if verdict != "holds"}
        small = (
            {"a page has 1,000 rows at most"} if registry in ("huggingface/datasets", "huggingface/spaces") else set()
        )
        assert differs == small, registry  # the simulation has fewer of those than one page
        assert len(found) >= 7


def test_what_has_changed_differs_and_is_kept_as_an_event(crawl: Crawl) -> None:
    with Simulation(models=1200, no_expand=["baseModels"]) as changed:
        changed.faults([{"kind": "no_ratelimit_headers", "path": "limit=4", "times": -1}])
        done = crawl("check", HUB, env=environment(changed))
    assert done.exit_code == 1
    assert {name for name, verdict in verdicts(done.outcome).items() if verdict == "differs"} == {
        "the fields we ask for are known",
        "every answer states the quota",
    }
    assert done.rows("SELECT kind, evidence FROM quality_event ORDER BY evidence") == [
        ("assumption_differs", "every answer states the quota"),
        ("assumption_differs", "the fields we ask for are known"),
    ]


def test_what_cannot_be_tried_is_unknown(crawl: Crawl, pretend: Simulation) -> None:
    pretend.faults([{"kind": "status", "code": 503, "path": "direction=1&limit=50", "times": -1}])
    done = crawl("check", HUB, "--patience", "1")
    assert verdicts(done.outcome)["sort=createdAt&direction=1 gives the oldest first"] == "unknown"


def test_it_is_shown_to_a_person_a_line_for_each(crawl: Crawl) -> None:
    done = crawl("check", "npm", "--pause", "0", form="text")
    lines = done.told.splitlines()
    assert lines[0] == "npm:"
    assert sum(line.startswith("holds") for line in lines) == 8
    assert lines[-1].startswith("not tried")


def test_a_registry_nobody_has_is_wrong_usage(crawl: Crawl) -> None:
    done = crawl("check", "huggingface/papers")
    assert (done.exit_code, "crawl registries" in done.errors) == (2, True)


def test_a_cursor_on_other_keys_is_noted_by_every_snapshot() -> None:
    from crawler.response import HttpResponse
    from crawler.spiders.huggingface import assumption_events

    answer = HttpResponse("u", 200, {"ratelimit": '"api";r=1;t=1'}, b"[]", 0)
    assert [event.after for event in assumption_events(answer, "likes, _id", "downloads")] == ["likes, _id"]
    assert list(assumption_events(answer, "downloads, _id", "downloads")) == []


@pytest.mark.slow
def test_without_a_network_nothing_is_known_and_it_ends_with_one(crawl: Crawl) -> None:
    done = crawl("check", HUB, "--patience", "1", env=environment(None, HF_ENDPOINT="http://127.0.0.1:9"))
    assert (done.exit_code, set(verdicts(done.outcome).values())) == (1, {"unknown"})
