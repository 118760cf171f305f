"""A response that is encoded many times is refused before it is decoded."""

from __future__ import annotations

import gzip
import zlib

import brotli
import pytest
import zstandard
from scrapy import Request
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Response
from scrapy.utils.test import get_crawler

from crawler.errors import too_large_error
from crawler.fetching.decoding import DecodingMiddleware
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


def make_bomb(encoding: str) -> bytes:
    """Return two mebibytes of zeros, encoded."""
    content = bytes(2**21)
    return {
        "gzip": gzip.compress,
        "deflate": zlib.compress,
        "raw deflate": lambda body: zlib.compress(body)[2:-4],
        "br": brotli.compress,
        "zstd": zstandard.ZstdCompressor().compress,
    }[encoding](content)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "raw deflate", "br", "zstd"])
@pytest.mark.fault("C11")
def test_a_body_of_any_encoding_that_grows_too_large_is_refused(encoding: str) -> None:
    middleware = DecodingMiddleware.from_crawler(get_crawler(settings_dict={"DOWNLOAD_MAXSIZE": 2**20}))
    headers = {"Content-Encoding": encoding.removeprefix("raw ")}
    with pytest.raises(IgnoreRequest, match="exceeded"):
        middleware.process_response(Request(URL), Response(URL, headers=headers, body=make_bomb(encoding)))
