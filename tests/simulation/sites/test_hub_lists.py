"""The Hub's lists: pages, orders, cursors and filters."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from tests.simulated import Simulation
from tests.simulation.client import ClientResponse, fetch, fetch_rows, iter_pages

CENSUS = "/api/models?limit=1000&sort=createdAt&direction=1"


def models(pretend: Simulation, query: str = "") -> ClientResponse:
    return fetch(f"{pretend.huggingface}/api/models?{query}")


def cursor_of(answer: ClientResponse) -> dict[str, object]:
    return json.loads(base64.b64decode(parse_qs(urlsplit(answer.links["next"]).query)["cursor"][0]))


def test_a_page_has_a_thousand_rows_when_nothing_is_said(pretend: Simulation) -> None:
    assert len(models(pretend).json) == 1000


def test_a_larger_page_is_silently_a_thousand_rows(pretend: Simulation) -> None:
    answer = models(pretend, "limit=10000")
    assert (answer.status, len(answer.json)) == (200, 1000)


def test_the_link_keeps_every_parameter_and_names_the_host_that_was_asked(pretend: Simulation) -> None:
    following = models(pretend, "limit=7&sort=likes&expand[]=likes&expand[]=sha").links["next"]
    query = parse_qs(urlsplit(following).query)
    assert following.startswith(pretend.huggingface + "/api/models?limit=7&sort=likes")
    assert query["expand[]"] == ["likes", "sha"]


def test_the_last_page_has_no_link(pretend: Simulation) -> None:
    pages = list(iter_pages(f"{pretend.huggingface}/api/datasets?limit=60&sort=likes"))
    assert [len(page) for page in pages[:-1]] == [60] * (len(pages) - 1)
    assert 0 < len(pages[-1]) <= 60


def test_a_census_sees_every_visible_model_once_in_the_order_of_ids(pretend: Simulation) -> None:
    seen = [row["_id"] for row in fetch_rows(pretend.huggingface + CENSUS)]
    assert seen == sorted({one["id"] for one in pretend.truth("huggingface/models", k=10**6)})


def test_the_newest_come_first_without_a_direction(pretend: Simulation) -> None:
    answer = models(pretend, "sort=createdAt&limit=50")
    seen = [row["_id"] for row in answer.json]
    assert seen == sorted(seen, reverse=True)
    assert cursor_of(answer) == {"_id": {"$lt": seen[-1]}}


@pytest.mark.parametrize("sort", ["downloads", "likes", "trendingScore"])
def test_a_ranking_is_the_truth_down_to_its_ties(pretend: Simulation, sort: str) -> None:
    seen = [row["_id"] for row in models(pretend, f"sort={sort}&limit=1000").json]
    assert seen == [one["id"] for one in pretend.truth("huggingface/models", by=sort, k=1000)]


def test_direction_is_ignored_for_downloads(pretend: Simulation) -> None:
    ascending, plain = (models(pretend, f"sort=downloads&limit=9{more}").json for more in ("&direction=1", ""))
    assert ascending == plain


@pytest.mark.parametrize("query", ["", "sort=created", "sort=nonsense&direction=1"])
def test_an_unknown_sort_is_silently_the_trending_one(pretend: Simulation, query: str) -> None:
    assert models(pretend, query + "&limit=20").json == models(pretend, "sort=trendingScore&limit=20").json


def test_spaces_cannot_be_sorted_by_downloads(pretend: Simulation) -> None:
    by_downloads = fetch(f"{pretend.huggingface}/api/spaces?sort=downloads&limit=5").json
    assert by_downloads == fetch(f"{pretend.huggingface}/api/spaces?limit=5").json
    assert "downloads" not in by_downloads[0]


def test_a_cursor_is_a_predicate_on_the_value_and_the_id(pretend: Simulation) -> None:
    answer = models(pretend, "sort=downloads&limit=3")
    last = answer.json[-1]
    below = {"$lt": last["downloads"]}
    same = {"downloads": last["downloads"], "_id": {"$gt": last["_id"]}}
    assert cursor_of(answer) == {"$or": [same, {"downloads": below}, {"downloads": None}]}


def test_the_cursor_of_a_search_carries_a_token(pretend: Simulation) -> None:
    assert "searchSequenceToken" in cursor_of(models(pretend, "search=a&limit=1"))


@pytest.mark.parametrize("sort", ["downloads", "likes", "trendingScore", "lastModified"])
def test_paging_a_ranking_that_stands_still_repeats_and_skips_nothing(pretend: Simulation, sort: str) -> None:
    seen = [row["_id"] for row in fetch_rows(f"{pretend.huggingface}/api/models?sort={sort}&limit=400")]
    assert sorted(seen) == sorted(one["id"] for one in pretend.truth("huggingface/models", k=10**6))


def test_a_constructed_cursor_resumes_a_census(pretend: Simulation) -> None:
    everything = [row["_id"] for row in fetch_rows(pretend.huggingface + CENSUS)]
    cursor = base64.b64encode(json.dumps({"_id": {"$gt": everything[1234]}}).encode()).decode()
    resumed = fetch_rows(f"{pretend.huggingface}{CENSUS}&cursor={quote(cursor)}")
    assert [row["_id"] for row in resumed] == everything[1235:]


def test_a_cursor_may_name_an_instant_instead_of_a_repository(pretend: Simulation) -> None:
    instant = f"{1767571200:08x}" + "0" * 16
    cursor = quote(base64.b64encode(json.dumps({"_id": {"$gt": instant}}).encode()).decode())
    born = {row["_id"] for row in fetch_rows(f"{pretend.huggingface}{CENSUS}&cursor={cursor}")}
    created = {one["id"] for one in pretend.events() if one["kind"] == "created"}
    assert born and all(one[:8] >= instant[:8] for one in born)
    assert len(born & created) > 50


def test_a_smaller_limit_in_the_link_keeps_the_place(pretend: Simulation) -> None:
    following = models(pretend, "sort=downloads&limit=200").links["next"]
    whole = fetch(following).json
    part = fetch(following.replace("limit=200", "limit=50")).json
    assert part == whole[:50]


def test_a_cursor_that_is_none_is_refused(pretend: Simulation) -> None:
    answer = models(pretend, "cursor=nonsense")
    assert (answer.status, answer.json) == (400, {"error": "Invalid cursor"})


def test_an_author_lists_only_their_own(pretend: Simulation) -> None:
    author = models(pretend, "limit=1&expand=author").json[0]["author"]
    found = models(pretend, f"author={author}").json
    assert found and {row["id"].split("/")[0] for row in found} == {author}


def test_filters_are_tags_and_all_must_hold(pretend: Simulation) -> None:
    found = models(pretend, "filter=transformers&filter=text-generation").json
    assert found and all({"transformers", "text-generation"} <= set(row["tags"]) for row in found)


def test_a_search_finds_parts_of_names_in_any_case(pretend: Simulation) -> None:
    found = models(pretend, "search=lumen").json
    assert found and all("lumen" in row["id"].lower() for row in found)


@pytest.mark.parametrize(("value", "gates"), [("true", {"auto", "manual"}), ("false", {False})])
def test_gated_selects_by_the_gate(pretend: Simulation, value: str, gates: set[object]) -> None:
    assert {row["gated"] for row in models(pretend, f"gated={value}&full=true").json} == gates


def test_under_churn_a_ranking_skips_and_repeats_but_a_census_does_not(
    begin: Callable[..., Simulation],
) -> None:
    moving = begin(models=1200, churn=0.05)
    everything = sorted(one["id"] for one in moving.truth("huggingface/models", k=10**6))
    ranked = [row["_id"] for row in fetch_rows(f"{moving.huggingface}/api/models?sort=downloads&limit=60")]
    counted = [row["_id"] for row in fetch_rows(f"{moving.huggingface}/api/models?sort=createdAt&direction=1&limit=60")]
    assert len(ranked) > len(set(ranked)), "nothing was repeated"
    assert set(everything) - set(ranked), "nothing was skipped"
    assert counted == everything
