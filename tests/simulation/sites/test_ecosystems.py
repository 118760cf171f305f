"""Ecosyste.ms: registries, package lists, names, quotas."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from urllib.parse import quote

import pytest

from tests.simulated import Simulation
from tests.simulation.client import ClientResponse, fetch, fetch_rows

BY_DOWNLOADS = "sort=downloads&order=desc"


def packages(pretend: Simulation, query: str, registry: str = "npm.example") -> ClientResponse:
    return fetch(f"{pretend.ecosystems}/registries/{quote(registry)}/packages?{query}")


def names(pretend: Simulation, query: str, registry: str = "npm.example") -> ClientResponse:
    return fetch(f"{pretend.ecosystems}/registries/{quote(registry)}/package_names?{query}")


def test_there_are_more_registries_than_fit_a_page(pretend: Simulation) -> None:
    answer = fetch(f"{pretend.ecosystems}/registries?per_page=100")
    assert len(answer.json) == 100
    assert (answer.headers["total-count"], answer.headers["total-pages"]) == ("111", "2")
    assert answer.links["last"].endswith("page=2")


def test_all_registries_fit_a_page_of_a_thousand(pretend: Simulation) -> None:
    found = fetch(f"{pretend.ecosystems}/registries?per_page=1000").json
    counts = [one["packages_count"] for one in found]
    assert len({one["name"] for one in found}) == 111
    assert counts == sorted(counts, reverse=True)


def test_one_ecosystem_can_have_two_registries_and_one_default(pretend: Simulation) -> None:
    found = fetch(f"{pretend.ecosystems}/registries?ecosystem=rubygems").json
    assert {one["name"]: one["default"] for one in found} == {"gems.example": True, "coop.example": False}


def test_a_registry_is_found_by_name_and_not_by_ecosystem(pretend: Simulation) -> None:
    assert fetch(f"{pretend.ecosystems}/registries/npm.example").json["ecosystem"] == "npm"
    answer = fetch(f"{pretend.ecosystems}/registries/npm")
    assert (answer.status, answer.json) == (404, {"error": "not found"})


def test_a_space_in_a_registry_name_is_encoded(pretend: Simulation) -> None:
    assert fetch(f"{pretend.ecosystems}/registries/github%20actions").json["name"] == "github actions"


@pytest.mark.parametrize("registry", ["npm.example", "pypi.example", "crates.example"])
def test_names_come_in_the_order_of_the_values(pretend: Simulation, registry: str) -> None:
    listed = names(pretend, BY_DOWNLOADS + "&per_page=500", registry).json
    value = {one["name"]: one["downloads"] for one in pretend.truth(registry, k=10**6)}
    expected = [one["downloads"] for one in pretend.truth(registry, k=500)]
    assert [value[name] for name in listed] == expected


def test_rows_and_names_come_in_the_same_order(pretend: Simulation) -> None:
    full = packages(pretend, BY_DOWNLOADS + "&per_page=300").json
    assert [one["name"] for one in full] == names(pretend, BY_DOWNLOADS + "&per_page=300").json


def test_packages_without_downloads_come_last(pretend: Simulation) -> None:
    everything = fetch_rows(f"{pretend.ecosystems}/registries/npm.example/packages?{BY_DOWNLOADS}&per_page=1000")
    missing = [one["downloads"] is None for one in everything]
    assert True in missing
    assert missing == sorted(missing)


@pytest.mark.parametrize("registry", ["go.example", "github actions"])
def test_some_registries_count_no_downloads(pretend: Simulation, registry: str) -> None:
    found = packages(pretend, "sort=dependent_packages_count&order=desc&per_page=50", registry).json
    counts = [one["dependent_packages_count"] for one in found]
    assert {(one["downloads"], one["downloads_period"]) for one in found} == {(None, None)}
    assert counts == sorted(counts, reverse=True) and counts[0] > 0


@pytest.mark.parametrize(
    ("registry", "period"),
    [("npm.example", "last-month"), ("pypi.example", "last-month"), ("gems.example", "total")],
)
def test_a_row_says_which_period_its_downloads_are_of(pretend: Simulation, registry: str, period: str) -> None:
    assert packages(pretend, "per_page=1", registry).json[0]["downloads_period"] == period


def test_pages_of_packages_are_clamped_to_a_thousand_and_say_so(pretend: Simulation) -> None:
    answer = packages(pretend, BY_DOWNLOADS + "&per_page=10000")
    assert len(answer.json) == 1000
    assert (answer.headers["page-items"], answer.headers["current-page"]) == ("1000", "1")


def test_pages_of_names_may_be_larger(pretend: Simulation) -> None:
    assert len(names(pretend, BY_DOWNLOADS + "&per_page=10000").json) >= 1300


def test_pages_of_names_can_be_clamped_too(begin: Callable[..., Simulation]) -> None:
    answer = names(begin(names_limit=25), BY_DOWNLOADS + "&per_page=10000")
    assert (len(answer.json), answer.headers["page-items"]) == (25, "25")
    assert "page=2" in answer.links["next"]


def test_a_page_has_a_hundred_rows_when_nothing_is_said(pretend: Simulation) -> None:
    assert packages(pretend, "").headers["page-items"] == "100"


def test_links_go_first_back_and_on_but_never_to_the_last(pretend: Simulation) -> None:
    links = names(pretend, BY_DOWNLOADS + "&per_page=100&page=3&mailto=me@lab.example").links
    assert set(links) == {"first", "prev", "next"}
    assert links["next"].endswith("per_page=100&mailto=me%40lab.example&page=4")


def test_past_the_end_there_is_an_empty_page(pretend: Simulation) -> None:
    answer = packages(pretend, BY_DOWNLOADS + "&per_page=1000&page=99")
    assert (answer.status, answer.json, answer.headers["page-items"]) == (200, [], "0")
    assert "next" not in answer.links and answer.headers["total-count"] is None


def test_without_sort_and_order_rows_come_as_they_were_inserted(pretend: Simulation) -> None:
    numbers = [one["id"] for one in packages(pretend, "per_page=200").json]
    assert numbers == sorted(numbers)


def test_an_unknown_sort_is_silently_by_date(pretend: Simulation) -> None:
    dates = [one["updated_at"] for one in packages(pretend, "sort=nonsense&per_page=200").json]
    assert dates == sorted(dates, reverse=True)


def test_names_sort_both_ways(pretend: Simulation) -> None:
    listed = names(pretend, "sort=name&order=asc&per_page=10000").json
    assert listed == sorted(listed, key=lambda name: re.sub("[^a-z0-9]", "", name)), "as a database collates"
    assert names(pretend, "sort=name&order=desc&per_page=3").json == listed[:-4:-1]


@pytest.mark.parametrize("sort", ["downloads", "dependent_packages_count", "stargazers_count"])
def test_counters_do_not_ascend(pretend: Simulation, sort: str) -> None:
    answer = packages(pretend, f"sort={sort}&order=asc")
    assert (answer.status, answer.json) == (422, {"error": f"{sort} only supports descending order"})


def test_a_heavy_page_fails(begin: Callable[..., Simulation]) -> None:
    weak = begin(heavy_limit=20)
    heavy = packages(weak, BY_DOWNLOADS + "&per_page=50")
    assert (heavy.status, heavy.json) == (500, {"error": "internal server error"})
    assert packages(weak, BY_DOWNLOADS + "&per_page=20").status == 200
    assert names(weak, BY_DOWNLOADS + "&per_page=50").status == 200


@pytest.mark.parametrize("query", ["page=0", "per_page=0", "page=x", "created_after=yesterday"])
def test_senseless_pages_fail(pretend: Simulation, query: str) -> None:
    assert packages(pretend, query).status == 500


def test_names_can_be_cut_by_prefix_and_postfix(pretend: Simulation) -> None:
    listed = names(pretend, "sort=name&order=asc&prefix=FAST&postfix=er&per_page=100").json
    assert listed and all(one.startswith("fast") and one.endswith("er") for one in listed)


def test_rows_can_be_cut_by_date(pretend: Simulation) -> None:
    found = packages(pretend, "sort=updated_at&updated_after=2026-01-20T00:00:00Z&per_page=1000").json
    assert found and min(one["updated_at"] for one in found) > "2026-01-20"


def test_a_scoped_name_is_found_encoded(pretend: Simulation) -> None:
    scoped = next(one for one in names(pretend, "per_page=500").json if one.startswith("@"))
    shown = fetch(f"{pretend.ecosystems}/registries/npm.example/packages/{quote(scoped, safe='')}").json
    assert shown["name"] == scoped and shown["namespace"] == scoped[1:].split("/")[0]
    assert shown["purl"] == f"pkg:npm/%40{scoped[1:]}"


def test_pypi_forgives_case_and_punctuation(pretend: Simulation) -> None:
    mixed = next(one for one in names(pretend, "per_page=500", "pypi.example").json if "_" in one)
    normal = mixed.replace("_", "-").lower()
    shown = fetch(f"{pretend.ecosystems}/registries/pypi.example/packages/{normal}").json
    assert (shown["name"], shown["metadata"]["normalized_name"]) == (mixed, normal)


def test_rows_carry_addresses_that_a_crawler_must_drop(pretend: Simulation) -> None:
    people = [who for one in packages(pretend, "per_page=20").json for who in one["maintainers"]]
    assert people and all(who["email"].endswith("@mail.example") for who in people)


def test_some_packages_are_removed_and_stay_in_the_ranking(pretend: Simulation) -> None:
    found = fetch_rows(f"{pretend.ecosystems}/registries/npm.example/packages?{BY_DOWNLOADS}&per_page=1000")
    assert {None, "removed"} <= {one["status"] for one in found}


def test_packages_were_looked_at_at_different_times(pretend: Simulation) -> None:
    days = {one["last_synced_at"][:10] for one in packages(pretend, "per_page=1000").json}
    assert len(days) > 20


def test_rows_can_be_as_heavy_as_real_ones(begin: Callable[..., Simulation]) -> None:
    answer = packages(begin(row_bytes=20000), "per_page=10")
    assert 150_000 < len(answer.body) < 400_000


def test_gzip_and_caching_headers_are_there(pretend: Simulation) -> None:
    answer = fetch(f"{pretend.ecosystems}/registries/npm.example/packages", {"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip" and answer.headers["ETag"].startswith('W/"')
    assert (answer.headers["age"], answer.headers["cf-cache-status"]) == ("0", "MISS")
    assert len(answer.json) == 100


def test_an_address_makes_a_client_polite(pretend: Simulation) -> None:
    address = f"{pretend.ecosystems}/registries/npm.example"
    limits = [
        fetch(address).headers["x-ratelimit-limit"],
        fetch(address + "?mailto=me@lab.example").headers["x-ratelimit-limit"],
        fetch(address, {"User-Agent": "study/1.0 (me@lab.example)"}).headers["x-ratelimit-limit"],
    ]
    assert limits == ["5000", "15000", "15000"]


def test_over_the_quota_the_answer_is_text_and_names_the_reset(begin: Callable[..., Simulation]) -> None:
    strict = begin(eco_quota=3, eco_window=86400)
    answers = [fetch(f"{strict.ecosystems}/registries?per_page=1") for _ in range(4)]
    over = answers[-1]
    assert [one.status for one in answers] == [200, 200, 200, 429]
    assert (over.headers["Content-Type"], over.headers["x-ratelimit-remaining"]) == ("text/plain", "0")
    assert json.loads(over.body)["error_msg"].startswith("Rate limit exceeded")
    assert 0 < int(over.headers["x-ratelimit-reset"]) - time.time() <= 86400


def test_under_churn_offset_pages_overlap(begin: Callable[..., Simulation]) -> None:
    moving = begin(packages=600, churn=0.05)
    listed = fetch_rows(f"{moving.ecosystems}/registries/npm.example/package_names?{BY_DOWNLOADS}&per_page=50")
    assert len(listed) == 600
    assert len(set(listed)) < 600


def test_without_churn_offset_pages_do_not(pretend: Simulation) -> None:
    listed = fetch_rows(f"{pretend.ecosystems}/registries/npm.example/package_names?{BY_DOWNLOADS}&per_page=100")
    assert len(listed) == len(set(listed)) >= 1300


def test_a_package_that_vanished_is_nowhere_until_it_comes_back(begin: Callable[..., Simulation]) -> None:
    running = begin(packages=50)
    listed = names(running, "sort=name&order=asc&per_page=100").json
    for action, there in (("vanish", False), ("come_back", True)):
        running.mutate(registry="npm.example", name=listed[7], action=action)
        assert (listed[7] in names(running, "sort=name&order=asc&per_page=100").json) == there
        assert (listed[7] in running.package_names("npm.example")) == there
        one = fetch(f"{running.ecosystems}/registries/npm.example/packages/{quote(listed[7], safe='')}")
        assert one.status == (200 if there else 404)


def test_packages_come_and_go_between_pages_and_the_log_tells_which(begin: Callable[..., Simulation]) -> None:
    running = begin(packages=200, appearing=3, vanishing=3)
    before = running.package_names("npm.example")
    for _ in range(5):
        names(running, "sort=name&order=asc&per_page=10")
    after = running.package_names("npm.example")
    told = {kind: {one["name"] for one in running.events() if one["kind"] == kind} for kind in ("created", "vanished")}
    assert after - before and before - after
    assert after == (before | told["created"]) - told["vanished"]
    made = min(fetch(f"{running.ecosystems}/registries/npm.example/packages/{quote(one, safe='')}").json["created_at"]
               for one in after - before)  # fmt: skip
    assert made[:10] == running.now()[:10], "what appears was made now"
