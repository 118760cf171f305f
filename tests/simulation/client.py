"""A plain HTTP client for the tests. It follows no redirect and retries nothing."""

from __future__ import annotations

import gzip
import http.client
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

LINK = re.compile(r'<([^>]+)>; rel="(\w+)"')


@dataclass(frozen=True)
class ClientResponse:
    """One response as it was received."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        """The body, unpacked and parsed."""
        packed = self.headers["Content-Encoding"] == "gzip"
        return json.loads(gzip.decompress(self.body) if packed else self.body)

    @property
    def links(self) -> dict[str, str]:
        """The URLs in the Link header, by relation."""
        return {relation: address for address, relation in LINK.findall(self.headers["Link"] or "")}

    @property
    def remaining(self) -> int:
        """The requests left in the Hub's quota."""
        return int(self.headers["RateLimit"].split("r=")[1].split(";")[0])


def fetch(
    address: str, headers: Mapping[str, str] | None = None, method: str = "GET", timeout: float = 10
) -> ClientResponse:
    """Send one request over a connection of its own, and return the response."""
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.netloc, timeout=timeout)
    try:
        connection.request(method, parts.path + (f"?{parts.query}" if parts.query else ""), headers=dict(headers or {}))
        answer = connection.getresponse()
        return ClientResponse(answer.status, answer.headers, answer.read())
    finally:
        connection.close()


def iter_pages(address: str) -> Iterator[list[Any]]:
    """Yield page after page, as long as there is a next page."""
    following: str | None = address
    while following:
        answer = fetch(following)
        yield answer.json
        following = answer.links.get("next")


def fetch_rows(address: str) -> list[Any]:
    """Return the rows of all pages."""
    return [row for page in iter_pages(address) for row in page]
