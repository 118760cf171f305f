"""Faults of the wire: the answer is right, but it does not arrive as one expects.

Each function that begins with `(reply, ask, …)` is a fault kind of its own name and changes the reply.
"""

from __future__ import annotations

import zlib

from simulation.http.messages import ClientConnection, Request, Response

MEGABYTE = 1 << 20


def truncate(reply: Response, ask: Request, fraction: float = 0.5) -> None:
    """Promise the whole length, send a part of the body, and close."""

    def cut(wire: ClientConnection, head: bytes, body: bytes) -> None:
        wire.close_connection = True
        wire.wfile.write(head + body[: int(len(body) * fraction)])

    reply.delivery = cut


def truncate_gzip(reply: Response, ask: Request, fraction: float = 0.5) -> None:
    """Send a part of a gzip stream without saying how long it is, and close as if that were the end."""

    def cut(wire: ClientConnection, head: bytes, body: bytes) -> None:
        wire.close_connection = True
        wire.wfile.write(replace_length_header(head) + body[: int(len(body) * fraction)])

    reply.delivery, reply.compress = cut, True


def replace_length_header(head: bytes, *more: bytes) -> bytes:
    """Return the head without Content-Length, closing after the body, with more headers."""
    lines = [line for line in head.split(b"\r\n") if line and not line.lower().startswith(b"content-length")]
    return b"\r\n".join([*lines, b"Connection: close", *more, b"", b""])


def bomb(reply: Response, ask: Request, megabytes: int = 64) -> None:
    """Send a small gzip body that unpacks to very much JSON."""
    squeeze = zlib.compressobj(9, zlib.DEFLATED, 31)
    parts = [squeeze.compress(b'[{"_id":"' + b"0" * 24 + b'","id":"a/b","pad":"')]
    parts += [squeeze.compress(b"0" * MEGABYTE) for _ in range(megabytes)]
    reply.content = b"".join([*parts, squeeze.compress(b'"}]'), squeeze.flush()])
    reply.headers |= {"Content-Type": "application/json; charset=utf-8", "Content-Encoding": "gzip"}
    reply.compress = False


def endless(reply: Response, ask: Request, seconds: float = 600.0) -> None:
    """Send chunks of a list that never ends."""

    def pour(wire: ClientConnection, head: bytes, body: bytes) -> None:
        wire.close_connection = True
        wire.wfile.write(replace_length_header(head, b"Transfer-Encoding: chunked") + encode_chunk(b"["))
        for _ in range(int(seconds * 100)):
            wire.wfile.write(encode_chunk(b'{"_id":"' + b"0" * 24 + b'","id":"a/b"},' * 64))
            wire.wait(0.01)

    reply.delivery, reply.compress = pour, False


def encode_chunk(content: bytes) -> bytes:
    """Return one chunk of a chunked body."""
    return b"%x\r\n%s\r\n" % (len(content), content)


def slow_headers(reply: Response, ask: Request, seconds: float = 1.0) -> None:
    """Pause that long after each line of the head."""

    def drip(wire: ClientConnection, head: bytes, body: bytes) -> None:
        for line in head.split(b"\r\n")[:-2]:
            wire.wfile.write(line + b"\r\n")
            wire.wait(seconds)
        wire.wfile.write(b"\r\n" + body)

    reply.delivery = drip


def stall(reply: Response, ask: Request, seconds: float = 60.0, where: str = "start") -> None:
    """Stop for that long: before anything is sent, or with `where` = `body` in the middle of the body."""

    def wait(wire: ClientConnection, head: bytes, body: bytes) -> None:
        sent = head + body[: len(body) // 2] if where == "body" else b""
        wire.wfile.write(sent)
        wire.wait(seconds)
        wire.wfile.write((head + body)[len(sent) :])

    reply.delivery = wait


def reset(reply: Response, ask: Request) -> None:
    """Cut the connection instead of answering."""
    reply.delivery = lambda wire, head, body: wire.reset_connection()
