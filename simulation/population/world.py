"""The simulated world: its registries, its time, and the log of its events."""

from __future__ import annotations

import math
import random
import threading

import numpy as np

from simulation.clock import DAY, SimulatedClock, format_iso
from simulation.options import SimulationOptions
from simulation.population.births import draw_level, draw_popularity, make_repository, populate
from simulation.population.drift import churn_column, drift_hub, make_daily_rng
from simulation.population.events import ACTIONS, DAILY_RATES, EventFacts, make_next_id, make_public
from simulation.population.hub import Arrival, HubRegistry
from simulation.population.packages import FILLERS, KINDS, PackageRegistry, PackageRegistryKind

BIRTH_RATE = 0.0016
POPULAR_BIRTHS = 0.06
UNHIDE_RATE = 0.07
FILLER_PACKAGES = 6
Registry = HubRegistry | PackageRegistry


class UnknownNameError(Exception):
    """A registry, repository or package that does not exist in the simulation."""


class SimulatedWorld:
    """The registries of both sites, moved by one clock."""

    def __init__(self, options: SimulationOptions) -> None:
        self.options = options
        self.clock = SimulatedClock(options.day_zero())
        self.lock = threading.RLock()
        self.log: list[EventFacts] = []
        self.lists_served = 0
        self.hubs = {kind: HubRegistry(kind) for kind in ("models", "datasets", "spaces")}
        for kind, hub in self.hubs.items():
            populate(hub, getattr(options, kind), options.seed, self.clock.day_start())
        self.packages = {kind.name: self._make_package_registry(kind) for kind in (*KINDS, *FILLERS)}

    def _make_package_registry(self, kind: PackageRegistryKind) -> PackageRegistry:
        size = self.options.packages if kind in KINDS else FILLER_PACKAGES
        return PackageRegistry(kind, size, self.options.seed, self.clock.day_start())

    def find_registry(self, name: str) -> Registry:
        """Return a registry by its name in the observatory or at Ecosyste.ms."""
        registry = self.hubs.get(name.removeprefix("huggingface/")) or self.packages.get(name)
        if registry is None:
            raise UnknownNameError(
                f"no registry {name!r}. There are huggingface/models, … and {', '.join(self.packages)}"
            )
        return registry

    def advance_days(self, days: int) -> int:
        """Advance the time by some days, and return the number of events in them."""
        before = len(self.log)
        for _ in range(days):
            midnight = self.clock.day_start()
            for hub in self.hubs.values():
                self._advance_hub(hub, midnight)
            for kind in KINDS:
                self._advance_packages(self.packages[kind.name], midnight)
            self.clock.days += 1
        return len(self.log) - before

    def _advance_packages(self, registry: PackageRegistry, midnight: int) -> None:
        for facts in registry.advance_day(self.clock.days + 1, midnight + DAY):
            self._log_facts(registry.name, midnight, facts)

    def _advance_hub(self, hub: HubRegistry, midnight: int) -> None:
        rng = random.Random(f"{self.options.seed}:{hub.name}:{self.clock.days}")
        np_rng = make_daily_rng(self.options.seed, hub.name, self.clock.days)
        drift_hub(hub, np_rng, self.options.moving)
        order = hub.order_rows("downloads" if hub.has_downloads else "likes")
        for kind, (usual, apply_event) in DAILY_RATES.items():
            rate = self.options.lively or usual if kind in ("edited", "deleted") else usual
            # A recreated repository is new. It comes early in the day, so that the day's other new ones are younger.
            span = DAY // 24 if kind == "recreated" else DAY
            for _ in range(np_rng.poisson(rate * len(hub.repositories))):
                index, instant = draw_listed_index(hub, order, rng), midnight + rng.random() * span
                if index is not None:
                    self._log_event(hub, index, kind, apply_event(hub, index, instant, ""), midnight)
        self._unhide_repositories(hub, rng, midnight)
        self._add_births(
            hub, rng, int(np_rng.poisson((self.options.lively or BIRTH_RATE) * len(hub.repositories))), midnight
        )

    def _unhide_repositories(self, hub: HubRegistry, rng: random.Random, midnight: int) -> None:
        for index, repository in enumerate(hub.repositories):
            if repository.private and not repository.deleted and rng.random() < UNHIDE_RATE:
                self._log_event(hub, index, "public", make_public(hub, index, midnight, ""), midnight)

    def _add_births(self, hub: HubRegistry, rng: random.Random, count: int, midnight: int) -> None:
        older = [Arrival(repository) for repository in hub.repositories if repository.is_listed]
        levels = [float(hub.columns["level"][hub.indices[arrival.repository.identity]]) for arrival in older]
        arrivals = []
        for instant in sorted(midnight + rng.randrange(DAY) for _ in range(count)):
            popular = rng.random() < POPULAR_BIRTHS
            level = draw_level(rng, popular) if popular else min(draw_level(rng), math.log(30.0))
            repository = make_repository(hub, rng, make_next_id(hub, instant), older, levels)
            repository.name = hub.make_free_name(repository.name)
            likes, _ = draw_popularity(rng, level)
            hub.add_repository(repository)
            arrivals.append(Arrival(repository, level, likes, round(likes * 0.8, 1)))
            self._log_event(hub, len(hub.repositories) - 1, "created", {"popular": popular}, midnight)
        hub.add_counters(arrivals)

    def apply_action(self, hub: HubRegistry, index: int, action: str, argument: str) -> EventFacts:
        """Apply one scripted event now, and return its entry in the log."""
        kind, apply_event = ACTIONS[action]
        facts = apply_event(hub, index, self.clock.now(), argument)
        return self._log_event(hub, index, kind, facts, self.clock.day_start())

    def _log_event(self, hub: HubRegistry, index: int, kind: str, facts: EventFacts, midnight: int) -> EventFacts:
        repository = hub.repositories[index]
        return self._log_facts(
            hub.name, midnight, {"kind": kind, "id": repository.identity, "name": repository.name, **facts}
        )

    def _log_facts(self, registry: str, midnight: int, facts: EventFacts) -> EventFacts:
        entry = {"day": format_iso(midnight)[:10], "registry": registry, **facts}
        self.log.append(entry)
        return entry

    def churn_counters(self, registry: Registry) -> None:
        """Change the configured share of counters after a list was served, and add and remove packages."""
        self.lists_served += 1
        rng = np.random.default_rng([self.options.seed, self.lists_served])
        if isinstance(registry, PackageRegistry) and (self.options.appearing or self.options.vanishing):
            events = registry.churn_packages(self.options.appearing, self.options.vanishing, int(self.clock.now()), rng)
            for facts in events:
                self._log_facts(registry.name, self.clock.day_start(), facts)
        if self.options.churn <= 0:
            return
        for column in churning_columns(registry):
            churn_column(rng, registry.columns[column], self.options.churn)
        registry.bump_version()
        if isinstance(registry, PackageRegistry):
            registry.shuffle_ties(rng)


def draw_listed_index(hub: HubRegistry, order: np.ndarray, rng: random.Random) -> int | None:
    """Return a still visible row of the morning's order, half the time one of its first fifth."""
    if not order.size:
        return None
    index = int(order[rng.randrange(max(1, order.size // 5) if rng.random() < 0.5 else order.size)])
    return index if hub.repositories[index].is_listed else None


def churning_columns(registry: Registry) -> tuple[str, ...]:
    """Return the counters that change while a client pages."""
    if isinstance(registry, PackageRegistry):
        return ("downloads", "dependents")
    return ("downloads", "likes") if registry.has_downloads else ("likes",)
