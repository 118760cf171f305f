"""Scrapy pipeline of cards."""

from __future__ import annotations

from scrapy.crawler import Crawler

from crawler.cards.spider import CardSpider
from crawler.fetching.pipelines import quota_text
from crawler.fetching.running import running_spider
from db.store.cards import CardObservation


class CardPipeline:
    """Item pipeline that stores each card in a transaction of its own."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> CardPipeline:
        """Create the pipeline (called by Scrapy)."""
        return cls(crawler)

    def process_item(self, observation: CardObservation) -> CardObservation:
        """Store one observation, and stop the crawl if the store fails."""
        spider = running_spider(self.crawler, CardSpider)
        try:
            spider.recorder.store_observation(observation, quota_text(self.crawler))
        except Exception as error:  # Scrapy would log the error and continue
            spider.storage_error = error
            spider.is_stopping = True
        return observation
