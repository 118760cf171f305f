"""The names of registries, counters and packages as people write them, and the web pages of packages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote

REGISTRY_TITLES: Mapping[str, str] = {
    "huggingface/models": "Hugging Face",
    "huggingface/datasets": "Hugging Face datasets",
    "huggingface/spaces": "Hugging Face Spaces",
    "cargo": "Cargo",
    "conda": "conda",
    "cran": "CRAN",
    "go": "Go",
    "hackage": "Hackage",
    "hex": "Hex",
    "maven": "Maven",
    "npm": "npm",
    "nuget": "NuGet",
    "packagist": "Packagist",
    "pub": "Pub",
    "pypi": "PyPI",
    "rubygems": "RubyGems",
}
COUNTER_PERIODS: Mapping[str, str] = {
    "last-day": "of the last day",
    "last-week": "of the last week",
    "last-month": "of the last month",
    "last-30-days": "of the last 30 days",
    "total": "of all time",
    "unstated": "of an unstated period",
}
HUB_PAGES: Mapping[str, str] = {
    "huggingface/models": "https://huggingface.co/",
    "huggingface/datasets": "https://huggingface.co/datasets/",
    "huggingface/spaces": "https://huggingface.co/spaces/",
}
ECOSYSTEMS_PAGES = "https://packages.ecosyste.ms/registries"
HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?", re.ASCII)


def registry_title(registry: str) -> str:
    """Return the name of a registry as people write it.

    >>> registry_title("huggingface/models"), registry_title("pypi"), registry_title("cells")
    ('Hugging Face', 'PyPI', 'cells')
    """
    return REGISTRY_TITLES.get(registry, registry)


def counter_words(by: str, counter: str) -> str:
    """Return what a list is ordered by, in words.

    >>> counter_words("downloads", "last-30-days"), counter_words("likes", "likes"), counter_words("loans", "a term")
    ('downloads of the last 30 days', 'likes', 'loans (a term)')
    """
    if by == counter:
        return by
    period = COUNTER_PERIODS.get(counter)
    return f"{by} {period}" if period else f"{by} ({counter})"


def series_title(registry: str, by: str, counter: str) -> str:
    """Return the title of a series.

    >>> series_title("npm", "downloads", "last-month"), series_title("npm", "downloads", "census:last-month")
    ('npm by downloads of the last month', 'npm, the whole registry')
    """
    if is_census_counter(counter):
        return f"{registry_title(registry)}, the whole registry"
    return f"{registry_title(registry)} by {counter_words(by, counter)}"


def is_census_counter(counter: str) -> bool:
    """Return whether a series with this counter consists of censuses, not of lists."""
    return counter.startswith("census")


def package_page(registry: str, name: str, service: str = "huggingface", service_name: str | None = None) -> str:
    """Return the address of a package's page at the Hub or at Ecosyste.ms, or nothing if no address is known.

    `service_name` is the name that Ecosyste.ms has for the registry. Only a crawl stores it.

    >>> package_page("huggingface/models", "org/a"), package_page("npm", "a"), package_page("huggingface/models", "a b")
    ('https://huggingface.co/org/a', '', '')
    >>> package_page("npm", "@scope/name", "ecosystems", "npm.example")
    'https://packages.ecosyste.ms/registries/npm.example/packages/%40scope%2Fname'
    """
    if service == "ecosystems" and service_name:
        return f"{ECOSYSTEMS_PAGES}/{quote(service_name, safe='')}/packages/{quote(name, safe='')}"
    prefix = HUB_PAGES.get(registry, "")
    return f"{prefix}{name}" if prefix and HUB_NAME.fullmatch(name) else ""
