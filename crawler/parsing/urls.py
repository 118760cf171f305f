"""Parameters of a URL (pure)."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit


def int_parameter(url: str, name: str) -> int:
    """A parameter of an address that is a number; 0 where it is none."""
    value = dict(parse_qsl(urlsplit(url).query)).get(name, "")
    return int(value) if value.isascii() and value.isdigit() else 0


def url_parameter(url: str, name: str) -> str | None:
    """One parameter of an address."""
    return next((value for key, value in url_parameters(url) if key == name), None)


def url_parameters(url: str) -> list[tuple[str, str]]:
    """Return the parameters of a URL, in their order."""
    return parse_qsl(urlsplit(url).query)
