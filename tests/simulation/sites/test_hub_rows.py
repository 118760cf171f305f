"""A repository as the Hub shows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from simulation.sites.hub_rows import EXPANDABLE_PROPERTIES, PROPERTIES
from tests.simulated import Simulation
from tests.simulation.client import fetch, fetch_rows


def every(pretend: Simulation, query: str, kind: str = "models") -> list[dict[str, Any]]:
    return fetch_rows(f"{pretend.huggingface}/api/{kind}?limit=1000&{query}")


def test_a_default_model_row_has_the_recorded_keys_in_order(pretend: Simulation) -> None:
    row = next(one for one in every(pretend, "") if "pipeline_tag" in one)
    assert list(row) == [
        "_id",
        "id",
        "likes",
        "trendingScore",
        "private",
        "downloads",
        "tags",
        "pipeline_tag",
        "library_name",
        "createdAt",
        "modelId",
    ]


def test_full_adds_author_gate_dates_and_files(pretend: Simulation) -> None:
    row = every(pretend, "full=true")[0]
    assert {"author", "gated", "lastModified", "sha", "siblings"} <= set(row)


def test_config_and_card_are_added_on_request(pretend: Simulation) -> None:
    found = every(pretend, "config=true&cardData=true")
    assert any("config" in row for row in found) and any("cardData" in row for row in found)


def test_expanded_rows_show_what_was_asked_for_and_nothing_else(pretend: Simulation) -> None:
    assert {tuple(row) for row in every(pretend, "expand=likes&expand=sha")} == {("_id", "id", "likes", "sha")}


@pytest.mark.parametrize("kind", EXPANDABLE_PROPERTIES)
def test_every_property_can_be_asked_for(pretend: Simulation, kind: str) -> None:
    query = "&".join(f"expand[]={name}" for name in EXPANDABLE_PROPERTIES[kind])
    answer = fetch(f"{pretend.huggingface}/api/{kind}?limit=50&{query}")
    assert answer.status == 200
    assert set(answer.json[0]) <= {"_id", "id", *EXPANDABLE_PROPERTIES[kind]}


def test_every_property_has_a_function() -> None:
    assert {name for names in EXPANDABLE_PROPERTIES.values() for name in names} <= set(PROPERTIES)


@pytest.mark.parametrize("value", ["_id", "cardData.license", "nonsense"])
def test_an_unknown_property_is_refused_with_the_list_of_all(pretend: Simulation, value: str) -> None:
    answer = fetch(f"{pretend.huggingface}/api/models?expand={value}")
    assert answer.status == 400
    assert all(f'"{name}"' in answer.json["error"] for name in EXPANDABLE_PROPERTIES["models"])


def test_a_refused_property_is_not_in_the_list_either(begin: Callable[..., Simulation]) -> None:
    strict = begin(no_expand=["baseModels"])
    answer = fetch(f"{strict.huggingface}/api/models?expand[]=likes&expand[]=baseModels")
    assert answer.status == 400
    assert '"baseModels"' not in answer.json["error"].split("received")[0].replace("received", "")


def test_a_property_without_value_is_absent(pretend: Simulation) -> None:
    found = every(pretend, "expand=library_name&expand=baseModels")
    assert any("library_name" not in row for row in found)
    assert not any(value is None for row in found for value in row.values())


def test_the_id_begins_with_the_second_of_creation(pretend: Simulation) -> None:
    found = every(pretend, "expand=createdAt")
    oldest = [row for row in found if row["createdAt"] == "2022-03-02T23:29:04.000Z"]
    assert len(oldest) > 100 and {row["_id"][:8] for row in oldest} == {"621ffdc0"}


def test_parents_are_named_with_their_ids(pretend: Simulation) -> None:
    names = {row["_id"]: row["id"] for row in every(pretend, "expand=likes")}
    found = [row["baseModels"] for row in every(pretend, "expand=baseModels") if "baseModels" in row]
    assert {one["relation"] for one in found} == {"finetune", "adapter", "quantized", "merge"}
    assert all(names[parent["_id"]] == parent["id"] for one in found for parent in one["models"])


def test_a_merge_declares_two_parents(pretend: Simulation) -> None:
    merges = [row for row in every(pretend, "expand=tags") if any(":merge:" in tag for tag in row["tags"])]
    counts = {sum(":merge:" in tag for tag in row["tags"]) for row in merges}
    assert counts == {2}


def test_a_parent_that_does_not_exist_leaves_only_its_tag(pretend: Simulation) -> None:
    found = every(pretend, "filter=base_model:vanished-lab/Mirage-base&expand=tags&expand=baseModels")
    assert found and all("baseModels" not in row for row in found)


def test_some_models_are_their_own_parent(pretend: Simulation) -> None:
    found = every(pretend, "expand=baseModels")
    own = [row for row in found if row["_id"] in [one["_id"] for one in row.get("baseModels", {}).get("models", [])]]
    assert 1 <= len(own) <= 3


def test_three_models_descend_from_each_other(begin: Callable[..., Simulation]) -> None:
    found = every(begin(models=400), "expand=baseModels")
    parent = {row["_id"]: row["baseModels"]["models"][0]["_id"] for row in found if "baseModels" in row}
    rings = [one for one in parent if one != parent[one] and parent.get(parent.get(parent[one], "")) == one]
    assert len(rings) == 3


def test_children_are_counted_by_relation(pretend: Simulation) -> None:
    found = every(pretend, "expand=childrenModelCount&expand=baseModels")
    popular = max(found, key=lambda row: row["childrenModelCount"]["finetune"])
    made = [row for row in found if row.get("baseModels", {}).get("relation") == "finetune"]
    children = [row for row in made if popular["_id"] in [one["_id"] for one in row["baseModels"]["models"]]]
    assert len(children) == popular["childrenModelCount"]["finetune"] > 1


def test_trending_scores_are_numbers_and_not_all_whole(pretend: Simulation) -> None:
    scores = [row["trendingScore"] for row in every(pretend, "")]
    assert {type(score) for score in scores} == {int, float}


def test_spaces_show_their_kit(pretend: Simulation) -> None:
    found = every(pretend, "", "spaces")
    assert list(found[0]) == ["_id", "id", "private", "likes", "trendingScore", "tags", "createdAt", "sdk"]
