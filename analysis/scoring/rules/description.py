"""Does the card say what the model is?"""

from __future__ import annotations

import re
from collections.abc import Iterator

from analysis.scoring.rules import CardContent, CardEvidence, CardStatement, heading_topics, shorten_passage
from analysis.scoring.vocabulary import UNSPACED_SCRIPT, threshold, word_pattern

OTHER_TOPICS = {"training", "evaluation", "limitations", "how_to_use", "aside"}


def find_evidence(content: CardContent) -> CardEvidence | None:
    """A sentence that says what the model is; or a heading that is one; or a list of what it is.

    >>> from analysis.scoring.rules import find_all_evidence
    >>> find_all_evidence("# Owl\\n\\nOwl is a language model for Welsh.")["description"].passage
    'Owl is a language model for Welsh.'
    """
    return _find_sentence(content) or _find_heading(content) or _find_keys(content)


def _find_sentence(content: CardContent) -> CardEvidence | None:
    for said in content.of_kinds("text", "item"):
        at_home = not said.topics or "description" in said.topics
        for sentence in said.sentences():
            if word_pattern("description", "else").search(sentence):
                continue
            if at_home and word_pattern("description", "nouns").search(sentence):
                return CardEvidence("says what the model is", shorten_passage(sentence))
            if word_pattern("description", "says").search(sentence) and "aside" not in said.topics:
                return CardEvidence(f"says what the model is, under {said.heading!r}", shorten_passage(sentence))
    return None


def _find_heading(content: CardContent) -> CardEvidence | None:
    for said in content.of_kinds("heading"):
        many = len(said.text.split()) + len(UNSPACED_SCRIPT.findall(said.text)) // 2
        titled = many >= 5 and word_pattern("description", "titles").search(said.text) and not heading_topics(said.text)
        if titled or (many >= 6 and word_pattern("description", "says").search(said.text)):
            return CardEvidence("a heading says what the model is", shorten_passage(said.text))
    return None


def _find_keys(content: CardContent) -> CardEvidence | None:
    held = list(_iter_key_lines(content.of_kinds("item", "text", "row")))
    if len(held) >= threshold("keys_of_a_description"):
        return CardEvidence("lists what the model is", shorten_passage("; ".join(held)))
    return None


def _iter_key_lines(statements: Iterator[CardStatement]) -> Iterator[str]:
    for said in statements:
        if said.topics <= {"description"} or not said.topics & OTHER_TOPICS:
            for line in said.text.split("\n")[:200]:
                key, _, value = re.sub(r"^[\W_]+", "", line).partition("|" if said.block.kind == "row" else ":")
                if value.strip(" []") and len(key) < 50 and word_pattern("description", "keys").match(key):
                    yield line.strip()
