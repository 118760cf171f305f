"""A response that is encoded many times is refused before it is decoded."""

from __future__ import annotations

import pytest
from scrapy import Request
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Response

from crawler.errors import too_large_error
from crawler.fetching.encodings import EncodingLimitMiddleware

URL = "https://hub.example/api/models"


@pytest.mark.parametrize("encodings", [[], ["gzip"], ["br, gzip"], ["gzip", "zstd"]])
def test_a_response_may_be_encoded_twice(encodings: list[str]) -> None:
    response = Response(URL, headers={"Content-Encoding": encodings})
    assert EncodingLimitMiddleware().process_response(Request(URL), response) is response


@pytest.mark.parametrize("encodings", [["gzip, gzip, gzip"], ["gzip"] * 3, ["br,gzip", "deflate"], ["gzip," * 1000]])
@pytest.mark.fault("C11")
def test_a_response_that_is_encoded_more_than_twice_is_refused(encodings: list[str]) -> None:
    with pytest.raises(IgnoreRequest):
        EncodingLimitMiddleware().process_response(Request(URL), Response(URL, headers={"Content-Encoding": encodings}))
    assert too_large_error(URL, 2**25).message == "The response to /api/models is too large."
