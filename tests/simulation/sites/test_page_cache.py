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


def census(simulation: Simulation) -> list[dict[str, object]]:
    return [row for page in iter_pages(f"{simulation.huggingface}/api/models?{QUERY}") for row in page]


def test_a_cached_page_equals_a_new_page(simulation: Simulation) -> None:
    address = f"{simulation.huggingface}/api/models?{QUERY}"
    first, again = fetch(address), fetch(address)
    simulation.faults([{"kind": "slow_headers", "request": 3, "seconds": 0}])
    struck = fetch(address)
    assert first.body == again.body == struck.body
    assert {answer.headers["ETag"] for answer in (first, again, struck)} == {first.headers["ETag"]}
    zipped = fetch(address, {"Accept-Encoding": "gzip"})
    assert zipped.headers["Content-Encoding"] == "gzip" and zipped.json == first.json


def test_a_change_is_visible_on_the_next_page(start_simulation: Callable[..., Simulation]) -> None:
    simulation = start_simulation()
    before = census(simulation)
    simulation.mutate(registry="huggingface/models", id=before[7]["_id"], set={"downloads": 123456})
    after = census(simulation)
    assert [row["_id"] for row in after] == [row["_id"] for row in before]
    assert [index for index, row in enumerate(after) if row != before[index]] == [7]
    assert after[7]["downloads"] == 123456


def test_prepared_pages_are_the_pages_that_are_requested(start_simulation: Callable[..., Simulation]) -> None:
    simulation = start_simulation()
    assert simulation.prepare(f"{simulation.huggingface}/api/models?{QUERY}") == 3
    assert not simulation.requests()
    digest = hashlib.sha256("\n".join(str(row["_id"]) for row in census(simulation)).encode()).hexdigest()
    assert {"packages": 120, "sha256": digest}.items() <= simulation.census("huggingface/models").items()
    assert len(simulation.requests()) == 3


def test_a_lively_day_has_the_configured_share_of_events() -> None:
    world = SimulatedWorld(
        SimulationOptions(start="2026-01-05", models=4000, datasets=0, spaces=0, packages=5, lively=0.05, moving=0.2)
    )
    hub = world.hubs["models"]
    before = hub.columns["downloads"].copy()
    world.advance_days(1)
    kinds = [event["kind"] for event in world.log]
    for kind in ("created", "deleted", "edited"):
        assert 150 < kinds.count(kind) < 250, kind
    assert (
        len(hub.repositories)
        == len(hub.columns["downloads"])
        == 4000 + kinds.count("created") + kinds.count("recreated")
    )
    assert 0.05 < (hub.columns["downloads"][:4000] != before).mean() < 0.22
    assert [repository.identity for repository in hub.repositories] == sorted(
        repository.identity for repository in hub.repositories
    )
    assert json.dumps(world.log)
