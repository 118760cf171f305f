"""The rows of the document about one package; docs/report-json.md explains each key."""

from __future__ import annotations

from typing import TypedDict


class PackageName(TypedDict):
    """A name that the package had, with the days on which an observation began and ended it.

    `last_listed` is the last day on which a list had the package under the name.
    """

    name: str
    since: str
    until: str | None
    last_listed: str | None


class PackageTrait(TypedDict):
    """An attribute or a library of the package, and since when it is observed."""

    trait: str
    value: str
    since: str


class ListedDay(TypedDict):
    """The package in the list of one day. `rank` is None if the first `depth` packages do not have it."""

    date: str
    snapshot: int
    depth: int
    rank: int | None
    downloads: int | None
    likes: int | None
    downloads_all_time: int | None
    trending: float | None
    dependents: int | None
    dependent_repos: int | None


class RankSeries(TypedDict):
    """The days of the lists of one order and counter, oldest first."""

    by: str
    counter: str
    days: list[ListedDay]


class CensusDay(TypedDict):
    """The counters of the package in one complete census. `present` is False if the census does not have it."""

    date: str
    snapshot: int
    present: bool
    downloads: int | None
    likes: int | None
    downloads_all_time: int | None


class PackageParent(TypedDict):
    """A parent that the package names. `package` is None if no known package has the name."""

    name: str
    package: str | None
    relation: str
    since: str


class PackageChild(TypedDict):
    """A package that names this package as a parent, with its newest downloads and their date."""

    name: str
    package: str
    relation: str
    since: str
    downloads: int | None
    downloads_date: str | None


class PackageChildren(TypedDict):
    """The children: their number by relation, and those with the most downloads. A child may have two relations."""

    by_relation: dict[str, int]
    leading: list[PackageChild]


class PackageQualityEvent(TypedDict):
    """A quality event about the package. `date` is the day of its snapshot, else the day on which it was noted."""

    date: str
    kind: str
    severity: str
    before: str | None
    after: str | None
    evidence: str


class PackageCard(TypedDict):
    """A card of the package. `answered` has the questions that the rules find answered; None: not scored."""

    since: str
    until: str | None
    state: str
    size: int | None
    answered: list[str] | None
    rules_version: str | None


class PackageAbsence(TypedDict):
    """A time at which a census missed the package."""

    last_seen: str
    missing_since: str
    state: str
    successor: str | None


class PackageSummary(TypedDict):
    """What identifies a package. `first_seen` and `last_seen` are of snapshots of this store."""

    registry: str
    package: str
    name: str
    url: str | None
    first_seen: str
    last_seen: str
    created: str | None


class PackageDocument(PackageSummary):
    """Everything that the store has about one package, up to a day. `other_packages` had the same name."""

    schema: int
    generated_by: str
    as_of: str | None
    warning: str
    other_packages: list[PackageSummary]
    names: list[PackageName]
    traits: list[PackageTrait]
    series: list[RankSeries]
    censuses: list[CensusDay]
    parents: list[PackageParent]
    children: PackageChildren
    events: list[PackageQualityEvent]
    cards: list[PackageCard]
    absences: list[PackageAbsence]
