"""Of which day is a past list? What it holds says so, whatever its label does (pure).

Three things in a list tell its day: its newest creation or modification; the best-known packages it names, none of
which can be listed before it was made; and, where it lists the whole registry, how many packages that had. The days and
counts that are known are in `crawler/importers/known_points.toml`.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path

from crawler.response import Event, Observation


@dataclass(frozen=True)
class PopulationPoint:
    """How many packages a registry had on a day."""

    date: date
    count: int
    rounded: bool = False


@dataclass(frozen=True)
class Tolerance:
    """How far a list may be from what its date lets expect; `crawler/importers/known_points.toml` says what each is."""

    size: float
    rounded: float
    whole: int
    tail: float
    behind: int
    long: int


@dataclass(frozen=True)
class ReferencePoints:
    """What is known of a registry's past."""

    population: tuple[PopulationPoint, ...]
    births: Mapping[str, date]
    tolerance: Tolerance


@dataclass(frozen=True)
class ListContent:
    """What in a list bears on its day. `hardly` is how many of its packages are counted 0, 1 or not at all."""

    rows: int
    near_zero: int
    names: Collection[str]
    newest: date | None = None


@dataclass(frozen=True)
class DatingResult:
    """What the content says of the day, in words, and where it contradicts the label."""

    summary: str
    events: tuple[Event, ...]


def load_reference_points(registry: str) -> ReferencePoints:
    """What `known_points.toml` has of a registry; nothing but the tolerances of most."""
    told = _load_known_points()
    of_it = told.get(registry, {})
    points = tuple(PopulationPoint(**point) for point in of_it.get("population", ()))
    return ReferencePoints(points, of_it.get("births", {}), Tolerance(**told["tolerance"]))


def summarize_content(
    observations: Sequence[Observation], ordered_by: str, population: int | None, newest: int | None
) -> ListContent:
    """What of these rows bears on their day; `population` is how many the file has, where not all were read."""
    field = {"downloads": "downloads", "likes": "likes", "dependents": "dependents", "trending": "trending"}[ordered_by]
    rows = population or len(observations)
    hardly = sum((getattr(seen, field) or 0) <= 1 for seen in observations) + rows - len(observations)
    if not any(getattr(seen, field) is not None for seen in observations):
        hardly = 0  # ranks alone: the end of the list does not show
    return ListContent(rows, hardly, {seen.name for seen in observations}, newest and _utc_date(newest))


def date_content(content: ListContent, label: date, points: ReferencePoints) -> DatingResult:
    """Hold a label against what a list contains.

    >>> few = ReferencePoints((PopulationPoint(date(2021, 6, 19), 10406), PopulationPoint(date(2022, 7, 2), 55524)), {}, load_reference_points("npm").tolerance)
    >>> date_content(ListContent(10406, 1369, ()), date(2022, 6, 19), few).events[0].after
    '2021-06-19'
    """
    oldest, why = _earliest_date(content, points)
    size, implied = _date_by_size(content, label, oldest, points)
    words = [f"its newest row is of {content.newest}"] if content.newest else ["no date is in the file"]
    if why and oldest != content.newest:
        words.append(f"it holds {why}, which is of {oldest}")
    words.append(size)
    events = []
    if oldest and oldest > label:
        shown = "rows" if oldest == content.newest else why
        evidence = f"the file holds {shown} younger than the date it was given"
        events.append(_contradiction_event(evidence, label, oldest))
    behind = content.newest and content.rows >= points.tolerance.long and (label - content.newest).days
    if content.newest and behind and behind > points.tolerance.behind:
        evidence = f"the newest of its {content.rows:,} rows is {behind} days older than the date it was given"
        events.append(_contradiction_event(evidence, label, content.newest))
    if implied:
        events.append(_contradiction_event(_explain_contradiction(content, label, implied, points), label, implied))
    return DatingResult("; ".join(words), tuple(events))


def expected_population(points: Sequence[PopulationPoint], day: date) -> float:
    """How many packages a registry had on a day, by growth at a constant rate between the known points around it.

    >>> round(expected_population((PopulationPoint(date(2021, 1, 1), 100), PopulationPoint(date(2021, 1, 3), 400)), date(2021, 1, 2)))
    200
    """
    before = [point for point in points if point.date <= day]
    after = [point for point in points if point.date > day]
    if not before or not after:
        return float((before[-1:] or after[:1])[0].count)
    low, high = before[-1], after[0]
    share = (day - low.date).days / (high.date - low.date).days
    return math.exp(math.log(low.count) * (1 - share) + math.log(high.count) * share)


def date_of_population(points: Sequence[PopulationPoint], count: int) -> date:
    """On which day a registry had so many packages; the first or the last known one outside of them.

    >>> date_of_population((PopulationPoint(date(2021, 1, 1), 100), PopulationPoint(date(2021, 1, 3), 400)), 200)
    datetime.date(2021, 1, 2)
    """
    if count <= points[0].count:
        return points[0].date
    for low, high in zip(points, points[1:], strict=False):
        if count <= high.count:
            share = math.log(count / low.count) / math.log(high.count / low.count)
            return low.date + timedelta(days=round(share * (high.date - low.date).days))
    return points[-1].date


def _earliest_date(content: ListContent, points: ReferencePoints) -> tuple[date | None, str]:
    """The day before which the list cannot have been taken, and what in it says so."""
    there = [(day, name) for name, day in points.births.items() if name in content.names]
    if content.newest:
        there.append((content.newest, "a row"))
    return max(there, default=(None, ""))


def _date_by_size(
    content: ListContent, label: date, oldest: date | None, points: ReferencePoints
) -> tuple[str, date | None]:
    """What the number of packages says, and the day it is of where that is not the label's."""
    limits = points.tolerance
    if not points.population:
        return "how many packages its registry had is not known", None
    if content.rows < limits.whole or content.near_zero < limits.tail * content.rows:
        return "it is a top only, and its size does not date it", None
    implied = date_of_population(points.population, content.rows)
    factor = content.rows / expected_population(points.population, label)
    allowed = _size_tolerance(points, label)
    first, last = points.population[0], points.population[-1]
    outside = (label < first.date and factor < 1) or (label > last.date and factor > 1)
    if outside or 1 / allowed <= factor <= allowed:
        return f"its {content.rows:,} packages fit its date", None
    if oldest and oldest > implied and content.rows * allowed < expected_population(points.population, oldest):
        return "it is a selection, and its size does not date it", None
    return f"the registry had its {content.rows:,} packages about {implied}", implied


def _size_tolerance(points: ReferencePoints, label: date) -> float:
    """The tolerance on a day: wider where the points around it are rounded."""
    around = sorted(points.population, key=lambda point: abs((point.date - label).days))[:2]
    return points.tolerance.rounded if any(point.rounded for point in around) else points.tolerance.size


def _explain_contradiction(content: ListContent, label: date, implied: date, points: ReferencePoints) -> str:
    number = expected_population(points.population, label)
    lacking = [name for name, day in points.births.items() if implied < day < label and name not in content.names]
    said = (
        f"the file lists {content.rows:,} packages down to those without downloads; the registry had about "
        f"{number:,.0f} on the date it was given, and as many as the file about {implied}"
    )
    if implied < label:
        said += ", or it is not whole"
    if implied < label and lacking and len(content.names) > 0.9 * content.rows:
        said += f"; and it lacks {len(lacking)} well-known packages made in between, {lacking[0]} among them"
    return said


def _contradiction_event(evidence: str, label: date, implied: date) -> Event:
    return Event("date_contradicted", "error", evidence, label.isoformat(), implied.isoformat())


def _utc_date(at: int) -> date:
    return datetime.fromtimestamp(at, UTC).date()


@cache
def _load_known_points() -> dict[str, dict]:
    return tomllib.loads((Path(__file__).parent / "known_points.toml").read_text("utf-8"))
