"""Scrapy pipeline of pages: each page is one transaction, and the next request follows its commit."""

from __future__ import annotations

from scrapy.crawler import Crawler

from crawler.errors import CrawlError
from crawler.fetching.middlewares import PaceMiddleware
from crawler.fetching.running import running_spider
from crawler.response import Page
from crawler.spiders import RegistrySpider


class PagePipeline:
    """Store each page with the recorder of the spider, then request the next page."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self._requested_urls: set[str] = set()

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> PagePipeline:
        """Create the pipeline (called by Scrapy)."""
        return cls(crawler)

    def process_item(self, page: Page) -> Page:
        """Store one page, then request the next one."""
        spider = running_spider(self.crawler, RegistrySpider)
        try:
            self._store_page(spider, page)
        except Exception as error:  # Scrapy would log it and continue; the runner raises it
            spider.storage_error = error
        spider.on_page_stored()
        return page

    def _store_page(self, spider: RegistrySpider, page: Page) -> None:
        if spider.recorder is None:
            raise TypeError("a spider needs a recorder to store pages")
        progress = spider.recorder.store_page(spider, page, quota_text(self.crawler))
        self._requested_urls.add(page.url)
        next_url = spider.next_url(page, progress)
        if next_url is None:
            spider.reached_end = True
        elif len(self._requested_urls) >= spider.max_pages:
            spider.crawl_error = endless_error(spider.plan.registry, spider.max_pages)
        elif next_url in self._requested_urls or spider.recorder.is_stuck(page, spider.max_pages_without_new):
            spider.crawl_error = loop_error(spider.plan.registry, progress.pages)
        elif next_url != spider.prefetched_url and not spider.is_stopping:
            self.crawler.engine.crawl(spider.make_request(next_url))


def quota_text(crawler: Crawler) -> str:
    """Return the remaining quota of a running crawl in words."""
    pace = crawler.get_downloader_middleware(PaceMiddleware)
    return str(pace.budget) if pace else ""


def endless_error(registry: str, pages: int) -> CrawlError:
    """Return the error for a list that has a next page for ever."""
    return CrawlError(
        f"The list of {registry} does not end.",
        why=f"It has more than {pages:,} pages, which is more than any registry has. Its service may invent rows.",
        fix="Check the endpoint. The pages read so far are kept as a partial snapshot.",
        gate="endless",
    )


def loop_error(registry: str, pages: int) -> CrawlError:
    """Return the error for a list whose pages repeat."""
    return CrawlError(
        f"The list of {registry} runs in a circle.",
        why=f"After {pages} pages the next page is one already read, or new pages bring nothing new.",
        fix="The pages read so far are kept as a partial snapshot. Run the command again later.",
        gate="cursor_loop",
    )
