"""The five questions by rules: one file each, with `find(card) -> Finding | None`; here is what they share."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from analysis.scoring import ITEMS
from analysis.scoring.markdown import CardBlock, CardDocument, parse_card
from analysis.scoring.vocabulary import UNSPACED_SCRIPT, threshold, word_pattern

TOPICS = ("limitations", "evaluation", "training", "how_to_use", "description", "aside")
VERSION = 2
MAX_PASSAGE_CHARACTERS = 300
URL = re.compile(r"https?://\S+|www\.\S+")
MODEL_NAME = re.compile(r"(?=\S*[\d_/])(?=\S*[-_/])\S*\w\S*|(\S+-){3,}\S+")  # the name of a model, in a heading
MIN_WRAPPED_CHARACTERS = 40  # characters of a line that may have been broken at a width


@dataclass(frozen=True)
class CardEvidence:
    """Why an item is a yes, and the passage that shows it."""

    reason: str
    passage: str


@dataclass(frozen=True)
class CardStatement:
    """One block that is no template, with the topics of the heading it stands under."""

    block: CardBlock
    topics: frozenset[str]
    heading: str

    @property
    def text(self) -> str:
        """What the block says."""
        return self.block.text

    def sentences(self) -> Iterator[str]:
        """Its sentences, as far as they are one: enough words, and none of a template."""
        for sentence in re.split(r"(?<=[.!?;])\s+|(?<=[。！？；])|\n", unwrap_lines(URL.sub(" ", self.text))):
            if is_sentence(sentence):
                yield sentence.strip()


@dataclass(frozen=True)
class CardContent:
    """What a card says, without what only a template says."""

    statements: tuple[CardStatement, ...]

    def of_kinds(self, *kinds: str) -> Iterator[CardStatement]:
        """The blocks of some kinds, in order."""
        return (one for one in self.statements if one.block.kind in kinds)

    def under_topic(self, topic: str, *kinds: str) -> Iterator[CardStatement]:
        """The blocks under headings of one topic."""
        return (one for one in self.statements if topic in one.topics and (not kinds or one.block.kind in kinds))


def find_all_evidence(text: str) -> Mapping[str, CardEvidence | None]:
    """For each item why it is a yes, or None.

    >>> found = find_all_evidence("# Owl\\n\\nOwl is a language model for Welsh that was trained on the Welsh Wikipedia.")
    >>> [item for item, one in found.items() if one]
    ['description', 'training']
    """
    reading = extract_content(parse_card(text))
    return {item: _load_rule(item)(reading) for item in ITEMS}


def _load_rule(item: str) -> Callable[[CardContent], CardEvidence | None]:
    return importlib.import_module(f"analysis.scoring.rules.{item}").find_evidence


def extract_content(card: CardDocument) -> CardContent:
    """The card without templates, each block with its topics."""
    kept = []
    for block in card.blocks:
        if block.kind in ("text", "item", "heading", "row") and is_placeholder(block.text):
            continue
        if block.kind == "code" and is_placeholder(block.text.strip()[:300].lstrip("#/ ")):
            continue
        heading, topics = nearest_topics(block.path)
        kept.append(CardStatement(block, topics, heading))
    return CardContent(tuple(kept))


def nearest_topics(path: tuple[str, ...]) -> tuple[str, frozenset[str]]:
    """The nearest heading with a topic, and its topics."""
    for heading in reversed(path):
        if topics := heading_topics(heading):
            return heading, topics
    return "", frozenset()


@lru_cache(4096)
def heading_topics(heading: str) -> frozenset[str]:
    """What a heading announces; nothing, where it is a sentence or a name rather than a heading.

    >>> sorted(heading_topics("Intended uses & limitations"))
    ['how_to_use', 'limitations']
    """
    if len(heading.split()) > 9:
        return frozenset()
    heading = " ".join(word for word in heading.split() if not MODEL_NAME.fullmatch(word))
    return frozenset(topic for topic in TOPICS if word_pattern("headings", topic).search(heading))


def unwrap_lines(text: str) -> str:
    """Text whose lines were broken at a width, with its sentences whole again; short lines stay as they are.

    >>> unwrap_lines("It is a model\\nof owls.")
    'It is a model\\nof owls.'
    """
    lines: list[str] = []
    for line in text.split("\n"):
        before = lines[-1] if lines else ""
        if (
            len(before) >= MIN_WRAPPED_CHARACTERS
            and before[-1:] not in ".!?:;。"
            and not re.match(r"\W*\w[\w ]{0,30}:\s", line)
        ):
            lines[-1] = f"{before} {line.strip()}"[:5_000]
        else:
            lines.append(line.strip())
    return "\n".join(lines)


def is_placeholder(text: str) -> bool:
    """Whether this is what a template says before anybody has written.

    >>> is_placeholder("[More Information Needed]"), is_placeholder("Trained on news.")
    (True, False)
    """
    return bool(word_pattern("placeholder", "whole").search(text[:300]) or _is_template(text[:600]))


def _is_template(text: str) -> bool:
    found = word_pattern("placeholder", "sentences").search(text)
    return bool(found) and len(text) - len(found[0]) < 260


def is_sentence(text: str) -> bool:
    """Whether there are words enough to say something, and it is not a template that says them."""
    signs = len(UNSPACED_SCRIPT.findall(text))
    spoken = len(re.findall(r"[^\W\d_]{2,}", UNSPACED_SCRIPT.sub(" ", text[:2000])))
    enough = signs >= threshold("signs_of_a_sentence") or spoken >= threshold("words_of_a_sentence")
    return enough and not is_placeholder(text)


def is_pointer(sentence: str) -> bool:
    """Whether a sentence only sends the reader elsewhere."""
    return bool(word_pattern("limitations", "pointer").search(sentence))


def shorten_passage(text: str) -> str:
    """A passage short enough to be shown."""
    flat = " ".join(text.split())
    return flat if len(flat) <= MAX_PASSAGE_CHARACTERS else flat[: MAX_PASSAGE_CHARACTERS - 1] + "…"
