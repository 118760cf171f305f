"""Errors of a host that does not respond: no network, no TLS, an untrusted certificate, a proxy that refuses."""

from __future__ import annotations

import os
from collections.abc import Iterator
from urllib.parse import urlsplit

from OpenSSL.SSL import Error as TlsError
from scrapy.core.downloader.handlers.http11 import TunnelError
from service_identity import VerificationError

from crawler.errors import CrawlError
from crawler.fetching.heads import HeadTooLargeError
from crawler.fetching.proxies import shown_proxy
from db.certificates import describe_authorities
from db.reasons import FailureReason

TLS_FAULTS = {  # by the last words of OpenSSL
    "certificate verify failed": "no authority that this computer trusts has signed the certificate, or it has expired",
    "wrong version number": "what responds at this port does not speak TLS; perhaps it speaks http",
    "packet length too long": "what responds at this port does not speak TLS; perhaps it speaks http",
}


def connection_error(url: str, exception: Exception) -> CrawlError:
    """Return the error for a host that never responded."""
    if isinstance(exception, TunnelError):
        return proxy_error(url, "407" in str(exception))
    fault = find_tls_fault(exception)
    return tls_error(url, fault) if fault else offline_error(url, exception)


def proxy_error(url: str, needs_login: bool) -> CrawlError:
    """Return the error for a proxy that does not let a request pass."""
    reason = "asks for a name and a password, or for others" if needs_login else f"did not connect to {_host(url)}"
    return CrawlError(
        f"The proxy {shown_proxy(url)} {reason}{' (407)' if needs_login else ''}.",
        why="Every request to the registry goes through this proxy.",
        fix="Write http://NAME:PASSWORD@HOST:PORT in HTTPS_PROXY, with % signs for special letters, or use NO_PROXY.",
        is_permanent=False,
        gate="offline",
        reason=FailureReason.OFFLINE,
    )


def _host(url: str) -> str:
    return urlsplit(url).netloc


def tls_error(url: str, fault: str) -> CrawlError:
    """Return the error for a host whose connection is not secure."""
    named = "; ".join(describe_authorities(os.environ)) or "No variable names one"
    return CrawlError(
        f"No secure connection (TLS) to {_host(url)}: {fault}.",
        why=f"A proxy that reads TLS signs with its company's own authority (CA). {named}.",
        fix="Name the file of your company's CA in SSL_CERT_FILE or REQUESTS_CA_BUNDLE. Else check the endpoint.",
        is_permanent=False,
        gate="offline",
        reason=FailureReason.OFFLINE,
    )


def offline_error(url: str, exception: Exception) -> CrawlError:
    """Return the error for a host that never responded, for another reason than TLS."""
    return CrawlError(
        f"No answer from {_host(url)}{f' through the proxy {proxy}' if (proxy := shown_proxy(url)) else ''}.",
        why=f"{describe_exception(exception).rstrip('.')}."
        " There seems to be no network, or a proxy or firewall blocks the request.",
        fix="Check the connection and HTTPS_PROXY. Without a network, `make demo` runs on a simulated Hub.",
        is_permanent=False,
        gate="offline",
        reason=FailureReason.OFFLINE,
    )


def https_required_error(endpoint: str) -> CrawlError:
    """Return the error for an endpoint by http that sends every request on to https."""
    secure = urlsplit(endpoint)._replace(scheme="https").geturl()
    return CrawlError(
        f"{urlsplit(endpoint).netloc} answers http only with a redirect to https.",
        why="The endpoint is written with http. By http anybody on the way reads the token and may change a list.",
        fix=f"Write {secure} in HF_ENDPOINT or ECOSYSTEMS_ENDPOINT.",
        gate="needs_https",
    )


def find_tls_fault(exception: BaseException) -> str:
    """Return what was wrong with TLS, '' if an exception has another cause.

    >>> find_tls_fault(TlsError([("SSL routines", "", "wrong version number")]))
    'what responds at this port does not speak TLS; perhaps it speaks http'
    """
    for cause in _causes(exception):
        if isinstance(cause, VerificationError):
            return "the certificate is that of another host"
        if isinstance(cause, TlsError):
            words = cause.args[0][-1][-1] if cause.args and cause.args[0] else "the connection was closed"
            return TLS_FAULTS.get(words, str(words)[:100])
    return ""


def _causes(exception: BaseException) -> Iterator[BaseException]:
    """Yield an exception and its causes. Twisted keeps them in `reasons`."""
    yield exception
    for reason in getattr(exception, "reasons", None) or ():
        if isinstance(getattr(reason, "value", None), BaseException):
            yield from _causes(reason.value)
    if exception.__cause__ is not None:
        yield from _causes(exception.__cause__)


def describe_exception(exception: Exception) -> str:
    """Return an exception in one line."""
    reasons = next(filter(None, (getattr(cause, "reasons", None) for cause in _causes(exception))), None)
    described = getattr(reasons[0], "value", exception) if reasons else exception
    return f"{type(described).__name__}: {str(described)[:160]}".rstrip(": ")


def is_from_host(exception: Exception) -> bool:
    """Return whether an exception is about what the host sent, so that there is a network."""
    return any(isinstance(cause, HeadTooLargeError) for cause in _causes(exception))
