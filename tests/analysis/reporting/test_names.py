"""Names as people write them, and the pages that they lead to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.reporting.names import package_page, series_title


def test_a_title_says_what_the_list_is_ordered_by() -> None:
    assert series_title("huggingface/datasets", "likes", "likes") == "Hugging Face datasets by likes"
    assert series_title("pypi", "downloads", "last-week") == "PyPI by downloads of the last week"
    assert series_title("shelf", "loans", "a term") == "shelf by loans (a term)"


@pytest.mark.parametrize(
    ("registry", "page"),
    [
        ("huggingface/models", "https://huggingface.co/org/a"),
        ("huggingface/datasets", "https://huggingface.co/datasets/org/a"),
        ("huggingface/spaces", "https://huggingface.co/spaces/org/a"),
        ("npm", ""),
    ],
)
def test_each_registry_of_the_hub_has_pages(registry: str, page: str) -> None:
    assert package_page(registry, "org/a") == page


@given(st.text())
def test_a_page_is_on_the_hub_and_holds_nothing_but_the_name(name: str) -> None:
    page = package_page("huggingface/models", name)
    assert page in ("", f"https://huggingface.co/{name}")
    assert not page or set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/")
