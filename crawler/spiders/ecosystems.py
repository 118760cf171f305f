"""Every registry of Ecosyste.ms: npm, pypi, cargo and about a hundred more.

Pages
    `/registries` gives the service's own name of a registry. `/package_names?sort=…&order=desc` gives the order, up to
    10,000 names a page (fewer where the service caps the size: `page-items`). `/packages?…` gives the counters. Its
    rows weigh up to 160 kB, so a page has 100 rows, and a page that is too heavy for the server is requested in halves.
    Pages are offsets into a table that changes and has no tie-breaker, so pages overlap and leave gaps. A margin of one
    in a hundred is fetched, duplicates are counted, and packages that fell between two pages of counters are requested
    one by one. Responses may be an hour old. Each page keeps its age.

Counters
    `downloads` counts the last month for npm, pypi, cran, homebrew and julia. It is a total since the beginning for
    cargo, rubygems, packagist, nuget, docker, hex and others, and absent for go, maven and most distributions.
    `downloads_period` comes with every row and overrides this list. The counter is refreshed a day to months apart
    (`synced_at`). Maintainers and their addresses are in the rows and are never stored.
    Data: ecosyste.ms, CC BY-SA 4.0.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import quote, urlencode, urlsplit

from w3lib.url import add_or_replace_parameters

from crawler.errors import CrawlError, UnknownRegistryError, not_a_list_error
from crawler.parsing.ecosystems_rows import (
    EcosystemsRegistryRow,
    EcosystemsRow,
    choose_registry,
    find_registry_fault,
    make_observation,
    read_names,
    read_period,
    read_registry,
    reduce_body,
)
from crawler.parsing.page_size import PageSize
from crawler.parsing.pages import is_full_page, make_page
from crawler.parsing.rows import NotAListError, ParsedRows, count_inversions, read_rows, split_json_rows
from crawler.parsing.urls import int_parameter
from crawler.plan import CrawlPlan, ListedRegistry, PageRecorder
from crawler.response import Event, HttpResponse, Observation, Page, Progress, Registry
from crawler.spiders import RegistrySpider
from db.identity import derive_stable_id

PACKAGE_PATH = re.compile("(?:.*/)?registries/[^/]+/packages/[^/]+")
MAX_NAMES_PER_PAGE = 10_000
ROUND_SIZE = 1000  # the largest page of most lists, and of names where the service caps it
ROWS_PER_PAGE = 100
COUNTER_PAGE_SIZES = (100, 50, 25, 5)  # each begins where a page of a larger size begins
MAX_FAILURES_IN_A_ROW = 3
MIN_NAMES_PER_PAGE = 100
MAX_FIRST_ROWS = 3  # rows of which the first that the server can give shows what the counter means
MAX_REGISTRY_PAGES = 20  # of 1,000 registries, which the service may cut to 50
MAX_SINGLE_REQUESTS = 50  # for packages without counters; the gate judges any more than these
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
COUNTER_MEANINGS = {
    "last-month": "downloads of the last month, refreshed a day to months apart; dependent packages",
    "total": "downloads since the beginning (not comparable with a month's); dependent packages",
    "unknown": "downloads, if any (its rows state the period); dependent packages",
    "none": "dependent packages (no downloads are published)",
}


class EcosystemsSpider(RegistrySpider):
    """Lists of one registry of Ecosyste.ms by downloads or by dependent packages."""

    name = "ecosystems"
    service = "ecosystems"
    endpoint_variable = "ECOSYSTEMS_ENDPOINT"
    public_endpoint = "https://packages.ecosyste.ms/api/v1"
    default_delay = 1.0
    is_fallback = True  # whether a registry exists is asked of the service

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
        self._counter_page_size = PageSize(ROWS_PER_PAGE)
        self._failures_in_a_row = 0
        self._registry_pages = 0

    @classmethod
    def list_registries(cls) -> Iterator[ListedRegistry]:
        """Yield the ecosystems whose counter is known. Any other is looked up when it is named."""
        periods = {name: period for period, names in ECOSYSTEMS_BY_PERIOD.items() for name in names}
        periods |= dict.fromkeys(WITHOUT_DOWNLOADS, "none")
        for name, period in sorted(periods.items()):
            yield cls.list_registry(name, period)

    @classmethod
    def list_registry(cls, name: str, period: str = "unknown") -> ListedRegistry:
        """Return a registry as `crawl registries` shows it."""
        orders = ("dependents",) if period == "none" else ("downloads", "dependents")
        return ListedRegistry(name, orders, COUNTER_MEANINGS[period])

    @classmethod
    def accepts_registry(cls, registry: str) -> bool:
        """Accept any name: the service is asked whether the registry exists."""
        return bool(registry)

    @classmethod
    def registries_note(cls, endpoint: str) -> str:
        """Return how registries that are not in the table are named."""
        return (
            "Any other registry of Ecosyste.ms can be named by its ecosystem (swift, nix, …) or, if an ecosystem\n"
            f"has several registries, by the service's own name. Names are looked up at {endpoint}/registries."
        )

    def accepts_status(self, status: int, url: str) -> bool:
        """Accept 404 for a package requested by name: the package may have been removed since it was listed."""
        return status == 200 or (status == 404 and self.is_url_of_package(url))

    def is_url_of_package(self, url: str) -> bool:
        """Return whether a URL is that of one package. The path of a mirror may hold the same words."""
        return PACKAGE_PATH.fullmatch(urlsplit(url.removeprefix(self.plan.endpoint)).path) is not None

    @property
    def counter(self) -> str:
        """The period of the ordering counter: last-month, total, none, unstated, or dependents."""
        if self.ordered_by == "dependents":
            return "dependents"
        return str(self.probe_results.get("period") or expected_period(self.plan.registry))

    def describe_registry(self) -> Registry:
        """Return the registry, with the service's own name once that is known."""
        name = self.probe_results.get("service_name")
        return Registry(self.plan.registry, self.service, str(name) if name else None)

    def first_url(self) -> str:
        """Return the URL that gives the service's own name of the registry."""
        return f"{self.plan.endpoint}/registries?{urlencode({'per_page': 1000})}"

    def second_url(self) -> str:
        """Return the URL of the first row, which shows what the counter means."""
        return self._list_url("packages", 1)

    def read_page(self, response: HttpResponse) -> Page:
        """Return the page of a response, which its URL tells how to read."""
        path = urlsplit(response.url).path
        if self.is_url_of_package(response.url):  # a package may be called `registries`
            return self._read_counters(response)
        if path.endswith("/registries"):
            return self._read_registries(response)
        if path.endswith("/package_names"):
            return self._read_names(response)
        if int_parameter(response.url, "per_page") == 1:
            return self._read_first_row(response)
        return self._read_counters(response)

    def next_url(self, page: Page, progress: Progress) -> str | None:
        """Return the next page of names, then of counters, then the packages that fell between two pages."""
        if page.role == "probe":
            return page.next_url
        if page.role == "ranking":
            if progress.depth < self.plan.top and page.next_url:
                return page.next_url
            return self._list_url("packages", ROWS_PER_PAGE) if self.plan.with_counters else None
        rows = int_parameter(page.url, "page") * int_parameter(page.url, "per_page") if page.next_url else None
        if rows is not None and rows < self.plan.top * 1.01 + ROWS_PER_PAGE and progress.with_counters < self.plan.top:
            return page.next_url
        return self._next_single_url(progress)

    def accepts_failure(self, url: str) -> bool:
        """Accept that the smallest page of counters fails, whose packages are then requested one by one.

        If several fail in a row, the server itself has failed.
        """
        is_smallest = int_parameter(url, "per_page") == COUNTER_PAGE_SIZES[-1]
        return (is_smallest or self.is_url_of_package(url)) and self._failures_in_a_row < MAX_FAILURES_IN_A_ROW

    def smaller_page_url(self, url: str) -> str | None:
        """Return the URL of a smaller page that begins at the same row, or of the next row for a page of one row."""
        size, row = int_parameter(url, "per_page"), first_row(url)
        if size == 1:
            return _page_url(url, 1, row + 1) if row < MAX_FIRST_ROWS else None
        if not urlsplit(url).path.endswith("/packages"):
            return _page_url(url, size // 2, row) if size // 2 >= MIN_NAMES_PER_PAGE else None
        smaller = next((smaller for smaller in COUNTER_PAGE_SIZES if smaller < size), 0)
        return _page_url(url, smaller, row) if smaller and self._counter_page_size.shrink(2 * smaller) else None

    def next_list_url(self, response: HttpResponse, received: int) -> str | None:
        """Return the URL of the next page. A full page that names none is followed by the next offset."""
        size, stated = int_parameter(response.url, "per_page"), response.headers.get("page-items", "")
        following = _page_url(response.url, size, first_row(response.url) + size)
        is_full = is_full_page(received, size, ROUND_SIZE) or (received > 0 and stated == str(received))
        return self.next_page_url(response) or (following if is_full else None)

    def _next_counters_url(self, response: HttpResponse, received: int) -> str | None:
        """Return the URL of the next counters: the largest size that fits the offset, up to one that may work again."""
        if self.is_url_of_package(response.url):
            return None
        largest, size = self._counter_page_size.count_page(), int_parameter(response.url, "per_page")
        following = self.next_list_url(response, received)
        if following is None or size >= ROWS_PER_PAGE:
            return following
        row = first_row(following)
        sizes = (size for size in COUNTER_PAGE_SIZES if size <= largest and row % size == 0)
        return _page_url(following, next(sizes, size), row)

    def registry_url(self) -> str:
        """Return the URL of the registry."""
        return f"{self.plan.endpoint}/registries/{quote(str(self.probe_results['service_name']), safe='')}"

    def _read_registries(self, response: HttpResponse) -> Page:
        raw_rows = split_rows(self.plan.registry, response)
        rows = [read_registry(raw) for raw in raw_rows]
        readable = [row for row in rows if row]
        registry = choose_registry(self.plan.registry, readable)
        following = self.next_list_url(response, len(rows))
        self._registry_pages += 1
        if registry is None and following and self._registry_pages < MAX_REGISTRY_PAGES:
            return make_page("probe", response, len(rows), next_url=following)
        if registry is None and None in rows:
            raise unreadable_registries_error(self.plan.registry, raw_rows, len(readable))
        if registry is None:
            raise unknown_registry_error(self.plan.registry, readable)
        self._use_name_of_ecosystem(registry, readable)
        self.probe_results |= {"service_name": registry.name, "population": registry.packages_count or 0}
        return make_page("probe", response, len(rows), next_url=self.second_url())

    def _use_name_of_ecosystem(
        self, registry: EcosystemsRegistryRow, registries: Iterable[EcosystemsRegistryRow]
    ) -> None:
        """Rename the registry of the plan to its ecosystem, if the ecosystem alone names the same registry."""
        ecosystem = registry.ecosystem
        if ecosystem and self.plan.registry == registry.name and choose_registry(ecosystem, registries) == registry:
            self.plan = dataclasses.replace(self.plan, registry=ecosystem)

    def _read_first_row(self, response: HttpResponse) -> Page:
        rows = self._read_rows(response.body)
        period = read_period(response.body, rows.observations[0].downloads) if rows.observations else "none"
        expected, events = expected_period(self.plan.registry), [*rows.events]
        self.probe_results["period"] = period
        if period == "none" and rows.received and (rows.events or rows.rejects):
            raise unreadable_row_error(self.plan.registry, rows)
        if period == "none" and self.ordered_by == "downloads":
            raise no_downloads_error(self.plan.registry, expected)
        if expected not in (period, "unknown"):
            events.append(Event("counter_meaning", "warning", "downloads_period of the first row", expected, period))
        url = self._list_url("package_names", min(MAX_NAMES_PER_PAGE, names_to_request(self.plan.top)))
        return make_page("probe", response, rows.received, events=events, body=reduce_body(response.body), next_url=url)

    def _read_names(self, response: HttpResponse) -> Page:
        rows = split_rows(self.plan.registry, response)
        names, rejects = read_names(self.plan.registry, rows)
        observations = [Observation(derive_stable_id(self.plan.registry, name), name) for name in names]
        url = self.next_list_url(response, len(rows))
        return make_page("ranking", response, len(rows), observations, rejects, next_url=url, body=response.body)

    def _read_counters(self, response: HttpResponse) -> Page:
        if response.status == 404:  # a package requested by name that was removed since it was listed
            event = Event("deleted", "note", urlsplit(response.url).path[-200:])
            return make_page("counters", response, 0, events=[event])
        if response.status != 200:
            return self._skip_counters(response)
        self._failures_in_a_row = 0
        body = response.body if response.body.lstrip()[:1] == b"[" else b"[" + response.body + b"]"
        rows = self._read_rows(body)
        values = [row.downloads if self.ordered_by == "downloads" else row.dependents for row in rows.observations]
        events = [*rows.events]
        if missing := values.count(None):
            events.append(Event("counter_missing", "note", f"{missing} rows without {SORT_FIELDS[self.ordered_by]}"))
        return make_page(
            "counters", response, rows.received, rows.observations, rows.rejects, events, count_inversions(values),
            self._next_counters_url(response, rows.received), reduce_body(body),
        )  # fmt: skip

    def _skip_counters(self, response: HttpResponse) -> Page:
        """Return the page of counters that the server cannot give, which is followed by the rows after it."""
        self._failures_in_a_row += 1
        size, row = int_parameter(response.url, "per_page"), first_row(response.url)
        event = Event("page_unavailable", "warning", urlsplit(response.url).path[-200:], None, str(response.status))
        following = None if self.is_url_of_package(response.url) else _page_url(response.url, size, row + size)
        return make_page("counters", response, 0, events=[event], next_url=following)

    def _read_rows(self, body: bytes) -> ParsedRows:
        try:
            return read_rows(
                body, EcosystemsRow, frozenset({"name"}), lambda row, _: make_observation(row, self.plan.registry)
            )
        except NotAListError as error:
            raise not_a_list_error(self.plan.registry, error) from error

    def _next_single_url(self, progress: Progress) -> str | None:
        names = [name for name in progress.missing if name not in self._single_requests]
        if not names or len(self._single_requests) >= MAX_SINGLE_REQUESTS:
            return None
        self._single_requests.add(names[0])
        return f"{self.registry_url()}/packages/{quote(names[0], safe='')}"

    def _list_url(self, resource: str, size: int) -> str:
        parameters = {"sort": SORT_FIELDS[self.ordered_by], "order": "desc", "per_page": size, "page": 1}
        return f"{self.registry_url()}/{resource}?{urlencode(parameters)}"


def first_row(url: str) -> int:
    """Return the offset of the first row of a page.

    >>> first_row("https://eco.example/packages?per_page=25&page=3")
    50
    """
    return max(0, int_parameter(url, "page") - 1) * int_parameter(url, "per_page")


def _page_url(url: str, size: int, row: int) -> str:
    """Return the URL of the page of a size in which a row is, the first one if the row is a multiple of the size."""
    parameters = {"per_page": str(size), "page": str(row // size + 1)}
    return add_or_replace_parameters(url, parameters)


def expected_period(registry: str) -> str:
    """Return the period that an ecosystem's downloads cover by the service's own code, or 'unknown'."""
    return next((period for period, ecosystems in ECOSYSTEMS_BY_PERIOD.items() if registry in ecosystems), "unknown")


def names_to_request(k: int) -> int:
    """Return how many names to request: one in a hundred more than K, for duplicates."""
    return k + max(10, k // 100)


def unreadable_registries_error(registry: str, raw_rows: Sequence[bytes], readable_count: int) -> CrawlError:
    """Return the error for a list of registries in which a registry may be among the unreadable rows."""
    fault = next(fault for fault in map(find_registry_fault, raw_rows) if fault)
    return CrawlError(
        f"Some rows of the list of registries cannot be read, and {registry!r} is not in the rest.",
        why=f"{len(raw_rows) - readable_count} of {len(raw_rows)} rows have an unexpected form: {fault}.",
        fix="The API of Ecosyste.ms may have changed: report it.",
    )


def unreadable_row_error(registry: str, rows: ParsedRows) -> CrawlError:
    """Return the error for a registry whose first row has dropped fields or is rejected."""
    reasons = [event.evidence for event in rows.events] + [reject.reason for reject in rows.rejects]
    return CrawlError(
        f"The first row of {registry} cannot be read.",
        why="; ".join(reasons)[:300],
        fix=f"The API of Ecosyste.ms may have changed: `observatory crawl check {registry}`.",
    )


def no_downloads_error(registry: str, expected: str) -> CrawlError:
    """Return the error for an order by downloads of a registry whose first row has none."""
    if expected == "unknown":
        why = "Its order by downloads would be arbitrary."
        return UnknownRegistryError(f"{registry} publishes no downloads.", why=why, fix="Use --by dependents.")
    return CrawlError(
        f"The first row of {registry} has no downloads.",
        why="The field `downloads` is missing or empty, so the order by downloads would be arbitrary.",
        fix=f"The API of Ecosyste.ms may have changed: `observatory crawl check {registry}`.",
    )


def unknown_registry_error(name: str, registries: Iterable[EcosystemsRegistryRow]) -> UnknownRegistryError:
    """Return the error for a name that no registry has, or for an ecosystem without a default registry."""
    rows = list(registries)
    several = [row.name for row in rows if row.ecosystem == name]
    labels = {label for row in rows for label in (row.ecosystem, row.name) if label}
    near = several or difflib.get_close_matches(name, labels, 3)
    return UnknownRegistryError(
        f"There is no registry {name!r}.",
        why=f"Ecosyste.ms has several of this ecosystem: {', '.join(several)}."
        if several
        else "Neither the Hub nor Ecosyste.ms lists a registry of this name.",
        fix=f"Did you mean {' or '.join(near)}?" if near else "See `observatory crawl registries`.",
    )


def split_rows(registry: str, response: HttpResponse) -> list[bytes]:
    """Return the rows of a list, each as its JSON.

    Raises:
        UnexpectedPageError: the response is not a list.
    """
    try:
        return split_json_rows(response.body)
    except NotAListError as error:
        raise not_a_list_error(registry, error) from error
