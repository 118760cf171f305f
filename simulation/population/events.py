"""What happens to repositories: each kind of event is one function, and all of them can be scripted.

An event function changes one row at one moment and returns what the log says about it beyond the kind:
`(hub, place, moment, to) -> facts`. The daily rates below are those of a lively Hub.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from simulation.population.hub import Arrival, HubRegistry
from simulation.population.repositories import Repository

Facts = dict[str, object]
Happening = Callable[[HubRegistry, int, float, str], Facts]


def edited(hub: HubRegistry, place: int, moment: float, to: str) -> Facts:
    """Commit something: sha and lastModified move; every second time the README too."""
    repository = hub.repositories[place]
    repository.revision += 1
    hub.columns["modified"][place] = int(moment)
    hub.touch_shape()
    return {"sha": repository.sha}


def renamed(hub: HubRegistry, place: int, moment: float, to: str) -> Facts:
    """Give it another name; the old one redirects."""
    repository = hub.repositories[place]
    old, new = repository.name, hub.free_name(to or repository.name + "-renamed")
    hub.leave_name(old)
    hub.redirects[old] = place
    hub.take_name(new, place)
    repository.name = new
    hub.touch_shape()
    return {"from": old, "to": new}


def deleted(hub: HubRegistry, place: int, moment: float, to: str) -> Facts:
    """Remove it for good; its name is free again."""
    repository = hub.repositories[place]
    repository.deleted = True
    hub.leave_name(repository.name)
    show(hub, place)
    return {}


def recreated(hub: HubRegistry, place: int, moment: float, to: str) -> Facts:
    """Delete it and create another under its name: new `_id`, counters from zero."""
    old = hub.repositories[place]
    deleted(hub, place, moment, to)
    fresh = Repository(next_identity(hub, int(moment)), old.name, int(moment), old.traits)
    fresh.created = int(fresh.identity[:8], 16)
    hub.extend([Arrival(fresh)])
    return {"new_id": fresh.identity}


def gated(hub: HubRegistry, place: int, moment: float, to: str) -> Facts:
    """Put it behind a gate: `auto`, `manual`, or `open` to lift it."""
    value: bool | str = False if to == "open" else to or "auto"
    hub.repositories[place].gated = value
    hub.touch_shape()
    return {"gated": value}


def disabled(hub: HubRegistry, place: int, moment: float, to: str) -> Facts:
    """Take it down: it stays listed, nobody can download it."""
    hub.repositories[place].disabled = True
    if hub.has_downloads:
        hub.columns["downloads"][place] = 0
        hub.columns["level"][place] = -6.0
    hub.touch_shape()
    return {}


def made_private(hub: HubRegistry, place: int, moment: float, to: str) -> Facts:
    """Hide it from everybody."""
    hub.repositories[place].private = True
    show(hub, place)
    return {}


def made_public(hub: HubRegistry, place: int, moment: float, to: str) -> Facts:
    """Show it again, with the same `_id`."""
    hub.repositories[place].private = False
    show(hub, place)
    return {}


def show(hub: HubRegistry, place: int) -> None:
    """Let the lists follow what the repository says about its visibility."""
    hub.visible[place] = hub.repositories[place].listed
    hub.touch_shape()


def next_identity(hub: HubRegistry, created: int) -> str:
    """Return a new `_id`: its first 8 digits are the second of creation, and it is larger than any before."""
    newest = hub.repositories[-1].identity if hub.repositories else "0" * 24
    second = max(created, int(newest[:8], 16))
    rest = int(newest[8:], 16) + 0x10001 if second == int(newest[:8], 16) else 0x5A0000 + len(hub.repositories)
    return f"{second:08x}{rest:016x}"


DAILY_RATES: Mapping[str, tuple[float, Happening]] = {
    "edited": (0.005, edited),
    "renamed": (0.0002, renamed),
    "deleted": (0.0004, deleted),
    "recreated": (0.0001, recreated),
    "gated": (0.0002, gated),
    "disabled": (0.00004, disabled),
    "private": (0.0003, made_private),
}
ACTIONS: Mapping[str, tuple[str, Happening]] = {
    "edit": ("edited", edited),
    "rename": ("renamed", renamed),
    "delete": ("deleted", deleted),
    "recreate": ("recreated", recreated),
    "gate": ("gated", gated),
    "disable": ("disabled", disabled),
    "private": ("private", made_private),
    "unprivate": ("public", made_public),
}
