"""What Ecosyste.ms says, and which registry a person means."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from crawler.errors import UnknownRegistryError
from crawler.parsing.ecosystems_rows import (
    EcosystemsRegistryRow,
    EcosystemsRow,
    choose_registry,
    make_observation,
    read_period,
    read_registry,
    reduce_body,
)
from crawler.parsing.rows import read_rows
from crawler.plan import CrawlPlan
from crawler.response import Page, Progress
from crawler.spiders.ecosystems import EcosystemsSpider, names_to_request, unknown_registry_error

KNOWN = [
    EcosystemsRegistryRow("npm.example", "npm", True),
    EcosystemsRegistryRow("gems.example", "rubygems", True),
    EcosystemsRegistryRow("coop.example", "rubygems", False),
    EcosystemsRegistryRow("a-distro", "alpine", False),
    EcosystemsRegistryRow("b-distro", "alpine", False),
    EcosystemsRegistryRow("only.example", "hex", False),
]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("npm", "npm.example"),
        ("rubygems", "gems.example"),
        ("coop.example", "coop.example"),
        ("hex", "only.example"),
        ("alpine", None),
        ("b-distro", "b-distro"),
        ("nosuch", None),
    ],
)
def test_an_ecosystem_means_its_default_registry_or_its_only_one(wanted: str, found: str | None) -> None:
    chosen = choose_registry(wanted, KNOWN)
    assert (chosen.name if chosen else None) == found


def test_an_ecosystem_with_several_and_no_default_is_told_their_names() -> None:
    error = unknown_registry_error("alpine", KNOWN)
    assert "a-distro, b-distro" in error.why
    assert unknown_registry_error("nmp", KNOWN).fix == "Did you mean npm?"


def spider(k: int = 1000, **more: object) -> EcosystemsSpider:
    made = EcosystemsSpider(CrawlPlan("npm", k, "downloads", "http://eco.example/api/v1", **more))  # type: ignore[arg-type]
    made.probe_results["service_name"] = "npm.example"
    return made


def page(role: str, url: str, next_url: str | None) -> Page:
    return Page(role, url, 0, 200, 0, "", {}, 0, next_url=next_url)


PACKAGES = "http://eco.example/api/v1/registries/npm.example/packages?sort=downloads&order=desc"


def test_counters_are_asked_for_once_the_order_is_known() -> None:
    names = page("ranking", "http://eco.example/api/v1/registries/npm.example/package_names?page=1", "more")
    assert spider().next_url(names, Progress(depth=400)) == "more"
    assert spider().next_url(names, Progress(depth=1000)) == f"{PACKAGES}&per_page=100&page=1"
    assert spider(with_counters=False).next_url(names, Progress(depth=1000)) is None


def test_packages_that_fell_between_two_pages_are_asked_for_by_name_each_once() -> None:
    asking = spider(k=100)
    last = page("counters", f"{PACKAGES}&per_page=100&page=1", None)
    left = Progress(depth=100, with_counters=98, missing=("@a/b c", "x"))
    first, second = (asking.next_url(last, left) for _ in range(2))
    assert first == "http://eco.example/api/v1/registries/npm.example/packages/%40a%2Fb%20c"
    assert second == "http://eco.example/api/v1/registries/npm.example/packages/x"
    assert asking.next_url(last, left) is None


@pytest.mark.parametrize(
    ("url", "lighter"),
    [
        (f"{PACKAGES}&per_page=100&page=3", f"{PACKAGES}&per_page=50&page=5"),
        (f"{PACKAGES}&per_page=50&page=5", f"{PACKAGES}&per_page=25&page=9"),
        (f"{PACKAGES}&per_page=12&page=5", None),
        ("http://eco.example/api/v1/registries/npm.example/package_names?per_page=1000&page=1", None),
        ("http://eco.example/api/v1/registries/npm.example/packages/x", None),
    ],
)
def test_a_page_too_heavy_is_asked_for_at_the_same_offset_in_half_the_size(url: str, lighter: str | None) -> None:
    assert spider().smaller_page_url(url) == lighter
    if lighter:
        words = [dict(part.split("=") for part in one.split("?")[1].split("&")) for one in (url, lighter)]
        offsets = {(int(word["page"]) - 1) * int(word["per_page"]) for word in words}
        assert len(offsets) == 1


def test_an_order_it_does_not_have_is_refused() -> None:
    with pytest.raises(UnknownRegistryError, match="likes"):
        EcosystemsSpider(CrawlPlan("npm", 5, "likes"))


@pytest.mark.parametrize(
    ("row", "period"),
    [
        ({"name": "a", "downloads": 5, "downloads_period": "total"}, "total"),
        ({"name": "a", "downloads": None, "downloads_period": "x"}, "none"),
        ({"name": "a", "downloads": 5}, "unstated"),
        ({"name": "a", "downloads": 5, "downloads_period": 7}, "unstated"),
    ],
)
def test_what_downloads_count_is_read_from_the_rows(row: dict[str, object], period: str) -> None:
    assert read_period(json.dumps([row]).encode(), row["downloads"]) == period  # type: ignore[arg-type]


def test_half_a_character_in_a_field_that_is_not_kept_breaks_nothing() -> None:
    assert json.loads(reduce_body(b'[{"name": "a", "description": "\\ud800", "x": NaN}]')) == [{"name": "a"}]


def test_a_registry_with_a_null_is_still_one() -> None:
    assert read_registry(b'{"name": "n.example", "ecosystem": "npm", "default": null}') == EcosystemsRegistryRow(
        "n.example", "npm", None
    )
    assert read_registry(b'{"ecosystem": "npm"}') is None


def test_only_the_fields_we_keep_are_left_of_a_row() -> None:
    row = {"name": "a", "downloads": 1, "maintainers": [{"email": "jo@lab.example"}], "repo_metadata": {"x": 1}}
    assert json.loads(reduce_body(json.dumps([row]).encode())) == [{"name": "a", "downloads": 1}]


def test_a_margin_of_one_in_a_hundred_is_fetched() -> None:
    assert [names_to_request(k) for k in (5, 1000, 15000)] == [15, 1010, 15150]


@pytest.mark.real_data
def test_a_recorded_package_is_read_without_its_people(real_data: Path) -> None:
    with gzip.open(real_data / "ecosystems_api" / "mcp__package-lodash.json.gz") as stream:
        recorded = stream.read()
    row = json.loads(recorded)
    read = read_rows(
        b"[" + recorded + b"]", EcosystemsRow, frozenset({"name"}), lambda one: make_observation(one, "npm")
    )
    (seen,) = read.observations
    assert (seen.name, seen.downloads, seen.dependents) == ("lodash", row["downloads"], row["dependent_packages_count"])
    assert seen.attributes == {"status": None, "licence": "MIT"}
    assert (read.events, len(reduce_body(recorded)) < 1000 < len(recorded)) == ((), True)


@pytest.mark.real_data
def test_every_ecosystem_of_the_recorded_list_has_one_registry_or_says_which_there_are(real_data: Path) -> None:
    with gzip.open(real_data / "ecosystems_api" / "mcp__registries.json.gz") as stream:
        rows = json.load(stream)
    known = [
        EcosystemsRegistryRow(row["name"], row["ecosystem"], row["default"], row["packages_count"]) for row in rows
    ]
    for ecosystem in {row.ecosystem for row in known}:
        chosen = choose_registry(ecosystem, known)
        several = [row.name for row in known if row.ecosystem == ecosystem]
        assert (chosen is not None and chosen.name in several) or len(several) > 1
    assert choose_registry("npm", known) is not None
    assert choose_registry("pypi", known) is not None
