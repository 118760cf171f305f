"""Every registry of Ecosyste.ms: npm, pypi, cargo and about a hundred more.

Pages
    `/registries` tells the service's own name for a registry. `/package_names?sort=…&order=desc` gives the order, up to
    10,000 names in one answer (fewer where the service cuts it: `page-items` tells). `/packages?…` gives the counters,
    in rows of up to 160 kB each, hence in pages of 100; a page the server finds too heavy is asked for in halves. Pages
    are offsets into a living table without a tie-breaker, so they overlap and leave gaps: a margin of one in a hundred
    is fetched, what is seen twice is counted, and packages that fell between two pages of counters are asked for one by
    one. Answers may be an hour old; each page keeps its age.

Counters
    `downloads` is last month's for npm, pypi, cran, homebrew and julia; a total since the beginning for cargo,
    rubygems, packagist, nuget, docker, hex and others; absent for go, maven and most distributions. `downloads_period`
    comes with every row and is believed over this list. It is refreshed at any time from a day to months apart
    (`synced_at`). Maintainers and their addresses are in the rows and are never kept.
    Data: ecosyste.ms, CC BY-SA 4.0.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import msgspec

from crawler.errors import CrawlError, UnknownRegistryError, not_a_list_error
from crawler.parsing.pages import make_page
from crawler.parsing.rows import (
    Count,
    Name,
    NotAListError,
    UnreadableRowError,
    check_storable,
    count_inversions,
    epoch_seconds,
    read_rows,
    split_json_rows,
)
from crawler.parsing.urls import int_parameter
from crawler.plan import CrawlPlan, PageRecorder
from crawler.response import Event, HttpResponse, Observation, Page, Progress, Registry, Reject
from crawler.spiders import RegistrySpider
from db.identity import derive_stable_id

MAX_NAMES_PER_PAGE = 10_000
ROWS_PER_PAGE = 100
MIN_ROWS_PER_PAGE = 10
MAX_SINGLE_REQUESTS = (
    50  # packages without counters that are asked for one by one; more than that is the gate's business
)
SORT_FIELDS = {"downloads": "downloads", "dependents": "dependent_packages_count"}
ECOSYSTEMS_BY_PERIOD = {
    "last-month": ("npm", "pypi", "cran", "homebrew", "julia"),
    "total": (
        "bioconductor", "cargo", "clojars", "docker", "hackage", "hex", "nuget", "openvsx", "packagist", "puppet",
        "rubygems", "terraform",
    ),
}  # fmt: skip
WITHOUT_DOWNLOADS = (
    "actions", "bazel", "bower", "carthage", "cocoapods", "conan", "conda", "cpan", "ctan", "deno", "elm", "elpa",
    "fdroid", "go", "helm", "lean", "maven", "nix", "pub", "racket", "spack", "swiftpm", "vcpkg",
)  # fmt: skip
STORED_FIELDS = (
    "id", "name", "downloads", "downloads_period", "dependent_packages_count", "dependent_repos_count", "status",
    "last_synced_at", "updated_at", "first_release_published_at", "latest_release_published_at", "normalized_licenses",
)  # fmt: skip


class EcosystemsRow(msgspec.Struct, gc=False):
    """One package; everything else in the row, people among it, is passed over."""

    name: Name
    downloads: Count | None = None
    period: str | None = msgspec.field(name="downloads_period", default=None)
    dependents: Count | None = msgspec.field(name="dependent_packages_count", default=None)
    dependent_repos: Count | None = msgspec.field(name="dependent_repos_count", default=None)
    status: str | None = None
    synced_at: datetime | None = msgspec.field(name="last_synced_at", default=None)
    released_at: datetime | None = msgspec.field(name="first_release_published_at", default=None)
    modified_at: datetime | None = msgspec.field(name="latest_release_published_at", default=None)
    licences: list[str] | None = msgspec.field(name="normalized_licenses", default=None)


class EcosystemsRegistryRow(msgspec.Struct, gc=False):
    """One registry of `/registries`."""

    name: Name
    ecosystem: str | None = None
    default: bool | None = False
    packages_count: int | None = None


class EcosystemsSpider(RegistrySpider):
    """Lists of one registry of Ecosyste.ms by downloads or by dependent packages."""

    name = "ecosystems"
    endpoint_variable = "ECOSYSTEMS_ENDPOINT"
    public_endpoint = "https://packages.ecosyste.ms/api/v1"
    default_delay = 1.0

    def __init__(self, plan: CrawlPlan, resume_url: str | None = None, recorder: PageRecorder | None = None) -> None:
        super().__init__(plan, resume_url, recorder)
        by = plan.ordered_by or ("dependents" if plan.registry in WITHOUT_DOWNLOADS else "downloads")
        if by not in SORT_FIELDS:
            raise UnknownRegistryError(
                f"{plan.registry} cannot be ranked by {by}.",
                why="Ecosyste.ms has no such order.",
                fix="Use --by downloads or --by dependents.",
            )
        self.ordered_by = by
        self._single_requests: set[str] = set()

    def accepts_status(self, status: int, url: str) -> bool:
        """A package that is gone since it was listed answers 404 when it is asked for by name."""
        return status == 200 or (status == 404 and "/packages/" in urlsplit(url).path)

    @classmethod
    def accepts_registry(cls, registry: str) -> bool:
        """Any name that is not the Hub's: whether it exists is asked of the service."""
        return bool(registry) and not registry.startswith("huggingface")

    @property
    def counter(self) -> str:
        """What the ordering number counts: last-month, total, none (as the rows say), or dependents."""
        if self.ordered_by == "dependents":
            return "dependents"
        return str(self.probe_results.get("period") or expected_period(self.plan.registry))

    def describe_registry(self) -> Registry:
        """With the service's own name, once it is known."""
        name = self.probe_results.get("service_name")
        return Registry(self.plan.registry, "ecosystems", str(name) if name else None)

    def first_url(self) -> str:
        """What the service calls this registry."""
        return f"{self.plan.endpoint}/registries?{urlencode({'per_page': 1000})}"

    def read_page(self, response: HttpResponse) -> Page:
        """One answer, by the kind of address it came from."""
        path = urlsplit(response.url).path
        if path.endswith("/registries"):
            return self._read_registries(response)
        if path.endswith("/package_names"):
            return self._read_names(response)
        if int_parameter(response.url, "per_page") == 1:
            return self._read_first_row(response)
        return self._read_counters(response)

    def next_url(self, page: Page, progress: Progress) -> str | None:
        """Names until there are enough, then counters for them, then the few that fell between two pages."""
        if page.role == "probe":
            return page.next_url
        if page.role == "ranking":
            if progress.depth < self.plan.k and page.next_url:
                return page.next_url
            return self._list_url("packages", ROWS_PER_PAGE) if self.plan.with_counters else None
        done = int_parameter(page.url, "page") * int_parameter(page.url, "per_page") if page.next_url else None
        if done is not None and done < self.plan.k * 1.01 + ROWS_PER_PAGE and progress.with_counters < self.plan.k:
            return page.next_url
        return self._next_counters_url(progress)

    def smaller_page_url(self, url: str) -> str | None:
        """The same offset in pages of half the size, while the offset is a whole number of them."""
        size, number = int_parameter(url, "per_page"), int_parameter(url, "page")
        half = size // 2
        if not url.split("?")[0].endswith("/packages") or half < MIN_ROWS_PER_PAGE:
            return None
        words = dict(parse_qsl(urlsplit(url).query)) | {"per_page": half, "page": (number - 1) * size // half + 1}
        return f"{url.split('?')[0]}?{urlencode(words)}"

    def _read_registries(self, response: HttpResponse) -> Page:
        known = [read_registry(row) for row in split_rows(self.plan.registry, response)]
        chosen = choose_registry(self.plan.registry, [registry for registry in known if registry])
        following = self.next_page_url(response)
        if chosen is None and following:
            return make_page("probe", response, len(known), next_url=following)
        if chosen is None and None in known:
            raise CrawlError(
                f"The list of registries cannot be read whole, and {self.plan.registry!r} is not in the rest.",
                why=f"{known.count(None)} of {len(known)} rows have another form than they had.",
                fix="Ecosyste.ms's API may have changed: tell us.",
            )
        if chosen is None:
            raise unknown_registry_error(self.plan.registry, [registry for registry in known if registry])
        self.probe_results |= {"service_name": chosen.name, "population": chosen.packages_count or 0}
        return make_page("probe", response, len(known), next_url=self.second_url())

    def second_url(self) -> str:
        """What is asked when it is known what the service calls this registry: what its counter means."""
        return self._list_url("packages", 1)

    def _read_first_row(self, response: HttpResponse) -> Page:
        """The first row tells what the counter means."""
        try:
            rows = read_rows(
                response.body, EcosystemsRow, frozenset({"name"}), lambda row: make_observation(row, self.plan.registry)
            )
        except NotAListError as error:
            raise not_a_list_error(self.plan.registry, error) from error
        period = read_period(response.body, rows.observations[0].downloads) if rows.observations else "none"
        expected, events = expected_period(self.plan.registry), [*rows.events]
        self.probe_results["period"] = period
        if period == "none" and rows.received and (rows.events or rows.rejects):
            raise CrawlError(
                f"The first row of {self.plan.registry} cannot be read.",
                why="; ".join([event.evidence for event in rows.events] + [one.reason for one in rows.rejects])[:300],
                fix=f"Ecosyste.ms's API may have changed: `observatory crawl check {self.plan.registry}`.",
            )
        if period == "none" and self.ordered_by == "downloads":
            raise UnknownRegistryError(
                f"{self.plan.registry} publishes no downloads.",
                why="Its order by downloads would be arbitrary.",
                fix="Use --by dependents.",
            )
        if expected not in (period, "unknown"):
            events.append(Event("counter_meaning", "warning", "downloads_period of the first row", expected, period))
        return make_page("probe", response, rows.received, events=events, body=reduce_body(response.body),
                       next_url=self._list_url("package_names", min(MAX_NAMES_PER_PAGE, names_to_request(self.plan.k))))  # fmt: skip

    def _read_names(self, response: HttpResponse) -> Page:
        rows = split_rows(self.plan.registry, response)
        names, rejects = read_names(self.plan.registry, rows)
        observations = [Observation(name, name) for name in names]
        return make_page(
            "ranking",
            response,
            len(rows),
            observations,
            rejects,
            next_url=self.next_page_url(response),
            body=response.body,
        )

    def _read_counters(self, response: HttpResponse) -> Page:
        if response.status == 404:  # one package asked for by name, gone since it was listed
            return make_page(
                "counters", response, 0, events=[Event("deleted", "note", urlsplit(response.url).path[-200:])]
            )
        body = response.body if response.body.lstrip()[:1] == b"[" else b"[" + response.body + b"]"
        try:
            rows = read_rows(
                body, EcosystemsRow, frozenset({"name"}), lambda row: make_observation(row, self.plan.registry)
            )
        except NotAListError as error:
            raise not_a_list_error(self.plan.registry, error) from error
        values = [seen.downloads if self.ordered_by == "downloads" else seen.dependents for seen in rows.observations]
        missing = sum(value is None for value in values)
        events = [*rows.events]
        if missing:
            events.append(Event("counter_missing", "note", f"{missing} rows without {SORT_FIELDS[self.ordered_by]}"))
        return make_page("counters", response, rows.received, rows.observations, rows.rejects, events, count_inversions(values),
                     next_url=self.next_page_url(response), body=reduce_body(body))  # fmt: skip

    def _next_counters_url(self, progress: Progress) -> str | None:
        left = [name for name in progress.missing if name not in self._single_requests]
        if not left or len(self._single_requests) >= MAX_SINGLE_REQUESTS:
            return None
        self._single_requests.add(left[0])
        return f"{self.registry_url()}/packages/{quote(left[0], safe='')}"

    def registry_url(self) -> str:
        """The address of this registry."""
        return f"{self.plan.endpoint}/registries/{quote(str(self.probe_results['service_name']), safe='')}"

    def _list_url(self, resource: str, size: int) -> str:
        words = {"sort": SORT_FIELDS[self.ordered_by], "order": "desc", "per_page": size, "page": 1}
        return f"{self.registry_url()}/{resource}?{urlencode(words)}"


def make_observation(row: EcosystemsRow, registry: str) -> Observation:
    """What a row says of its package."""
    name = derive_stable_id(registry, row.name)
    return Observation(
        name, name, row.downloads, dependents=row.dependents, dependent_repos=row.dependent_repos,
        created_at=epoch_seconds(row.released_at), modified_at=epoch_seconds(row.modified_at), synced_at=epoch_seconds(row.synced_at),
        attributes={"status": row.status, "licence": "|".join(sorted(row.licences or ())) or None},
    )  # fmt: skip


def read_period(body: bytes, downloads: int | None) -> str:
    """What the downloads of the first row count: 'none' where it has none, 'unstated' where it does not say.

    >>> read_period(b'[{"name": "six", "downloads": 5, "downloads_period": "last-month"}]', 5)
    'last-month'
    """
    if downloads is None:
        return "none"
    row = json.loads(body)[0]
    period = row.get("downloads_period") if isinstance(row, dict) else None
    return period if isinstance(period, str) and 0 < len(period) < 40 else "unstated"


def expected_period(registry: str) -> str:
    """What the downloads of an ecosystem count, by the service's own code; 'unknown' before the rows have told."""
    return next((period for period, ecosystems in ECOSYSTEMS_BY_PERIOD.items() if registry in ecosystems), "unknown")


def names_to_request(k: int) -> int:
    """How many names to ask for: one in a hundred more than K, for the doubles."""
    return k + max(10, k // 100)


def choose_registry(name: str, registries: Iterable[EcosystemsRegistryRow]) -> EcosystemsRegistryRow | None:
    """The registry a person means: by the service's own name, or an ecosystem's default, or its only one."""
    registries = list(registries)
    named = [registry for registry in registries if registry.name == name]
    of_ecosystem = [registry for registry in registries if registry.ecosystem == name]
    default = [registry for registry in of_ecosystem if registry.default]
    only = of_ecosystem if len(of_ecosystem) == 1 else []
    return next(iter(named or default or only), None)


def unknown_registry_error(name: str, registries: Iterable[EcosystemsRegistryRow]) -> UnknownRegistryError:
    """No registry has this name, or an ecosystem has several and no default."""
    registries = list(registries)
    several = [registry.name for registry in registries if registry.ecosystem == name]
    near = several or difflib.get_close_matches(
        name, {label for row in registries for label in (row.ecosystem, row.name) if label}, 3
    )
    return UnknownRegistryError(
        f"There is no registry {name!r}.",
        why=f"Ecosyste.ms has several of this ecosystem: {', '.join(several)}." if several else
        "Neither the Hub nor Ecosyste.ms lists one of this name.",
        fix=f"Did you mean {' or '.join(near)}?" if near else "See `observatory crawl registries`.",
    )  # fmt: skip


def reduce_body(body: bytes) -> bytes:
    """The body with the fields we keep and nothing else: no people, no repository metadata."""
    try:
        rows = msgspec.json.decode(body) if body else []
    except (msgspec.DecodeError, UnicodeDecodeError):  # half characters or NaN in a row: Python's reader takes them
        rows = json.loads(body, parse_constant=lambda _: None)
    listed = rows if isinstance(rows, list) else [rows]
    kept = [
        {key: row[key] for key in STORED_FIELDS if key in row} if isinstance(row, Mapping) else None for row in listed
    ]
    return json.dumps(kept, ensure_ascii=True, separators=(",", ":")).encode("ascii")


def split_rows(registry: str, response: HttpResponse) -> list[bytes]:
    """The rows of a list.

    Raises:
        UnexpectedPage: it is none.
    """
    try:
        return split_json_rows(response.body)
    except NotAListError as error:
        raise not_a_list_error(registry, error) from error


def read_names(registry: str, rows: Iterable[bytes]) -> tuple[list[str], list[Reject]]:
    """The stable ids of a list of names, and what is no name."""
    names, rejects = [], []
    for position, raw in enumerate(rows):
        try:
            name = derive_stable_id(registry, msgspec.json.decode(raw, type=Name))
            check_storable(name)
            names.append(name)
        except (msgspec.DecodeError, UnicodeDecodeError, UnreadableRowError) as error:
            rejects.append(Reject(position, str(error)[:200], raw[:500].decode("utf-8", "replace")))
    return names, rejects


def read_registry(raw: bytes) -> EcosystemsRegistryRow | None:
    """One registry of the list, or None where the row cannot be read."""
    try:
        return msgspec.json.decode(raw, type=EcosystemsRegistryRow)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
