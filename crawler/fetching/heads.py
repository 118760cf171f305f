"""A limit to the head of a response: its status line, its headers, and the interim responses before it."""

from __future__ import annotations

from typing import Any

from scrapy.core.downloader.handlers.http11 import HTTP11DownloadHandler
from scrapy.crawler import Crawler
from twisted.python.failure import Failure
from twisted.web._newclient import BODY, DONE, HTTP11ClientProtocol

MAX_HEAD_BYTES = 256 * 1024  # common servers send 64 kB at most; Twisted limits a line, and not how many there are


class HeadTooLargeError(Exception):
    """A head of a response that is larger than any honest one."""


class HeadLimit:
    """Receiver of the parts of one response, which cuts the connection when the head is too large."""

    def __init__(self, protocol: HTTP11ClientProtocol) -> None:
        self._protocol: Any = protocol  # Twisted's own code has few types
        self._bytes_received = 0

    def receive(self, data: bytes) -> None:
        """Give a part of the response to the protocol (called by the transport). The body has another limit."""
        protocol = self._protocol
        parser = protocol._parser
        if parser is not None and parser.state not in (BODY, DONE):
            self._bytes_received += len(data)
        if self._bytes_received <= MAX_HEAD_BYTES:
            type(protocol).dataReceived(protocol, data)
        elif parser is not None:
            protocol.transport.abortConnection()
            protocol._giveUp(_too_large())


def _too_large() -> Failure:
    return Failure(HeadTooLargeError(f"the headers are larger than {MAX_HEAD_BYTES:,} bytes"))  # type: ignore[no-untyped-call]


def limit_head(protocol: HTTP11ClientProtocol) -> HTTP11ClientProtocol:
    """Return a connection, new or used before, that bounds the head of the next response."""
    protocol.dataReceived = HeadLimit(protocol).receive  # type: ignore[method-assign]
    return protocol


class HeadLimitHandler(HTTP11DownloadHandler):
    """Scrapy's handler of http and https, with a limit to the head of each response."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        pool: Any = self._pool
        connect = pool.getConnection
        pool.getConnection = lambda key, endpoint: connect(key, endpoint).addCallback(limit_head)
