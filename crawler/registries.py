"""Which registries can be observed, by which spider, and what their counters mean."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from crawler.errors import UnknownRegistryError
from crawler.plan import ListedRegistry
from db.cli import did_you_mean, wrap_for_terminal
from db.registry_names import match_registry
from db.stored_registries import StoredRegistry, load_stored_registries

if TYPE_CHECKING:  # the import of Scrapy takes longer than a small import of lists
    from crawler.spiders import RegistrySpider

RANKING = "ranking"


def load_spiders() -> list[type[RegistrySpider]]:
    """Return every spider of `crawler/spiders`; the fallback, which accepts any name, is last."""
    from scrapy.settings import Settings
    from scrapy.spiderloader import SpiderLoader

    from crawler.endpoints import require_readable_hub_variable
    from crawler.spiders import RegistrySpider

    require_readable_hub_variable()
    loader = SpiderLoader.from_settings(Settings({"SPIDER_MODULES": ["crawler.spiders"]}))
    classes = [loader.load(name) for name in loader.list()]
    spiders = [spider for spider in classes if issubclass(spider, RegistrySpider)]
    return sorted(spiders, key=lambda spider: (spider.is_fallback, spider.name))


def resolve_registry(name: str, stored: Sequence[StoredRegistry]) -> str:
    """Return the stored registry of a name, or else the listed one in other capitals, or else the name itself."""
    registry = match_registry(name, ((row.name, row.service_name) for row in stored))
    if registry == registry.lower() or any(row.name == registry for row in stored):
        return registry
    return match_registry(name, ((listed, None) for spider in load_spiders() for listed in _names(spider)))


def find_spider(registry: str, is_census: bool = False) -> type[RegistrySpider]:
    """Return the spider that takes rankings, or censuses, of a registry.

    Raises:
        UnknownRegistryError: no service has a registry of this name, or it has no census.
    """
    spiders = load_spiders()
    listed = {spider.service: _names(spider) for spider in spiders if not spider.is_fallback}
    service = registry.split("/")[0]
    if service in listed and registry not in listed[service]:
        raise unknown_registry_error(registry, listed[service])
    accepting = [spider for spider in spiders if spider.accepts_registry(registry)]
    if not accepting:
        raise unknown_registry_error(registry, sorted(name for names in listed.values() for name in names))
    for spider in accepting:
        if spider.service == accepting[0].service and (spider.snapshot_kind != RANKING) == is_census:
            return spider
    raise UnknownRegistryError(
        f"{registry} has no {'census' if is_census else 'ranking'}.",
        why=f"No spider of the service {accepting[0].service!r} takes any.",
        fix="Omit --full." if is_census else "Use --full.",
    )


def require_known_registry(registry: str, stored: Sequence[StoredRegistry]) -> None:
    """Refuse a registry that no spider lists and that has no complete snapshot, such as a misspelt name.

    Raises:
        UnknownRegistryError: there is no such registry. The message has the registry that was probably meant.
    """
    if registry in _last_complete_dates(stored):
        return
    names = [str(row["registry"]) for row in _list_rows(stored)]
    if registry not in names:
        raise UnknownRegistryError(
            f"There is no registry {registry!r}.",
            why=did_you_mean(registry, names),
            fix="See `observatory crawl registries`, or accept the name with --new-registry.",
        )


def unknown_registry_error(registry: str, names: Iterable[str]) -> UnknownRegistryError:
    """Return the error for a registry that no spider takes."""
    return UnknownRegistryError(
        f"There is no registry {registry!r}.",
        why=f"The services have {', '.join(names)}.",
        fix="See `observatory crawl registries`.",
    )


def list_registries(path: Path) -> list[dict[str, object]]:
    """Return every registry with its service, orders, counters, and the date of its last complete snapshot."""
    return _list_rows(load_stored_registries(path))


def _list_rows(stored: Sequence[StoredRegistry]) -> list[dict[str, object]]:
    dates = _last_complete_dates(stored)
    rankings = [spider for spider in load_spiders() if spider.snapshot_kind == RANKING]
    rows = {
        listed.name: _registry_row(listed, spider.service, dates)
        for spider in rankings
        for listed in _unlisted(spider, rankings, dates)
    }
    return list(rows.values())


def format_table(rows: Iterable[dict[str, object]]) -> str:
    """Return the registries as a table for a person."""
    from crawler.endpoints import endpoint_url

    lines = [f"{'REGISTRY':<24}{'LAST COMPLETE':<15}WHAT ITS NUMBERS COUNT"]
    lines += [
        wrap_for_terminal(f"{row['registry']:<24}{row['last_complete'] or '-':<15}{row['counts']}", 39) for row in rows
    ]
    for spider in load_spiders():
        note = spider.registries_note(endpoint_url(spider)) if spider.snapshot_kind == RANKING else ""
        lines += ["", wrap_for_terminal(note, 0)] if note else []
    return "\n".join(lines)


def _names(spider: type[RegistrySpider]) -> list[str]:
    return [listed.name for listed in spider.list_registries()]


def _unlisted(
    spider: type[RegistrySpider], spiders: Iterable[type[RegistrySpider]], dates: dict[str, str]
) -> list[ListedRegistry]:
    """Return what a spider lists; for the fallback also the registries of the store that no spider lists."""
    listed = list(spider.list_registries())
    if not spider.is_fallback:
        return listed
    known = {name for other in spiders for name in _names(other)}
    extra = [spider.list_registry(name) for name in dates if name not in known]
    return sorted([*listed, *extra], key=lambda registry: registry.name)


def _registry_row(listed: ListedRegistry, service: str, dates: dict[str, str]) -> dict[str, object]:
    return {
        "registry": listed.name,
        "service": service,
        "by": list(listed.orders),
        "counts": listed.counts,
        "last_complete": dates.get(listed.name),
    }


def _last_complete_dates(stored: Iterable[StoredRegistry]) -> dict[str, str]:
    return {row.name: row.last_complete for row in stored if row.last_complete}
