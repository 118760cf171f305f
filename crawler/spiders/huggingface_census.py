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

from crawler.errors import CrawlError, not_a_list, unforeseen
from crawler.parsing.census_rows import census_page, read_lines
from crawler.parsing.cursors import cursor_form, last_place, losses, place
from crawler.parsing.huggingface_rows import Row, observation
from crawler.parsing.pages import page_of
from crawler.parsing.rows import NotAList, read_row
from crawler.parsing.urls import parameter
from crawler.plan import PageRecorder, Plan
from crawler.response import Answer, Observation, Page, Progress
from crawler.spiders.huggingface import PAGE, HuggingFaceSpider, surprises

REQUIRED = frozenset({"id", "_id"})
TURNS = 5  # of the loop, after which a request has gone out


class HubCensusSpider(HuggingFaceSpider):
    """The whole of one kind of repositories."""

    name = "huggingface-census"
    of_everything = True

    def __init__(self, plan: Plan, resume_at: str | None = None, recording: PageRecorder | None = None) -> None:
        super().__init__(plan, resume_at, recording)
        self.counter = f"census:{self.counter}"
        self.last_id = recording.last_id if recording else ""
        self.asked_ahead: str | None = None
        gc.freeze()  # what was imported stays; it need not be looked through again with every few pages of rows
        gc.set_threshold(100_000)  # a page makes thousands of tuples, and none of them points in a circle
        self._free = asyncio.Event()
        self._free.set()

    def read(self, answer: Answer) -> Page:
        """One page, or what the first row teaches."""
        if answer.status == 400:
            return self._after_refusal(answer)
        following = self.following(answer)
        if parameter(answer.url, "limit") == "1":
            form = cursor_form(following)
            self.learned["cursor"] = form
            events = [*surprises(answer, form, "_id")]
            following = self._list_url(self.learned["expand"], PAGE)
            return page_of("probe", answer, 1, events=events, next_url=following)
        cut = str(self.learned.setdefault("cut", f"{answer.fetched_at:08x}" + "0" * 16))
        try:
            lines = read_lines(answer.body, Row)
        except NotAList as error:
            raise not_a_list(self.plan.registry, error) from error
        last = last_place(lines.received, (place(0, key) for key in lines.columns["key"][-1:]), lines.rejects)
        lines.events.extend(losses(following, last) if last is not None and last[1] < cut else ())
        page = census_page(answer, lines, self.last_id, cut, self._observe, following)
        self.last_id = page.stable_ids[-1] if page.stable_ids else self.last_id
        return page

    def next_url(self, page: Page, progress: Progress) -> str | None:
        """The next page, until there is none, or until one holds what was made after the census began."""
        return page.next_url

    async def parse(self, response: Response) -> AsyncIterator[Page]:
        """Ask for the next page, then read this one: one page is on its way while another is written."""
        await self._free.wait()
        if self.walked or self.trouble or self.broken:
            return
        self._free.clear()
        try:
            await self._ask_ahead(response.meta["answer"])
            yield self.read(response.meta["answer"])
        except CrawlError as error:
            self.trouble = error
        except Exception as error:  # Scrapy would log it and go on as if nothing had been
            self.trouble = unforeseen(error)

    def stored(self) -> None:
        """The page in hand is written; the next one may be read."""
        self._free.set()

    async def _ask_ahead(self, answer: Answer) -> None:
        following = self.following(answer) if answer.status == 200 else None
        if following is None or parameter(answer.url, "limit") == "1" or self.stopping:
            return
        self.asked_ahead = following
        self.crawler.engine.crawl(self.request(following))
        for _ in range(TURNS):
            await asyncio.sleep(0)

    def _observe(self, raw: bytes, dropped: list[tuple[str, str]]) -> Observation:
        return observation(read_row(raw, Row, REQUIRED, dropped), set(self.learned["expand"]), keep_tags=False)

    def _list_url(self, expand: Iterable[str], limit: int) -> str:
        words = [("sort", "createdAt"), ("direction", "1"), ("limit", str(limit))]
        return f"{self.plan.endpoint}/api/{self.kind}?{urlencode(words + [('expand', name) for name in expand])}"
