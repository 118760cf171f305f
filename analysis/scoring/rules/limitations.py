"""Does the card say what the model cannot, must not, or does badly?"""

from __future__ import annotations

from analysis.scoring.rules import Finding, Reading, Said, cut, is_pointer
from analysis.scoring.vocabulary import words

PROSE = ("text", "item", "row")


def find(reading: Reading) -> Finding | None:
    """What stands under a heading of limits, or a sentence that tells one wherever it stands.

    >>> from analysis.scoring.rules import findings
    >>> findings("## Limitations\\n\\nIt knows nothing of what happened after 2020.")["limitations"].reason
    "under 'Limitations'"
    """
    return _under_heading(reading) or _anywhere(reading)


def _under_heading(reading: Reading) -> Finding | None:
    for said in reading.under("limitations", *PROSE):
        for sentence in said.sentences():
            if not _is_of_limits(said) and not words("limitations", "says").search(sentence):
                continue
            if not is_pointer(sentence) and not words("limitations", "else").search(sentence):
                return Finding(f"under {said.heading!r}", cut(sentence))
    return None


def _is_of_limits(said: Said) -> bool:
    """Whether the heading is of limits only, not of uses and limits."""
    return said.topics <= {"limitations", "aside"}


def _anywhere(reading: Reading) -> Finding | None:
    for said in reading.of("text", "item"):
        if "aside" in said.topics:
            continue
        for sentence in said.sentences():
            told = words("limitations", "strong").search(sentence)
            if told and not is_pointer(sentence) and not words("limitations", "else").search(sentence):
                return Finding("tells a limit of the model", cut(sentence))
    return None
