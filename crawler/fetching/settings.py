"""How we crawl, in Scrapy's words: who we are, one page at a time, and none of Scrapy's doors to the outside."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass

from db import __version__

DOWNLOADER_MIDDLEWARES = {
    "downloadtimeout.DownloadTimeoutMiddleware": 350,
    "defaultheaders.DefaultHeadersMiddleware": 400,
    "useragent.UserAgentMiddleware": 500,
    "httpcompression.HttpCompressionMiddleware": 590,
    "httpproxy.HttpProxyMiddleware": 750,
}


@dataclass(frozen=True)
class CrawlOptions:
    """How a crawl behaves towards the registry and towards us."""

    contact: str | None = None
    quota_share: float = 1.0
    retry_for: float = 120.0
    delay: float | None = None
    clock: str = "local"
    keep_bodies_days: int = 400
    quiet: bool = False
    debug: bool = False


def user_agent(contact: str | None) -> str:
    """Who we are and how to reach whoever runs us. An e-mail address opens Ecosyste.ms's polite pool.

    >>> user_agent("me@lab.example.org")
    'hub-observatory/0.1.0 (me@lab.example.org)'
    """
    told = (contact or os.environ.get("OBSERVATORY_CONTACT", "")).strip()
    said = told if told.isascii() and told.isprintable() else ""
    return f"hub-observatory/{__version__} ({said or 'no contact given'})"


def configure_logging(debug: bool) -> None:
    """What Scrapy and Twisted have to say is for those who look for a mistake.

    Twisted would put the worst of it, as a certificate that is no good, on stderr with a traceback; it is an error
    like others, and told as one.
    """
    from twisted.logger import globalLogBeginner

    logging.getLogger("scrapy").setLevel("DEBUG" if debug else "ERROR")
    if not debug:
        globalLogBeginner.beginLoggingTo([], discardBuffer=True, redirectStandardIO=False)


def build_scrapy_settings(options: CrawlOptions, default_delay: float, max_bytes: int) -> dict[str, object]:
    """Scrapy's settings for one crawl; `largest` is the number of bytes an answer may have.

    Scrapy's own retrying ignores what registries say about waiting, its telnet and remote-control doors run code, and
    it does not check certificates unless told to. What is switched off would still be imported, so the lists of its
    parts, the `_BASE` settings, name what is used and nothing else.
    """
    return {
        "USER_AGENT": user_agent(options.contact),
        "PACE_SHARE": options.quota_share,
        "PACE_PATIENCE": options.retry_for,
        "PACE_CLOCK": options.clock,
        "PACE_QUIET": options.quiet,
        "CONCURRENT_REQUESTS": 1,
        "DOWNLOAD_DELAY": default_delay if options.delay is None else options.delay,
        "RANDOMIZE_DOWNLOAD_DELAY": False,
        "DOWNLOAD_TIMEOUT": max(1.0, min(120.0, options.retry_for)),
        "DOWNLOAD_MAXSIZE": max_bytes,
        "DOWNLOAD_WARNSIZE": 0,
        "DOWNLOAD_VERIFY_CERTIFICATES": True,
        "CONCURRENT_ITEMS": 1,
        "DOWNLOADER_MIDDLEWARES_BASE": {
            f"scrapy.downloadermiddlewares.{name}": at for name, at in DOWNLOADER_MIDDLEWARES.items()
        },
        "DOWNLOADER_MIDDLEWARES": {"crawler.fetching.middlewares.PaceMiddleware": 550},
        "SPIDER_MIDDLEWARES_BASE": {"scrapy.spidermiddlewares.start.StartSpiderMiddleware": 25},
        "ITEM_PIPELINES": {"crawler.fetching.pipelines.PagePipeline": 300},
        "EXTENSIONS_BASE": {"scrapy.extensions.corestats.CoreStats": 0},
        "EXTENSIONS": {"crawler.fetching.extensions.StopExtension": 0},
        "SPIDER_MODULES": ["crawler.spiders"],
        "DEFAULT_REQUEST_HEADERS": {"Accept": "application/json"},
        "LOG_ENABLED": options.debug,
        "LOGSTATS_INTERVAL": 0,
        "STATS_DUMP": options.debug,
    }
