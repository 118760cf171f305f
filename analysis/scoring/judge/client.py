"""One card read by the judge: each call is reserved in the ledger first, retried if that may help, and stored."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from analysis.scoring.judge.answers import ERROR, INVALID, OVER_BUDGET, READ, REFUSED, JudgeReading, parse_reply
from analysis.scoring.judge.ledger import Ledger, Price
from analysis.scoring.judge.prompts import Prompt, build_request, generate_mark
from analysis.scoring.judge.replies import ModelReply, reply_of, tokens_of
from db.private_text import list_credentials, remove_values

if TYPE_CHECKING:
    from openai import AsyncOpenAI

MAX_REPLY_TOKENS = 1_200
OVERHEAD_TOKENS = 100  # of a request beside its content
REPAIR_MESSAGE = (
    "That was not the JSON object that was described. Answer with it alone: five items, each with `answer` and `quote`."
)
UNREADABLE = "the body cannot be read"
OPTIONAL_PARAMETERS = ("temperature", "seed")  # a model may refuse them; without them it counts as another reader
MAX_CONSECUTIVE_FAILURES = 5  # of any cards; after them no call is made


@dataclass(frozen=True)
class JudgeSetup:
    """The model, the prompt and the options that are the same for all cards."""

    model: str
    prompt: Prompt
    price: Price
    repeats: int = 3
    concurrency: int = 4
    seed: int = 20_240
    attempts: int = 4
    wait: float = 20.0
    omitted_parameters: tuple[str, ...] = ()

    @property
    def version_suffix(self) -> str:
        """The omitted parameters as part of a version, or '' if the model accepts every parameter."""
        return f" without {', '.join(self.omitted_parameters)}" if self.omitted_parameters else ""


class Judge:
    """A reader of cards with one client and one ledger."""

    def __init__(self, client: AsyncOpenAI, setup: JudgeSetup, ledger: Ledger, today: Callable[[], str]) -> None:
        self._client, self.setup, self._ledger, self._today = client, setup, ledger, today
        self._semaphore = asyncio.Semaphore(setup.concurrency)
        self._failures = 0

    async def read_all(
        self, cards: Sequence[tuple[str, str]], ignore_stored: bool = False
    ) -> AsyncIterator[tuple[str, list[JudgeReading]]]:
        """Yield the readings of each card, in order. With `ignore_stored`, stored readings are requested again."""
        tasks = [asyncio.ensure_future(self._read_card(text, ignore_stored)) for _, text in cards]
        try:
            for (name, _), task in zip(cards, tasks, strict=True):
                yield name, await task
        finally:
            for task in tasks:
                task.cancel()

    async def _read_card(self, text: str, ignore_stored: bool) -> list[JudgeReading]:
        stored = {} if ignore_stored else self._ledger.known_readings(reading_key(text, self.setup))
        readings = (self._get_reading(text, repeat, stored.get(repeat)) for repeat in range(self.setup.repeats))
        return list(await asyncio.gather(*readings))

    async def _get_reading(self, text: str, repeat: int, stored: Mapping[str, Any] | None) -> JudgeReading:
        if stored is not None:
            return JudgeReading.from_dict(stored)
        async with self._semaphore:
            reading = await self._request_reading(text, repeat)
        if is_lasting(reading):
            self._ledger.store_reading(reading_key(text, self.setup), repeat, reading.to_dict())
        return reading

    async def _request_reading(self, text: str, repeat: int) -> JudgeReading:
        """Request one reading. If its form is wrong, ask the model once to repair it."""
        setup, mark = self.setup, generate_mark()
        request = build_request(setup.prompt, text, setup.model, MAX_REPLY_TOKENS, mark, setup.seed + repeat)
        reading, raw = await self._call_model(request, text)
        if reading.state != INVALID:
            return reading
        messages = [
            *request["messages"],
            {"role": "assistant", "content": raw[:4_000]},
            {"role": "user", "content": REPAIR_MESSAGE},
        ]
        repaired, _ = await self._call_model({**request, "messages": messages}, text)
        return repaired if repaired.state == READ else reading

    async def _call_model(self, request: dict[str, Any], text: str) -> tuple[JudgeReading, str]:
        if self._failures >= MAX_CONSECUTIVE_FAILURES:
            note = f"not requested after {MAX_CONSECUTIVE_FAILURES} consecutive failures"
            return JudgeReading(ERROR, note=note), ""
        try:
            completion = await self._complete(request)
        except Exception as error:
            if not is_endpoint_error(error):
                raise
            self._failures += 1
            if is_unreadable_reply(error):
                return JudgeReading(INVALID, note=f"{UNREADABLE}: {type(error).__name__}"), ""
            return JudgeReading(ERROR, note=type(error).__name__), ""
        self._failures = 0
        if completion is None:
            return JudgeReading(OVER_BUDGET, note="the budget of the day has no room for the call"), ""
        return parse_model_reply(reply_of(completion), text)

    async def _complete(self, request: Mapping[str, Any]) -> object:
        """Return the completion, or None if the budget has no room. Parameters that the model refuses are omitted."""
        import openai

        while True:
            accepted = {name: value for name, value in request.items() if name not in self.setup.omitted_parameters}
            try:
                return await self._complete_with_retries(accepted)
            except openai.BadRequestError as error:
                parameter = refused_parameter(getattr(error, "param", None), str(error))
                if parameter not in accepted:
                    raise
                self.setup = omit_parameter(self.setup, parameter, self._ledger)

    async def _complete_with_retries(self, request: dict[str, Any]) -> object:
        """Reserve and make a call until it succeeds.

        Every attempt is reserved, because a failed one may cost too. A bad request costs nothing.
        """
        import openai

        async for attempt in AsyncRetrying(
            retry=retry_if_exception(is_retryable),
            stop=stop_after_attempt(self.setup.attempts),
            wait=wait_random_exponential(0.2, self.setup.wait),
            reraise=True,
        ):
            with attempt:
                call = self._reserve(request)
                if call is None:
                    return None
                try:
                    completion: object = await self._client.chat.completions.create(**request)
                except openai.BadRequestError:
                    self._ledger.settle(call, 0, 0.0)
                    raise
                self._settle(call, completion)
                return {} if completion is None else completion  # a service may answer null
        return None

    def _reserve(self, request: Mapping[str, Any]) -> str | None:
        tokens = max_input_tokens(request)
        usd = self.setup.price.cost(tokens, MAX_REPLY_TOKENS)
        return self._ledger.reserve(self._today(), tokens + MAX_REPLY_TOKENS, usd)

    def _settle(self, call: str, completion: object) -> None:
        tokens = tokens_of(completion)
        if tokens is None:
            self._ledger.settle(call, None, None)
            return
        self._ledger.settle(call, sum(tokens), self.setup.price.cost(*tokens))


def refused_parameter(parameter: str | None, message: str) -> str:
    """Return the optional parameter that an error is about, or '' if it is about something else.

    >>> refused_parameter(None, "Unsupported value: 'temperature' does not support 0 with this model.")
    'temperature'
    """
    return next(
        (name for name in OPTIONAL_PARAMETERS if parameter == name or (not parameter and f"'{name}'" in message)), ""
    )


def omit_parameter(setup: JudgeSetup, parameter: str, ledger: Ledger) -> JudgeSetup:
    """Return the setup without a parameter, and record the parameter, so that the next run omits it from the start."""
    omitted = tuple(sorted({*setup.omitted_parameters, parameter}))
    ledger.record("refuses", {"model": setup.model, "parameters": omitted})
    return replace(setup, omitted_parameters=omitted)


def omit_refused_parameters(setup: JudgeSetup, ledger: Ledger) -> JudgeSetup:
    """Return the setup without the parameters that the model is known to refuse."""
    return replace(setup, omitted_parameters=ledger.read_state().refused_parameters.get(setup.model, ()))


def reading_key(text: str, setup: JudgeSetup) -> str:
    """Return the key of a reading: the card, the prompt, the model and the omitted parameters."""
    card = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
    return f"{card}:{setup.prompt.hash}:{setup.model}{setup.version_suffix}"


def max_input_tokens(request: Mapping[str, Any]) -> int:
    """Return an upper bound of the input tokens of a call: every byte of the request, schema included, as a token.

    Tokenizers of byte pairs, which all of these models have, make no more tokens of a text than it has bytes. A service
    adds less around a message than the names and marks around it in the request.

    >>> max_input_tokens({"messages": [{"content": "owl" * 100}]})
    431
    """
    return len(json.dumps(request, ensure_ascii=False).encode("utf-8", "replace")) + OVERHEAD_TOKENS


def parse_model_reply(reply: ModelReply | None, card: str) -> tuple[JudgeReading, str]:
    """Return the reading in a model's reply, and its text. An endpoint may echo the key of this run."""
    if reply is None:
        return JudgeReading(INVALID, note="no choice"), ""
    credentials = list_credentials(os.environ)
    texts = (reply.content, reply.refusal, reply.model)
    content, refusal, model = (remove_values(text or "", credentials) for text in texts)
    if refusal or reply.finish_reason == "content_filter":
        return JudgeReading(REFUSED, note=(refusal or "content filter")[:200], model=model), ""
    return replace(parse_reply(content, card), model=model), content


def is_retryable(error: BaseException) -> bool:
    """Return whether a retry may help: timeouts, lost connections, rate limits and server errors.

    A rate limit because the account has no money left is not retryable.
    """
    import openai

    if isinstance(error, openai.RateLimitError):
        return getattr(error, "code", None) != "insufficient_quota"
    return isinstance(error, openai.APIConnectionError | openai.InternalServerError)


def is_lasting(reading: JudgeReading) -> bool:
    """Return whether a retry would not change a reading. A body that cannot be read may come from a proxy.

    >>> is_lasting(JudgeReading(INVALID, note="no JSON object")), is_lasting(JudgeReading(INVALID, note=UNREADABLE))
    (True, False)
    """
    return reading.state in (READ, INVALID, REFUSED) and not reading.note.startswith(UNREADABLE)


def is_endpoint_error(error: BaseException) -> bool:
    """Return whether an error is the endpoint's, and not a programming error."""
    import openai

    return isinstance(error, openai.OpenAIError) or is_unreadable_reply(error)


def is_unreadable_reply(error: BaseException) -> bool:
    """Return whether an error is about the body of a reply: no JSON, too deep, too large or encoded.

    >>> [is_unreadable_reply(error) for error in (ValueError("not JSON"), RecursionError(), TimeoutError())]
    [True, True, False]
    """
    import openai

    return isinstance(error, ValueError | RecursionError | openai.APIResponseValidationError)
