"""The Batch API: requests in a file, results within a day; what was asked is in the ledger until collected."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from analysis.scoring.judge.answers import ERROR, Reading
from analysis.scoring.judge.client import WRITTEN, Setup, do_without, judged, key_of, most_tokens, refused_parameter
from analysis.scoring.judge.ledger import Ledger
from analysis.scoring.judge.prompts import body, new_mark

if TYPE_CHECKING:
    from openai import AsyncOpenAI

MOST_REQUESTS, MOST_BYTES = 50_000, 150_000_000  # of one batch; the API takes 50,000 and 200 MB
ENDED = ("completed", "failed", "expired", "cancelled")


def requests(cards: Sequence[tuple[str, str]], setup: Setup, ledger: Ledger, day: str) -> Iterator[dict[str, Any]]:
    """A request for each reading that is neither known nor asked for in a batch that is still to be collected.

    As far as the day's budget has room; each is reserved first.
    """
    asked = waiting_for(ledger)
    for _, text in cards:
        key = key_of(text, setup)
        known = ledger.known(key)
        for repeat in range(setup.repeats):
            if repeat in known or f"{key}#{repeat}" in asked:
                continue
            made = body(setup.prompt, text, setup.model, WRITTEN, new_mark(), setup.seed + repeat)
            made = {name: value for name, value in made.items() if name not in setup.without}
            tokens = most_tokens(made)
            call = ledger.reserve(day, tokens + WRITTEN, setup.price.of(tokens, WRITTEN))
            if call is None:
                return
            asked.add(f"{key}#{repeat}")
            yield {"call": call, "key": key, "repeat": repeat, "body": made}


def waiting_for(ledger: Ledger) -> set[str]:
    """The readings that batches were asked for which have not been collected."""
    pending = [one["calls"] for one in ledger.seen().batches.values() if not one["collected"]]
    return {f"{key}#{repeat}" for calls in pending for key, repeat in calls.values()}


def parts(asked: Sequence[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    """The requests in batches that are none of them too large.

    >>> [len(part) for part in parts([{"body": {}}] * 120_000)]
    [50000, 50000, 20000]
    """
    part: list[Mapping[str, Any]] = []
    size = 0
    for one in asked:
        bytes_of_it = len(json.dumps(one["body"])) + 200
        if part and (len(part) == MOST_REQUESTS or size + bytes_of_it > MOST_BYTES):
            yield part
            part, size = [], 0
        part.append(one)
        size += bytes_of_it
    if part:
        yield part


def request_file(asked: Sequence[Mapping[str, Any]]) -> bytes:
    """The file of requests, a line to each; the call's number is its `custom_id`."""
    lines = (
        {"custom_id": one["call"], "method": "POST", "url": "/v1/chat/completions", "body": one["body"]}
        for one in asked
    )
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


async def submit(client: AsyncOpenAI, asked: Sequence[Mapping[str, Any]], ledger: Ledger) -> str:
    """Hand the requests in, and keep the batch's id with what was asked; the id."""
    file = await client.files.create(file=("cards.jsonl", io.BytesIO(request_file(asked))), purpose="batch")
    batch = await client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
    calls = {one["call"]: [one["key"], one["repeat"]] for one in asked}
    ledger.note("batch", {"id": batch.id, "calls": calls, "collected": False})
    return batch.id


async def collect(client: AsyncOpenAI, cards: Sequence[tuple[str, str]], setup: Setup, ledger: Ledger) -> list[str]:
    """Take in the results of every batch that has ended; the ids of those that have not."""
    texts = {key_of(text, setup): text for _, text in cards}
    waiting = []
    for known in list(ledger.seen().batches.values()):
        if known["collected"]:
            continue
        batch = await client.batches.retrieve(known["id"])
        if batch.status not in ENDED:
            waiting.append(batch.id)
            continue
        if any(key not in texts for key, _ in known["calls"].values()):
            waiting.append(batch.id)  # its quotes cannot be checked without the cards it was about
            continue
        for file in filter(None, (batch.output_file_id, batch.error_file_id)):
            take((await client.files.content(file)).text, known["calls"], texts, setup, ledger)
        ledger.note("batch", {**known, "collected": True})
    return waiting


def take(
    lines: str, calls: Mapping[str, Sequence[Any]], texts: Mapping[str, str], setup: Setup, ledger: Ledger
) -> None:
    """Take in the lines of a file of results, in whatever order they come; what a model refuses is kept."""
    for line in filter(None, lines.splitlines()):
        told = json.loads(line)
        if told.get("custom_id") not in calls:
            continue
        key, repeat = calls[told["custom_id"]]
        answered = (told.get("response") or {}).get("body") or {}
        told_why = answered.get("error") or {}
        if refused := refused_parameter(told_why.get("param"), str(told_why.get("message"))):
            setup = do_without(setup, refused, ledger)
            ledger.settle(told["custom_id"], 0, 0.0)
        usage = answered.get("usage") or {}
        if "prompt_tokens" in usage and "completion_tokens" in usage:
            read, written = usage["prompt_tokens"], usage["completion_tokens"]
            ledger.settle(told["custom_id"], read + written, setup.price.of(read, written))
        made, _ = judged(as_completion(answered), texts[key])
        if made.state != ERROR and answered.get("choices"):
            ledger.keep(key, repeat, made.as_dict())


def as_completion(answered: Mapping[str, Any]) -> SimpleNamespace:
    """The body of a result, in the form the client gives a completion."""
    choices = [
        SimpleNamespace(
            finish_reason=one.get("finish_reason"),
            message=SimpleNamespace(content=(one.get("message") or {}).get("content"),
                                    refusal=(one.get("message") or {}).get("refusal")),
        )
        for one in answered.get("choices") or []
    ]  # fmt: skip
    return SimpleNamespace(choices=choices, model=answered.get("model"), usage=answered.get("usage"))


def readings_of(text: str, setup: Setup, ledger: Ledger) -> list[Reading]:
    """The readings of a card that are known; those that are not are errors, never a no."""
    known = ledger.known(key_of(text, setup))
    missing = Reading(ERROR, note="not collected yet")
    return [Reading.of(known[repeat]) if repeat in known else missing for repeat in range(setup.repeats)]
