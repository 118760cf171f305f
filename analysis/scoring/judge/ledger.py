"""What the judge may cost and has cost: a file of lines, each on the disk before the call it stands for.

Every process that judges shares it, under a lock; what was reserved by one that was killed stays spent.
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
from typing import IO


@dataclass(frozen=True)
class JudgeBudget:
    """Most of a UTC day: money and tokens. None is no limit."""

    usd: float | None
    tokens: int | None


@dataclass(frozen=True)
class Price:
    """USD of a million tokens that are read, and that are written."""

    input_price: float
    output_price: float

    def cost(self, input_tokens: int, output_tokens: int) -> float:
        """What a call costs.

        >>> Price(1.0, 4.0).cost(1_000_000, 500_000)
        3.0
        """
        return (input_tokens * self.input_price + output_tokens * self.output_price) / 1e6


@dataclass
class LedgerState:
    """What stands in the ledger, as far as it was read."""

    offset: int = 0
    open_calls: dict[str, tuple[str, int, float]] = field(default_factory=dict)
    usd: dict[str, float] = field(default_factory=dict)
    tokens: dict[str, int] = field(default_factory=dict)
    readings: dict[str, dict[int, Mapping[str, object]]] = field(default_factory=dict)
    controls: list[Mapping[str, object]] = field(default_factory=list)
    batches: dict[str, Mapping[str, object]] = field(default_factory=dict)
    refused_parameters: dict[str, tuple[str, ...]] = field(default_factory=dict)


class Ledger:
    """The file. Only lines that end are read: what a killed process left half written is passed over."""

    def __init__(self, path: Path, budget: JudgeBudget) -> None:
        self.path, self.budget, self._state = path, budget, LedgerState()

    def reserve(self, day: str, tokens: int, usd: float) -> str | None:
        """Reserve the most a call may cost, on the disk, before it is made; None if there is no room for it."""
        with self._locked() as file:
            if self._exceeds(self._state.usd.get(day, 0.0), usd, self.budget.usd):
                return None
            if self._exceeds(self._state.tokens.get(day, 0), tokens, self.budget.tokens):
                return None
            call = secrets.token_hex(8)
            self._append(file, {"reserve": call, "day": day, "tokens": tokens, "usd": usd})
            return call

    def settle(self, call: str, tokens: int | None, usd: float | None) -> None:
        """Say what a call has cost; where that is not known, what was reserved stays."""
        with self._locked() as file:
            self._append(file, {"settle": call, "tokens": tokens, "usd": usd})

    def store_reading(self, key: str, repeat: int, reading: Mapping[str, object]) -> None:
        """Keep a reading, so that it is not asked for again."""
        with self._locked() as file:
            self._append(file, {"reading": key, "repeat": repeat, "told": reading})

    def record(self, kind: str, content: Mapping[str, object]) -> None:
        """Keep a control run, a batch by its id, or what a model refuses."""
        with self._locked() as file:
            self._append(file, {kind: content})

    def known_readings(self, key: str) -> dict[int, Mapping[str, object]]:
        """The readings of a card, by repeat."""
        return dict(self.read_state().readings.get(key, {}))

    def read_state(self) -> LedgerState:
        """All that stands in the file now."""
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
                told = json.loads(line)
            except ValueError:
                continue
            self._apply(told)

    def _append(self, file: IO[bytes], entry: Mapping[str, object]) -> None:
        size = file.seek(0, os.SEEK_END)
        if size > self._state.offset:  # a line that was cut off: end it, so that ours stands alone
            file.write(b"\n")
        file.write(json.dumps(entry).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
        self._catch_up(file)

    def _apply(self, entry: Mapping[str, object]) -> None:
        spent = self._state
        if "reserve" in entry:
            spent.open_calls[entry["reserve"]] = (entry["day"], entry["tokens"], entry["usd"])
            self._add_spending(entry["day"], entry["tokens"], entry["usd"])
        elif "settle" in entry and entry["settle"] in spent.open_calls:
            day, tokens, usd = spent.open_calls.pop(entry["settle"])
            if entry["tokens"] is not None:
                self._add_spending(day, entry["tokens"] - tokens, entry["usd"] - usd)
        elif "reading" in entry:
            spent.readings.setdefault(entry["reading"], {})[entry["repeat"]] = entry["told"]
        elif "control" in entry:
            spent.controls.append(entry["control"])
        elif "refuses" in entry:
            spent.refused_parameters[entry["refuses"]["model"]] = tuple(entry["refuses"]["parameters"])
        elif "batch" in entry:
            spent.batches[entry["batch"]["id"]] = entry["batch"]

    def _add_spending(self, day: str, tokens: int, usd: float) -> None:
        self._state.tokens[day] = self._state.tokens.get(day, 0) + tokens
        self._state.usd[day] = self._state.usd.get(day, 0.0) + usd
