"""One registry of the pretend Hub: its repositories, their names and their counters.

Rows stand in the order of `_id`, and new ones are only ever appended, so a row's place is its `_id`'s rank
for ever. Counters are columns beside the rows.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from simulation.population.repositories import Repository

INTEGER_COLUMNS = ("downloads", "all_time", "likes", "modified")
FLOAT_COLUMNS = ("trending", "level", "momentum")
COUNTERS = ("downloads", "likes", "trending", "modified")
MIN_LEVEL = -6.0


@dataclass(frozen=True)
class Arrival:
    """A repository that joins a registry, with where its counters start."""

    repository: Repository
    level: float = MIN_LEVEL
    likes: int = 0
    trending: float = 0.0
    age_days: int = 0


class HubRegistry:
    """The models, the datasets or the spaces."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.name = f"huggingface/{kind}"
        self.repositories: list[Repository] = []
        self.columns = {one: np.zeros(0, np.int64) for one in INTEGER_COLUMNS}
        self.columns |= {one: np.zeros(0, np.float64) for one in FLOAT_COLUMNS}
        self.visible = np.zeros(0, bool)
        self.indices: dict[str, int] = {}
        self.names: dict[str, int] = {}
        self.redirects: dict[str, int] = {}
        self.names_by_lower: dict[str, str] = {}
        self.shape_version = 0
        self.version = 0
        self._orders: dict[str, tuple[int, np.ndarray]] = {}
        self._children: tuple[int, dict[str, Counter[str]]] = (-1, {})

    @property
    def has_downloads(self) -> bool:
        """Spaces are liked, not downloaded."""
        return self.kind != "spaces"

    def add_repositories(self, arrivals: Iterable[Arrival]) -> None:
        """Append repositories, which must be in the order of `_id`."""
        arrivals = list(arrivals)
        for one in arrivals:
            self.add_repository(one.repository)
        self.add_counters(arrivals)

    def add_counters(self, arrivals: list[Arrival]) -> None:
        """Give the repositories entered last their counters: at once, for columns are slow to grow."""
        for column, values in initial_counters(arrivals, self.has_downloads).items():
            old = self.columns[column]
            self.columns[column] = np.concatenate([old, np.array(values, old.dtype)])
        self.visible = np.concatenate([self.visible, np.ones(len(arrivals), bool)])
        self.bump_shape_version()

    def add_repository(self, repository: Repository) -> None:
        """Append one repository, whose counters `count` has to follow."""
        place = len(self.repositories)
        self.repositories.append(repository)
        self.indices[repository.identity] = place
        self.assign_name(repository.name, place)

    def assign_name(self, name: str, place: int) -> None:
        """Give a name to a row; whatever redirected from that name no longer does."""
        self.names[name] = place
        self.names_by_lower[name.lower()] = name
        self.redirects.pop(name, None)

    def release_name(self, name: str) -> None:
        """Free a name."""
        self.names.pop(name, None)
        self.names_by_lower.pop(name.lower(), None)

    def bump_version(self) -> None:
        """Say that counters changed."""
        self.version += 1

    def bump_shape_version(self) -> None:
        """Say that rows, names or visibility changed."""
        self.shape_version += 1
        self.version += 1

    def find_by_name(self, name: str) -> tuple[Repository | None, bool]:
        """Return what a name leads to, and whether by a redirect (an old name, or another case)."""
        place = self.names.get(name)
        moved = place is None
        if moved:
            canonical = self.names_by_lower.get(name.lower())
            place = self.redirects.get(name) if canonical is None else self.names[canonical]
        if place is None or not self.repositories[place].is_listed:
            return None, False
        return self.repositories[place], moved

    def count_smaller_ids(self, identity: str) -> int:
        """Return how many repositories have a smaller `_id`."""
        return bisect_left(self.repositories, identity, key=lambda one: one.identity)

    def make_free_name(self, wanted: str) -> str:
        """Return `wanted`, or the first numbered name like it that nobody has or had."""
        name, number = wanted, 2
        while name.lower() in self.names_by_lower or name in self.redirects:
            name, number = f"{wanted}-v{number}", number + 1
        return name

    def order_rows(self, column: str) -> np.ndarray:
        """Return the visible rows, largest first, equals by ascending `_id`; `identity` is oldest first."""
        version, order = self._orders.get(column, (-1, None))
        if order is None or version != self.version:
            order = self._sort_rows(column)
            self._orders[column] = (self.version, order)
        return order

    def _sort_rows(self, column: str) -> np.ndarray:
        rows = np.flatnonzero(self.visible)
        return rows if column == "identity" else rows[np.argsort(-self.columns[column][rows], kind="stable")]

    def count_children(self) -> Mapping[str, Counter[str]]:
        """Return, by parent `_id`, how many visible children it has of each relation."""
        shape, counts = self._children
        if shape != self.shape_version:
            counts = {}
            for child in self.repositories:
                if child.is_listed and child.traits.relation:
                    self._count_child(counts, child)
            self._children = (self.shape_version, counts)
        return counts

    def _count_child(self, counts: dict[str, Counter[str]], child: Repository) -> None:
        for declared in child.traits.parents:
            parent, _ = self.find_by_name(declared)
            if parent:
                counts.setdefault(parent.identity, Counter())[child.traits.relation or ""] += 1


def initial_counters(arrivals: list[Arrival], downloaded: bool) -> dict[str, list[float]]:
    """Return the first value of every column for these arrivals."""
    downloads = [int(np.exp(one.level)) if downloaded else 0 for one in arrivals]
    return {
        "downloads": downloads,
        "all_time": [count * (1 + one.age_days // 45) for count, one in zip(downloads, arrivals, strict=True)],
        "likes": [one.likes for one in arrivals],
        "modified": [one.repository.created + one.age_days * 20000 for one in arrivals],
        "trending": [one.trending for one in arrivals],
        "level": [one.level for one in arrivals],
        "momentum": [0.0] * len(arrivals),
    }
