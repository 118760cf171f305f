"""What the user states about a file to import, and what the file holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from crawler.response import Event, Observation, Reject


@dataclass(frozen=True)
class ImportSpec:
    """What the user states about a file: its registry, day, order and columns.

    `top` is the number of rows to import, best first. None imports all rows.
    """

    registry: str
    taken_at: int
    ordered_by: str
    counter: str | None
    source: str | None
    columns: Mapping[str, str | None] = field(default_factory=dict)
    top: int | None = None


@dataclass(frozen=True)
class ParsedList:
    """Content of a file: its rows, best first, its rejected rows, and the instant of its newest row.

    `population` is the number of packages in the file, if not all of them were read. `fault` is the reason why the
    list is not complete. `is_ranked` says that the file states the ranks themselves. `hidden` rows are not public and
    were dropped; `received` does not count them.
    """

    received: int
    observations: tuple[Observation, ...]
    rejects: tuple[Reject, ...] = ()
    events: tuple[Event, ...] = ()
    newest: int | None = None
    population: int | None = None
    fault: str | None = None
    is_ranked: bool = False
    hidden: int = 0


def resolve_counter(spec: ImportSpec) -> str:
    """Return what the ordering number counts: the stated counter, the Hub's own, or 'unstated'.

    >>> resolve_counter(ImportSpec("pypi", 0, "downloads", None, None))
    'unstated'
    """
    if spec.counter:
        return spec.counter
    if spec.registry.startswith("huggingface/"):
        return {"downloads": "last-30-days", "trending": "trending-score"}.get(spec.ordered_by, spec.ordered_by)
    return "dependents" if spec.ordered_by == "dependents" else "unstated"
