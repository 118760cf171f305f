"""A page of names, and which page is asked for after it, instead of it, or once more."""

from __future__ import annotations

import bisect
import json
import random

import pytest

from crawler.plan import CrawlPlan
from crawler.response import CensusPage, HttpResponse, Progress
from crawler.spiders.ecosystems_census import EcosystemsCensusSpider

BASE = "https://eco.example/registries/npm.example/package_names?sort=name&order=asc"


def spider(registry: str = "npm", resume_at: str | None = None) -> EcosystemsCensusSpider:
    """One that knows its registry."""
    settings = {"service_name": "npm.example", "population": 5000, "began": 1000}
    return EcosystemsCensusSpider(
        CrawlPlan(registry, None, endpoint="https://eco.example", settings=settings), resume_at
    )


def answer(query: str, body: object, given: int | None = None, more: bool = True, status: int = 200) -> HttpResponse:
    """What the service says to a question about names."""
    headers = {"page-items": str(given)} if given else {}
    headers |= {"link": f'<{BASE}&per_page=9&page=9>; rel="next"'} if more else {}
    url = query if query.startswith("http") else f"{BASE}&{query}"
    return HttpResponse(url, status, headers, json.dumps(body).encode(), 2000)


def names(first: int, last: int) -> list[str]:
    """So many names, in order."""
    return [f"p{number:05d}" for number in range(first, last)]


def asked(url: str | None) -> tuple[int, int]:
    """Rows and number of the page an address asks for."""
    words = dict(word.split("=") for word in str(url).partition("?")[2].split("&"))
    return int(words["per_page"]), int(words["page"])


def test_a_page_that_the_service_cuts_is_followed_at_its_own_size() -> None:
    page = spider().read_page(answer("per_page=10000&page=1", names(0, 1000), given=1000))
    assert asked(page.next_url) == (980, 2)
    assert isinstance(page, CensusPage) and (len(page.stable_ids), page.population) == (1000, 5000)
    without_header = spider().read_page(answer("per_page=10000&page=1", names(0, 500)))
    assert asked(without_header.next_url) == (490, 2)


def test_a_page_that_was_too_heavy_is_asked_for_in_halves_from_the_same_row_on() -> None:
    one = spider()
    assert asked(one.smaller_page_url(f"{BASE}&per_page=1000&page=4")) == (500, 7)
    rows, number = asked(one.smaller_page_url(f"{BASE}&per_page=999&page=4"))
    assert rows <= 499 and 0 <= 2997 - rows * (number - 1) < 100
    assert one.smaller_page_url(f"{BASE}&per_page=150&page=4") is None
    assert one.smaller_page_url("https://eco.example/registries?per_page=1000") is None


def test_a_page_that_shares_no_name_is_asked_for_further_back_until_patience_ends() -> None:
    one = spider()
    one.read_page(answer("per_page=1000&page=9", names(8000, 9000), given=1000))
    one.on_page_stored()
    joined = one.read_page(answer("per_page=980&page=10", names(8990, 9970)))
    assert one.refetch_url(joined, 0) is None
    apart = one.read_page(answer("per_page=980&page=10", names(9010, 9990)))
    assert [event.kind for event in apart.events] == ["names_apart"]
    begins = [(number - 1) * rows for rows, number in (asked(one.refetch_url(apart, tries)) for tries in range(5))]
    assert begins == [8316, 7816, 6818, 4820, 820], "half a page before row 8820, or one, two, four, eight"
    assert one.refetch_url(apart, 5) is None, "it is kept then, and the gate fails"
    empty = one.read_page(answer("per_page=980&page=2", [], more=False))
    assert one.refetch_url(empty, 0), "the list has become shorter than the offset"


def test_names_that_are_one_package_are_one_row_seen_twice() -> None:
    page = spider("pypi").read_page(answer("per_page=1000&page=1", ["Foo.Bar", "foo-bar", "six"], more=False))
    assert (list(page.stable_ids), page.repeated, page.received) == (["foo-bar", "six"], 1, 3)


def test_what_is_no_name_is_refused_without_the_address_in_it() -> None:
    page = spider().read_page(
        answer("per_page=1000&page=1", ["a", "", 5, "a\x00b", {"mail": "jo@mail.example"}], more=False)
    )
    assert list(page.stable_ids) == ["a"] and [one.position for one in page.rejects] == [1, 2, 3, 4]
    assert "mail.example" not in page.rejects[-1].raw


def test_in_the_end_some_pages_are_asked_for_once_more_and_then_packages_alone() -> None:
    one = spider(resume_at=f"{BASE}&per_page=1000&page=3")
    last = one.read_page(answer("per_page=1000&page=3", names(2000, 2500), more=False))
    urls, url, page = [], one.next_url(last, Progress(depth=2500)), last
    while url and "order=desc" in url:
        urls.append(asked(url))
        page = one.read_page(answer(url, names(2400, 2500)[::-1]))
        assert (page.role, page.inversions, page.next_url) == ("probe", 0, None)
        url = one.next_url(page, Progress(depth=2500, missing=(f"@x/{len(urls)}", "@x/1")))
    assert urls == [(1000, 1), (1000, 2), (1000, 3)]
    alone = []
    while url:
        alone.append(url.rpartition("/")[2])
        url = one.next_url(one.read_page(answer(url, {"name": "x"}, more=False)), Progress(depth=2500))
    assert alone == ["%40x%2F1", "%40x%2F2", "%40x%2F3"]


@pytest.mark.parametrize(
    ("row", "received", "since"),
    [
        ({"name": "x", "created_at": "1970-01-01T00:16:39.5Z"}, 1, 0),
        ({"name": "x", "created_at": "1970-01-01T00:16:41Z"}, 1, 1),
        ({"name": "x", "created_at": None}, 1, 0),
        ({"name": "x", "created_at": 5}, 0, 0),
    ],
)
def test_a_package_that_was_unseen_was_missed_unless_it_was_made_since(row: object, received: int, since: int) -> None:
    page = spider().read_page(answer("https://eco.example/registries/npm.example/packages/x", row, more=False))
    assert (page.role, page.received, page.beyond, list(page.stable_ids)) == ("probe", received, since, [])


def test_a_package_that_is_gone_again_says_nothing() -> None:
    gone = answer("https://eco.example/registries/npm.example/packages/x", {"error": "not found"}, status=404)
    assert (spider().read_page(gone).received, spider().read_page(gone).beyond) == (0, 0)


@pytest.mark.parametrize(("seed", "births", "deaths", "bulk"), [
    *((seed, *rates) for seed in range(6) for rates in ((3, 4, 0.0), (8, 1, 0.0), (1, 8, 0.0), (2, 2, 0.1))),
])  # fmt: skip
def test_of_a_table_that_moves_nothing_is_missed_and_no_page_is_asked_for_twice(
    seed: int, births: int, deaths: int, bulk: float
) -> None:
    table = Table(seed, 1500)
    began, stored, tries, one, seen = {*table.rows}, set(), 0, spider(), set()
    url = one.second_url()
    while url:
        said = table.page(url)
        table.move(births, deaths, bulk)
        page = one.read_page(said)
        if other := one.refetch_url(page, tries):
            url, tries = other, tries + 1
            continue
        assert url not in stored and not page.events
        stored.add(url)
        one.on_page_stored()
        seen |= {*page.stable_ids}
        url, tries = page.next_url, 0
    assert began & {*table.rows} <= seen


class Table:
    """A registry whose names come and go, 100 to a page."""

    def __init__(self, seed: int, size: int) -> None:
        self.draw = random.Random(seed)
        self.rows = sorted({self._name() for _ in range(size)})

    def _name(self) -> str:
        return f"{self.draw.random():.9f}"

    def page(self, url: str) -> HttpResponse:
        """The page an address asks for."""
        rows, number = asked(url)
        size = min(100, rows)
        shown = self.rows[(number - 1) * size : number * size]
        return answer(url, shown, given=size if shown else None, more=len(self.rows) > number * size)

    def move(self, births: int, deaths: int, bulk: float) -> None:
        """Let some names go, some come, and now and then many that stand together go at once."""
        for _ in range(self.draw.randint(0, 2 * deaths)):
            self.rows.pop(self.draw.randrange(len(self.rows)))
        if self.draw.random() < bulk:
            at = self.draw.randrange(len(self.rows))
            del self.rows[at : at + self.draw.randint(1, 90)]
        for _ in range(self.draw.randint(0, 2 * births)):
            bisect.insort(self.rows, self._name())
