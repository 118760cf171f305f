"""Many cards read by rules: in their order, over all processors."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial

from analysis.scoring import ITEMS
from analysis.scoring.rules import VERSION, CardEvidence, find_all_evidence

SCORER = "rules"
MAX_SERIAL_CARDS = 40  # cards that are not worth another process
CHUNK_SIZE = 64


def score_cards(cards: Iterable[tuple[str, str]], processes: int | None = None) -> Iterator[dict[str, object]]:
    """The score of each card, in the order they came; the same whatever the number of processes."""
    ahead = iter(cards)
    first = list(itertools.islice(ahead, MAX_SERIAL_CARDS + 1))
    with worker_map(1 if len(first) <= MAX_SERIAL_CARDS else processes) as mapped:
        yield from mapped(score_card, itertools.chain(first, ahead))


@contextmanager
def worker_map(processes: int | None) -> Iterator[Callable[..., Iterable]]:
    """A `map` over so many processes; as many as there are processors, if it is not said."""
    if (processes or os.cpu_count() or 1) == 1:
        yield map
        return
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        yield partial(pool.imap, chunksize=CHUNK_SIZE)


def score_card(card: tuple[str, str]) -> dict[str, object]:
    """One card's score: the five booleans, the share that are yes, and the evidence for each yes.

    >>> score_card(("owl.md", "Owl is a language model for Welsh."))["score"]
    0.2
    """
    name, text = card
    found = find_all_evidence(text)
    return {"file": name, **to_answers(found), "score": yes_share(found), "evidence": format_evidence(found)}


def to_answers(findings: Mapping[str, CardEvidence | None]) -> dict[str, bool]:
    """The five booleans."""
    return {item: findings[item] is not None for item in ITEMS}


def yes_share(findings: Mapping[str, CardEvidence | None]) -> float:
    """The share of the items that are a yes."""
    return sum(one is not None for one in findings.values()) / len(ITEMS)


def format_evidence(findings: Mapping[str, CardEvidence | None]) -> dict[str, dict[str, str]]:
    """For each yes its reason and passage."""
    return {item: {"reason": one.reason, "passage": one.passage} for item, one in findings.items() if one}


def rules_version() -> str:
    """The version of the rules, as it is kept with a score."""
    return str(VERSION)


def locate_passage(text: str, passage: str) -> tuple[int, int] | None:
    """Where a passage begins and ends in a card, marks and breaks aside; None where its words do not stand together.

    >>> locate_passage("It **is** a\\n[model](https://example.org) of owls.", "It is a model")
    (0, 18)
    """
    spoken = re.findall(r"\w+", passage.rstrip("…"))
    for many in (len(spoken), 12, 6, 3):
        if 0 < many <= min(len(spoken), 60):
            found = re.search(r"\b" + r"[\W_]{1,20}".join(map(re.escape, spoken[:many])), text)
            if found:
                return found.span()
    return None
