"""What a judge's service sends is bounded: a body that is too large fails, and the body of an error ends early."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from httpx2 import AsyncByteStream, Request, Response

from analysis.scoring.judge import bounds
from analysis.scoring.judge.bounds import bound_response

URL = "https://judge.example/v1/chat/completions"


class Stream(AsyncByteStream):
    """A body of four parts of ten bytes."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for _ in range(4):
            yield b"0123456789"


def read(status: int, url: str = URL, **headers: str) -> bytes:
    """Return the body of a response as the client reads it."""

    async def read_bounded() -> bytes:
        response = Response(status, headers=headers, stream=Stream(), request=Request("GET", url))
        await bound_response(response)
        return await response.aread()

    return asyncio.run(read_bounded())


@pytest.fixture(autouse=True)
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MAX_REPLY_BYTES", 35)
    monkeypatch.setattr(bounds, "MAX_FILE_BYTES", 40)


def test_a_reply_that_is_too_large_fails_and_an_error_ends_early() -> None:
    with pytest.raises(ValueError, match="larger than 35 bytes"):
        read(200)
    assert len(read(500)) == 30


def test_the_results_of_a_batch_have_a_larger_limit() -> None:
    assert len(read(200, "https://judge.example/v1/files/f/content")) == 40


def test_an_encoded_reply_fails_and_an_encoded_error_is_not_decoded() -> None:
    with pytest.raises(ValueError, match="the response is encoded"):
        read(200, **{"content-encoding": "gzip"})
    assert read(502, **{"content-encoding": "gzip"}).startswith(b"0123456789")
