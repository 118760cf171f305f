"""Find the repositories without a README in a list, 1,000 rows a request instead of one request each (pure)."""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit

import msgspec

from crawler.parsing.rows import NotAListError, split_json_rows
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
    return urlsplit(url).path.endswith(tuple(f"/api/{registry.split('/')[1]}" for registry in SORT_KEYS))


def find_repositories_without_readme(body: bytes) -> set[tuple[str, str | None]]:
    """Return the id and commit of each listed repository without a README.

    Only a list of files that can be read shows that one is missing. A repository has files, so an empty list does not.

    >>> body = b'[{"id": "a/b", "sha": "0f", "siblings": [{"rfilename": "x"}]}, {"id": "a/c", "siblings": [null]}]'
    >>> find_repositories_without_readme(body)
    {('a/b', '0f')}
    """
    try:
        rows = map(_read_repository, split_json_rows(body))
    except NotAListError:
        return set()
    return {
        (row.id, row.sha)
        for row in rows
        if row is not None and row.siblings and all(file.rfilename != README for file in row.siblings)
    }


def find_open_repositories(body: bytes) -> set[str]:
    """Return the names of the listed repositories that everyone sees without asking for access.

    >>> body = b'[{"id": "a/b", "private": false}, {"id": "a/c", "private": false, "gated": "auto"}, {"id": "a/d"}]'
    >>> find_open_repositories(body)
    {'a/b'}
    """
    return {str(row.name) for row in read_shown_rows(body) if not is_members_only(row) and not row.gated}


def _read_repository(raw: bytes) -> ListedRepository | None:
    try:
        return msgspec.json.decode(raw, type=ListedRepository)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
