"""The control endpoint `/_simulation`: time, truth, faults and events. Its requests are neither counted nor logged."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
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
REPOSITORY_FLAGS = ("gated", "disabled", "private", "members_only", "resource_group", "card_gated")


class Control:
    """The handlers of the control endpoint."""

    def __init__(self, world: SimulatedWorld, book: FaultScript, lists: PageCache) -> None:
        self.world = world
        self.fault_script = book
        self.page_cache = lists
        self.requests: list[dict[str, object]] = []

    def respond(self, request: Request) -> Response:
        """Return the response, or an error that says what is wrong with the request."""
        verb = ROUTES.get((request.method, request.path.removeprefix(PREFIX).strip("/")))
        if verb is None:
            return Response(404, {"error": f"there are {', '.join(' '.join(route) for route in ROUTES)}"})
        try:
            return Response(200, verb(self, request))
        except (UnknownNameError, UnknownFaultError, KeyError, TypeError, ValueError) as problem:
            return Response(400, {"error": f"{type(problem).__name__}: {problem}"})

    def get_clock(self, request: Request) -> object:
        """Return the simulated time."""
        return {"now": format_iso(self.world.clock.now()), "days": self.world.clock.days}

    def set_clock(self, request: Request) -> object:
        """Set the time, without letting days pass for the registries."""
        self.world.clock.set_time(float(request.parameter("now", "0")))
        return self.get_clock(request)

    def advance_days(self, request: Request) -> object:
        """Advance the time by some days."""
        events = self.world.advance_days(int(request.parameter("days", "1")))
        return {"now": format_iso(self.world.clock.now()), "days": self.world.clock.days, "events": events}

    def get_ranking(self, request: Request) -> object:
        """Return the true ranking."""
        registry = self.world.find_registry(request.parameter("registry"))
        rows = build_ranking(registry, request.parameter("by", "downloads"), int(request.parameter("k", "1000")))
        return {"now": format_iso(self.world.clock.now()), "registry": registry.name, "ranking": rows}

    def get_census(self, request: Request) -> object:
        """Return the number of visible repositories of a Hub registry, and the sha256 of their `_id`s, oldest first."""
        hub = self._hub_registry(request)
        identities = [hub.repositories[index].identity for index in hub.order_rows("identity").tolist()]
        digest = hashlib.sha256("\n".join(identities).encode()).hexdigest()
        return {"now": format_iso(self.world.clock.now()), "packages": len(identities), "sha256": digest}

    def prepare_pages(self, request: Request) -> object:
        """Make every page of a census before it is requested. The body has the URL of its first page."""
        address = urlsplit(json.loads(request.body)["url"])
        hub = self._hub_registry(replace(request, query=f"registry=huggingface/{address.path.rpartition('/')[2]}"))
        headers = {"Host": address.netloc, "Accept-Encoding": "gzip"}
        return {
            "pages": self.page_cache.prepare_pages(
                hub, Request("huggingface", "GET", address.path, address.query, headers)
            )
        }

    def _hub_registry(self, request: Request) -> HubRegistry:
        registry = self.world.find_registry(request.parameter("registry"))
        if not isinstance(registry, HubRegistry):
            raise UnknownNameError(f"{registry.name} is not of the Hub")
        return registry

    def get_events(self, request: Request) -> object:
        """Return the events since a day."""
        return [event for event in self.world.log if str(event["day"]) >= request.parameter("since")]

    def get_repository(self, request: Request) -> object:
        """Return everything about one row."""
        registry = self.world.find_registry(request.parameter("registry"))
        return describe_row(
            self.world, registry, find_row_index(registry, request.parameter("id"), request.parameter("name"))
        )

    def get_requests(self, request: Request) -> object:
        """Return the logged requests."""
        return list(self.requests)

    def reset_requests(self, request: Request) -> object:
        """Clear the requests, their count and the faults."""
        self.requests.clear()
        self.fault_script.reset()
        return {}

    def script_faults(self, request: Request) -> object:
        """Add scripted faults."""
        return {"scripted": self.fault_script.add(json.loads(request.body))}

    def mutate_row(self, request: Request) -> object:
        """Change one row: set values, apply an event, or add a row."""
        change = json.loads(request.body)
        registry = self.world.find_registry(str(change.get("registry", "huggingface/models")))
        if change.get("action") == "create" and isinstance(registry, HubRegistry):
            return create_repository(self.world, registry, change)
        index = find_row_index(registry, str(change.get("id") or ""), str(change.get("name") or ""))
        set_values(registry, index, change.get("set") or {})
        facts: Mapping[str, object] = {}
        if change.get("action"):
            facts = apply_action(self.world, registry, index, str(change["action"]), str(change.get("to") or ""))
        return {**describe_row(self.world, registry, index), **({"event": facts} if facts else {})}


def create_repository(world: SimulatedWorld, hub: HubRegistry, change: Mapping[str, Any]) -> object:
    """Add a repository under a free name, with some values set."""
    now = int(world.clock.now())
    parents = tuple(change.get("parents") or ())
    traits = RepositoryTraits(relation="finetune" if parents else None, parents=parents)
    fresh = Repository(make_next_id(hub, now), str(change["name"]), now, traits)
    if fresh.name in hub.names:
        raise UnknownNameError(f"{fresh.name!r} exists")
    fresh.created = int(fresh.identity[:8], 16)
    hub.add_repositories([Arrival(fresh)])
    index = len(hub.repositories) - 1
    set_values(hub, index, change.get("set") or {})
    return describe_row(world, hub, index)


def apply_action(
    world: SimulatedWorld, registry: Registry, index: int, action: str, argument: str
) -> Mapping[str, object]:
    """Apply one event to a row."""
    if isinstance(registry, PackageRegistry) and action in ("vanish", "come_back"):
        (registry.vanish if action == "vanish" else registry.reappear)(index)
        return {"kind": action}
    if isinstance(registry, PackageRegistry):
        registry.status[index] = {"delete": "removed"}.get(action, argument or action)
        registry.bump_version()
        return {"kind": registry.status[index]}
    if action not in ACTIONS:
        raise UnknownNameError(f"no action {action!r}. There are {', '.join(ACTIONS)} and create")
    return world.apply_action(registry, index, action, argument)


def set_values(registry: Registry, index: int, values: Mapping[str, Any]) -> None:
    """Set counters, flags, or any other property as the API shows it. `card` is the text of README.md."""
    for name, value in values.items():
        if isinstance(registry, PackageRegistry):
            set_package_value(registry, index, name, value)
        else:
            set_repository_value(registry, index, name, value)


def set_package_value(registry: PackageRegistry, index: int, name: str, value: Any) -> None:
    """Set one value of a package."""
    if name in PACKAGE_COLUMN_BY_FIELD:
        registry.columns[PACKAGE_COLUMN_BY_FIELD[name]][index] = NULL if value is None else value
    else:
        registry.overrides.setdefault(index, {})[name] = value
    registry.bump_version()


def set_repository_value(hub: HubRegistry, index: int, name: str, value: Any) -> None:
    """Set one value of a repository. Downloads stay near the value that is set."""
    if name in HUB_COLUMN_BY_FIELD:
        hub.columns[HUB_COLUMN_BY_FIELD[name]][index] = value
        if name == "downloads":
            hub.columns["level"][index] = math.log(max(0.01, float(value) + 0.5))
    elif name in REPOSITORY_FLAGS:
        setattr(hub.repositories[index], name, value)
    else:
        hub.repositories[index].overrides[name] = value
    update_visibility(hub, index)


ROUTES: Mapping[tuple[str, str], Callable[[Control, Request], object]] = {
    ("GET", "clock"): Control.get_clock,
    ("POST", "clock"): Control.set_clock,
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
