"""The address of a service: the public one, or the one in an environment variable, refused in words if it is none."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from crawler.fetching.proxies import find_proxy
from db import UsageError
from db.cli import escape_control_characters

if TYPE_CHECKING:
    from crawler.spiders import PacedSpider

HOST = re.compile(r"[^\s\"'<>\\^`{|}%@,;/?#:]+")  # of letters of any script
HUB_VARIABLE, HUB_URL = "HF_ENDPOINT", "https://huggingface.co"
QUOTATION_MARKS = ("'", '"', "`", "\N{LEFT SINGLE QUOTATION MARK}", "\N{LEFT DOUBLE QUOTATION MARK}")


def endpoint_url(spider: type[PacedSpider]) -> str:
    """Return the endpoint of a spider: its environment variable, or else the public service.

    Raises:
        UsageError: the variable is not the address of a service, or holds a user name or a password, which would be
            stored with every page. Or the proxy to the service cannot be used.
    """
    text = os.environ.get(spider.endpoint_variable, "").strip() or spider.public_endpoint
    if has_login(text):
        raise UsageError(
            f"{spider.endpoint_variable} holds a name or a password.",
            why="The URL of each page is stored, and a secret must not be.",
            fix="Set the endpoint without them. A token belongs in HF_TOKEN.",
        )
    if fault := find_endpoint_fault(text, spider.public_endpoint):
        raise misspelt_endpoint_error(spider.endpoint_variable, text, fault, spider.public_endpoint)
    find_proxy(text)
    return urlsplit(text).geturl().rstrip("/")


def require_readable_hub_variable() -> None:
    """Refuse an HF_ENDPOINT whose port or address cannot be read: huggingface_hub reads the variable when imported.

    Raises:
        UsageError: the variable cannot be read.
    """
    text = os.environ.get(HUB_VARIABLE, "")
    try:
        _ = urlsplit(text).port
    except ValueError as error:
        raise misspelt_endpoint_error(HUB_VARIABLE, text, f"{str(error)[:100]}.", HUB_URL) from error


def misspelt_endpoint_error(variable: str, text: str, fault: str, public: str) -> UsageError:
    """Return the error for a variable that is not the address of a service."""
    return UsageError(
        f"{variable} is not a URL of a service: {shown_address(text)}.", why=fault, fix=f"Write it like {public}."
    )


def shown_address(text: str) -> str:
    """Return an address as an error shows it: without what may be a secret.

    >>> shown_address("hub.example?token=a"), shown_address("https//me:word@hub.example")
    ("'hub.example'", 'not shown, because it has an @')
    """
    address = re.split(r"[?#]", text, maxsplit=1)[0]
    return "not shown, because it has an @" if "@" in address else repr(escape_control_characters(address[:200]))


def has_login(text: str) -> bool:
    """Return whether an address has a user name before its host. A path may have an @.

    >>> has_login("https://me:word@hub.example"), has_login("me:word@hub.example"), has_login("https://a.example/@b")
    (True, True, False)
    """
    return "@" in re.split(r"[/?#]", re.sub(r"^[^/@]*:/+", "", text), maxsplit=1)[0]


def find_endpoint_fault(text: str, public: str) -> str:
    """Return why an address is not that of a service, '' if it may be.

    >>> find_endpoint_fault("https://mirror.example:8080/hub/", "https://huggingface.co")
    ''
    >>> find_endpoint_fault("https://mirror.example?token=1", "https://huggingface.co")
    'It has a query (?) or a fragment (#), and each request adds a query of its own.'
    """
    if text.startswith(QUOTATION_MARKS):
        return "It begins with a quotation mark, which a shell removes and a file of settings does not."
    if re.search(r"\s", text) or not text.isprintable():
        return "It has a space, a line break or a character that is not printed inside."
    if not re.match(r"https?://", text, re.IGNORECASE):
        return "The scheme is missing or unknown."
    if "?" in text or "#" in text:
        return "It has a query (?) or a fragment (#), and each request adds a query of its own."
    try:
        return _find_fault_of_parts(urlsplit(text), urlsplit(public))
    except ValueError as error:
        return f"{str(error)[:100]}."


def _find_fault_of_parts(parts: SplitResult, public: SplitResult) -> str:
    """Return why the host, the port or the path is not that of a service, '' if all of them may be.

    Raises:
        ValueError: the port is not a number, or an address of IPv6 is broken.
    """
    host, path = parts.hostname or "", parts.path.rstrip("/")
    if not host or not (parts.netloc.startswith("[") or HOST.fullmatch(host)):
        return "It has no host, or a host with a character that no host has."
    if parts.netloc.endswith(":") or parts.port == 0:
        return "A colon stands behind the host without a port."
    if "//" in path or re.search(r"[\"'<>\\^`{|}]", path):
        return "Its path has // or a character that no path has."
    if host == public.hostname and path != public.path:
        return f"The public service has the path {public.path or '/'!r}, and not {path or '/'!r}."
    if not public.path and re.search(r"/api(/(models|datasets|spaces))?$", path):
        return "It ends with /api, which each request adds."
    return ""
