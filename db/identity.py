"""Who a package is: the registry's own stable id, never its name alone where the registry has better."""

from __future__ import annotations

import re


def derive_stable_id(registry: str, name: str) -> str:
    """The identity of a package of which only the name is known.

    The Hub renames, so a bare name is only a stand-in until its `_id` is seen. PyPI compares names by PEP 503; the
    other registries of Ecosyste.ms compare them as they are (npm has both `JSONStream` and `jsonstream`).

    >>> derive_stable_id("huggingface/models", "gpt2")
    'name:gpt2'
    >>> derive_stable_id("pypi", "Zope.Interface")
    'zope-interface'
    >>> derive_stable_id("npm", "JSONStream")
    'JSONStream'
    """
    name = name.strip()
    if registry.startswith("huggingface/"):
        return f"name:{name}"
    if registry == "pypi":
        return re.sub(r"[-_.]+", "-", name).lower()
    return name
