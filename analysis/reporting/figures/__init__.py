"""The figures of a report: one file each, with one function `draw(report) -> Iterator[Figure]`.

Being in the folder is the registration. A figure knows the report's document and nothing else of ours.
"""

from __future__ import annotations

import pkgutil
import re
from collections.abc import Mapping
from importlib import import_module

from analysis.reporting.figures._figure import Figure

SECTION_ORDER = ("trust", "turnover", "descendants", "preservation", "lineage", "documentation", "claims")

HIDDEN_CHARACTERS = (
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff\ufffe\uffff]"
)


def draw_figures(report: Mapping[str, object]) -> list[Figure]:
    """Every figure that the document has numbers for, in the order of the report's sections."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))
    report = escape_hidden(report)
    found = [figure for name in names for figure in import_module(f"{__name__}.{name}").draw(report)]
    return sorted(found, key=lambda figure: (SECTION_ORDER.index(figure.section), figure.name))


def escape_hidden(value: object) -> object:
    r"""The same document with control and direction characters shown, not obeyed: no drawing may hold them.

    >>> escape_hidden({"name": ["a\x1bb", 1]})
    {'name': ['a⟨U+001B⟩b', 1]}
    """
    if isinstance(value, str):
        return re.sub(HIDDEN_CHARACTERS, lambda found: f"⟨U+{ord(found[0]):04X}⟩", value)
    if isinstance(value, Mapping):
        return {key: escape_hidden(value) for key, value in value.items()}
    return [escape_hidden(one) for one in value] if isinstance(value, list | tuple) else value
