"""Which faults are scripted, and which of them strike this request."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from simulation.faults import content as faults
from simulation.faults import transport as deliveries
from simulation.http.messages import Request, Response

UNLIMITED = -1
APIS = ("huggingface", "ecosystems")
PERSISTENT_KINDS = ("cursor_loop",)


class UnknownFaultError(Exception):
    """A fault that cannot be scripted as asked."""


def find_faults(*first_parameters: str) -> dict[str, Callable[..., Any]]:
    """Return the functions whose parameters begin like this and that stand in the modules of faults."""
    return {
        name: function
        for module in (faults, deliveries)
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__
        and tuple(inspect.signature(function).parameters)[: len(first_parameters)] == first_parameters
    }


RESPONSE_FAULTS = find_faults("reply", "ask")
REQUEST_FAULTS = find_faults("ask")
FAULTS = RESPONSE_FAULTS | REQUEST_FAULTS


@dataclass(slots=True)
class ScriptedFault:
    """One fault and when it strikes: from the n-th request on, or at a path, so many times."""

    kind: str
    api: str = "huggingface"
    request: int = 1
    path: str = ""
    times: int = 1
    arguments: dict[str, object] = field(default_factory=dict)

    def matches(self, ask: Request, number: int) -> bool:
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


def parse_fault(text: Mapping[str, object]) -> ScriptedFault:
    """Return a fault as it was asked for, or explain what is wrong with it."""
    asked = dict(text)
    kind = str(asked.pop("kind", ""))
    if kind not in FAULTS:
        raise UnknownFaultError(f"no fault {kind!r}; there are {', '.join(sorted(FAULTS))}")
    placed = {name: asked.pop(name) for name in ("api", "request", "path", "times") if name in asked}
    if placed.get("api", "huggingface") not in APIS:
        raise UnknownFaultError(f"no site {placed['api']!r}; there are {', '.join(APIS)}")
    wrong = set(asked) - set(inspect.signature(FAULTS[kind]).parameters)
    if wrong:
        raise UnknownFaultError(f"fault {kind!r} has no argument {', '.join(sorted(wrong))}")
    if kind in PERSISTENT_KINDS:
        placed.setdefault("times", UNLIMITED)
        asked["visited_urls"] = []
    return ScriptedFault(kind, arguments=asked, **placed)  # type: ignore[arg-type]


class FaultScript:
    """The scripted faults, and how many requests each site has seen since the last reset."""

    def __init__(self) -> None:
        self.faults: list[ScriptedFault] = []
        self.request_counts: dict[str, int] = {}

    def add(self, texts: Iterable[Mapping[str, object]]) -> int:
        """Add faults; return how many are scripted now."""
        self.faults += [parse_fault(text) for text in texts]
        return len(self.faults)

    def match_request(self, ask: Request) -> tuple[int, list[ScriptedFault]]:
        """Count a request; return its number and the faults that strike it."""
        number = self.request_counts[ask.api] = self.request_counts.get(ask.api, 0) + 1
        return number, [one for one in self.faults if one.matches(ask, number)]

    def reset(self) -> None:
        """Forget the faults and count from one again."""
        self.faults.clear()
        self.request_counts.clear()


def apply_request_faults(ask: Request, due: Iterable[ScriptedFault]) -> Request:
    """Return the question as the faults let the site understand it."""
    for one in due:
        if one.kind in REQUEST_FAULTS:
            ask = REQUEST_FAULTS[one.kind](ask, **one.arguments)
    return ask


def apply_response_faults(reply: Response, ask: Request, due: Iterable[ScriptedFault]) -> None:
    """Let the faults change the answer."""
    for one in due:
        if one.kind in RESPONSE_FAULTS:
            RESPONSE_FAULTS[one.kind](reply, ask, **one.arguments)
