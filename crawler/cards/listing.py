"""Which repositories have no README: the list says so of a thousand at a time, rather than each of itself (pure)."""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit

import msgspec

from crawler.plan import CrawlPlan

README = "README.md"
PAGE_SIZE = 1000
SORT_KEYS = {"huggingface/models": "downloads", "huggingface/spaces": "likes"}


class RepositoryFile(msgspec.Struct, gc=False):
    """A file of a repository."""

    rfilename: str


class ListedRepository(msgspec.Struct, gc=False):
    """A repository, the commit it is at, and its files then."""

    id: str
    sha: str | None = None
    siblings: list[RepositoryFile] | None = None


def first_list_url(plan: CrawlPlan) -> str:
    """The address of the first page of the list, with the files of each repository."""
    words = {"sort": SORT_KEYS[plan.registry], "direction": "-1", "limit": str(min(PAGE_SIZE, plan.k or PAGE_SIZE))}
    asked = urlencode([*words.items(), ("expand", "sha"), ("expand", "siblings")])
    return f"{plan.endpoint}/api/{plan.registry.split('/')[1]}?{asked}"


def is_list_url(url: str) -> bool:
    """Whether an address is of the list, and not of a card."""
    return urlsplit(url).path in {f"/api/{registry.split('/')[1]}" for registry in SORT_KEYS}


def find_repositories_without_readme(body: bytes) -> set[tuple[str, str | None]]:
    """The repositories of a page that list no README, each with its commit; of a page that is none, nothing.

    >>> find_repositories_without_readme(b'[{"id": "a/b", "sha": "0f", "siblings": [{"rfilename": "x"}]}, {"id": "a/c", "sha": "1e"}]')
    {('a/b', '0f')}
    """
    try:
        rows = msgspec.json.decode(body, type=list[ListedRepository])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return set()
    named = (row for row in rows if row.siblings is not None)
    return {(row.id, row.sha) for row in named if all(file.rfilename != README for file in row.siblings or ())}
