"""Lineage in plain Python, to compare metrics with."""

from __future__ import annotations

from collections.abc import Mapping


def find_descendants(children: Mapping[str, set[str]], top: str) -> set[str]:
    """Return the direct and indirect children of a package, without the package itself."""
    names: set[str] = set()
    queue = [top]
    while queue:
        next_names = children.get(queue.pop(), set()) - names
        names |= next_names
        queue += next_names
    return names - {top}
