"""`observatory score --scorer openai`: set up, read, and say what came of it."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from analysis.scoring import ITEMS
from analysis.scoring.card_files import read_cards as cards_of
from analysis.scoring.judge import batch
from analysis.scoring.judge.answers import (
    ERROR,
    OVER_BUDGET,
    ItemVerdict,
    JudgeReading,
    majority_verdicts,
    measure_drift,
)
from analysis.scoring.judge.client import Judge, JudgeSetup, omit_refused_parameters
from analysis.scoring.judge.ledger import JudgeBudget, Ledger, Price
from analysis.scoring.judge.prompts import get_prompt
from analysis.scoring.rule_scorer import locate_passage
from analysis.scoring.rule_scorer import to_answers as rule_answers
from analysis.scoring.rules import find_all_evidence
from db import UsageError
from db.cli import escape_control_characters
from db.connection import open_for_reading
from db.store.cards import unscored_cards
from db.store.scores import Score, save_scores

SCORER = "openai"
TIMEOUT = 60.0
MAX_DRIFT = 0.05  # of the answers on the control cards: more is another reader

Row = dict[str, Any]


def judge_cards(options: argparse.Namespace) -> tuple[list[Row], bool]:
    """Read the cards of the files; a row for each, and whether every one has a reading."""
    ledger = Ledger(Path(f"{options.db}-judge.jsonl"), JudgeBudget(options.budget, options.tokens))
    setup = omit_refused_parameters(build_setup(options), ledger)
    numbers, cards = select_cards(options, setup)
    readings = asyncio.run(_read_cards(options, setup, cards, ledger))
    setup = omit_refused_parameters(setup, ledger)  # it may have turned out only now what the model refuses
    rows = [build_row(name, text, one, setup) for (name, text), one in zip(cards, readings, strict=True)]
    for text in list_warnings(readings, setup):
        print(escape_control_characters(text), file=sys.stderr)
    if not options.files:
        store_scores(options.db, numbers, cards, readings, setup)
    if options.control:
        record_control(options.db, ledger, setup, rows)
    return rows, all(row["score"] is not None for row in rows)


def select_cards(options: argparse.Namespace, setup: JudgeSetup) -> tuple[list[int], list[tuple[str, str]]]:
    """The cards to read: of the files; without any those of the store that have not been read, with their numbers."""
    if options.files:
        return [], list(islice(cards_of(options.files, public_only=True), options.sample))
    with open_for_reading(options.db) as connection:
        found = list(unscored_cards(connection, SCORER, score_version(setup), options.sample or -1))
    return [card.card for card in found], [(card.blob, card.text) for card in found]


def score_version(setup: JudgeSetup) -> str:
    """What a judge's scores are kept under: another prompt, model or way to ask it is another version."""
    return f"{setup.prompt.name} {setup.prompt.hash} {setup.model}{setup.version_suffix}"


def store_scores(
    path: Path,
    numbers: Sequence[int],
    cards: Sequence[tuple[str, str]],
    readings: Sequence[Sequence[JudgeReading]],
    setup: JudgeSetup,
) -> None:
    """Put what was found into the store; what may still be read, over budget or in error, is left to be asked again."""
    import time

    from db.connection import open_for_writing
    from db.store import Store

    scores = [
        score
        for number, (_, text), many in zip(numbers, cards, readings, strict=True)
        for score in build_scores(number, text, many)
    ]
    with open_for_writing(path) as database:
        save_scores(Store(database), SCORER, score_version(setup), scores, int(time.time()))


def build_scores(number: int, text: str, readings: Sequence[JudgeReading]) -> Iterator[Score]:
    """One card's scores; none of a card that may still be read."""
    for item, one in majority_verdicts(readings).items():
        if one.state not in (ERROR, OVER_BUDGET):
            start, end = (locate_passage(text, one.quote) if one.quote else None) or (None, None)
            yield Score(number, item, one.state, one.agreement, start, end, ", ".join(one.flags))


def build_setup(options: argparse.Namespace) -> JudgeSetup:
    """What the options say.

    Raises:
        UsageError: a key, a model, a budget or the prices are missing.
    """
    wanted = {
        "the environment variable OPENAI_API_KEY": os.environ.get("OPENAI_API_KEY"),
        "--model NAME": options.model, "--budget USD": options.budget,
        "--price-in USD": options.price_in, "--price-out USD": options.price_out,
    }  # fmt: skip
    missing = [name for name, value in wanted.items() if value in (None, "")]
    if missing:
        raise UsageError(
            f"The judge is not set up: {', '.join(missing)} is missing.",
            why="It sends cards to another machine and may cost money, so nothing is asked until all of it is said.",
            fix="Set it, or use the rules, which need nothing: leave out --scorer.",
            more="docs/scoring.md",
        )
    price = Price(options.price_in, options.price_out)
    return JudgeSetup(options.model, get_prompt(options.prompt), price, options.repeats, options.concurrency)


async def _read_cards(
    options: argparse.Namespace, setup: JudgeSetup, cards: Sequence[tuple[str, str]], ledger: Ledger
) -> list[list[JudgeReading]]:
    from openai import AsyncOpenAI

    async with AsyncOpenAI(base_url=options.base_url, timeout=TIMEOUT, max_retries=0) as client:
        if options.batch:
            return await _run_batch(options.batch, client, setup, cards, ledger)
        judge = Judge(client, setup, ledger, utc_today)
        return [one async for _, one in judge.read_all(cards, options.control)]


async def _run_batch(
    action: str, client: Any, setup: JudgeSetup, cards: Sequence[tuple[str, str]], ledger: Ledger
) -> list[list[JudgeReading]]:
    if action == "submit":
        asked = list(batch.build_requests(cards, setup, ledger, utc_today()))
        for part in batch.split_batches(asked):
            print(
                escape_control_characters(
                    f"batch {await batch.submit_batch(client, part, ledger)}: {len(part)} requests"
                ),
                file=sys.stderr,
            )
        said = "collect with --batch collect" if asked else "nothing to ask that is not asked already"
        print(said, file=sys.stderr)
    else:
        for one in await batch.collect_batches(client, cards, setup, ledger):
            print(escape_control_characters(f"batch {one} has not ended, or is about other cards"), file=sys.stderr)
    return [batch.load_readings(text, setup, ledger) for _, text in cards]


def utc_today() -> str:
    """The UTC day, for the budget."""
    return datetime.now(UTC).date().isoformat()


def build_row(name: str, text: str, readings: Sequence[JudgeReading], setup: JudgeSetup) -> Row:
    """One card's row: its answers, None where there is none, with how they came about."""
    found = majority_verdicts(readings)
    answers = {item: {"yes": True, "no": False}.get(found[item].state) for item in ITEMS}
    whole = None not in answers.values()
    rules = rule_answers(find_all_evidence(text))
    return {
        "file": name, **answers,
        "score": sum(answers.values()) / len(ITEMS) if whole else None,
        "evidence": {item: _quote_evidence(one) for item, one in found.items() if one.state == "yes"},
        "states": {item: one.state for item, one in found.items()},
        "agreement": {item: one.agreement for item, one in found.items()},
        "flags": {item: list(one.flags) for item, one in found.items() if one.flags},
        "readings": found[ITEMS[0]].n,
        "differs_from_rules": [item for item in ITEMS if whole and answers[item] != rules[item]],
        "prompt": setup.prompt.name, "prompt_hash": setup.prompt.hash, "model": setup.model,
        "without": list(setup.omitted_parameters),
        "answered_by": sorted({one.model for one in readings if one.model}),
    }  # fmt: skip


def _quote_evidence(verdict: ItemVerdict) -> dict[str, str]:
    return {"reason": "quoted by the judge", "passage": " ".join(verdict.quote.split())}


def list_warnings(readings: Sequence[Sequence[JudgeReading]], setup: JudgeSetup) -> Iterator[str]:
    """What a person should know of a run: a model that answered under another name, and cards without a reading."""
    names = sorted({one.model for many in readings for one in many if one.model})
    if names and names != [setup.model]:
        yield f"asked {setup.model}, answered by {', '.join(names)}"
    if setup.omitted_parameters:
        yield f"{setup.model} does not take {', '.join(setup.omitted_parameters)}: it was asked{setup.version_suffix}"
    failed: dict[str, int] = {}
    for many in readings:
        state = next(iter(majority_verdicts(many).values())).state
        if state not in ("yes", "no"):
            failed[state] = failed.get(state, 0) + 1
    if failed:
        yield "cards without a reading: " + ", ".join(f"{count} {state}" for state, count in sorted(failed.items()))


def record_control(path: Path, ledger: Ledger, setup: JudgeSetup, rows: Sequence[Row]) -> None:
    """Keep a control run; if the model answers otherwise than the time before, it is a quality event."""
    who = f"{setup.model}{setup.version_suffix}, prompt {setup.prompt.hash}"
    now = {row["file"]: {item: row[item] for item in ITEMS} for row in rows if row["score"] is not None}
    before = [one for one in ledger.read_state().controls if one["who"] == who]
    ledger.record("control", {"who": who, "day": utc_today(), "answers": now})
    share = measure_drift(before[-1]["answers"], now) if before else None
    if share is None:
        print("control: nothing to compare with yet", file=sys.stderr)
        return
    print(f"control: {share:.1%} of the answers differ from those of {before[-1]['day']}", file=sys.stderr)
    if share > MAX_DRIFT and path.exists():
        _record_drift(path, who, before[-1]["day"], share)


def _record_drift(path: Path, judge_name: str, previous_day: str, share: float) -> None:
    import time

    from db.connection import open_for_writing
    from db.rows import Event, Registry
    from db.store import Store

    event = Event(
        "judge_drift", "warning", f"{judge_name}: answers on the control cards", previous_day, f"{share:.1%} differ"
    )
    with open_for_writing(path) as database:
        Store(database).add_quality_events(
            Registry("huggingface/models", "huggingface", "models"), [event], int(time.time())
        )


def shares(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """The mean agreement of the readings, by item."""
    held = {item: [row["agreement"][item] for row in rows if row["agreement"][item] is not None] for item in ITEMS}
    return {item: sum(values) / len(values) for item, values in held.items() if values}
