"""Does the card say what the model is?"""

from __future__ import annotations

import re
from collections.abc import Iterator

from analysis.scoring.rules import CardContent, CardEvidence, CardStatement, heading_topics, shorten_passage
from analysis.scoring.vocabulary import UNSPACED_SCRIPT, threshold, word_pattern

OTHER_TOPICS = {"training", "evaluation", "limitations", "how_to_use", "aside"}


def find_evidence(content: CardContent) -> CardEvidence | None:
    """Find a sentence or a heading that says what the model is, or a list of its properties.

    >>> from analysis.scoring.rules import find_all_evidence
    >>> find_all_evidence("# Owl\\n\\nOwl is a language model for Welsh.")["description"].passage
    'Owl is a language model for Welsh.'
    """
    return _find_sentence(content) or _find_heading(content) or _find_keys(content)


def _find_sentence(content: CardContent) -> CardEvidence | None:
    for statement in content.of_kinds("text", "item"):
        is_at_home = not statement.topics or "description" in statement.topics
        for sentence in statement.sentences():
            if word_pattern("description", "excluded").search(sentence):
                continue
            if is_at_home and word_pattern("description", "nouns").search(sentence):
                return CardEvidence("says what the model is", shorten_passage(sentence))
            if word_pattern("description", "statements").search(sentence) and "aside" not in statement.topics:
                reason = f"says what the model is, under {statement.heading!r}"
                return CardEvidence(reason, shorten_passage(sentence))
    return None


def _find_heading(content: CardContent) -> CardEvidence | None:
    for statement in content.of_kinds("heading"):
        text = statement.text
        length = len(text.split()) + len(UNSPACED_SCRIPT.findall(text)) // 2
        is_title = length >= 5 and word_pattern("description", "titles").search(text) and not heading_topics(text)
        if is_title or (length >= 6 and word_pattern("description", "statements").search(text)):
            return CardEvidence("a heading says what the model is", shorten_passage(text))
    return None


def _find_keys(content: CardContent) -> CardEvidence | None:
    lines = list(_iter_key_lines(content.of_kinds("item", "text", "row")))
    if len(lines) >= threshold("keys_of_a_description"):
        return CardEvidence("lists what the model is", shorten_passage("; ".join(lines)))
    return None


def _iter_key_lines(statements: Iterator[CardStatement]) -> Iterator[str]:
    for statement in statements:
        if statement.topics <= {"description"} or not statement.topics & OTHER_TOPICS:
            separator = "|" if statement.block.kind == "row" else ":"
            for line in statement.text.split("\n")[:200]:
                key, _, value = re.sub(r"^[\W_]+", "", line).partition(separator)
                if value.strip(" []") and len(key) < 50 and word_pattern("description", "keys").match(key):
                    yield line.strip()
