"""The identity of a package: the registry's own stable id, and the name only where the registry has no id."""

from __future__ import annotations

import re

from db.renames import current_name


def derive_stable_id(registry: str, name: str) -> str:
    """Return the stable id of a package of which only the name is known.

    The Hub renames packages, so a bare name is a placeholder until the `_id` is seen. Both names of a known rename give
    the same id. PyPI compares names by PEP 503. The other registries of Ecosyste.ms compare names exactly (npm has both
    `JSONStream` and `jsonstream`).

    >>> derive_stable_id("huggingface/models", "bigscience/bloom")
    'name:bigscience/bloom'
    >>> derive_stable_id("huggingface/models", "gpt2")
    'name:openai-community/gpt2'
    >>> derive_stable_id("pypi", "Zope.Interface")
    'zope-interface'
    >>> derive_stable_id("npm", "JSONStream")
    'JSONStream'
    """
    name = name.strip()
    if registry.startswith("huggingface/"):
        return f"name:{current_name(registry, name)}"
    if registry == "pypi":
        return re.sub(r"[-_.]+", "-", name).lower()
    return name
