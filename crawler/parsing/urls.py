"""The parameters of a URL, and the place on an endpoint that a URL of a registry names (pure)."""

from __future__ import annotations

from urllib.parse import SplitResult, parse_qsl, urljoin, urlsplit

STANDARD_PORTS = (None, 80, 443)
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


def url_on_endpoint(url: str, base: str, endpoint: str, public: str) -> str | None:
    """Return the URL on the endpoint that a registry means by a URL, or None if the URL is on another host.

    A registry behind a proxy does not know how it is reached. It may state the other scheme, another standard port,
    no host, its public host, or a path without the prefix of the endpoint. Each of these is taken to the endpoint.

    >>> hub, public = "http://mirror.example:8080/hub", "https://huggingface.co"
    >>> url_on_endpoint("https://huggingface.co/api/models?cursor=a", f"{hub}/api/models", hub, public)
    'http://mirror.example:8080/hub/api/models?cursor=a'
    >>> url_on_endpoint("?cursor=a", f"{hub}/api/models", hub, public)
    'http://mirror.example:8080/hub/api/models?cursor=a'
    >>> url_on_endpoint("https://mirror.example:8443/x", f"{hub}/api/models", hub, public)
    """
    home, public_home = urlsplit(endpoint), urlsplit(public)
    try:
        parts = urlsplit(urljoin(base, url))
        is_own, is_public = _is_host_of(parts, home), _is_host_of(parts, public_home)
    except ValueError:
        return None
    if not (is_own or is_public):
        return None
    is_complete = is_own and _is_within(parts.path, home.path)
    if not is_complete and _is_within(parts.path, public_home.path):
        parts = parts._replace(path=home.path + parts.path.removeprefix(public_home.path))
    return parts._replace(scheme=home.scheme, netloc=home.netloc).geturl()


def _is_host_of(parts: SplitResult, home: SplitResult) -> bool:
    """Return whether a URL is on a host, by either scheme and at its port or a standard one.

    Raises:
        ValueError: the port is not a number.
    """
    has_port = parts.port in (*STANDARD_PORTS, home.port)
    return (
        has_port
        and parts.scheme in ("http", "https")
        and "@" not in parts.netloc
        and (parts.hostname or "").rstrip(".") == home.hostname
    )


def _is_within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")
