"""A census is made once for each state of its registry, and is the same as if it were made anew."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable

from simulation.options import SimulationOptions
from simulation.population.world import SimulatedWorld
from tests.simulated import Simulation
from tests.simulation.client import fetch, iter_pages

QUERY = "sort=createdAt&direction=1&limit=50&expand=downloads&expand=sha"


def census(pretend: Simulation) -> list[dict[str, object]]:
    return [row for page in iter_pages(f"{pretend.huggingface}/api/models?{QUERY}") for row in page]


def test_a_page_that_was_kept_is_the_page_made_anew(pretend: Simulation) -> None:
    address = f"{pretend.huggingface}/api/models?{QUERY}"
    first, again = fetch(address), fetch(address)
    pretend.faults([{"kind": "slow_headers", "request": 3, "seconds": 0}])
    struck = fetch(address)
    assert first.body == again.body == struck.body
    assert {one.headers["ETag"] for one in (first, again, struck)} == {first.headers["ETag"]}
    zipped = fetch(address, {"Accept-Encoding": "gzip"})
    assert zipped.headers["Content-Encoding"] == "gzip" and zipped.json == first.json


def test_a_change_is_seen_on_the_next_page(begin: Callable[..., Simulation]) -> None:
    pretend = begin()
    before = census(pretend)
    pretend.mutate(registry="huggingface/models", id=before[7]["_id"], set={"downloads": 123456})
    after = census(pretend)
    assert [row["_id"] for row in after] == [row["_id"] for row in before]
    assert [place for place, row in enumerate(after) if row != before[place]] == [7]
    assert after[7]["downloads"] == 123456


def test_prepared_pages_are_those_that_are_asked_for(begin: Callable[..., Simulation]) -> None:
    pretend = begin()
    assert pretend.prepare(f"{pretend.huggingface}/api/models?{QUERY}") == 3
    assert not pretend.requests()
    digest = hashlib.sha256("\n".join(str(row["_id"]) for row in census(pretend)).encode()).hexdigest()
    assert {"packages": 120, "sha256": digest}.items() <= pretend.census("huggingface/models").items()
    assert len(pretend.requests()) == 3


def test_a_lively_day_brings_as_many_births_deaths_and_edits_as_it_should() -> None:
    world = SimulatedWorld(
        SimulationOptions(start="2026-01-05", models=4000, datasets=0, spaces=0, packages=5, lively=0.05, moving=0.2)
    )
    hub = world.hubs["models"]
    before = hub.columns["downloads"].copy()
    world.advance_days(1)
    kinds = [one["kind"] for one in world.log]
    for kind in ("created", "deleted", "edited"):
        assert 150 < kinds.count(kind) < 250, kind
    assert (
        len(hub.repositories)
        == len(hub.columns["downloads"])
        == 4000 + kinds.count("created") + kinds.count("recreated")
    )
    assert 0.05 < (hub.columns["downloads"][:4000] != before).mean() < 0.22
    assert [one.identity for one in hub.repositories] == sorted(one.identity for one in hub.repositories)
    assert json.dumps(world.log)
