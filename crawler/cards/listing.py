"""Find the repositories without a README in a list, 1,000 rows a request instead of one request each (pure)."""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit

import msgspec

from crawler.parsing.visibility import is_members_only, read_shown_rows
from crawler.plan import CrawlPlan

README = "README.md"
PAGE_SIZE = 1000
ACCESS_FIELDS = {
    "huggingface/models": ("private", "resourceGroup", "gated"),
    "huggingface/spaces": ("private", "resourceGroup"),
}
SORT_KEYS = {"huggingface/models": "downloads", "huggingface/spaces": "likes"}


class RepositoryFile(msgspec.Struct, gc=False):
    """A file of a repository."""

    rfilename: str


class ListedRepository(msgspec.Struct, gc=False):
    """A repository with its current commit and the files of that commit."""

    id: str
    sha: str | None = None
    siblings: list[RepositoryFile] | None = None


def first_list_url(plan: CrawlPlan, with_access: bool = False) -> str:
    """Return the URL of the first page of the list, which names the files of each repository.

    Set `with_access` to request also who may see each repository.
    """
    limit = min(PAGE_SIZE, plan.k or PAGE_SIZE)
    parameters = [("sort", SORT_KEYS[plan.registry]), ("direction", "-1"), ("limit", str(limit))]
    fields = ("sha", "siblings", *(ACCESS_FIELDS[plan.registry] if with_access else ()))
    query = urlencode([*parameters, *(("expand", name) for name in fields)])
    return f"{plan.endpoint}/api/{plan.registry.split('/')[1]}?{query}"


def is_list_url(url: str) -> bool:
    """Return whether a URL is that of a list, and not of a card."""
    return urlsplit(url).path in {f"/api/{registry.split('/')[1]}" for registry in SORT_KEYS}


def find_repositories_without_readme(body: bytes) -> set[tuple[str, str | None]]:
    """Return the id and commit of each listed repository without a README. Invalid bodies give an empty set.

    >>> body = b'[{"id": "a/b", "sha": "0f", "siblings": [{"rfilename": "x"}]}, {"id": "a/c", "sha": "1e"}]'
    >>> find_repositories_without_readme(body)
    {('a/b', '0f')}
    """
    try:
        rows = msgspec.json.decode(body, type=list[ListedRepository])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return set()
    return {
        (row.id, row.sha)
        for row in rows
        if row.siblings is not None and all(file.rfilename != README for file in row.siblings)
    }


def find_open_repositories(body: bytes) -> set[str]:
    """Return the names of the listed repositories that everyone sees without asking for access.

    >>> body = b'[{"id": "a/b", "private": false}, {"id": "a/c", "private": false, "gated": "auto"}, {"id": "a/d"}]'
    >>> find_open_repositories(body)
    {'a/b'}
    """
    return {str(row.name) for row in read_shown_rows(body) if not is_members_only(row) and not row.gated}
