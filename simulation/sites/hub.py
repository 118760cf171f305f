"""The Hub's front: which address is answered by what, under which quota, with which headers."""

from __future__ import annotations

import hashlib

from simulation.clock import http_date
from simulation.http.messages import Ask, Reply
from simulation.http.quota import Spent, Windows
from simulation.population.hub import HubRegistry
from simulation.population.repositories import Repository, commit
from simulation.population.world import World
from simulation.sites.hub_files import cached_file, no_revision, resolve, revision_number, tree
from simulation.sites.hub_lists import BadRequest, wanted_properties
from simulation.sites.hub_rows import DETAILS, row
from simulation.sites.page_cache import KeptPages

KINDS = ("models", "datasets", "spaces")
SHARE_OF_QUOTA = {"api": 1.0, "resolvers": 6.0, "pages": 0.2}
UNAUTHORIZED = "Invalid username or password."
OVER_WITH_TOKEN = (
    "We had to rate limit you, you hit the quota of {quota} {bucket} requests per {minutes} minutes period. "
    "Upgrade to a PRO user or Team/Enterprise organization account (https://hf.co/pricing) to get higher "
    "limits. See https://huggingface.co/docs/hub/rate-limits"
)
OVER_ANONYMOUS = (
    "We had to rate limit your IP (127.0.0.1). To continue using our service, create a HF account or login "
    "to your existing account, and make sure you pass a HF_TOKEN if you're using the API."
)
COMMON = {
    "X-Powered-By": "huggingface-moon",
    "Vary": "Origin",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Access-Control-Expose-Headers": (
        "X-Repo-Commit,X-Request-Id,X-Error-Code,X-Error-Message,X-Total-Count,ETag,Link,Accept-Ranges,"
        "Content-Range,X-Linked-Size,X-Linked-ETag,X-Xet-Hash"
    ),
}


def bucket(path: str) -> str:
    """Return the quota an address is charged to; an encoded slash in a name makes it a page."""
    if path.startswith("/api/") and not path.startswith("/api/resolve-cache/"):
        return "api"
    encoded = "%2f" in path.partition("/resolve/")[0].lower()
    return "resolvers" if "/resolve" in path and not encoded else "pages"


class HubSite:
    """Answers for huggingface.co."""

    api = "huggingface"

    def __init__(self, world: World) -> None:
        self.world = world
        self.windows = Windows(world.options.window, aligned=False)
        self.answered = 0
        self.lists = KeptPages(world.options.no_expand)

    def answer(self, ask: Ask) -> tuple[Reply, str, bool]:
        """Return the answer, the bucket it was charged to, and whether that was over the quota."""
        charged = bucket(ask.path)
        quota = int(self.world.options.quota * SHARE_OF_QUOTA[charged]) * (2 if ask.token else 1)
        spent = self.windows.spend(f"{charged}:{ask.token}", quota)
        reply = self._too_many(ask, charged, spent) if spent.over else self._route(ask)
        self.answered += 1
        trace = hashlib.sha1(f"{self.answered}".encode()).hexdigest()[:24]
        now = self.world.clock.now()
        reply.headers = {
            "Date": http_date(now),
            **COMMON,
            "X-Request-Id": f"Root=1-{int(now):08x}-{trace}",
            "RateLimit": f'"{charged}";r={spent.remaining};t={spent.seconds}',
            "RateLimit-Policy": f'"fixed window";"{charged}";q={quota};w={self.world.options.window:g}',
            **reply.headers,
        }
        return reply, charged, spent.over

    def _too_many(self, ask: Ask, charged: str, spent: Spent) -> Reply:
        told = {"quota": spent.quota, "bucket": charged, "minutes": f"{self.world.options.window / 60:g}"}
        text = (OVER_WITH_TOKEN if ask.token else OVER_ANONYMOUS).format(**told)
        return Reply(429, {"error": text}, {"X-Error-Message": text})

    def _route(self, ask: Ask) -> Reply:
        segments = ask.segments
        if ask.method not in ("GET", "HEAD"):
            return Reply(405, {"error": "Method Not Allowed"})
        if segments[:1] == ["api"]:
            return self._route_api(ask, segments[1:])
        kind = segments[0] if segments[:1] and segments[0] in KINDS[1:] else "models"
        rest = segments[1:] if kind != "models" else segments
        if len(rest) >= 5 and rest[2] == "resolve":
            return self._with_repository(ask, kind, "/".join(rest[:2]), ["resolve", *rest[3:]])
        return Reply(404, "<!doctype html><title>404</title>", {"Content-Type": "text/html; charset=utf-8"})

    def _route_api(self, ask: Ask, segments: list[str]) -> Reply:
        if segments == ["whoami-v2"]:
            return whoami(ask)
        if segments[:1] == ["resolve-cache"] and len(segments) >= 6 and segments[1] in KINDS:
            return self._with_repository(ask, segments[1], "/".join(segments[2:4]), ["cached", *segments[4:]])
        if segments[:1] and segments[0] in KINDS:
            return self._route_registry(ask, segments[0], segments[1:])
        text = "Sorry, we can't find the page you are looking for."
        return Reply(404, {"error": text}, {"X-Error-Message": text})

    def _route_registry(self, ask: Ask, kind: str, rest: list[str]) -> Reply:
        hub = self.world.hubs[kind]
        if not rest:
            reply = self.lists.page(hub, ask)
            self.world.churn(hub)
            return reply
        return self._with_repository(ask, kind, "/".join(rest[:2]), rest[2:])

    def _with_repository(self, ask: Ask, kind: str, name: str, rest: list[str]) -> Reply:
        hub = self.world.hubs[kind]
        repository, moved = hub.find(name)
        if repository is None:
            return missing(ask)
        if moved:
            return redirect(ask, name, repository.name)
        if rest[:1] in (["resolve"], ["cached"]):
            if rest[0] == "resolve":
                return resolve(hub, ask, repository, rest[1], "/".join(rest[2:]))
            return cached_file(hub, repository, rest[1], "/".join(rest[2:]))
        if rest[:1] == ["tree"]:
            return tree(hub, repository, rest[1] if len(rest) > 1 else "main")
        if not rest or rest[0] == "revision":
            return self._one(ask, hub, repository, "/".join(rest[1:]) or "main")
        return Reply(404, {"error": "Not found"})

    def _one(self, ask: Ask, hub: HubRegistry, repository: Repository, revision: str) -> Reply:
        number = revision_number(repository, revision)
        if number is None:
            return no_revision(revision)
        try:
            expanded = bool(ask.every("expand", "expand[]"))
            refused = self.world.options.no_expand
            wanted = wanted_properties(hub.kind, ask, refused) if expanded else DETAILS[hub.kind]
        except BadRequest as problem:
            return Reply(400, {"error": str(problem)}, {"X-Error-Message": str(problem)})
        shown = row(hub, hub.places[repository.identity], wanted, nulls=not expanded)
        return Reply(200, shown | ({"sha": commit(repository.identity, number)} if "sha" in shown else {}))


def missing(ask: Ask) -> Reply:
    """Answer that a repository is missing or private: without a token the Hub will not say which."""
    if ask.token:
        text = "Repository not found"
        return Reply(404, {"error": text}, {"X-Error-Code": "RepoNotFound", "X-Error-Message": text})
    return unauthorized()


def unauthorized() -> Reply:
    """Answer that somebody must log in first."""
    realm = 'Bearer realm="Authentication required", charset="UTF-8"'
    return Reply(401, {"error": UNAUTHORIZED}, {"X-Error-Message": UNAUTHORIZED, "WWW-Authenticate": realm})


def redirect(ask: Ask, old: str, new: str) -> Reply:
    """Send the client to the present name: relative, and with the query string kept."""
    location = ask.path.replace(f"/{old}", f"/{new}", 1) + (f"?{ask.query}" if ask.query else "")
    return Reply(307, f"Temporary Redirect. Redirecting to {location}", {"Location": location})


def whoami(ask: Ask) -> Reply:
    """Say who a token belongs to: always the same person here."""
    if not ask.token:
        return unauthorized()
    identity = "5f0000000000000000000001"
    return Reply(
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
