"""A repository as the Hub shows it: a function per property, and the sets of properties shown by default."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from simulation.clock import format_iso
from simulation.population.cards import build_card_fields
from simulation.population.hub import HubRegistry
from simulation.population.repositories import Repository

Property = Callable[[HubRegistry, int, Repository], object]
ABSENT = None

EXPANDABLE_PROPERTIES = {
    "models": [
        "author",
        "baseModels",
        "cardData",
        "childrenModelCount",
        "config",
        "createdAt",
        "disabled",
        "downloads",
        "downloadsAllTime",
        "evalResults",
        "gated",
        "gguf",
        "inference",
        "inferenceProviderMapping",
        "lastModified",
        "library_name",
        "likes",
        "mask_token",
        "model-index",
        "pipeline_tag",
        "private",
        "resourceGroup",
        "safetensors",
        "sha",
        "siblings",
        "spaces",
        "tags",
        "transformersInfo",
        "trendingScore",
        "usedStorage",
        "widgetData",
        "xetEnabled",
    ],
    "datasets": [
        "author",
        "cardData",
        "citation",
        "createdAt",
        "description",
        "disabled",
        "downloads",
        "downloadsAllTime",
        "gated",
        "lastModified",
        "likes",
        "mainSize",
        "paperswithcode_id",
        "private",
        "resourceGroup",
        "sha",
        "siblings",
        "tags",
        "trendingScore",
        "usedStorage",
        "xetEnabled",
    ],
    "spaces": [
        "author",
        "cardData",
        "createdAt",
        "datasets",
        "disabled",
        "lastModified",
        "likes",
        "models",
        "private",
        "region",
        "resourceGroup",
        "runtime",
        "sdk",
        "sha",
        "siblings",
        "subdomain",
        "tags",
        "trendingScore",
        "usedStorage",
        "xetEnabled",
    ],
}
DEFAULT_PROPERTIES = {
    "models": [
        "likes",
        "trendingScore",
        "private",
        "downloads",
        "tags",
        "pipeline_tag",
        "library_name",
        "createdAt",
        "modelId",
    ],
    "datasets": [
        "author",
        "private",
        "downloads",
        "likes",
        "trendingScore",
        "tags",
        "createdAt",
        "lastModified",
        "sha",
        "gated",
        "disabled",
        "description",
    ],
    "spaces": ["private", "likes", "trendingScore", "tags", "createdAt", "sdk"],
}
FULL_PROPERTIES = {
    "models": [
        "author",
        "gated",
        "lastModified",
        "likes",
        "trendingScore",
        "private",
        "sha",
        "downloads",
        "tags",
        "pipeline_tag",
        "library_name",
        "createdAt",
        "modelId",
        "siblings",
    ],
    "datasets": [*DEFAULT_PROPERTIES["datasets"], "cardData", "siblings"],
    "spaces": [*DEFAULT_PROPERTIES["spaces"], "author", "sha", "lastModified", "siblings", "cardData"],
}
DETAIL_PROPERTIES = {
    "models": [
        "private",
        "tags",
        "downloads",
        "likes",
        "modelId",
        "author",
        "sha",
        "lastModified",
        "gated",
        "disabled",
        "model-index",
        "config",
        "cardData",
        "siblings",
        "spaces",
        "createdAt",
        "safetensors",
        "usedStorage",
        "pipeline_tag",
        "library_name",
        "transformersInfo",
        "gguf",
    ],
    "datasets": [
        "author",
        "sha",
        "lastModified",
        "private",
        "gated",
        "disabled",
        "tags",
        "description",
        "downloads",
        "likes",
        "cardData",
        "siblings",
        "createdAt",
        "usedStorage",
    ],
    "spaces": [
        "sdk",
        "likes",
        "tags",
        "private",
        "author",
        "sha",
        "lastModified",
        "cardData",
        "subdomain",
        "gated",
        "disabled",
        "host",
        "region",
        "siblings",
        "createdAt",
        "runtime",
        "usedStorage",
    ],
}


def build_row(hub: HubRegistry, place: int, properties: Iterable[str], nulls: bool = False) -> dict[str, object]:
    """Return `_id`, `id` and the wanted properties; one without a value is absent, not null."""
    repository = hub.repositories[place]
    shown: dict[str, object] = {"_id": repository.identity, "id": repository.name}
    for name in properties:
        value = PROPERTIES[name](hub, place, repository)
        if value is not ABSENT or (nulls and name == "model-index"):
            shown[name] = value
    return {**shown, **{name: repository.overrides[name] for name in repository.overrides if name in shown}}


def build_tags(hub: HubRegistry, place: int, repository: Repository) -> list[str]:
    """Return the mixed bag: library, formats, language, lineage, licence, region."""
    traits = repository.traits
    if hub.kind == "spaces":
        return [traits.kit, "region:us"]
    if hub.kind == "datasets":
        told = [
            ("task_categories:", traits.purpose),
            ("language:", traits.language),
            ("license:", traits.licence),
        ]
        return [head + value for head, value in told if value] + ["size_categories:1K<n<10K", "region:us"]
    named = [
        traits.library,
        "safetensors" if traits.parameters else None,
        traits.architecture,
        traits.purpose,
    ]
    lineage = [f"base_model:{parent}" for parent in traits.parents]
    lineage += [f"base_model:{traits.relation}:{parent}" for parent in traits.parents]
    licence = [f"license:{traits.licence}"] if traits.licence else []
    return [one for one in (*named, traits.language) if one] + lineage + licence + ["region:us"]


def list_base_models(hub: HubRegistry, place: int, repository: Repository) -> object:
    """Return the parents that exist now, with their `_id`; absent when none does."""
    parents = dict.fromkeys(
        (parent.identity, parent.name) for parent, _ in map(hub.find_by_name, repository.traits.parents) if parent
    )
    if not parents:
        return ABSENT
    return {
        "relation": repository.traits.relation,
        "models": [{"_id": one, "id": name} for one, name in parents],
    }


def count_children(hub: HubRegistry, place: int, repository: Repository) -> object:
    """Return how many children of each relation; zeros are shown."""
    counts = hub.count_children().get(repository.identity, {})
    return {relation: counts.get(relation, 0) for relation in ("adapter", "merge", "quantized", "finetune")}


def show_config(hub: HubRegistry, place: int, repository: Repository) -> object:
    """Return the part of config.json that the Hub keeps."""
    if "config.json" not in repository.traits.files:
        return ABSENT
    architecture = repository.traits.architecture
    return {
        "architectures": [architecture.title() + "Model"],
        "model_type": architecture,
        "tokenizer_config": {},
    }


def show_safetensors(hub: HubRegistry, place: int, repository: Repository) -> object:
    """Return parameter counts, when weights say so."""
    total = repository.traits.parameters
    return {"parameters": {"F32": total}, "total": total} if total and hub.kind == "models" else ABSENT


def show_gguf(hub: HubRegistry, place: int, repository: Repository) -> object:
    """Return what a GGUF file says of itself; only quantized models have one."""
    traits = repository.traits
    if traits.relation != "quantized":
        return ABSENT
    return {
        "total": traits.parameters or 7000000000,
        "architecture": traits.architecture,
        "context_length": 4096,
    }


def show_trending(hub: HubRegistry, place: int, repository: Repository) -> float:
    """Return the score: an integer when it is whole, as the Hub writes it."""
    value = float(hub.columns["trending"][place])
    return int(value) if value.is_integer() else value


def counter_property(column: str) -> Property:
    """Return a property that reads one column."""
    return lambda hub, place, repository: int(hub.columns[column][place])


def constant_property(kind: str, value: object) -> Property:
    """Return a property with one value, in one registry."""
    return lambda hub, place, repository: value if hub.kind == kind else ABSENT


def make_subdomain(repository: Repository) -> str:
    """Return the host label of a space."""
    return repository.name.replace("/", "-").replace("_", "-").lower()


PROPERTIES: dict[str, Property] = {
    "author": lambda hub, place, repository: repository.author,
    "baseModels": list_base_models,
    "cardData": lambda hub, place, repository: build_card_fields(repository, hub.kind) or ABSENT,
    "childrenModelCount": count_children,
    "config": show_config,
    "createdAt": lambda hub, place, repository: format_iso(repository.created),
    "datasets": constant_property("spaces", []),
    "description": constant_property("datasets", "\n\t\n\t\tA collection of short texts, gathered for this purpose.\n"),
    "disabled": lambda hub, place, repository: repository.disabled,
    "downloads": counter_property("downloads"),
    "downloadsAllTime": counter_property("all_time"),
    "gated": lambda hub, place, repository: repository.gated,
    "gguf": show_gguf,
    "host": lambda hub, place, repository: f"https://{make_subdomain(repository)}.spaces.example",
    "lastModified": lambda hub, place, repository: format_iso(hub.columns["modified"][place]),
    "library_name": lambda hub, place, repository: repository.traits.library,
    "likes": counter_property("likes"),
    "mainSize": constant_property("datasets", 1048576),
    "modelId": lambda hub, place, repository: repository.name,
    "models": constant_property("spaces", []),
    "pipeline_tag": lambda hub, place, repository: repository.traits.purpose,
    "private": lambda hub, place, repository: False,
    "region": constant_property("spaces", "us"),
    "runtime": constant_property(
        "spaces", {"stage": "RUNNING", "hardware": {"current": "cpu-basic", "requested": "cpu-basic"}}
    ),
    "safetensors": show_safetensors,
    "sdk": lambda hub, place, repository: repository.traits.kit,
    "sha": lambda hub, place, repository: repository.sha,
    "siblings": lambda hub, place, repository: [{"rfilename": one} for one in repository.traits.files],
    "spaces": constant_property("models", []),
    "subdomain": lambda hub, place, repository: make_subdomain(repository),
    "tags": build_tags,
    "transformersInfo": lambda hub, place, repository: (
        {"auto_model": "AutoModel", "processor": "AutoTokenizer"}
        if repository.traits.library == "transformers"
        else ABSENT
    ),
    "trendingScore": show_trending,
    "usedStorage": lambda hub, place, repository: 4 * repository.traits.parameters + 4096,
    "xetEnabled": lambda hub, place, repository: True,
}
UNSET_PROPERTIES = (
    "citation",
    "evalResults",
    "inference",
    "inferenceProviderMapping",
    "mask_token",
    "model-index",
    "paperswithcode_id",
    "resourceGroup",
    "widgetData",
)
PROPERTIES |= dict.fromkeys(UNSET_PROPERTIES, lambda hub, place, repository: ABSENT)
