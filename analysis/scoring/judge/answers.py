"""The judge's answers: parsed strictly, and each yes checked by a quote from the card."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import combinations
from typing import Any

from analysis.scoring import ITEMS, Item
from analysis.scoring.judge.prompts import load_prompts
from analysis.scoring.markdown import strip_comments
from analysis.scoring.vocabulary import compile_words

READ, INVALID, REFUSED, OVER_BUDGET, ERROR = "read", "invalid", "refused", "over_budget", "error"
MIN_QUOTE_WORDS, MIN_QUOTE_LENGTH, MAX_QUOTE_LENGTH = 3, 12, 1_000


@dataclass(frozen=True)
class JudgeAnswer:
    """The answer to one item, after the check of its quote. `flag` says why a yes was rejected."""

    answer: bool
    quote: str = ""
    flag: str = ""


@dataclass(frozen=True)
class JudgeReading:
    """One reading of a card: its state, and the answers if the state is `read`."""

    state: str
    answers: Mapping[Item, JudgeAnswer] = field(default_factory=dict)
    note: str = ""
    model: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the reading as it is stored in the ledger."""
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> JudgeReading:
        """Return a reading that was stored in the ledger."""
        answers = {item: JudgeAnswer(**answer) for item, answer in stored["answers"].items()}
        return cls(stored["state"], answers, stored["note"], stored["model"])


@dataclass(frozen=True)
class ItemVerdict:
    """One item over all readings: yes, no, or the state that says why neither, and the share of agreeing pairs."""

    state: str
    agreement: float | None
    n: int
    quote: str = ""
    flags: tuple[str, ...] = ()


def parse_reply(raw: str, card: str) -> JudgeReading:
    """Return the reading in the text of a reply. A reply that is not entirely in the form is invalid, never a no.

    >>> parse_reply("I cannot say.", "# Owl").state
    'invalid'
    """
    reply = _find_json_object(raw)
    if reply is None:
        return JudgeReading(INVALID, note="no JSON object")
    card_text = normalize_text(strip_comments(card))
    answers: dict[Item, JudgeAnswer] = {}
    for item in ITEMS:
        values = reply.get(item)
        if not isinstance(values, dict) or not isinstance(values.get("answer"), bool):
            return JudgeReading(INVALID, note=f"{item} is missing or not a boolean")
        if not isinstance(values.get("quote"), str):
            return JudgeReading(INVALID, note=f"{item} has no quote")
        answers[item] = check_quote(values["answer"], values["quote"], card_text)
    return JudgeReading(READ, answers)


def check_quote(answer: bool, quote: str, card_text: str) -> JudgeAnswer:
    """Accept a yes if its quote is in the card, is long enough, and does not address the judge.

    >>> check_quote(True, "an owl model for Welsh", "this is an owl model for welsh.").answer
    True
    >>> check_quote(True, "it was evaluated on owls", "this is an owl model for welsh.")
    JudgeAnswer(answer=False, quote='it was evaluated on owls', flag='quote not in card')
    """
    if not answer:
        return JudgeAnswer(False)
    short_quote, normal_quote = quote[:MAX_QUOTE_LENGTH], normalize_text(quote)
    has_few_words = len(normal_quote.split()) < MIN_QUOTE_WORDS and normal_quote.isascii()
    if len(normal_quote) < MIN_QUOTE_LENGTH or has_few_words:
        return JudgeAnswer(False, short_quote, "quote too short")
    if normal_quote not in card_text:
        return JudgeAnswer(False, short_quote, "quote not in card")
    if compile_words(load_prompts()["suspect"]["words"]).search(short_quote):
        return JudgeAnswer(False, short_quote, "quote speaks to the judge")
    return JudgeAnswer(True, short_quote)


def normalize_text(text: str) -> str:
    """Return text in lower case, with single spaces.

    >>> normalize_text(" An  Owl\\n")
    'an owl'
    """
    return " ".join(text.split()).casefold()


def _find_json_object(raw: str) -> Mapping[str, Any] | None:
    """Return the first JSON object with one of the items, in a text that may have prose around the object."""
    decoder = json.JSONDecoder()
    for brace in list(re.finditer(r"\{", raw[:100_000]))[:20]:
        try:
            value, _ = decoder.raw_decode(raw, brace.start())
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict) and any(item in value for item in ITEMS):
            return value
    return None


def majority_verdicts(readings: Sequence[JudgeReading]) -> dict[Item, ItemVerdict]:
    """Return the majority answer to each item, or the most frequent failure if half of the readings failed."""
    successes = [reading for reading in readings if reading.state == READ]
    if len(successes) * 2 <= len(readings):
        failures = Counter(reading.state for reading in readings if reading.state != READ)
        state = failures.most_common(1)[0][0] if failures else ERROR
        return dict.fromkeys(ITEMS, ItemVerdict(state, None, len(successes)))
    return {item: _decide_majority([reading.answers[item] for reading in successes]) for item in ITEMS}


def _decide_majority(answers: Sequence[JudgeAnswer]) -> ItemVerdict:
    yes = [answer for answer in answers if answer.answer]
    flags = tuple(sorted({answer.flag for answer in answers if answer.flag}))
    state, quote = ("yes", yes[0].quote) if len(yes) * 2 > len(answers) else ("no", "")
    return ItemVerdict(state, pairwise_agreement([answer.answer for answer in answers]), len(answers), quote, flags)


def pairwise_agreement(answers: Sequence[bool]) -> float | None:
    """Return the share of pairs of readings that agree, or None for fewer than two readings.

    A reader that flips with probability p agrees with itself with probability 1 - 2p(1 - p).

    >>> pairwise_agreement([True, True, False])
    0.3333333333333333
    """
    pairs = list(combinations(answers, 2))
    return sum(first == second for first, second in pairs) / len(pairs) if pairs else None


def measure_drift(before: Mapping[str, Mapping[Item, bool]], now: Mapping[str, Mapping[Item, bool]]) -> float | None:
    """Return the share of answers to the same control cards that have changed, or None without a common card.

    >>> measure_drift({"a": {"training": True, "evaluation": True}}, {"a": {"training": True, "evaluation": False}})
    0.5
    """
    pairs = [
        (before[card][item], now[card][item])
        for card in before.keys() & now.keys()
        for item in before[card].keys() & now[card].keys()
    ]
    return sum(first != second for first, second in pairs) / len(pairs) if pairs else None
