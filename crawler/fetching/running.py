"""Access to the spider of a running crawl."""

from __future__ import annotations

from typing import TypeVar

from scrapy.crawler import Crawler

from crawler.spiders import PacedSpider

SpiderT = TypeVar("SpiderT", bound=PacedSpider)


def running_spider(crawler: Crawler, spider_class: type[SpiderT]) -> SpiderT:
    """Return the spider of a running crawl with its class. Scrapy's type of `crawler.spider` is `Spider | None`.

    Raises:
        TypeError: the crawl has not started, or runs a spider of another class.
    """
    if not isinstance(crawler.spider, spider_class):
        raise TypeError(f"expected a running {spider_class.__name__}, found {crawler.spider!r}")
    return crawler.spider
