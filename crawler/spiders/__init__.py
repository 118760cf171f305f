"""Spiders: one file per service and kind of snapshot. Being in this folder is the registration.

A spider says where to start, what a page holds, and which page comes next. Requests, retries and storage are shared:
`crawler.fetching` sends the requests, and the pipeline asks for the next page after it has stored one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any

from scrapy import Request, Spider
from scrapy.exceptions import DownloadCancelledError, IgnoreRequest
from scrapy.http import Response
from twisted.python.failure import Failure

from crawler.errors import CrawlError, CrawlStoppedError, UnexpectedPageError, too_large_error, unexpected_error
from crawler.parsing.pages import next_link
from crawler.parsing.urls import url_on_endpoint
from crawler.plan import CrawlPlan, ListedRegistry, PageRecorder
from crawler.response import HttpResponse, Page, Progress, Registry

TOO_LARGE_ERRORS = (DownloadCancelledError, IgnoreRequest)  # on the wire, and decoded


class PacedSpider(Spider):
    """A spider whose requests pass the pace middleware: the state of one crawl, and which responses it accepts."""

    endpoint_variable = ""
    public_endpoint = ""
    default_delay = 0.0
    max_page_bytes = 32 * 1024 * 1024  # decoded; twice the heaviest page of 100 rows of npm
    has_resume_option = True  # whether its command has a --resume

    def __init__(self, plan: CrawlPlan) -> None:
        super().__init__(self.name)
        self.plan = plan
        self.crawl_error: CrawlError | None = None
        self.storage_error: BaseException | None = None
        self.is_stopping = False

    def accepts_status(self, status: int, url: str) -> bool:
        """Return whether `read_page` understands this status. Others are retried or end the crawl."""
        return status == 200

    def accepts_failure(self, url: str) -> bool:
        """Return whether `read_page` understands that the server cannot give this page, whatever its status of 5xx."""
        return False

    def smaller_page_url(self, url: str) -> str | None:
        """Return the URL of a smaller page that begins at the same row, or None if there is none."""
        return None

    def same_host_url(self, url: str, base: str = "") -> str:
        """Return a URL of the registry on the endpoint of the plan. `base` is the URL of the response that names it.

        Raises:
            UnexpectedPageError: the URL is on another host.
        """
        on_endpoint = url_on_endpoint(url, base or self.plan.endpoint, self.plan.endpoint, self.public_endpoint)
        if on_endpoint is None:
            raise UnexpectedPageError(
                f"{self.plan.registry} redirected to another host: {url[:200]}",
                why="All pages of a list are on the host of the endpoint. Another host may be a trap.",
                fix="Check the URL. If the registry has moved, report it.",
                gate="next_other_host",
            )
        return on_endpoint


class RegistrySpider(PacedSpider):
    """Base of every spider that takes a snapshot.

    A subclass fills in `list_registries`, `counter`, `first_url`, `read_page`, `next_url` and `describe_registry`.
    `probe_results` holds what the first responses show (accepted fields, the meaning of the counter). It is stored
    with the snapshot and given back when the crawl is resumed.
    """

    service = ""
    snapshot_kind = "ranking"  # a file of crawler/snapshots/kinds
    is_fallback = False  # whether it accepts names that no other service lists
    max_pages_without_new = 2
    max_pages = 1_000_000  # a ranking ends at K, long before
    prefetched_url: str | None = None

    def __init__(self, plan: CrawlPlan, resume_url: str | None = None, recorder: PageRecorder | None = None) -> None:
        """Keep the plan. `recorder` is carried to the pipeline; a spider only reads its position in a census."""
        super().__init__(plan)
        self.ordered_by = plan.ordered_by or ""
        self.resume_url = resume_url
        self.recorder = recorder
        self.probe_results: dict[str, Any] = dict(plan.settings)
        self.reached_end = False

    @classmethod
    def list_registries(cls) -> Iterable[ListedRegistry]:
        """Return the registries that the service is known to have."""
        raise NotImplementedError

    @classmethod
    def list_registry(cls, name: str) -> ListedRegistry:
        """Return a registry of the store that `list_registries` lacks; only the fallback is asked."""
        raise NotImplementedError

    @classmethod
    def accepts_registry(cls, registry: str) -> bool:
        """Return whether this spider crawls a registry of that name."""
        return registry in {listed.name for listed in cls.list_registries()}

    @classmethod
    def registries_note(cls, endpoint: str) -> str:
        """Return a remark for below the table of registries, or an empty text."""
        return ""

    @property
    def counter(self) -> str:
        """What the number counts by which the list is ordered."""
        raise NotImplementedError

    def first_url(self) -> str:
        """Return the URL of the first request of a new crawl."""
        raise NotImplementedError

    def read_page(self, response: HttpResponse) -> Page:
        """Return the page of a response. It may add to `probe_results`; otherwise it is pure.

        Raises:
            CrawlError: the response is not what was requested.
        """
        raise NotImplementedError

    def next_url(self, page: Page, progress: Progress) -> str | None:
        """Return the URL of the next request after a page was stored, or None at the end."""
        raise NotImplementedError

    def describe_registry(self) -> Registry:
        """Return the registry as the store keeps it."""
        raise NotImplementedError

    def confirming_url(self, response: HttpResponse) -> str | None:
        """Return the URL to request instead of reading a page that may wrongly look like the last, or None."""
        return None

    def refetch_url(self, page: Page, tries: int) -> str | None:
        """Return the URL to request instead of storing a page that may lack rows, or None to store the page."""
        return None

    async def start(self) -> AsyncIterator[Request]:
        """Yield the first request, or the request at which a killed crawl stopped (called by Scrapy)."""
        yield self.make_request(self.same_host_url(self.resume_url) if self.resume_url else self.first_url())

    def make_request(self, url: str) -> Request:
        """Return a request for one page of the registry's host."""
        return Request(url, callback=self.parse, errback=self.on_request_failed, dont_filter=True)

    def parse(self, response: Response) -> Iterator[Page | Request]:
        """Yield the page of a response, or a request to fetch the page again (called by Scrapy)."""
        try:
            if url := self.confirming_url(response.meta["answer"]):
                yield self.make_request(url)
                return
            page = self.read_page(response.meta["answer"])
            tries = response.meta.get("tries", 0)
            url = self.refetch_url(page, tries)
            yield self.make_request(url).replace(meta={"tries": tries + 1}) if url else page
        except CrawlError as error:
            self.crawl_error = error
        except Exception as error:  # Scrapy would log the error and continue
            self.crawl_error = unexpected_error(error, self.has_resume_option)

    def on_request_failed(self, failure: Failure) -> Request | None:
        """Keep the reason why no response came, or return the request for a smaller page if the page is too large.

        Without another request the crawl then ends.
        """
        error = failure.value
        request: Request | None = getattr(failure, "request", None)
        if isinstance(error, TOO_LARGE_ERRORS) and request is not None:
            smaller_url = self.smaller_page_url(request.url)
            self.crawl_error = None if smaller_url else too_large_error(request.url, self.max_page_bytes)
            return self.make_request(smaller_url) if smaller_url else None
        if isinstance(error, CrawlError):
            self.crawl_error = error
        elif not isinstance(error, CrawlStoppedError):
            self.crawl_error = unexpected_error(error or RuntimeError("no reason given"), self.has_resume_option)
        return None

    def on_page_stored(self) -> None:
        """React to the end of the transaction of a page."""

    def next_page_url(self, response: HttpResponse) -> str | None:
        """Return the URL of the next page on the endpoint's host, or None at the end."""
        url = next_link(response)
        return self.same_host_url(url, response.url) if url else None
