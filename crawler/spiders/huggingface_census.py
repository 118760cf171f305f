"""Every model, dataset or space of the Hugging Face Hub, in the order of creation.

Pages
    `GET /api/models?sort=createdAt&direction=1&limit=1000&expand=…`: the cursor holds `_id`, which never changes and
    grows with time, so no package is skipped or repeated, however long the crawl takes. Any other order moves while it
    is read. The census ends at the instant at which it began: packages created later are left out. The next page is
    requested as soon as a page has come, and arrives while that page is written.

Counters
    As in the Hub's lists (`crawler.spiders.huggingface`). Each counter is as of its page: a census of the whole Hub
    takes minutes to hours, depending on the quota.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Iterable

from scrapy import Request
from scrapy.http import Response

from crawler.errors import CrawlError, not_a_list_error, unexpected_error
from crawler.parsing.census_rows import CensusRows, make_census_page, read_census_rows
from crawler.parsing.cursors import cursor_keys, last_row_position, list_position, lost_row_events
from crawler.parsing.huggingface_rows import HuggingFaceRow, make_observation
from crawler.parsing.pages import make_page
from crawler.parsing.rows import NotAListError, read_row
from crawler.plan import CrawlPlan, PageRecorder
from crawler.response import HttpResponse, Observation, Page, Progress
from crawler.spiders.huggingface import HuggingFaceSpider, assumption_events

REQUIRED_FIELDS = frozenset({"id", "_id"})
LOOP_TURNS = 5  # of the event loop, after which a request has been sent


class HuggingFaceCensusSpider(HuggingFaceSpider):
    """All repositories of one type."""

    name = "huggingface-census"
    snapshot_kind = "census"
    max_pages = 30_000  # ten times the models of 2026

    def __init__(self, plan: CrawlPlan, resume_url: str | None = None, recorder: PageRecorder | None = None) -> None:
        super().__init__(plan, resume_url, recorder)
        self.last_id = recorder.last_id if recorder else ""
        gc.freeze()  # imported objects stay: the collector need not visit them again every few pages
        gc.set_threshold(100_000)  # a page creates thousands of tuples, none of which is part of a cycle
        self._ready_for_page = asyncio.Event()
        self._ready_for_page.set()

    @property
    def counter(self) -> str:
        """What the number counts that the census is compared by."""
        return f"census:{super().counter}"

    def read_page(self, response: HttpResponse) -> Page:
        """Return one page of the census, or the page of the first row."""
        if response.status == 400:
            return self._drop_refused_fields(response)
        response = self.public_view(response)
        following = self.next_page_url(response)
        if self.is_first_url(response.url):
            return self._make_census_probe(response, cursor_keys(following))
        first_later_id = str(self.probe_results.setdefault("cut", f"{response.fetched_at:08x}" + "0" * 16))
        rows = self._read_census_rows(response.body)
        positions = [list_position(0, key) for key in rows.columns.key[-1:]]
        last = last_row_position(rows.received, positions, rows.rejects)
        is_checked = last is not None and last[1] < first_later_id and not response.ends_hidden
        rows.events.extend(lost_row_events(following, last) if is_checked else ())
        following = following or self.url_after(response.url, rows.received + response.hidden, positions)
        page = make_census_page(response, rows, self.last_id, first_later_id, self._make_observation, following)
        self.last_id = page.stable_ids[-1] if page.stable_ids else self.last_id
        return page

    def _make_census_probe(self, response: HttpResponse, cursor: str) -> Page:
        self.probe_results["cursor"] = cursor
        url = self._list_url(self.expand_fields, self.page_size.rows)
        events = assumption_events(response, cursor, "_id")
        return make_page("probe", response, 1 - response.hidden, events=events, next_url=url)

    def _read_census_rows(self, body: bytes) -> CensusRows:
        try:
            return read_census_rows(body, HuggingFaceRow)
        except NotAListError as error:
            raise not_a_list_error(self.plan.registry, error) from error

    def next_url(self, page: Page, progress: Progress) -> str | None:
        """Return the next page, until none is left or a page holds packages created after the census began."""
        return page.next_url

    async def parse(self, response: Response) -> AsyncIterator[Page | Request]:  # type: ignore[override]
        """Request the next page, then yield this page, so that a page arrives while another is written.

        A page that has to be requested again comes before its next page.
        """
        await self._ready_for_page.wait()
        if self.reached_end or self.crawl_error or self.storage_error:
            return
        self._ready_for_page.clear()
        try:
            request = self.request_other_view(response)
            if request is None and (url := self.confirming_url(response.meta["answer"])):
                request = self.make_request(url)
            if request is not None:
                self._ready_for_page.set()
                yield request
                return
            await self._prefetch_next_page(response.meta["answer"])
            yield self.read_page(response.meta["answer"])
        except CrawlError as error:
            self.crawl_error = error
        except Exception as error:  # Scrapy would log the error and continue
            self.crawl_error = unexpected_error(error)

    def on_page_stored(self) -> None:
        """Allow the next page to be read."""
        self._ready_for_page.set()

    async def _prefetch_next_page(self, response: HttpResponse) -> None:
        following = self.next_page_url(response) if response.status == 200 else None
        if following is None or self.is_first_url(response.url) or self.is_stopping:
            return
        self.prefetched_url = following
        self.crawler.engine.crawl(self.make_request(following))
        for _ in range(LOOP_TURNS):
            await asyncio.sleep(0)

    def _cursor_field(self) -> str:
        return ""

    def _make_observation(self, raw: bytes, dropped_fields: list[tuple[str, str]]) -> Observation:
        row = read_row(raw, HuggingFaceRow, REQUIRED_FIELDS, dropped_fields)
        dropped = {field for field, _ in dropped_fields}
        return make_observation(row, set(self.expand_fields), dropped, keep_tags=False)

    def _list_url(self, expand: Iterable[str], limit: int) -> str:
        parameters = [("sort", "createdAt"), ("direction", "1"), ("limit", str(limit))]
        return self.api_url([*parameters, *(("expand", name) for name in expand)])
