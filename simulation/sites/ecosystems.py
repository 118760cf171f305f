"""The front of Ecosyste.ms: registries, packages and names under /api/v1."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from simulation.clock import http_date, iso
from simulation.http.messages import Ask, Reply
from simulation.http.quota import Spent, Windows
from simulation.population.packages import SORTS, PackageRegistry, folded
from simulation.population.world import World
from simulation.sites.ecosystems_rows import package_row, registry_row

BASE = "/api/v1"
DEFAULT_PAGE, LARGEST_PAGE = 100, 1000
DESCENDING_ONLY = (
    "downloads",
    "dependent_packages_count",
    "dependent_repos_count",
    "stargazers_count",
    "forks_count",
)
MAIL = re.compile(r"\S+@\S+\.\S+")
TIERS = {"anonymous": 1, "polite": 3, "api_key": 20}
CACHE = "public, max-age=300, stale-while-revalidate=3600, stale-if-error=86400, s-maxage=3600"


def tier(ask: Ask) -> str:
    """Return how well the client introduced itself."""
    if ask.headers.get("apikey") or ask.one("apikey"):
        return "api_key"
    return "polite" if ask.one("mailto") or MAIL.search(ask.headers.get("User-Agent", "")) else "anonymous"


class EcosystemsSite:
    """Answers for packages.ecosyste.ms."""

    api = "ecosystems"

    def __init__(self, world: World) -> None:
        self.world = world
        self.windows = Windows(world.options.eco_window, aligned=True)

    def answer(self, ask: Ask) -> tuple[Reply, str, bool]:
        """Return the answer, the bucket it was charged to, and whether that was over the quota."""
        pool = tier(ask)
        spent = self.windows.spend(pool, self.world.options.eco_quota * TIERS[pool])
        reply = too_many() if spent.over else self._route(ask)
        reply.headers = {**self._common(reply, pool, spent), **reply.headers}
        return reply, pool, spent.over

    def _common(self, reply: Reply, pool: str, spent: Spent) -> dict[str, str]:
        cached = reply.status < 429
        return {
            "Date": http_date(self.world.clock.now()),
            "Cache-Control": CACHE if cached else "no-store",
            "cf-cache-status": "MISS" if cached else "BYPASS",
            "age": "0" if cached else "",
            "Access-Control-Allow-Origin": "*",
            "Vary": "Accept-Encoding",
            "x-ratelimit-limit": str(spent.quota),
            "x-ratelimit-remaining": str(spent.remaining),
            "x-ratelimit-reset": str(int(spent.ends)),
            "x-ratelimit-tier": pool,
            "x-ratelimit-consumer": "anonymous",
        }

    def _route(self, ask: Ask) -> Reply:
        segments = ask.segments
        if ".." in segments or "." in segments or segments[:3] != ["api", "v1", "registries"]:
            return not_found()
        base = f"http://{ask.host}{BASE}"
        if len(segments) == 3:
            return self._registries(ask, base)
        registry = self.world.packages.get(segments[3])
        if registry is None:
            return not_found()
        try:
            return self._in_registry(ask, registry, segments[4:], base)
        except ValueError:
            return broken()

    def _in_registry(self, ask: Ask, registry: PackageRegistry, rest: list[str], base: str) -> Reply:
        if not rest:
            return Reply(200, registry_row(registry, base))
        if rest == ["packages"] or rest == ["package_names"]:
            reply = self._list(ask, registry, rest[0], base)
            self.world.churn(registry)
            return reply
        place = find_package(registry, "/".join(rest[1:])) if rest[0] == "packages" else None
        padding = self.world.options.row_bytes
        return not_found() if place is None else Reply(200, package_row(registry, place, base, padding))

    def _registries(self, ask: Ask, base: str) -> Reply:
        wanted = ask.one("ecosystem")
        every = [one for one in self.world.packages.values() if wanted in ("", one.kind.ecosystem)]
        every.sort(key=lambda one: -len(one.there()))
        page, size = paging(ask, ask.largest or LARGEST_PAGE)
        shown = every[(page - 1) * size : page * size]
        pages = max(1, -(-len(every) // size))
        reply = Reply(200, [registry_row(one, base) for one in shown])
        reply.headers = page_headers(ask, page, size if shown else 0, page * size < len(every), last=pages)
        reply.headers |= {"total-count": str(len(every)), "total-pages": str(pages)}
        return reply

    def _list(self, ask: Ask, registry: PackageRegistry, what: str, base: str) -> Reply:
        named = what == "package_names"
        page, size = paging(ask, ask.largest or (self.world.options.names_limit if named else LARGEST_PAGE))
        sort, ascending = ask.one("sort"), ask.one("order") == "asc"
        if page < 1 or size < 1 or (not named and size > self.world.options.heavy_limit):
            return broken()
        if ascending and sort in DESCENDING_ONLY:
            return Reply(422, {"error": f"{sort} only supports descending order"})
        rows = filtered(ask, registry, ordered(ask, registry, sort, ascending))
        found = rows[(page - 1) * size : page * size + 1]
        shown, padding = found[:size], self.world.options.row_bytes
        content = [registry.names[place] if named else package_row(registry, place, base, padding) for place in shown]
        reply = Reply(200, content, page_headers(ask, page, size if shown else 0, len(found) > size))
        if shown:
            reply.headers["Last-Modified"] = http_date(max(int(registry.columns["updated"][one]) for one in shown))
        return reply


def paging(ask: Ask, largest: int) -> tuple[int, int]:
    """Return page and effective page size; too many a page is silently fewer."""
    try:
        return int(ask.one("page") or 1), min(largest, int(ask.one("per_page") or DEFAULT_PAGE))
    except ValueError:
        return 0, 0


def page_headers(ask: Ask, page: int, size: int, more: bool, last: int = 0) -> dict[str, str]:
    """Return the paging headers; only counted lists know their last page."""
    links = [f'<{ask.link(page=1)}>; rel="first"']
    links += [f'<{ask.link(page=page - 1)}>; rel="prev"'] if page > 1 else []
    links += [f'<{ask.link(page=page + 1)}>; rel="next"'] if more else []
    links += [f'<{ask.link(page=last)}>; rel="last"'] if last else []
    return {"link": ", ".join(links), "current-page": str(page), "page-items": str(size)}


def ordered(ask: Ask, registry: PackageRegistry, sort: str, ascending: bool) -> list[int]:
    """Return all rows in order: by id if no order was asked for, by updated_at if the sort is unknown."""
    if not sort and not ask.one("order"):
        return registry.there()
    column = "name" if sort == "name" else SORTS.get(sort, "updated")
    return registry.order(column, ascending).tolist()


def filtered(ask: Ask, registry: PackageRegistry, places: list[int]) -> list[int]:
    """Return the rows within the dates and with the beginning and end of name asked for."""
    prefix, postfix = ask.one("prefix").lower(), ask.one("postfix").lower()
    if prefix or postfix:
        names = registry.names
        places = [
            one for one in places if names[one].lower().startswith(prefix) and names[one].lower().endswith(postfix)
        ]
    for parameter in ("created_after", "created_before", "updated_after", "updated_before"):
        if bound := ask.one(parameter):
            places = within(registry, places, parameter, bound)
    return [] if ask.one("critical") else places


def within(registry: PackageRegistry, places: Sequence[int], parameter: str, bound: str) -> list[int]:
    """Return the rows strictly after, or strictly before, a moment."""
    column, _, side = parameter.partition("_")
    moment = datetime.fromisoformat(bound.replace("Z", "+00:00"))
    values, limit = registry.columns[column], iso(moment.timestamp())
    return [one for one in places if (iso(values[one]) > limit if side == "after" else iso(values[one]) < limit)]


def find_package(registry: PackageRegistry, name: str) -> int | None:
    """Return a package by name; pypi forgives case and punctuation, the others only case."""
    place = _place_of_name(registry, name)
    return None if place in registry.gone else place


def _place_of_name(registry: PackageRegistry, name: str) -> int | None:
    if name in registry.places:
        return registry.places[name]
    if registry.kind.ecosystem == "pypi":
        known = {folded("pypi", one): place for one, place in registry.places.items()}
        return known.get(folded("pypi", name))
    return registry.places.get(name.lower())


def not_found() -> Reply:
    """Answer that there is nothing of that name."""
    return Reply(404, {"error": "not found"})


def broken() -> Reply:
    """Answer that it did not work; the real site says no more."""
    return Reply(500, {"error": "internal server error"})


def too_many() -> Reply:
    """Answer that the quota is spent: JSON that says it is text, and no Retry-After."""
    text = '{"error_msg":"Rate limit exceeded. See https://ecosyste.ms/api for details."}'
    return Reply(429, text, {"Content-Type": "text/plain"})
