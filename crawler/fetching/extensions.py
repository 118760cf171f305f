"""Scrapy extension that stops a crawl on SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

from scrapy import signals
from scrapy.crawler import Crawler

from crawler.errors import resume_hint
from crawler.fetching.running import running_spider
from crawler.spiders import PacedSpider
from db.cli import PARTIAL

MAX_STOP_SECONDS = 8  # then the current page is discarded, which loses nothing: no part of it is stored yet


class StopExtension:
    """Finish the current page on the first SIGTERM or SIGINT, exit at once on the second."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> StopExtension:
        """Create the extension (called by Scrapy)."""
        extension = cls(crawler)
        crawler.signals.connect(extension.install_signal_handlers, signal=signals.spider_opened)
        return extension

    @property
    def spider(self) -> PacedSpider:
        """The spider of the crawl."""
        return running_spider(self.crawler, PacedSpider)

    def install_signal_handlers(self) -> None:
        """Handle SIGTERM and SIGINT once the event loop runs."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.request_stop)

    def request_stop(self) -> None:
        """Send no further request, and exit within seconds whatever the network does."""
        if self.spider.is_stopping:
            self.exit_now()
        print("stopping after this page; press Ctrl-C again to stop at once", file=sys.stderr)
        self.spider.is_stopping = True
        asyncio.get_running_loop().call_later(MAX_STOP_SECONDS, self.exit_now)

    def exit_now(self) -> None:
        """Exit the process at once. Every page is one transaction, so no page is left half written."""
        print(f"stopped; {resume_hint(self.spider.has_resume_option)}", file=sys.stderr, flush=True)
        os._exit(PARTIAL)
