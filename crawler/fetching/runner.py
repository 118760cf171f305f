"""Run one spider in this process."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from scrapy.crawler import AsyncCrawlerProcess

from crawler.errors import program_error
from crawler.fetching.running import SpiderT
from crawler.fetching.settings import CrawlOptions, build_scrapy_settings, configure_logging
from crawler.spiders import PacedSpider


class FirstErrorHandler(logging.Handler):
    """Log handler that keeps the first exception Scrapy logs. Scrapy continues after an error in a component."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.exception: BaseException | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the exception of a log record, if none is kept yet."""
        if self.exception is None and record.exc_info:
            self.exception = record.exc_info[1]


def run_spider(
    spider_class: type[SpiderT],
    options: CrawlOptions,
    arguments: Mapping[str, object],
    settings: Mapping[str, object] | None = None,
) -> SpiderT:
    """Run one spider to its end and return the spider, which holds the outcome of the crawl.

    `arguments` go to the spider. `settings` replace those of `build_scrapy_settings`.

    Raises:
        CrawlError: the crawl did not start, or a component failed before its first request.
        Exception: the error that kept a page from being stored.
    """
    base_settings = build_scrapy_settings(options, spider_class.default_delay, spider_class.max_page_bytes)
    process = AsyncCrawlerProcess({**base_settings, **(settings or {})})
    configure_logging(options.debug)
    handler, logger = FirstErrorHandler(), logging.getLogger("scrapy")
    logger.addHandler(handler)
    logger.propagate = options.debug
    crawler = process.create_crawler(spider_class)
    task = process.crawl(crawler, **arguments)
    process.start(install_signal_handlers=False)
    spider = crawler.spider
    error = handler.exception or (task.exception() if task.done() and not task.cancelled() else None)
    if not isinstance(spider, spider_class):
        raise program_error(error)
    if spider.storage_error is not None:
        raise spider.storage_error
    if spider.crawl_error is None and error is not None:
        spider.crawl_error = program_error(error)
    log_traceback(spider, handler.exception)
    return spider


def log_traceback(spider: PacedSpider, logged: BaseException | None) -> None:
    """Log the traceback of a bug in the program, unless Scrapy has logged the exception already."""
    cause = spider.crawl_error.__cause__ if spider.crawl_error else None
    if cause is not None and cause is not logged:
        logging.getLogger("scrapy").error("The crawl failed.", exc_info=cause)
