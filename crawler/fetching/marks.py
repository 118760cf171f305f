"""A limit to the signs in a response that begin an escape or an e-mail address, before any of them is looked at."""

from __future__ import annotations

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Response

MARKS = (b"@", b"\\", b"%", b"&", "\uff20".encode(), "\ufe6b".encode())
MAX_MARKS = 500_000  # three times as many as in the heaviest page of 100 rows; each costs microseconds and 50 bytes


class MarkLimitMiddleware:
    """Refuse a response that takes minutes and gigabytes to redact."""

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> MarkLimitMiddleware:
        """Create the middleware (called by Scrapy)."""
        return cls()

    def process_response(self, request: Request, response: Response) -> Response:
        """Return the response, if it has a number of marks that a page or a card may have.

        Raises:
            IgnoreRequest: the response has more of them.
        """
        if sum(map(response.body.count, MARKS)) > MAX_MARKS:
            raise IgnoreRequest(f"more than {MAX_MARKS:,} escapes and @")
        return response
