"""The truth: what a perfect crawler would see now."""

from __future__ import annotations

import dataclasses
from collections import Counter

from simulation.clock import format_iso
from simulation.population.hub import HubRegistry
from simulation.population.packages import NULL, SORTS, PackageRegistry
from simulation.population.world import Registry, SimulatedWorld, UnknownNameError
from simulation.sites.ecosystems_rows import build_package_row
from simulation.sites.hub_rows import PROPERTIES, build_row

HUB_COLUMNS = {"downloads": "downloads", "likes": "likes", "trending": "trending", "trendingScore": "trending"}


def build_ranking(registry: Registry, by: str, k: int) -> list[dict[str, object]]:
    """Return the first k rows, largest first. Equal values are ordered by `_id` or name, and counted in `tied`."""
    rows = rank_repositories(registry, by) if isinstance(registry, HubRegistry) else rank_packages(registry, by)
    counts = Counter(row["value"] for row in rows)
    return [{"rank": number, **row, "tied": counts[row["value"]]} for number, row in enumerate(rows[:k], 1)]


def rank_repositories(hub: HubRegistry, by: str) -> list[dict[str, object]]:
    """Return every visible repository in order."""
    if by not in HUB_COLUMNS or (by == "downloads" and not hub.has_downloads):
        raise UnknownNameError(f"no ranking of {hub.name} by {by!r}")
    column = HUB_COLUMNS[by]
    return [
        {
            "id": hub.repositories[index].identity,
            "name": hub.repositories[index].name,
            "value": hub.columns[column][index].item(),
            "downloads": int(hub.columns["downloads"][index]),
            "likes": int(hub.columns["likes"][index]),
        }
        for index in hub.order_rows(column).tolist()
    ]


def rank_packages(registry: PackageRegistry, by: str) -> list[dict[str, object]]:
    """Return every package in order. Packages without a value come last."""
    if by not in SORTS:
        raise UnknownNameError(f"no ranking of {registry.name} by {by!r}")
    values = registry.columns[SORTS[by]].tolist()
    order = sorted(registry.present_rows(), key=lambda index: (-values[index], registry.names[index]))
    return [
        {
            "id": registry.names[index],
            "name": registry.names[index],
            "value": null_to_none(values[index]),
            "downloads": null_to_none(int(registry.columns["downloads"][index])),
            "dependent_packages_count": int(registry.columns["dependents"][index]),
            "status": registry.status.get(index),
        }
        for index in order
    ]


def null_to_none(value: float) -> float | None:
    """Return None for a value that was never stored."""
    return None if value == NULL else value


def find_row_index(registry: Registry, identity: str, name: str) -> int:
    """Return the index of a row by its stable id or by its present name."""
    indices = registry.indices if identity or isinstance(registry, PackageRegistry) else registry.names
    index = indices.get(identity or name)
    if index is None:
        raise UnknownNameError(f"{registry.name} has no {identity or name!r}")
    return index


def describe_row(world: SimulatedWorld, registry: Registry, index: int) -> dict[str, object]:
    """Return everything about one row, visible or hidden."""
    if isinstance(registry, PackageRegistry):
        return build_package_row(registry, index, "")
    repository = registry.repositories[index]
    old_names = [name for name, target in registry.redirects.items() if target == index]
    hidden_fields = {
        flag: getattr(repository, flag) for flag in ("private", "deleted", "disabled", "gated", "revision")
    }
    visible_fields = build_row(registry, index, PROPERTIES)
    return {
        **visible_fields,
        **hidden_fields,
        "old_names": old_names,
        "traits": dataclasses.asdict(repository.traits),
        "now": format_iso(world.clock.now()),
    }
