"""Faults of transport: the response is right, but it is not delivered properly.

Each function that begins with `(response, request, …)` is a fault kind of its own name and changes the response.
"""

from __future__ import annotations

import zlib

from simulation.http.messages import ClientConnection, Request, Response

MEGABYTE = 1 << 20


def truncate(response: Response, request: Request, fraction: float = 0.5) -> None:
    """Announce the whole length, send a part of the body, and close."""

    def cut(wire: ClientConnection, head: bytes, body: bytes) -> None:
        wire.close_connection = True
        wire.wfile.write(head + body[: int(len(body) * fraction)])

    response.delivery = cut


def truncate_gzip(response: Response, request: Request, fraction: float = 0.5) -> None:
    """Send a part of a gzip stream without its length, and close as if that were the end."""

    def cut(wire: ClientConnection, head: bytes, body: bytes) -> None:
        wire.close_connection = True
        wire.wfile.write(replace_length_header(head) + body[: int(len(body) * fraction)])

    response.delivery, response.compress = cut, True


def replace_length_header(head: bytes, *more: bytes) -> bytes:
    """Return the head with `Connection: close` and more headers in place of Content-Length."""
    lines = [line for line in head.split(b"\r\n") if line and not line.lower().startswith(b"content-length")]
    return b"\r\n".join([*lines, b"Connection: close", *more, b"", b""])


def bomb(response: Response, request: Request, megabytes: int = 64) -> None:
    """Send a small gzip body that unpacks to a very large JSON document."""
    squeeze = zlib.compressobj(9, zlib.DEFLATED, 31)
    parts = [squeeze.compress(b'[{"_id":"' + b"0" * 24 + b'","id":"a/b","pad":"')]
    parts += [squeeze.compress(b"0" * MEGABYTE) for _ in range(megabytes)]
    response.content = b"".join([*parts, squeeze.compress(b'"}]'), squeeze.flush()])
    response.headers |= {"Content-Type": "application/json; charset=utf-8", "Content-Encoding": "gzip"}
    response.compress = False


def endless(response: Response, request: Request, seconds: float = 600.0) -> None:
    """Send chunks of a list that never ends."""

    def pour(wire: ClientConnection, head: bytes, body: bytes) -> None:
        wire.close_connection = True
        wire.wfile.write(replace_length_header(head, b"Transfer-Encoding: chunked") + encode_chunk(b"["))
        for _ in range(int(seconds * 100)):
            wire.wfile.write(encode_chunk(b'{"_id":"' + b"0" * 24 + b'","id":"a/b"},' * 64))
            wire.wait(0.01)

    response.delivery, response.compress = pour, False


def encode_chunk(content: bytes) -> bytes:
    """Return one chunk of a chunked body."""
    return b"%x\r\n%s\r\n" % (len(content), content)


def slow_headers(response: Response, request: Request, seconds: float = 1.0) -> None:
    """Pause after each line of the head."""

    def drip(wire: ClientConnection, head: bytes, body: bytes) -> None:
        for line in head.split(b"\r\n")[:-2]:
            wire.wfile.write(line + b"\r\n")
            wire.wait(seconds)
        wire.wfile.write(b"\r\n" + body)

    response.delivery = drip


def stall(response: Response, request: Request, seconds: float = 60.0, where: str = "start") -> None:
    """Pause before anything is sent, or with `where` = `body` in the middle of the body."""

    def wait(wire: ClientConnection, head: bytes, body: bytes) -> None:
        sent = head + body[: len(body) // 2] if where == "body" else b""
        wire.wfile.write(sent)
        wire.wait(seconds)
        wire.wfile.write((head + body)[len(sent) :])

    response.delivery = wait


def reset(response: Response, request: Request) -> None:
    """Cut the connection instead of sending a response."""
    response.delivery = lambda wire, head, body: wire.reset_connection()
