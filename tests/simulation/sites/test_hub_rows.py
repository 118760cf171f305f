"""A repository as the Hub shows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from simulation.sites.hub_properties import EXPANDABLE_PROPERTIES
from simulation.sites.hub_rows import PROPERTIES
from tests.simulated import Simulation
from tests.simulation.client import fetch, fetch_rows


def list_rows(simulation: Simulation, query: str, kind: str = "models") -> list[dict[str, Any]]:
    return fetch_rows(f"{simulation.huggingface}/api/{kind}?limit=1000&{query}")


def test_a_default_model_row_has_the_recorded_keys_in_order(simulation: Simulation) -> None:
    row = next(row for row in list_rows(simulation, "") if "pipeline_tag" in row)
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


def test_full_adds_author_gate_dates_and_files(simulation: Simulation) -> None:
    row = list_rows(simulation, "full=true")[0]
    assert {"author", "gated", "lastModified", "sha", "siblings"} <= set(row)


def test_config_and_card_are_added_on_request(simulation: Simulation) -> None:
    rows = list_rows(simulation, "config=true&cardData=true")
    assert any("config" in row for row in rows) and any("cardData" in row for row in rows)


def test_expanded_rows_have_the_requested_properties_only(simulation: Simulation) -> None:
    assert {tuple(row) for row in list_rows(simulation, "expand=likes&expand=sha")} == {("_id", "id", "likes", "sha")}


@pytest.mark.parametrize("kind", EXPANDABLE_PROPERTIES)
def test_every_property_can_be_requested(simulation: Simulation, kind: str) -> None:
    query = "&".join(f"expand[]={name}" for name in EXPANDABLE_PROPERTIES[kind])
    answer = fetch(f"{simulation.huggingface}/api/{kind}?limit=50&{query}")
    assert answer.status == 200
    assert set(answer.json[0]) <= {"_id", "id", *EXPANDABLE_PROPERTIES[kind]}


def test_every_property_has_a_function() -> None:
    assert {name for names in EXPANDABLE_PROPERTIES.values() for name in names} <= set(PROPERTIES)


@pytest.mark.parametrize("value", ["_id", "cardData.license", "nonsense"])
def test_an_unknown_property_is_refused_with_the_list_of_all(simulation: Simulation, value: str) -> None:
    answer = fetch(f"{simulation.huggingface}/api/models?expand={value}")
    assert answer.status == 400
    assert all(f'"{name}"' in answer.json["error"] for name in EXPANDABLE_PROPERTIES["models"])


def test_a_refused_property_is_not_in_the_list_either(start_simulation: Callable[..., Simulation]) -> None:
    strict = start_simulation(no_expand=["baseModels"])
    answer = fetch(f"{strict.huggingface}/api/models?expand[]=likes&expand[]=baseModels")
    assert answer.status == 400
    assert '"baseModels"' not in answer.json["error"].split("received")[0].replace("received", "")


def test_a_property_without_value_is_absent(simulation: Simulation) -> None:
    rows = list_rows(simulation, "expand=library_name&expand=baseModels")
    assert any("library_name" not in row for row in rows)
    assert not any(value is None for row in rows for value in row.values())


def test_the_id_begins_with_the_second_of_creation(simulation: Simulation) -> None:
    rows = list_rows(simulation, "expand=createdAt")
    oldest = [row for row in rows if row["createdAt"] == "2022-03-02T23:29:04.000Z"]
    assert len(oldest) > 100 and {row["_id"][:8] for row in oldest} == {"621ffdc0"}


def test_parents_are_named_with_their_ids(simulation: Simulation) -> None:
    names = {row["_id"]: row["id"] for row in list_rows(simulation, "expand=likes")}
    lineages = [row["baseModels"] for row in list_rows(simulation, "expand=baseModels") if "baseModels" in row]
    assert {lineage["relation"] for lineage in lineages} == {"finetune", "adapter", "quantized", "merge"}
    assert all(names[parent["_id"]] == parent["id"] for lineage in lineages for parent in lineage["models"])


def test_a_merge_declares_two_parents(simulation: Simulation) -> None:
    merges = [row for row in list_rows(simulation, "expand=tags") if any(":merge:" in tag for tag in row["tags"])]
    counts = {sum(":merge:" in tag for tag in row["tags"]) for row in merges}
    assert counts == {2}


def test_a_parent_that_does_not_exist_leaves_only_its_tag(simulation: Simulation) -> None:
    rows = list_rows(simulation, "filter=base_model:vanished-lab/Mirage-base&expand=tags&expand=baseModels")
    assert rows and all("baseModels" not in row for row in rows)


def test_some_models_are_their_own_parent(simulation: Simulation) -> None:
    rows = list_rows(simulation, "expand=baseModels")
    own = [
        row for row in rows if row["_id"] in [parent["_id"] for parent in row.get("baseModels", {}).get("models", [])]
    ]
    assert 1 <= len(own) <= 3


def test_three_models_descend_from_each_other(start_simulation: Callable[..., Simulation]) -> None:
    rows = list_rows(start_simulation(models=400), "expand=baseModels")
    parent = {row["_id"]: row["baseModels"]["models"][0]["_id"] for row in rows if "baseModels" in row}
    rings = [child for child in parent if child != parent[child] and parent.get(parent.get(parent[child], "")) == child]
    assert len(rings) == 3


def test_children_are_counted_by_relation(simulation: Simulation) -> None:
    rows = list_rows(simulation, "expand=childrenModelCount&expand=baseModels")
    popular = max(rows, key=lambda row: row["childrenModelCount"]["finetune"])
    finetunes = [row for row in rows if row.get("baseModels", {}).get("relation") == "finetune"]
    children = [row for row in finetunes if popular["_id"] in [parent["_id"] for parent in row["baseModels"]["models"]]]
    assert len(children) == popular["childrenModelCount"]["finetune"] > 1


def test_trending_scores_are_numbers_and_not_all_whole(simulation: Simulation) -> None:
    scores = [row["trendingScore"] for row in list_rows(simulation, "")]
    assert {type(score) for score in scores} == {int, float}


def test_spaces_show_their_kit(simulation: Simulation) -> None:
    rows = list_rows(simulation, "", "spaces")
    assert list(rows[0]) == ["_id", "id", "private", "likes", "trendingScore", "tags", "createdAt", "sdk"]
