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


def packages(simulation: Simulation, query: str, registry: str = "npm.example") -> ClientResponse:
    return fetch(f"{simulation.ecosystems}/registries/{quote(registry)}/packages?{query}")


def names(simulation: Simulation, query: str, registry: str = "npm.example") -> ClientResponse:
    return fetch(f"{simulation.ecosystems}/registries/{quote(registry)}/package_names?{query}")


def test_the_list_of_registries_has_several_pages(simulation: Simulation) -> None:
    answer = fetch(f"{simulation.ecosystems}/registries?per_page=100")
    assert len(answer.json) == 100
    assert (answer.headers["total-count"], answer.headers["total-pages"]) == ("111", "2")
    assert answer.links["last"].endswith("page=2")


def test_a_page_of_a_thousand_has_all_registries(simulation: Simulation) -> None:
    rows = fetch(f"{simulation.ecosystems}/registries?per_page=1000").json
    counts = [row["packages_count"] for row in rows]
    assert len({row["name"] for row in rows}) == 111
    assert counts == sorted(counts, reverse=True)


def test_one_ecosystem_can_have_two_registries_and_one_default(simulation: Simulation) -> None:
    rows = fetch(f"{simulation.ecosystems}/registries?ecosystem=rubygems").json
    assert {row["name"]: row["default"] for row in rows} == {"gems.example": True, "coop.example": False}


def test_a_registry_is_found_by_name_and_not_by_ecosystem(simulation: Simulation) -> None:
    assert fetch(f"{simulation.ecosystems}/registries/npm.example").json["ecosystem"] == "npm"
    answer = fetch(f"{simulation.ecosystems}/registries/npm")
    assert (answer.status, answer.json) == (404, {"error": "not found"})


def test_a_space_in_a_registry_name_is_encoded(simulation: Simulation) -> None:
    assert fetch(f"{simulation.ecosystems}/registries/github%20actions").json["name"] == "github actions"


@pytest.mark.parametrize("registry", ["npm.example", "pypi.example", "crates.example"])
def test_names_come_in_the_order_of_the_values(simulation: Simulation, registry: str) -> None:
    listed = names(simulation, BY_DOWNLOADS + "&per_page=500", registry).json
    value = {row["name"]: row["downloads"] for row in simulation.truth(registry, k=10**6)}
    expected = [row["downloads"] for row in simulation.truth(registry, k=500)]
    assert [value[name] for name in listed] == expected


def test_rows_and_names_come_in_the_same_order(simulation: Simulation) -> None:
    full = packages(simulation, BY_DOWNLOADS + "&per_page=300").json
    assert [row["name"] for row in full] == names(simulation, BY_DOWNLOADS + "&per_page=300").json


def test_packages_without_downloads_come_last(simulation: Simulation) -> None:
    everything = fetch_rows(f"{simulation.ecosystems}/registries/npm.example/packages?{BY_DOWNLOADS}&per_page=1000")
    missing = [row["downloads"] is None for row in everything]
    assert True in missing
    assert missing == sorted(missing)


@pytest.mark.parametrize("registry", ["go.example", "github actions"])
def test_some_registries_count_no_downloads(simulation: Simulation, registry: str) -> None:
    rows = packages(simulation, "sort=dependent_packages_count&order=desc&per_page=50", registry).json
    counts = [row["dependent_packages_count"] for row in rows]
    assert {(row["downloads"], row["downloads_period"]) for row in rows} == {(None, None)}
    assert counts == sorted(counts, reverse=True) and counts[0] > 0


@pytest.mark.parametrize(
    ("registry", "period"), [("npm.example", "last-month"), ("pypi.example", "last-month"), ("gems.example", "total")]
)
def test_a_row_has_the_period_of_its_downloads(simulation: Simulation, registry: str, period: str) -> None:
    assert packages(simulation, "per_page=1", registry).json[0]["downloads_period"] == period


def test_pages_of_packages_are_clamped_to_a_thousand_and_say_so(simulation: Simulation) -> None:
    answer = packages(simulation, BY_DOWNLOADS + "&per_page=10000")
    assert len(answer.json) == 1000
    assert (answer.headers["page-items"], answer.headers["current-page"]) == ("1000", "1")


def test_pages_of_names_may_be_larger(simulation: Simulation) -> None:
    assert len(names(simulation, BY_DOWNLOADS + "&per_page=10000").json) >= 1300


def test_pages_of_names_can_be_clamped_too(start_simulation: Callable[..., Simulation]) -> None:
    answer = names(start_simulation(names_limit=25), BY_DOWNLOADS + "&per_page=10000")
    assert (len(answer.json), answer.headers["page-items"]) == (25, "25")
    assert "page=2" in answer.links["next"]


def test_a_page_of_packages_has_a_hundred_rows_by_default(simulation: Simulation) -> None:
    assert packages(simulation, "").headers["page-items"] == "100"


def test_links_lead_to_the_first_previous_and_next_page_but_not_to_the_last(simulation: Simulation) -> None:
    links = names(simulation, BY_DOWNLOADS + "&per_page=100&page=3&mailto=me@lab.example").links
    assert set(links) == {"first", "prev", "next"}
    assert links["next"].endswith("per_page=100&mailto=me%40lab.example&page=4")


def test_past_the_end_there_is_an_empty_page(simulation: Simulation) -> None:
    answer = packages(simulation, BY_DOWNLOADS + "&per_page=1000&page=99")
    assert (answer.status, answer.json, answer.headers["page-items"]) == (200, [], "0")
    assert "next" not in answer.links and answer.headers["total-count"] is None


def test_without_sort_and_order_rows_come_as_they_were_inserted(simulation: Simulation) -> None:
    numbers = [row["id"] for row in packages(simulation, "per_page=200").json]
    assert numbers == sorted(numbers)


def test_an_unknown_sort_is_silently_by_date(simulation: Simulation) -> None:
    dates = [row["updated_at"] for row in packages(simulation, "sort=nonsense&per_page=200").json]
    assert dates == sorted(dates, reverse=True)


def test_names_sort_both_ways(simulation: Simulation) -> None:
    listed = names(simulation, "sort=name&order=asc&per_page=10000").json
    assert listed == sorted(listed, key=lambda name: re.sub("[^a-z0-9]", "", name)), "as a database collates"
    assert names(simulation, "sort=name&order=desc&per_page=3").json == listed[:-4:-1]


@pytest.mark.parametrize("sort", ["downloads", "dependent_packages_count", "stargazers_count"])
def test_counters_do_not_ascend(simulation: Simulation, sort: str) -> None:
    answer = packages(simulation, f"sort={sort}&order=asc")
    assert (answer.status, answer.json) == (422, {"error": f"{sort} only supports descending order"})


def test_a_heavy_page_fails(start_simulation: Callable[..., Simulation]) -> None:
    weak = start_simulation(heavy_limit=20)
    heavy = packages(weak, BY_DOWNLOADS + "&per_page=50")
    assert (heavy.status, heavy.json) == (500, {"error": "internal server error"})
    assert packages(weak, BY_DOWNLOADS + "&per_page=20").status == 200
    assert names(weak, BY_DOWNLOADS + "&per_page=50").status == 200


@pytest.mark.parametrize("query", ["page=0", "per_page=0", "page=x", "created_after=yesterday"])
def test_invalid_paging_fails(simulation: Simulation, query: str) -> None:
    assert packages(simulation, query).status == 500


def test_names_can_be_filtered_by_prefix_and_postfix(simulation: Simulation) -> None:
    listed = names(simulation, "sort=name&order=asc&prefix=FAST&postfix=er&per_page=100").json
    assert listed and all(row.startswith("fast") and row.endswith("er") for row in listed)


def test_rows_can_be_filtered_by_date(simulation: Simulation) -> None:
    rows = packages(simulation, "sort=updated_at&updated_after=2026-01-20T00:00:00Z&per_page=1000").json
    assert rows and min(row["updated_at"] for row in rows) > "2026-01-20"


def test_a_scoped_name_is_found_encoded(simulation: Simulation) -> None:
    scoped = next(row for row in names(simulation, "per_page=500").json if row.startswith("@"))
    package = fetch(f"{simulation.ecosystems}/registries/npm.example/packages/{quote(scoped, safe='')}").json
    assert package["name"] == scoped and package["namespace"] == scoped[1:].split("/")[0]
    assert package["purl"] == f"pkg:npm/%40{scoped[1:]}"


def test_pypi_ignores_case_and_punctuation(simulation: Simulation) -> None:
    mixed = next(row for row in names(simulation, "per_page=500", "pypi.example").json if "_" in row)
    normal = mixed.replace("_", "-").lower()
    package = fetch(f"{simulation.ecosystems}/registries/pypi.example/packages/{normal}").json
    assert (package["name"], package["metadata"]["normalized_name"]) == (mixed, normal)


def test_rows_carry_addresses_that_a_crawler_must_drop(simulation: Simulation) -> None:
    people = [maintainer for row in packages(simulation, "per_page=20").json for maintainer in row["maintainers"]]
    assert people and all(maintainer["email"].endswith("@mail.example") for maintainer in people)


def test_some_packages_are_removed_and_stay_in_the_ranking(simulation: Simulation) -> None:
    rows = fetch_rows(f"{simulation.ecosystems}/registries/npm.example/packages?{BY_DOWNLOADS}&per_page=1000")
    assert {None, "removed"} <= {row["status"] for row in rows}


def test_packages_were_synced_at_different_times(simulation: Simulation) -> None:
    days = {row["last_synced_at"][:10] for row in packages(simulation, "per_page=1000").json}
    assert len(days) > 20


def test_rows_can_be_as_heavy_as_real_ones(start_simulation: Callable[..., Simulation]) -> None:
    answer = packages(start_simulation(row_bytes=20000), "per_page=10")
    assert 150_000 < len(answer.body) < 400_000


def test_gzip_and_caching_headers_are_there(simulation: Simulation) -> None:
    answer = fetch(f"{simulation.ecosystems}/registries/npm.example/packages", {"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip" and answer.headers["ETag"].startswith('W/"')
    assert (answer.headers["age"], answer.headers["cf-cache-status"]) == ("0", "MISS")
    assert len(answer.json) == 100


def test_an_address_makes_a_client_polite(simulation: Simulation) -> None:
    address = f"{simulation.ecosystems}/registries/npm.example"
    limits = [
        fetch(address).headers["x-ratelimit-limit"],
        fetch(address + "?mailto=me@lab.example").headers["x-ratelimit-limit"],
        fetch(address, {"User-Agent": "study/1.0 (me@lab.example)"}).headers["x-ratelimit-limit"],
    ]
    assert limits == ["5000", "15000", "15000"]


def test_over_the_quota_the_response_is_text_and_has_the_reset_time(
    start_simulation: Callable[..., Simulation],
) -> None:
    strict = start_simulation(eco_quota=3, eco_window=86400)
    answers = [fetch(f"{strict.ecosystems}/registries?per_page=1") for _ in range(4)]
    over = answers[-1]
    assert [row.status for row in answers] == [200, 200, 200, 429]
    assert (over.headers["Content-Type"], over.headers["x-ratelimit-remaining"]) == ("text/plain", "0")
    assert json.loads(over.body)["error_msg"].startswith("Rate limit exceeded")
    assert 0 < int(over.headers["x-ratelimit-reset"]) - time.time() <= 86400


def test_under_churn_offset_pages_overlap(start_simulation: Callable[..., Simulation]) -> None:
    moving = start_simulation(packages=600, churn=0.05)
    listed = fetch_rows(f"{moving.ecosystems}/registries/npm.example/package_names?{BY_DOWNLOADS}&per_page=50")
    assert len(listed) == 600
    assert len(set(listed)) < 600


def test_without_churn_offset_pages_do_not(simulation: Simulation) -> None:
    listed = fetch_rows(f"{simulation.ecosystems}/registries/npm.example/package_names?{BY_DOWNLOADS}&per_page=100")
    assert len(listed) == len(set(listed)) >= 1300


def test_a_vanished_package_is_not_found_until_it_comes_back(start_simulation: Callable[..., Simulation]) -> None:
    running = start_simulation(packages=50)
    listed = names(running, "sort=name&order=asc&per_page=100").json
    for action, is_listed in (("vanish", False), ("come_back", True)):
        running.mutate(registry="npm.example", name=listed[7], action=action)
        assert (listed[7] in names(running, "sort=name&order=asc&per_page=100").json) == is_listed
        assert (listed[7] in running.package_names("npm.example")) == is_listed
        row = fetch(f"{running.ecosystems}/registries/npm.example/packages/{quote(listed[7], safe='')}")
        assert row.status == (200 if is_listed else 404)


def test_packages_appear_and_vanish_between_pages_and_are_logged(start_simulation: Callable[..., Simulation]) -> None:
    running = start_simulation(packages=200, appearing=3, vanishing=3)
    before = running.package_names("npm.example")
    for _ in range(5):
        names(running, "sort=name&order=asc&per_page=10")
    after = running.package_names("npm.example")
    logged_names = {
        kind: {row["name"] for row in running.events() if row["kind"] == kind} for kind in ("created", "vanished")
    }
    assert after - before and before - after
    assert after == (before | logged_names["created"]) - logged_names["vanished"]
    created_at = min(
        fetch(f"{running.ecosystems}/registries/npm.example/packages/{quote(name, safe='')}").json["created_at"]
        for name in after - before
    )
    assert created_at[:10] == running.now()[:10], "a package that appears was created now"
