"""Rows of the Hub's lists: their fields, and the observation each becomes (pure)."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from functools import cache
from pathlib import Path

import msgspec

from crawler.parsing.rows import Count, Key, Name, epoch_seconds
from crawler.response import Observation, Parent

SORT_FIELDS = {"downloads": "downloads", "likes": "likes", "trending": "trendingScore"}


EXPAND_FIELDS = {
    "models": (
        "baseModels", "createdAt", "disabled", "downloads", "downloadsAllTime", "gated", "lastModified", "library_name",
        "likes", "pipeline_tag", "safetensors", "sha", "tags", "trendingScore",
    ),
    "datasets": (
        "createdAt", "disabled", "downloads", "downloadsAllTime", "gated", "lastModified", "likes", "sha", "tags",
        "trendingScore",
    ),
    "spaces": ("createdAt", "disabled", "lastModified", "likes", "sdk", "sha", "tags", "trendingScore"),
}  # fmt: skip


RELATIONS = ("finetune", "adapter", "quantized", "merge")


class BaseModel(msgspec.Struct, gc=False):
    """A parent the Hub has resolved."""

    id: Name
    key: Key | None = msgspec.field(name="_id", default=None)


class BaseModels(msgspec.Struct, gc=False):
    """The parents of a model and how it was made from them."""

    relation: str
    models: list[BaseModel] = []


class Safetensors(msgspec.Struct, gc=False):
    """The number of parameters."""

    total: Count | None = None


class CardData(msgspec.Struct, gc=False):
    """What the author wrote at the head of the card; of any type."""

    base_model: object = None
    base_model_relation: object = None


class HuggingFaceRow(msgspec.Struct, gc=False):
    """One row of a list; a property without value is absent from it."""

    id: Name
    key: Key = msgspec.field(name="_id")
    downloads: Count | None = None
    likes: Count | None = None
    all_time: Count | None = msgspec.field(name="downloadsAllTime", default=None)
    trending: float | None = msgspec.field(name="trendingScore", default=None)
    created_at: datetime | None = msgspec.field(name="createdAt", default=None)
    modified_at: datetime | None = msgspec.field(name="lastModified", default=None)
    sha: str | None = None
    gated: bool | str | None = None
    disabled: bool | None = None
    library: str | None = msgspec.field(name="library_name", default=None)
    task: str | None = msgspec.field(name="pipeline_tag", default=None)
    sdk: str | None = None
    safetensors: Safetensors | None = None
    tags: list[str] | None = None
    base_models: BaseModels | None = msgspec.field(name="baseModels", default=None)
    card: CardData | None = msgspec.field(name="cardData", default=None)


def make_observation(row: HuggingFaceRow, requested: Collection[str], keep_tags: bool = True) -> Observation:
    """What a row says; `asked` are the fields that were asked for. Its tags are much, and not kept of a census."""
    tags = row.tags or []
    said = {
        "library_name": ("library", row.library),
        "pipeline_tag": ("task", row.task),
        "gated": ("gated", row.gated if isinstance(row.gated, str) else "auto" if row.gated else None),
        "disabled": ("disabled", "true" if row.disabled else None),
        "sdk": ("sdk", row.sdk),
        "safetensors": ("parameters", _optional_text(row.safetensors and row.safetensors.total)),
    }
    attributes = {name: value for field, (name, value) in said.items() if field in requested}
    if "tags" in requested and keep_tags:
        attributes["tags"] = json.dumps(sorted(set(tags)), ensure_ascii=False, separators=(",", ":")) if tags else None
    if "tags" in requested:
        attributes["licence"] = "|".join(sorted(tag[8:] for tag in tags if tag.startswith("license:"))) or None
    return Observation(
        row.key, row.id, row.downloads, row.likes, row.all_time, row.trending, created_at=epoch_seconds(row.created_at),
        modified_at=epoch_seconds(row.modified_at), sha=row.sha, attributes=attributes,
        parents=find_parents(row.base_models, tags, row.card) if requested & {"baseModels", "cardData", "tags"} else None,
        libraries=find_libraries(row.library, tags) if "library_name" in requested or "tags" in requested else None,
    )  # fmt: skip


def find_libraries(library_name: str | None, tags: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """What a model is used with: its `library_name`, and those of its tags that name a library, each with its kind.

    >>> find_libraries("transformers", ["safetensors", "en", "tensorboard", "license:mit"])
    (('safetensors', 'format'), ('tensorboard', 'tracker'), ('transformers', 'library'))
    """
    known = load_library_kinds()
    named = {tag for tag in tags if tag in known} | ({library_name.lower()} if library_name else set())
    return tuple((name, known.get(name, "library")) for name in sorted(named))


@cache
def load_library_kinds() -> Mapping[str, str]:
    """The kind of each library we know by its tag, as `crawler/parsing/libraries.toml` lists them."""
    listed = tomllib.loads((Path(__file__).parent / "libraries.toml").read_text("utf-8"))
    return {name: kind for kind, names in listed.items() for name in names}


def find_parents(
    base_models: BaseModels | None, tags: Iterable[str], card: CardData | None = None
) -> tuple[Parent, ...]:
    """The bases a model names: those the Hub resolved, and names in its tags that resolve to nothing any more.

    Where the Hub resolved none, those its card names, with the relation the card states or else the tags, and then
    those that only its tags name. A deleted base stays in the tags and is gone from `baseModels`; a renamed one stands
    in both, under two names.

    >>> find_parents(None, ["base_model:a/b", "base_model:adapter:a/b", "base_model:c/d"])
    (Parent(name='a/b', relation='adapter', stable_id=None), Parent(name='c/d', relation='unstated', stable_id=None))
    """
    words = [tag[11:] for tag in tags if tag.startswith("base_model:")]
    stated = dict(_tag_bases(words)) if words else {}
    if base_models is None:
        written = _card_bases(card, stated)
        return tuple(Parent(name, relation) for name, relation in (written | stated | written).items())
    relation = base_models.relation if base_models.relation in RELATIONS else "unstated"
    resolved = tuple(Parent(base.id, relation, base.key) for base in base_models.models)
    if len(stated) <= len(resolved):
        return resolved
    names = {parent.name for parent in resolved}
    return resolved + tuple(Parent(name, said) for name, said in stated.items() if name not in names)


def _card_bases(card: CardData | None, tag_relations: Mapping[str, str]) -> dict[str, str]:
    """Name and relation of each base the card names; what is not a name is passed over."""
    if card is None:
        return {}
    words = card.base_model if isinstance(card.base_model, list) else [card.base_model]
    names = [word.strip() for word in words if isinstance(word, str) and word.strip()]
    if card.base_model_relation in RELATIONS:
        return dict.fromkeys(names, str(card.base_model_relation))
    return {name: tag_relations.get(name, "unstated") for name in names}


def _tag_bases(tags: Iterable[str]) -> Iterable[tuple[str, str]]:
    """Name and relation of what each `base_model:` tag says, the bare ones first, so that a stated relation wins."""
    for relation, _, name in (word.partition(":") for word in tags):
        if not name and relation:
            yield relation, "unstated"
    for relation, _, name in (word.partition(":") for word in tags):
        if name and relation in RELATIONS:
            yield name, relation


def _optional_text(number: int | None) -> str | None:
    return None if number is None else str(number)
