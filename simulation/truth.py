"""What a perfect crawler would have seen at this moment."""

from __future__ import annotations

import dataclasses

from simulation.clock import format_iso
from simulation.population.hub import HubRegistry
from simulation.population.packages import NULL, SORTS, PackageRegistry
from simulation.population.world import Registry, SimulatedWorld, UnknownNameError
from simulation.sites.ecosystems_rows import build_package_row
from simulation.sites.hub_rows import PROPERTIES, build_row

HUB_COLUMNS = {
    "downloads": "downloads",
    "likes": "likes",
    "trending": "trending",
    "trendingScore": "trending",
}


def build_ranking(registry: Registry, by: str, k: int) -> list[dict[str, object]]:
    """Return the first k: largest first; equals by `_id`, or by name; `tied` counts the equals."""
    rows = rank_repositories(registry, by) if isinstance(registry, HubRegistry) else rank_packages(registry, by)
    counts: dict[object, int] = {}
    for one in rows:
        counts[one["value"]] = counts.get(one["value"], 0) + 1
    return [{"rank": number, **one, "tied": counts[one["value"]]} for number, one in enumerate(rows[:k], 1)]


def rank_repositories(hub: HubRegistry, by: str) -> list[dict[str, object]]:
    """Return every visible repository in order."""
    if by not in HUB_COLUMNS or (by == "downloads" and not hub.has_downloads):
        raise UnknownNameError(f"no ranking of {hub.name} by {by!r}")
    column = HUB_COLUMNS[by]
    return [
        {
            "id": hub.repositories[place].identity,
            "name": hub.repositories[place].name,
            "value": hub.columns[column][place].item(),
            "downloads": int(hub.columns["downloads"][place]),
            "likes": int(hub.columns["likes"][place]),
        }
        for place in hub.order_rows(column).tolist()
    ]


def rank_packages(registry: PackageRegistry, by: str) -> list[dict[str, object]]:
    """Return every package in order, those without a value last."""
    if by not in SORTS:
        raise UnknownNameError(f"no ranking of {registry.name} by {by!r}")
    values = registry.columns[SORTS[by]].tolist()
    order = sorted(registry.present_rows(), key=lambda place: (-values[place], registry.names[place]))
    return [
        {
            "id": registry.names[place],
            "name": registry.names[place],
            "value": null_to_none(values[place]),
            "downloads": null_to_none(int(registry.columns["downloads"][place])),
            "dependent_packages_count": int(registry.columns["dependents"][place]),
            "status": registry.status.get(place),
        }
        for place in order
    ]


def null_to_none(value: float) -> float | None:
    """Return None for what was never stored."""
    return None if value == NULL else value


def find_row_index(registry: Registry, identity: str, name: str) -> int:
    """Return a row by its stable id or by its present name."""
    places = registry.indices if identity or isinstance(registry, PackageRegistry) else registry.names
    place = places.get(identity or name)
    if place is None:
        raise UnknownNameError(f"{registry.name} has no {identity or name!r}")
    return place


def describe_row(world: SimulatedWorld, registry: Registry, place: int) -> dict[str, object]:
    """Return all there is to know of one row, seen or hidden."""
    if isinstance(registry, PackageRegistry):
        return build_package_row(registry, place, "")
    repository = registry.repositories[place]
    old_names = [name for name, other in registry.redirects.items() if other == place]
    hidden = {one: getattr(repository, one) for one in ("private", "deleted", "disabled", "gated", "revision")}
    shown = build_row(registry, place, PROPERTIES)
    return {
        **shown,
        **hidden,
        "old_names": old_names,
        "traits": dataclasses.asdict(repository.traits),
        "now": format_iso(world.clock.now()),
    }
