"""One card read by the judge: each call is paid for before it is made, tried again if that may help, and kept."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from analysis.scoring.judge.answers import ERROR, INVALID, OVER_BUDGET, READ, REFUSED, JudgeReading, parse_reply
from analysis.scoring.judge.ledger import Ledger, Price
from analysis.scoring.judge.prompts import Prompt, build_request, generate_mark

if TYPE_CHECKING:
    from openai import AsyncOpenAI

MAX_REPLY_TOKENS = 1_200  # most tokens of an answer
OVERHEAD_TOKENS = 100  # tokens of a request beside what stands in it
REPAIR_MESSAGE = (
    "That was not the JSON object that was described. Answer with it alone: five items, each with `answer` and `quote`."
)
OPTIONAL_PARAMETERS = ("temperature", "seed")  # what a model may refuse to be told; it is then another reader
MAX_CONSECUTIVE_FAILURES = 5  # failures one after another, of whatever cards, after which nothing more is asked


@dataclass(frozen=True)
class JudgeSetup:
    """Whom to ask, what, and how: everything that is the same for all cards."""

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
        """How the model is asked other than usually; '' if it takes every parameter."""
        return f" without {', '.join(self.omitted_parameters)}" if self.omitted_parameters else ""


class Judge:
    """Reads cards with one client, within one ledger."""

    def __init__(self, client: AsyncOpenAI, setup: JudgeSetup, ledger: Ledger, today: Callable[[], str]) -> None:
        self._client, self.setup, self._ledger, self._today = client, setup, ledger, today
        self._semaphore = asyncio.Semaphore(setup.concurrency)
        self._failures = 0

    async def read_all(
        self, cards: Sequence[tuple[str, str]], ignore_stored: bool = False
    ) -> AsyncIterator[tuple[str, list[JudgeReading]]]:
        """The readings of each card, in the order of the cards; `afresh` asks again for what is known."""
        waiting = [asyncio.ensure_future(self._read_card(text, ignore_stored)) for _, text in cards]
        try:
            for (name, _), one in zip(cards, waiting, strict=True):
                yield name, await one
        finally:
            for one in waiting:
                one.cancel()

    async def _read_card(self, text: str, ignore_stored: bool) -> list[JudgeReading]:
        key = reading_key(text, self.setup)
        known = {} if ignore_stored else self._ledger.known_readings(key)
        return list(await asyncio.gather(*(
            self._get_reading(text, repeat, known.get(repeat)) for repeat in range(self.setup.repeats)
        )))  # fmt: skip

    async def _get_reading(self, text: str, repeat: int, stored: Mapping[str, object] | None) -> JudgeReading:
        if stored is not None:
            return JudgeReading.from_dict(stored)
        async with self._semaphore:
            made = await self._request_reading(text, repeat)
        if made.state in (READ, INVALID, REFUSED):  # what another try would not mend
            self._ledger.store_reading(reading_key(text, self.setup), repeat, made.to_dict())
        return made

    async def _request_reading(self, text: str, repeat: int) -> JudgeReading:
        """One reading; if its form is wrong, one try to have it mended."""
        asked = build_request(
            self.setup.prompt, text, self.setup.model, MAX_REPLY_TOKENS, generate_mark(), self.setup.seed + repeat
        )
        made, raw = await self._call_model(asked, text)
        if made.state != INVALID:
            return made
        messages = [
            *asked["messages"],
            {"role": "assistant", "content": raw[:4_000]},
            {"role": "user", "content": REPAIR_MESSAGE},
        ]
        mended, _ = await self._call_model({**asked, "messages": messages}, text)
        return mended if mended.state == READ else made

    async def _call_model(self, request: dict[str, Any], text: str) -> tuple[JudgeReading, str]:
        if self._failures >= MAX_CONSECUTIVE_FAILURES:
            return JudgeReading(
                ERROR, note=f"nothing more was asked after {MAX_CONSECUTIVE_FAILURES} failures one after another"
            ), ""
        try:
            completion = await self._complete(request)
        except Exception as error:
            if not is_endpoint_error(error):
                raise
            self._failures += 1
            return JudgeReading(ERROR, note=f"{type(error).__name__}"), ""
        self._failures = 0
        if completion is None:
            return JudgeReading(OVER_BUDGET, note="the budget of the day has no room for the call"), ""
        return parse_completion(completion, text)

    async def _complete(self, request: Mapping[str, Any]) -> Any:
        """The completion; None if there was no money for it. A parameter the model refuses is left out from then on."""
        import openai

        while True:
            sent = {name: value for name, value in request.items() if name not in self.setup.omitted_parameters}
            try:
                return await self._complete_with_retries(sent)
            except openai.BadRequestError as error:
                refused = refused_parameter(getattr(error, "param", None), str(error))
                if refused not in sent:
                    raise
                self.setup = omit_parameter(self.setup, refused, self._ledger)

    async def _complete_with_retries(self, request: dict[str, Any]) -> Any:
        """Every try is reserved: a failed one may cost too, but for one that was refused as it stands."""
        import openai

        async for attempt in AsyncRetrying(
            retry=retry_if_exception(is_retryable), stop=stop_after_attempt(self.setup.attempts),
            wait=wait_random_exponential(0.2, self.setup.wait), reraise=True,
        ):  # fmt: skip
            with attempt:
                tokens = max_input_tokens(request)
                call = self._ledger.reserve(
                    self._today(), tokens + MAX_REPLY_TOKENS, self.setup.price.cost(tokens, MAX_REPLY_TOKENS)
                )
                if call is None:
                    return None
                try:
                    completion = await self._client.chat.completions.create(**request)
                except openai.BadRequestError:
                    self._ledger.settle(call, 0, 0.0)
                    raise
                self._settle(call, getattr(completion, "usage", None))
                return completion
        return None

    def _settle(self, call: str, usage: Any) -> None:
        if usage is None or usage.prompt_tokens is None or usage.completion_tokens is None:
            self._ledger.settle(call, None, None)
            return
        read, written = usage.prompt_tokens, usage.completion_tokens
        self._ledger.settle(call, read + written, self.setup.price.cost(read, written))


def refused_parameter(parameter: str | None, message: str) -> str:
    """The optional parameter that a model does not take; '' if it is about something else.

    >>> refused_parameter(None, "Unsupported value: 'temperature' does not support 0 with this model.")
    'temperature'
    """
    return next(
        (name for name in OPTIONAL_PARAMETERS if parameter == name or (not parameter and f"'{name}'" in message)), ""
    )


def omit_parameter(setup: JudgeSetup, parameter: str, ledger: Ledger) -> JudgeSetup:
    """The setup without a parameter, which is kept, so that the next run need not find out again."""
    made = replace(setup, omitted_parameters=tuple(sorted({*setup.omitted_parameters, parameter})))
    ledger.record("refuses", {"model": made.model, "parameters": made.omitted_parameters})
    return made


def omit_refused_parameters(setup: JudgeSetup, ledger: Ledger) -> JudgeSetup:
    """The setup without what the model is known to refuse."""
    return replace(setup, omitted_parameters=ledger.read_state().refused_parameters.get(setup.model, ()))


def reading_key(text: str, setup: JudgeSetup) -> str:
    """What a reading is known by: the card, the prompt, the model and how it is asked."""
    card = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
    return f"{card}:{setup.prompt.hash}:{setup.model}{setup.version_suffix}"


def max_input_tokens(request: Mapping[str, Any]) -> int:
    """More tokens than a call can have that are read: of the whole request, schema and all, every byte as a token.

    A tokenizer of byte pairs, as all of these models have, makes no more tokens of a text than it has bytes; what a
    service puts around a message is less than the names and marks around it in the request.

    >>> max_input_tokens({"messages": [{"content": "owl" * 100}]})
    431
    """
    return len(json.dumps(request, ensure_ascii=False).encode("utf-8", "replace")) + OVERHEAD_TOKENS


def parse_completion(completion: Any, text: str) -> tuple[JudgeReading, str]:
    """What a completion says, and its words."""
    choices = getattr(completion, "choices", None) or []
    if not choices:
        return JudgeReading(INVALID, note="no choice"), ""
    message, model = choices[0].message, str(getattr(completion, "model", "") or "")
    if getattr(message, "refusal", None) or choices[0].finish_reason == "content_filter":
        return JudgeReading(REFUSED, note=str(message.refusal or "content filter")[:200], model=model), ""
    raw = message.content or ""
    made = parse_reply(raw, text)
    return JudgeReading(made.state, made.answers, made.note, model), raw


def is_retryable(error: BaseException) -> bool:
    """Whether another try may help: time-outs, lost connections, 429 that is no end of the money, and 5xx."""
    import openai

    if isinstance(error, openai.RateLimitError):
        return getattr(error, "code", None) != "insufficient_quota"
    return isinstance(error, openai.APIConnectionError | openai.InternalServerError)


def is_endpoint_error(error: BaseException) -> bool:
    """Whether this is the endpoint's failure rather than ours."""
    import openai

    return isinstance(error, openai.OpenAIError | json.JSONDecodeError)
