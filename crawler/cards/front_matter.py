"""What the front matter of a card gives a value to, read by huggingface_hub behind guards (pure).

YAML from strangers can be a bomb (aliases of aliases), a pit (nesting), or simply too long; and it means other things
than its author did: `language: no` is Norwegian, not false. So it is measured as a stream of events before anything is
built, every plain word stays the word it is, and where a name stands twice it is broken: parsers take one or the other.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import yaml
from huggingface_hub import ModelCardData
from huggingface_hub.repocard import REGEX_YAML_BLOCK

MAX_CHARACTERS = 64_000
MAX_ALIASES, MAX_DEPTH, MAX_NODES = 20, 30, 20_000
CARD_DATA_FIELDS = {  # the name we give it: where huggingface_hub's card data has it
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
ARCHITECTURES = frozenset(  # model types that stand as tags
    [
        "albert",
        "bart",
        "beit",
        "bert",
        "blenderbot",
        "bloom",
        "camembert",
        "clip",
        "convnext",
        "ctrl",
        "deberta",
        "deberta-v2",
        "deit",
        "detr",
        "distilbert",
        "dpr",
        "electra",
        "falcon",
        "flaubert",
        "fsmt",
        "funnel",
        "gemma",
        "gpt2",
        "gpt_neo",
        "gpt_neox",
        "gptj",
        "hubert",
        "layoutlm",
        "led",
        "llama",
        "longformer",
        "luke",
        "m2m_100",
        "mamba",
        "marian",
        "mbart",
        "mistral",
        "mixtral",
        "mobilebert",
        "mpnet",
        "mpt",
        "mt5",
        "opt",
        "pegasus",
        "phi",
        "prophetnet",
        "qwen2",
        "reformer",
        "resnet",
        "roberta",
        "roformer",
        "segformer",
        "speech_to_text",
        "squeezebert",
        "swin",
        "t5",
        "tapas",
        "vit",
        "wav2vec2",
        "whisper",
        "xglm",
        "xlm",
        "xlm-roberta",
        "xlnet",
        "yolos",
    ]
)
FRAMEWORKS = {"pytorch", "tf", "tensorflow", "jax", "flax", "keras", "onnx", "safetensors", "gguf", "paddlepaddle"}
CARD_DATA_PARAMETERS = {
    "self",
    "ignore_metadata_errors",
    "eval_results",
}  # words that are not fields, but parameters of theirs
EMPTY_VALUES = {"", "~", "null", "Null", "NULL"}


class FrontMatterLimitError(ValueError):
    """It is larger, deeper or more entangled than any that is meant to be read."""


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """Whether there is any (none, read, refused or broken), and which fields it gives a value to."""

    state: str
    fields: tuple[str, ...] = ()


class DuplicateKeyError(ValueError):
    """A name stands twice in one mapping."""


class StringLoader(yaml.CSafeLoader):
    """YAML in which every plain word is a string, and every name stands once."""

    yaml_implicit_resolvers: Mapping[str, object] = {}

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        """PyYAML's, which takes the last of two values.

        Raises:
            Twice: a name stands twice.
        """
        names = Counter(key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode))
        if names.total() > len(names):
            raise DuplicateKeyError(names.most_common(1)[0][0])
        return super().construct_mapping(node, deep)


def parse_front_matter(text: str) -> FrontMatter:
    """The front matter of a card.

    >>> parse_front_matter("---\\nlanguage: no\\nlicense: mit\\ntags: []\\n---\\n# A model")
    FrontMatter(state='read', fields=('language', 'license'))
    >>> parse_front_matter("# A model").state, parse_front_matter("---\\na: [\\n---\\n").state
    ('none', 'broken')
    """
    try:
        block = extract_block(text)
        return (
            FrontMatter("none")
            if block is None
            else FrontMatter("read", tuple(sorted(find_fields(parse_block(block)))))
        )
    except FrontMatterLimitError:
        return FrontMatter("refused")
    except (yaml.YAMLError, ValueError, RecursionError):
        return FrontMatter("broken")


def extract_block(text: str) -> str | None:
    """The YAML between the first two lines of three hyphens; None if the card does not begin with such a line.

    Raises:
        Refused: it does not end within 64,000 characters.
    """
    beginning = text[: MAX_CHARACTERS + 10]
    found = REGEX_YAML_BLOCK.search(beginning)
    if found:
        return found[2]
    if len(text) > MAX_CHARACTERS and re.match(r"\s{0,100}---[\r\n]", beginning):
        raise FrontMatterLimitError("longer than 64,000 characters")
    return None


def parse_block(block: str) -> Mapping[str, object]:
    """What a block of YAML says, measured first.

    Raises:
        Refused: too many aliases or nodes, or too deep.
        ValueError: it is no mapping of names.
    """
    check_limits(yaml.parse(block, Loader=yaml.CSafeLoader))
    found = yaml.load(block, Loader=StringLoader)
    if found is None or (isinstance(found, str) and found in EMPTY_VALUES):
        return {}
    if not isinstance(found, dict):
        raise ValueError("not a mapping")
    return {name: value for name, value in found.items() if isinstance(name, str)}


def check_limits(events: Iterable[yaml.Event]) -> None:
    """Count what a block would become.

    Raises:
        Refused: too many aliases or nodes, or too deep.
    """
    aliases = depth = nodes = 0
    for event in events:
        nodes += isinstance(event, yaml.NodeEvent)
        aliases += isinstance(event, yaml.AliasEvent)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if aliases > MAX_ALIASES or depth > MAX_DEPTH or nodes > MAX_NODES:
            raise FrontMatterLimitError(f"{aliases} aliases, {depth} deep, {nodes} nodes")


def find_fields(metadata: Mapping[str, object]) -> set[str]:
    """Our names of the fields that have a value."""
    card = _normalize_metadata(metadata)
    found = {ours for ours, theirs in CARD_DATA_FIELDS.items() if _has_value(card.get(theirs))}
    tags = card.get("tags")
    tags = {str(tag).lower() for tag in tags} if isinstance(tags, list) else set()
    found |= {"frameworks"} if tags & FRAMEWORKS else set()
    found |= {"architecture"} if tags & ARCHITECTURES else set()
    found |= {"dataset_address"} if any("/" in str(name) for name in _as_list(card.get("datasets"))) else set()
    emitted = card.get("co2_eq_emissions")
    found |= {"hardware"} if isinstance(emitted, dict) and _has_value(emitted.get("hardware_used")) else set()
    return found | ({"paper"} if any(tag.startswith("arxiv:") for tag in tags) else set())


def _as_list(value: object) -> list[object]:
    return value if isinstance(value, list) else [value] if isinstance(value, str) else []


def _normalize_metadata(metadata: Mapping[str, object]) -> Mapping[str, object]:
    """As huggingface_hub understands it; as it stands where that cannot make sense of it."""
    logging.getLogger("huggingface_hub").setLevel("CRITICAL")  # it warns of every evaluation it cannot read
    plain = {name: value for name, value in metadata.items() if name not in CARD_DATA_PARAMETERS}
    try:
        return ModelCardData(**plain, ignore_metadata_errors=True).to_dict()  # type: ignore[arg-type]
    except (TypeError, ValueError, AttributeError, KeyError):
        return plain


def _has_value(value: object) -> bool:
    if isinstance(value, str):
        return value.strip() not in EMPTY_VALUES
    if isinstance(value, list):
        return any(_has_value(one) for one in value)
    return bool(value)
