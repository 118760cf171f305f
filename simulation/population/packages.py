"""One pretend Ecosyste.ms registry: packages, and the numbers that were stored when Ecosyste.ms last looked.

`level` is how much a package is really downloaded; `downloads` is what was stored at `synced`, which may
be months old, as in the real one. -1 stands for null.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

import numpy as np

from simulation.clock import DAY
from simulation.population.drift import LevelDrift, make_daily_rng
from simulation.population.vocabulary import ADJECTIVES, NOUNS, PREFIXES

NULL = -1
NULLABLE = ("downloads", "docker")
SORTS = {
    "downloads": "downloads",
    "dependent_packages_count": "dependents",
    "dependent_repos_count": "repositories",
    "stargazers_count": "stars",
    "forks_count": "forks",
    "docker_downloads_count": "docker",
    "updated_at": "updated",
    "created_at": "created",
    "latest_release_published_at": "released",
    "versions_count": "versions",
    "maintainers_count": "maintainers",
    "docker_dependents_count": "docker",
    "rank": "rank",
}


@dataclass(frozen=True)
class PackageRegistryKind:
    """What sets one registry apart from another."""

    name: str
    ecosystem: str
    period: str | None = None
    default: bool = True
    volatility: float = 0.03
    offset: int = 0


KINDS = (
    PackageRegistryKind("npm.example", "npm", "last-month", volatility=0.003),
    PackageRegistryKind("pypi.example", "pypi", "last-month", volatility=0.04),
    PackageRegistryKind("crates.example", "cargo", "total"),
    PackageRegistryKind("gems.example", "rubygems", "total"),
    PackageRegistryKind("coop.example", "rubygems", "total", default=False),
    PackageRegistryKind("go.example", "go"),
    PackageRegistryKind("github actions", "actions"),
)
FILLERS = tuple(
    PackageRegistryKind(f"mirror-{number:03d}.example", f"distro-{number % 37}", default=number < 37)
    for number in range(104)
)


class PackageRegistry:
    """All packages of one registry, in the order in which they were first seen."""

    def __init__(self, kind: PackageRegistryKind, size: int, seed: int, now: int) -> None:
        self.kind = kind
        self.name = kind.name
        self.seed = seed
        self.names: list[str] = []
        self.indices: dict[str, int] = {}
        self._used_names: set[str] = set()
        self.status: dict[int, str] = {}
        self.vanished: set[int] = set()
        self.overrides: dict[int, dict[str, object]] = {}
        self.first_number = 1000000 + 100000 * len(kind.name)
        self.columns: dict[str, np.ndarray] = {}
        self.version = 0
        self._orders: dict[str, tuple[int, np.ndarray]] = {}
        self._add_packages(
            size, now, random.Random(f"{seed}:population:{kind.name}"), make_daily_rng(seed, kind.name, 0)
        )

    def _add_packages(self, size: int, now: int, draw: random.Random, dice: np.random.Generator) -> None:
        start = len(self.names)
        for _ in range(size):
            name = self._reserve_name(draw_package_name(self.kind.ecosystem, draw))
            self.indices[name] = len(self.names)
            self.names.append(name)
        fresh = draw_columns(self.kind, size, now, dice)
        self.columns = {
            one: np.concatenate([self.columns.get(one, ()), fresh[one]]).astype(fresh[one].dtype) for one in fresh
        }
        for place in range(start, start + size):
            if draw.random() < 0.02:
                self.status[place] = draw.choice(("removed", "deprecated", "unpublished"))
        self.bump_version()

    def _reserve_name(self, name: str) -> str:
        """A name nobody has yet, as that ecosystem compares names."""
        fresh, number = name, 2
        while normalize_name(self.kind.ecosystem, fresh) in self._used_names:
            fresh, number = f"{name}{number}", number + 1
        self._used_names.add(normalize_name(self.kind.ecosystem, fresh))
        return fresh

    def bump_version(self) -> None:
        """Say that something stored changed."""
        self.version += 1

    def order_rows(self, column: str, ascending: bool = False) -> np.ndarray:
        """Return the rows by one column, nulls last, equals in no order a client could rely on."""
        key = f"{column}:{ascending}"
        version, order = self._orders.get(key, (-1, None))
        if order is None or version != self.version:
            order = self._sort_rows(column, ascending)
            order = order[~np.isin(order, list(self.vanished))] if self.vanished else order
            self._orders[key] = (self.version, order)
        return order

    def _sort_rows(self, column: str, ascending: bool) -> np.ndarray:
        if column == "name":
            order = np.array(
                sorted(range(len(self.names)), key=lambda place: collation_key(self.names[place])), np.int64
            )
            return order if ascending else order[::-1]
        values = self.columns[column]
        keys = values if ascending else -values
        return np.lexsort((self.columns["tie"], keys, values == NULL))

    def shuffle_ties(self, draw: np.random.Generator) -> None:
        """Let equals change places, as they do when rows of a table without a tie-breaker are rewritten."""
        self.columns["tie"] = draw.permutation(len(self.names))
        self.bump_version()

    def churn_packages(
        self, appearing: float, vanishing: float, now: int, draw: np.random.Generator
    ) -> list[dict[str, str]]:
        """Let about so many packages appear and so many rows go, wherever they stand; what happened."""
        born, lost = int(draw.poisson(appearing)), int(draw.poisson(vanishing))
        there = self.present_rows()
        left = [there[one] for one in draw.choice(len(there), min(lost, len(there) - 1), replace=False)]
        for place in left:
            self.vanish(place)
        self._add_packages(born, now, random.Random(int(draw.integers(2**62))), draw)
        self.columns["created"][len(self.names) - born :] = now
        came = self.names[len(self.names) - born :]
        return [
            *({"kind": "vanished", "id": self.names[place], "name": self.names[place]} for place in left),
            *({"kind": "created", "id": name, "name": name} for name in came),
        ]

    def present_rows(self) -> list[int]:
        """Return the rows that are in the table."""
        return [place for place in range(len(self.names)) if place not in self.vanished]

    def vanish(self, place: int) -> None:
        """Take a row out of the table."""
        self.vanished.add(place)
        self.bump_version()

    def reappear(self, place: int) -> None:
        """Put a row that vanished into the table again."""
        self.vanished.discard(place)
        self.bump_version()

    def advance_day(self, day: int, now: int) -> list[dict[str, object]]:
        """Move levels, look again at some packages, let a few appear and a few be removed."""
        dice = make_daily_rng(self.seed, self.name, day)
        columns = self.columns
        LevelDrift(self.kind.volatility).step(dice, columns["level"], columns["momentum"])
        columns["cumulated"] += np.exp(columns["level"]) / 30
        chance = np.where(columns["dependents"] > np.quantile(columns["dependents"], 0.9), 0.4, 0.06)
        self._sync_counters(np.flatnonzero(dice.random(len(self.names)) < chance), now)
        return self._draw_daily_events(random.Random(f"{self.seed}:{self.name}:{day}"), dice, now)

    def _sync_counters(self, places: np.ndarray, now: int) -> None:
        columns = self.columns
        places = places[[self.status.get(int(place)) != "removed" for place in places]] if places.size else places
        source = {"total": columns["cumulated"]}.get(self.kind.period or "", np.exp(columns["level"]))
        stored = places[columns["downloads"][places] != NULL]
        columns["downloads"][stored] = source[stored].astype(np.int64)
        columns["synced"][places] = now - places % DAY
        columns["updated"][places] = columns["synced"][places]
        columns["dependents"][places] += places % 97 == now // DAY % 97
        self.bump_version()

    def _draw_daily_events(self, draw: random.Random, dice: np.random.Generator, now: int) -> list[dict[str, object]]:
        place = draw.randrange(len(self.names))
        facts: list[dict[str, object]] = []
        if draw.random() < 0.1 and place not in self.status:
            self.status[place] = "removed"
            facts.append({"kind": "removed", "id": self.names[place], "name": self.names[place]})
        if draw.random() < len(self.names) * 0.0001:
            self._add_packages(1, now, draw, dice)
            facts.append({"kind": "created", "id": self.names[-1], "name": self.names[-1]})
        return facts


def draw_columns(kind: PackageRegistryKind, size: int, now: int, dice: np.random.Generator) -> dict[str, np.ndarray]:
    """Return the first numbers of `size` packages: heavy-tailed, with ties and nulls."""
    level = 3.0 + dice.exponential(1 / 0.65, size)
    monthly = np.exp(np.minimum(level, 20.0))
    cumulated = monthly * dice.uniform(5, 60, size)
    fame = np.exp(0.5 * level + dice.normal(0, 0.6, size))
    synced = now - (DAY * np.minimum(200.0, dice.exponential(6.0, size))).astype(np.int64)
    downloads = (cumulated if kind.period == "total" else monthly).astype(np.int64)
    docker = (monthly / 7).astype(np.int64)
    downloads[dice.random(size) < (1.0 if kind.period is None else 0.02)] = NULL
    docker[dice.random(size) < 0.6] = NULL
    return {
        "level": level,
        "momentum": np.zeros(size),
        "cumulated": cumulated,
        "downloads": downloads,
        "docker": docker,
        "dependents": (fame / 4).astype(np.int64),
        "repositories": (fame * 3).astype(np.int64),
        "stars": (fame * dice.uniform(0.2, 3, size)).astype(np.int64),
        "forks": (fame / 3).astype(np.int64),
        "versions": 1 + (dice.exponential(15, size)).astype(np.int64),
        "maintainers": 1 + dice.integers(0, 4, size),
        "synced": synced,
        "updated": synced,
        "released": synced - dice.integers(0, 700 * DAY, size),
        "created": now - dice.integers(0, 1400 * DAY, size),
        "rank": np.round(100 / (1 + fame), 6),
        "tie": dice.permutation(size),
    }


def normalize_name(ecosystem: str, name: str) -> str:
    """Return a name as its ecosystem compares it: pypi by PEP 503, the others as it is."""
    return re.sub(r"[-_.]+", "-", name).lower() if ecosystem == "pypi" else name


def collation_key(name: str) -> tuple[str, str]:
    """Return what a name is sorted by: as a database does whose order is not that of the bytes."""
    return re.sub(r"[^a-z0-9]+", "", name.lower()), name


def draw_package_name(ecosystem: str, draw: random.Random) -> str:
    """Return a name as that ecosystem spells them."""
    first, second, third = draw.choice(PREFIXES), draw.choice(NOUNS), draw.choice(ADJECTIVES)
    if ecosystem == "npm" and draw.random() < 0.3:
        return f"@{third}/{first}-{second}"
    if ecosystem == "pypi" and draw.random() < 0.3:
        return f"{first.title()}_{second.title()}"
    if ecosystem == "go":
        return f"code.example/{third}/{first}-{second}"
    if ecosystem == "actions":
        return f"{third}/{first}-{second}-action"
    return f"{first}-{second}" if draw.random() < 0.5 else f"{third}-{second}"
