"""Everything that exists, what time it is, and what has happened so far."""

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
    """A registry, repository or package that does not exist here."""


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
        self.packages = {one.name: self._make_package_registry(one) for one in (*KINDS, *FILLERS)}

    def _make_package_registry(self, kind: PackageRegistryKind) -> PackageRegistry:
        size = self.options.packages if kind in KINDS else FILLER_PACKAGES
        return PackageRegistry(kind, size, self.options.seed, self.clock.day_start())

    def find_registry(self, name: str) -> Registry:
        """Return a registry by the name the observatory gives it, or Ecosyste.ms does."""
        found = self.hubs.get(name.removeprefix("huggingface/")) or self.packages.get(name)
        if found is None:
            raise UnknownNameError(
                f"no registry {name!r}; there are huggingface/models, … and {', '.join(self.packages)}"
            )
        return found

    def advance_days(self, days: int) -> int:
        """Let that many days pass and return how many events they brought."""
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
        draw = random.Random(f"{self.options.seed}:{hub.name}:{self.clock.days}")
        dice = make_daily_rng(self.options.seed, hub.name, self.clock.days)
        drift_hub(hub, dice, self.options.moving)
        order = hub.order_rows("downloads" if hub.has_downloads else "likes")
        for kind, (usual, happening) in DAILY_RATES.items():
            rate = self.options.lively or usual if kind in ("edited", "deleted") else usual
            # A recreation is a birth: early in the day, so that the day's other births are younger.
            span = DAY // 24 if kind == "recreated" else DAY
            for _ in range(dice.poisson(rate * len(hub.repositories))):
                place, moment = draw_listed_index(hub, order, draw), midnight + draw.random() * span
                if place is not None:
                    self._log_event(hub, place, kind, happening(hub, place, moment, ""), midnight)
        self._unhide_repositories(hub, draw, midnight)
        self._add_births(
            hub, draw, int(dice.poisson((self.options.lively or BIRTH_RATE) * len(hub.repositories))), midnight
        )

    def _unhide_repositories(self, hub: HubRegistry, draw: random.Random, midnight: int) -> None:
        for place, repository in enumerate(hub.repositories):
            if repository.private and not repository.deleted and draw.random() < UNHIDE_RATE:
                self._log_event(hub, place, "public", make_public(hub, place, midnight, ""), midnight)

    def _add_births(self, hub: HubRegistry, draw: random.Random, how_many: int, midnight: int) -> None:
        older = [Arrival(one) for one in hub.repositories if one.is_listed]
        levels = [float(hub.columns["level"][hub.indices[one.repository.identity]]) for one in older]
        born = []
        for moment in sorted(midnight + draw.randrange(DAY) for _ in range(how_many)):
            popular = draw.random() < POPULAR_BIRTHS
            level = draw_level(draw, popular) if popular else min(draw_level(draw), math.log(30.0))
            repository = make_repository(hub, draw, make_next_id(hub, moment), older, levels)
            repository.name = hub.make_free_name(repository.name)
            likes, _ = draw_popularity(draw, level)
            hub.add_repository(repository)
            born.append(Arrival(repository, level, likes, round(likes * 0.8, 1)))
            self._log_event(hub, len(hub.repositories) - 1, "created", {"popular": popular}, midnight)
        hub.add_counters(born)

    def apply_action(self, hub: HubRegistry, place: int, action: str, to: str) -> EventFacts:
        """Let one scripted event happen now, and return what the log says of it."""
        kind, happening = ACTIONS[action]
        facts = happening(hub, place, self.clock.now(), to)
        return self._log_event(hub, place, kind, facts, self.clock.day_start())

    def _log_event(self, hub: HubRegistry, place: int, kind: str, facts: EventFacts, midnight: int) -> EventFacts:
        repository = hub.repositories[place]
        return self._log_facts(
            hub.name, midnight, {"kind": kind, "id": repository.identity, "name": repository.name, **facts}
        )

    def _log_facts(self, registry: str, midnight: int, facts: EventFacts) -> EventFacts:
        noted = {"day": format_iso(midnight)[:10], "registry": registry, **facts}
        self.log.append(noted)
        return noted

    def churn_counters(self, registry: Registry) -> None:
        """After a list was served, let the agreed share of its registry's counters change, and packages come and go."""
        self.lists_served += 1
        draw = np.random.default_rng([self.options.seed, self.lists_served])
        if isinstance(registry, PackageRegistry) and (self.options.appearing or self.options.vanishing):
            happened = registry.churn_packages(
                self.options.appearing, self.options.vanishing, int(self.clock.now()), draw
            )
            for facts in happened:
                self._log_facts(registry.name, self.clock.day_start(), facts)
        if self.options.churn <= 0:
            return
        for column in churning_columns(registry):
            churn_column(draw, registry.columns[column], self.options.churn)
        registry.bump_version()
        if isinstance(registry, PackageRegistry):
            registry.shuffle_ties(draw)


def draw_listed_index(hub: HubRegistry, order: np.ndarray, draw: random.Random) -> int | None:
    """Return a row of the morning's order that can still be seen, half the time from its first fifth."""
    if not order.size:
        return None
    place = int(order[draw.randrange(max(1, order.size // 5) if draw.random() < 0.5 else order.size)])
    return place if hub.repositories[place].is_listed else None


def churning_columns(registry: Registry) -> tuple[str, ...]:
    """Return the counters that move while somebody pages."""
    if isinstance(registry, PackageRegistry):
        return ("downloads", "dependents")
    return ("downloads", "likes") if registry.has_downloads else ("likes",)
