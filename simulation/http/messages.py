"""What is asked and what is answered, and how an answer becomes bytes on a socket."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import BinaryIO, Protocol
from urllib.parse import parse_qsl, unquote, urlencode

MIN_GZIP_BYTES = 860


class ClientConnection(Protocol):
    """The client's end of a connection, as a delivery sees it."""

    wfile: BinaryIO
    close_connection: bool

    def reset_connection(self) -> None:
        """Cut the connection with a TCP reset."""

    def wait(self, seconds: float) -> None:
        """Wait, but not longer than the simulation lives."""


Delivery = Callable[[ClientConnection, bytes, bytes], None]


@dataclass(frozen=True, slots=True)
class Request:
    """One request: `path` is as sent, still percent-encoded; `largest` caps the page if it is not 0.

    `struck` says that a fault is scripted against it.
    """

    api: str
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
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
        """The host the client believes to speak to."""
        return self.headers.get("Host", "127.0.0.1")

    @property
    def token(self) -> str:
        """The bearer token, or nothing."""
        return self.headers.get("Authorization", "").removeprefix("Bearer ").strip()

    def parameter(self, name: str, default: str = "") -> str:
        """Return the last value of a parameter."""
        return dict(self.query_pairs).get(name, default)

    def parameter_values(self, *names: str) -> list[str]:
        """Return all values of a parameter in any of its spellings."""
        return [value for name, value in self.query_pairs if name in names]

    def url_with(self, **changed: object) -> str:
        """Return the absolute URL of this request with some parameters set anew."""
        kept = [(name, value) for name, value in self.query_pairs if name not in changed]
        kept += [(name, str(value)) for name, value in changed.items()]
        return f"http://{self.host}{self.path}" + (f"?{urlencode(kept)}" if kept else "")


def send_whole(wire: ClientConnection, head: bytes, body: bytes) -> None:
    """Send everything in one piece, so that Nagle and delayed ACK cannot meet."""
    wire.wfile.write(head + body)


@dataclass(slots=True)
class Response:
    """One answer; text goes out as text, bytes as they are, anything else as JSON."""

    status: int = 200
    content: object = b""
    headers: dict[str, str] = field(default_factory=dict)
    delivery: Delivery = send_whole
    compress: bool | None = None

    @property
    def rows(self) -> list[dict[str, object]]:
        """The objects of a list; empty for anything else."""
        return [row for row in self.content if isinstance(row, dict)] if isinstance(self.content, list) else []


def encode_body(content: object) -> bytes:
    """Return the body; a lone surrogate leaves as the escape that JSON knows."""
    if isinstance(content, bytes):
        return content
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace")


def default_content_type(content: object) -> str:
    """Return the type a body has when nobody says otherwise."""
    return "text/plain; charset=utf-8" if isinstance(content, str | bytes) else "application/json; charset=utf-8"


def make_weak_etag(body: bytes) -> str:
    """Return an ETag as express makes it: length and hash of the body."""
    digest = base64.b64encode(hashlib.sha1(body).digest()).decode()[:27]
    return f'W/"{len(body):x}-{digest}"'


def encode_response(ask: Request, reply: Response) -> tuple[bytes, bytes]:
    """Return head and body: compressed if the client can read that, 304 if it has this already."""
    body = encode_body(reply.content)
    headers = {"Content-Type": default_content_type(reply.content), **reply.headers}
    if "ETag" not in headers:
        headers["ETag"] = make_weak_etag(body)
    if reply.status == 200 and headers["ETag"] in ask.headers.get("If-None-Match", ""):
        reply.status, body = 304, b""
    elif should_compress(ask, reply, body):
        body = gzip.compress(body, compresslevel=1, mtime=0)
        headers["Content-Encoding"] = "gzip"
        headers["Vary"] = "Origin, Accept-Encoding"
    headers.setdefault("Content-Length", str(len(body)))
    return encode_head(reply.status, headers), b"" if ask.method == "HEAD" else body


def should_compress(ask: Request, reply: Response, body: bytes) -> bool:
    """Say whether to compress: large enough, accepted, not done yet."""
    if reply.compress is not None:
        return reply.compress
    return len(body) >= MIN_GZIP_BYTES and "gzip" in ask.headers.get("Accept-Encoding", "")


def encode_head(status: int, headers: Mapping[str, str]) -> bytes:
    """Return the status line and the headers."""
    known = {one.value: one.phrase for one in HTTPStatus}
    lines = [f"HTTP/1.1 {status} {known.get(status, 'Unknown')}"]
    lines += [f"{name}: {value}" for name, value in headers.items() if value]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


def current_time() -> float:
    """Return the real time, which quotas keep to whatever the simulated date is."""
    return time.time()
