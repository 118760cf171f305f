"""One simulated Ecosyste.ms registry: its packages, and the counters that Ecosyste.ms stored at its last sync.

`level` is the true rate of downloads. `downloads` is the counter stored at `synced`, which may be months old, as in
the real service. -1 stands for null.
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
    """The properties of one registry."""

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
        self.kind, self.name, self.seed = kind, kind.name, seed
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
        rng = random.Random(f"{seed}:population:{kind.name}")
        self._add_packages(size, now, rng, make_daily_rng(seed, kind.name, 0))

    def _add_packages(self, size: int, now: int, rng: random.Random, np_rng: np.random.Generator) -> None:
        start = len(self.names)
        for _ in range(size):
            name = self._reserve_name(draw_package_name(self.kind.ecosystem, rng))
            self.indices[name] = len(self.names)
            self.names.append(name)
        self.columns = {
            column: np.concatenate([self.columns.get(column, ()), values]).astype(values.dtype)
            for column, values in draw_columns(self.kind, size, now, np_rng).items()
        }
        for index in range(start, start + size):
            if rng.random() < 0.02:
                self.status[index] = rng.choice(("removed", "deprecated", "unpublished"))
        self.bump_version()

    def _reserve_name(self, name: str) -> str:
        """Return a name that is not in use yet, as the ecosystem compares names."""
        fresh, number = name, 2
        while normalize_name(self.kind.ecosystem, fresh) in self._used_names:
            fresh, number = f"{name}{number}", number + 1
        self._used_names.add(normalize_name(self.kind.ecosystem, fresh))
        return fresh

    def bump_version(self) -> None:
        """Record that a stored value changed."""
        self.version += 1

    def order_rows(self, column: str, ascending: bool = False) -> np.ndarray:
        """Return the rows by one column, nulls last. The order of equal rows is arbitrary."""
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
                sorted(range(len(self.names)), key=lambda index: collation_key(self.names[index])), np.int64
            )
            return order if ascending else order[::-1]
        values = self.columns[column]
        keys = values if ascending else -values
        return np.lexsort((self.columns["tie"], keys, values == NULL))

    def shuffle_ties(self, rng: np.random.Generator) -> None:
        """Reorder equal rows, as when rows of a table without a tie-breaker are rewritten."""
        self.columns["tie"] = rng.permutation(len(self.names))
        self.bump_version()

    def churn_packages(
        self, appearing: float, vanishing: float, now: int, rng: np.random.Generator
    ) -> list[dict[str, object]]:
        """Add and remove about as many packages as configured, at random places, and return the events."""
        added, removed_count = int(rng.poisson(appearing)), int(rng.poisson(vanishing))
        present = self.present_rows()
        positions = rng.choice(len(present), min(removed_count, len(present) - 1), replace=False)
        removed = [present[position] for position in positions]
        for index in removed:
            self.vanish(index)
        self._add_packages(added, now, random.Random(int(rng.integers(2**62))), rng)
        self.columns["created"][len(self.names) - added :] = now
        new_names = self.names[len(self.names) - added :]
        vanished = [{"kind": "vanished", "id": self.names[index], "name": self.names[index]} for index in removed]
        return [*vanished, *({"kind": "created", "id": name, "name": name} for name in new_names)]

    def present_rows(self) -> list[int]:
        """Return the rows that are in the table."""
        return [index for index in range(len(self.names)) if index not in self.vanished]

    def vanish(self, index: int) -> None:
        """Remove a row from the table."""
        self.vanished.add(index)
        self.bump_version()

    def reappear(self, index: int) -> None:
        """Put a removed row back into the table."""
        self.vanished.discard(index)
        self.bump_version()

    def advance_day(self, day: int, now: int) -> list[dict[str, object]]:
        """Change levels, sync some packages, add a few, and remove a few."""
        np_rng = make_daily_rng(self.seed, self.name, day)
        columns = self.columns
        LevelDrift(self.kind.volatility).step(np_rng, columns["level"], columns["momentum"])
        columns["cumulated"] += np.exp(columns["level"]) / 30
        chance = np.where(columns["dependents"] > np.quantile(columns["dependents"], 0.9), 0.4, 0.06)
        self._sync_counters(np.flatnonzero(np_rng.random(len(self.names)) < chance), now)
        return self._draw_daily_events(random.Random(f"{self.seed}:{self.name}:{day}"), np_rng, now)

    def _sync_counters(self, indices: np.ndarray, now: int) -> None:
        columns = self.columns
        indices = indices[[self.status.get(int(index)) != "removed" for index in indices]] if indices.size else indices
        source = {"total": columns["cumulated"]}.get(self.kind.period or "", np.exp(columns["level"]))
        stored = indices[columns["downloads"][indices] != NULL]
        columns["downloads"][stored] = source[stored].astype(np.int64)
        columns["synced"][indices] = now - indices % DAY
        columns["updated"][indices] = columns["synced"][indices]
        columns["dependents"][indices] += indices % 97 == now // DAY % 97
        self.bump_version()

    def _draw_daily_events(self, rng: random.Random, np_rng: np.random.Generator, now: int) -> list[dict[str, object]]:
        index = rng.randrange(len(self.names))
        facts: list[dict[str, object]] = []
        if rng.random() < 0.1 and index not in self.status:
            self.status[index] = "removed"
            facts.append({"kind": "removed", "id": self.names[index], "name": self.names[index]})
        if rng.random() < len(self.names) * 0.0001:
            self._add_packages(1, now, rng, np_rng)
            facts.append({"kind": "created", "id": self.names[-1], "name": self.names[-1]})
        return facts


def draw_columns(kind: PackageRegistryKind, size: int, now: int, np_rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return the first counters of `size` packages: heavy-tailed, with ties and nulls."""
    level = 3.0 + np_rng.exponential(1 / 0.65, size)
    monthly = np.exp(np.minimum(level, 20.0))
    cumulated = monthly * np_rng.uniform(5, 60, size)
    fame = np.exp(0.5 * level + np_rng.normal(0, 0.6, size))
    synced = now - (DAY * np.minimum(200.0, np_rng.exponential(6.0, size))).astype(np.int64)
    downloads = (cumulated if kind.period == "total" else monthly).astype(np.int64)
    docker = (monthly / 7).astype(np.int64)
    downloads[np_rng.random(size) < (1.0 if kind.period is None else 0.02)] = NULL
    docker[np_rng.random(size) < 0.6] = NULL
    return {
        "level": level,
        "momentum": np.zeros(size),
        "cumulated": cumulated,
        "downloads": downloads,
        "docker": docker,
        "dependents": (fame / 4).astype(np.int64),
        "repositories": (fame * 3).astype(np.int64),
        "stars": (fame * np_rng.uniform(0.2, 3, size)).astype(np.int64),
        "forks": (fame / 3).astype(np.int64),
        "versions": 1 + (np_rng.exponential(15, size)).astype(np.int64),
        "maintainers": 1 + np_rng.integers(0, 4, size),
        "synced": synced,
        "updated": synced,
        "released": synced - np_rng.integers(0, 700 * DAY, size),
        "created": now - np_rng.integers(0, 1400 * DAY, size),
        "rank": np.round(100 / (1 + fame), 6),
        "tie": np_rng.permutation(size),
    }


def normalize_name(ecosystem: str, name: str) -> str:
    """Return a name as its ecosystem compares it: for pypi by PEP 503, for others unchanged."""
    return re.sub(r"[-_.]+", "-", name).lower() if ecosystem == "pypi" else name


def collation_key(name: str) -> tuple[str, str]:
    """Return the sort key of a name, as in a database that does not sort by bytes."""
    return re.sub(r"[^a-z0-9]+", "", name.lower()), name


def draw_package_name(ecosystem: str, rng: random.Random) -> str:
    """Return a name as the ecosystem spells names."""
    first, second, third = rng.choice(PREFIXES), rng.choice(NOUNS), rng.choice(ADJECTIVES)
    if ecosystem == "npm" and rng.random() < 0.3:
        return f"@{third}/{first}-{second}"
    if ecosystem == "pypi" and rng.random() < 0.3:
        return f"{first.title()}_{second.title()}"
    if ecosystem == "go":
        return f"code.example/{third}/{first}-{second}"
    if ecosystem == "actions":
        return f"{third}/{first}-{second}-action"
    return f"{first}-{second}" if rng.random() < 0.5 else f"{third}-{second}"
