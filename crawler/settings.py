"""How we crawl, in Scrapy's words: who we are, one page at a time, and none of Scrapy's doors to the outside."""

from __future__ import annotations

import os

from db import __version__


def user_agent(contact: str | None) -> str:
    """Who we are and how to reach whoever runs us. An e-mail address opens Ecosyste.ms's polite pool.

    >>> user_agent("me@lab.example.org")
    'hub-observatory/0.1.0 (me@lab.example.org)'
    """
    told = (contact or os.environ.get("OBSERVATORY_CONTACT", "")).strip()
    said = told if told.isascii() and told.isprintable() else ""
    return f"hub-observatory/{__version__} ({said or 'no contact given'})"


def scrapy_settings(contact: str | None, share: float, patience: float, pause: float, clock: str, largest: int, debug: bool) -> dict[str, object]:  # fmt: skip # noqa: E501, PLR0913
    """Scrapy's settings for one crawl.

    Scrapy's own retrying ignores what registries say about waiting, its telnet and remote-control doors run code, and
    it does not check certificates unless told to.
    """
    return {
        "USER_AGENT": user_agent(contact),
        "PACE_SHARE": share,
        "PACE_PATIENCE": patience,
        "PACE_CLOCK": clock,
        "CONCURRENT_REQUESTS": 1,
        "DOWNLOAD_DELAY": pause,
        "RANDOMIZE_DOWNLOAD_DELAY": False,
        "DOWNLOAD_TIMEOUT": max(1.0, min(120.0, patience)),
        "DOWNLOAD_MAXSIZE": largest,
        "DOWNLOAD_WARNSIZE": 0,
        "DOWNLOAD_VERIFY_CERTIFICATES": True,
        "DOWNLOADER_MIDDLEWARES": {"crawler.middlewares.PaceMiddleware": 550},
        "ITEM_PIPELINES": {"crawler.pipelines.RecordPipeline": 300},
        "EXTENSIONS": {"crawler.extensions.StopAtPage": 0},
        "SPIDER_MODULES": ["crawler.spiders"],
        "RETRY_ENABLED": False,
        "REDIRECT_ENABLED": False,
        "METAREFRESH_ENABLED": False,
        "HTTPERROR_ALLOW_ALL": True,
        "COOKIES_ENABLED": False,
        "REFERER_ENABLED": False,
        "ROBOTSTXT_OBEY": False,
        "TELNETCONSOLE_ENABLED": False,
        "REMOTE_CONTROL_ENABLED": False,
        "LOG_ENABLED": debug,
        "LOGSTATS_INTERVAL": 0,
        "STATS_DUMP": debug,
    }
