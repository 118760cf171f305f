"""What counts as an answer of the judge: read strictly, each yes with a quote that is in the card."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import combinations

from analysis.scoring import ITEMS
from analysis.scoring.judge.prompts import load_prompts
from analysis.scoring.markdown import strip_comments
from analysis.scoring.vocabulary import compile_words

READ, INVALID, REFUSED, OVER_BUDGET, ERROR = "read", "invalid", "refused", "over_budget", "error"
MIN_QUOTE_WORDS, MIN_QUOTE_LENGTH, MAX_QUOTE_LENGTH = 3, 12, 1_000


@dataclass(frozen=True)
class JudgeAnswer:
    """One item: the answer after its quote was checked; `flag` says why a yes was not believed."""

    answer: bool
    quote: str = ""
    flag: str = ""


@dataclass(frozen=True)
class JudgeReading:
    """One reading of a card: its state, and the answers if it was read."""

    state: str
    answers: Mapping[str, JudgeAnswer] = field(default_factory=dict)
    note: str = ""
    model: str = ""

    def to_dict(self) -> dict[str, object]:
        """For the ledger."""
        return asdict(self)

    @classmethod
    def from_dict(cls, told: Mapping[str, object]) -> JudgeReading:
        """From the ledger."""
        answers = {item: JudgeAnswer(**one) for item, one in told["answers"].items()}
        return cls(told["state"], answers, told["note"], told["model"])


@dataclass(frozen=True)
class ItemVerdict:
    """One item over all readings: yes, no, or the state that says why neither; with the share of agreeing pairs."""

    state: str
    agreement: float | None
    n: int
    quote: str = ""
    flags: tuple[str, ...] = ()


def parse_reply(raw: str, card: str) -> JudgeReading:
    """A reading from what the model wrote. What is not all of the form is invalid, never a no.

    >>> parse_reply("I cannot say.", "# Owl").state
    'invalid'
    """
    told = _find_json_object(raw)
    if told is None:
        return JudgeReading(INVALID, note="no JSON object")
    seen = normalize_text(strip_comments(card))
    answers = {}
    for item in ITEMS:
        one = told.get(item)
        if not isinstance(one, dict) or not isinstance(one.get("answer"), bool):
            return JudgeReading(INVALID, note=f"{item} is missing or no boolean")
        if not isinstance(one.get("quote"), str):
            return JudgeReading(INVALID, note=f"{item} has no quote")
        answers[item] = check_quote(one["answer"], one["quote"], seen)
    return JudgeReading(READ, answers)


def check_quote(answer: bool, quote: str, card_text: str) -> JudgeAnswer:
    """A yes is believed if its quote stands in the card, says something, and does not speak to the judge.

    >>> check_quote(True, "an owl model for Welsh", "this is an owl model for welsh.").answer
    True
    >>> check_quote(True, "it was evaluated on owls", "this is an owl model for welsh.")
    JudgeAnswer(answer=False, quote='it was evaluated on owls', flag='quote not in card')
    """
    if not answer:
        return JudgeAnswer(False)
    shown, told = quote[:MAX_QUOTE_LENGTH], normalize_text(quote)
    if len(told) < MIN_QUOTE_LENGTH or (len(told.split()) < MIN_QUOTE_WORDS and told.isascii()):
        return JudgeAnswer(False, shown, "quote too short")
    if told not in card_text:
        return JudgeAnswer(False, shown, "quote not in card")
    if compile_words(load_prompts()["suspect"]["words"]).search(quote[:MAX_QUOTE_LENGTH]):
        return JudgeAnswer(False, shown, "quote speaks to the judge")
    return JudgeAnswer(True, shown)


def normalize_text(text: str) -> str:
    """Text with its spaces made one, in small letters.

    >>> normalize_text(" An  Owl\\n")
    'an owl'
    """
    return " ".join(text.split()).casefold()


def _find_json_object(raw: str) -> Mapping[str, object] | None:
    """The first JSON object that has an item of ours in a text that may have prose around it."""
    decoder = json.JSONDecoder()
    for found in list(re.finditer(r"\{", raw[:100_000]))[:20]:
        try:
            told, _ = decoder.raw_decode(raw, found.start())
        except (ValueError, RecursionError):
            continue
        if isinstance(told, dict) and any(item in told for item in ITEMS):
            return told
    return None


def majority_verdicts(readings: Sequence[JudgeReading]) -> dict[str, ItemVerdict]:
    """Each item by majority of the readings that are one; without enough of them, the state they failed with."""
    held = [one for one in readings if one.state == READ]
    if len(held) * 2 <= len(readings):
        failed = Counter(one.state for one in readings if one.state != READ)
        state = failed.most_common(1)[0][0] if failed else ERROR
        return dict.fromkeys(ITEMS, ItemVerdict(state, None, len(held)))
    return {item: _decide_majority([one.answers[item] for one in held]) for item in ITEMS}


def _decide_majority(answers: Sequence[JudgeAnswer]) -> ItemVerdict:
    yes = [one for one in answers if one.answer]
    flags = tuple(sorted({one.flag for one in answers if one.flag}))
    state = "yes" if len(yes) * 2 > len(answers) else "no"
    quote = yes[0].quote if state == "yes" else ""
    return ItemVerdict(state, pairwise_agreement([one.answer for one in answers]), len(answers), quote, flags)


def pairwise_agreement(answers: Sequence[bool]) -> float | None:
    """The share of pairs of readings that agree; None for fewer than two.

    A reader that flips with probability p agrees with itself with 1 - 2p(1 - p).

    >>> pairwise_agreement([True, True, False])
    0.3333333333333333
    """
    pairs = list(combinations(answers, 2))
    return sum(one == other for one, other in pairs) / len(pairs) if pairs else None


def measure_drift(before: Mapping[str, Mapping[str, bool]], now: Mapping[str, Mapping[str, bool]]) -> float | None:
    """The share of answers on the same control cards that are others than before; None without any in common.

    >>> measure_drift({"a": {"training": True, "evaluation": True}}, {"a": {"training": True, "evaluation": False}})
    0.5
    """
    pairs = [
        (before[card][item], now[card][item]) for card in before.keys() & now.keys()
        for item in before[card].keys() & now[card].keys()
    ]  # fmt: skip
    return sum(one != other for one, other in pairs) / len(pairs) if pairs else None
