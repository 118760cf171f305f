"""The public page of a package."""

from __future__ import annotations

from urllib.parse import quote

from analysis.reporting.names import HUB_PAGES

ECOSYSTEMS_PAGES = "https://packages.ecosyste.ms/registries"


def package_url(registry: str, service_name: str | None, name: str) -> str | None:
    """Return the page of a package at the Hub or at Ecosyste.ms, None if no page is known.

    `service_name` is the name that Ecosyste.ms has for the registry. Only a crawl stores it.

    >>> package_url("huggingface/datasets", None, "owner/data set")
    'https://huggingface.co/datasets/owner/data%20set'
    >>> package_url("npm", "npm.example", "@scope/name")
    'https://packages.ecosyste.ms/registries/npm.example/packages/%40scope%2Fname'
    """
    if registry in HUB_PAGES:
        return HUB_PAGES[registry] + quote(name, safe="/")
    if service_name is None or registry.startswith("huggingface/"):
        return None
    return f"{ECOSYSTEMS_PAGES}/{quote(service_name, safe='')}/packages/{quote(name, safe='')}"
