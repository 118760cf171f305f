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


def models(simulation: Simulation, query: str = "") -> ClientResponse:
    return fetch(f"{simulation.huggingface}/api/models?{query}")


def cursor_of(answer: ClientResponse) -> dict[str, object]:
    return json.loads(base64.b64decode(parse_qs(urlsplit(answer.links["next"]).query)["cursor"][0]))


def test_a_page_has_a_thousand_rows_by_default(simulation: Simulation) -> None:
    assert len(models(simulation).json) == 1000


def test_a_larger_page_is_silently_a_thousand_rows(simulation: Simulation) -> None:
    answer = models(simulation, "limit=10000")
    assert (answer.status, len(answer.json)) == (200, 1000)


def test_the_link_keeps_every_parameter_and_the_host(simulation: Simulation) -> None:
    following = models(simulation, "limit=7&sort=likes&expand[]=likes&expand[]=sha").links["next"]
    query = parse_qs(urlsplit(following).query)
    assert following.startswith(simulation.huggingface + "/api/models?limit=7&sort=likes")
    assert query["expand[]"] == ["likes", "sha"]


def test_the_last_page_has_no_link(simulation: Simulation) -> None:
    pages = list(iter_pages(f"{simulation.huggingface}/api/datasets?limit=60&sort=likes"))
    assert [len(page) for page in pages[:-1]] == [60] * (len(pages) - 1)
    assert 0 < len(pages[-1]) <= 60


def test_a_census_sees_every_visible_model_once_in_the_order_of_ids(simulation: Simulation) -> None:
    ids = [row["_id"] for row in fetch_rows(simulation.huggingface + CENSUS)]
    assert ids == sorted({row["id"] for row in simulation.truth("huggingface/models", k=10**6)})


def test_the_newest_come_first_without_a_direction(simulation: Simulation) -> None:
    answer = models(simulation, "sort=createdAt&limit=50")
    ids = [row["_id"] for row in answer.json]
    assert ids == sorted(ids, reverse=True)
    assert cursor_of(answer) == {"_id": {"$lt": ids[-1]}}


@pytest.mark.parametrize("sort", ["downloads", "likes", "trendingScore"])
def test_a_ranking_is_the_truth_down_to_its_ties(simulation: Simulation, sort: str) -> None:
    ids = [row["_id"] for row in models(simulation, f"sort={sort}&limit=1000").json]
    assert ids == [row["id"] for row in simulation.truth("huggingface/models", by=sort, k=1000)]


def test_direction_is_ignored_for_downloads(simulation: Simulation) -> None:
    ascending, plain = (models(simulation, f"sort=downloads&limit=9{more}").json for more in ("&direction=1", ""))
    assert ascending == plain


@pytest.mark.parametrize("query", ["", "sort=created", "sort=nonsense&direction=1"])
def test_an_unknown_sort_is_silently_the_trending_one(simulation: Simulation, query: str) -> None:
    assert models(simulation, query + "&limit=20").json == models(simulation, "sort=trendingScore&limit=20").json


def test_spaces_cannot_be_sorted_by_downloads(simulation: Simulation) -> None:
    by_downloads = fetch(f"{simulation.huggingface}/api/spaces?sort=downloads&limit=5").json
    assert by_downloads == fetch(f"{simulation.huggingface}/api/spaces?limit=5").json
    assert "downloads" not in by_downloads[0]


def test_a_cursor_is_a_predicate_on_the_value_and_the_id(simulation: Simulation) -> None:
    answer = models(simulation, "sort=downloads&limit=3")
    last = answer.json[-1]
    below = {"$lt": last["downloads"]}
    equal = {"downloads": last["downloads"], "_id": {"$gt": last["_id"]}}
    assert cursor_of(answer) == {"$or": [equal, {"downloads": below}, {"downloads": None}]}


def test_the_cursor_of_a_search_carries_a_token(simulation: Simulation) -> None:
    assert "searchSequenceToken" in cursor_of(models(simulation, "search=a&limit=1"))


@pytest.mark.parametrize("sort", ["downloads", "likes", "trendingScore", "lastModified"])
def test_paging_a_ranking_that_stands_still_repeats_and_skips_nothing(simulation: Simulation, sort: str) -> None:
    ids = [row["_id"] for row in fetch_rows(f"{simulation.huggingface}/api/models?sort={sort}&limit=400")]
    assert sorted(ids) == sorted(row["id"] for row in simulation.truth("huggingface/models", k=10**6))


def test_a_constructed_cursor_resumes_a_census(simulation: Simulation) -> None:
    everything = [row["_id"] for row in fetch_rows(simulation.huggingface + CENSUS)]
    cursor = base64.b64encode(json.dumps({"_id": {"$gt": everything[1234]}}).encode()).decode()
    resumed = fetch_rows(f"{simulation.huggingface}{CENSUS}&cursor={quote(cursor)}")
    assert [row["_id"] for row in resumed] == everything[1235:]


def test_a_cursor_may_name_an_instant_instead_of_a_repository(simulation: Simulation) -> None:
    instant = f"{1767571200:08x}" + "0" * 16
    cursor = quote(base64.b64encode(json.dumps({"_id": {"$gt": instant}}).encode()).decode())
    born = {row["_id"] for row in fetch_rows(f"{simulation.huggingface}{CENSUS}&cursor={cursor}")}
    created = {row["id"] for row in simulation.events() if row["kind"] == "created"}
    assert born and all(row[:8] >= instant[:8] for row in born)
    assert len(born & created) > 50


def test_a_smaller_limit_in_the_link_keeps_the_position(simulation: Simulation) -> None:
    following = models(simulation, "sort=downloads&limit=200").links["next"]
    whole = fetch(following).json
    part = fetch(following.replace("limit=200", "limit=50")).json
    assert part == whole[:50]


def test_an_invalid_cursor_is_refused(simulation: Simulation) -> None:
    answer = models(simulation, "cursor=nonsense")
    assert (answer.status, answer.json) == (400, {"error": "Invalid cursor"})


def test_an_author_lists_only_their_own(simulation: Simulation) -> None:
    author = models(simulation, "limit=1&expand=author").json[0]["author"]
    rows = models(simulation, f"author={author}").json
    assert rows and {row["id"].split("/")[0] for row in rows} == {author}


def test_filters_are_tags_and_all_must_hold(simulation: Simulation) -> None:
    rows = models(simulation, "filter=transformers&filter=text-generation").json
    assert rows and all({"transformers", "text-generation"} <= set(row["tags"]) for row in rows)


def test_a_search_finds_parts_of_names_in_any_case(simulation: Simulation) -> None:
    rows = models(simulation, "search=lumen").json
    assert rows and all("lumen" in row["id"].lower() for row in rows)


@pytest.mark.parametrize(("value", "gates"), [("true", {"auto", "manual"}), ("false", {False})])
def test_gated_selects_by_the_gate(simulation: Simulation, value: str, gates: set[object]) -> None:
    assert {row["gated"] for row in models(simulation, f"gated={value}&full=true").json} == gates


def test_under_churn_a_ranking_skips_and_repeats_but_a_census_does_not(
    start_simulation: Callable[..., Simulation],
) -> None:
    moving = start_simulation(models=1200, churn=0.05)
    everything = sorted(row["id"] for row in moving.truth("huggingface/models", k=10**6))
    ranked = [row["_id"] for row in fetch_rows(f"{moving.huggingface}/api/models?sort=downloads&limit=60")]
    counted = [row["_id"] for row in fetch_rows(f"{moving.huggingface}/api/models?sort=createdAt&direction=1&limit=60")]
    assert len(ranked) > len(set(ranked)), "nothing was repeated"
    assert set(everything) - set(ranked), "nothing was skipped"
    assert counted == everything
