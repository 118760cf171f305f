"""One registry of the simulated Hub: its repositories, their names and their counters.

Rows are in the order of `_id`, and new rows are only appended. So the index of a row is always the rank of its `_id`.
Counters are columns beside the rows.
"""

from __future__ import annotations

import copy
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from simulation.population.repositories import Repository

INTEGER_COLUMNS = ("downloads", "all_time", "likes", "modified")
FLOAT_COLUMNS = ("trending", "level", "momentum")
COUNTERS = ("downloads", "likes", "trending", "modified")
MIN_LEVEL = -6.0


@dataclass(frozen=True)
class Arrival:
    """A repository that joins a registry, and the first values of its counters."""

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
        self.columns = {column: np.zeros(0, np.int64) for column in INTEGER_COLUMNS}
        self.columns |= {column: np.zeros(0, np.float64) for column in FLOAT_COLUMNS}
        self.visible = np.zeros(0, bool)
        self.visible_to_owner = np.zeros(0, bool)
        self.is_owner_view = False
        self.indices: dict[str, int] = {}
        self.names: dict[str, int] = {}
        self.redirects: dict[str, int] = {}
        self.names_by_lower: dict[str, str] = {}
        self.shape_version = self.version = 0
        self._orders: dict[tuple[str, bool], tuple[int, np.ndarray]] = {}
        self._children: tuple[int, dict[str, Counter[str]]] = (-1, {})

    @property
    def has_downloads(self) -> bool:
        """Whether the registry counts downloads: spaces have likes only."""
        return self.kind != "spaces"

    def view_of(self, token: str) -> HubRegistry:
        """Return the registry as the sender of a token sees it, to be read only. An empty token is none."""
        if not token:
            return self
        view = copy.copy(self)
        view.is_owner_view = True
        return view

    def add_repositories(self, arrivals: Iterable[Arrival]) -> None:
        """Append repositories in the order of `_id`."""
        arrivals = list(arrivals)
        for arrival in arrivals:
            self.add_repository(arrival.repository)
        self.add_counters(arrivals)

    def add_counters(self, arrivals: list[Arrival]) -> None:
        """Append the counters of the newest repositories, all at once, because columns are slow to grow."""
        for column, values in initial_counters(arrivals, self.has_downloads).items():
            self.columns[column] = np.concatenate([self.columns[column], np.array(values, self.columns[column].dtype)])
        self.visible = np.concatenate([self.visible, np.ones(len(arrivals), bool)])
        self.visible_to_owner = np.concatenate([self.visible_to_owner, np.ones(len(arrivals), bool)])
        self.bump_shape_version()

    def add_repository(self, repository: Repository) -> None:
        """Append one repository without counters. `add_counters` has to follow."""
        index = len(self.repositories)
        self.repositories.append(repository)
        self.indices[repository.identity] = index
        self.assign_name(repository.name, index)

    def assign_name(self, name: str, index: int) -> None:
        """Assign a name to a row. A redirect from that name ends."""
        self.names[name] = index
        self.names_by_lower[name.lower()] = name
        self.redirects.pop(name, None)

    def release_name(self, name: str) -> None:
        """Release a name for other repositories."""
        self.names.pop(name, None)
        self.names_by_lower.pop(name.lower(), None)

    def bump_version(self) -> None:
        """Record that counters changed."""
        self.version += 1

    def bump_shape_version(self) -> None:
        """Record that rows, names or visibility changed."""
        self.shape_version += 1
        self.version += 1

    def find_by_name(self, name: str) -> tuple[Repository | None, bool]:
        """Return the repository of a name, and whether it is found by a redirect (an old name, or another case)."""
        index = self.names.get(name)
        moved = index is None
        if moved:
            canonical = self.names_by_lower.get(name.lower())
            index = self.redirects.get(name) if canonical is None else self.names[canonical]
        if index is None or not self.is_visible(self.repositories[index]):
            return None, False
        return self.repositories[index], moved

    def is_visible(self, repository: Repository) -> bool:
        """Return whether this view shows a repository."""
        return repository.is_listed_for_owner if self.is_owner_view else repository.is_listed

    def count_smaller_ids(self, identity: str) -> int:
        """Return the number of repositories with a smaller `_id`."""
        return bisect_left(self.repositories, identity, key=lambda repository: repository.identity)

    def make_free_name(self, name: str) -> str:
        """Return the name, or the first numbered name like it that is not and was not in use."""
        free_name, number = name, 2
        while free_name.lower() in self.names_by_lower or free_name in self.redirects:
            free_name, number = f"{name}-v{number}", number + 1
        return free_name

    def order_rows(self, column: str) -> np.ndarray:
        """Return the visible rows, largest first, equal ones by ascending `_id`. `identity` is oldest first."""
        key = column, self.is_owner_view
        version, order = self._orders.get(key, (-1, None))
        if order is None or version != self.version:
            order = self._sort_rows(column)
            self._orders[key] = (self.version, order)
        return order

    def _sort_rows(self, column: str) -> np.ndarray:
        rows = np.flatnonzero(self.visible_to_owner if self.is_owner_view else self.visible)
        return rows if column == "identity" else rows[np.argsort(-self.columns[column][rows], kind="stable")]

    def count_children(self) -> Mapping[str, Counter[str]]:
        """Return the number of visible children of each parent `_id`, by relation."""
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


def initial_counters(arrivals: list[Arrival], downloaded: bool) -> dict[str, Sequence[float]]:
    """Return the first value of every column for these arrivals."""
    downloads = [int(np.exp(arrival.level)) if downloaded else 0 for arrival in arrivals]
    return {
        "downloads": downloads,
        "all_time": [count * (1 + arrival.age_days // 45) for count, arrival in zip(downloads, arrivals, strict=True)],
        "likes": [arrival.likes for arrival in arrivals],
        "modified": [arrival.repository.created + arrival.age_days * 20000 for arrival in arrivals],
        "trending": [arrival.trending for arrival in arrivals],
        "level": [arrival.level for arrival in arrivals],
        "momentum": [0.0] * len(arrivals),
    }
