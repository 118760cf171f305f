"""`observatory score --scorer openai`: set up the judge, read the cards, and store and return the scores."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.scoring import ITEMS, Evidence, Item, ScoreRow
from analysis.scoring.card_files import read_cards
from analysis.scoring.judge import batch
from analysis.scoring.judge.answers import (
    ERROR,
    INVALID,
    OVER_BUDGET,
    ItemVerdict,
    JudgeReading,
    majority_verdicts,
    measure_drift,
)
from analysis.scoring.judge.client import Judge, JudgeSetup, is_lasting, omit_refused_parameters
from analysis.scoring.judge.ledger import JudgeBudget, Ledger, Price
from analysis.scoring.judge.prompts import get_prompt
from analysis.scoring.rule_scorer import locate_passage, to_answers
from analysis.scoring.rules import find_all_evidence
from db import UsageError
from db.cli import escape_control_characters
from db.connection import open_for_reading, open_for_writing
from db.rows import Event, Registry
from db.store import Store
from db.store.cards import unscored_cards
from db.store.scores import Score, save_scores

if TYPE_CHECKING:
    from openai import AsyncOpenAI

SCORER = "openai"
TIMEOUT = 60.0
MAX_DRIFT = 0.05  # of the answers to the control cards; beyond, the model counts as another reader
ANSWERS = {"yes": True, "no": False}

Cards = Sequence[tuple[str, str]]


class JudgeRow(ScoreRow):
    """The score of one card by the judge, with the readings behind it."""

    states: dict[Item, str]
    agreement: dict[Item, float | None]
    flags: dict[Item, list[str]]
    readings: int
    differs_from_rules: list[Item]
    prompt: str
    prompt_hash: str
    model: str
    without: list[str]
    answered_by: list[str]


def judge_cards(options: argparse.Namespace) -> tuple[list[JudgeRow], bool]:
    """Read the cards of the files or of the store. Return a row per card, and whether every card has a score."""
    ledger = Ledger(Path(f"{options.db}-judge.jsonl"), JudgeBudget(options.budget, options.tokens))
    setup = omit_refused_parameters(build_setup(options), ledger)
    numbers, cards = select_cards(options, setup)
    readings = asyncio.run(_read_cards(options, setup, cards, ledger))
    setup = omit_refused_parameters(setup, ledger)  # the run may have found parameters that the model refuses
    rows = [build_row(*card, card_readings, setup) for card, card_readings in zip(cards, readings, strict=True)]
    for text in list_warnings(readings, setup):
        print(escape_control_characters(text), file=sys.stderr)
    if not options.files:
        store_scores(options.db, numbers, cards, readings, setup)
    if options.control:
        record_control(options.db, ledger, setup, rows)
    return rows, all(row["score"] is not None for row in rows)


def select_cards(options: argparse.Namespace, setup: JudgeSetup) -> tuple[list[int], list[tuple[str, str]]]:
    """Return the cards of the files. Without files, return the store's unscored cards, and their ids first.

    Only cards that everyone can read leave this machine.
    """
    if options.files:
        return [], list(islice(read_cards(options.files, public_only=True), options.sample))
    with open_for_reading(options.db) as connection:
        cards = list(unscored_cards(connection, SCORER, score_version(setup), options.sample or -1, public_only=True))
    return [card.card for card in cards], [(card.blob, card.text) for card in cards]


def score_version(setup: JudgeSetup) -> str:
    """Return the version of a judge's scores. It differs by prompt, model and omitted parameters."""
    return f"{setup.prompt.name} {setup.prompt.hash} {setup.model}{setup.version_suffix}"


def store_scores(
    path: Path, numbers: Sequence[int], cards: Cards, readings: Sequence[Sequence[JudgeReading]], setup: JudgeSetup
) -> None:
    """Store the scores. Cards that are over budget or failed get none, so the next run reads them again."""
    scores = [
        score
        for number, (_, text), card_readings in zip(numbers, cards, readings, strict=True)
        for score in build_scores(number, text, card_readings)
    ]
    with open_for_writing(path) as database:
        save_scores(Store(database), SCORER, score_version(setup), scores, int(time.time()))


def build_scores(number: int, text: str, readings: Sequence[JudgeReading]) -> Iterator[Score]:
    """Yield the scores of one card, or none if the card is to be read again."""
    passing = (ERROR, OVER_BUDGET) if all(map(is_lasting, readings)) else (ERROR, OVER_BUDGET, INVALID)
    for item, verdict in majority_verdicts(readings).items():
        if verdict.state not in passing:
            start, end = (locate_passage(text, verdict.quote) if verdict.quote else None) or (None, None)
            yield Score(number, item, verdict.state, verdict.agreement, start, end, ", ".join(verdict.flags))


def build_setup(options: argparse.Namespace) -> JudgeSetup:
    """Return the setup of the judge from the options.

    Raises:
        UsageError: a key, a model, a budget or the prices are missing.
    """
    _require_settings(options)
    price = Price(options.price_in, options.price_out)
    return JudgeSetup(options.model, get_prompt(options.prompt), price, options.repeats, options.concurrency)


def _require_settings(options: argparse.Namespace) -> None:
    required = {
        "the environment variable OPENAI_API_KEY": os.environ.get("OPENAI_API_KEY"),
        "--model NAME": options.model,
        "--budget USD": options.budget,
        "--price-in USD": options.price_in,
        "--price-out USD": options.price_out,
    }
    missing = [name for name, value in required.items() if value in (None, "")]
    if missing:
        raise UsageError(
            f"The judge is not set up: {', '.join(missing)} is missing.",
            why="The judge sends cards to another machine and may cost money, so it needs all of these settings.",
            fix="Set what is missing, or leave out --scorer: the rules need no setup.",
            more="docs/scoring.md",
        )


async def _read_cards(
    options: argparse.Namespace, setup: JudgeSetup, cards: Cards, ledger: Ledger
) -> list[list[JudgeReading]]:
    from openai import AsyncOpenAI

    from analysis.scoring.judge.bounds import bounded_client_options

    async with AsyncOpenAI(base_url=options.base_url, max_retries=0, **bounded_client_options(TIMEOUT)) as client:
        if options.batch == "submit":
            await _submit_batches(client, setup, cards, ledger)
        elif options.batch == "collect":
            await _collect_batches(client, setup, cards, ledger)
        else:
            judge = Judge(client, setup, ledger, utc_today)
            return [readings async for _, readings in judge.read_all(cards, options.control)]
    return [batch.load_readings(text, setup, ledger) for _, text in cards]


async def _submit_batches(client: AsyncOpenAI, setup: JudgeSetup, cards: Cards, ledger: Ledger) -> None:
    requests = list(batch.build_requests(cards, setup, ledger, utc_today()))
    for part in batch.split_batches(requests):
        batch_id = await batch.submit_batch(client, part, ledger)
        print(escape_control_characters(f"batch {batch_id}: {len(part)} requests"), file=sys.stderr)
    print("collect with --batch collect" if requests else "no readings to request", file=sys.stderr)


async def _collect_batches(client: AsyncOpenAI, setup: JudgeSetup, cards: Cards, ledger: Ledger) -> None:
    for batch_id in await batch.collect_batches(client, cards, setup, ledger):
        text = f"batch {batch_id} has not ended, or is about other cards"
        print(escape_control_characters(text), file=sys.stderr)


def utc_today() -> str:
    """Return the UTC day, for the budget."""
    return datetime.now(UTC).date().isoformat()


def build_row(name: str, text: str, readings: Sequence[JudgeReading], setup: JudgeSetup) -> JudgeRow:
    """Return the row of one card: its answers, None where there is none, and the readings behind them."""
    verdicts = majority_verdicts(readings)
    answers = {item: ANSWERS.get(verdict.state) for item, verdict in verdicts.items()}
    yes_count = sum(answer is True for answer in answers.values())
    is_complete = None not in answers.values()
    rules = to_answers(find_all_evidence(text))
    return {
        "file": name, "description": answers["description"], "limitations": answers["limitations"],
        "how_to_use": answers["how_to_use"], "training": answers["training"], "evaluation": answers["evaluation"],
        "score": yes_count / len(ITEMS) if is_complete else None,
        "evidence": {item: _quote_evidence(verdict) for item, verdict in verdicts.items() if verdict.state == "yes"},
        "states": {item: verdict.state for item, verdict in verdicts.items()},
        "agreement": {item: verdict.agreement for item, verdict in verdicts.items()},
        "flags": {item: list(verdict.flags) for item, verdict in verdicts.items() if verdict.flags},
        "readings": verdicts[ITEMS[0]].n,
        "differs_from_rules": [item for item in ITEMS if is_complete and answers[item] != rules[item]],
        "prompt": setup.prompt.name, "prompt_hash": setup.prompt.hash, "model": setup.model,
        "without": list(setup.omitted_parameters),
        "answered_by": sorted({reading.model for reading in readings if reading.model}),
    }  # fmt: skip


def _quote_evidence(verdict: ItemVerdict) -> Evidence:
    return {"reason": "quoted by the judge", "passage": " ".join(verdict.quote.split())}


def list_warnings(readings: Sequence[Sequence[JudgeReading]], setup: JudgeSetup) -> Iterator[str]:
    """Yield what a person should know about a run: another model's name, refused parameters, unread cards."""
    names = sorted({reading.model for card_readings in readings for reading in card_readings if reading.model})
    if names and names != [setup.model]:
        yield f"asked {setup.model}, answered by {', '.join(names)}"
    if setup.omitted_parameters:
        parameters = ", ".join(setup.omitted_parameters)
        yield f"{setup.model} does not accept {parameters}: it was asked{setup.version_suffix}"
    states = Counter(next(iter(majority_verdicts(card_readings).values())).state for card_readings in readings)
    failures = [f"{count} {state}" for state, count in sorted(states.items()) if state not in ANSWERS]
    if failures:
        yield f"cards without a reading: {', '.join(failures)}"


def record_control(path: Path, ledger: Ledger, setup: JudgeSetup, rows: Sequence[JudgeRow]) -> None:
    """Record a control run. If too many answers differ from the previous run, add a quality event."""
    judge_name = f"{setup.model}{setup.version_suffix}, prompt {setup.prompt.hash}"
    now = _collect_answers(rows)
    earlier = [run for run in ledger.read_state().controls if run["who"] == judge_name]
    ledger.record("control", {"who": judge_name, "day": utc_today(), "answers": now})
    share = measure_drift(earlier[-1]["answers"], now) if earlier else None
    if share is None:
        print("control: nothing to compare with yet", file=sys.stderr)
        return
    print(f"control: {share:.1%} of the answers differ from those of {earlier[-1]['day']}", file=sys.stderr)
    if share > MAX_DRIFT and path.exists():
        _record_drift(path, judge_name, earlier[-1]["day"], share)


def _collect_answers(rows: Sequence[JudgeRow]) -> dict[str, dict[Item, bool]]:
    """Return the answers to each card that has a score."""
    return {
        row["file"]: {item: answer for item in ITEMS if (answer := row[item]) is not None}
        for row in rows
        if row["score"] is not None
    }


def _record_drift(path: Path, judge_name: str, previous_day: str, share: float) -> None:
    evidence = f"{judge_name}: answers to the control cards"
    event = Event("judge_drift", "warning", evidence, previous_day, f"{share:.1%} differ")
    with open_for_writing(path) as database:
        registry = Registry("huggingface/models", "huggingface", "models")
        Store(database).add_quality_events(registry, [event], int(time.time()))
