"""The simulated Hub: the routes, quotas and headers of its responses."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from simulation.clock import format_http_date
from simulation.http.messages import Request, Response
from simulation.http.quota import QuotaUse, QuotaWindows
from simulation.population.hub import HubRegistry
from simulation.population.repositories import OWNER_NAMESPACES, Repository, commit_hash
from simulation.population.world import SimulatedWorld
from simulation.sites.hub_files import find_revision, list_tree, make_no_revision, resolve_file, serve_cached_file
from simulation.sites.hub_lists import BadRequestError, select_properties
from simulation.sites.hub_properties import DETAIL_PROPERTIES
from simulation.sites.hub_rows import build_row
from simulation.sites.page_cache import PageCache

KINDS = ("models", "datasets", "spaces")
SHARE_OF_QUOTA = {"api": 1.0, "resolvers": 6.0, "pages": 0.2}
UNAUTHORIZED = "Invalid username or password."
RATE_LIMITED_WITH_TOKEN = (
    "We had to rate limit you, you hit the quota of {quota} {bucket} requests per {minutes} minutes period. "
    "Upgrade to a PRO user or Team/Enterprise organization account (https://hf.co/pricing) to get higher "
    "limits. See https://huggingface.co/docs/hub/rate-limits"
)
RATE_LIMITED_ANONYMOUS = (
    "We had to rate limit your IP (127.0.0.1). To continue using our service, create a HF account or login "
    "to your existing account, and make sure you pass a HF_TOKEN if you're using the API."
)
COMMON_HEADERS = {
    "X-Powered-By": "huggingface-moon",
    "Vary": "Origin",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Access-Control-Expose-Headers": (
        "X-Repo-Commit,X-Request-Id,X-Error-Code,X-Error-Message,X-Total-Count,ETag,Link,Accept-Ranges,"
        "Content-Range,X-Linked-Size,X-Linked-ETag,X-Xet-Hash"
    ),
}


def quota_bucket(path: str) -> str:
    """Return the quota that a path is charged to. With an encoded slash in a name it is `pages`."""
    if path.startswith("/api/") and not path.startswith("/api/resolve-cache/"):
        return "api"
    encoded = "%2f" in path.partition("/resolve/")[0].lower()
    return "resolvers" if "/resolve" in path and not encoded else "pages"


class HubSite:
    """The responses of huggingface.co."""

    api = "huggingface"

    def __init__(self, world: SimulatedWorld) -> None:
        self.world = world
        self.windows = QuotaWindows(world.options.window, aligned=False)
        self.response_count = 0
        self.page_cache = PageCache(world.options.no_expand)

    def respond(self, request: Request) -> tuple[Response, str, bool]:
        """Return the response, the bucket it was charged to, and whether the quota was exceeded."""
        charged = quota_bucket(request.path)
        quota = int(self.world.options.quota * SHARE_OF_QUOTA[charged]) * (2 if request.token else 1)
        spent = self.windows.consume(f"{charged}:{request.token}", quota)
        response = self._make_rate_limited(request, charged, spent) if spent.is_exceeded else self._admit(request)
        self.response_count += 1
        trace = hashlib.sha1(f"{self.response_count}".encode()).hexdigest()[:24]
        now = self.world.clock.now()
        response.headers = {
            "Date": format_http_date(now),
            **COMMON_HEADERS,
            "X-Request-Id": f"Root=1-{int(now):08x}-{trace}",
            "RateLimit": f'"{charged}";r={spent.remaining};t={spent.seconds_left}',
            "RateLimit-Policy": f'"fixed window";"{charged}";q={quota};w={self.world.options.window:g}',
            **response.headers,
        }
        return response, charged, spent.is_exceeded

    def _admit(self, request: Request) -> Response:
        """Return the response for a caller, as the access of this endpoint has it."""
        if request.token or self.world.options.access == "everyone":
            return self._route(request)
        if self.world.options.access == "login":
            return make_unauthorized()
        return self._route(replace(request, headers={**request.headers, "Authorization": "Bearer hf_mirror"}))

    def _make_rate_limited(self, request: Request, charged: str, spent: QuotaUse) -> Response:
        values = {"quota": spent.quota, "bucket": charged, "minutes": f"{self.world.options.window / 60:g}"}
        text = (RATE_LIMITED_WITH_TOKEN if request.token else RATE_LIMITED_ANONYMOUS).format(**values)
        return Response(429, {"error": text}, {"X-Error-Message": text})

    def _route(self, request: Request) -> Response:
        segments = request.segments
        if request.method not in ("GET", "HEAD"):
            return Response(405, {"error": "Method Not Allowed"})
        if segments[:1] == ["api"]:
            return self._route_api(request, segments[1:])
        kind = segments[0] if segments[:1] and segments[0] in KINDS[1:] else "models"
        rest = segments[1:] if kind != "models" else segments
        if len(rest) >= 5 and rest[2] == "resolve":
            return self._with_repository(request, kind, "/".join(rest[:2]), ["resolve", *rest[3:]])
        return Response(404, "<!doctype html><title>404</title>", {"Content-Type": "text/html; charset=utf-8"})

    def _route_api(self, request: Request, segments: list[str]) -> Response:
        if segments == ["whoami-v2"]:
            return make_whoami(request)
        if segments[:1] == ["resolve-cache"] and len(segments) >= 6 and segments[1] in KINDS:
            return self._with_repository(request, segments[1], "/".join(segments[2:4]), ["cached", *segments[4:]])
        if segments[:1] and segments[0] in KINDS:
            return self._route_registry(request, segments[0], segments[1:])
        text = "Sorry, we can't find the page you are looking for."
        return Response(404, {"error": text}, {"X-Error-Message": text})

    def _route_registry(self, request: Request, kind: str, rest: list[str]) -> Response:
        hub = self.world.hubs[kind]
        if not rest:
            response = self.page_cache.get_page(hub.view_of(request.token), request)
            self.world.churn_counters(hub)
            return response
        return self._with_repository(request, kind, "/".join(rest[:2]), rest[2:])

    def _with_repository(self, request: Request, kind: str, name: str, rest: list[str]) -> Response:
        hub = self.world.hubs[kind]
        view = hub.view_of(request.token)
        repository, moved = view.find_by_name(name)
        if repository is None:
            return make_missing(request)
        if moved:
            return make_redirect(request, name, repository.name)
        if rest[:1] in (["resolve"], ["cached"]):
            if rest[0] == "resolve":
                return resolve_file(hub, request, repository, rest[1], "/".join(rest[2:]))
            return serve_cached_file(hub, request, repository, rest[1], "/".join(rest[2:]))
        if rest[:1] == ["tree"]:
            return list_tree(hub, repository, rest[1] if len(rest) > 1 else "main")
        if not rest or rest[0] == "revision":
            return self._show_repository(request, view, repository, "/".join(rest[1:]) or "main")
        return Response(404, {"error": "Not found"})

    def _show_repository(self, request: Request, hub: HubRegistry, repository: Repository, revision: str) -> Response:
        number = find_revision(repository, revision)
        if number is None:
            return make_no_revision(revision)
        try:
            expanded = bool(request.parameter_values("expand", "expand[]"))
            refused = self.world.options.no_expand
            properties = select_properties(hub.kind, request, refused) if expanded else DETAIL_PROPERTIES[hub.kind]
        except BadRequestError as problem:
            return Response(400, {"error": str(problem)}, {"X-Error-Message": str(problem)})
        content = build_row(hub, hub.indices[repository.identity], properties, nulls=not expanded)
        return Response(200, content | ({"sha": commit_hash(repository.identity, number)} if "sha" in content else {}))


def make_missing(request: Request) -> Response:
    """Return the response for a missing or private repository. Without a token the Hub does not say which."""
    if request.token:
        text = "Repository not found"
        return Response(404, {"error": text}, {"X-Error-Code": "RepoNotFound", "X-Error-Message": text})
    return make_unauthorized()


def make_unauthorized() -> Response:
    """Return the response that requires a login."""
    realm = 'Bearer realm="Authentication required", charset="UTF-8"'
    return Response(401, {"error": UNAUTHORIZED}, {"X-Error-Message": UNAUTHORIZED, "WWW-Authenticate": realm})


def make_redirect(request: Request, old: str, new: str) -> Response:
    """Return a relative redirect to the present name, with the same query string."""
    location = request.path.replace(f"/{old}", f"/{new}", 1) + (f"?{request.query}" if request.query else "")
    return Response(307, f"Temporary Redirect. Redirecting to {location}", {"Location": location})


def make_whoami(request: Request) -> Response:
    """Return the owner of a token, which is always the same person here."""
    if not request.token:
        return make_unauthorized()
    person = {"type": "user", "id": "5f0000000000000000000001", "name": OWNER_NAMESPACES[0], "fullname": "Observer"}
    organizations = [{"type": "org", "name": name} for name in OWNER_NAMESPACES[1:]]
    return Response(200, {**person, "isPro": False, "orgs": organizations})
