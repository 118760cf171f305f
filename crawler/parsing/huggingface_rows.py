"""Rows of the Hub's lists: their fields, and the observation that each row gives (pure)."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping, Set
from datetime import datetime
from functools import cache
from pathlib import Path

import msgspec

from crawler.parsing.rows import MAX_NAME_LENGTH, Count, Key, Name, Text, Texts, epoch_seconds
from crawler.response import Observation, Parent
from db.rows import RELATIONS

SORT_FIELDS = {"downloads": "downloads", "likes": "likes", "trending": "trendingScore"}
EXPAND_FIELDS = {
    "models": (
        "baseModels", "createdAt", "disabled", "downloads", "downloadsAllTime", "gated", "lastModified", "library_name",
        "likes", "pipeline_tag", "private", "resourceGroup", "safetensors", "sha", "tags", "trendingScore",
    ),
    "datasets": (
        "createdAt", "disabled", "downloads", "downloadsAllTime", "gated", "lastModified", "likes", "private",
        "resourceGroup", "sha", "tags", "trendingScore",
    ),
    "spaces": (
        "createdAt", "disabled", "lastModified", "likes", "private", "resourceGroup", "sdk", "sha", "tags",
        "trendingScore",
    ),
}  # fmt: skip
LINEAGE_FIELDS, LIBRARY_FIELDS = {"baseModels", "cardData", "tags"}, {"library_name", "tags"}
STATED_RELATIONS = tuple(relation for relation in RELATIONS if relation != "unstated")


class BaseModel(msgspec.Struct, gc=False):
    """A parent that the Hub resolved."""

    id: Name
    key: Key | None = msgspec.field(name="_id", default=None)


class BaseModels(msgspec.Struct, gc=False):
    """The parents of a model, and their relation to the model."""

    relation: Text
    models: list[BaseModel] = []


class Safetensors(msgspec.Struct, gc=False):
    """The number of parameters of a model."""

    total: Count | None = None


class CardData(msgspec.Struct, gc=False):
    """The base models in the front matter of a card. Authors write values of any type."""

    base_model: object = None
    base_model_relation: object = None


class HuggingFaceRow(msgspec.Struct, gc=False):
    """One row of a list. A row lacks the properties that have no value. It never lacks its tags, which may be empty."""

    id: Name
    key: Key = msgspec.field(name="_id")
    downloads: Count | None = None
    likes: Count | None = None
    all_time: Count | None = msgspec.field(name="downloadsAllTime", default=None)
    trending: float | None = msgspec.field(name="trendingScore", default=None)
    created_at: datetime | None = msgspec.field(name="createdAt", default=None)
    modified_at: datetime | None = msgspec.field(name="lastModified", default=None)
    sha: Text | None = None
    gated: bool | Text | None = None
    disabled: bool | None = None
    library: Text | None = msgspec.field(name="library_name", default=None)
    task: Text | None = msgspec.field(name="pipeline_tag", default=None)
    sdk: Text | None = None
    safetensors: Safetensors | None = None
    tags: Texts | msgspec.UnsetType = msgspec.UNSET
    base_models: BaseModels | None = msgspec.field(name="baseModels", default=None)
    card: CardData | None = msgspec.field(name="cardData", default=None)


def make_observation(
    row: HuggingFaceRow, requested: Set[str], unreadable: Set[str] = frozenset(), keep_tags: bool = True
) -> Observation:
    """Return the observation that a row gives. Only `requested` fields are known to be missing where a row lacks them.

    What depends on an `unreadable` field is unknown, so that it ends nothing. The tags of a census are not stored,
    because they would be most of its bytes.
    """
    tags = [] if row.tags is msgspec.UNSET else row.tags
    unreadable = unreadable | ({"tags"} & requested if row.tags is msgspec.UNSET else set())
    readable = requested - unreadable
    stated = {
        "library_name": ("library", row.library),
        "pipeline_tag": ("task", row.task),
        "gated": ("gated", row.gated if isinstance(row.gated, str) else "auto" if row.gated else None),
        "disabled": ("disabled", "true" if row.disabled else None),
        "sdk": ("sdk", row.sdk),
        "safetensors": ("parameters", _optional_text(row.safetensors.total) if row.safetensors else None),
    }
    attributes = {name: value for field, (name, value) in stated.items() if field in readable}
    if "tags" in readable:
        if keep_tags:
            all_tags = json.dumps(sorted(set(tags)), ensure_ascii=False, separators=(",", ":"))
            attributes["tags"] = all_tags if tags else None
        attributes["licence"] = "|".join(sorted(tag[8:] for tag in tags if tag.startswith("license:"))) or None
    # The Hub repeats the bases of a card as tags, so an unreadable card hides none of them where tags name bases.
    needed = LINEAGE_FIELDS - ({"cardData"} if any(tag.startswith("base_model:") for tag in tags) else set())
    has_lineage = bool(requested & LINEAGE_FIELDS) and not unreadable & needed and not _is_silent(row, requested)
    has_libraries = bool(requested & LIBRARY_FIELDS) and not unreadable & LIBRARY_FIELDS
    return Observation(
        row.key, row.id, row.downloads, row.likes, row.all_time, row.trending, created_at=epoch_seconds(row.created_at),
        modified_at=epoch_seconds(row.modified_at), sha=row.sha, attributes=attributes,
        parents=find_parents(row.base_models, tags, row.card) if has_lineage else None,
        libraries=find_libraries(row.library, tags) if has_libraries else None,
    )  # fmt: skip


def _is_silent(row: HuggingFaceRow, requested: Set[str]) -> bool:
    """Return whether a row has no front matter, and nothing else was requested that tells the parents."""
    return row.card is None and requested & LINEAGE_FIELDS == {"cardData"}


def find_libraries(library_name: str | None, tags: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Return the libraries of a model with their kinds: its `library_name`, and its tags that name a library.

    >>> find_libraries("transformers", ["safetensors", "en", "tensorboard", "license:mit"])
    (('safetensors', 'format'), ('tensorboard', 'tracker'), ('transformers', 'library'))
    """
    kinds = load_library_kinds()
    names = {tag for tag in tags if tag in kinds} | ({library_name.lower()} if library_name else set())
    return tuple((name, kinds.get(name, "library")) for name in sorted(names))


@cache
def load_library_kinds() -> Mapping[str, str]:
    """Return the kind of each library that is recognised by its tag, from `crawler/parsing/libraries.toml`."""
    names_by_kind = tomllib.loads((Path(__file__).parent / "libraries.toml").read_text("utf-8"))
    return {name: kind for kind, names in names_by_kind.items() for name in names}


def find_parents(
    base_models: BaseModels | None, tags: Iterable[str], card: CardData | None = None
) -> tuple[Parent, ...]:
    """Return the bases of a model: those the Hub resolved, and names in tags that no longer resolve.

    If the Hub resolved none, the bases that the card names come first, with the relation of the card or else of the
    tags. The bases that only tags name come last. A deleted base stays in the tags and is missing from `baseModels`.
    A renamed base is in both, under two names.

    >>> find_parents(None, ["base_model:a/b", "base_model:adapter:a/b", "base_model:c/d"])
    (Parent(name='a/b', relation='adapter', stable_id=None), Parent(name='c/d', relation='unstated', stable_id=None))
    """
    base_tags = [tag[11:] for tag in tags if tag.startswith("base_model:")]
    tag_relations = dict(_tag_bases(base_tags)) if base_tags else {}
    if base_models is None:
        card_relations = _card_bases(card, tag_relations)
        relations = card_relations | tag_relations | card_relations  # the order of the card first, and its relations
        return tuple(Parent(name, relation) for name, relation in relations.items())
    relation = base_models.relation if base_models.relation in STATED_RELATIONS else "unstated"
    resolved = tuple(Parent(base.id, relation, base.key) for base in base_models.models)
    if len(tag_relations) <= len(resolved):
        return resolved
    names = {parent.name for parent in resolved}
    return resolved + tuple(Parent(name, relation) for name, relation in tag_relations.items() if name not in names)


def _card_bases(card: CardData | None, tag_relations: Mapping[str, str]) -> dict[str, str]:
    """Return the name and relation of each base that the card names. Values that are not names are skipped."""
    if card is None:
        return {}
    values = card.base_model if isinstance(card.base_model, list) else [card.base_model]
    names = [value.strip() for value in values if isinstance(value, str) and 0 < len(value.strip()) <= MAX_NAME_LENGTH]
    if card.base_model_relation in STATED_RELATIONS:
        return dict.fromkeys(names, str(card.base_model_relation))
    return {name: tag_relations.get(name, "unstated") for name in names}


def _tag_bases(tags: Iterable[str]) -> Iterable[tuple[str, str]]:
    """Yield the name and relation in each `base_model:` tag, tags without a relation first.

    A stated relation comes later and therefore wins in a dictionary.
    """
    parts = [tag.partition(":") for tag in tags]
    yield from ((name, "unstated") for name, _, rest in parts if name and not rest)
    yield from ((name, relation) for relation, _, name in parts if name and relation in STATED_RELATIONS)


def _optional_text(number: int | None) -> str | None:
    return None if number is None else str(number)
