"""One card read by the judge: each call is paid for before it is made, tried again if that may help, and kept."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from analysis.scoring.judge.answers import ERROR, INVALID, OVER_BUDGET, READ, REFUSED, Reading, read_answer
from analysis.scoring.judge.ledger import Ledger, Price
from analysis.scoring.judge.prompts import Prompt, body, new_mark

if TYPE_CHECKING:
    from openai import AsyncOpenAI

WRITTEN = 1_200  # most tokens of an answer
AROUND = 100  # tokens of a request beside what stands in it
AGAIN = (
    "That was not the JSON object that was described. Answer with it alone: five items, each with `answer` and `quote`."
)
OPTIONAL = ("temperature", "seed")  # what a model may refuse to be told; it is then another reader
HOPELESS = 5  # failures one after another, of whatever cards, after which nothing more is asked


@dataclass(frozen=True)
class Setup:
    """Whom to ask, what, and how: everything that is the same for all cards."""

    model: str
    prompt: Prompt
    price: Price
    repeats: int = 3
    concurrency: int = 4
    seed: int = 20_240
    attempts: int = 4
    wait: float = 20.0
    without: tuple[str, ...] = ()

    @property
    def asked_how(self) -> str:
        """How the model is asked other than usually; '' if it takes every parameter."""
        return f" without {', '.join(self.without)}" if self.without else ""


class Judge:
    """Reads cards with one client, within one ledger."""

    def __init__(self, client: AsyncOpenAI, setup: Setup, ledger: Ledger, today: Callable[[], str]) -> None:
        self._client, self.setup, self._ledger, self._today = client, setup, ledger, today
        self._free = asyncio.Semaphore(setup.concurrency)
        self._failures = 0

    async def read_all(
        self, cards: Sequence[tuple[str, str]], afresh: bool = False
    ) -> AsyncIterator[tuple[str, list[Reading]]]:
        """The readings of each card, in the order of the cards; `afresh` asks again for what is known."""
        waiting = [asyncio.ensure_future(self._card(text, afresh)) for _, text in cards]
        try:
            for (name, _), one in zip(cards, waiting, strict=True):
                yield name, await one
        finally:
            for one in waiting:
                one.cancel()

    async def _card(self, text: str, afresh: bool) -> list[Reading]:
        key = key_of(text, self.setup)
        known = {} if afresh else self._ledger.known(key)
        return list(await asyncio.gather(*(
            self._reading(text, repeat, known.get(repeat)) for repeat in range(self.setup.repeats)
        )))  # fmt: skip

    async def _reading(self, text: str, repeat: int, known: Mapping[str, object] | None) -> Reading:
        if known is not None:
            return Reading.of(known)
        async with self._free:
            made = await self._ask(text, repeat)
        if made.state in (READ, INVALID, REFUSED):  # what another try would not mend
            self._ledger.keep(key_of(text, self.setup), repeat, made.as_dict())
        return made

    async def _ask(self, text: str, repeat: int) -> Reading:
        """One reading; if its form is wrong, one try to have it mended."""
        asked = body(self.setup.prompt, text, self.setup.model, WRITTEN, new_mark(), self.setup.seed + repeat)
        made, raw = await self._call(asked, text)
        if made.state != INVALID:
            return made
        messages = [
            *asked["messages"],
            {"role": "assistant", "content": raw[:4_000]},
            {"role": "user", "content": AGAIN},
        ]
        mended, _ = await self._call({**asked, "messages": messages}, text)
        return mended if mended.state == READ else made

    async def _call(self, asked: dict[str, Any], text: str) -> tuple[Reading, str]:
        if self._failures >= HOPELESS:
            return Reading(ERROR, note=f"nothing more was asked after {HOPELESS} failures one after another"), ""
        try:
            completion = await self._paid(asked)
        except Exception as error:
            if not is_an_answer(error):
                raise
            self._failures += 1
            return Reading(ERROR, note=f"{type(error).__name__}"), ""
        self._failures = 0
        if completion is None:
            return Reading(OVER_BUDGET, note="the budget of the day has no room for the call"), ""
        return judged(completion, text)

    async def _paid(self, asked: Mapping[str, Any]) -> Any:
        """The completion; None if there was no money for it. A parameter the model refuses is left out from then on."""
        import openai

        while True:
            sent = {name: value for name, value in asked.items() if name not in self.setup.without}
            try:
                return await self._tried(sent)
            except openai.BadRequestError as error:
                refused = refused_parameter(getattr(error, "param", None), str(error))
                if refused not in sent:
                    raise
                self.setup = do_without(self.setup, refused, self._ledger)

    async def _tried(self, asked: dict[str, Any]) -> Any:
        """Every try is reserved: a failed one may cost too, but for one that was refused as it stands."""
        import openai

        async for attempt in AsyncRetrying(
            retry=retry_if_exception(may_pass), stop=stop_after_attempt(self.setup.attempts),
            wait=wait_random_exponential(0.2, self.setup.wait), reraise=True,
        ):  # fmt: skip
            with attempt:
                tokens = most_tokens(asked)
                call = self._ledger.reserve(self._today(), tokens + WRITTEN, self.setup.price.of(tokens, WRITTEN))
                if call is None:
                    return None
                try:
                    completion = await self._client.chat.completions.create(**asked)
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
        self._ledger.settle(call, read + written, self.setup.price.of(read, written))


def refused_parameter(named: str | None, said: str) -> str:
    """The optional parameter that a model does not take; '' if it is about something else.

    >>> refused_parameter(None, "Unsupported value: 'temperature' does not support 0 with this model.")
    'temperature'
    """
    return next((name for name in OPTIONAL if named == name or (not named and f"'{name}'" in said)), "")


def do_without(setup: Setup, parameter: str, ledger: Ledger) -> Setup:
    """The setup without a parameter, which is kept, so that the next run need not find out again."""
    made = replace(setup, without=tuple(sorted({*setup.without, parameter})))
    ledger.note("refuses", {"model": made.model, "parameters": made.without})
    return made


def as_known(setup: Setup, ledger: Ledger) -> Setup:
    """The setup without what the model is known to refuse."""
    return replace(setup, without=ledger.seen().refuses.get(setup.model, ()))


def key_of(text: str, setup: Setup) -> str:
    """What a reading is known by: the card, the prompt, the model and how it is asked."""
    card = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
    return f"{card}:{setup.prompt.hash}:{setup.model}{setup.asked_how}"


def most_tokens(asked: Mapping[str, Any]) -> int:
    """More tokens than a call can have that are read: of the whole request, schema and all, every byte as a token.

    A tokenizer of byte pairs, as all of these models have, makes no more tokens of a text than it has bytes; what a
    service puts around a message is less than the names and marks around it in the request.

    >>> most_tokens({"messages": [{"content": "owl" * 100}]})
    431
    """
    return len(json.dumps(asked, ensure_ascii=False).encode("utf-8", "replace")) + AROUND


def judged(completion: Any, text: str) -> tuple[Reading, str]:
    """What a completion says, and its words."""
    choices = getattr(completion, "choices", None) or []
    if not choices:
        return Reading(INVALID, note="no choice"), ""
    message, model = choices[0].message, str(getattr(completion, "model", "") or "")
    if getattr(message, "refusal", None) or choices[0].finish_reason == "content_filter":
        return Reading(REFUSED, note=str(message.refusal or "content filter")[:200], model=model), ""
    raw = message.content or ""
    made = read_answer(raw, text)
    return Reading(made.state, made.answers, made.note, model), raw


def may_pass(error: BaseException) -> bool:
    """Whether another try may help: time-outs, lost connections, 429 that is no end of the money, and 5xx."""
    import openai

    if isinstance(error, openai.RateLimitError):
        return getattr(error, "code", None) != "insufficient_quota"
    return isinstance(error, openai.APIConnectionError | openai.InternalServerError)


def is_an_answer(error: BaseException) -> bool:
    """Whether this is the endpoint's failure rather than ours."""
    import openai

    return isinstance(error, openai.OpenAIError | json.JSONDecodeError)
