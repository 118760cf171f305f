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
from analysis.scoring.card_files import cards as cards_of
from analysis.scoring.judge import batch
from analysis.scoring.judge.answers import ERROR, OVER_BUDGET, Reading, Verdict, drifted, verdicts
from analysis.scoring.judge.client import Judge, Setup, as_known
from analysis.scoring.judge.ledger import Budget, Ledger, Price
from analysis.scoring.judge.prompts import prompt
from analysis.scoring.rule_scorer import answers as rule_answers
from analysis.scoring.rule_scorer import locate
from analysis.scoring.rules import findings
from db import UsageError
from db.cli import plain
from db.connection import reading
from db.store.cards import unscored
from db.store.scores import Score, put_scores

SCORER = "openai"
TIMEOUT = 60.0
DRIFT = 0.05  # of the answers on the control cards: more is another reader

Row = dict[str, Any]


def read(options: argparse.Namespace) -> tuple[list[Row], bool]:
    """Read the cards of the files; a row for each, and whether every one has a reading."""
    ledger = Ledger(Path(f"{options.db}-judge.jsonl"), Budget(options.budget, options.tokens))
    setup = as_known(setup_of(options), ledger)
    numbers, cards = chosen(options, setup)
    readings = asyncio.run(_read(options, setup, cards, ledger))
    setup = as_known(setup, ledger)  # it may have turned out only now what the model refuses
    rows = [row_of(name, text, one, setup) for (name, text), one in zip(cards, readings, strict=True)]
    for text in warnings(readings, setup):
        print(plain(text), file=sys.stderr)
    if not options.files:
        keep(options.db, numbers, cards, readings, setup)
    if options.control:
        note_control(options.db, ledger, setup, rows)
    return rows, all(row["score"] is not None for row in rows)


def chosen(options: argparse.Namespace, setup: Setup) -> tuple[list[int], list[tuple[str, str]]]:
    """The cards to read: of the files; without any those of the store that have not been read, with their numbers."""
    if options.files:
        return [], list(islice(cards_of(options.files, public=True), options.sample))
    with reading(options.db) as connection:
        found = list(unscored(connection, SCORER, version(setup), options.sample or -1))
    return [card.card for card in found], [(card.blob, card.text) for card in found]


def version(setup: Setup) -> str:
    """What a judge's scores are kept under: another prompt, model or way to ask it is another version."""
    return f"{setup.prompt.name} {setup.prompt.hash} {setup.model}{setup.asked_how}"


def keep(
    path: Path,
    numbers: Sequence[int],
    cards: Sequence[tuple[str, str]],
    readings: Sequence[Sequence[Reading]],
    setup: Setup,
) -> None:
    """Put what was found into the store; what may still be read, over budget or in error, is left to be asked again."""
    import time

    from db.connection import writing
    from db.store import Store

    scores = [
        score
        for number, (_, text), many in zip(numbers, cards, readings, strict=True)
        for score in scores_of(number, text, many)
    ]
    with writing(path) as database:
        put_scores(Store(database), database.conn, SCORER, version(setup), scores, int(time.time()))


def scores_of(number: int, text: str, readings: Sequence[Reading]) -> Iterator[Score]:
    """One card's scores; none of a card that may still be read."""
    for item, one in verdicts(readings).items():
        if one.state not in (ERROR, OVER_BUDGET):
            start, end = (locate(text, one.quote) if one.quote else None) or (None, None)
            yield Score(number, item, one.state, one.agreement, start, end, ", ".join(one.flags))


def setup_of(options: argparse.Namespace) -> Setup:
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
    return Setup(options.model, prompt(options.prompt), price, options.repeats, options.concurrency)


async def _read(
    options: argparse.Namespace, setup: Setup, cards: Sequence[tuple[str, str]], ledger: Ledger
) -> list[list[Reading]]:
    from openai import AsyncOpenAI

    async with AsyncOpenAI(base_url=options.base_url, timeout=TIMEOUT, max_retries=0) as client:
        if options.batch:
            return await _batched(options.batch, client, setup, cards, ledger)
        judge = Judge(client, setup, ledger, today)
        return [one async for _, one in judge.read_all(cards, options.control)]


async def _batched(
    what: str, client: Any, setup: Setup, cards: Sequence[tuple[str, str]], ledger: Ledger
) -> list[list[Reading]]:
    if what == "submit":
        asked = list(batch.requests(cards, setup, ledger, today()))
        for part in batch.parts(asked):
            print(plain(f"batch {await batch.submit(client, part, ledger)}: {len(part)} requests"), file=sys.stderr)
        said = "collect with --batch collect" if asked else "nothing to ask that is not asked already"
        print(said, file=sys.stderr)
    else:
        for one in await batch.collect(client, cards, setup, ledger):
            print(plain(f"batch {one} has not ended, or is about other cards"), file=sys.stderr)
    return [batch.readings_of(text, setup, ledger) for _, text in cards]


def today() -> str:
    """The UTC day, for the budget."""
    return datetime.now(UTC).date().isoformat()


def row_of(name: str, text: str, readings: Sequence[Reading], setup: Setup) -> Row:
    """One card's row: its answers, None where there is none, with how they came about."""
    found = verdicts(readings)
    answers = {item: {"yes": True, "no": False}.get(found[item].state) for item in ITEMS}
    whole = None not in answers.values()
    rules = rule_answers(findings(text))
    return {
        "file": name, **answers,
        "score": sum(answers.values()) / len(ITEMS) if whole else None,
        "evidence": {item: _evidence(one) for item, one in found.items() if one.state == "yes"},
        "states": {item: one.state for item, one in found.items()},
        "agreement": {item: one.agreement for item, one in found.items()},
        "flags": {item: list(one.flags) for item, one in found.items() if one.flags},
        "readings": found[ITEMS[0]].n,
        "differs_from_rules": [item for item in ITEMS if whole and answers[item] != rules[item]],
        "prompt": setup.prompt.name, "prompt_hash": setup.prompt.hash, "model": setup.model,
        "without": list(setup.without),
        "answered_by": sorted({one.model for one in readings if one.model}),
    }  # fmt: skip


def _evidence(one: Verdict) -> dict[str, str]:
    return {"reason": "quoted by the judge", "passage": " ".join(one.quote.split())}


def warnings(readings: Sequence[Sequence[Reading]], setup: Setup) -> Iterator[str]:
    """What a person should know of a run: a model that answered under another name, and cards without a reading."""
    names = sorted({one.model for many in readings for one in many if one.model})
    if names and names != [setup.model]:
        yield f"asked {setup.model}, answered by {', '.join(names)}"
    if setup.without:
        yield f"{setup.model} does not take {', '.join(setup.without)}: it was asked{setup.asked_how}"
    failed: dict[str, int] = {}
    for many in readings:
        state = next(iter(verdicts(many).values())).state
        if state not in ("yes", "no"):
            failed[state] = failed.get(state, 0) + 1
    if failed:
        yield "cards without a reading: " + ", ".join(f"{count} {state}" for state, count in sorted(failed.items()))


def note_control(path: Path, ledger: Ledger, setup: Setup, rows: Sequence[Row]) -> None:
    """Keep a control run; if the model answers otherwise than the time before, it is a quality event."""
    who = f"{setup.model}{setup.asked_how}, prompt {setup.prompt.hash}"
    now = {row["file"]: {item: row[item] for item in ITEMS} for row in rows if row["score"] is not None}
    before = [one for one in ledger.seen().controls if one["who"] == who]
    ledger.note("control", {"who": who, "day": today(), "answers": now})
    share = drifted(before[-1]["answers"], now) if before else None
    if share is None:
        print("control: nothing to compare with yet", file=sys.stderr)
        return
    print(f"control: {share:.1%} of the answers differ from those of {before[-1]['day']}", file=sys.stderr)
    if share > DRIFT and path.exists():
        _note_drift(path, who, before[-1]["day"], share)


def _note_drift(path: Path, who: str, since: str, share: float) -> None:
    import time

    from db.connection import writing
    from db.rows import Event, Registry
    from db.store import Store

    event = Event("judge_drift", "warning", f"{who}: answers on the control cards", since, f"{share:.1%} differ")
    with writing(path) as database:
        Store(database).note(Registry("huggingface/models", "huggingface", "models"), [event], int(time.time()))


def shares(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """The mean agreement of the readings, by item."""
    held = {item: [row["agreement"][item] for row in rows if row["agreement"][item] is not None] for item in ITEMS}
    return {item: sum(values) / len(values) for item, values in held.items() if values}
