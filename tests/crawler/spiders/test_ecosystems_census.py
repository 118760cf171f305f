"""A page of names, and the page that is requested after it, instead of it, or again."""

from __future__ import annotations

import bisect
import json
import random

import pytest

from crawler.plan import CrawlPlan
from crawler.response import CensusPage, HttpResponse, Progress
from crawler.spiders.ecosystems_census import EcosystemsCensusSpider

BASE = "https://eco.example/registries/npm.example/package_names?sort=name&order=asc"
PACKAGE_URL = "https://eco.example/registries/npm.example/packages/x"


def make_spider(registry: str = "npm", resume_at: str | None = None) -> EcosystemsCensusSpider:
    """Return a spider that knows its registry."""
    settings = {"service_name": "npm.example", "population": 5000, "began": 1000}
    return EcosystemsCensusSpider(
        CrawlPlan(registry, None, endpoint="https://eco.example", settings=settings), resume_at
    )


def make_response(
    query: str, body: object, page_items: int | None = None, has_next: bool = True, status: int = 200
) -> HttpResponse:
    """Return a response with names."""
    headers = {"page-items": str(page_items)} if page_items else {}
    headers |= {"link": f'<{BASE}&per_page=9&page=9>; rel="next"'} if has_next else {}
    url = query if query.startswith("http") else f"{BASE}&{query}"
    return HttpResponse(url, status, headers, json.dumps(body).encode(), 2000)


def make_names(first: int, last: int) -> list[str]:
    """Return names in order."""
    return [f"p{number:05d}" for number in range(first, last)]


def parse_page(url: str | None) -> tuple[int, int]:
    """Return the size and the number of the page of a URL."""
    parameters = dict(part.split("=") for part in str(url).partition("?")[2].split("&"))
    return int(parameters["per_page"]), int(parameters["page"])


def test_after_a_shortened_page_the_next_page_is_requested_at_the_shortened_size() -> None:
    page = make_spider().read_page(make_response("per_page=10000&page=1", make_names(0, 1000), page_items=1000))
    assert parse_page(page.next_url) == (980, 2)
    assert isinstance(page, CensusPage) and (len(page.stable_ids), page.population) == (1000, 5000)
    without_header = make_spider().read_page(make_response("per_page=10000&page=1", make_names(0, 500)))
    assert parse_page(without_header.next_url) == (490, 2)


@pytest.mark.fault("C17")
@pytest.mark.parametrize("names_next_pages", [True, False])
@pytest.mark.parametrize("states_rows_of_page", [True, False])
@pytest.mark.parametrize("size", [1, 100, 101, 1000, 1013])
def test_a_census_of_names_ends_after_its_last_page_whatever_the_service_states_of_a_page(
    size: int, states_rows_of_page: bool, names_next_pages: bool
) -> None:
    registry, spider, urls = MovingRegistry(0, size, states_rows_of_page, names_next_pages), make_spider(), []
    url, names = spider.second_url(), set()
    while url:
        page = spider.read_page(registry.fetch_page(url))
        assert not page.events
        spider.on_page_stored()
        urls.append(url)
        names |= {*page.stable_ids}
        url = page.next_url
    assert names == {*registry.rows}
    assert len(urls) <= 2 + size // 90, "no part of the list is walked again in smaller pages"


def test_a_resumed_census_of_names_knows_the_size_that_pages_may_have() -> None:
    spider = make_spider(resume_at=f"{BASE}&per_page=980&page=4")
    page = spider.read_page(make_response("per_page=980&page=4", make_names(2940, 3013), page_items=73, has_next=False))
    assert page.next_url is None


def test_a_page_that_is_too_heavy_is_requested_in_halves_from_the_same_row() -> None:
    spider = make_spider()
    assert parse_page(spider.smaller_page_url(f"{BASE}&per_page=1000&page=4")) == (500, 7)
    rows, number = parse_page(spider.smaller_page_url(f"{BASE}&per_page=999&page=4"))
    assert rows <= 499 and 0 <= 2997 - rows * (number - 1) < 100
    assert spider.smaller_page_url(f"{BASE}&per_page=150&page=4") is None
    assert spider.smaller_page_url("https://eco.example/registries?per_page=1000").endswith("per_page=500&page=1")


def test_a_page_that_shares_no_name_is_requested_further_back_five_times() -> None:
    spider = make_spider()
    spider.read_page(make_response("per_page=1000&page=9", make_names(8000, 9000), page_items=1000))
    spider.on_page_stored()
    joined = spider.read_page(make_response("per_page=980&page=10", make_names(8990, 9970)))
    assert spider.refetch_url(joined, 0) is None
    apart = spider.read_page(make_response("per_page=980&page=10", make_names(9010, 9990)))
    assert [event.kind for event in apart.events] == ["names_apart"]
    starts = [
        (number - 1) * rows for rows, number in (parse_page(spider.refetch_url(apart, tries)) for tries in range(5))
    ]
    assert starts == [8316, 7816, 6818, 4820, 820], "half a page before row 8820, or one, two, four, eight"
    assert spider.refetch_url(apart, 5) is None, "the page is stored then, and the gate fails"
    empty = spider.read_page(make_response("per_page=980&page=2", [], has_next=False))
    assert spider.refetch_url(empty, 0), "the list has become shorter than the offset"


def test_two_spellings_of_a_package_are_a_package_seen_twice() -> None:
    page = make_spider("pypi").read_page(
        make_response("per_page=1000&page=1", ["Foo.Bar", "foo-bar", "six"], has_next=False)
    )
    assert (list(page.stable_ids), page.repeated, page.received) == (["foo-bar", "six"], 1, 3)


def test_a_row_that_is_no_name_is_rejected_without_its_e_mail_address() -> None:
    page = make_spider().read_page(
        make_response("per_page=1000&page=1", ["a", "", 5, "a\x00b", {"mail": "jo@mail.example"}], has_next=False)
    )
    assert list(page.stable_ids) == ["a"] and [reject.position for reject in page.rejects] == [1, 2, 3, 4]
    assert "mail.example" not in page.rejects[-1].raw


def test_after_the_last_page_some_pages_and_then_single_packages_are_requested_again() -> None:
    spider = make_spider(resume_at=f"{BASE}&per_page=1000&page=3")
    last = spider.read_page(make_response("per_page=1000&page=3", make_names(2000, 2500), has_next=False))
    urls, url, page = [], spider.next_url(last, Progress(depth=2500)), last
    while url and "order=desc" in url:
        urls.append(parse_page(url))
        page = spider.read_page(make_response(url, make_names(2400, 2500)[::-1]))
        assert (page.role, page.inversions, page.next_url) == ("probe", 0, None)
        url = spider.next_url(page, Progress(depth=2500, missing=(f"@x/{len(urls)}", "@x/1")))
    assert urls == [(1000, 1), (1000, 2), (1000, 3)]
    names = []
    while url:
        names.append(url.rpartition("/")[2])
        url = spider.next_url(spider.read_page(make_response(url, {"name": "x"}, has_next=False)), Progress(depth=2500))
    assert names == ["%40x%2F1", "%40x%2F2", "%40x%2F3"]


@pytest.mark.parametrize(
    ("row", "received", "since"),
    [
        ({"name": "x", "created_at": "1970-01-01T00:16:39.5Z"}, 1, 0),
        ({"name": "x", "created_at": "1970-01-01T00:16:41Z"}, 1, 1),
        ({"name": "x", "created_at": None}, 1, 0),
        ({"name": "x", "created_at": 5}, 0, 0),
    ],
)
def test_a_new_name_was_missed_unless_its_package_was_created_since(row: object, received: int, since: int) -> None:
    page = make_spider().read_page(make_response(PACKAGE_URL, row, has_next=False))
    assert (page.role, page.received, page.beyond, list(page.stable_ids)) == ("probe", received, since, [])


def test_a_package_that_is_deleted_again_counts_as_neither() -> None:
    response = make_response(PACKAGE_URL, {"error": "not found"}, status=404)
    assert (make_spider().read_page(response).received, make_spider().read_page(response).beyond) == (0, 0)


@pytest.mark.parametrize(
    ("seed", "births", "deaths", "bulk"),
    [*((seed, *rates) for seed in range(6) for rates in ((3, 4, 0.0), (8, 1, 0.0), (1, 8, 0.0), (2, 2, 0.1)))],
)
def test_no_name_of_a_moving_registry_is_missed_and_no_page_is_stored_twice(
    seed: int, births: int, deaths: int, bulk: float
) -> None:
    registry = MovingRegistry(seed, 1500)
    rows_at_start, stored, tries, spider, names = {*registry.rows}, set(), 0, make_spider(), set()
    url = spider.second_url()
    while url:
        response = registry.fetch_page(url)
        registry.move(births, deaths, bulk)
        page = spider.read_page(response)
        if refetch_url := spider.refetch_url(page, tries):
            url, tries = refetch_url, tries + 1
            continue
        assert url not in stored and not page.events
        stored.add(url)
        spider.on_page_stored()
        names |= {*page.stable_ids}
        url, tries = page.next_url, 0
    assert rows_at_start & {*registry.rows} <= names


class MovingRegistry:
    """A registry whose names appear and disappear, with 100 names per page."""

    def __init__(self, seed: int, size: int, states_rows_of_page: bool = False, names_next_pages: bool = True) -> None:
        self.states_rows_of_page, self.names_next_pages = states_rows_of_page, names_next_pages
        self.generator = random.Random(seed)
        self.rows = sorted({self._make_name() for _ in range(size)})

    def _make_name(self) -> str:
        """Return a random name."""
        return f"{self.generator.random():.9f}"

    def fetch_page(self, url: str) -> HttpResponse:
        """Return the page of a URL."""
        rows, number = parse_page(url)
        size = min(100, rows)
        names = self.rows[(number - 1) * size : number * size]
        page_items = (len(names) if self.states_rows_of_page else size) if names else None
        has_next = self.names_next_pages and len(self.rows) > number * size
        return make_response(url, names, page_items, has_next)

    def move(self, births: int, deaths: int, bulk: float) -> None:
        """Remove some names, add some, and sometimes remove many adjacent names at once."""
        for _ in range(self.generator.randint(0, 2 * deaths)):
            self.rows.pop(self.generator.randrange(len(self.rows)))
        if self.generator.random() < bulk:
            start = self.generator.randrange(len(self.rows))
            del self.rows[start : start + self.generator.randint(1, 90)]
        for _ in range(self.generator.randint(0, 2 * births)):
            bisect.insort(self.rows, self._make_name())


@pytest.mark.parametrize("name", ["registries", "package_names"])
def test_a_package_that_is_called_like_a_list_is_read_alone(name: str) -> None:
    url = PACKAGE_URL.removesuffix("x") + name
    page = make_spider().read_page(make_response(url, {"name": name, "created_at": "1970-01-01T01:00:00Z"}))
    assert isinstance(page, CensusPage)
    assert (page.role, page.received, page.beyond) == ("probe", 1, 1)
