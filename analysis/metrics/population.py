"""Size of a registry, and births, returns, deaths and edits per week between censuses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from pandas import DataFrame

from analysis.compute.metric import CENSUS_NOTE, NO_CENSUS, Result

VERSION = 2
APPLIES_TO = "census"

DAYS_PER_WEEK = 7.0
FIRST_CENSUS = "the first census: no earlier one to compare with"
OVERWRITTEN = "a later census has overwritten when packages were last modified"
NAMES_ONLY = "a census of names only does not state when packages were modified"
DEFINITIONS = {
    "births": "made since the previous census (first seen since, where the date is unknown) and in this census",
    "returns": "made or first seen before the previous census, not in it, and in this census",
    "deaths": "in the previous census and not in this one: deleted or private",
    "edits": "in both, and modified between them",
}


class CategoryRow(NamedTuple):
    """One row of the relation `population`: the counts of one category of packages."""

    dimension: str
    category: str
    packages: int
    births: int
    returns: int
    deaths: int
    edits: int
    days: float
    previous: int


def population(population: DataFrame) -> Iterator[Result]:
    """Count the packages of the registry, and births, returns, deaths and edits per week, in all and by category.

        population           = |P|,  P the packages of this census;  B those of the previous complete census
        births per week      = |{p in P \\ B : made after B}| * 7 / days between the two
        returns per week     = |{p in P \\ B : made before B}| * 7 / days
        deaths per week      = |B \\ P| * 7 / days
        edits per week       = |{p in P and B : last modified after B}| * 7 / days

    `births.task.text-generation` is of one category. Categories are the five largest by packages of task, library,
    licence and author, the `other` ones together, and the `unstated`. n is the number of packages of the category in
    this census.

    >>> rows = DataFrame({"dimension": [""], "category": [""], "packages": [110], "births": [12], "returns": [1],
    ...                   "deaths": [3], "edits": [20], "days": [3.5], "previous": [1]})
    >>> {result.name: result.value for result in population(rows)}["births"]
    24.0

    Caveats: a census has no sampling error, so there is no interval. Packages that appear and disappear between two
    censuses are not seen, so rates fall as the gap grows. A package edited twice counts once. A package made private is
    a death, and a package made public again a return. A package that a crawl of changes has since seen edited again is
    not among the edits. Attributes are as this census states them, and for deaths as they were last stated. Where no
    creation date is stated, a package counts as made when it was first seen. Ecosyste.ms lists the names of removed
    packages too: there a death is a name that is no longer listed.

    After Castaño et al., MSR 2024, doi 10.1145/3643991.3644898 (growth and maintenance of the Hub).
    """
    if population.empty:
        yield Result("population", None, note=NO_CENSUS)
        return
    for row in map(CategoryRow._make, population[list(CategoryRow._fields)].itertuples(index=False, name=None)):
        suffix = f".{row.dimension}.{row.category or 'unnamed'}" if row.dimension else ""
        n = int(row.packages)
        yield Result(f"population{suffix}", float(n), n=n, note=CENSUS_NOTE)
        for change in DEFINITIONS:
            yield _weekly_result(f"{change}{suffix}", change, int(getattr(row, change)), row)


def _weekly_result(name: str, change: str, count: int, row: CategoryRow) -> Result:
    n, previous, days = int(row.packages), int(row.previous), float(row.days)
    if previous < 0:
        return Result(name, None, n=n, note=FIRST_CENSUS)
    if count < 0:
        note = OVERWRITTEN if count == -1 else NAMES_ONLY
        return Result(name, None, n=n, note=note, previous_snapshot=previous)
    note = f"per week, over {days:.1f} days; {change}: {DEFINITIONS[change]}"
    return Result(name, count * DAYS_PER_WEEK / days, n=n, note=note, previous_snapshot=previous)
