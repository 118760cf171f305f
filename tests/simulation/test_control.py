"""Moving time, telling the truth, and scripting single events."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.simulated import Simulation
from tests.simulation.client import fetch

MODELS = "huggingface/models"


@pytest.fixture(scope="module")
def scratch() -> Iterator[Simulation]:
    """One simulation that every test here may change; each looks anew for who is best."""
    with Simulation(start="2026-01-05", models=400, datasets=20, spaces=20, packages=60) as running:
        yield running


def best(running: Simulation) -> dict[str, object]:
    return running.truth(MODELS, k=1)[0]


def status(running: Simulation, name: object) -> int:
    return fetch(f"{running.huggingface}/api/models/{name}").status


def identity(running: Simulation, name: object) -> str:
    return fetch(f"{running.huggingface}/api/models/{name}").json["_id"]


def test_days_pass_when_told(start_simulation: Callable[..., Simulation]) -> None:
    running = start_simulation()
    assert running.now()[:10] == "2026-01-05"
    assert running.advance(27)["now"][:10] == "2026-02-01"


def test_an_advance_returns_the_number_of_events(start_simulation: Callable[..., Simulation]) -> None:
    running = start_simulation(models=1000)
    assert running.advance(10)["events"] == len(running.events()) > 20


def test_events_can_be_limited_to_those_since_a_day(simulation: Simulation) -> None:
    late = simulation.events(since="2026-01-25")
    assert {row["day"] >= "2026-01-25" for row in late} == {True}
    assert 0 < len(late) < len(simulation.events())


def test_a_month_brings_every_kind_of_event(simulation: Simulation) -> None:
    kinds = {row["kind"] for row in simulation.events()}
    assert kinds >= {"created", "edited", "renamed", "deleted", "recreated", "gated", "private", "public", "removed"}


def test_a_ranking_is_sorted_and_counts_its_ties(simulation: Simulation) -> None:
    ranking = simulation.truth(MODELS, k=10**6)
    order = [(-row["downloads"], row["id"]) for row in ranking]
    zeros = [row for row in ranking if row["downloads"] == 0]
    assert order == sorted(order)
    assert [row["rank"] for row in ranking[:3]] == [1, 2, 3]
    assert zeros[0]["tied"] == len(zeros) > 100


def test_a_package_ranking_breaks_ties_by_name_and_puts_nulls_last(simulation: Simulation) -> None:
    ranking = simulation.truth("npm.example", by="dependent_packages_count", k=10**6)
    order = [(-row["value"], row["name"]) for row in ranking]
    assert order == sorted(order)
    assert simulation.truth("npm.example", k=10**6)[-1]["value"] is None


@pytest.mark.parametrize(
    ("registry", "by"), [("nowhere", "downloads"), (MODELS, "beauty"), ("huggingface/spaces", "downloads")]
)
def test_a_ranking_that_does_not_exist_is_refused(simulation: Simulation, registry: str, by: str) -> None:
    with pytest.raises(ValueError, match="no r"):
        simulation.truth(registry, by=by)


def test_the_log_has_client_path_and_status_of_each_request(simulation: Simulation) -> None:
    fetch(f"{simulation.huggingface}/api/models?limit=1", {"User-Agent": "study/1", "Authorization": "Bearer hf_x"})
    (entry,) = simulation.requests()
    assert (entry["n"], entry["method"], entry["path"], entry["query"]) == (1, "GET", "/api/models", "limit=1")
    assert (entry["status"], entry["bucket"], entry["over_quota"], entry["authorization"]) == (200, "api", False, True)
    assert (entry["user_agent"], f"http://{entry['host']}") == ("study/1", simulation.huggingface)


def test_the_log_marks_requests_over_the_quota(start_simulation: Callable[..., Simulation]) -> None:
    strict = start_simulation(quota=1)
    for _ in range(2):
        fetch(f"{strict.huggingface}/api/models?limit=1")
    assert [row["over_quota"] for row in strict.requests()] == [False, True]


def test_a_rename_keeps_the_id_and_redirects(scratch: Simulation) -> None:
    new = "somebody/else"
    old = best(scratch)
    scratch.mutate(id=old["id"], action="rename", to=new)
    assert (status(scratch, old["name"]), status(scratch, new)) == (307, 200)
    assert identity(scratch, new) == old["id"] == best(scratch)["id"]
    assert scratch.repository(MODELS, name=new)["old_names"] == [old["name"]]


def test_a_former_name_is_numbered_when_it_is_taken_again(scratch: Simulation) -> None:
    old = best(scratch)
    scratch.mutate(id=old["id"], action="rename", to="a/b")
    scratch.mutate(id=old["id"], action="rename", to=f"{old['name']}")
    assert scratch.repository(MODELS, id=str(old["id"]))["id"] == f"{old['name']}-v2"


def test_a_deleted_repository_is_not_listed(scratch: Simulation) -> None:
    deleted = best(scratch)
    scratch.mutate(id=deleted["id"], action="delete")
    assert status(scratch, deleted["name"]) == 401
    assert deleted["id"] not in [row["id"] for row in scratch.truth(MODELS)]


def test_a_recreated_repository_has_the_name_and_nothing_else(scratch: Simulation) -> None:
    old = best(scratch)
    event = scratch.mutate(id=old["id"], action="recreate")["event"]
    row = fetch(f"{scratch.huggingface}/api/models/{old['name']}").json
    assert row["_id"] == event["new_id"] != old["id"]
    assert (row["downloads"], row["likes"]) == (0, 0)


def test_a_private_repository_comes_back_with_its_id(scratch: Simulation) -> None:
    hidden = best(scratch)
    scratch.mutate(id=hidden["id"], action="private")
    assert status(scratch, hidden["name"]) == 401
    scratch.mutate(id=hidden["id"], action="unprivate")
    assert identity(scratch, hidden["name"]) == hidden["id"]


@pytest.mark.parametrize(("to", "gate"), [("", "auto"), ("manual", "manual"), ("open", False)])
def test_a_gate_is_put_up_and_lifted(scratch: Simulation, to: str, gate: object) -> None:
    assert scratch.mutate(id=best(scratch)["id"], action="gate", to=to)["gated"] == gate


def test_a_disabled_repository_stays_listed_without_downloads(scratch: Simulation) -> None:
    row = scratch.mutate(id=best(scratch)["id"], action="disable")
    assert (row["disabled"], row["downloads"]) == (True, 0)
    assert status(scratch, row["id"]) == 200


def test_an_edit_moves_sha_and_date(scratch: Simulation) -> None:
    before = scratch.repository(MODELS, id=str(best(scratch)["id"]))
    after = scratch.mutate(id=before["_id"], action="edit")
    assert before["sha"] != after["sha"]
    assert before["lastModified"] < after["lastModified"]


def test_a_deleted_parent_leaves_its_tag_and_drops_from_the_parents(scratch: Simulation) -> None:
    rows = fetch(f"{scratch.huggingface}/api/models?expand=baseModels&expand=tags").json
    child = next(row for row in rows if len(row.get("baseModels", {}).get("models", ())) == 1)
    parent = child["baseModels"]["models"][0]
    scratch.mutate(id=parent["_id"], action="delete")
    after = scratch.repository(MODELS, id=child["_id"])
    assert "baseModels" not in after
    assert f"base_model:{parent['id']}" in after["tags"]


def test_counters_can_be_set_and_stay_near(scratch: Simulation) -> None:
    scratch.mutate(name=best(scratch)["name"], set={"downloads": 10**8, "likes": 5})
    assert (best(scratch)["downloads"], best(scratch)["likes"]) == (10**8, 5)
    scratch.advance(1)
    assert best(scratch)["downloads"] == pytest.approx(10**8, rel=0.5)


def test_any_other_property_can_be_set_to_anything(scratch: Simulation) -> None:
    name = best(scratch)["name"]
    scratch.mutate(name=name, set={"tags": "not a list"})
    assert fetch(f"{scratch.huggingface}/api/models/{name}").json["tags"] == "not a list"


def test_a_repository_can_be_created_under_any_free_name(scratch: Simulation) -> None:
    created = scratch.mutate(name="new/thing", action="create", set={"downloads": 10**9})
    assert best(scratch)["id"] == created["_id"]
    with pytest.raises(ValueError, match="exists"):
        scratch.mutate(name="new/thing", action="create")


def test_a_package_can_be_changed_and_removed(scratch: Simulation) -> None:
    name = scratch.truth("npm.example", k=9)[-1]["name"]
    scratch.mutate(registry="npm.example", name=name, set={"downloads": 10**12, "description": None})
    row = scratch.mutate(registry="npm.example", name=name, action="delete")
    assert scratch.truth("npm.example", k=1)[0]["name"] == name
    assert (row["downloads"], row["description"], row["status"]) == (10**12, None, "removed")


def test_a_package_can_lose_its_count(scratch: Simulation) -> None:
    name = scratch.truth("npm.example", k=1)[0]["name"]
    assert scratch.mutate(registry="npm.example", name=name, set={"downloads": None})["downloads"] is None


@pytest.mark.parametrize("change", [{"id": "f" * 24}, {"name": "no/body"}, {"registry": "nowhere"}])
def test_an_unknown_row_cannot_be_changed(simulation: Simulation, change: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="UnknownName"):
        simulation.mutate(**change)


def test_an_unknown_control_path_lists_the_known_paths(simulation: Simulation) -> None:
    answer = fetch(f"{simulation.control}/nonsense")
    assert answer.status == 404
    assert "POST advance" in answer.json["error"]
