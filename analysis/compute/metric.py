"""What a metric is, what it gives, and which ones there are."""

from __future__ import annotations

import difflib
import inspect
import math
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from db import UsageError
from db.rows import StoredResult

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True)
class Result:
    """One number a metric gives for one snapshot, or None with a note that says why there is none.

    `low` and `high` hold the value whatever is not known; `n` is how many packages it rests on; `k` is 0 where it is of
    the whole snapshot; `previous_snapshot` is the one it is a change from.

    >>> Result("turnover", None)
    Traceback (most recent call last):
    ValueError: turnover: undefined, and no note says why
    """

    name: str
    value: float | None
    low: float | None = None
    high: float | None = None
    n: int | None = None
    note: str = ""
    k: int = 0
    previous_snapshot: int | None = None

    def __post_init__(self) -> None:
        if any(number is not None and not math.isfinite(number) for number in (self.value, self.low, self.high)):
            raise ValueError(f"{self.name}: not a number; undefined is None with a note")
        if self.value is None and not self.note:
            raise ValueError(f"{self.name}: undefined, and no note says why")


@dataclass(frozen=True)
class Metric:
    """A function over relations, with the version that its numbers are stored under.

    `of` is the kind of snapshot it is asked about: `ranking`, a list in order; `cards`, a list of the Hub, whose
    packages have cards; or `census`, all packages at once.
    """

    name: str
    version: int
    function: Callable[..., Iterator[Result]]
    relations: tuple[str, ...]
    applies_to: str = "ranking"

    def compute(self, snapshot: int, read_relation: Callable[[str], DataFrame]) -> list[StoredResult]:
        """What it gives for one snapshot, at least one result; `read` gives a relation's rows."""
        given = list(self.function(**{relation: read_relation(relation) for relation in self.relations}))
        given = given or [Result(self.name, None, note="the metric has nothing to say of this snapshot")]
        return [
            StoredResult(snapshot, self.name, self.version, one.name, one.k, one.previous_snapshot,
                         one.value, one.low, one.high, one.n, one.note)
            for one in given
        ]  # fmt: skip


def list_metrics() -> tuple[Metric, ...]:
    """Every metric there is, by name."""
    from analysis import metrics as folder

    names = sorted(module.name for module in pkgutil.iter_modules(folder.__path__))
    found = [metric for name in names for metric in _metrics_in(import_module(f"{folder.__name__}.{name}"))]
    return tuple(sorted(found, key=lambda metric: metric.name))


def select_metrics(name: str | None) -> tuple[Metric, ...]:
    """The metric of this name, or all of them.

    Raises:
        UsageError: there is none of this name.
    """
    known = list_metrics()
    if name is None:
        return known
    found = tuple(metric for metric in known if metric.name == name)
    if not found:
        names = [metric.name for metric in known]
        near = difflib.get_close_matches(name, names, 1)
        raise UsageError(
            f"There is no metric called {name!r}.",
            why=f"Did you mean {near[0]}?" if near else "",
            fix=f"The metrics are: {', '.join(names)}.",
            more="docs/commands.md",
        )
    return found


def _metrics_in(module: ModuleType) -> Iterator[Metric]:
    for name, function in inspect.getmembers(module, inspect.isfunction):
        if not name.startswith("_") and function.__module__ == module.__name__:
            asks = tuple(inspect.signature(function).parameters)
            yield Metric(name, module.VERSION, function, asks, getattr(module, "APPLIES_TO", "ranking"))
