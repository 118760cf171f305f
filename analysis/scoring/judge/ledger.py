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
class Budget:
    """Most of a UTC day: money and tokens. None is no limit."""

    usd: float | None
    tokens: int | None


@dataclass(frozen=True)
class Price:
    """USD of a million tokens that are read, and that are written."""

    read: float
    written: float

    def of(self, read: int, written: int) -> float:
        """What a call costs.

        >>> Price(1.0, 4.0).of(1_000_000, 500_000)
        3.0
        """
        return (read * self.read + written * self.written) / 1e6


@dataclass
class Spent:
    """What stands in the ledger, as far as it was read."""

    offset: int = 0
    calls: dict[str, tuple[str, int, float]] = field(default_factory=dict)
    usd: dict[str, float] = field(default_factory=dict)
    tokens: dict[str, int] = field(default_factory=dict)
    readings: dict[str, dict[int, Mapping[str, object]]] = field(default_factory=dict)
    controls: list[Mapping[str, object]] = field(default_factory=list)
    batches: dict[str, Mapping[str, object]] = field(default_factory=dict)
    refuses: dict[str, tuple[str, ...]] = field(default_factory=dict)


class Ledger:
    """The file. Only lines that end are read: what a killed process left half written is passed over."""

    def __init__(self, path: Path, budget: Budget) -> None:
        self.path, self.budget, self._spent = path, budget, Spent()

    def reserve(self, day: str, tokens: int, usd: float) -> str | None:
        """Reserve the most a call may cost, on the disk, before it is made; None if there is no room for it."""
        with self._locked() as file:
            if self._over(self._spent.usd.get(day, 0.0), usd, self.budget.usd):
                return None
            if self._over(self._spent.tokens.get(day, 0), tokens, self.budget.tokens):
                return None
            call = secrets.token_hex(8)
            self._append(file, {"reserve": call, "day": day, "tokens": tokens, "usd": usd})
            return call

    def settle(self, call: str, tokens: int | None, usd: float | None) -> None:
        """Say what a call has cost; where that is not known, what was reserved stays."""
        with self._locked() as file:
            self._append(file, {"settle": call, "tokens": tokens, "usd": usd})

    def keep(self, key: str, repeat: int, reading: Mapping[str, object]) -> None:
        """Keep a reading, so that it is not asked for again."""
        with self._locked() as file:
            self._append(file, {"reading": key, "repeat": repeat, "told": reading})

    def note(self, kind: str, told: Mapping[str, object]) -> None:
        """Keep a control run, a batch by its id, or what a model refuses."""
        with self._locked() as file:
            self._append(file, {kind: told})

    def known(self, key: str) -> dict[int, Mapping[str, object]]:
        """The readings of a card, by repeat."""
        return dict(self.seen().readings.get(key, {}))

    def seen(self) -> Spent:
        """All that stands in the file now."""
        with self._locked():
            return self._spent

    @staticmethod
    def _over(spent: float, more: float, most: float | None) -> bool:
        return most is not None and spent + more > most + 1e-12

    @contextmanager
    def _locked(self) -> Iterator[IO[bytes]]:
        with self.path.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            self._catch_up(file)
            yield file

    def _catch_up(self, file: IO[bytes]) -> None:
        file.seek(self._spent.offset)
        for line in file:
            if not line.endswith(b"\n"):
                break
            self._spent.offset += len(line)
            try:
                told = json.loads(line)
            except ValueError:
                continue
            self._take(told)

    def _append(self, file: IO[bytes], told: Mapping[str, object]) -> None:
        size = file.seek(0, os.SEEK_END)
        if size > self._spent.offset:  # a line that was cut off: end it, so that ours stands alone
            file.write(b"\n")
        file.write(json.dumps(told).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
        self._catch_up(file)

    def _take(self, told: Mapping[str, object]) -> None:
        spent = self._spent
        if "reserve" in told:
            spent.calls[told["reserve"]] = (told["day"], told["tokens"], told["usd"])
            self._add(told["day"], told["tokens"], told["usd"])
        elif "settle" in told and told["settle"] in spent.calls:
            day, tokens, usd = spent.calls.pop(told["settle"])
            if told["tokens"] is not None:
                self._add(day, told["tokens"] - tokens, told["usd"] - usd)
        elif "reading" in told:
            spent.readings.setdefault(told["reading"], {})[told["repeat"]] = told["told"]
        elif "control" in told:
            spent.controls.append(told["control"])
        elif "refuses" in told:
            spent.refuses[told["refuses"]["model"]] = tuple(told["refuses"]["parameters"])
        elif "batch" in told:
            spent.batches[told["batch"]["id"]] = told["batch"]

    def _add(self, day: str, tokens: int, usd: float) -> None:
        self._spent.tokens[day] = self._spent.tokens.get(day, 0) + tokens
        self._spent.usd[day] = self._spent.usd.get(day, 0.0) + usd
