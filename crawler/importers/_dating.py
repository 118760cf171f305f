"""Estimate the date of an imported list from its content (pure).

Three things in a list tell its day: the newest creation or modification, the best-known packages in the list, and,
if the list has the whole registry, the number of packages. No list can have a package before the package was created.
The known days and counts are in `crawler/importers/known_points.toml`.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path

import msgspec

from crawler.importers._counters import counter_value
from crawler.response import Event, Observation

Day = date  # a field named `date` hides the type


class PopulationPoint(msgspec.Struct, frozen=True):
    """Number of packages of a registry on a day."""

    date: Day
    count: int
    rounded: bool = False


class Tolerance(msgspec.Struct, frozen=True):
    """How far a list may be from what its date predicts. `known_points.toml` explains each value."""

    size: float
    rounded: float
    whole: int
    tail: float
    behind: int
    long: int


class RegistryPoints(msgspec.Struct, frozen=True):
    """Known counts of one registry, and the creation days of its best-known packages."""

    population: tuple[PopulationPoint, ...] = ()
    births: dict[str, date] = {}


@dataclass(frozen=True)
class ReferencePoints:
    """What is known of a registry's past, and the tolerances of a comparison."""

    population: tuple[PopulationPoint, ...]
    births: Mapping[str, date]
    tolerance: Tolerance


@dataclass(frozen=True)
class ListContent:
    """The content of a list that tells its day.

    `near_zero` is the number of packages with a counter of 0, of 1, or without a counter.
    """

    rows: int
    near_zero: int
    names: Collection[str]
    newest: date | None = None


@dataclass(frozen=True)
class DatingResult:
    """What the content tells about the day, in words, and the events where it contradicts the label."""

    summary: str
    events: tuple[Event, ...]


def load_reference_points(registry: str) -> ReferencePoints:
    """Return the reference points of a registry. Most registries have only the tolerances."""
    document = _load_known_points()
    points = msgspec.convert(document.get(registry, {}), RegistryPoints)
    tolerance = msgspec.convert(document["tolerance"], Tolerance)
    return ReferencePoints(points.population, points.births, tolerance)


def first_day_of(registry: str) -> date | None:
    """Return the day before which a registry had no list, or None if it is not known.

    >>> first_day_of("npm"), first_day_of("elpa")
    (datetime.date(2010, 1, 1), None)
    """
    return msgspec.convert(_load_known_points()["first"], dict[str, date]).get(registry)


def summarize_content(
    observations: Sequence[Observation], ordered_by: str, population: int | None, newest: int | None
) -> ListContent:
    """Return the content of a list that tells its day.

    `population` is the number of packages in the file, if not all of them were read.
    """
    rows = population or len(observations)
    values = [counter_value(observation, ordered_by) for observation in observations]
    near_zero = sum((value or 0) <= 1 for value in values) + rows - len(observations)
    if all(value is None for value in values):
        near_zero = 0  # a list of ranks alone does not show its end
    names = {observation.name for observation in observations}
    return ListContent(rows, near_zero, names, _utc_date(newest) if newest else None)


def date_content(content: ListContent, label: date, points: ReferencePoints) -> DatingResult:
    """Compare a date label with the content of a list.

    >>> counts = PopulationPoint(date(2021, 6, 19), 10406), PopulationPoint(date(2022, 7, 2), 55524)
    >>> points = ReferencePoints(counts, {}, load_reference_points("npm").tolerance)
    >>> date_content(ListContent(10406, 1369, ()), date(2022, 6, 19), points).events[0].after
    '2021-06-19'
    """
    earliest, cause = _earliest_date(content, points)
    size_summary, implied = _date_by_size(content, label, earliest, points)
    summary = [f"its newest row is from {content.newest}"] if content.newest else ["no row of the file has a date"]
    if cause and earliest != content.newest:
        summary.append(f"the list contains {cause}, from {earliest}")
    summary.append(size_summary)
    events = [*_too_young_events(content, label, earliest, cause), *_too_old_events(content, label, points)]
    if implied:
        events.append(_contradiction_event(_explain_contradiction(content, label, implied, points), label, implied))
    return DatingResult("; ".join(summary), tuple(events))


def _too_young_events(content: ListContent, label: date, earliest: date | None, cause: str) -> list[Event]:
    if earliest is None or earliest <= label:
        return []
    subject = "rows" if earliest == content.newest else cause
    return [_contradiction_event(f"the file contains {subject} younger than its stated date", label, earliest)]


def _too_old_events(content: ListContent, label: date, points: ReferencePoints) -> list[Event]:
    if content.newest is None or content.rows < points.tolerance.long:
        return []
    days = (label - content.newest).days
    if days <= points.tolerance.behind:
        return []
    evidence = f"the newest of its {content.rows:,} rows is {days} days older than its stated date"
    return [_contradiction_event(evidence, label, content.newest)]


def expected_population(points: Sequence[PopulationPoint], day: date) -> float:
    """Return the expected number of packages on a day, at constant growth between the nearest known points.

    >>> points = PopulationPoint(date(2021, 1, 1), 100), PopulationPoint(date(2021, 1, 3), 400)
    >>> round(expected_population(points, date(2021, 1, 2)))
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
    """Return the day on which a registry had a number of packages. Outside the points, return the nearest one.

    >>> points = PopulationPoint(date(2021, 1, 1), 100), PopulationPoint(date(2021, 1, 3), 400)
    >>> date_of_population(points, 200)
    datetime.date(2021, 1, 2)
    """
    if count <= points[0].count:
        return points[0].date
    for low, high in pairwise(points):
        if count <= high.count:
            share = math.log(count / low.count) / math.log(high.count / low.count)
            return low.date + timedelta(days=round(share * (high.date - low.date).days))
    return points[-1].date


def _earliest_date(content: ListContent, points: ReferencePoints) -> tuple[date | None, str]:
    """Return the first day on which the list can have been taken, and the row or package that shows it."""
    dated = [(day, name) for name, day in points.births.items() if name in content.names]
    if content.newest:
        dated.append((content.newest, "a row"))
    return max(dated, default=(None, ""))


def _date_by_size(
    content: ListContent, label: date, earliest: date | None, points: ReferencePoints
) -> tuple[str, date | None]:
    """Return what the number of packages tells, and the day of that number if the number contradicts the label."""
    limits = points.tolerance
    if not points.population:
        return "the size of its registry is not known", None
    if content.rows < limits.whole or content.near_zero < limits.tail * content.rows:
        return "the list has only the top packages, and its size does not date it", None
    implied = date_of_population(points.population, content.rows)
    factor = content.rows / expected_population(points.population, label)
    tolerance = _size_tolerance(points, label)
    first, last = points.population[0], points.population[-1]
    is_outside = (label < first.date and factor < 1) or (label > last.date and factor > 1)
    if is_outside or 1 / tolerance <= factor <= tolerance:
        return f"its {content.rows:,} packages fit its date", None
    if earliest and earliest > implied and content.rows * tolerance < expected_population(points.population, earliest):
        return "the list is a selection, and its size does not date it", None
    return f"the registry had its {content.rows:,} packages about {implied}", implied


def _size_tolerance(points: ReferencePoints, label: date) -> float:
    """Return the tolerance on a day, which is wider if one of the two nearest points is rounded."""
    nearest = sorted(points.population, key=lambda point: abs((point.date - label).days))[:2]
    return points.tolerance.rounded if any(point.rounded for point in nearest) else points.tolerance.size


def _explain_contradiction(content: ListContent, label: date, implied: date, points: ReferencePoints) -> str:
    expected = expected_population(points.population, label)
    evidence = (
        f"the file lists {content.rows:,} packages down to those without downloads; the registry had about "
        f"{expected:,.0f} on its stated date, and as many as the file about {implied}"
    )
    if implied >= label:
        return evidence
    evidence += ", or the file is not whole"
    missing = [name for name, day in points.births.items() if implied < day < label and name not in content.names]
    if missing and len(content.names) > 0.9 * content.rows:
        evidence += f"; the file lacks {len(missing)} well-known packages created in between, such as {missing[0]}"
    return evidence


def _contradiction_event(evidence: str, label: date, implied: date) -> Event:
    return Event("date_contradicted", "error", evidence, label.isoformat(), implied.isoformat())


def _utc_date(at: int) -> date:
    return datetime.fromtimestamp(at, UTC).date()


@cache
def _load_known_points() -> dict[str, object]:
    return tomllib.loads((Path(__file__).parent / "known_points.toml").read_text("utf-8"))
