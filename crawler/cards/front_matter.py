"""Find the fields of a card's front matter that have a value, with huggingface_hub behind guards (pure).

YAML from strangers is dangerous: aliases of aliases expand without limit, nesting can be too deep, a block too long.
So the block is measured as a stream of events before any object is built.
YAML also reads values otherwise than their authors meant: `language: no` is Norwegian, and not false.
So every plain scalar stays a string. A block with a duplicate key is broken, because parsers choose different values.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import yaml
from huggingface_hub import ModelCardData
from huggingface_hub.repocard import REGEX_YAML_BLOCK

MAX_CHARACTERS = 64_000
MAX_ALIASES, MAX_DEPTH, MAX_NODES = 20, 30, 20_000
CARD_DATA_FIELDS = {  # name of the field in the store: its key in huggingface_hub's card data
    "license": "license",
    "language": "language",
    "tags": "tags",
    "datasets": "datasets",
    "metrics": "metrics",
    "base_model": "base_model",
    "libraries": "library_name",
    "model_task": "pipeline_tag",
    "evaluation": "model-index",
    "carbon_emitted": "co2_eq_emissions",
    "demo": "widget",
}
ARCHITECTURES = frozenset({  # model types that are used as tags
    "albert", "bart", "beit", "bert", "blenderbot", "bloom", "camembert", "clip", "convnext", "ctrl", "deberta",
    "deberta-v2", "deit", "detr", "distilbert", "dpr", "electra", "falcon", "flaubert", "fsmt", "funnel", "gemma",
    "gpt2", "gpt_neo", "gpt_neox", "gptj", "hubert", "layoutlm", "led", "llama", "longformer", "luke", "m2m_100",
    "mamba", "marian", "mbart", "mistral", "mixtral", "mobilebert", "mpnet", "mpt", "mt5", "opt", "pegasus", "phi",
    "prophetnet", "qwen2", "reformer", "resnet", "roberta", "roformer", "segformer", "speech_to_text", "squeezebert",
    "swin", "t5", "tapas", "vit", "wav2vec2", "whisper", "xglm", "xlm", "xlm-roberta", "xlnet", "yolos",
})  # fmt: skip
FRAMEWORKS = {"pytorch", "tf", "tensorflow", "jax", "flax", "keras", "onnx", "safetensors", "gguf", "paddlepaddle"}
CARD_DATA_PARAMETERS = {"self", "ignore_metadata_errors", "eval_results"}  # parameters of ModelCardData, not fields
EMPTY_VALUES = {"", "~", "null", "Null", "NULL"}
NO_RESOLVERS: dict[Any, Any] = {}


class CardMetadata(Protocol):
    """Metadata of a card as huggingface_hub returns them."""

    def to_dict(self) -> dict[str, object]:
        """Return the metadata as a dictionary."""


MAKE_CARD_METADATA: Callable[..., CardMetadata] = ModelCardData


class FrontMatterLimitError(ValueError):
    """Front matter that is longer, deeper or more entangled than any honest one."""


class DuplicateKeyError(ValueError):
    """A mapping with the same key twice."""


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """State of a card's front matter (none, read, refused or broken), and the fields that have a value."""

    state: str
    fields: tuple[str, ...] = ()


class StringLoader(yaml.CSafeLoader):
    """YAML loader that leaves plain scalars as strings and refuses duplicate keys."""

    yaml_implicit_resolvers = NO_RESOLVERS

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        """Construct a mapping without duplicate keys. PyYAML would silently take the last value.

        Raises:
            DuplicateKeyError: a key occurs twice.
        """
        names = Counter(key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode))
        if names.total() > len(names):
            raise DuplicateKeyError(names.most_common(1)[0][0])
        return super().construct_mapping(node, deep)


def parse_front_matter(text: str) -> FrontMatter:
    """Return the state of a card's front matter and its filled fields.

    >>> parse_front_matter("---\\nlanguage: no\\nlicense: mit\\ntags: []\\n---\\n# A model")
    FrontMatter(state='read', fields=('language', 'license'))
    >>> parse_front_matter("# A model").state, parse_front_matter("---\\na: [\\n---\\n").state
    ('none', 'broken')
    """
    try:
        block = extract_block(text)
        if block is None:
            return FrontMatter("none")
        return FrontMatter("read", tuple(sorted(find_fields(parse_block(block)))))
    except FrontMatterLimitError:
        return FrontMatter("refused")
    except (yaml.YAMLError, ValueError, RecursionError):
        return FrontMatter("broken")


def extract_block(text: str) -> str | None:
    """Return the YAML between the first two lines of three hyphens, or None if the card does not begin with one.

    Raises:
        FrontMatterLimitError: the block does not end within 64,000 characters.
    """
    beginning = text[: MAX_CHARACTERS + 10]
    match = REGEX_YAML_BLOCK.search(beginning)
    if match:
        return str(match[2])
    if len(text) > MAX_CHARACTERS and re.match(r"\s{0,100}---[\r\n]", beginning):
        raise FrontMatterLimitError("longer than 64,000 characters")
    return None


def parse_block(block: str) -> Mapping[str, object]:
    """Return the metadata in a block of YAML, after a check of its size.

    Raises:
        FrontMatterLimitError: the block has too many aliases or nodes, or is too deep.
        ValueError: the block is not a mapping.
    """
    check_limits(yaml.parse(block, Loader=yaml.CSafeLoader))
    document = yaml.load(block, Loader=StringLoader)
    if document is None or (isinstance(document, str) and document in EMPTY_VALUES):
        return {}
    if not isinstance(document, dict):
        raise ValueError("not a mapping")
    return {name: value for name, value in document.items() if isinstance(name, str)}


def check_limits(events: Iterable[yaml.Event]) -> None:
    """Count the aliases, levels and nodes of a block without building it.

    Raises:
        FrontMatterLimitError: the block has too many aliases or nodes, or is too deep.
    """
    aliases = depth = nodes = 0
    for event in events:
        nodes += isinstance(event, yaml.NodeEvent)
        aliases += isinstance(event, yaml.AliasEvent)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if aliases > MAX_ALIASES or depth > MAX_DEPTH or nodes > MAX_NODES:
            raise FrontMatterLimitError(f"{aliases} aliases, {depth} deep, {nodes} nodes")


def find_fields(metadata: Mapping[str, object]) -> set[str]:
    """Return the names of the fields that have a value."""
    card = _normalize_metadata(metadata)
    tag_list = card.get("tags")
    tags = {str(tag).lower() for tag in tag_list} if isinstance(tag_list, list) else set()
    emissions = card.get("co2_eq_emissions")
    derived = {
        "frameworks": bool(tags & FRAMEWORKS),
        "architecture": bool(tags & ARCHITECTURES),
        "dataset_address": any("/" in str(name) for name in _as_list(card.get("datasets"))),
        "hardware": isinstance(emissions, dict) and _has_value(emissions.get("hardware_used")),
        "paper": any(tag.startswith("arxiv:") for tag in tags),
    }
    filled = {name for name, key in CARD_DATA_FIELDS.items() if _has_value(card.get(key))}
    return filled | {name for name, has_value in derived.items() if has_value}


def _as_list(value: object) -> list[object]:
    if isinstance(value, str):
        return [value]
    return value if isinstance(value, list) else []


def _normalize_metadata(metadata: Mapping[str, object]) -> Mapping[str, object]:
    """Return metadata as huggingface_hub reads them, or as they are where huggingface_hub fails."""
    logging.getLogger("huggingface_hub").setLevel("CRITICAL")  # it warns of every evaluation it cannot read
    plain = {name: value for name, value in metadata.items() if name not in CARD_DATA_PARAMETERS}
    try:
        return MAKE_CARD_METADATA(**plain, ignore_metadata_errors=True).to_dict()
    except (TypeError, ValueError, AttributeError, KeyError):
        return plain


def _has_value(value: object) -> bool:
    if isinstance(value, str):
        return value.strip() not in EMPTY_VALUES
    return any(_has_value(item) for item in value) if isinstance(value, list) else bool(value)
