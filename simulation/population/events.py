"""Events of repositories. Each kind is one function, and all of them can be scripted.

An event function changes one row at one instant, and returns the fields of its log entry besides the kind:
`(hub, index, instant, argument) -> facts`. The daily rates below are those of a lively Hub.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from simulation.population.hub import Arrival, HubRegistry
from simulation.population.repositories import Repository

EventFacts = dict[str, object]
EventFunction = Callable[[HubRegistry, int, float, str], EventFacts]


def edit(hub: HubRegistry, index: int, instant: float, argument: str) -> EventFacts:
    """Add a commit: sha and lastModified change, and every second time the README."""
    repository = hub.repositories[index]
    repository.revision += 1
    hub.columns["modified"][index] = int(instant)
    hub.bump_shape_version()
    return {"sha": repository.sha}


def rename(hub: HubRegistry, index: int, instant: float, argument: str) -> EventFacts:
    """Rename a repository. Its old name redirects."""
    repository = hub.repositories[index]
    old, new = repository.name, hub.make_free_name(argument or repository.name + "-renamed")
    hub.release_name(old)
    hub.redirects[old] = index
    hub.assign_name(new, index)
    repository.name = new
    hub.bump_shape_version()
    return {"from": old, "to": new}


def delete(hub: HubRegistry, index: int, instant: float, argument: str) -> EventFacts:
    """Delete a repository. Its name is free again."""
    repository = hub.repositories[index]
    repository.deleted = True
    hub.release_name(repository.name)
    update_visibility(hub, index)
    return {}


def recreate(hub: HubRegistry, index: int, instant: float, argument: str) -> EventFacts:
    """Delete a repository and create another under its name, with a new `_id` and counters from zero."""
    old = hub.repositories[index]
    delete(hub, index, instant, argument)
    fresh = Repository(make_next_id(hub, int(instant)), old.name, int(instant), old.traits)
    fresh.created = int(fresh.identity[:8], 16)
    hub.add_repositories([Arrival(fresh)])
    return {"new_id": fresh.identity}


def gate(hub: HubRegistry, index: int, instant: float, argument: str) -> EventFacts:
    """Gate a repository: `auto`, `manual`, or `open` to remove the gate."""
    value: bool | str = False if argument == "open" else argument or "auto"
    hub.repositories[index].gated = value
    hub.bump_shape_version()
    return {"gated": value}


def disable(hub: HubRegistry, index: int, instant: float, argument: str) -> EventFacts:
    """Disable a repository. It stays listed, but cannot be downloaded."""
    hub.repositories[index].disabled = True
    if hub.has_downloads:
        hub.columns["downloads"][index] = 0
        hub.columns["level"][index] = -6.0
    hub.bump_shape_version()
    return {}


def make_private(hub: HubRegistry, index: int, instant: float, argument: str) -> EventFacts:
    """Hide a repository."""
    hub.repositories[index].private = True
    update_visibility(hub, index)
    return {}


def make_public(hub: HubRegistry, index: int, instant: float, argument: str) -> EventFacts:
    """Show a hidden repository again, with the same `_id`."""
    hub.repositories[index].private = False
    update_visibility(hub, index)
    return {}


def update_visibility(hub: HubRegistry, index: int) -> None:
    """Update the lists by the visibility of a repository."""
    hub.visible[index] = hub.repositories[index].is_listed
    hub.visible_to_owner[index] = hub.repositories[index].is_listed_for_owner
    hub.bump_shape_version()


def make_next_id(hub: HubRegistry, created: int) -> str:
    """Return a new `_id`. Its first 8 digits are the second of creation, and it is larger than all others."""
    newest = hub.repositories[-1].identity if hub.repositories else "0" * 24
    second = max(created, int(newest[:8], 16))
    rest = int(newest[8:], 16) + 0x10001 if second == int(newest[:8], 16) else 0x5A0000 + len(hub.repositories)
    return f"{second:08x}{rest:016x}"


DAILY_RATES: Mapping[str, tuple[float, EventFunction]] = {
    "edited": (0.005, edit),
    "renamed": (0.0002, rename),
    "deleted": (0.0004, delete),
    "recreated": (0.0001, recreate),
    "gated": (0.0002, gate),
    "disabled": (0.00004, disable),
    "private": (0.0003, make_private),
}
ACTIONS: Mapping[str, tuple[str, EventFunction]] = {
    "edit": ("edited", edit),
    "rename": ("renamed", rename),
    "delete": ("deleted", delete),
    "recreate": ("recreated", recreate),
    "gate": ("gated", gate),
    "disable": ("disabled", disable),
    "private": ("private", make_private),
    "unprivate": ("public", make_public),
}
