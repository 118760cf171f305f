"""Every package of a registry of Ecosyste.ms, by name.

Pages
    `/package_names?sort=name&order=asc` gives names and nothing else, 10,000 a page (1,000 where the service caps the
    size: `page-items`). A name is listed once, so the order has no ties. It is the order of the database, not of the
    bytes. Pages are offsets into a table that changes: each page begins with rows that the page before ended with, and
    a page that shares none is requested again, further back (`crawler.parsing.offsets`). At the end twenty pages are
    requested again from the other end (`order=desc`). Up to two of the names in each that no page had are requested
    alone: `created_at` shows whether they were missed or are new. Responses may be an hour old. Packages that their
    registry has removed are listed too.

Counters
    None: with the counters a row weighs up to 160 kB. A list of names has no dates of creation or change either.
    Data: ecosyste.ms, CC BY-SA 4.0.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from crawler.errors import UnknownRegistryError
from crawler.parsing.ecosystems_rows import read_names
from crawler.parsing.offsets import count_out_of_order, find_page_before, overlap_start, pages_to_recheck
from crawler.parsing.pages import make_page
from crawler.parsing.redact import redact_reject
from crawler.parsing.rows import describe_error, epoch_seconds
from crawler.parsing.urls import int_parameter
from crawler.plan import CrawlPlan, PageRecorder
from crawler.response import CensusPage, Event, HttpResponse, Observation, Page, Progress, Reject
from crawler.spiders.ecosystems import MAX_NAMES_PER_PAGE, MIN_NAMES_PER_PAGE, ROUND_SIZE, EcosystemsSpider, split_rows
from db.identity import derive_stable_id
from db.rows import NAMES_CENSUS_COUNTER

NAME_FINGERPRINT = 1  # the same for every row, which holds nothing but a name
MAX_REFETCHES = 5
NAMES_APART = "names_apart"


class PackageCreation(msgspec.Struct, gc=False):
    """When a package was first listed at Ecosyste.ms."""

    created_at: datetime | None = None


class EcosystemsCensusSpider(EcosystemsSpider):
    """All names of one registry."""

    name = "ecosystems-census"
    snapshot_kind = "names_census"
    max_pages = 100_000  # of 100 names, twice all names of npm
    max_pages_without_new = 2**MAX_REFETCHES  # after a step back that was too long

    def __init__(self, plan: CrawlPlan, resume_url: str | None = None, recorder: PageRecorder | None = None) -> None:
        super().__init__(plan, resume_url, recorder)
        if plan.ordered_by:
            raise UnknownRegistryError(
                f"A census of {plan.registry} has no order to choose.",
                why="A census lists names only.",
                fix="Omit --by, or use --top K.",
            )
        self._page_size = int_parameter(resume_url or "", "per_page") or MAX_NAMES_PER_PAGE
        self._largest_page = int_parameter(resume_url or "", "per_page")  # rows; pages of that size have come
        self._previous_names = recorder.newest_ids if recorder else frozenset[str]()
        self._page_names: frozenset[str] | None = None
        self._unseen_names: list[str] = []
        self._page_urls: set[str] = set()

    @property
    def counter(self) -> str:
        """The counter of a census that has no counters."""
        return NAMES_CENSUS_COUNTER

    def second_url(self) -> str:
        """Return the URL of the first names."""
        return self._page_url(MAX_NAMES_PER_PAGE, 1)

    def read_page(self, response: HttpResponse) -> Page:
        """Return a page of names, of one package, or of the registries."""
        if self.is_url_of_package(response.url):
            return self._read_single(response)
        if not urlsplit(response.url).path.endswith("/package_names"):
            return super().read_page(response)
        return self._read_names_page(response)

    def _read_names_page(self, response: HttpResponse) -> Page:
        self.probe_results.setdefault("began", response.fetched_at)
        rows = split_rows(self.plan.registry, response)
        names, rejects = read_names(self.plan.registry, rows)
        is_recheck = "order=desc" in response.url
        page = make_page(
            "probe" if is_recheck else "ranking", response, len(rows), rejects=map(redact_reject, rejects),
            events=() if is_recheck else self._gap_events(response, names),
            disorder=count_out_of_order(names[:: -1 if is_recheck else 1]),
            next_url=None if is_recheck else self._next_names_url(response, len(rows), names),
        )  # fmt: skip
        self._page_names = None if is_recheck else frozenset(names)
        names_by_id = {derive_stable_id(self.plan.registry, name): name for name in reversed(names)}
        return make_names_page(page, names_by_id, len(names), int(self.probe_results.get("population") or 0))

    def refetch_url(self, page: Page, tries: int) -> str | None:
        """Return a page further back (half a page, then 1, 2, 4, … pages) if this page overlaps no other."""
        if tries >= MAX_REFETCHES or not any(event.kind == NAMES_APART for event in page.events):
            return None
        start = (int_parameter(page.url, "page") - 1) * int_parameter(page.url, "per_page")
        return self._fresh_page_url(start - self._page_size * 2**tries // 2, self._page_size)

    def on_page_stored(self) -> None:
        """Let the next page overlap the page that was stored."""
        self._previous_names = self._previous_names if self._page_names is None else self._page_names

    def next_url(self, page: Page, progress: Progress) -> str | None:
        """Return the next page, then some pages again from the other end, then a few packages alone."""
        self._unseen_names += progress.missing
        if page.next_url:
            return page.next_url
        if self.is_url_of_package(page.url):
            return self._next_unseen_url()
        size = int_parameter(page.url, "per_page")
        last = int_parameter(page.url, "page") if "order=desc" in page.url else 0
        numbers = (number for number in pages_to_recheck(progress.depth, size) if number > last)
        return next((self._page_url(size, number, "desc") for number in numbers), None) or self._next_unseen_url()

    def smaller_page_url(self, url: str) -> str | None:
        """Return a page of half the size that begins at the same row or a few rows before."""
        size, number = int_parameter(url, "per_page"), int_parameter(url, "page")
        if not urlsplit(url).path.endswith("/package_names"):
            return super().smaller_page_url(url)
        if size // 2 < MIN_NAMES_PER_PAGE:
            return None
        order = "desc" if "order=desc" in url else "asc"
        return self._page_url(*find_page_before((number - 1) * size, size // 2), order)

    def _next_unseen_url(self) -> str | None:
        names = [name for name in self._unseen_names if name not in self._single_requests]
        self._single_requests |= {*names[:1]}
        return f"{self.registry_url()}/packages/{quote(names[0], safe='')}" if names else None

    def _read_single(self, response: HttpResponse) -> Page:
        """Return a page that states whether one package is newer than the census. The package may be gone."""
        self._page_names = None
        self._failures_in_a_row = 0 if response.status < 500 else self._failures_in_a_row + 1
        if response.status != 200:
            return make_names_page(make_page("probe", response, 0), {})
        try:
            row = msgspec.json.decode(response.body, type=PackageCreation)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            reject = redact_reject(Reject(0, describe_error(error), ""))
            return make_names_page(make_page("probe", response, 0, rejects=[reject]), {})
        created_at = epoch_seconds(row.created_at)
        is_newer = created_at is not None and created_at >= int(self.probe_results["began"])
        return dataclasses.replace(make_names_page(make_page("probe", response, 1), {}), beyond=int(is_newer))

    def _gap_events(self, response: HttpResponse, names: Sequence[str]) -> Sequence[Event]:
        is_first = int_parameter(response.url, "page") <= 1 or not self._previous_names
        if is_first or not self._previous_names.isdisjoint(names):
            return ()
        return (Event(NAMES_APART, "warning", "a page that shares no name with the page before"),)

    def _next_names_url(self, response: HttpResponse, received: int, names: Sequence[str]) -> str | None:
        """Return the URL of the next page. The service states how many rows a page may have, or the page shows it.

        After a page that names no next one and holds only names of the page before, there is none. A page without a
        next one that is shorter than others were is the last: some services state how many rows it holds.
        """
        has_next = self.next_page_url(response) is not None
        requested, number = int_parameter(response.url, "per_page"), int_parameter(response.url, "page")
        is_remainder = not has_next and received < requested <= self._largest_page
        self._largest_page = max(self._largest_page, received)
        has_ended = received % ROUND_SIZE != 0 if is_remainder else self.next_list_url(response, received) is None
        if has_ended or (not has_next and self._previous_names.issuperset(names)):
            return None
        header = response.headers.get("page-items", "")
        rows = int(header) if header.isascii() and header.isdigit() and int(header) > 0 else received
        if is_remainder:
            rows = requested
        elif rows < requested:
            self._page_size = rows
        elif requested <= self._page_size // 2:
            self._page_size = requested
        return self._fresh_page_url(overlap_start((number - 1) * rows + received, self._page_size), self._page_size)

    def _fresh_page_url(self, row: int, size: int) -> str:
        """Return a URL, not used before, of a page that begins at a row or before. Old responses may be cached."""
        url = ""
        while size and (not url or url in self._page_urls):
            size, number = find_page_before(row, size)
            url, size = self._page_url(size, number), size - 1
        self._page_urls.add(url)
        return url

    def _page_url(self, size: int, number: int, order: str = "asc") -> str:
        parameters = {"sort": "name", "order": order, "per_page": size, "page": number}
        return f"{self.registry_url()}/package_names?{urlencode(parameters)}"


def make_names_page(page: Page, names_by_id: Mapping[str, str], received: int = 0, population: int = 0) -> CensusPage:
    """Return a page of a census whose rows hold nothing but names, each with the stable id of its package."""
    ids = sorted(names_by_id)
    unknown = [None] * len(ids)
    common = {field.name: getattr(page, field.name) for field in dataclasses.fields(Page)}
    return CensusPage(
        **common, stable_ids=ids, fingerprints=[NAME_FINGERPRINT] * len(ids), downloads=unknown, likes=unknown,
        downloads_all_time=unknown, trending=unknown,
        observe=lambda index: Observation(ids[index], names_by_id[ids[index]]), repeated=received - len(ids),
        population=population,
    )  # fmt: skip
