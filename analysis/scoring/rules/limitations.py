"""Does the card say what the model cannot do, must not be used for, or does badly?"""

from __future__ import annotations

from analysis.scoring.rules import CardContent, CardEvidence, CardStatement, is_pointer, shorten_passage
from analysis.scoring.vocabulary import word_pattern

PROSE_KINDS = ("text", "item", "row")


def find_evidence(content: CardContent) -> CardEvidence | None:
    """Find a sentence under a heading of limitations, or a sentence that names a limitation anywhere.

    >>> from analysis.scoring.rules import find_all_evidence
    >>> evidence = find_all_evidence("## Limitations\\n\\nIt knows nothing of what happened after 2020.")
    >>> evidence["limitations"].reason
    "under 'Limitations'"
    """
    return _find_under_heading(content) or _find_anywhere(content)


def _find_under_heading(content: CardContent) -> CardEvidence | None:
    for statement in content.under_topic("limitations", *PROSE_KINDS):
        for sentence in statement.sentences():
            if not _is_limitations_only(statement) and not word_pattern("limitations", "statements").search(sentence):
                continue
            if not is_pointer(sentence) and not word_pattern("limitations", "excluded").search(sentence):
                return CardEvidence(f"under {statement.heading!r}", shorten_passage(sentence))
    return None


def _is_limitations_only(statement: CardStatement) -> bool:
    """Return whether the heading is about limitations only, and not about uses too."""
    return statement.topics <= {"limitations", "aside"}


def _find_anywhere(content: CardContent) -> CardEvidence | None:
    for statement in content.of_kinds("text", "item"):
        if "aside" in statement.topics:
            continue
        for sentence in statement.sentences():
            if not word_pattern("limitations", "anywhere").search(sentence) or is_pointer(sentence):
                continue
            if not word_pattern("limitations", "excluded").search(sentence):
                return CardEvidence("names a limitation of the model", shorten_passage(sentence))
    return None
