"""A limit to the encodings of a response, before any of them is decoded."""

from __future__ import annotations

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Response

MAX_ENCODINGS = 2


class EncodingLimitMiddleware:
    """Refuse a response that is encoded many times. Each layer may grow to the largest size of a page."""

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> EncodingLimitMiddleware:
        """Create the middleware (called by Scrapy)."""
        return cls()

    def process_response(self, request: Request, response: Response) -> Response:
        """Return the response, if it is encoded at most twice.

        Raises:
            IgnoreRequest: the response has more encodings.
        """
        encodings = b",".join(response.headers.getlist("Content-Encoding")).count(b",") + 1
        if encodings > MAX_ENCODINGS:
            raise IgnoreRequest(f"encoded {encodings} times")
        return response
