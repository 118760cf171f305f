"""The names of registries, as people spell them on a command line (pure)."""

from __future__ import annotations

import re
from collections.abc import Iterable

HUB_KINDS = ("models", "datasets", "spaces")
HUB_NAMES = ("huggingface", "hf", "hugging face", "hugging-face")
HUB_URL = re.compile(r"(?:https?://)?(?:www\.)?huggingface\.co(?:/([a-z]+))?")


def parse_registry(text: str) -> str:
    """Return the name of a registry for a spelling of it, as an argument type. An unknown spelling is only lowered.

    >>> [parse_registry(text) for text in ("PyPI", "NPM", "hf", "models", "HuggingFace/Datasets")]
    ['pypi', 'npm', 'huggingface/models', 'huggingface/models', 'huggingface/datasets']
    >>> parse_registry("https://huggingface.co/spaces/")
    'huggingface/spaces'
    """
    name = " ".join(text.lower().split()).rstrip("/")
    url = HUB_URL.fullmatch(name)
    if url:
        return f"huggingface/{url[1] or HUB_KINDS[0]}"
    service, _, kind = name.partition("/")
    if service in HUB_NAMES:
        return f"huggingface/{kind or HUB_KINDS[0]}"
    return f"huggingface/{name}" if name in HUB_KINDS else name


def match_registry(name: str, registries: Iterable[tuple[str, str | None]]) -> str:
    """Return the registry that has a name, or else the registry that its service calls so, or else the name.

    >>> match_registry("npm.example", [("npm", "npm.example"), ("pypi", None)]), match_registry("go", [])
    ('npm', 'go')
    """
    rows = list(registries)
    if any(registry == name for registry, _ in rows):
        return name
    return next((registry for registry, service_name in rows if service_name == name), name)
