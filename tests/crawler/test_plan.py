"""What a crawl fetches."""

from __future__ import annotations

import dataclasses

import pytest

from crawler.plan import CrawlPlan


def test_a_ranking_has_as_many_places_as_its_plan_says() -> None:
    assert CrawlPlan("npm", 250).top == 250


def test_a_census_has_no_last_place() -> None:
    with pytest.raises(ValueError, match=r"^a census has no last place$"):
        _ = CrawlPlan("npm", None).top


def test_a_plan_by_default_takes_counters_and_bodies_within_six_hours() -> None:
    plan = CrawlPlan("npm", 5)
    assert (plan.with_counters, plan.keep_bodies, plan.max_seconds) == (True, True, 21_600)
    assert (plan.ordered_by, plan.endpoint, dict(plan.settings)) == (None, "", {})


def test_a_plan_cannot_be_changed_and_shares_no_settings() -> None:
    plan = CrawlPlan("npm", 5)
    with pytest.raises(dataclasses.FrozenInstanceError):
        plan.k = 6  # type: ignore[misc]
    assert plan.settings is not CrawlPlan("npm", 5).settings
