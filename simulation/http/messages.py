"""Requests and responses, and how a response becomes bytes on a socket."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.message import Message
from http import HTTPStatus
from io import BufferedIOBase
from typing import Protocol
from urllib.parse import parse_qsl, unquote, urlencode

MIN_GZIP_BYTES = 860


class ClientConnection(Protocol):
    """The connection to a client, as a delivery uses it."""

    wfile: BufferedIOBase
    close_connection: bool

    def reset_connection(self) -> None:
        """Cut the connection with a TCP reset."""

    def wait(self, seconds: float) -> None:
        """Wait, but not longer than the simulation runs."""


Delivery = Callable[[ClientConnection, bytes, bytes], None]


@dataclass(frozen=True, slots=True)
class Request:
    """One request.

    `path` is as sent, still percent-encoded. `max_page_size` limits the page if it is not 0. `has_fault` says that a
    scripted fault applies to the request.
    """

    api: str
    method: str
    path: str
    query: str
    headers: Mapping[str, str] | Message
    body: bytes = b""
    max_page_size: int = 0
    has_fault: bool = False

    @property
    def query_pairs(self) -> list[tuple[str, str]]:
        """The query parameters in the order in which they were sent."""
        return parse_qsl(self.query, keep_blank_values=True)

    @property
    def segments(self) -> list[str]:
        """The decoded parts of the path."""
        return [unquote(part) for part in self.path.split("/") if part]

    @property
    def host(self) -> str:
        """The host that the client addressed."""
        return self.headers.get("Host", "127.0.0.1")

    @property
    def token(self) -> str:
        """The bearer token, or an empty text."""
        return self.headers.get("Authorization", "").removeprefix("Bearer ").strip()

    def parameter(self, name: str, default: str = "") -> str:
        """Return the last value of a parameter."""
        return dict(self.query_pairs).get(name, default)

    def parameter_values(self, *names: str) -> list[str]:
        """Return all values of a parameter in any of its spellings."""
        return [value for name, value in self.query_pairs if name in names]

    def url_with(self, **changed: object) -> str:
        """Return the absolute URL of the request with some parameters replaced."""
        pairs = [(name, value) for name, value in self.query_pairs if name not in changed]
        pairs += [(name, str(value)) for name, value in changed.items()]
        return f"http://{self.host}{self.path}" + (f"?{urlencode(pairs)}" if pairs else "")


def send_whole(wire: ClientConnection, head: bytes, body: bytes) -> None:
    """Send everything in one piece, so that Nagle's algorithm and delayed ACKs cause no pause."""
    wire.wfile.write(head + body)


@dataclass(slots=True)
class Response:
    """One response. Text is sent as text, bytes as they are, and anything else as JSON."""

    status: int = 200
    content: object = b""
    headers: dict[str, str] = field(default_factory=dict)
    delivery: Delivery = send_whole
    compress: bool | None = None

    @property
    def rows(self) -> list[dict[str, object]]:
        """The objects of a list, or nothing if the content is not a list."""
        return [row for row in self.content if isinstance(row, dict)] if isinstance(self.content, list) else []


def encode_body(content: object) -> bytes:
    """Return the body as bytes. A lone surrogate becomes an escape of JSON."""
    if isinstance(content, bytes):
        return content
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace")


def default_content_type(content: object) -> str:
    """Return the content type of a body without a type of its own."""
    return "text/plain; charset=utf-8" if isinstance(content, str | bytes) else "application/json; charset=utf-8"


def make_weak_etag(body: bytes) -> str:
    """Return an ETag as Express makes it: length and hash of the body."""
    digest = base64.b64encode(hashlib.sha1(body).digest()).decode()[:27]
    return f'W/"{len(body):x}-{digest}"'


def encode_response(request: Request, response: Response) -> tuple[bytes, bytes]:
    """Return head and body: compressed if the client accepts gzip, and 304 if the client has the body."""
    body = encode_body(response.content)
    headers = {"Content-Type": default_content_type(response.content), **response.headers}
    if "ETag" not in headers:
        headers["ETag"] = make_weak_etag(body)
    if response.status == 200 and headers["ETag"] in request.headers.get("If-None-Match", ""):
        response.status, body = 304, b""
    elif should_compress(request, response, body):
        body = gzip.compress(body, compresslevel=1, mtime=0)
        headers["Content-Encoding"] = "gzip"
        headers["Vary"] = "Origin, Accept-Encoding"
    headers.setdefault("Content-Length", str(len(body)))
    return encode_head(response.status, headers), b"" if request.method == "HEAD" else body


def should_compress(request: Request, response: Response, body: bytes) -> bool:
    """Return whether to compress a body: large enough, accepted, and not compressed yet."""
    if response.compress is not None:
        return response.compress
    return len(body) >= MIN_GZIP_BYTES and "gzip" in request.headers.get("Accept-Encoding", "")


def encode_head(status: int, headers: Mapping[str, str]) -> bytes:
    """Return the status line and the headers."""
    phrases = {status.value: status.phrase for status in HTTPStatus}
    lines = [f"HTTP/1.1 {status} {phrases.get(status, 'Unknown')}"]
    lines += [f"{name}: {value}" for name, value in headers.items() if value]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


def current_time() -> float:
    """Return the real time. Quotas use it, whatever the simulated date is."""
    return time.time()
