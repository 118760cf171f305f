"""/_simulation: move time, ask for the truth, script faults and events. Never counted, never logged."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from urllib.parse import urlsplit

from simulation.clock import iso
from simulation.faults.script import FaultBook, UnknownFault
from simulation.http.messages import Ask, Reply
from simulation.population.events import ACTIONS, next_identity, show
from simulation.population.hub import Arrival, HubRegistry
from simulation.population.packages import NULL, PackageRegistry
from simulation.population.repositories import Repository, Traits
from simulation.population.world import Registry, UnknownName, World
from simulation.sites.page_cache import KeptPages
from simulation.truth import everything, place_of, ranking

PREFIX = "/_simulation"
HUB_SETTABLE = {
    "downloads": "downloads",
    "downloadsAllTime": "all_time",
    "likes": "likes",
    "trendingScore": "trending",
    "lastModified": "modified",
}
PACKAGE_SETTABLE = {
    "downloads": "downloads",
    "dependent_packages_count": "dependents",
    "stargazers_count": "stars",
}
REPOSITORY_FLAGS = ("gated", "disabled", "private")


class Control:
    """Answers the control addresses."""

    def __init__(self, world: World, book: FaultBook, lists: KeptPages) -> None:
        self.world = world
        self.book = book
        self.lists = lists
        self.requests: list[dict[str, object]] = []

    def answer(self, ask: Ask) -> Reply:
        """Return the answer, or what was wrong with the question."""
        verb = VERBS.get((ask.method, ask.path.removeprefix(PREFIX).strip("/")))
        if verb is None:
            return Reply(404, {"error": f"there are {', '.join(' '.join(one) for one in VERBS)}"})
        try:
            return Reply(200, verb(self, ask))
        except (UnknownName, UnknownFault, KeyError, TypeError, ValueError) as problem:
            return Reply(400, {"error": f"{type(problem).__name__}: {problem}"})

    def clock(self, ask: Ask) -> object:
        """Say what time it is."""
        return {"now": iso(self.world.clock.now()), "days": self.world.clock.days}

    def advance(self, ask: Ask) -> object:
        """Let days pass."""
        events = self.world.advance(int(ask.one("days", "1")))
        return {"now": iso(self.world.clock.now()), "days": self.world.clock.days, "events": events}

    def truth(self, ask: Ask) -> object:
        """Tell a ranking as it is."""
        registry = self.world.registry(ask.one("registry"))
        rows = ranking(registry, ask.one("by", "downloads"), int(ask.one("k", "1000")))
        return {"now": iso(self.world.clock.now()), "registry": registry.name, "ranking": rows}

    def census(self, ask: Ask) -> object:
        """Tell how many there are to see in a registry of the Hub, and the sha256 of their `_id`s, oldest first."""
        hub = self._hub(ask)
        identities = [hub.repositories[place].identity for place in hub.order("identity").tolist()]
        digest = hashlib.sha256("\n".join(identities).encode()).hexdigest()
        return {"now": iso(self.world.clock.now()), "packages": len(identities), "sha256": digest}

    def prepare(self, ask: Ask) -> object:
        """Make every page of a census before it is asked for; the body is the address of its first page."""
        address = urlsplit(json.loads(ask.body)["url"])
        hub = self._hub(replace(ask, query=f"registry=huggingface/{address.path.rpartition('/')[2]}"))
        headers = {"Host": address.netloc, "Accept-Encoding": "gzip"}
        return {"pages": self.lists.prepare(hub, Ask("huggingface", "GET", address.path, address.query, headers))}

    def _hub(self, ask: Ask) -> HubRegistry:
        registry = self.world.registry(ask.one("registry"))
        if not isinstance(registry, HubRegistry):
            raise UnknownName(f"{registry.name} is not of the Hub")
        return registry

    def events(self, ask: Ask) -> object:
        """Tell what happened since a day."""
        return [one for one in self.world.log if str(one["day"]) >= ask.one("since")]

    def repository(self, ask: Ask) -> object:
        """Tell everything about one row."""
        registry = self.world.registry(ask.one("registry"))
        return everything(self.world, registry, place_of(registry, ask.one("id"), ask.one("name")))

    def seen(self, ask: Ask) -> object:
        """Tell which requests came in."""
        return list(self.requests)

    def reset(self, ask: Ask) -> object:
        """Forget the requests, their count and the faults."""
        self.requests.clear()
        self.book.reset()
        return {}

    def script(self, ask: Ask) -> object:
        """Script faults."""
        return {"scripted": self.book.script(json.loads(ask.body))}

    def mutate(self, ask: Ask) -> object:
        """Change one row: set its values, or let an event happen to it, or add one."""
        wanted = json.loads(ask.body)
        registry = self.world.registry(str(wanted.get("registry", "huggingface/models")))
        if wanted.get("action") == "create" and isinstance(registry, HubRegistry):
            return create(self.world, registry, wanted)
        place = place_of(registry, str(wanted.get("id") or ""), str(wanted.get("name") or ""))
        set_values(registry, place, wanted.get("set") or {})
        facts: Mapping[str, object] = {}
        if wanted.get("action"):
            facts = act(self.world, registry, place, str(wanted["action"]), str(wanted.get("to") or ""))
        return {**everything(self.world, registry, place), **({"event": facts} if facts else {})}


def create(world: World, hub: HubRegistry, wanted: Mapping[str, object]) -> object:
    """Add a repository under a name that is free, with some values set."""
    now = int(world.clock.now())
    fresh = Repository(next_identity(hub, now), str(wanted["name"]), now, Traits())
    if fresh.name in hub.names:
        raise UnknownName(f"{fresh.name!r} exists")
    fresh.created = int(fresh.identity[:8], 16)
    hub.extend([Arrival(fresh)])
    place = len(hub.repositories) - 1
    set_values(hub, place, wanted.get("set") or {})  # type: ignore[arg-type]
    return everything(world, hub, place)


def act(world: World, registry: Registry, place: int, action: str, to: str) -> Mapping[str, object]:
    """Let one event happen to a row."""
    if isinstance(registry, PackageRegistry) and action in ("vanish", "come_back"):
        (registry.vanish if action == "vanish" else registry.come_back)(place)
        return {"kind": action}
    if isinstance(registry, PackageRegistry):
        registry.status[place] = {"delete": "removed"}.get(action, to or action)
        registry.touch()
        return {"kind": registry.status[place]}
    if action not in ACTIONS:
        raise UnknownName(f"no action {action!r}; there are {', '.join(ACTIONS)} and create")
    return world.act(registry, place, action, to)


def set_values(registry: Registry, place: int, values: Mapping[str, object]) -> None:
    """Set counters, flags, or any other property as it is to be shown; `card` is the README text."""
    for name, value in values.items():
        if isinstance(registry, PackageRegistry):
            set_package(registry, place, name, value)
        else:
            set_repository(registry, place, name, value)


def set_package(registry: PackageRegistry, place: int, name: str, value: object) -> None:
    """Set one value of a package."""
    if name in PACKAGE_SETTABLE:
        registry.columns[PACKAGE_SETTABLE[name]][place] = NULL if value is None else value
    else:
        registry.overrides.setdefault(place, {})[name] = value
    registry.touch()


def set_repository(hub: HubRegistry, place: int, name: str, value: object) -> None:
    """Set one value of a repository; downloads stay near where they are put."""
    if name in HUB_SETTABLE:
        hub.columns[HUB_SETTABLE[name]][place] = value
        if name == "downloads":
            hub.columns["level"][place] = math.log(max(0.01, float(str(value)) + 0.5))
    elif name in REPOSITORY_FLAGS:
        setattr(hub.repositories[place], name, value)
    else:
        hub.repositories[place].overrides[name] = value
    show(hub, place)


VERBS: Mapping[tuple[str, str], Callable[[Control, Ask], object]] = {
    ("GET", "clock"): Control.clock,
    ("POST", "advance"): Control.advance,
    ("GET", "truth"): Control.truth,
    ("GET", "census"): Control.census,
    ("POST", "prepare"): Control.prepare,
    ("GET", "events"): Control.events,
    ("GET", "repository"): Control.repository,
    ("GET", "requests"): Control.seen,
    ("DELETE", "requests"): Control.reset,
    ("POST", "faults"): Control.script,
    ("POST", "mutate"): Control.mutate,
}
