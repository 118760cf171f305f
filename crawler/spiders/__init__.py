"""The page loop, once: a registry's spider says where to start, what a page says, and where to go on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlsplit

from scrapy import Request, Spider
from scrapy.http import Response
from twisted.python.failure import Failure

from crawler.errors import CrawlError, CrawlStoppedError, UnexpectedPageError, unexpected_error
from crawler.parsing.pages import next_link
from crawler.plan import CrawlPlan, PageRecorder
from crawler.response import HttpResponse, Page, Progress, Registry


class PacedSpider(Spider):
    """A spider whose requests pass the pace middleware: the state of one crawl, and which responses it accepts."""

    endpoint_variable = ""
    public_endpoint = ""
    default_delay = 0.0
    max_page_bytes = 128 * 1024 * 1024
    has_resume_option = True  # whether its command has a --resume

    def __init__(self, plan: CrawlPlan) -> None:
        super().__init__(self.name)
        self.plan = plan
        self.crawl_error: CrawlError | None = None
        self.storage_error: BaseException | None = None
        self.is_stopping = False

    def accepts_status(self, status: int, url: str) -> bool:
        """Whether an answer with this status is for `read`; any other is retried or is the end."""
        return status == 200

    def smaller_page_url(self, url: str) -> str | None:
        """The same rows in smaller pages, for a server that finds this one too heavy; None if there is no smaller."""
        return None

    def same_host_url(self, url: str) -> str:
        """The address a registry gives for its next page, on the host we were told to ask.

        A mirror answers with addresses of the public host: those are taken to the mirror. Any other host is refused.

        Raises:
            UnexpectedPage: the address is elsewhere.
        """
        asked, public = urlsplit(self.plan.endpoint), urlsplit(self.public_endpoint)
        try:
            found = urlsplit(url)
        except ValueError:
            found = urlsplit("")
        if (found.scheme, found.netloc) not in {(asked.scheme, asked.netloc), (public.scheme, public.netloc)}:
            raise UnexpectedPageError(
                f"{self.plan.registry} sent us on to another host: {url[:200]}",
                why="The rest of a list lies on the host that was asked; anything else may be a trap.",
                fix="Look at the address; if the registry has moved, tell us.",
                gate="next_other_host",
            )
        return found._replace(scheme=asked.scheme, netloc=asked.netloc).geturl()


class RegistrySpider(PacedSpider):
    """What every registry's spider shares. To fill in: `serves`, `first_url`, `read` and `next_url`.

    What the first answers teach (which fields are accepted, what the counter means) is kept in `learned`, which is
    stored with the snapshot and given back when it is gone on with.
    """

    is_census = False
    ordered_by_id = True  # whether the pages of a census come in the order of the stable ids
    prefetched_url: str | None = None
    max_pages_without_new = (
        2  # that may bring nothing new, one after the other, before the list is said to go round in circles
    )

    def __init__(self, plan: CrawlPlan, resume_url: str | None = None, recorder: PageRecorder | None = None) -> None:
        """`recording` is not the spider's own business: it is carried to the pipeline."""
        super().__init__(plan)
        self.resume_url = resume_url
        self.recorder = recorder
        self.probe_results: dict[str, object] = dict(plan.settings)
        self.reached_end = False

    @classmethod
    def accepts_registry(cls, registry: str) -> bool:
        """Whether this spider is the one for a registry of that name."""
        raise NotImplementedError

    def first_url(self) -> str:
        """The first question of a new crawl."""
        raise NotImplementedError

    def read_page(self, response: HttpResponse) -> Page:
        """What an answer says. It may add to `learned`; otherwise pure.

        Raises:
            CrawlError: the answer is not what was asked for.
        """
        raise NotImplementedError

    def next_url(self, page: Page, progress: Progress) -> str | None:
        """Where to go on after a page was stored; None at the end."""
        raise NotImplementedError

    def describe_registry(self) -> Registry:
        """The registry as the store knows it."""
        raise NotImplementedError

    def refetch_url(self, page: Page, tries: int) -> str | None:
        """What to ask for instead of storing a page that may have lost rows, after so many tries; None to store it."""
        return None

    async def start(self) -> AsyncIterator[Request]:
        """Scrapy's entry: the first question, or the one a killed crawl had come to."""
        yield self.make_request(self.same_host_url(self.resume_url) if self.resume_url else self.first_url())

    def make_request(self, url: str) -> Request:
        """A request for one page of this registry's own host."""
        return Request(url, callback=self.parse, errback=self.on_request_failed, dont_filter=True)

    def parse(self, response: Response) -> Iterator[Page | Request]:
        """Read one answer; where to go on is decided after the page is stored (crawler.fetching.pipelines)."""
        try:
            page = self.read_page(response.meta["answer"])
            tries = response.meta.get("tries", 0)
            other = self.refetch_url(page, tries)
            yield self.make_request(other).replace(meta={"tries": tries + 1}) if other else page
        except CrawlError as error:
            self.crawl_error = error
        except Exception as error:  # Scrapy would log it and go on as if nothing had been
            self.crawl_error = unexpected_error(error)

    def on_request_failed(self, failure: Failure) -> None:
        """Keep the reason why no answer came; without another request the crawl then ends."""
        error = failure.value
        if isinstance(error, CrawlStoppedError):
            return
        self.crawl_error = error if isinstance(error, CrawlError) else unexpected_error(error)

    def on_page_stored(self) -> None:
        """Called when the page in hand is written."""

    def next_page_url(self, response: HttpResponse) -> str | None:
        """The address of the page after this one, on our own host; None at the end."""
        found = next_link(response)
        return self.same_host_url(found) if found else None
