"""The front of Ecosyste.ms: registries, packages and names under /api/v1."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from simulation.clock import format_http_date, format_iso
from simulation.http.messages import Request, Response
from simulation.http.quota import QuotaUse, QuotaWindows
from simulation.population.packages import SORTS, PackageRegistry, normalize_name
from simulation.population.world import SimulatedWorld
from simulation.sites.ecosystems_rows import build_package_row, build_registry_row

BASE = "/api/v1"
DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE = 100, 1000
DESCENDING_ONLY = (
    "downloads",
    "dependent_packages_count",
    "dependent_repos_count",
    "stargazers_count",
    "forks_count",
)
EMAIL = re.compile(r"\S+@\S+\.\S+")
TIERS = {"anonymous": 1, "polite": 3, "api_key": 20}
CACHE = "public, max-age=300, stale-while-revalidate=3600, stale-if-error=86400, s-maxage=3600"


def client_tier(ask: Request) -> str:
    """Return how well the client introduced itself."""
    if ask.headers.get("apikey") or ask.parameter("apikey"):
        return "api_key"
    return "polite" if ask.parameter("mailto") or EMAIL.search(ask.headers.get("User-Agent", "")) else "anonymous"


class EcosystemsSite:
    """Answers for packages.ecosyste.ms."""

    api = "ecosystems"

    def __init__(self, world: SimulatedWorld) -> None:
        self.world = world
        self.windows = QuotaWindows(world.options.eco_window, aligned=True)

    def respond(self, ask: Request) -> tuple[Response, str, bool]:
        """Return the answer, the bucket it was charged to, and whether that was over the quota."""
        pool = client_tier(ask)
        spent = self.windows.consume(pool, self.world.options.eco_quota * TIERS[pool])
        reply = make_rate_limited() if spent.is_exceeded else self._route(ask)
        reply.headers = {**self._common_headers(reply, pool, spent), **reply.headers}
        return reply, pool, spent.is_exceeded

    def _common_headers(self, reply: Response, pool: str, spent: QuotaUse) -> dict[str, str]:
        cached = reply.status < 429
        return {
            "Date": format_http_date(self.world.clock.now()),
            "Cache-Control": CACHE if cached else "no-store",
            "cf-cache-status": "MISS" if cached else "BYPASS",
            "age": "0" if cached else "",
            "Access-Control-Allow-Origin": "*",
            "Vary": "Accept-Encoding",
            "x-ratelimit-limit": str(spent.quota),
            "x-ratelimit-remaining": str(spent.remaining),
            "x-ratelimit-reset": str(int(spent.resets_at)),
            "x-ratelimit-tier": pool,
            "x-ratelimit-consumer": "anonymous",
        }

    def _route(self, ask: Request) -> Response:
        segments = ask.segments
        if ".." in segments or "." in segments or segments[:3] != ["api", "v1", "registries"]:
            return make_not_found()
        base = f"http://{ask.host}{BASE}"
        if len(segments) == 3:
            return self._list_registries(ask, base)
        registry = self.world.packages.get(segments[3])
        if registry is None:
            return make_not_found()
        try:
            return self._route_registry(ask, registry, segments[4:], base)
        except ValueError:
            return make_server_error()

    def _route_registry(self, ask: Request, registry: PackageRegistry, rest: list[str], base: str) -> Response:
        if not rest:
            return Response(200, build_registry_row(registry, base))
        if rest == ["packages"] or rest == ["package_names"]:
            reply = self._list_packages(ask, registry, rest[0], base)
            self.world.churn_counters(registry)
            return reply
        place = find_package(registry, "/".join(rest[1:])) if rest[0] == "packages" else None
        padding = self.world.options.row_bytes
        return make_not_found() if place is None else Response(200, build_package_row(registry, place, base, padding))

    def _list_registries(self, ask: Request, base: str) -> Response:
        wanted = ask.parameter("ecosystem")
        every = [one for one in self.world.packages.values() if wanted in ("", one.kind.ecosystem)]
        every.sort(key=lambda one: -len(one.present_rows()))
        page, size = parse_paging(ask, ask.max_page_size or MAX_PAGE_SIZE)
        shown = every[(page - 1) * size : page * size]
        pages = max(1, -(-len(every) // size))
        reply = Response(200, [build_registry_row(one, base) for one in shown])
        reply.headers = make_page_headers(ask, page, size if shown else 0, page * size < len(every), last=pages)
        reply.headers |= {"total-count": str(len(every)), "total-pages": str(pages)}
        return reply

    def _list_packages(self, ask: Request, registry: PackageRegistry, what: str, base: str) -> Response:
        named = what == "package_names"
        page, size = parse_paging(
            ask, ask.max_page_size or (self.world.options.names_limit if named else MAX_PAGE_SIZE)
        )
        sort, ascending = ask.parameter("sort"), ask.parameter("order") == "asc"
        if page < 1 or size < 1 or (not named and size > self.world.options.heavy_limit):
            return make_server_error()
        if ascending and sort in DESCENDING_ONLY:
            return Response(422, {"error": f"{sort} only supports descending order"})
        rows = filter_packages(ask, registry, order_packages(ask, registry, sort, ascending))
        found = rows[(page - 1) * size : page * size + 1]
        shown, padding = found[:size], self.world.options.row_bytes
        content = [
            registry.names[place] if named else build_package_row(registry, place, base, padding) for place in shown
        ]
        reply = Response(200, content, make_page_headers(ask, page, size if shown else 0, len(found) > size))
        if shown:
            reply.headers["Last-Modified"] = format_http_date(
                max(int(registry.columns["updated"][one]) for one in shown)
            )
        return reply


def parse_paging(ask: Request, largest: int) -> tuple[int, int]:
    """Return page and effective page size; too many a page is silently fewer."""
    try:
        return int(ask.parameter("page") or 1), min(largest, int(ask.parameter("per_page") or DEFAULT_PAGE_SIZE))
    except ValueError:
        return 0, 0


def make_page_headers(ask: Request, page: int, size: int, more: bool, last: int = 0) -> dict[str, str]:
    """Return the paging headers; only counted lists know their last page."""
    links = [f'<{ask.url_with(page=1)}>; rel="first"']
    links += [f'<{ask.url_with(page=page - 1)}>; rel="prev"'] if page > 1 else []
    links += [f'<{ask.url_with(page=page + 1)}>; rel="next"'] if more else []
    links += [f'<{ask.url_with(page=last)}>; rel="last"'] if last else []
    return {"link": ", ".join(links), "current-page": str(page), "page-items": str(size)}


def order_packages(ask: Request, registry: PackageRegistry, sort: str, ascending: bool) -> list[int]:
    """Return all rows in order: by id if no order was asked for, by updated_at if the sort is unknown."""
    if not sort and not ask.parameter("order"):
        return registry.present_rows()
    column = "name" if sort == "name" else SORTS.get(sort, "updated")
    return registry.order_rows(column, ascending).tolist()


def filter_packages(ask: Request, registry: PackageRegistry, places: list[int]) -> list[int]:
    """Return the rows within the dates and with the beginning and end of name asked for."""
    prefix, postfix = ask.parameter("prefix").lower(), ask.parameter("postfix").lower()
    if prefix or postfix:
        names = registry.names
        places = [
            one for one in places if names[one].lower().startswith(prefix) and names[one].lower().endswith(postfix)
        ]
    for parameter in ("created_after", "created_before", "updated_after", "updated_before"):
        if bound := ask.parameter(parameter):
            places = filter_by_date(registry, places, parameter, bound)
    return [] if ask.parameter("critical") else places


def filter_by_date(registry: PackageRegistry, places: Sequence[int], parameter: str, bound: str) -> list[int]:
    """Return the rows strictly after, or strictly before, a moment."""
    column, _, side = parameter.partition("_")
    moment = datetime.fromisoformat(bound.replace("Z", "+00:00"))
    values, limit = registry.columns[column], format_iso(moment.timestamp())
    return [
        one
        for one in places
        if (format_iso(values[one]) > limit if side == "after" else format_iso(values[one]) < limit)
    ]


def find_package(registry: PackageRegistry, name: str) -> int | None:
    """Return a package by name; pypi forgives case and punctuation, the others only case."""
    place = _find_index(registry, name)
    return None if place in registry.vanished else place


def _find_index(registry: PackageRegistry, name: str) -> int | None:
    if name in registry.indices:
        return registry.indices[name]
    if registry.kind.ecosystem == "pypi":
        known = {normalize_name("pypi", one): place for one, place in registry.indices.items()}
        return known.get(normalize_name("pypi", name))
    return registry.indices.get(name.lower())


def make_not_found() -> Response:
    """Answer that there is nothing of that name."""
    return Response(404, {"error": "not found"})


def make_server_error() -> Response:
    """Answer that it did not work; the real site says no more."""
    return Response(500, {"error": "internal server error"})


def make_rate_limited() -> Response:
    """Answer that the quota is spent: JSON that says it is text, and no Retry-After."""
    text = '{"error_msg":"Rate limit exceeded. See https://ecosyste.ms/api for details."}'
    return Response(429, text, {"Content-Type": "text/plain"})
