"""The script of faults, and the choice of those that apply to a request."""

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
    """A fault that cannot be scripted."""


def find_faults(*first_parameters: str) -> dict[str, Callable[..., Any]]:
    """Return the functions of the fault modules whose parameters begin with these names."""
    return {
        name: function
        for module in (faults, deliveries)
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__
        and tuple(inspect.signature(function).parameters)[: len(first_parameters)] == first_parameters
    }


RESPONSE_FAULTS = find_faults("response", "request")
REQUEST_FAULTS = find_faults("request")
FAULTS = RESPONSE_FAULTS | REQUEST_FAULTS


@dataclass(slots=True)
class ScriptedFault:
    """One fault, the requests that it applies to (from a number on, or by path), and how many times."""

    kind: str
    api: str = "huggingface"
    request: int = 1
    path: str = ""
    times: int = 1
    arguments: dict[str, object] = field(default_factory=dict)

    def matches(self, request: Request, number: int) -> bool:
        """Return whether the fault applies to a request, and count the application."""
        if (
            self.times == 0
            or request.api != self.api
            or number < self.request
            or self.path not in f"{request.path}?{request.query}"
        ):
            return False
        self.times -= self.times > 0
        return True


def parse_fault(description: Mapping[str, object]) -> ScriptedFault:
    """Return the fault that a script describes, or raise UnknownFaultError with what is wrong."""
    arguments = dict(description)
    kind = str(arguments.pop("kind", ""))
    if kind not in FAULTS:
        raise UnknownFaultError(f"no fault {kind!r}. There are {', '.join(sorted(FAULTS))}")
    placed = {name: arguments.pop(name) for name in ("api", "request", "path", "times") if name in arguments}
    if placed.get("api", "huggingface") not in APIS:
        raise UnknownFaultError(f"no site {placed['api']!r}. There are {', '.join(APIS)}")
    if wrong := set(arguments) - set(inspect.signature(FAULTS[kind]).parameters):
        raise UnknownFaultError(f"fault {kind!r} has no argument {', '.join(sorted(wrong))}")
    if kind in PERSISTENT_KINDS:
        placed.setdefault("times", UNLIMITED)
        arguments["visited_urls"] = []
    return ScriptedFault(kind, arguments=arguments, **placed)  # type: ignore[arg-type]


class FaultScript:
    """The scripted faults, and the number of requests to each site since the last reset."""

    def __init__(self) -> None:
        self.faults: list[ScriptedFault] = []
        self.request_counts: dict[str, int] = {}

    def add(self, texts: Iterable[Mapping[str, object]]) -> int:
        """Add faults, and return the number of all scripted faults."""
        self.faults += [parse_fault(text) for text in texts]
        return len(self.faults)

    def match_request(self, request: Request) -> tuple[int, list[ScriptedFault]]:
        """Count a request, and return its number and the faults that apply to it."""
        number = self.request_counts[request.api] = self.request_counts.get(request.api, 0) + 1
        return number, [fault for fault in self.faults if fault.matches(request, number)]

    def reset(self) -> None:
        """Remove the faults, and count from one again."""
        self.faults.clear()
        self.request_counts.clear()


def apply_request_faults(request: Request, due: Iterable[ScriptedFault]) -> Request:
    """Return the request as changed by faults."""
    for fault in due:
        if fault.kind in REQUEST_FAULTS:
            request = REQUEST_FAULTS[fault.kind](request, **fault.arguments)
    return request


def apply_response_faults(response: Response, request: Request, due: Iterable[ScriptedFault]) -> None:
    """Change the response by faults."""
    for fault in due:
        if fault.kind in RESPONSE_FAULTS:
            RESPONSE_FAULTS[fault.kind](response, request, **fault.arguments)
