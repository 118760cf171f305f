"""The Batch API: requests in a file, and results within a day. The ledger holds what was requested until then."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from analysis.scoring.judge.answers import ERROR, JudgeReading
from analysis.scoring.judge.client import (
    MAX_REPLY_TOKENS,
    JudgeSetup,
    max_input_tokens,
    omit_parameter,
    parse_model_reply,
    reading_key,
    refused_parameter,
)
from analysis.scoring.judge.ledger import Ledger
from analysis.scoring.judge.prompts import build_request, generate_mark
from analysis.scoring.judge.replies import part_of, reply_of, tokens_of

if TYPE_CHECKING:
    from openai import AsyncOpenAI

MAX_BATCH_REQUESTS, MAX_BATCH_BYTES = 50_000, 150_000_000  # the API accepts 50,000 and 200 MB
FINAL_STATUSES = ("completed", "failed", "expired", "cancelled")


@dataclass(frozen=True)
class BatchRequest:
    """The request for one reading: its reserved call, the key and repeat of the reading, and the body."""

    call: str
    key: str
    repeat: int
    body: dict[str, Any]

    @property
    def size(self) -> int:
        """The bytes of the request in a file, at most."""
        return len(json.dumps(self.body)) + 200


def build_requests(
    cards: Sequence[tuple[str, str]], setup: JudgeSetup, ledger: Ledger, day: str
) -> Iterator[BatchRequest]:
    """Yield a request for each reading that is neither stored nor requested in a batch without results.

    Each request is reserved first. The requests end where the day's budget has no room.
    """
    pending = list_pending_readings(ledger)
    for _, text in cards:
        key = reading_key(text, setup)
        stored = ledger.known_readings(key)
        for repeat in range(setup.repeats):
            if repeat in stored or f"{key}#{repeat}" in pending:
                continue
            mark = generate_mark()
            body = build_request(setup.prompt, text, setup.model, MAX_REPLY_TOKENS, mark, setup.seed + repeat)
            body = {name: value for name, value in body.items() if name not in setup.omitted_parameters}
            tokens = max_input_tokens(body)
            call = ledger.reserve(day, tokens + MAX_REPLY_TOKENS, setup.price.cost(tokens, MAX_REPLY_TOKENS))
            if call is None:
                return
            pending.add(f"{key}#{repeat}")
            yield BatchRequest(call, key, repeat, body)


def list_pending_readings(ledger: Ledger) -> set[str]:
    """Return the readings requested in batches whose results have not been collected."""
    batches = ledger.read_state().batches.values()
    calls = (call for batch in batches if not batch["collected"] for call in batch["calls"].values())
    return {f"{key}#{repeat}" for key, repeat in calls}


def split_batches(requests: Sequence[BatchRequest]) -> Iterator[list[BatchRequest]]:
    """Split the requests into batches that the API accepts.

    >>> [len(batch) for batch in split_batches([BatchRequest("", "", 0, {})] * 120_000)]
    [50000, 50000, 20000]
    """
    batch: list[BatchRequest] = []
    size = 0
    for request in requests:
        if batch and (len(batch) == MAX_BATCH_REQUESTS or size + request.size > MAX_BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(request)
        size += request.size
    if batch:
        yield batch


def encode_requests(requests: Sequence[BatchRequest]) -> bytes:
    """Return the file of requests, one per line. The call is the `custom_id`."""
    lines = (
        {"custom_id": request.call, "method": "POST", "url": "/v1/chat/completions", "body": request.body}
        for request in requests
    )
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


async def submit_batch(client: AsyncOpenAI, requests: Sequence[BatchRequest], ledger: Ledger) -> str:
    """Submit a batch, record it in the ledger, and return its id."""
    file = await client.files.create(file=("cards.jsonl", io.BytesIO(encode_requests(requests))), purpose="batch")
    batch = await client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
    calls = {request.call: [request.key, request.repeat] for request in requests}
    ledger.record("batch", {"id": batch.id, "calls": calls, "collected": False})
    return batch.id


async def collect_batches(
    client: AsyncOpenAI, cards: Sequence[tuple[str, str]], setup: JudgeSetup, ledger: Ledger
) -> list[str]:
    """Store the results of every batch that has ended, and return the ids of the other batches.

    A batch about other cards stays open too: its quotes cannot be checked without the cards.
    """
    texts = {reading_key(text, setup): text for _, text in cards}
    open_batches = []
    for stored in list(ledger.read_state().batches.values()):
        if stored["collected"]:
            continue
        batch = await client.batches.retrieve(stored["id"])
        if batch.status not in FINAL_STATUSES or any(key not in texts for key, _ in stored["calls"].values()):
            open_batches.append(batch.id)
            continue
        for file in filter(None, (batch.output_file_id, batch.error_file_id)):
            store_results((await client.files.content(file)).text, stored["calls"], texts, setup, ledger)
        ledger.record("batch", {**stored, "collected": True})
    return open_batches


def store_results(
    lines: str, calls: Mapping[str, Sequence[Any]], texts: Mapping[str, str], setup: JudgeSetup, ledger: Ledger
) -> None:
    """Store the readings in a file of results, whose lines are in any order, and record refused parameters."""
    for line in filter(None, lines.splitlines()):
        result = decode_result(line)
        call = part_of(result, "custom_id")
        if not isinstance(call, str) or call not in calls:
            continue
        key, repeat = calls[call]
        body = part_of(part_of(result, "response"), "body")
        error = part_of(body, "error")
        name = part_of(error, "param")
        message = str(part_of(error, "message"))[:10_000]
        if parameter := refused_parameter(name if isinstance(name, str) else None, message):
            setup = omit_parameter(setup, parameter, ledger)
            ledger.settle(call, 0, 0.0)
        if tokens := tokens_of(body):
            ledger.settle(call, sum(tokens), setup.price.cost(*tokens))
        if reply := reply_of(body):
            reading, _ = parse_model_reply(reply, texts[key])
            if reading.state != ERROR:
                ledger.store_reading(key, repeat, reading.to_dict())


def decode_result(line: str) -> object:
    """Return one result, or None if the line is not JSON.

    >>> decode_result('{"custom_id": "a"}'), decode_result("[" * 100_000)
    ({'custom_id': 'a'}, None)
    """
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def load_readings(text: str, setup: JudgeSetup, ledger: Ledger) -> list[JudgeReading]:
    """Return the stored readings of a card. A missing one is an error, never a no."""
    stored = ledger.known_readings(reading_key(text, setup))
    missing = JudgeReading(ERROR, note="not collected yet")
    return [JudgeReading.from_dict(stored[repeat]) if repeat in stored else missing for repeat in range(setup.repeats)]
