"""End a crawl well: at a page's boundary when asked to, at once when asked twice."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

from scrapy import signals
from scrapy.crawler import Crawler

from crawler.errors import resume_hint
from db.cli import PARTIAL

MAX_STOP_SECONDS = 8  # seconds; a page that has not come by then is let go, for nothing of it is stored yet


class StopExtension:
    """On SIGTERM or SIGINT finish the page in hand and stop; on a second one stop at once."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> StopExtension:
        """Scrapy's way to make one."""
        extension = cls(crawler)
        crawler.signals.connect(extension.install_signal_handlers, signal=signals.spider_opened)
        return extension

    def install_signal_handlers(self) -> None:
        """Take the signals over once the loop runs."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.request_stop)

    def request_stop(self) -> None:
        """Let no further request out; leave within seconds whatever the network does."""
        if self.crawler.spider.is_stopping:
            self.exit_now()
        print("stopping after this page; once more to stop at once", file=sys.stderr)
        self.crawler.spider.is_stopping = True
        asyncio.get_running_loop().call_later(MAX_STOP_SECONDS, self.exit_now)

    def exit_now(self) -> None:
        """End this process now. Every page is one transaction, so nothing is left half done."""
        print(f"stopped; {resume_hint(self.crawler.spider.has_resume_option)}", file=sys.stderr, flush=True)
        os._exit(PARTIAL)
