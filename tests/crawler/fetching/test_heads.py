"""A head of a response is bounded: its lines, a line that is continued, and the interim responses before it."""

from __future__ import annotations

import pytest
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.web._newclient import HTTP11ClientProtocol, Request, ResponseFailed
from twisted.web.http_headers import Headers

from crawler.fetching.connection_errors import describe_exception, is_from_host
from crawler.fetching.heads import MAX_HEAD_BYTES, limit_head

PART = 16_000
HEADERS = b"HTTP/1.1 200 OK\r\n" + b"".join(b"x-%d: %s\r\n" % (number, b"y" * 900) for number in range(300))
CONTINUED = b"HTTP/1.1 200 OK\r\nx: y\r\n" + (b" " + b"y" * 900 + b"\r\n") * 300
INTERIM = b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" * 7_000


def receive(protocol: HTTP11ClientProtocol, sent: bytes) -> list[object]:
    """Return the response or the failure of a request, if what was sent made one."""
    outcomes: list[object] = []
    protocol.request(Request(b"GET", b"/", Headers({b"host": [b"hub.example"]}), None)).addBoth(outcomes.append)
    limit_head(protocol)
    for start in range(0, len(sent), PART):
        protocol.dataReceived(sent[start : start + PART])
    return outcomes


def connect() -> HTTP11ClientProtocol:
    """Return a connection to nowhere."""
    protocol = HTTP11ClientProtocol()
    protocol.makeConnection(StringTransport())
    return protocol


@pytest.mark.parametrize("head", [HEADERS, CONTINUED, INTERIM], ids=["headers", "one header", "interim responses"])
@pytest.mark.fault("C11")
def test_a_head_without_end_cuts_the_connection(head: bytes) -> None:
    protocol = connect()
    (failure,) = receive(protocol, head)
    assert isinstance(failure, Failure)
    assert failure.check(ResponseFailed)
    assert describe_exception(failure.value) == "HeadTooLargeError: the headers are larger than 262,144 bytes"
    assert is_from_host(failure.value)
    assert protocol.transport.disconnecting


def test_a_connection_that_is_used_again_counts_each_head_from_zero() -> None:
    protocol = connect()
    head = HEADERS[: MAX_HEAD_BYTES // 2].rpartition(b"\r\n")[0] + b"\r\nContent-Length: 0\r\n\r\n"
    for _ in range(4):
        (response,) = receive(protocol, head)
        assert response.code == 200


def test_a_body_does_not_count_as_head() -> None:
    protocol = connect()
    (response,) = receive(protocol, b"HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\n" + b"y" * 2 * MAX_HEAD_BYTES)
    assert (response.code, protocol.transport.disconnecting) == (200, False)
