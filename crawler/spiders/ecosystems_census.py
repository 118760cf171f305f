"""Every package of a registry of Ecosyste.ms, by name.

Pages
    `/package_names?sort=name&order=asc`: nothing but names, 10,000 to an answer (1,000 where the service cuts it:
    `page-items` tells). A name is there once, so the order has no ties; it is the database's, not that of the bytes.
    Pages are offsets into a living table: each begins with rows that the one before ended with, and one that does not
    is asked for again, further back (`crawler.parsing.offsets`). In the end twenty pages are asked for once more, from
    the other end (`order=desc`), and of the names in each that no page had up to two are asked for alone: `created_at`
    tells whether they were missed, or have appeared since. Answers may be an hour old. Packages that their registry
    has removed are listed too.

Counters
    None: with the counters a row weighs up to 160 kB. Nor does a list of names say when a package was made or changed.
    Data: ecosyste.ms, CC BY-SA 4.0.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import datetime
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from crawler.errors import UnknownRegistryError
from crawler.parsing.offsets import count_out_of_order, find_page_before, overlap_start, pages_to_recheck
from crawler.parsing.pages import make_page
from crawler.parsing.redact import redact_reject
from crawler.parsing.rows import describe_error, epoch_seconds
from crawler.parsing.urls import int_parameter
from crawler.plan import CrawlPlan, PageRecorder
from crawler.response import CensusPage, Event, HttpResponse, Observation, Page, Progress, Reject
from crawler.spiders.ecosystems import MAX_NAMES_PER_PAGE, EcosystemsSpider, read_names, split_rows
from db.rows import NAMES_CENSUS_COUNTER

NAME_FINGERPRINT = 1  # the fingerprint of every row: a name is all it says
MIN_NAMES_PER_PAGE = 100
MAX_REFETCHES = 5
NAMES_APART = "names_apart"


class PackageCreation(msgspec.Struct, gc=False):
    """When a package was first listed here."""

    created_at: datetime | None = None


class EcosystemsCensusSpider(EcosystemsSpider):
    """The whole of one registry."""

    name = "ecosystems-census"
    is_census = True
    ordered_by_id = False
    max_pages_without_new = 2**MAX_REFETCHES  # after a leap back that was too long

    def __init__(self, plan: CrawlPlan, resume_url: str | None = None, recorder: PageRecorder | None = None) -> None:
        super().__init__(plan, resume_url, recorder)
        if plan.ordered_by:
            raise UnknownRegistryError(
                f"A census of {plan.registry} has no order to choose.",
                why="It is a list of names alone.",
                fix="Leave --by away, or use --top K.",
            )
        self._page_size = int_parameter(resume_url or "", "per_page") or MAX_NAMES_PER_PAGE
        self._previous_names = recorder.newest_ids if recorder else frozenset[str]()
        self._page_names: frozenset[str] | None = None
        self._unseen_names: list[str] = []
        self._page_urls: set[str] = set()

    @property
    def counter(self) -> str:
        """None: names alone."""
        return NAMES_CENSUS_COUNTER

    def second_url(self) -> str:
        """The first names."""
        return self._page_url(MAX_NAMES_PER_PAGE, 1)

    def read_page(self, response: HttpResponse) -> Page:
        """A page of names, or what the service calls this registry."""
        if urlsplit(response.url).path.endswith("/registries"):
            return super().read_page(response)
        if not urlsplit(response.url).path.endswith("/package_names"):
            return self._read_single(response)
        self.probe_results.setdefault("began", response.fetched_at)
        rows = split_rows(self.plan.registry, response)
        names, rejects = read_names(self.plan.registry, rows)
        again = "order=desc" in response.url
        plain = make_page(
            "probe" if again else "ranking", response, len(rows), rejects=map(redact_reject, rejects),
            events=() if again else self._gap_events(response, names), disorder=count_out_of_order(names[:: -1 if again else 1]),
            next_url=None if again else self._next_names_url(response, len(rows)),
        )  # fmt: skip
        self._page_names = None if again else frozenset(names)
        return make_names_page(plain, names, int(str(self.probe_results.get("population") or 0)))

    def refetch_url(self, page: Page, tries: int) -> str | None:
        """The page half a page further back, then one, two, four, …: this one does not lie against what was read."""
        if tries >= MAX_REFETCHES or not any(event.kind == NAMES_APART for event in page.events):
            return None
        begins = (int_parameter(page.url, "page") - 1) * int_parameter(page.url, "per_page")
        return self._fresh_page_url(begins - self._page_size * 2**tries // 2, self._page_size)

    def on_page_stored(self) -> None:
        """The page in hand is written; the next one has to lie against it."""
        self._previous_names = self._previous_names if self._page_names is None else self._page_names

    def next_url(self, page: Page, progress: Progress) -> str | None:
        """Page after page; then some of them once more, from the other end; then a few packages alone."""
        self._unseen_names += progress.missing
        if page.next_url:
            return page.next_url
        if "/packages/" in page.url:
            return self._next_unseen_url()
        done, size = (
            int_parameter(page.url, "page") if "order=desc" in page.url else 0,
            int_parameter(page.url, "per_page"),
        )
        left = (number for number in pages_to_recheck(progress.depth, size) if number > done)
        return next((self._page_url(size, number, "desc") for number in left), None) or self._next_unseen_url()

    def smaller_page_url(self, url: str) -> str | None:
        """Half as many rows, from the same one or a few before it."""
        size, number = int_parameter(url, "per_page"), int_parameter(url, "page")
        if not urlsplit(url).path.endswith("/package_names") or size // 2 < MIN_NAMES_PER_PAGE:
            return None
        order = "desc" if "order=desc" in url else "asc"
        return self._page_url(*find_page_before((number - 1) * size, size // 2), order)

    def _next_unseen_url(self) -> str | None:
        left = [name for name in self._unseen_names if name not in self._single_requests]
        self._single_requests |= {*left[:1]}
        return f"{self.registry_url()}/packages/{quote(left[0], safe='')}" if left else None

    def _read_single(self, response: HttpResponse) -> Page:
        """Whether one package was made after the census began; it may be gone again."""
        self._page_names = None
        if response.status == 404:
            return make_names_page(make_page("probe", response, 0), ())
        try:
            row = msgspec.json.decode(response.body, type=PackageCreation)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return make_names_page(
                make_page("probe", response, 0, rejects=[redact_reject(Reject(0, describe_error(error), ""))]), ()
            )
        made = epoch_seconds(row.created_at)
        since = made is not None and made >= int(str(self.probe_results["began"]))
        return dataclasses.replace(make_names_page(make_page("probe", response, 1), ()), beyond=int(since))

    def _gap_events(self, response: HttpResponse, names: Sequence[str]) -> Sequence[Event]:
        if (
            int_parameter(response.url, "page") <= 1
            or not self._previous_names
            or not self._previous_names.isdisjoint(names)
        ):
            return ()
        return (Event(NAMES_APART, "warning", "a page that shares no name with the one before it"),)

    def _next_names_url(self, response: HttpResponse, received: int) -> str | None:
        """The address of the next page. How many rows one may have is what the service says, or what it gave."""
        if self.next_page_url(response) is None:
            return None
        asked, number = int_parameter(response.url, "per_page"), int_parameter(response.url, "page")
        said = response.headers.get("page-items", "")
        given = int(said) if said.isascii() and said.isdigit() and int(said) > 0 else received
        self._page_size = given if given < asked else asked if asked <= self._page_size // 2 else self._page_size
        return self._fresh_page_url(overlap_start((number - 1) * given + received, self._page_size), self._page_size)

    def _fresh_page_url(self, row: int, size: int) -> str:
        """The address of a page that begins at a row or before: a new one, for old answers may lie in a cache."""
        url = ""
        while size and (not url or url in self._page_urls):
            size, number = find_page_before(row, size)
            url, size = self._page_url(size, number), size - 1
        self._page_urls.add(url)
        return url

    def _page_url(self, size: int, number: int, order: str = "asc") -> str:
        words = {"sort": "name", "order": order, "per_page": size, "page": number}
        return f"{self.registry_url()}/package_names?{urlencode(words)}"


def make_names_page(page: Page, names: Sequence[str], population: int = 0) -> CensusPage:
    """A page of a census of which no more is known than names."""
    rising = sorted(set(names))
    unknown = [None] * len(rising)
    common = {field.name: getattr(page, field.name) for field in dataclasses.fields(Page)}
    return CensusPage(
        **common, stable_ids=rising, fingerprints=[NAME_FINGERPRINT] * len(rising), downloads=unknown, likes=unknown,
        downloads_all_time=unknown, trending=unknown, observe=lambda place: Observation(rising[place], rising[place]),
        repeated=len(names) - len(rising), population=population,
    )  # fmt: skip
