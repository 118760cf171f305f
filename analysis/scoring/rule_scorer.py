"""The scorer by rules: many cards, in their order, over all processors."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol, TypeVar

from analysis.scoring import ITEMS, Evidence, Item, ScoreRow
from analysis.scoring.rules import VERSION, CardEvidence, find_all_evidence

SCORER = "rules"
MAX_SERIAL_CARDS = 40  # so few cards are not worth another process
CHUNK_SIZE = 64

T = TypeVar("T")
R = TypeVar("R")


class WorkerMap(Protocol):
    """A `map` over worker processes, or in this process."""

    def __call__(self, function: Callable[[T], R], values: Iterable[T], /) -> Iterable[R]:
        """Return the results of a function in the order of its values."""


def score_cards(cards: Iterable[tuple[str, str]], processes: int | None = None) -> Iterator[ScoreRow]:
    """Yield the score of each card, in order. The scores do not depend on the number of processes."""
    remaining = iter(cards)
    first = list(itertools.islice(remaining, MAX_SERIAL_CARDS + 1))
    with worker_map(1 if len(first) <= MAX_SERIAL_CARDS else processes) as map_cards:
        yield from map_cards(score_card, itertools.chain(first, remaining))


@contextmanager
def worker_map(processes: int | None) -> Iterator[WorkerMap]:
    """Open a `map` over this number of processes (default: one per processor)."""
    if (processes or os.cpu_count() or 1) == 1:
        yield map
        return
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        yield lambda function, values: pool.imap(function, values, chunksize=CHUNK_SIZE)


def score_card(card: tuple[str, str]) -> ScoreRow:
    """Return the score of one card: the five answers, the share of yes, and the evidence for each yes.

    >>> score_card(("owl.md", "Owl is a language model for Welsh."))["score"]
    0.2
    """
    name, text = card
    findings = find_all_evidence(text)
    answers = to_answers(findings)
    return {
        "file": name, "description": answers["description"], "limitations": answers["limitations"],
        "how_to_use": answers["how_to_use"], "training": answers["training"], "evaluation": answers["evaluation"],
        "score": yes_share(findings), "evidence": format_evidence(findings),
    }  # fmt: skip


def to_answers(findings: Mapping[Item, CardEvidence | None]) -> dict[Item, bool]:
    """Return the five answers."""
    return {item: findings[item] is not None for item in ITEMS}


def yes_share(findings: Mapping[Item, CardEvidence | None]) -> float:
    """Return the share of the items that are a yes."""
    return sum(evidence is not None for evidence in findings.values()) / len(ITEMS)


def format_evidence(findings: Mapping[Item, CardEvidence | None]) -> dict[Item, Evidence]:
    """Return the reason and the passage of each yes."""
    return {
        item: {"reason": evidence.reason, "passage": evidence.passage}
        for item, evidence in findings.items()
        if evidence is not None
    }


def rules_version() -> str:
    """Return the version of the rules, as it is stored with a score."""
    return str(VERSION)


def locate_passage(text: str, passage: str) -> tuple[int, int] | None:
    """Return where a passage begins and ends in a card, or None if its words do not stand together.

    Marks and line breaks between the words are ignored.

    >>> locate_passage("It **is** a\\n[model](https://example.org) of owls.", "It is a model")
    (0, 18)
    """
    words = re.findall(r"\w+", passage.rstrip("…"))
    for count in (len(words), 12, 6, 3):
        if 0 < count <= min(len(words), 60):
            match = re.search(r"\b" + r"[\W_]{1,20}".join(map(re.escape, words[:count])), text)
            if match:
                return match.span()
    return None
