"""What a crawl fetches."""

from __future__ import annotations

import pytest

from crawler.plan import CrawlPlan


def test_a_ranking_has_as_many_places_as_its_plan_says() -> None:
    assert CrawlPlan("npm", 250).top == 250


def test_a_census_has_no_last_place() -> None:
    with pytest.raises(ValueError, match=r"^a census has no last place$"):
        _ = CrawlPlan("npm", None).top
