"""The figures of a report: one file each, with one function `draw(report) -> Iterator[Figure]`.

Being in the folder is the registration. A figure knows the report's document and nothing else of ours.
"""

from __future__ import annotations

import pkgutil
import re
from collections.abc import Mapping
from importlib import import_module

from analysis.reporting.figures._figure import Figure

ORDER = ("trust", "turnover", "descendants", "preservation", "lineage", "documentation", "claims")

HIDDEN = "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff\ufffe\uffff]"


def figures(report: Mapping[str, object]) -> list[Figure]:
    """Every figure that the document has numbers for, in the order of the report's sections."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))
    report = printable(report)
    found = [figure for name in names for figure in import_module(f"{__name__}.{name}").draw(report)]
    return sorted(found, key=lambda figure: (ORDER.index(figure.section), figure.name))


def printable(given: object) -> object:
    r"""The same document with control and direction characters shown, not obeyed: no drawing may hold them.

    >>> printable({"name": ["a\x1bb", 1]})
    {'name': ['a⟨U+001B⟩b', 1]}
    """
    if isinstance(given, str):
        return re.sub(HIDDEN, lambda found: f"⟨U+{ord(found[0]):04X}⟩", given)
    if isinstance(given, Mapping):
        return {key: printable(value) for key, value in given.items()}
    return [printable(one) for one in given] if isinstance(given, list | tuple) else given
