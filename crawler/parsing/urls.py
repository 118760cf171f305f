"""Parameters of a URL (pure)."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

MAX_DIGITS = 18  # Python refuses to read a number of more than 4,300 digits


def int_parameter(url: str, name: str) -> int:
    """Return a numeric parameter of a URL, or 0 if it is missing, too long, or not a number."""
    value = dict(url_parameters(url)).get(name, "")
    return int(value) if value.isascii() and value.isdigit() and len(value) <= MAX_DIGITS else 0


def url_parameter(url: str, name: str) -> str | None:
    """Return one parameter of a URL, or None if it is missing."""
    return next((value for key, value in url_parameters(url) if key == name), None)


def url_parameters(url: str) -> list[tuple[str, str]]:
    """Return the parameters of a URL in their order."""
    return parse_qsl(urlsplit(url).query)
