"""Does the card say what the model is?"""

from __future__ import annotations

import re
from collections.abc import Iterator

from analysis.scoring.rules import Finding, Reading, Said, cut, topics_of_heading
from analysis.scoring.vocabulary import UNSPACED, number, words

ELSEWHERE = {"training", "evaluation", "limitations", "how_to_use", "aside"}


def find(reading: Reading) -> Finding | None:
    """A sentence that says what the model is; or a heading that is one; or a list of what it is.

    >>> from analysis.scoring.rules import findings
    >>> findings("# Owl\\n\\nOwl is a language model for Welsh.")["description"].passage
    'Owl is a language model for Welsh.'
    """
    return _sentence(reading) or _heading(reading) or _keys(reading)


def _sentence(reading: Reading) -> Finding | None:
    for said in reading.of("text", "item"):
        at_home = not said.topics or "description" in said.topics
        for sentence in said.sentences():
            if words("description", "else").search(sentence):
                continue
            if at_home and words("description", "nouns").search(sentence):
                return Finding("says what the model is", cut(sentence))
            if words("description", "says").search(sentence) and "aside" not in said.topics:
                return Finding(f"says what the model is, under {said.heading!r}", cut(sentence))
    return None


def _heading(reading: Reading) -> Finding | None:
    for said in reading.of("heading"):
        many = len(said.text.split()) + len(UNSPACED.findall(said.text)) // 2
        titled = many >= 5 and words("description", "titles").search(said.text) and not topics_of_heading(said.text)
        if titled or (many >= 6 and words("description", "says").search(said.text)):
            return Finding("a heading says what the model is", cut(said.text))
    return None


def _keys(reading: Reading) -> Finding | None:
    held = list(_key_lines(reading.of("item", "text", "row")))
    if len(held) >= number("keys_of_a_description"):
        return Finding("lists what the model is", cut("; ".join(held)))
    return None


def _key_lines(blocks: Iterator[Said]) -> Iterator[str]:
    for said in blocks:
        if said.topics <= {"description"} or not said.topics & ELSEWHERE:
            for line in said.text.split("\n")[:200]:
                key, _, value = re.sub(r"^[\W_]+", "", line).partition("|" if said.block.kind == "row" else ":")
                if value.strip(" []") and len(key) < 50 and words("description", "keys").match(key):
                    yield line.strip()
