"""How many packages there are, and how many a week are made, edited and gone: over a census."""

from __future__ import annotations

from collections.abc import Iterator

from pandas import DataFrame

from analysis.compute.metric import Result

VERSION = 2
APPLIES_TO = "census"

WEEK = 7.0
NO_CENSUS = "this snapshot is no census"
FIRST_CENSUS = "the first census: nothing to compare with"
OVERWRITTEN = "a later census has overwritten when packages were last modified"
NAMES_ONLY = "a census of names alone does not say when packages were modified"
CHANGES = ("births", "returns", "deaths", "edits")
DEFINITIONS = {
    "births": "made since the census before (first seen since, where nobody says when) and in this one",
    "returns": "made or first seen before the census before, not in it, and in this one",
    "deaths": "in the census before and not in this one: deleted or private",
    "edits": "in both, and modified between them",
}


def population(population: DataFrame) -> Iterator[Result]:
    """How many packages the registry has, and births, returns, deaths and edits a week, in all and by category.

        population           = |P|,  P the packages of this census;  B those of the complete census before it
        births a week        = |{p in P \\ B : made after B}| * 7 / days between the two
        returns a week       = |{p in P \\ B : made before B}| * 7 / days
        deaths a week        = |B \\ P| * 7 / days
        edits a week         = |{p in P and B : last modified after B}| * 7 / days

    `births.task.text-generation` is of one category: the five largest by packages of task, library, licence and author,
    the `other` ones together, and the `unstated`. n is the number of packages of the category in this census.

    >>> rows = DataFrame({"dimension": [""], "category": [""], "packages": [110], "births": [12], "returns": [1],
    ...                   "deaths": [3], "edits": [20], "days": [3.5], "previous": [1]})
    >>> {one.name: one.value for one in population(rows)}["births"]
    24.0

    Caveats: a census has no sampling error, so there is no interval. Who comes and goes between two censuses is not
    seen, so rates fall as the gap grows; a package edited twice counts once. A package made private is a death, one
    made public again a return. One that a look has since seen edited again is not among the edits. Attributes are what
    the census said of the living and last said of the gone. Where nobody says when a package was made, it counts as
    made when it was first seen. Ecosyste.ms lists the names of removed packages too: a death there is a name that went.

    After Castaño et al., MSR 2024, doi 10.1145/3643991.3644898 (growth and maintenance of the Hub).
    """
    if population.empty:
        yield Result("population", None, note=NO_CENSUS)
        return
    for row in population.itertuples(index=False):
        where = f".{row.dimension}.{row.category or 'unnamed'}" if row.dimension else ""
        n = int(row.packages)
        yield Result(f"population{where}", float(n), n=n, note="a census: no sampling error")
        for change in CHANGES:
            yield _weekly_result(f"{change}{where}", change, int(getattr(row, change)), row, n)


def _weekly_result(name: str, change: str, count: int, row: object, n: int) -> Result:
    previous = int(row.previous)  # type: ignore[attr-defined]
    if previous < 0:
        return Result(name, None, n=n, note=FIRST_CENSUS)
    if count < 0:
        return Result(name, None, n=n, note=OVERWRITTEN if count == -1 else NAMES_ONLY, previous_snapshot=previous)
    days = float(row.days)  # type: ignore[attr-defined]
    note = f"a week, over {days:.1f} days; {change}: {DEFINITIONS[change]}"
    return Result(name, count * WEEK / days, n=n, note=note, previous_snapshot=previous)
