"""Metrics: what they are, the results they give, and the list of all metrics."""

from __future__ import annotations

import inspect
import math
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from db import UsageError
from db.cli import did_you_mean
from db.rows import StoredResult

if TYPE_CHECKING:
    from pandas import DataFrame

# Notes that several metrics give.
CENSUS_NOTE = "a census: no sampling error"
NO_CENSUS = "this snapshot is not a census"
NO_LINEAGE = "no package of this snapshot states what it was made from, or lineage was not requested"
TOO_MANY_PARENTS = "too many packages have several parents above one another to count in reasonable time"
METRICS = "analysis.metrics"
POPULATION_DEPTHS = (1000, 5000, 15000)  # a result of a whole list depends on its depth; at one of these it does not


@dataclass(frozen=True)
class Result:
    """One number that a metric gives for one snapshot, or None with a note that says why it is undefined.

    `low` and `high` hold the value whatever is unknown. `n` is the number of packages behind it. `k` is 0 for a result
    of the whole snapshot. `previous_snapshot` is the snapshot that a change is measured from.

    >>> Result("turnover", None)
    Traceback (most recent call last):
    ValueError: turnover: the value is undefined, and no note says why
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
            raise ValueError(f"{self.name}: a number is not finite; an undefined value is None with a note")
        if self.value is None and not self.note:
            raise ValueError(f"{self.name}: the value is undefined, and no note says why")


@dataclass(frozen=True)
class Metric:
    """A function over relations, with the version under which its results are stored.

    `applies_to` is the kind of snapshot that the metric is computed for: `ranking`, an ordered list; `cards`, a list of
    the Hub, whose packages have cards; or `census`, all packages of a registry.
    """

    name: str
    version: int
    function: Callable[..., Iterator[Result]]
    relations: tuple[str, ...]
    applies_to: str = "ranking"

    def compute(self, snapshot: int, read_relation: Callable[[str], DataFrame]) -> list[StoredResult]:
        """Return the results for one snapshot, at least one. `read_relation` returns the rows of a relation."""
        results = list(self.function(**{relation: read_relation(relation) for relation in self.relations}))
        results = results or [Result(self.name, None, note="the metric has no result for this snapshot")]
        return [
            StoredResult(snapshot, self.name, self.version, result.name, result.k, result.previous_snapshot,
                         result.value, result.low, result.high, result.n, result.note)
            for result in results
        ]  # fmt: skip


def list_metrics() -> tuple[Metric, ...]:
    """Return every metric, sorted by name."""
    folder = import_module(METRICS)  # by name: metrics import this module for `Result`
    names = sorted(module.name for module in pkgutil.iter_modules(folder.__path__))
    metrics = [metric for name in names for metric in _metrics_in(import_module(f"{folder.__name__}.{name}"))]
    return tuple(sorted(metrics, key=lambda metric: metric.name))


def select_metrics(name: str | None) -> tuple[Metric, ...]:
    """Return the metric of this name, or all metrics.

    Raises:
        UsageError: there is no metric of this name.
    """
    metrics = list_metrics()
    if name is None:
        return metrics
    selected = tuple(metric for metric in metrics if metric.name == name)
    if not selected:
        raise _unknown_metric_error(name, [metric.name for metric in metrics])
    return selected


def _unknown_metric_error(name: str, names: Sequence[str]) -> UsageError:
    return UsageError(
        f"There is no metric called {name!r}.",
        why=did_you_mean(name, names),
        fix=f"The metrics are: {', '.join(names)}.",
        more="docs/commands.md",
    )


def results_by_population(depth: int, compute: Callable[[int], Iterable[Result]]) -> Iterator[tuple[int, list[Result]]]:
    """Yield the results of a whole list as population 0, then those of each stated population that the list reaches.

    `compute` returns the results of the first packages of the list. The whole list is computed once.

    >>> list(results_by_population(1000, lambda k: [Result("size", float(k))]))[1]
    (1000, [Result(name='size', value=1000.0, low=None, high=None, n=None, note='', k=0, previous_snapshot=None)])
    """
    whole = list(compute(depth))
    yield 0, whole
    for k in POPULATION_DEPTHS:
        if k <= depth:
            yield k, whole if k == depth else list(compute(k))


def results_at_depths(depth: int, compute: Callable[[int], Iterable[Result]]) -> Iterator[Result]:
    """Yield the results of a whole list, then those of each stated population with its depth as K."""
    for k, results in results_by_population(depth, compute):
        yield from (replace(result, k=k) for result in results)


def list_depth(rows: DataFrame) -> int:
    """Return the depth of the list that a relation is of. It is 0 if no row states it."""
    return int(rows["depth"].iloc[0]) if "depth" in rows and len(rows) else 0


def join_notes(*notes: str) -> str:
    """Join the parts of a note, without empty and repeated parts.

    >>> join_notes("gap 7 days", "", "gap 7 days", "no ties")
    'gap 7 days; no ties'
    """
    return "; ".join(dict.fromkeys(note for note in notes if note))


def _metrics_in(module: ModuleType) -> Iterator[Metric]:
    for name, function in inspect.getmembers(module, inspect.isfunction):
        if not name.startswith("_") and function.__module__ == module.__name__:
            relations = tuple(inspect.signature(function).parameters)
            yield Metric(name, module.VERSION, function, relations, getattr(module, "APPLIES_TO", "ranking"))
