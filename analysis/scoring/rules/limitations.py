"""Does the card say what the model cannot, must not, or does badly?"""

from __future__ import annotations

from analysis.scoring.rules import CardContent, CardEvidence, CardStatement, is_pointer, shorten_passage
from analysis.scoring.vocabulary import word_pattern

PROSE_KINDS = ("text", "item", "row")


def find_evidence(content: CardContent) -> CardEvidence | None:
    """What stands under a heading of limits, or a sentence that tells one wherever it stands.

    >>> from analysis.scoring.rules import find_all_evidence
    >>> find_all_evidence("## Limitations\\n\\nIt knows nothing of what happened after 2020.")["limitations"].reason
    "under 'Limitations'"
    """
    return _find_under_heading(content) or _find_anywhere(content)


def _find_under_heading(content: CardContent) -> CardEvidence | None:
    for said in content.under_topic("limitations", *PROSE_KINDS):
        for sentence in said.sentences():
            if not _is_limitations_only(said) and not word_pattern("limitations", "says").search(sentence):
                continue
            if not is_pointer(sentence) and not word_pattern("limitations", "else").search(sentence):
                return CardEvidence(f"under {said.heading!r}", shorten_passage(sentence))
    return None


def _is_limitations_only(statement: CardStatement) -> bool:
    """Whether the heading is of limits only, not of uses and limits."""
    return statement.topics <= {"limitations", "aside"}


def _find_anywhere(content: CardContent) -> CardEvidence | None:
    for said in content.of_kinds("text", "item"):
        if "aside" in said.topics:
            continue
        for sentence in said.sentences():
            told = word_pattern("limitations", "strong").search(sentence)
            if told and not is_pointer(sentence) and not word_pattern("limitations", "else").search(sentence):
                return CardEvidence("tells a limit of the model", shorten_passage(sentence))
    return None
