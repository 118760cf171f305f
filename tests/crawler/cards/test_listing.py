"""The list names the repositories without a README, and their commits."""

from __future__ import annotations

import json

import pytest

from crawler.cards.listing import find_repositories_without_readme, first_list_url, is_list_url
from crawler.plan import CrawlPlan

ROWS = [
    {"id": "a/with", "sha": "0f", "siblings": [{"rfilename": "README.md"}, {"rfilename": "x.bin"}]},
    {"id": "a/without", "sha": "1e", "siblings": [{"rfilename": "docs/README.md"}]},
    {"id": "a/empty", "sha": "2d", "siblings": []},
    {"id": "a/unknown", "sha": "3c"},
    {"id": "a/null", "sha": "4b", "siblings": None},
    {"id": "a/unreadable", "sha": "5a", "siblings": [{"rfilename": "x.bin"}, None]},
    {"id": None, "sha": "69", "siblings": [{"rfilename": "x.bin"}]},
]


@pytest.mark.fault("D14")
def test_a_repository_has_no_readme_only_if_its_listed_files_lack_one() -> None:
    assert find_repositories_without_readme(json.dumps(ROWS).encode()) == {("a/without", "1e")}


@pytest.mark.parametrize("body", [b"", b"{}", b'[{"id": 1}]', b'{"error": "down"}', b"[" * 5000])
def test_an_invalid_list_names_no_repository(body: bytes) -> None:
    assert find_repositories_without_readme(body) == set()


@pytest.mark.parametrize(
    ("registry", "order"), [("huggingface/models", "sort=downloads"), ("huggingface/spaces", "sort=likes")]
)
def test_the_list_is_requested_in_the_order_of_the_ranking(registry: str, order: str) -> None:
    url = first_list_url(CrawlPlan(registry, 2000, endpoint="https://hub.example"))
    assert is_list_url(url) and order in url and "limit=1000" in url and url.endswith("expand=sha&expand=siblings")
    assert not is_list_url("https://hub.example/a/b/resolve/0f/README.md")
