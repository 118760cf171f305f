"""The five questions by rules: one file each with `find_evidence(content) -> CardEvidence | None`, and shared parts."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from analysis.scoring import ITEMS, Item
from analysis.scoring.markdown import CardBlock, CardDocument, parse_card
from analysis.scoring.vocabulary import UNSPACED_SCRIPT, threshold, word_pattern

TOPICS = ("limitations", "evaluation", "training", "how_to_use", "description", "aside")
VERSION = 2
MAX_PASSAGE_CHARACTERS = 300
URL = re.compile(r"https?://\S+|www\.\S+")
MODEL_NAME = re.compile(r"(?=\S*[\d_/])(?=\S*[-_/])\S*\w\S*|(\S+-){3,}\S+")  # in a heading
SENTENCE_END = re.compile(r"(?<=[.!?;])\s+|(?<=[。\uff01\uff1f\uff1b])|\n")
MIN_WRAPPED_CHARACTERS = 40  # a line at least this long may have been wrapped


@dataclass(frozen=True)
class CardEvidence:
    """Why an item is a yes, and the passage that shows it."""

    reason: str
    passage: str


@dataclass(frozen=True)
class CardStatement:
    """One block that is not from a template, with its heading and the topics of the heading."""

    block: CardBlock
    topics: frozenset[str]
    heading: str

    @property
    def text(self) -> str:
        """The text of the block."""
        return self.block.text

    def sentences(self) -> Iterator[str]:
        """Yield the sentences of the block. Fragments with too few words and sentences of a template are skipped."""
        for sentence in SENTENCE_END.split(unwrap_lines(URL.sub(" ", self.text))):
            if is_sentence(sentence):
                yield sentence.strip()


@dataclass(frozen=True)
class CardContent:
    """The statements of a card, without those that come from a template."""

    statements: tuple[CardStatement, ...]

    def of_kinds(self, *kinds: str) -> Iterator[CardStatement]:
        """Yield the statements of some kinds of blocks, in order."""
        return (statement for statement in self.statements if statement.block.kind in kinds)

    def under_topic(self, topic: str, *kinds: str) -> Iterator[CardStatement]:
        """Yield the statements under headings of one topic, of all kinds or of some kinds of blocks."""
        return (
            statement
            for statement in self.statements
            if topic in statement.topics and (not kinds or statement.block.kind in kinds)
        )


def find_all_evidence(text: str) -> Mapping[Item, CardEvidence | None]:
    """Return for each item why it is a yes, or None.

    >>> text = "# Owl\\n\\nOwl is a language model for Welsh that was trained on the Welsh Wikipedia."
    >>> [item for item, evidence in find_all_evidence(text).items() if evidence]
    ['description', 'training']
    """
    content = extract_content(parse_card(text))
    return {item: _load_rule(item)(content) for item in ITEMS}


def _load_rule(item: Item) -> Callable[[CardContent], CardEvidence | None]:
    rule: Callable[[CardContent], CardEvidence | None] = importlib.import_module(f"{__name__}.{item}").find_evidence
    return rule


def extract_content(card: CardDocument) -> CardContent:
    """Return the statements of a card without those of templates, each with its topics."""
    statements = []
    for block in card.blocks:
        if block.kind in ("text", "item", "heading", "row") and is_placeholder(block.text):
            continue
        if block.kind == "code" and is_placeholder(block.text.strip()[:300].lstrip("#/ ")):
            continue
        heading, topics = nearest_topics(block.path)
        statements.append(CardStatement(block, topics, heading))
    return CardContent(tuple(statements))


def nearest_topics(path: tuple[str, ...]) -> tuple[str, frozenset[str]]:
    """Return the nearest heading that has a topic, and its topics."""
    for heading in reversed(path):
        if topics := heading_topics(heading):
            return heading, topics
    return "", frozenset()


@lru_cache(4096)
def heading_topics(heading: str) -> frozenset[str]:
    """Return the topics of a heading. A heading that is a sentence or a name has none.

    >>> sorted(heading_topics("Intended uses & limitations"))
    ['how_to_use', 'limitations']
    """
    if len(heading.split()) > 9:
        return frozenset()
    heading = " ".join(word for word in heading.split() if not MODEL_NAME.fullmatch(word))
    return frozenset(topic for topic in TOPICS if word_pattern("headings", topic).search(heading))


def unwrap_lines(text: str) -> str:
    """Join lines that were wrapped at a width, so that sentences are whole again. Short lines stay as they are.

    >>> unwrap_lines("It is a model\\nof owls.")
    'It is a model\\nof owls.'
    """
    lines: list[str] = []
    for line in text.split("\n"):
        before = lines[-1] if lines else ""
        is_wrapped = len(before) >= MIN_WRAPPED_CHARACTERS and before[-1:] not in ".!?:;。"
        if is_wrapped and not re.match(r"\W*\w[\w ]{0,30}:\s", line):
            lines[-1] = f"{before} {line.strip()}"[:5_000]
        else:
            lines.append(line.strip())
    return "\n".join(lines)


def is_placeholder(text: str) -> bool:
    """Return whether a text is what a template says before anybody has edited it.

    >>> is_placeholder("[More Information Needed]"), is_placeholder("Trained on news.")
    (True, False)
    """
    return bool(word_pattern("placeholder", "full_text").search(text[:300]) or _is_template(text[:600]))


def _is_template(text: str) -> bool:
    match = word_pattern("placeholder", "sentences").search(text)
    return match is not None and len(text) - len(match[0]) < 260


def is_sentence(text: str) -> bool:
    """Return whether a text has enough words for a sentence, and is not from a template."""
    signs = len(UNSPACED_SCRIPT.findall(text))
    words = len(re.findall(r"[^\W\d_]{2,}", UNSPACED_SCRIPT.sub(" ", text[:2000])))
    is_long_enough = signs >= threshold("signs_of_a_sentence") or words >= threshold("words_of_a_sentence")
    return is_long_enough and not is_placeholder(text)


def is_pointer(sentence: str) -> bool:
    """Return whether a sentence only refers the reader to another place."""
    return bool(word_pattern("limitations", "pointers").search(sentence))


def shorten_passage(text: str) -> str:
    """Return a passage in one line, short enough to be shown."""
    line = " ".join(text.split())
    return line if len(line) <= MAX_PASSAGE_CHARACTERS else line[: MAX_PASSAGE_CHARACTERS - 1] + "…"
