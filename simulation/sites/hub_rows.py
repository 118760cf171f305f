"""A repository as the Hub shows it: one function for each property."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from simulation.clock import format_iso
from simulation.population.cards import build_card_fields
from simulation.population.hub import HubRegistry
from simulation.population.repositories import Repository

Property = Callable[[HubRegistry, int, Repository], object]
ABSENT = None


def build_row(hub: HubRegistry, index: int, properties: Iterable[str], nulls: bool = False) -> dict[str, object]:
    """Return `_id`, `id` and some properties. A property without a value is absent, not null."""
    repository = hub.repositories[index]
    row: dict[str, object] = {"_id": repository.identity, "id": repository.name}
    for name in properties:
        value = PROPERTIES[name](hub, index, repository)
        if value is not ABSENT or (nulls and name == "model-index"):
            row[name] = value
    return {**row, **{name: repository.overrides[name] for name in repository.overrides if name in row}}


def build_tags(hub: HubRegistry, index: int, repository: Repository) -> list[str]:
    """Return the tags: library, formats, language, lineage, licence, region."""
    traits = repository.traits
    if hub.kind == "spaces":
        return [traits.kit, "region:us"]
    if hub.kind == "datasets":
        traits_by_prefix = [
            ("task_categories:", traits.purpose),
            ("language:", traits.language),
            ("license:", traits.licence),
        ]
        return [head + value for head, value in traits_by_prefix if value] + ["size_categories:1K<n<10K", "region:us"]
    values = [traits.library, "safetensors" if traits.parameters else None, traits.architecture, traits.purpose]
    lineage = [f"base_model:{parent}" for parent in traits.parents]
    lineage += [f"base_model:{traits.relation}:{parent}" for parent in traits.parents]
    licence = [f"license:{traits.licence}"] if traits.licence else []
    return [value for value in (*values, traits.language) if value] + lineage + licence + ["region:us"]


def list_base_models(hub: HubRegistry, index: int, repository: Repository) -> object:
    """Return the parents that exist now, with their `_id`, or ABSENT."""
    parents = dict.fromkeys(
        (parent.identity, parent.name) for parent, _ in map(hub.find_by_name, repository.traits.parents) if parent
    )
    if not parents:
        return ABSENT
    return {
        "relation": repository.traits.relation,
        "models": [{"_id": identity, "id": name} for identity, name in parents],
    }


def count_children(hub: HubRegistry, index: int, repository: Repository) -> object:
    """Return the number of children by relation, zeros included."""
    counts: Mapping[str, int] = hub.count_children().get(repository.identity, {})
    return {relation: counts.get(relation, 0) for relation in ("adapter", "merge", "quantized", "finetune")}


def show_config(hub: HubRegistry, index: int, repository: Repository) -> object:
    """Return the part of config.json that the Hub keeps."""
    if "config.json" not in repository.traits.files:
        return ABSENT
    architecture = repository.traits.architecture
    return {"architectures": [architecture.title() + "Model"], "model_type": architecture, "tokenizer_config": {}}


def show_safetensors(hub: HubRegistry, index: int, repository: Repository) -> object:
    """Return the parameter counts, if the repository has weights."""
    total = repository.traits.parameters
    return {"parameters": {"F32": total}, "total": total} if total and hub.kind == "models" else ABSENT


def show_gguf(hub: HubRegistry, index: int, repository: Repository) -> object:
    """Return the metadata of the GGUF file. Only quantized models have it."""
    traits = repository.traits
    if traits.relation != "quantized":
        return ABSENT
    return {"total": traits.parameters or 7000000000, "architecture": traits.architecture, "context_length": 4096}


def show_trending(hub: HubRegistry, index: int, repository: Repository) -> float:
    """Return the score, as an integer if it is whole, as the Hub writes it."""
    value = float(hub.columns["trending"][index])
    return int(value) if value.is_integer() else value


def show_resource_group(hub: HubRegistry, index: int, repository: Repository) -> object:
    """Return the resource group of an organization, which only its members see."""
    name = repository.resource_group
    return {"id": name, "name": name} if name and hub.is_owner_view else ABSENT


def counter_property(column: str) -> Property:
    """Return a property that is read from one column."""
    return lambda hub, index, repository: int(hub.columns[column][index])


def constant_property(kind: str, value: object) -> Property:
    """Return a property with the same value for all repositories of one registry."""
    return lambda hub, index, repository: value if hub.kind == kind else ABSENT


def make_subdomain(repository: Repository) -> str:
    """Return the host name label of a space."""
    return repository.name.replace("/", "-").replace("_", "-").lower()


PROPERTIES: dict[str, Property] = {
    "author": lambda hub, index, repository: repository.author,
    "baseModels": list_base_models,
    "cardData": lambda hub, index, repository: build_card_fields(repository, hub.kind) or ABSENT,
    "childrenModelCount": count_children,
    "config": show_config,
    "createdAt": lambda hub, index, repository: format_iso(repository.created),
    "datasets": constant_property("spaces", []),
    "description": constant_property("datasets", "\n\t\n\t\tA collection of short texts, gathered for this purpose.\n"),
    "disabled": lambda hub, index, repository: repository.disabled,
    "downloads": counter_property("downloads"),
    "downloadsAllTime": counter_property("all_time"),
    "gated": lambda hub, index, repository: repository.gated,
    "gguf": show_gguf,
    "host": lambda hub, index, repository: f"https://{make_subdomain(repository)}.spaces.example",
    "lastModified": lambda hub, index, repository: format_iso(hub.columns["modified"][index]),
    "library_name": lambda hub, index, repository: repository.traits.library,
    "likes": counter_property("likes"),
    "mainSize": constant_property("datasets", 1048576),
    "modelId": lambda hub, index, repository: repository.name,
    "models": constant_property("spaces", []),
    "pipeline_tag": lambda hub, index, repository: repository.traits.purpose,
    "private": lambda hub, index, repository: repository.private,
    "region": constant_property("spaces", "us"),
    "resourceGroup": show_resource_group,
    "runtime": constant_property(
        "spaces", {"stage": "RUNNING", "hardware": {"current": "cpu-basic", "requested": "cpu-basic"}}
    ),
    "safetensors": show_safetensors,
    "sdk": lambda hub, index, repository: repository.traits.kit,
    "sha": lambda hub, index, repository: repository.sha,
    "siblings": lambda hub, index, repository: [{"rfilename": path} for path in repository.traits.files],
    "spaces": constant_property("models", []),
    "subdomain": lambda hub, index, repository: make_subdomain(repository),
    "tags": build_tags,
    "transformersInfo": lambda hub, index, repository: (
        {"auto_model": "AutoModel", "processor": "AutoTokenizer"}
        if repository.traits.library == "transformers"
        else ABSENT
    ),
    "trendingScore": show_trending,
    "usedStorage": lambda hub, index, repository: 4 * repository.traits.parameters + 4096,
    "xetEnabled": lambda hub, index, repository: True,
}
UNSET_PROPERTIES = (
    "citation",
    "evalResults",
    "inference",
    "inferenceProviderMapping",
    "mask_token",
    "model-index",
    "paperswithcode_id",
    "widgetData",
)
PROPERTIES |= dict.fromkeys(UNSET_PROPERTIES, lambda hub, index, repository: ABSENT)
