"""Everything that exists, what time it is, and what has happened so far."""

from __future__ import annotations

import math
import random
import threading

import numpy as np

from simulation.clock import DAY, Clock, iso
from simulation.options import Options
from simulation.population.births import conceive, first_fame, first_level, populate
from simulation.population.drift import churn_column, daily_draw, drift_hub
from simulation.population.events import ACTIONS, DAILY_RATES, Facts, made_public, next_identity
from simulation.population.hub import Arrival, HubRegistry
from simulation.population.packages import FILLERS, KINDS, Kind, PackageRegistry

BIRTH_RATE = 0.0016
POPULAR_BIRTHS = 0.06
RETURN_RATE = 0.07
FILLER_PACKAGES = 6
Registry = HubRegistry | PackageRegistry


class UnknownName(Exception):
    """A registry, repository or package that does not exist here."""


class World:
    """The registries of both sites, moved by one clock."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.clock = Clock(options.day_zero())
        self.lock = threading.RLock()
        self.log: list[Facts] = []
        self.lists_served = 0
        self.hubs = {kind: HubRegistry(kind) for kind in ("models", "datasets", "spaces")}
        for kind, hub in self.hubs.items():
            populate(hub, getattr(options, kind), options.seed, self.clock.midnight())
        self.packages = {one.name: self._open(one) for one in (*KINDS, *FILLERS)}

    def _open(self, kind: Kind) -> PackageRegistry:
        size = self.options.packages if kind in KINDS else FILLER_PACKAGES
        return PackageRegistry(kind, size, self.options.seed, self.clock.midnight())

    def registry(self, name: str) -> Registry:
        """Return a registry by the name the observatory gives it, or Ecosyste.ms does."""
        found = self.hubs.get(name.removeprefix("huggingface/")) or self.packages.get(name)
        if found is None:
            raise UnknownName(f"no registry {name!r}; there are huggingface/models, … and {', '.join(self.packages)}")
        return found

    def advance(self, days: int) -> int:
        """Let that many days pass and return how many events they brought."""
        before = len(self.log)
        for _ in range(days):
            midnight = self.clock.midnight()
            for hub in self.hubs.values():
                self._live_hub(hub, midnight)
            for kind in KINDS:
                self._live_packages(self.packages[kind.name], midnight)
            self.clock.days += 1
        return len(self.log) - before

    def _live_packages(self, registry: PackageRegistry, midnight: int) -> None:
        for facts in registry.live_one_day(self.clock.days + 1, midnight + DAY):
            self._note(registry.name, midnight, facts)

    def _live_hub(self, hub: HubRegistry, midnight: int) -> None:
        draw = random.Random(f"{self.options.seed}:{hub.name}:{self.clock.days}")
        dice = daily_draw(self.options.seed, hub.name, self.clock.days)
        drift_hub(hub, dice, self.options.moving)
        order = hub.order("downloads" if hub.has_downloads else "likes")
        for kind, (usual, happening) in DAILY_RATES.items():
            rate = self.options.lively or usual if kind in ("edited", "deleted") else usual
            # A recreation is a birth: early in the day, so that the day's other births are younger.
            span = DAY // 24 if kind == "recreated" else DAY
            for _ in range(dice.poisson(rate * len(hub.repositories))):
                place, moment = listed_place(hub, order, draw), midnight + draw.random() * span
                if place is not None:
                    self._note_event(hub, place, kind, happening(hub, place, moment, ""), midnight)
        self._return_some(hub, draw, midnight)
        self._bear(hub, draw, int(dice.poisson((self.options.lively or BIRTH_RATE) * len(hub.repositories))), midnight)

    def _return_some(self, hub: HubRegistry, draw: random.Random, midnight: int) -> None:
        for place, repository in enumerate(hub.repositories):
            if repository.private and not repository.deleted and draw.random() < RETURN_RATE:
                self._note_event(hub, place, "public", made_public(hub, place, midnight, ""), midnight)

    def _bear(self, hub: HubRegistry, draw: random.Random, how_many: int, midnight: int) -> None:
        older = [Arrival(one) for one in hub.repositories if one.listed]
        levels = [float(hub.columns["level"][hub.places[one.repository.identity]]) for one in older]
        born = []
        for moment in sorted(midnight + draw.randrange(DAY) for _ in range(how_many)):
            popular = draw.random() < POPULAR_BIRTHS
            level = first_level(draw, popular) if popular else min(first_level(draw), math.log(30.0))
            repository = conceive(hub, draw, next_identity(hub, moment), older, levels)
            repository.name = hub.free_name(repository.name)
            likes, _ = first_fame(draw, level)
            hub.enter(repository)
            born.append(Arrival(repository, level, likes, round(likes * 0.8, 1)))
            self._note_event(hub, len(hub.repositories) - 1, "created", {"popular": popular}, midnight)
        hub.count(born)

    def act(self, hub: HubRegistry, place: int, action: str, to: str) -> Facts:
        """Let one scripted event happen now, and return what the log says of it."""
        kind, happening = ACTIONS[action]
        facts = happening(hub, place, self.clock.now(), to)
        return self._note_event(hub, place, kind, facts, self.clock.midnight())

    def _note_event(self, hub: HubRegistry, place: int, kind: str, facts: Facts, midnight: int) -> Facts:
        repository = hub.repositories[place]
        return self._note(
            hub.name, midnight, {"kind": kind, "id": repository.identity, "name": repository.name, **facts}
        )

    def _note(self, registry: str, midnight: int, facts: Facts) -> Facts:
        noted = {"day": iso(midnight)[:10], "registry": registry, **facts}
        self.log.append(noted)
        return noted

    def churn(self, registry: Registry) -> None:
        """After a list was served, let the agreed share of its registry's counters change, and packages come and go."""
        self.lists_served += 1
        draw = np.random.default_rng([self.options.seed, self.lists_served])
        if isinstance(registry, PackageRegistry) and (self.options.appearing or self.options.vanishing):
            happened = registry.restless(self.options.appearing, self.options.vanishing, int(self.clock.now()), draw)
            for facts in happened:
                self._note(registry.name, self.clock.midnight(), facts)
        if self.options.churn <= 0:
            return
        for column in churned_columns(registry):
            churn_column(draw, registry.columns[column], self.options.churn)
        registry.touch()
        if isinstance(registry, PackageRegistry):
            registry.shuffle_ties(draw)


def listed_place(hub: HubRegistry, order: np.ndarray, draw: random.Random) -> int | None:
    """Return a row of the morning's order that can still be seen, half the time from its first fifth."""
    if not order.size:
        return None
    place = int(order[draw.randrange(max(1, order.size // 5) if draw.random() < 0.5 else order.size)])
    return place if hub.repositories[place].listed else None


def churned_columns(registry: Registry) -> tuple[str, ...]:
    """Return the counters that move while somebody pages."""
    if isinstance(registry, PackageRegistry):
        return ("downloads", "dependents")
    return ("downloads", "likes") if registry.has_downloads else ("likes",)
