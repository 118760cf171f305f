"""The rows of the Hub: parents, attributes, and fields that are no longer accepted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from crawler.parsing.huggingface_rows import (
    EXPAND_FIELDS,
    BaseModel,
    BaseModels,
    CardData,
    HuggingFaceRow,
    find_parents,
    make_observation,
)
from crawler.parsing.rows import read_rows
from crawler.response import Parent
from crawler.spiders.huggingface import accepted_fields

KEY = "64b0234d53bd91402e6ad49c"
ALL_FIELDS = set(EXPAND_FIELDS["models"])


def make_base_models(relation: str, *names: str) -> BaseModels:
    """Return base models as the Hub resolves them."""
    return BaseModels(relation, [BaseModel(name, KEY) for name in names])


@pytest.mark.parametrize(
    ("resolved", "tags", "expected"),
    [
        (
            make_base_models("quantized", "m/l"),
            ["base_model:m/l", "base_model:quantized:m/l"],
            (Parent("m/l", "quantized", KEY),),
        ),
        (
            make_base_models("merge", "a/b"),
            ["base_model:merge:a/b", "base_model:merge:gone/x"],
            (Parent("a/b", "merge", KEY), Parent("gone/x", "merge")),
        ),
        (
            make_base_models("finetune", "new/name"),
            ["base_model:finetune:old/name"],
            (Parent("new/name", "finetune", KEY),),
        ),
        (make_base_models("distilled", "a/b"), [], (Parent("a/b", "unstated", KEY),)),
        (None, ["base_model:adapter:a/b", "base_model:a/b"], (Parent("a/b", "adapter"),)),
        (None, ["base_model:a/b"], (Parent("a/b", "unstated"),)),
        (None, ["base_model:"], ()),
        (None, ["transformers"], ()),
    ],
)
def test_parents_are_the_resolved_base_models_and_the_unresolved_names_of_the_tags(
    resolved: BaseModels | None, tags: list[str], expected: tuple[Parent, ...]
) -> None:
    assert find_parents(resolved, tags) == expected


@pytest.mark.parametrize(
    ("card", "tags", "expected"),
    [
        (CardData("a/b", "adapter"), [], (Parent("a/b", "adapter"),)),
        (CardData(["a/b", "c/d"], "merge"), [], (Parent("a/b", "merge"), Parent("c/d", "merge"))),
        (CardData("a/b"), ["base_model:a/b", "base_model:quantized:a/b"], (Parent("a/b", "quantized"),)),
        (CardData("a/b", "adapter"), ["base_model:finetune:a/b"], (Parent("a/b", "adapter"),)),
        (CardData("a/b", ["adapter"]), [], (Parent("a/b", "unstated"),)),
        (CardData("a/b"), ["base_model:finetune:c/d"], (Parent("a/b", "unstated"), Parent("c/d", "finetune"))),
        (CardData([" a/b ", None, 3, ""]), [], (Parent("a/b", "unstated"),)),
        (CardData({"a": "b"}), ["base_model:a/b"], (Parent("a/b", "unstated"),)),
        (CardData(), ["base_model:a/b"], (Parent("a/b", "unstated"),)),
    ],
)
def test_without_resolved_base_models_the_card_has_precedence_over_the_tags(
    card: CardData, tags: list[str], expected: tuple[Parent, ...]
) -> None:
    assert find_parents(None, tags, card) == expected


def test_resolved_base_models_have_precedence_over_the_card() -> None:
    assert find_parents(make_base_models("finetune", "a/b"), [], CardData("x/y", "adapter")) == (
        Parent("a/b", "finetune", KEY),
    )


def test_the_card_is_read_for_parents_if_the_crawl_requests_it() -> None:
    row = HuggingFaceRow(id="a/b", key=KEY, card=CardData("c/d", "merge"))
    assert make_observation(row, {"cardData"}).parents == (Parent("c/d", "merge"),)


def test_a_requested_attribute_that_is_absent_is_null() -> None:
    attributes = make_observation(HuggingFaceRow(id="a/b", key=KEY, tags=["license:mit", "x"]), ALL_FIELDS).attributes
    assert attributes == {
        "library": None,
        "task": None,
        "gated": None,
        "disabled": None,
        "parameters": None,
        "tags": '["license:mit","x"]',
        "licence": "mit",
    }


@pytest.mark.parametrize("value", [None, ["license:mit", None], "license:mit", 7, {}])
@pytest.mark.fault("D14")
def test_tags_that_cannot_be_read_end_nothing(value: object) -> None:
    row = {"_id": KEY, "id": "a/b", "tags": value, "pipeline_tag": "fill-mask"}
    body = json.dumps([row]).encode()
    required = frozenset({"id", "_id"})
    rows = read_rows(body, HuggingFaceRow, required, lambda row, dropped: make_observation(row, ALL_FIELDS, dropped))
    (observation,) = rows.observations
    assert (observation.parents, observation.libraries) == (None, None)
    assert not {"tags", "licence"} & observation.attributes.keys() and observation.attributes["task"] == "fill-mask"
    assert [event.after for event in rows.events] == ["tags"]


@pytest.mark.parametrize(("field", "tags"), [("baseModels", ["base_model:c/d"]), ("tags", []), ("cardData", [])])
@pytest.mark.fault("D14")
def test_parents_are_unknown_if_any_field_that_names_them_cannot_be_read(field: str, tags: list[str]) -> None:
    row = HuggingFaceRow(id="a/b", key=KEY, tags=tags, card=CardData("c/d"))
    requested = ALL_FIELDS | {"cardData"}
    assert make_observation(row, requested).parents == (Parent("c/d", "unstated"),)
    assert make_observation(row, requested, {field}).parents is None
    without_tags = HuggingFaceRow(id="a/b", key=KEY, base_models=make_base_models("finetune", "c/d"))
    assert make_observation(without_tags, requested).parents is None, "the tags are always there"


def test_an_unreadable_card_hides_no_parent_that_a_tag_names() -> None:
    row = HuggingFaceRow(id="a/b", key=KEY, tags=["base_model:c/d"])
    assert make_observation(row, {"tags", "cardData"}, {"cardData"}).parents == (Parent("c/d", "unstated"),)


@pytest.mark.fault("D14")
def test_a_row_without_a_card_tells_nothing_of_its_parents_if_only_the_card_was_requested() -> None:
    assert make_observation(HuggingFaceRow(id="a/b", key=KEY), {"cardData"}).parents is None
    assert make_observation(HuggingFaceRow(id="a/b", key=KEY, card=CardData()), {"cardData"}).parents == ()


def test_an_attribute_that_was_not_requested_is_omitted() -> None:
    assert make_observation(HuggingFaceRow(id="a/b", key=KEY), {"downloads"}).attributes == {}
    assert make_observation(HuggingFaceRow(id="a/b", key=KEY), {"downloads"}).parents is None


@pytest.mark.parametrize(
    ("gated", "expected"), [(False, None), ("auto", "auto"), ("manual", "manual"), (True, "auto"), (None, None)]
)
def test_the_kind_of_a_gate_is_stored(gated: bool | str | None, expected: str | None) -> None:
    assert make_observation(HuggingFaceRow(id="a/b", key=KEY, gated=gated), ALL_FIELDS).attributes["gated"] == expected


def test_if_the_hub_refuses_unnamed_fields_only_lineage_is_omitted() -> None:
    assert accepted_fields(["baseModels", "likes"], "no") == ["likes"]
    assert accepted_fields(["baseModels", "likes"], "likes and baseModels are known") == ["likes"]


@pytest.mark.real_data
@pytest.mark.parametrize(
    "name",
    [
        "hfd/models.list.json",
        "misc/models.list.default.2025-11.json",
        "misc/models.list.expand.2026-09.json",
        "misc/models.list.full_row.2026-07.json",
    ],
)
def test_recorded_rows_of_the_hub_are_read_without_rejects(real_data: Path, name: str) -> None:
    recorded = json.loads((real_data / "hf_api" / name).read_text())
    body = recorded.get("response", {}).get("json", recorded) if isinstance(recorded, dict) else recorded
    rows = body if isinstance(body, list) else [body]
    rows = [row for row in rows if isinstance(row, dict) and "_id" in row]
    read = read_rows(
        json.dumps(rows).encode(),
        HuggingFaceRow,
        frozenset({"id", "_id"}),
        lambda row, dropped: make_observation(row, ALL_FIELDS, dropped),
    )
    assert (read.received, read.rejects, read.events) == (len(rows), (), ())
    assert [(observation.stable_id, observation.name) for observation in read.observations] == [
        (row["_id"], row["id"]) for row in rows
    ]
    assert rows
