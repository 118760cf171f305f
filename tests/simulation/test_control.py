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


def test_days_pass_when_told(begin: Callable[..., Simulation]) -> None:
    running = begin()
    assert running.now()[:10] == "2026-01-05"
    assert running.advance(27)["now"][:10] == "2026-02-01"


def test_an_advance_says_how_much_happened(begin: Callable[..., Simulation]) -> None:
    running = begin(models=1000)
    assert running.advance(10)["events"] == len(running.events()) > 20


def test_events_can_be_asked_for_since_a_day(pretend: Simulation) -> None:
    late = pretend.events(since="2026-01-25")
    assert {one["day"] >= "2026-01-25" for one in late} == {True}
    assert 0 < len(late) < len(pretend.events())


def test_a_month_brings_every_kind_of_event(pretend: Simulation) -> None:
    kinds = {one["kind"] for one in pretend.events()}
    assert kinds >= {
        "created",
        "edited",
        "renamed",
        "deleted",
        "recreated",
        "gated",
        "private",
        "public",
        "removed",
    }


def test_a_ranking_is_sorted_and_tells_its_ties(pretend: Simulation) -> None:
    ranking = pretend.truth(MODELS, k=10**6)
    order = [(-one["downloads"], one["id"]) for one in ranking]
    zeros = [one for one in ranking if one["downloads"] == 0]
    assert order == sorted(order)
    assert [one["rank"] for one in ranking[:3]] == [1, 2, 3]
    assert zeros[0]["tied"] == len(zeros) > 100


def test_a_package_ranking_breaks_ties_by_name_and_puts_nulls_last(pretend: Simulation) -> None:
    ranking = pretend.truth("npm.example", by="dependent_packages_count", k=10**6)
    order = [(-one["value"], one["name"]) for one in ranking]
    assert order == sorted(order)
    assert pretend.truth("npm.example", k=10**6)[-1]["value"] is None


@pytest.mark.parametrize(
    ("registry", "by"), [("nowhere", "downloads"), (MODELS, "beauty"), ("huggingface/spaces", "downloads")]
)
def test_a_ranking_that_does_not_exist_is_refused(pretend: Simulation, registry: str, by: str) -> None:
    with pytest.raises(ValueError, match="no r"):
        pretend.truth(registry, by=by)


def test_the_request_log_says_who_asked_for_what(pretend: Simulation) -> None:
    fetch(f"{pretend.huggingface}/api/models?limit=1", {"User-Agent": "study/1", "Authorization": "Bearer hf_x"})
    (seen,) = pretend.requests()
    assert (seen["n"], seen["method"], seen["path"], seen["query"]) == (1, "GET", "/api/models", "limit=1")
    assert (seen["status"], seen["bucket"], seen["over_quota"], seen["authorization"]) == (
        200,
        "api",
        False,
        True,
    )
    assert (seen["user_agent"], f"http://{seen['host']}") == ("study/1", pretend.huggingface)


def test_the_log_marks_requests_over_the_quota(begin: Callable[..., Simulation]) -> None:
    strict = begin(quota=1)
    for _ in range(2):
        fetch(f"{strict.huggingface}/api/models?limit=1")
    assert [one["over_quota"] for one in strict.requests()] == [False, True]


def test_a_rename_keeps_the_id_and_redirects(scratch: Simulation) -> None:
    new = "somebody/else"
    old = best(scratch)
    scratch.mutate(id=old["id"], action="rename", to=new)
    assert (status(scratch, old["name"]), status(scratch, new)) == (307, 200)
    assert identity(scratch, new) == old["id"] == best(scratch)["id"]
    assert scratch.repository(MODELS, name=new)["old_names"] == [old["name"]]


def test_a_name_can_go_there_and_back(scratch: Simulation) -> None:
    old = best(scratch)
    scratch.mutate(id=old["id"], action="rename", to="a/b")
    scratch.mutate(id=old["id"], action="rename", to=f"{old['name']}")
    assert scratch.repository(MODELS, id=str(old["id"]))["id"] == f"{old['name']}-v2"


def test_a_deleted_repository_is_gone(scratch: Simulation) -> None:
    gone = best(scratch)
    scratch.mutate(id=gone["id"], action="delete")
    assert status(scratch, gone["name"]) == 401
    assert gone["id"] not in [one["id"] for one in scratch.truth(MODELS)]


def test_a_recreated_repository_has_the_name_and_nothing_else(scratch: Simulation) -> None:
    old = best(scratch)
    event = scratch.mutate(id=old["id"], action="recreate")["event"]
    shown = fetch(f"{scratch.huggingface}/api/models/{old['name']}").json
    assert shown["_id"] == event["new_id"] != old["id"]
    assert (shown["downloads"], shown["likes"]) == (0, 0)


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
    shown = scratch.mutate(id=best(scratch)["id"], action="disable")
    assert (shown["disabled"], shown["downloads"]) == (True, 0)
    assert status(scratch, shown["id"]) == 200


def test_an_edit_moves_sha_and_date(scratch: Simulation) -> None:
    before = scratch.repository(MODELS, id=str(best(scratch)["id"]))
    after = scratch.mutate(id=before["_id"], action="edit")
    assert before["sha"] != after["sha"]
    assert before["lastModified"] < after["lastModified"]


def test_a_deleted_parent_leaves_its_tag_and_drops_from_the_parents(scratch: Simulation) -> None:
    found = fetch(f"{scratch.huggingface}/api/models?expand=baseModels&expand=tags").json
    child = next(one for one in found if len(one.get("baseModels", {}).get("models", ())) == 1)
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
    made = scratch.mutate(name="new/thing", action="create", set={"downloads": 10**9})
    assert best(scratch)["id"] == made["_id"]
    with pytest.raises(ValueError, match="exists"):
        scratch.mutate(name="new/thing", action="create")


def test_a_package_can_be_changed_and_removed(scratch: Simulation) -> None:
    name = scratch.truth("npm.example", k=9)[-1]["name"]
    scratch.mutate(registry="npm.example", name=name, set={"downloads": 10**12, "description": None})
    shown = scratch.mutate(registry="npm.example", name=name, action="delete")
    assert scratch.truth("npm.example", k=1)[0]["name"] == name
    assert (shown["downloads"], shown["description"], shown["status"]) == (10**12, None, "removed")


def test_a_package_can_lose_its_count(scratch: Simulation) -> None:
    name = scratch.truth("npm.example", k=1)[0]["name"]
    assert scratch.mutate(registry="npm.example", name=name, set={"downloads": None})["downloads"] is None


@pytest.mark.parametrize("change", [{"id": "f" * 24}, {"name": "no/body"}, {"registry": "nowhere"}])
def test_what_does_not_exist_cannot_be_changed(pretend: Simulation, change: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="UnknownName"):
        pretend.mutate(**change)


def test_an_unknown_control_address_lists_the_known_ones(pretend: Simulation) -> None:
    answer = fetch(f"{pretend.control}/nonsense")
    assert answer.status == 404
    assert "POST advance" in answer.json["error"]
