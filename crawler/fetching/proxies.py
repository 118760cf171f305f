"""The proxy of a request: from the variables that requests and curl read, and with their exceptions."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from requests.utils import get_environ_proxies, select_proxy
from scrapy import Request
from scrapy.crawler import Crawler

from db import UsageError

WITHOUT_SCHEME = "http://"


class ProxyMiddleware:
    """Choose the proxy of each request. Scrapy's own middleware, which comes next, sends the credentials to it.

    Scrapy's choice knows no ports and no networks in NO_PROXY, and no ALL_PROXY.
    """

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> ProxyMiddleware:
        """Create the middleware (called by Scrapy)."""
        return cls()

    def process_request(self, request: Request) -> None:
        """Set the proxy of a request, or None for a direct connection."""
        request.meta["proxy"] = find_proxy(request.url)


def find_proxy(url: str) -> str | None:
    """Return the proxy for a URL, as the environment names it, or None for a direct connection.

    Raises:
        UsageError: the variable names a proxy that cannot be used.
    """
    proxy = (select_proxy(url, get_environ_proxies(url)) or "").strip()
    if not proxy or is_exception(url, os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""):
        return None
    proxy = proxy if "://" in proxy else f"{WITHOUT_SCHEME}{proxy}"
    if fault := find_proxy_fault(proxy):
        variable = f"{urlsplit(url).scheme.upper()}_PROXY or ALL_PROXY"
        raise UsageError(
            f"{variable} names a proxy that cannot be used.",
            why=fault,
            fix="Write it like http://NAME:PASSWORD@HOST:PORT, or http://HOST:PORT. NO_PROXY names exceptions.",
            more="docs/commands.md",
        )
    return proxy


def is_exception(url: str, exceptions: str) -> bool:
    """Return whether NO_PROXY names the very address of a URL, which requests overlooks if it has a port or brackets.

    >>> is_exception("http://127.0.0.1:80/a", "10.0.0.1, 127.0.0.1:80"), is_exception("http://[::1]:80/a", "::1")
    (True, True)
    """
    parts, names = urlsplit(url), {name.strip().lower() for name in exceptions.split(",")}
    return bool(names & {parts.netloc.lower(), parts.hostname, f"[{parts.hostname}]"})


def find_proxy_fault(proxy: str) -> str:
    """Return why the address of a proxy cannot be used, '' if it may be. A password in it is not shown.

    >>> find_proxy_fault("http://me:word@proxy.example:3128/")
    ''
    >>> find_proxy_fault("socks5://proxy.example:1080")
    'Its scheme is socks5, and only proxies that are reached by http are supported.'
    """
    try:
        parts = urlsplit(proxy)
        port = parts.port
    except ValueError:
        return "Its port is not a number, or its address of IPv6 is broken."
    host = parts.hostname or ""
    if parts.scheme != "http" and parts.scheme.isalnum():
        return f"Its scheme is {parts.scheme[:20]}, and only proxies that are reached by http are supported."
    if not parts.scheme or not host or port == 0 or any(letter.isspace() or letter in "\"'<>|\\" for letter in host):
        return "It has no host, or a quotation mark or space in it."
    return ""


def shown_proxy(url: str) -> str:
    """Return the host and port of the proxy for a URL, '' without one."""
    proxy = find_proxy(url)
    return urlsplit(proxy).netloc.rpartition("@")[2] if proxy else ""
