"""The identity of a package: the registry's own stable id, and the name only where the registry has no id."""

from __future__ import annotations

import re

from db.renames import current_name

IGNORES_CASE = ("hex", "nuget", "packagist")  # registries in which two names never differ by case alone


def derive_stable_id(registry: str, name: str) -> str:
    """Return the stable id of a package of which only the name is known.

    The Hub renames packages, so a bare name is a placeholder until the `_id` is seen. Both names of a known rename give
    the same id. Each registry of Ecosyste.ms compares names by its own rule: PyPI by PEP 503, crates without case and
    with `-` as `_`, NuGet, Packagist and Hex without case, and the others exactly (npm has both `JSONStream` and
    `jsonstream`).

    >>> derive_stable_id("huggingface/models", "bigscience/bloom")
    'name:bigscience/bloom'
    >>> derive_stable_id("huggingface/models", "gpt2")
    'name:openai-community/gpt2'
    >>> derive_stable_id("pypi", "Zope.Interface"), derive_stable_id("cargo", "Serde-JSON")
    ('zope-interface', 'serde_json')
    >>> derive_stable_id("npm", "JSONStream"), derive_stable_id("nuget", "Newtonsoft.Json")
    ('JSONStream', 'newtonsoft.json')
    """
    name = name.strip()
    if registry.startswith("huggingface/"):
        return f"name:{current_name(registry, name)}"
    if registry == "pypi":
        return re.sub(r"[-_.]+", "-", name).lower()
    if registry == "cargo":
        return name.replace("-", "_").lower()
    return name.lower() if registry in IGNORES_CASE else name


def name_to_show(registry: str, name: str) -> str:
    """Return the name of a package as its registry writes it. PyPI has one spelling, and other registries have many.

    >>> name_to_show("pypi", "Zope.Interface"), name_to_show("nuget", "Newtonsoft.Json")
    ('zope-interface', 'Newtonsoft.Json')
    """
    return derive_stable_id(registry, name) if registry == "pypi" else name.strip()
