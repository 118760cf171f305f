"""Which faults are scripted, and which of them strike this request."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from simulation.faults import content as faults
from simulation.faults import transport as deliveries
from simulation.http.messages import Ask, Reply

FOR_EVER = -1
APIS = ("huggingface", "ecosystems")
PERSISTENT = ("cursor_loop",)


class UnknownFault(Exception):
    """A fault that cannot be scripted as asked."""


def known_faults(*beginning: str) -> dict[str, Callable[..., Any]]:
    """Return the functions whose parameters begin like this and that stand in the modules of faults."""
    return {
        name: function
        for module in (faults, deliveries)
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__
        and tuple(inspect.signature(function).parameters)[: len(beginning)] == beginning
    }


OF_ANSWERS = known_faults("reply", "ask")
OF_QUESTIONS = known_faults("ask")
FAULTS = OF_ANSWERS | OF_QUESTIONS


@dataclass(slots=True)
class Scripted:
    """One fault and when it strikes: from the n-th request on, or at a path, so many times."""

    kind: str
    api: str = "huggingface"
    request: int = 1
    path: str = ""
    times: int = 1
    arguments: dict[str, object] = field(default_factory=dict)

    def strikes(self, ask: Ask, number: int) -> bool:
        """Say whether this request is hit, and count it."""
        if (
            self.times == 0
            or ask.api != self.api
            or number < self.request
            or self.path not in f"{ask.path}?{ask.query}"
        ):
            return False
        self.times -= self.times > 0
        return True


def read_script(text: Mapping[str, object]) -> Scripted:
    """Return a fault as it was asked for, or explain what is wrong with it."""
    asked = dict(text)
    kind = str(asked.pop("kind", ""))
    if kind not in FAULTS:
        raise UnknownFault(f"no fault {kind!r}; there are {', '.join(sorted(FAULTS))}")
    placed = {name: asked.pop(name) for name in ("api", "request", "path", "times") if name in asked}
    if placed.get("api", "huggingface") not in APIS:
        raise UnknownFault(f"no site {placed['api']!r}; there are {', '.join(APIS)}")
    wrong = set(asked) - set(inspect.signature(FAULTS[kind]).parameters)
    if wrong:
        raise UnknownFault(f"fault {kind!r} has no argument {', '.join(sorted(wrong))}")
    if kind in PERSISTENT:
        placed.setdefault("times", FOR_EVER)
        asked["seen"] = []
    return Scripted(kind, arguments=asked, **placed)  # type: ignore[arg-type]


class FaultBook:
    """The scripted faults, and how many requests each site has seen since the last reset."""

    def __init__(self) -> None:
        self.scripted: list[Scripted] = []
        self.numbers: dict[str, int] = {}

    def script(self, texts: Iterable[Mapping[str, object]]) -> int:
        """Add faults; return how many are scripted now."""
        self.scripted += [read_script(text) for text in texts]
        return len(self.scripted)

    def due(self, ask: Ask) -> tuple[int, list[Scripted]]:
        """Count a request; return its number and the faults that strike it."""
        number = self.numbers[ask.api] = self.numbers.get(ask.api, 0) + 1
        return number, [one for one in self.scripted if one.strikes(ask, number)]

    def reset(self) -> None:
        """Forget the faults and count from one again."""
        self.scripted.clear()
        self.numbers.clear()


def misread(ask: Ask, due: Iterable[Scripted]) -> Ask:
    """Return the question as the faults let the site understand it."""
    for one in due:
        if one.kind in OF_QUESTIONS:
            ask = OF_QUESTIONS[one.kind](ask, **one.arguments)
    return ask


def spoil(reply: Reply, ask: Ask, due: Iterable[Scripted]) -> None:
    """Let the faults change the answer."""
    for one in due:
        if one.kind in OF_ANSWERS:
            OF_ANSWERS[one.kind](reply, ask, **one.arguments)
