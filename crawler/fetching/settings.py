"""Scrapy settings: user agent, one request at a time, no telnet console and no unused extensions."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from db import __version__

DOWNLOADER_MIDDLEWARES = {
    "downloadtimeout.DownloadTimeoutMiddleware": 350,
    "defaultheaders.DefaultHeadersMiddleware": 400,
    "useragent.UserAgentMiddleware": 500,
    "httpproxy.HttpProxyMiddleware": 750,
}
OWN_MIDDLEWARES = {
    "crawler.fetching.marks.MarkLimitMiddleware": 580,
    "crawler.fetching.decoding.DecodingMiddleware": 590,
    "crawler.fetching.encodings.EncodingLimitMiddleware": 595,
    "crawler.fetching.proxies.ProxyMiddleware": 740,
}


@dataclass(frozen=True)
class CrawlOptions:
    """Options of every crawl. `delay` None is the delay of the spider."""

    contact: str | None = None
    quota_share: float = 1.0
    retry_for: float = 120.0
    delay: float | None = None
    clock: str = "local"
    keep_bodies_days: int = 400
    quiet: bool = False
    debug: bool = False


def user_agent(contact: str | None) -> str:
    """Return the User-Agent header with the contact. An e-mail address admits to the polite pool of Ecosyste.ms.

    >>> user_agent("me@lab.example.org")
    'hub-observatory/0.1.0 (me@lab.example.org)'
    """
    return f"hub-observatory/{__version__} ({contact or 'no contact given'})"


def configure_logging(debug: bool) -> None:
    """Show the log of Scrapy and Twisted only with --debug.

    Twisted prints some errors (an invalid certificate) to stderr with a traceback. The crawl reports them itself.
    """
    from twisted.logger import globalLogBeginner

    logging.getLogger("scrapy").setLevel("DEBUG" if debug else "ERROR")
    if not debug:
        globalLogBeginner.beginLoggingTo([], discardBuffer=True, redirectStandardIO=False)


def build_scrapy_settings(options: CrawlOptions, default_delay: float, max_bytes: int) -> dict[str, object]:
    """Return the Scrapy settings of one crawl. `max_bytes` limits the size of a response.

    Scrapy's own retries ignore the wait that a registry asks for. Its telnet and remote-control extensions execute
    code. It checks certificates only if a setting says so. Scrapy imports even disabled components of its `_BASE`
    settings, so those list only the components in use.
    """
    return {
        "USER_AGENT": user_agent(options.contact),
        "PACE_QUOTA_SHARE": options.quota_share,
        "PACE_RETRY_FOR": options.retry_for,
        "PACE_CLOCK": options.clock,
        "PACE_QUIET": options.quiet,
        "CONCURRENT_REQUESTS": 1,
        "DOWNLOAD_DELAY": default_delay if options.delay is None else options.delay,
        "RANDOMIZE_DOWNLOAD_DELAY": False,
        "DOWNLOAD_TIMEOUT": max(1.0, min(120.0, options.retry_for)),
        "DOWNLOAD_HANDLERS": dict.fromkeys(("http", "https"), "crawler.fetching.heads.HeadLimitHandler"),
        "DOWNLOAD_MAXSIZE": max_bytes,
        "DOWNLOAD_WARNSIZE": 0,
        "DOWNLOAD_VERIFY_CERTIFICATES": True,
        "TWISTED_DNS_RESOLVER": "scrapy.resolver.CachingHostnameResolver",  # the default resolver knows IPv4 alone
        "CONCURRENT_ITEMS": 1,
        "DOWNLOADER_MIDDLEWARES_BASE": {
            f"scrapy.downloadermiddlewares.{name}": order for name, order in DOWNLOADER_MIDDLEWARES.items()
        },
        "DOWNLOADER_MIDDLEWARES": {"crawler.fetching.middlewares.PaceMiddleware": 550, **OWN_MIDDLEWARES},
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
