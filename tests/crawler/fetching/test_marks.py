"""A response full of escapes or @ is refused before anything looks for addresses and tokens in it."""

from __future__ import annotations

import pytest
from scrapy import Request
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Response

from crawler.fetching.marks import MARKS, MAX_MARKS, MarkLimitMiddleware
from crawler.fetching.settings import OWN_MIDDLEWARES

URL = "https://hub.example/api/models"


def check(body: bytes) -> Response:
    """Return the response of the middleware."""
    return MarkLimitMiddleware().process_response(Request(URL), Response(URL, body=body))


@pytest.mark.parametrize("mark", MARKS)
@pytest.mark.fault("C11")
def test_a_response_full_of_marks_is_refused(mark: bytes) -> None:
    assert check(mark * MAX_MARKS).body
    with pytest.raises(IgnoreRequest, match="more than 500,000"):
        check(mark * (MAX_MARKS + 1))


def test_marks_are_counted_after_the_body_is_decoded_and_before_it_is_redacted() -> None:
    order = OWN_MIDDLEWARES["crawler.fetching.marks.MarkLimitMiddleware"]
    assert 550 < order < OWN_MIDDLEWARES["crawler.fetching.decoding.DecodingMiddleware"]
