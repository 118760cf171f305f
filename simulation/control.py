"""/_simulation: move time, ask for the truth, script faults and events. Never counted, never logged."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from urllib.parse import urlsplit

from simulation.clock import format_iso
from simulation.faults.script import FaultScript, UnknownFaultError
from simulation.http.messages import Request, Response
from simulation.population.events import ACTIONS, make_next_id, update_visibility
from simulation.population.hub import Arrival, HubRegistry
from simulation.population.packages import NULL, PackageRegistry
from simulation.population.repositories import Repository, RepositoryTraits
from simulation.population.world import Registry, SimulatedWorld, UnknownNameError
from simulation.sites.page_cache import PageCache
from simulation.truth import build_ranking, describe_row, find_row_index

PREFIX = "/_simulation"
HUB_COLUMN_BY_FIELD = {
    "downloads": "downloads",
    "downloadsAllTime": "all_time",
    "likes": "likes",
    "trendingScore": "trending",
    "lastModified": "modified",
}
PACKAGE_COLUMN_BY_FIELD = {
    "downloads": "downloads",
    "dependent_packages_count": "dependents",
    "stargazers_count": "stars",
}
REPOSITORY_FLAGS = ("gated", "disabled", "private")


class Control:
    """Answers the control addresses."""

    def __init__(self, world: SimulatedWorld, book: FaultScript, lists: PageCache) -> None:
        self.world = world
        self.fault_script = book
        self.page_cache = lists
        self.requests: list[dict[str, object]] = []

    def respond(self, ask: Request) -> Response:
        """Return the answer, or what was wrong with the question."""
        verb = ROUTES.get((ask.method, ask.path.removeprefix(PREFIX).strip("/")))
        if verb is None:
            return Response(404, {"error": f"there are {', '.join(' '.join(one) for one in ROUTES)}"})
        try:
            return Response(200, verb(self, ask))
        except (UnknownNameError, UnknownFaultError, KeyError, TypeError, ValueError) as problem:
            return Response(400, {"error": f"{type(problem).__name__}: {problem}"})

    def get_clock(self, ask: Request) -> object:
        """Say what time it is."""
        return {"now": format_iso(self.world.clock.now()), "days": self.world.clock.days}

    def advance_days(self, ask: Request) -> object:
        """Let days pass."""
        events = self.world.advance_days(int(ask.parameter("days", "1")))
        return {"now": format_iso(self.world.clock.now()), "days": self.world.clock.days, "events": events}

    def get_ranking(self, ask: Request) -> object:
        """Tell a ranking as it is."""
        registry = self.world.find_registry(ask.parameter("registry"))
        rows = build_ranking(registry, ask.parameter("by", "downloads"), int(ask.parameter("k", "1000")))
        return {"now": format_iso(self.world.clock.now()), "registry": registry.name, "ranking": rows}

    def get_census(self, ask: Request) -> object:
        """Tell how many there are to see in a registry of the Hub, and the sha256 of their `_id`s, oldest first."""
        hub = self._hub_registry(ask)
        identities = [hub.repositories[place].identity for place in hub.order_rows("identity").tolist()]
        digest = hashlib.sha256("\n".join(identities).encode()).hexdigest()
        return {"now": format_iso(self.world.clock.now()), "packages": len(identities), "sha256": digest}

    def prepare_pages(self, ask: Request) -> object:
        """Make every page of a census before it is asked for; the body is the address of its first page."""
        address = urlsplit(json.loads(ask.body)["url"])
        hub = self._hub_registry(replace(ask, query=f"registry=huggingface/{address.path.rpartition('/')[2]}"))
        headers = {"Host": address.netloc, "Accept-Encoding": "gzip"}
        return {
            "pages": self.page_cache.prepare_pages(
                hub, Request("huggingface", "GET", address.path, address.query, headers)
            )
        }

    def _hub_registry(self, ask: Request) -> HubRegistry:
        registry = self.world.find_registry(ask.parameter("registry"))
        if not isinstance(registry, HubRegistry):
            raise UnknownNameError(f"{registry.name} is not of the Hub")
        return registry

    def get_events(self, ask: Request) -> object:
        """Tell what happened since a day."""
        return [one for one in self.world.log if str(one["day"]) >= ask.parameter("since")]

    def get_repository(self, ask: Request) -> object:
        """Tell everything about one row."""
        registry = self.world.find_registry(ask.parameter("registry"))
        return describe_row(self.world, registry, find_row_index(registry, ask.parameter("id"), ask.parameter("name")))

    def get_requests(self, ask: Request) -> object:
        """Tell which requests came in."""
        return list(self.requests)

    def reset_requests(self, ask: Request) -> object:
        """Forget the requests, their count and the faults."""
        self.requests.clear()
        self.fault_script.reset()
        return {}

    def script_faults(self, ask: Request) -> object:
        """Script faults."""
        return {"scripted": self.fault_script.add(json.loads(ask.body))}

    def mutate_row(self, ask: Request) -> object:
        """Change one row: set its values, or let an event happen to it, or add one."""
        wanted = json.loads(ask.body)
        registry = self.world.find_registry(str(wanted.get("registry", "huggingface/models")))
        if wanted.get("action") == "create" and isinstance(registry, HubRegistry):
            return create_repository(self.world, registry, wanted)
        place = find_row_index(registry, str(wanted.get("id") or ""), str(wanted.get("name") or ""))
        set_values(registry, place, wanted.get("set") or {})
        facts: Mapping[str, object] = {}
        if wanted.get("action"):
            facts = apply_action(self.world, registry, place, str(wanted["action"]), str(wanted.get("to") or ""))
        return {**describe_row(self.world, registry, place), **({"event": facts} if facts else {})}


def create_repository(world: SimulatedWorld, hub: HubRegistry, wanted: Mapping[str, object]) -> object:
    """Add a repository under a name that is free, with some values set."""
    now = int(world.clock.now())
    fresh = Repository(make_next_id(hub, now), str(wanted["name"]), now, RepositoryTraits())
    if fresh.name in hub.names:
        raise UnknownNameError(f"{fresh.name!r} exists")
    fresh.created = int(fresh.identity[:8], 16)
    hub.add_repositories([Arrival(fresh)])
    place = len(hub.repositories) - 1
    set_values(hub, place, wanted.get("set") or {})  # type: ignore[arg-type]
    return describe_row(world, hub, place)


def apply_action(world: SimulatedWorld, registry: Registry, place: int, action: str, to: str) -> Mapping[str, object]:
    """Let one event happen to a row."""
    if isinstance(registry, PackageRegistry) and action in ("vanish", "come_back"):
        (registry.vanish if action == "vanish" else registry.reappear)(place)
        return {"kind": action}
    if isinstance(registry, PackageRegistry):
        registry.status[place] = {"delete": "removed"}.get(action, to or action)
        registry.bump_version()
        return {"kind": registry.status[place]}
    if action not in ACTIONS:
        raise UnknownNameError(f"no action {action!r}; there are {', '.join(ACTIONS)} and create")
    return world.apply_action(registry, place, action, to)


def set_values(registry: Registry, place: int, values: Mapping[str, object]) -> None:
    """Set counters, flags, or any other property as it is to be shown; `card` is the README text."""
    for name, value in values.items():
        if isinstance(registry, PackageRegistry):
            set_package_value(registry, place, name, value)
        else:
            set_repository_value(registry, place, name, value)


def set_package_value(registry: PackageRegistry, place: int, name: str, value: object) -> None:
    """Set one value of a package."""
    if name in PACKAGE_COLUMN_BY_FIELD:
        registry.columns[PACKAGE_COLUMN_BY_FIELD[name]][place] = NULL if value is None else value
    else:
        registry.overrides.setdefault(place, {})[name] = value
    registry.bump_version()


def set_repository_value(hub: HubRegistry, place: int, name: str, value: object) -> None:
    """Set one value of a repository; downloads stay near where they are put."""
    if name in HUB_COLUMN_BY_FIELD:
        hub.columns[HUB_COLUMN_BY_FIELD[name]][place] = value
        if name == "downloads":
            hub.columns["level"][place] = math.log(max(0.01, float(str(value)) + 0.5))
    elif name in REPOSITORY_FLAGS:
        setattr(hub.repositories[place], name, value)
    else:
        hub.repositories[place].overrides[name] = value
    update_visibility(hub, place)


ROUTES: Mapping[tuple[str, str], Callable[[Control, Request], object]] = {
    ("GET", "clock"): Control.get_clock,
    ("POST", "advance"): Control.advance_days,
    ("GET", "truth"): Control.get_ranking,
    ("GET", "census"): Control.get_census,
    ("POST", "prepare"): Control.prepare_pages,
    ("GET", "events"): Control.get_events,
    ("GET", "repository"): Control.get_repository,
    ("GET", "requests"): Control.get_requests,
    ("DELETE", "requests"): Control.reset_requests,
    ("POST", "faults"): Control.script_faults,
    ("POST", "mutate"): Control.mutate_row,
}
