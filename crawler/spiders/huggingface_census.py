"""Every model, dataset or space of the Hugging Face Hub, in the order in which they were made.

Pages
    `GET /api/models?sort=createdAt&direction=1&limit=1000&expand=…`: the cursor stands on `_id`, which never changes
    and grows with time, so that nothing is skipped and nothing comes twice, however long it takes. Any other order
    moves while it is read. The census ends at the instant at which it began: what was made later is left out. The
    next page is asked for as soon as one has come, and comes while that one is written.

Counters
    As in the Hub's lists (`crawler.spiders.huggingface`). Each is as of its page: a census of the whole Hub takes from
    minutes to hours, by the quota.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Iterable
from urllib.parse import urlencode

from scrapy.http import Response

from crawler.errors import CrawlError, not_a_list_error, unexpected_error
from crawler.parsing.census_rows import make_census_page, read_census_rows
from crawler.parsing.cursors import cursor_keys, last_row_position, list_position, lost_row_events
from crawler.parsing.huggingface_rows import HuggingFaceRow, make_observation
from crawler.parsing.pages import make_page
from crawler.parsing.rows import NotAListError, read_row
from crawler.parsing.urls import url_parameter
from crawler.plan import CrawlPlan, PageRecorder
from crawler.response import HttpResponse, Observation, Page, Progress
from crawler.spiders.huggingface import MAX_ROWS_PER_PAGE, HuggingFaceSpider, assumption_events

REQUIRED_FIELDS = frozenset({"id", "_id"})
LOOP_TURNS = 5  # of the loop, after which a request has gone out


class HuggingFaceCensusSpider(HuggingFaceSpider):
    """The whole of one kind of repositories."""

    name = "huggingface-census"
    is_census = True

    def __init__(self, plan: CrawlPlan, resume_url: str | None = None, recorder: PageRecorder | None = None) -> None:
        super().__init__(plan, resume_url, recorder)
        self.counter = f"census:{self.counter}"
        self.last_id = recorder.last_id if recorder else ""
        self.prefetched_url: str | None = None
        gc.freeze()  # what was imported stays; it need not be looked through again with every few pages of rows
        gc.set_threshold(100_000)  # a page makes thousands of tuples, and none of them points in a circle
        self._ready_for_page = asyncio.Event()
        self._ready_for_page.set()

    def read_page(self, response: HttpResponse) -> Page:
        """One page, or what the first row teaches."""
        if response.status == 400:
            return self._drop_refused_fields(response)
        following = self.next_page_url(response)
        if url_parameter(response.url, "limit") == "1":
            form = cursor_keys(following)
            self.probe_results["cursor"] = form
            events = [*assumption_events(response, form, "_id")]
            following = self._list_url(self.probe_results["expand"], MAX_ROWS_PER_PAGE)
            return make_page("probe", response, 1, events=events, next_url=following)
        cut = str(self.probe_results.setdefault("cut", f"{response.fetched_at:08x}" + "0" * 16))
        try:
            lines = read_census_rows(response.body, HuggingFaceRow)
        except NotAListError as error:
            raise not_a_list_error(self.plan.registry, error) from error
        last = last_row_position(
            lines.received, (list_position(0, key) for key in lines.columns.key[-1:]), lines.rejects
        )
        lines.events.extend(lost_row_events(following, last) if last is not None and last[1] < cut else ())
        page = make_census_page(response, lines, self.last_id, cut, self._make_observation, following)
        self.last_id = page.stable_ids[-1] if page.stable_ids else self.last_id
        return page

    def next_url(self, page: Page, progress: Progress) -> str | None:
        """The next page, until there is none, or until one holds what was made after the census began."""
        return page.next_url

    async def parse(self, response: Response) -> AsyncIterator[Page]:
        """Ask for the next page, then read this one: one page is on its way while another is written."""
        await self._ready_for_page.wait()
        if self.reached_end or self.crawl_error or self.storage_error:
            return
        self._ready_for_page.clear()
        try:
            await self._prefetch_next_page(response.meta["answer"])
            yield self.read_page(response.meta["answer"])
        except CrawlError as error:
            self.crawl_error = error
        except Exception as error:  # Scrapy would log it and go on as if nothing had been
            self.crawl_error = unexpected_error(error)

    def on_page_stored(self) -> None:
        """The page in hand is written; the next one may be read."""
        self._ready_for_page.set()

    async def _prefetch_next_page(self, response: HttpResponse) -> None:
        following = self.next_page_url(response) if response.status == 200 else None
        if following is None or url_parameter(response.url, "limit") == "1" or self.is_stopping:
            return
        self.prefetched_url = following
        self.crawler.engine.crawl(self.make_request(following))
        for _ in range(LOOP_TURNS):
            await asyncio.sleep(0)

    def _make_observation(self, raw: bytes, dropped: list[tuple[str, str]]) -> Observation:
        return make_observation(
            read_row(raw, HuggingFaceRow, REQUIRED_FIELDS, dropped), set(self.probe_results["expand"]), keep_tags=False
        )

    def _list_url(self, expand: Iterable[str], limit: int) -> str:
        words = [("sort", "createdAt"), ("direction", "1"), ("limit", str(limit))]
        return f"{self.plan.endpoint}/api/{self.kind}?{urlencode(words + [('expand', name) for name in expand])}"
