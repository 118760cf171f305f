"""The Batch API: requests in a file, results within a day; what was asked is in the ledger until collected."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from analysis.scoring.judge.answers import ERROR, JudgeReading
from analysis.scoring.judge.client import (
    MAX_REPLY_TOKENS,
    JudgeSetup,
    max_input_tokens,
    omit_parameter,
    parse_completion,
    reading_key,
    refused_parameter,
)
from analysis.scoring.judge.ledger import Ledger
from analysis.scoring.judge.prompts import build_request, generate_mark

if TYPE_CHECKING:
    from openai import AsyncOpenAI

MAX_BATCH_REQUESTS, MAX_BATCH_BYTES = 50_000, 150_000_000  # of one batch; the API takes 50,000 and 200 MB
FINAL_STATUSES = ("completed", "failed", "expired", "cancelled")


def build_requests(
    cards: Sequence[tuple[str, str]], setup: JudgeSetup, ledger: Ledger, day: str
) -> Iterator[dict[str, Any]]:
    """A request for each reading that is neither known nor asked for in a batch that is still to be collected.

    As far as the day's budget has room; each is reserved first.
    """
    asked = list_pending_readings(ledger)
    for _, text in cards:
        key = reading_key(text, setup)
        known = ledger.known_readings(key)
        for repeat in range(setup.repeats):
            if repeat in known or f"{key}#{repeat}" in asked:
                continue
            made = build_request(
                setup.prompt, text, setup.model, MAX_REPLY_TOKENS, generate_mark(), setup.seed + repeat
            )
            made = {name: value for name, value in made.items() if name not in setup.omitted_parameters}
            tokens = max_input_tokens(made)
            call = ledger.reserve(day, tokens + MAX_REPLY_TOKENS, setup.price.cost(tokens, MAX_REPLY_TOKENS))
            if call is None:
                return
            asked.add(f"{key}#{repeat}")
            yield {"call": call, "key": key, "repeat": repeat, "body": made}


def list_pending_readings(ledger: Ledger) -> set[str]:
    """The readings that batches were asked for which have not been collected."""
    pending = [one["calls"] for one in ledger.read_state().batches.values() if not one["collected"]]
    return {f"{key}#{repeat}" for calls in pending for key, repeat in calls.values()}


def split_batches(requests: Sequence[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    """The requests in batches that are none of them too large.

    >>> [len(part) for part in split_batches([{"body": {}}] * 120_000)]
    [50000, 50000, 20000]
    """
    part: list[Mapping[str, Any]] = []
    size = 0
    for one in requests:
        bytes_of_it = len(json.dumps(one["body"])) + 200
        if part and (len(part) == MAX_BATCH_REQUESTS or size + bytes_of_it > MAX_BATCH_BYTES):
            yield part
            part, size = [], 0
        part.append(one)
        size += bytes_of_it
    if part:
        yield part


def encode_requests(requests: Sequence[Mapping[str, Any]]) -> bytes:
    """The file of requests, a line to each; the call's number is its `custom_id`."""
    lines = (
        {"custom_id": one["call"], "method": "POST", "url": "/v1/chat/completions", "body": one["body"]}
        for one in requests
    )
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


async def submit_batch(client: AsyncOpenAI, requests: Sequence[Mapping[str, Any]], ledger: Ledger) -> str:
    """Hand the requests in, and keep the batch's id with what was asked; the id."""
    file = await client.files.create(file=("cards.jsonl", io.BytesIO(encode_requests(requests))), purpose="batch")
    batch = await client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
    calls = {one["call"]: [one["key"], one["repeat"]] for one in requests}
    ledger.record("batch", {"id": batch.id, "calls": calls, "collected": False})
    return batch.id


async def collect_batches(
    client: AsyncOpenAI, cards: Sequence[tuple[str, str]], setup: JudgeSetup, ledger: Ledger
) -> list[str]:
    """Take in the results of every batch that has ended; the ids of those that have not."""
    texts = {reading_key(text, setup): text for _, text in cards}
    waiting = []
    for known in list(ledger.read_state().batches.values()):
        if known["collected"]:
            continue
        batch = await client.batches.retrieve(known["id"])
        if batch.status not in FINAL_STATUSES:
            waiting.append(batch.id)
            continue
        if any(key not in texts for key, _ in known["calls"].values()):
            waiting.append(batch.id)  # its quotes cannot be checked without the cards it was about
            continue
        for file in filter(None, (batch.output_file_id, batch.error_file_id)):
            store_results((await client.files.content(file)).text, known["calls"], texts, setup, ledger)
        ledger.record("batch", {**known, "collected": True})
    return waiting


def store_results(
    lines: str, calls: Mapping[str, Sequence[Any]], texts: Mapping[str, str], setup: JudgeSetup, ledger: Ledger
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
            setup = omit_parameter(setup, refused, ledger)
            ledger.settle(told["custom_id"], 0, 0.0)
        usage = answered.get("usage") or {}
        if "prompt_tokens" in usage and "completion_tokens" in usage:
            read, written = usage["prompt_tokens"], usage["completion_tokens"]
            ledger.settle(told["custom_id"], read + written, setup.price.cost(read, written))
        made, _ = parse_completion(to_completion(answered), texts[key])
        if made.state != ERROR and answered.get("choices"):
            ledger.store_reading(key, repeat, made.to_dict())


def to_completion(response_body: Mapping[str, Any]) -> SimpleNamespace:
    """The body of a result, in the form the client gives a completion."""
    choices = [
        SimpleNamespace(
            finish_reason=one.get("finish_reason"),
            message=SimpleNamespace(content=(one.get("message") or {}).get("content"),
                                    refusal=(one.get("message") or {}).get("refusal")),
        )
        for one in response_body.get("choices") or []
    ]  # fmt: skip
    return SimpleNamespace(choices=choices, model=response_body.get("model"), usage=response_body.get("usage"))


def load_readings(text: str, setup: JudgeSetup, ledger: Ledger) -> list[JudgeReading]:
    """The readings of a card that are known; those that are not are errors, never a no."""
    known = ledger.known_readings(reading_key(text, setup))
    missing = JudgeReading(ERROR, note="not collected yet")
    return [JudgeReading.from_dict(known[repeat]) if repeat in known else missing for repeat in range(setup.repeats)]
