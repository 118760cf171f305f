"""Scrapy pipeline of cards."""

from __future__ import annotations

from scrapy.crawler import Crawler

from crawler.fetching.middlewares import PaceMiddleware
from db.store.cards import Look


class CardPipeline:
    """One card in, one transaction out."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> CardPipeline:
        """Scrapy's way to make one."""
        return cls(crawler)

    def process_item(self, look: Look) -> Look:
        """Store one look."""
        try:
            self.crawler.spider.recording.take(look, str(self.crawler.get_downloader_middleware(PaceMiddleware).budget))
        except Exception as error:  # Scrapy would log it and go on
            self.crawler.spider.broken = error
            self.crawler.spider.stopping = True
        return look
