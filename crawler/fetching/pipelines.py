"""One page in, one transaction out; then, and only then, the next page is asked for."""

from __future__ import annotations

from scrapy.crawler import Crawler

from crawler.errors import CrawlError
from crawler.fetching.middlewares import PaceMiddleware
from crawler.response import Page
from crawler.spiders import RegistrySpider


class PagePipeline:
    """Store each page and send the spider on. The spider's `recording` is where it is written."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self._requested_urls: set[str] = set()

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> PagePipeline:
        """Scrapy's way to make one."""
        return cls(crawler)

    def process_item(self, page: Page) -> Page:
        """Store one page, then ask for the next."""
        spider = self.crawler.spider
        try:
            self._store_page(spider, page)
        except Exception as error:  # Scrapy would log it and go on; the crawl's command says what it means
            spider.storage_error = error
        spider.on_page_stored()
        return page

    def _store_page(self, spider: RegistrySpider, page: Page) -> None:
        pace = self.crawler.get_downloader_middleware(PaceMiddleware)
        progress = spider.recorder.store_page(spider, page, str(pace.budget))
        self._requested_urls.add(page.url)
        following = spider.next_url(page, progress)
        if following is None:
            spider.reached_end = True
        elif following in self._requested_urls or spider.recorder.is_stuck(page, spider.max_pages_without_new):
            spider.crawl_error = CrawlError(
                f"{spider.plan.registry} sends us round in circles.",
                why=f"After {progress.pages} pages it names a page that was read already, or brings nothing new.",
                fix="What was read is kept as a partial snapshot; try again later.",
                gate="cursor_loop",
            )
        elif following != spider.prefetched_url and not spider.is_stopping:
            self.crawler.engine.crawl(spider.make_request(following))
