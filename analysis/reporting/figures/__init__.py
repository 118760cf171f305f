"""The figures of a report: one file each, with one function `draw(report) -> Iterator[Figure]`.

A file in this folder is a figure, with no other registration. A figure knows the report document and nothing else.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module

from analysis.reporting.figures._figure import Figure
from analysis.reporting.rows import Report
from analysis.reporting.wording import escape_hidden

SECTION_ORDER = ("trust", "turnover", "descendants", "preservation", "lineage", "documentation", "claims")


def draw_figures(document: Report) -> list[Figure]:
    """Draw every figure that the document has numbers for, in the order of the report's sections."""
    report = escape_hidden(document)
    names = sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))
    figures = [figure for name in names for figure in import_module(f"{__name__}.{name}").draw(report)]
    return sorted(figures, key=lambda figure: (SECTION_ORDER.index(figure.section), figure.name))
