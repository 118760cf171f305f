"""A limit to what a judge's service may send: without encodings, and only so many bytes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from httpx2 import AsyncByteStream, Response

MAX_REPLY_BYTES = 4 * 1024**2
MAX_FILE_BYTES = 200 * 1000**2  # of the results of a batch
PLAIN = {"Accept-Encoding": "identity"}  # a small body may decode to gigabytes


class BoundedStream(AsyncByteStream):
    """The body of a response, which fails when it is too large, or ends there."""

    def __init__(self, stream: AsyncByteStream, limit: int, ends_early: bool = False) -> None:
        self._stream, self._limit, self._ends_early = stream, limit, ends_early

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the parts of the body.

        Raises:
            ValueError: the body is larger than the limit.
        """
        size = 0
        async for part in self._stream:
            size += len(part)
            if size > self._limit and self._ends_early:
                return
            if size > self._limit:
                raise ValueError(f"the response is larger than {self._limit} bytes")
            yield part

    async def aclose(self) -> None:
        """Close the connection."""
        await self._stream.aclose()


async def bound_response(response: Response) -> None:
    """Bound the body of a response before it is read (called by the client). An error needs no body.

    Raises:
        ValueError: the body is encoded, although that was not asked for.
    """
    if response.is_error:
        response.headers.pop("content-encoding", None)
    elif response.headers.get("content-encoding", "identity") != "identity":
        raise ValueError("the response is encoded")
    if isinstance(response.stream, AsyncByteStream):
        limit = MAX_FILE_BYTES if response.request.url.path.endswith("/content") else MAX_REPLY_BYTES
        response.stream = BoundedStream(response.stream, limit, ends_early=response.is_error)


def bounded_client_options(timeout: float) -> dict[str, Any]:
    """Return the options of a client whose responses are bounded."""
    from openai import DefaultAsyncHttpxClient

    client = DefaultAsyncHttpxClient(headers=PLAIN, event_hooks={"response": [bound_response]}, timeout=timeout)
    return {"http_client": client, "default_headers": PLAIN, "timeout": timeout}
