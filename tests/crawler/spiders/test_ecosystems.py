"""The rows of Ecosyste.ms, the URLs of its pages, and the choice of a registry."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import msgspec
import pytest

from crawler.errors import CrawlError, UnknownRegistryError
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
from crawler.response import HttpResponse, Page, Progress
from crawler.spiders.ecosystems import EcosystemsSpider, names_to_request, unknown_registry_error

REGISTRIES = [
    EcosystemsRegistryRow("npm.example", "npm", True),
    EcosystemsRegistryRow("gems.example", "rubygems", True),
    EcosystemsRegistryRow("coop.example", "rubygems", False),
    EcosystemsRegistryRow("a-distro", "alpine", False),
    EcosystemsRegistryRow("b-distro", "alpine", False),
    EcosystemsRegistryRow("only.example", "hex", False),
]


@pytest.mark.parametrize(
    ("name", "expected"),
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
def test_an_ecosystem_means_its_default_registry_or_its_only_registry(name: str, expected: str | None) -> None:
    registry = choose_registry(name, REGISTRIES)
    assert (registry.name if registry else None) == expected


def test_the_error_for_an_ambiguous_ecosystem_names_its_registries() -> None:
    error = unknown_registry_error("alpine", REGISTRIES)
    assert "a-distro, b-distro" in error.why
    assert unknown_registry_error("nmp", REGISTRIES).fix == "Did you mean npm?"


def make_spider(k: int = 1000, with_counters: bool = True) -> EcosystemsSpider:
    """Return a spider that knows its registry."""
    spider = EcosystemsSpider(
        CrawlPlan("npm", k, "downloads", "http://eco.example/api/v1", with_counters=with_counters)
    )
    spider.probe_results["service_name"] = "npm.example"
    return spider


def respond(spider: EcosystemsSpider, path: str, *rows: object) -> Page:
    """Return the page of a response to a spider."""
    url = f"{spider.plan.endpoint}/{path}"
    return spider.read_page(HttpResponse(url, 200, {}, json.dumps(rows).encode(), 0))


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("npm.example", "npm"),
        ("gems.example", "rubygems"),
        ("only.example", "hex"),
        ("coop.example", "coop.example"),
        ("b-distro", "b-distro"),
        ("npm", "npm"),
    ],
)
def test_the_own_name_of_the_only_or_default_registry_means_its_ecosystem(spelling: str, name: str) -> None:
    spider = EcosystemsSpider(CrawlPlan(spelling, 5, "dependents", "http://eco.example/api/v1"))
    respond(spider, "registries?per_page=1000", *map(msgspec.to_builtins, REGISTRIES))
    assert spider.describe_registry().name == name
    assert spider.probe_results["service_name"] == choose_registry(spelling, REGISTRIES).name  # type: ignore[union-attr]


def test_a_list_of_registries_without_names_says_which_field_is_missing() -> None:
    with pytest.raises(CrawlError) as raised:
        respond(make_spider(), "registries?per_page=1000", {"ecosystem": "npm"}, {"name": "a", "ecosystem": "b"})
    assert raised.value.why == "1 of 2 rows have an unexpected form: Object missing required field `name`."


def test_a_registry_that_had_downloads_and_has_none_says_which_field_is_missing() -> None:
    spider = make_spider()
    with pytest.raises(CrawlError) as raised:
        respond(spider, "registries/npm.example/packages?sort=downloads&order=desc&per_page=1&page=1", {"name": "a"})
    assert "`downloads` is missing or empty" in raised.value.why
    spider.plan = CrawlPlan("alpine", 5, "downloads", "http://eco.example/api/v1")
    with pytest.raises(UnknownRegistryError, match="alpine publishes no downloads"):
        respond(spider, "registries/alpine/packages?sort=downloads&order=desc&per_page=1&page=1", {"name": "a"})


def make_page(role: str, url: str, next_url: str | None) -> Page:
    """Return an empty page."""
    return Page(role, url, 0, 200, 0, "", {}, 0, next_url=next_url)


PACKAGES = "http://eco.example/api/v1/registries/npm.example/packages?sort=downloads&order=desc"
NAMES = "http://eco.example/api/v1/registries/npm.example/package_names"


def test_counters_are_requested_after_the_order_is_known() -> None:
    names = make_page("ranking", "http://eco.example/api/v1/registries/npm.example/package_names?page=1", "more")
    assert make_spider().next_url(names, Progress(depth=400)) == "more"
    assert make_spider().next_url(names, Progress(depth=1000)) == f"{PACKAGES}&per_page=100&page=1"
    assert make_spider(with_counters=False).next_url(names, Progress(depth=1000)) is None


def test_packages_missing_between_two_pages_are_requested_by_name_once_each() -> None:
    spider = make_spider(k=100)
    last = make_page("counters", f"{PACKAGES}&per_page=100&page=1", None)
    progress = Progress(depth=100, with_counters=98, missing=("@a/b c", "x"))
    first, second = (spider.next_url(last, progress) for _ in range(2))
    assert first == "http://eco.example/api/v1/registries/npm.example/packages/%40a%2Fb%20c"
    assert second == "http://eco.example/api/v1/registries/npm.example/packages/x"
    assert spider.next_url(last, progress) is None


@pytest.mark.parametrize(
    ("url", "lighter"),
    [
        (f"{PACKAGES}&per_page=100&page=3", f"{PACKAGES}&per_page=50&page=5"),
        (f"{PACKAGES}&per_page=50&page=5", f"{PACKAGES}&per_page=25&page=9"),
        (f"{PACKAGES}&per_page=25&page=9", f"{PACKAGES}&per_page=5&page=41"),
        (f"{PACKAGES}&per_page=5&page=41", None),
        (f"{NAMES}?per_page=1000&page=3", f"{NAMES}?per_page=500&page=5"),
        (f"{NAMES}?per_page=150&page=1", None),
        ("http://eco.example/api/v1/registries/npm.example/packages/x", None),
    ],
)
def test_a_page_that_is_too_heavy_is_requested_at_the_same_offset_with_fewer_rows(
    url: str, lighter: str | None
) -> None:
    assert make_spider().smaller_page_url(url) == lighter
    if lighter:
        parameters = [dict(part.split("=") for part in address.split("?")[1].split("&")) for address in (url, lighter)]
        offsets = {(int(query["page"]) - 1) * int(query["per_page"]) for query in parameters}
        assert len(offsets) == 1


@pytest.mark.parametrize(
    ("fields", "attributes"),
    [
        ({"status": None, "normalized_licenses": []}, {"status": None, "licence": None}),
        ({"status": "removed", "normalized_licenses": ["MIT"]}, {"status": "removed", "licence": "MIT"}),
        ({"status": 7, "normalized_licenses": ["MIT", None]}, {}),
        ({"normalized_licenses": None}, {}),
    ],
)
@pytest.mark.fault("D14")
def test_a_field_that_cannot_be_read_ends_nothing(fields: dict[str, object], attributes: dict[str, object]) -> None:
    body = json.dumps([{"name": "six", **fields}]).encode()
    rows = read_rows(body, EcosystemsRow, frozenset({"name"}), lambda row, _: make_observation(row, "npm"))
    assert rows.observations[0].attributes == attributes


def test_an_order_that_ecosystems_does_not_have_is_refused() -> None:
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
def test_the_period_of_downloads_is_read_from_the_rows(row: dict[str, object], period: str) -> None:
    assert read_period(json.dumps([row]).encode(), row["downloads"]) == period  # type: ignore[arg-type]


def test_a_lone_surrogate_in_an_omitted_field_is_no_error() -> None:
    assert json.loads(reduce_body(b'[{"name": "a", "description": "\\ud800", "x": NaN}]')) == [{"name": "a"}]


def test_a_registry_may_have_null_as_default_but_must_have_a_name() -> None:
    assert read_registry(b'{"name": "n.example", "ecosystem": "npm", "default": null}') == EcosystemsRegistryRow(
        "n.example", "npm", None
    )
    assert read_registry(b'{"ecosystem": "npm"}') is None


def test_a_stored_row_has_only_the_listed_fields() -> None:
    row = {"name": "a", "downloads": 1, "maintainers": [{"email": "jo@lab.example"}], "repo_metadata": {"x": 1}}
    assert json.loads(reduce_body(json.dumps([row]).encode())) == [{"name": "a", "downloads": 1}]


def test_one_percent_more_names_than_needed_are_requested() -> None:
    assert [names_to_request(k) for k in (5, 1000, 15000)] == [15, 1010, 15150]


@pytest.mark.real_data
def test_a_recorded_package_is_read_without_its_maintainers(real_data: Path) -> None:
    with gzip.open(real_data / "ecosystems_api" / "mcp__package-lodash.json.gz") as stream:
        recorded = stream.read()
    row = json.loads(recorded)
    read = read_rows(
        b"[" + recorded + b"]", EcosystemsRow, frozenset({"name"}), lambda package, _: make_observation(package, "npm")
    )
    (observation,) = read.observations
    assert (observation.name, observation.downloads, observation.dependents) == (
        "lodash",
        row["downloads"],
        row["dependent_packages_count"],
    )
    assert observation.attributes == {"status": None, "licence": "MIT"}
    assert (read.events, len(reduce_body(recorded)) < 1000 < len(recorded)) == ((), True)


@pytest.mark.real_data
def test_each_ecosystem_of_the_recorded_list_means_a_registry_or_has_several(real_data: Path) -> None:
    with gzip.open(real_data / "ecosystems_api" / "mcp__registries.json.gz") as stream:
        rows = json.load(stream)
    registries = [
        EcosystemsRegistryRow(row["name"], row["ecosystem"], row["default"], row["packages_count"]) for row in rows
    ]
    for ecosystem in {row.ecosystem for row in registries}:
        registry = choose_registry(ecosystem, registries)
        names = [row.name for row in registries if row.ecosystem == ecosystem]
        assert (registry is not None and registry.name in names) or len(names) > 1
    assert choose_registry("npm", registries) is not None
    assert choose_registry("pypi", registries) is not None


@pytest.mark.parametrize("name", ["registries", "package_names", "packages"])
def test_a_package_that_is_called_like_a_list_is_read_as_a_package(name: str) -> None:
    page = respond(make_spider(), f"registries/npm.example/packages/{name}", {"name": name, "downloads": 7})
    assert (page.role, [(row.name, row.downloads) for row in page.observations]) == ("counters", [(name, 7)])
    assert not make_spider().is_url_of_package("http://eco.example/api/v1/registries/packages/package_names")
