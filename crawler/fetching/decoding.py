"""Decode the bodies of responses. A body that cannot be decoded is requested again."""

from __future__ import annotations

from scrapy import Request
from scrapy.downloadermiddlewares.httpcompression import HttpCompressionMiddleware
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Response

from crawler.fetching.middlewares import DAMAGE


class DecodingMiddleware(HttpCompressionMiddleware):
    """Scrapy's decoding, whose errors would otherwise end a crawl: no other middleware sees them.

    A body that is cut off is returned as far as it goes. It is not JSON, and not what the ETag of a card says.
    """

    def process_response(self, request: Request, response: Response) -> Request | Response:  # type: ignore[override]
        """Return the decoded response, or the response as it came, with the reason in the meta of its request."""
        try:
            return super().process_response(request, response)
        except IgnoreRequest:
            raise
        except Exception as error:  # each decoder has errors of its own
            request.meta[DAMAGE] = f"the response cannot be decoded ({type(error).__name__}: {str(error)[:80]})"
            return response
