"""The Hub's front: which address is answered by what, under which quota, with which headers."""

from __future__ import annotations

import hashlib

from simulation.clock import format_http_date
from simulation.http.messages import Request, Response
from simulation.http.quota import QuotaUse, QuotaWindows
from simulation.population.hub import HubRegistry
from simulation.population.repositories import Repository, commit_hash
from simulation.population.world import SimulatedWorld
from simulation.sites.hub_files import find_revision, list_tree, make_no_revision, resolve_file, serve_cached_file
from simulation.sites.hub_lists import BadRequestError, select_properties
from simulation.sites.hub_rows import DETAIL_PROPERTIES, build_row
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
    """Return the quota an address is charged to; an encoded slash in a name makes it a page."""
    if path.startswith("/api/") and not path.startswith("/api/resolve-cache/"):
        return "api"
    encoded = "%2f" in path.partition("/resolve/")[0].lower()
    return "resolvers" if "/resolve" in path and not encoded else "pages"


class HubSite:
    """Answers for huggingface.co."""

    api = "huggingface"

    def __init__(self, world: SimulatedWorld) -> None:
        self.world = world
        self.windows = QuotaWindows(world.options.window, aligned=False)
        self.response_count = 0
        self.page_cache = PageCache(world.options.no_expand)

    def respond(self, ask: Request) -> tuple[Response, str, bool]:
        """Return the answer, the bucket it was charged to, and whether that was over the quota."""
        charged = quota_bucket(ask.path)
        quota = int(self.world.options.quota * SHARE_OF_QUOTA[charged]) * (2 if ask.token else 1)
        spent = self.windows.consume(f"{charged}:{ask.token}", quota)
        reply = self._make_rate_limited(ask, charged, spent) if spent.is_exceeded else self._route(ask)
        self.response_count += 1
        trace = hashlib.sha1(f"{self.response_count}".encode()).hexdigest()[:24]
        now = self.world.clock.now()
        reply.headers = {
            "Date": format_http_date(now),
            **COMMON_HEADERS,
            "X-Request-Id": f"Root=1-{int(now):08x}-{trace}",
            "RateLimit": f'"{charged}";r={spent.remaining};t={spent.seconds_left}',
            "RateLimit-Policy": f'"fixed window";"{charged}";q={quota};w={self.world.options.window:g}',
            **reply.headers,
        }
        return reply, charged, spent.is_exceeded

    def _make_rate_limited(self, ask: Request, charged: str, spent: QuotaUse) -> Response:
        told = {"quota": spent.quota, "bucket": charged, "minutes": f"{self.world.options.window / 60:g}"}
        text = (RATE_LIMITED_WITH_TOKEN if ask.token else RATE_LIMITED_ANONYMOUS).format(**told)
        return Response(429, {"error": text}, {"X-Error-Message": text})

    def _route(self, ask: Request) -> Response:
        segments = ask.segments
        if ask.method not in ("GET", "HEAD"):
            return Response(405, {"error": "Method Not Allowed"})
        if segments[:1] == ["api"]:
            return self._route_api(ask, segments[1:])
        kind = segments[0] if segments[:1] and segments[0] in KINDS[1:] else "models"
        rest = segments[1:] if kind != "models" else segments
        if len(rest) >= 5 and rest[2] == "resolve":
            return self._with_repository(ask, kind, "/".join(rest[:2]), ["resolve", *rest[3:]])
        return Response(404, "<!doctype html><title>404</title>", {"Content-Type": "text/html; charset=utf-8"})

    def _route_api(self, ask: Request, segments: list[str]) -> Response:
        if segments == ["whoami-v2"]:
            return make_whoami(ask)
        if segments[:1] == ["resolve-cache"] and len(segments) >= 6 and segments[1] in KINDS:
            return self._with_repository(ask, segments[1], "/".join(segments[2:4]), ["cached", *segments[4:]])
        if segments[:1] and segments[0] in KINDS:
            return self._route_registry(ask, segments[0], segments[1:])
        text = "Sorry, we can't find the page you are looking for."
        return Response(404, {"error": text}, {"X-Error-Message": text})

    def _route_registry(self, ask: Request, kind: str, rest: list[str]) -> Response:
        hub = self.world.hubs[kind]
        if not rest:
            reply = self.page_cache.get_page(hub, ask)
            self.world.churn_counters(hub)
            return reply
        return self._with_repository(ask, kind, "/".join(rest[:2]), rest[2:])

    def _with_repository(self, ask: Request, kind: str, name: str, rest: list[str]) -> Response:
        hub = self.world.hubs[kind]
        repository, moved = hub.find_by_name(name)
        if repository is None:
            return make_missing(ask)
        if moved:
            return make_redirect(ask, name, repository.name)
        if rest[:1] in (["resolve"], ["cached"]):
            if rest[0] == "resolve":
                return resolve_file(hub, ask, repository, rest[1], "/".join(rest[2:]))
            return serve_cached_file(hub, repository, rest[1], "/".join(rest[2:]))
        if rest[:1] == ["tree"]:
            return list_tree(hub, repository, rest[1] if len(rest) > 1 else "main")
        if not rest or rest[0] == "revision":
            return self._show_repository(ask, hub, repository, "/".join(rest[1:]) or "main")
        return Response(404, {"error": "Not found"})

    def _show_repository(self, ask: Request, hub: HubRegistry, repository: Repository, revision: str) -> Response:
        number = find_revision(repository, revision)
        if number is None:
            return make_no_revision(revision)
        try:
            expanded = bool(ask.parameter_values("expand", "expand[]"))
            refused = self.world.options.no_expand
            wanted = select_properties(hub.kind, ask, refused) if expanded else DETAIL_PROPERTIES[hub.kind]
        except BadRequestError as problem:
            return Response(400, {"error": str(problem)}, {"X-Error-Message": str(problem)})
        shown = build_row(hub, hub.indices[repository.identity], wanted, nulls=not expanded)
        return Response(200, shown | ({"sha": commit_hash(repository.identity, number)} if "sha" in shown else {}))


def make_missing(ask: Request) -> Response:
    """Answer that a repository is missing or private: without a token the Hub will not say which."""
    if ask.token:
        text = "Repository not found"
        return Response(404, {"error": text}, {"X-Error-Code": "RepoNotFound", "X-Error-Message": text})
    return make_unauthorized()


def make_unauthorized() -> Response:
    """Answer that somebody must log in first."""
    realm = 'Bearer realm="Authentication required", charset="UTF-8"'
    return Response(401, {"error": UNAUTHORIZED}, {"X-Error-Message": UNAUTHORIZED, "WWW-Authenticate": realm})


def make_redirect(ask: Request, old: str, new: str) -> Response:
    """Send the client to the present name: relative, and with the query string kept."""
    location = ask.path.replace(f"/{old}", f"/{new}", 1) + (f"?{ask.query}" if ask.query else "")
    return Response(307, f"Temporary Redirect. Redirecting to {location}", {"Location": location})


def make_whoami(ask: Request) -> Response:
    """Say who a token belongs to: always the same person here."""
    if not ask.token:
        return make_unauthorized()
    identity = "5f0000000000000000000001"
    return Response(
        200,
        {
            "type": "user",
            "id": identity,
            "name": "observer",
            "fullname": "Observer",
            "isPro": False,
            "orgs": [],
        },
    )
