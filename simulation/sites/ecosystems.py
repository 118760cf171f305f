"""The simulated Ecosyste.ms: registries, packages and names under /api/v1."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from simulation.clock import format_http_date, format_iso
from simulation.http.messages import Request, Response
from simulation.http.quota import QuotaUse, QuotaWindows
from simulation.population.packages import SORTS, PackageRegistry, normalize_name
from simulation.population.world import SimulatedWorld
from simulation.sites.ecosystems_rows import build_package_row, build_registry_row

BASE = "/api/v1"
DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE = 100, 1000
DESCENDING_ONLY = ("downloads", "dependent_packages_count", "dependent_repos_count", "stargazers_count", "forks_count")
EMAIL = re.compile(r"\S+@\S+\.\S+")
TIERS = {"anonymous": 1, "polite": 3, "api_key": 20}
CACHE = "public, max-age=300, stale-while-revalidate=3600, stale-if-error=86400, s-maxage=3600"


def client_tier(request: Request) -> str:
    """Return the tier of a client, by what it says about itself."""
    if request.headers.get("apikey") or request.parameter("apikey"):
        return "api_key"
    is_polite = request.parameter("mailto") or EMAIL.search(request.headers.get("User-Agent", ""))
    return "polite" if is_polite else "anonymous"


class EcosystemsSite:
    """The responses of packages.ecosyste.ms."""

    api = "ecosystems"

    def __init__(self, world: SimulatedWorld) -> None:
        self.world = world
        self.windows = QuotaWindows(world.options.eco_window, aligned=True)

    def respond(self, request: Request) -> tuple[Response, str, bool]:
        """Return the response, the bucket it was charged to, and whether the quota was exceeded."""
        pool = client_tier(request)
        spent = self.windows.consume(pool, self.world.options.eco_quota * TIERS[pool])
        response = make_rate_limited() if spent.is_exceeded else self._route(request)
        response.headers = {**self._common_headers(response, pool, spent), **response.headers}
        return response, pool, spent.is_exceeded

    def _common_headers(self, response: Response, pool: str, spent: QuotaUse) -> dict[str, str]:
        cached = response.status < 429
        return {
            "Date": format_http_date(self.world.clock.now()),
            "Cache-Control": CACHE if cached else "no-store",
            "cf-cache-status": "MISS" if cached else "BYPASS",
            "age": "0" if cached else "",
            "Access-Control-Allow-Origin": "*",
            "Vary": "Accept-Encoding",
            **make_quota_headers(pool, spent),
        }

    def _route(self, request: Request) -> Response:
        segments = request.segments
        if ".." in segments or "." in segments or segments[:3] != ["api", "v1", "registries"]:
            return make_not_found()
        base = f"http://{request.host}{BASE}"
        if len(segments) == 3:
            return self._list_registries(request, base)
        registry = self.world.packages.get(segments[3])
        if registry is None:
            return make_not_found()
        try:
            return self._route_registry(request, registry, segments[4:], base)
        except ValueError:
            return make_server_error()

    def _route_registry(self, request: Request, registry: PackageRegistry, rest: list[str], base: str) -> Response:
        if not rest:
            return Response(200, build_registry_row(registry, base))
        if rest == ["packages"] or rest == ["package_names"]:
            response = self._list_packages(request, registry, rest[0], base)
            self.world.churn_counters(registry)
            return response
        index = find_package(registry, "/".join(rest[1:])) if rest[0] == "packages" else None
        padding = self.world.options.row_bytes
        return make_not_found() if index is None else Response(200, build_package_row(registry, index, base, padding))

    def _list_registries(self, request: Request, base: str) -> Response:
        ecosystem = request.parameter("ecosystem")
        registries = [
            registry for registry in self.world.packages.values() if ecosystem in ("", registry.kind.ecosystem)
        ]
        registries.sort(key=lambda registry: -len(registry.present_rows()))
        page, size = parse_paging(request, request.max_page_size or MAX_PAGE_SIZE)
        shown_registries = registries[(page - 1) * size : page * size]
        pages, more = max(1, -(-len(registries) // size)), page * size < len(registries)
        response = Response(200, [build_registry_row(registry, base) for registry in shown_registries])
        response.headers = make_page_headers(request, page, size if shown_registries else 0, more, last=pages)
        response.headers |= {"total-count": str(len(registries)), "total-pages": str(pages)}
        return response

    def _list_packages(self, request: Request, registry: PackageRegistry, endpoint: str, base: str) -> Response:
        names_only = endpoint == "package_names"
        page, size = parse_paging(
            request, request.max_page_size or (self.world.options.names_limit if names_only else MAX_PAGE_SIZE)
        )
        sort, ascending = request.parameter("sort"), request.parameter("order") == "asc"
        if page < 1 or size < 1 or (not names_only and size > self.world.options.heavy_limit):
            return make_server_error()
        if ascending and sort in DESCENDING_ONLY:
            return Response(422, {"error": f"{sort} only supports descending order"})
        rows = filter_packages(request, registry, order_packages(request, registry, sort, ascending))
        rows_and_next = rows[(page - 1) * size : page * size + 1]
        indices, padding = rows_and_next[:size], self.world.options.row_bytes
        content = [
            registry.names[index] if names_only else build_package_row(registry, index, base, padding)
            for index in indices
        ]
        response = Response(
            200, content, make_page_headers(request, page, size if indices else 0, len(rows_and_next) > size)
        )
        if indices:
            response.headers["Last-Modified"] = format_http_date(
                max(int(registry.columns["updated"][index]) for index in indices)
            )
        return response


def parse_paging(request: Request, largest: int) -> tuple[int, int]:
    """Return the page and the effective page size. A larger page size is reduced silently."""
    with suppress(ValueError):
        page, size = int(request.parameter("page") or 1), int(request.parameter("per_page") or DEFAULT_PAGE_SIZE)
        return page, min(largest, size)
    return 0, 0


def make_quota_headers(pool: str, spent: QuotaUse) -> dict[str, str]:
    """Return the headers that state the quota."""
    return {
        "x-ratelimit-limit": str(spent.quota),
        "x-ratelimit-remaining": str(spent.remaining),
        "x-ratelimit-reset": str(int(spent.resets_at)),
        "x-ratelimit-tier": pool,
        "x-ratelimit-consumer": "anonymous",
    }


def make_page_headers(request: Request, page: int, size: int, more: bool, last: int = 0) -> dict[str, str]:
    """Return the paging headers. Only counted lists have a last page."""
    pages = [("first", 1), *([("prev", page - 1)] if page > 1 else []), *([("next", page + 1)] if more else [])]
    pages += [("last", last)] if last else []
    links = [f'<{request.url_with(page=number)}>; rel="{relation}"' for relation, number in pages]
    return {"link": ", ".join(links), "current-page": str(page), "page-items": str(size)}


def order_packages(request: Request, registry: PackageRegistry, sort: str, ascending: bool) -> list[int]:
    """Return all rows in order: by id without a sort, and by updated_at for an unknown sort."""
    if not sort and not request.parameter("order"):
        return registry.present_rows()
    column = "name" if sort == "name" else SORTS.get(sort, "updated")
    rows: list[int] = registry.order_rows(column, ascending).tolist()
    return rows


def filter_packages(request: Request, registry: PackageRegistry, indices: list[int]) -> list[int]:
    """Return the rows with the requested dates, and with the requested beginning and end of their names."""
    prefix, postfix = request.parameter("prefix").lower(), request.parameter("postfix").lower()
    if prefix or postfix:
        names = registry.names
        indices = [
            index
            for index in indices
            if names[index].lower().startswith(prefix) and names[index].lower().endswith(postfix)
        ]
    for parameter in ("created_after", "created_before", "updated_after", "updated_before"):
        if bound := request.parameter(parameter):
            indices = filter_by_date(registry, indices, parameter, bound)
    return [] if request.parameter("critical") else indices


def filter_by_date(registry: PackageRegistry, indices: Sequence[int], parameter: str, bound: str) -> list[int]:
    """Return the rows strictly after, or strictly before, an instant."""
    column, _, side = parameter.partition("_")
    instant = datetime.fromisoformat(bound.replace("Z", "+00:00"))
    values, limit = registry.columns[column], format_iso(instant.timestamp())
    return [
        index
        for index in indices
        if (format_iso(values[index]) > limit if side == "after" else format_iso(values[index]) < limit)
    ]


def find_package(registry: PackageRegistry, name: str) -> int | None:
    """Return a package by name. pypi ignores case and punctuation, other ecosystems ignore case."""
    index = _find_index(registry, name)
    return None if index in registry.vanished else index


def _find_index(registry: PackageRegistry, name: str) -> int | None:
    if name in registry.indices:
        return registry.indices[name]
    if registry.kind.ecosystem == "pypi":
        indices = {normalize_name("pypi", known_name): index for known_name, index in registry.indices.items()}
        return indices.get(normalize_name("pypi", name))
    return registry.indices.get(name.lower())


def make_not_found() -> Response:
    """Return the response for a name that does not exist."""
    return Response(404, {"error": "not found"})


def make_server_error() -> Response:
    """Return the response for a failure. The real site gives no details."""
    return Response(500, {"error": "internal server error"})


def make_rate_limited() -> Response:
    """Return the response over the quota: JSON with a type of text, and no Retry-After."""
    text = '{"error_msg":"Rate limit exceeded. See https://ecosyste.ms/api for details."}'
    return Response(429, text, {"Content-Type": "text/plain"})
