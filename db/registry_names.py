"""The names of registries, as people spell them on a command line (pure)."""

from __future__ import annotations

import re
from collections.abc import Iterable

HUB_KINDS = ("models", "datasets", "spaces")
HUB_NAMES = ("huggingface", "hf", "hugging face", "hugging-face")
HUB_URL = re.compile(r"(?:https?://)?(?:www\.)?huggingface\.co(?:/([a-z]+))?")


def parse_registry(text: str) -> str:
    """Return the name of a registry of the Hub for a spelling of it, as an argument type. Any other keeps its capitals.

    >>> [parse_registry(text) for text in ("PyPI", "hf", "models", "HuggingFace/Datasets")]
    ['PyPI', 'huggingface/models', 'huggingface/models', 'huggingface/datasets']
    >>> parse_registry("https://huggingface.co/spaces/")
    'huggingface/spaces'
    """
    spelling = " ".join(text.split()).rstrip("/")
    name = spelling.lower()
    url = HUB_URL.fullmatch(name)
    if url:
        return f"huggingface/{url[1] or HUB_KINDS[0]}"
    service, _, kind = name.partition("/")
    if service in HUB_NAMES:
        return f"huggingface/{kind or HUB_KINDS[0]}"
    return f"huggingface/{name}" if name in HUB_KINDS else spelling


def match_registry(name: str, registries: Iterable[tuple[str, str | None]]) -> str:
    """Return the registry that has a name, in its capitals or in others, or that its service calls so; or the name.

    >>> match_registry("NPM.example", [("npm", "npm.example"), ("pypi", None)]), match_registry("Go", [])
    ('npm', 'Go')
    >>> match_registry("attic", [("Attic", None)]), match_registry("Attic", [("attic", None), ("Attic", None)])
    ('Attic', 'Attic')
    """
    rows = list(registries)
    if any(registry == name for registry, _ in rows):
        return name
    by_spelling = {service_name.lower(): registry for registry, service_name in reversed(rows) if service_name}
    by_spelling |= {registry.lower(): registry for registry, _ in reversed(rows)}
    return by_spelling.get(name.lower(), name)
