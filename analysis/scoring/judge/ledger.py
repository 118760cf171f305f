"""The judge's ledger: a file of JSON lines with its budget, its costs and its readings.

Each reservation is on disk before the call it pays for. All processes that judge share the file under a lock. What a
killed process has reserved stays spent.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, TypedDict


class StoredBatch(TypedDict):
    """A batch of requests: its id, the key and repeat of each call, and whether its results were collected."""

    id: str
    calls: dict[str, list[Any]]
    collected: bool


class ControlRun(TypedDict):
    """A control run: the judge, the day, and the answers by card and item."""

    who: str
    day: str
    answers: dict[str, dict[Any, bool]]


@dataclass(frozen=True)
class JudgeBudget:
    """The most that may be spent in a UTC day, in money and in tokens. None is no limit."""

    usd: float | None
    tokens: int | None


@dataclass(frozen=True)
class Price:
    """The price in USD of a million tokens of input, and of output."""

    input_price: float
    output_price: float

    def cost(self, input_tokens: int, output_tokens: int) -> float:
        """Return the cost of a call.

        >>> Price(1.0, 4.0).cost(1_000_000, 500_000)
        3.0
        """
        return (input_tokens * self.input_price + output_tokens * self.output_price) / 1e6


@dataclass
class LedgerState:
    """The content of the ledger, as far as it was read."""

    offset: int = 0
    open_calls: dict[str, tuple[str, int, float]] = field(default_factory=dict)
    usd: dict[str, float] = field(default_factory=dict)
    tokens: dict[str, int] = field(default_factory=dict)
    readings: dict[str, dict[int, Mapping[str, Any]]] = field(default_factory=dict)
    controls: list[ControlRun] = field(default_factory=list)
    batches: dict[str, StoredBatch] = field(default_factory=dict)
    refused_parameters: dict[str, tuple[str, ...]] = field(default_factory=dict)


class Ledger:
    """The file of the ledger. Lines without an end, which a killed process leaves behind, are skipped."""

    def __init__(self, path: Path, budget: JudgeBudget) -> None:
        self.path, self.budget, self._state = path, budget, LedgerState()

    def reserve(self, day: str, tokens: int, usd: float) -> str | None:
        """Reserve the maximal cost of a call on disk before the call. Return None if the budget has no room."""
        with self._locked() as file:
            if self._exceeds(self._state.usd.get(day, 0.0), usd, self.budget.usd):
                return None
            if self._exceeds(self._state.tokens.get(day, 0), tokens, self.budget.tokens):
                return None
            call = secrets.token_hex(8)
            self._append(file, {"reserve": call, "day": day, "tokens": tokens, "usd": usd})
            return call

    def settle(self, call: str, tokens: int | None, usd: float | None) -> None:
        """Record what a call has cost. If the cost is unknown (None), the reservation stays spent."""
        with self._locked() as file:
            self._append(file, {"settle": call, "tokens": tokens, "usd": usd})

    def store_reading(self, key: str, repeat: int, reading: Mapping[str, object]) -> None:
        """Store a reading, so that it is not requested again."""
        with self._locked() as file:
            self._append(file, {"reading": key, "repeat": repeat, "told": reading})

    def record(self, kind: str, content: Mapping[str, object]) -> None:
        """Record a control run, a batch by its id, or the parameters that a model refuses."""
        with self._locked() as file:
            self._append(file, {kind: content})

    def known_readings(self, key: str) -> dict[int, Mapping[str, Any]]:
        """Return the stored readings of a card, by repeat."""
        return dict(self.read_state().readings.get(key, {}))

    def read_state(self) -> LedgerState:
        """Return the content of the file as of now."""
        with self._locked():
            return self._state

    @staticmethod
    def _exceeds(spent: float, amount: float, limit: float | None) -> bool:
        return limit is not None and spent + amount > limit + 1e-12

    @contextmanager
    def _locked(self) -> Iterator[IO[bytes]]:
        with self.path.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            self._catch_up(file)
            yield file

    def _catch_up(self, file: IO[bytes]) -> None:
        file.seek(self._state.offset)
        for line in file:
            if not line.endswith(b"\n"):
                break
            self._state.offset += len(line)
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            self._apply(entry)

    def _append(self, file: IO[bytes], entry: Mapping[str, object]) -> None:
        size = file.seek(0, os.SEEK_END)
        if size > self._state.offset:  # the last line was cut off: end it before the new line
            file.write(b"\n")
        file.write(json.dumps(entry).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
        self._catch_up(file)

    def _apply(self, entry: Mapping[str, Any]) -> None:
        state = self._state
        if "reserve" in entry:
            state.open_calls[entry["reserve"]] = (entry["day"], entry["tokens"], entry["usd"])
            self._add_spending(entry["day"], entry["tokens"], entry["usd"])
        elif "settle" in entry and entry["settle"] in state.open_calls:
            day, tokens, usd = state.open_calls.pop(entry["settle"])
            if entry["tokens"] is not None:
                self._add_spending(day, entry["tokens"] - tokens, entry["usd"] - usd)
        elif "reading" in entry:
            state.readings.setdefault(entry["reading"], {})[entry["repeat"]] = entry["told"]
        elif "control" in entry:
            state.controls.append(entry["control"])
        elif "refuses" in entry:
            state.refused_parameters[entry["refuses"]["model"]] = tuple(entry["refuses"]["parameters"])
        elif "batch" in entry:
            state.batches[entry["batch"]["id"]] = entry["batch"]

    def _add_spending(self, day: str, tokens: int, usd: float) -> None:
        self._state.tokens[day] = self._state.tokens.get(day, 0) + tokens
        self._state.usd[day] = self._state.usd.get(day, 0.0) + usd
