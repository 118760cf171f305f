"""Run one spider in this process."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Mapping

from scrapy.crawler import AsyncCrawlerProcess

from crawler.errors import CrawlError
from crawler.fetching.running import SpiderT
from crawler.fetching.settings import CrawlOptions, build_scrapy_settings, configure_logging
from crawler.spiders import RegistrySpider
from db import UsageError
from db.cli import escape_control_characters


def endpoint_url(spider: type[RegistrySpider]) -> str:
    """Return the endpoint of a spider: its environment variable, or else the public service.

    Raises:
        UsageError: the variable is not a URL, or the URL holds a user name or a password, which would be stored with
            every page.
    """
    endpoint = (os.environ.get(spider.endpoint_variable) or spider.public_endpoint).rstrip("/")
    if not re.match(r"https?://[^/]", endpoint):
        raise UsageError(
            f"{spider.endpoint_variable} is not a URL: {escape_control_characters(endpoint[:200])!r}.",
            why="The scheme is missing or unknown.",
            fix=f"Write it like {spider.public_endpoint}.",
        )
    if "@" in endpoint.partition("://")[2].partition("/")[0]:
        raise UsageError(
            f"{spider.endpoint_variable} holds a name or a password.",
            why="The URL of each page is stored, and a secret must not be.",
            fix="Set the endpoint without them. A token belongs in HF_TOKEN.",
        )
    return endpoint


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
    return spider


def program_error(error: BaseException | None) -> CrawlError:
    """Return the error of a crawl that failed because of a bug in the program.

    >>> program_error(AttributeError("no attribute 'x'")).message
    "The crawl failed: AttributeError: no attribute 'x'."
    """
    cause = f"{type(error).__name__}: {str(error)[:200]}" if error else "Scrapy did not start the spider"
    return CrawlError(
        f"The crawl failed: {cause}.",
        why="The program is at fault, not the registry.",
        fix="Run the same command with --debug and report the traceback.",
        is_permanent=False,
        gate="program",
    )
