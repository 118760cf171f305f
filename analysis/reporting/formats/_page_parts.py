"""Parts of a page: the sections that have content, and sentences with their code and dates."""

from __future__ import annotations

import re
from collections.abc import Set
from dataclasses import dataclass

from analysis.reporting.view import ReportView


@dataclass(frozen=True)
class ProsePart:
    """A part of a sentence: `kind` is text, code or date."""

    kind: str
    text: str


@dataclass(frozen=True)
class PageSection:
    """One section of the page, for the navigation."""

    id: str
    title: str


def list_sections(view: ReportView, drawn: Set[str]) -> list[PageSection]:
    """Return the sections that have content. The view says why the others are left out."""
    series = view.series
    has_content = {
        PageSection("turnover", "Turnover"): "turnover" in drawn
        or any(ranking.changes or ranking.matched or ranking.population for ranking in series),
        PageSection("movers", "Who moved"): any(ranking.top or ranking.moves for ranking in series),
        PageSection("descendants", "Descendants"): bool(drawn & {"descendants", "lineage"})
        or any(ranking.base_models or ranking.descendants for ranking in series),
        PageSection("preservation", "Library preservation"): "preservation" in drawn
        or any(ranking.preservation for ranking in series),
        PageSection("documentation", "Documentation"): "documentation" in drawn,
        PageSection("claims", "Claims"): bool(view.claims),
        PageSection("trust", "Can I trust this?"): True,
        PageSection("method", "Method"): True,
        PageSection("cite", "How to cite"): True,
    }
    return [section for section, is_shown in has_content.items() if is_shown]


def split_prose(sentence: str) -> list[ProsePart]:
    """Split a sentence into text, code between backticks, and dates, which no line may break.

    >>> [(part.kind, part.text) for part in split_prose("run `a b` on 2026-01-05")]
    [('text', 'run '), ('code', 'a b'), ('text', ' on '), ('date', '2026-01-05')]
    """
    pieces = [sentence] if sentence.count("`") % 2 else sentence.split("`")
    return [
        part
        for position, piece in enumerate(pieces)
        for part in ([ProsePart("code", piece)] if position % 2 else _split_dates(piece))
        if part.text
    ]


def _split_dates(text: str) -> list[ProsePart]:
    pieces = re.split(r"(\b\d{4}-\d\d-\d\d\b)", text)
    return [ProsePart("date" if position % 2 else "text", piece) for position, piece in enumerate(pieces)]
