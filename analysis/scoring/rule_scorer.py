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
from analysis.scoring.rules import VERSION, Finding, findings

SCORER = "rules"
FEW = 40  # cards that are not worth another process
PART = 64


def score_all(named: Iterable[tuple[str, str]], processes: int | None = None) -> Iterator[dict[str, object]]:
    """The score of each card, in the order they came; the same whatever the number of processes."""
    ahead = iter(named)
    first = list(itertools.islice(ahead, FEW + 1))
    with workers(1 if len(first) <= FEW else processes) as mapped:
        yield from mapped(scored, itertools.chain(first, ahead))


@contextmanager
def workers(processes: int | None) -> Iterator[Callable[..., Iterable]]:
    """A `map` over so many processes; as many as there are processors, if it is not said."""
    if (processes or os.cpu_count() or 1) == 1:
        yield map
        return
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        yield partial(pool.imap, chunksize=PART)


def scored(card: tuple[str, str]) -> dict[str, object]:
    """One card's score: the five booleans, the share that are yes, and the evidence for each yes.

    >>> scored(("owl.md", "Owl is a language model for Welsh."))["score"]
    0.2
    """
    name, text = card
    found = findings(text)
    return {"file": name, **answers(found), "score": share(found), "evidence": evidence(found)}


def answers(found: Mapping[str, Finding | None]) -> dict[str, bool]:
    """The five booleans."""
    return {item: found[item] is not None for item in ITEMS}


def share(found: Mapping[str, Finding | None]) -> float:
    """The share of the items that are a yes."""
    return sum(one is not None for one in found.values()) / len(ITEMS)


def evidence(found: Mapping[str, Finding | None]) -> dict[str, dict[str, str]]:
    """For each yes its reason and passage."""
    return {item: {"reason": one.reason, "passage": one.passage} for item, one in found.items() if one}


def version() -> str:
    """The version of the rules, as it is kept with a score."""
    return str(VERSION)


def locate(text: str, passage: str) -> tuple[int, int] | None:
    """Where a passage begins and ends in a card, marks and breaks aside; None where its words do not stand together.

    >>> locate("It **is** a\\n[model](https://example.org) of owls.", "It is a model")
    (0, 18)
    """
    spoken = re.findall(r"\w+", passage.rstrip("…"))
    for many in (len(spoken), 12, 6, 3):
        if 0 < many <= min(len(spoken), 60):
            found = re.search(r"\b" + r"[\W_]{1,20}".join(map(re.escape, spoken[:many])), text)
            if found:
                return found.span()
    return None
