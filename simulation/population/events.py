"""What happens to repositories: each kind of event is one function, and all of them can be scripted.

An event function changes one row at one moment and returns what the log says about it beyond the kind:
`(hub, place, moment, to) -> facts`. The daily rates below are those of a lively Hub.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from simulation.population.hub import Arrival, HubRegistry
from simulation.population.repositories import Repository

EventFacts = dict[str, object]
EventFunction = Callable[[HubRegistry, int, float, str], EventFacts]


def edit(hub: HubRegistry, place: int, moment: float, to: str) -> EventFacts:
    """Commit something: sha and lastModified move; every second time the README too."""
    repository = hub.repositories[place]
    repository.revision += 1
    hub.columns["modified"][place] = int(moment)
    hub.bump_shape_version()
    return {"sha": repository.sha}


def rename(hub: HubRegistry, place: int, moment: float, to: str) -> EventFacts:
    """Give it another name; the old one redirects."""
    repository = hub.repositories[place]
    old, new = repository.name, hub.make_free_name(to or repository.name + "-renamed")
    hub.release_name(old)
    hub.redirects[old] = place
    hub.assign_name(new, place)
    repository.name = new
    hub.bump_shape_version()
    return {"from": old, "to": new}


def delete(hub: HubRegistry, place: int, moment: float, to: str) -> EventFacts:
    """Remove it for good; its name is free again."""
    repository = hub.repositories[place]
    repository.deleted = True
    hub.release_name(repository.name)
    update_visibility(hub, place)
    return {}


def recreate(hub: HubRegistry, place: int, moment: float, to: str) -> EventFacts:
    """Delete it and create another under its name: new `_id`, counters from zero."""
    old = hub.repositories[place]
    delete(hub, place, moment, to)
    fresh = Repository(make_next_id(hub, int(moment)), old.name, int(moment), old.traits)
    fresh.created = int(fresh.identity[:8], 16)
    hub.add_repositories([Arrival(fresh)])
    return {"new_id": fresh.identity}


def gate(hub: HubRegistry, place: int, moment: float, to: str) -> EventFacts:
    """Put it behind a gate: `auto`, `manual`, or `open` to lift it."""
    value: bool | str = False if to == "open" else to or "auto"
    hub.repositories[place].gated = value
    hub.bump_shape_version()
    return {"gated": value}


def disable(hub: HubRegistry, place: int, moment: float, to: str) -> EventFacts:
    """Take it down: it stays listed, nobody can download it."""
    hub.repositories[place].disabled = True
    if hub.has_downloads:
        hub.columns["downloads"][place] = 0
        hub.columns["level"][place] = -6.0
    hub.bump_shape_version()
    return {}


def make_private(hub: HubRegistry, place: int, moment: float, to: str) -> EventFacts:
    """Hide it from everybody."""
    hub.repositories[place].private = True
    update_visibility(hub, place)
    return {}


def make_public(hub: HubRegistry, place: int, moment: float, to: str) -> EventFacts:
    """Show it again, with the same `_id`."""
    hub.repositories[place].private = False
    update_visibility(hub, place)
    return {}


def update_visibility(hub: HubRegistry, place: int) -> None:
    """Let the lists follow what the repository says about its visibility."""
    hub.visible[place] = hub.repositories[place].is_listed
    hub.bump_shape_version()


def make_next_id(hub: HubRegistry, created: int) -> str:
    """Return a new `_id`: its first 8 digits are the second of creation, and it is larger than any before."""
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
