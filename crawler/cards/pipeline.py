"""Scrapy pipeline of cards."""

from __future__ import annotations

from scrapy.crawler import Crawler

from crawler.fetching.middlewares import PaceMiddleware
from db.store.cards import CardObservation


class CardPipeline:
    """One card in, one transaction out."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> CardPipeline:
        """Scrapy's way to make one."""
        return cls(crawler)

    def process_item(self, observation: CardObservation) -> CardObservation:
        """Store one look."""
        try:
            self.crawler.spider.recorder.store_observation(
                observation, str(self.crawler.get_downloader_middleware(PaceMiddleware).budget)
            )
        except Exception as error:  # Scrapy would log it and go on
            self.crawler.spider.storage_error = error
            self.crawler.spider.is_stopping = True
        return observation
