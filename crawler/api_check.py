"""`observatory crawl check`: the assumptions of the crawler about an API, each tested with one request.

The verdict is holds (the API is as it was when this was written), differs (the API has changed, or was never so) or
unknown (the request failed). Each difference is also stored as a quality event, because a changed API explains strange
numbers.
"""

from __future__ import annotations

import base64
import dataclasses
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypedDict
from urllib.parse import quote

import msgspec
from scrapy import Request
from scrapy.http import Response
from twisted.python.failure import Failure

from crawler.endpoints import endpoint_url
from crawler.errors import CrawlError, unexpected_error
from crawler.fetching.runner import run_spider
from crawler.fetching.settings import CrawlOptions
from crawler.parsing.cursors import cursor_keys
from crawler.parsing.ecosystems_rows import choose_registry, read_registry
from crawler.parsing.huggingface_rows import EXPAND_FIELDS
from crawler.parsing.pages import next_link
from crawler.parsing.redact import excerpt, redact_text
from crawler.parsing.rows import count_inversions
from crawler.plan import CrawlPlan
from crawler.registries import find_spider
from crawler.response import Event, HttpResponse, Registry
from crawler.spiders import PacedSpider
from crawler.spiders.ecosystems import expected_period
from db.connection import open_for_writing
from db.store import Store

Verdict = tuple[str, str]
Judge = Callable[[HttpResponse], Verdict]
NOT_TESTED = "not tested, to spare the registry: a 429, the quota of a README's cache redirect, pages far down the list"
SYNTHETIC_CURSOR = quote(base64.b64encode(b'{"_id":{"$gt":"000000000000000000000000"}}'))  # before every package
HOLDS, DIFFERS, UNKNOWN = "holds", "differs", "unknown"
MAX_RETRY_SECONDS = 10.0


@dataclass(frozen=True)
class Assumption:
    """One assumption, the URL that tests it, and the judge of the response."""

    name: str
    url: str
    judge: Judge


class AssumptionResult(TypedDict):
    """The documented JSON of one tested assumption."""

    assumption: str
    verdict: str
    measured: str


def decode_rows(response: HttpResponse) -> list[dict[str, object]]:
    """Return the rows of a list, none if the response is not a list."""
    rows = None
    with suppress(msgspec.DecodeError):
        rows = msgspec.json.decode(response.body)
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def make_verdict(is_met: bool, measured: object) -> Verdict:
    """Return a verdict with what was measured."""
    return (HOLDS if is_met else DIFFERS), excerpt(str(measured), 200)


def expect_descending(field: str) -> Judge:
    """Return a judge that expects rows with descending values of a field."""

    def judge(response: HttpResponse) -> Verdict:
        values = [row.get(field) for row in decode_rows(response)]
        numbers = [value if isinstance(value, int | float) else None for value in values]
        if len(numbers) - numbers.count(None) < 2:
            return UNKNOWN, f"fewer than two rows have {field}: {values[:5]}"[:200]
        return make_verdict(not count_inversions(numbers), values[:5])

    return judge


def expect_cursor_keys(keys: str) -> Judge:
    """Return a judge that expects a next page whose cursor has certain keys."""

    def judge(response: HttpResponse) -> Verdict:
        actual = cursor_keys(next_link(response))
        return make_verdict(actual == keys, actual or "no cursor")

    return judge


def expect_row_count(count: int) -> Judge:
    """Return a judge that expects a number of rows."""

    def judge(response: HttpResponse) -> Verdict:
        rows = len(decode_rows(response))
        return make_verdict(rows == count, f"{rows} rows")

    return judge


def expect_headers(*names: str) -> Judge:
    """Return a judge that expects headers."""

    def judge(response: HttpResponse) -> Verdict:
        headers = ", ".join(f"{name}: {response.headers.get(name, 'absent')}" for name in names)
        return make_verdict(all(name in response.headers for name in names), headers)

    return judge


def expect_status(status: int, phrases: Sequence[str] = ()) -> Judge:
    """Return a judge that expects a status, and phrases in the body."""

    def judge(response: HttpResponse) -> Verdict:
        missing = [phrase for phrase in phrases if phrase.encode() not in response.body]
        measured = f"{response.status}" + (f", without {missing}" if missing else "")
        return make_verdict(response.status == status and not missing, measured)

    return judge


def expect_period(period: str) -> Judge:
    """Return a judge that expects a period of downloads in every row."""

    def judge(response: HttpResponse) -> Verdict:
        periods = {str(row.get("downloads_period")) for row in decode_rows(response)}
        return make_verdict(periods == {period}, ", ".join(sorted(periods)) or "no rows")

    return judge


def check_oldest_first(response: HttpResponse) -> Verdict:
    """Judge whether the rows are in the order of their `_id`, oldest first."""
    keys = [str(row.get("_id")) for row in decode_rows(response)]
    if len(keys) < 2:
        return UNKNOWN, f"{len(keys)} rows"
    return make_verdict(keys == sorted(keys), keys[:3])


def check_window_within_all_time(response: HttpResponse) -> Verdict:
    """Judge whether the downloads of 30 days are at most those of all time."""
    pairs = [(row.get("downloads"), row.get("downloadsAllTime")) for row in decode_rows(response)]
    counts = [(recent, total) for recent, total in pairs if isinstance(recent, int) and isinstance(total, int)]
    if not counts:
        return UNKNOWN, "no row has both counts"
    return make_verdict(all(recent <= total for recent, total in counts), counts[:3])


def check_full_page(response: HttpResponse) -> Verdict:
    """Judge whether the service accepted the requested page size of 10,000 names."""
    items = response.headers.get("page-items", "?")
    is_met = items == "10000" or (not next_link(response) and response.status == 200)
    return make_verdict(is_met, f"page-items {items}, {response.status}")


def hub_assumptions(kind: str, endpoint: str) -> Iterator[Assumption]:
    """Yield the assumptions about the Hub's lists. The open questions of its API are among them."""
    base = f"{endpoint}/api/{kind}?"
    sort = "likes" if kind == "spaces" else "downloads"
    by_size, by_age = f"{base}sort={sort}", f"{base}sort=createdAt&direction=1"
    all_fields = "".join(f"&expand={name}" for name in EXPAND_FIELDS[kind])
    yield Assumption(f"sort={sort} gives the largest first", f"{by_size}&limit=50", expect_descending(sort))
    yield Assumption(
        f"its cursor has the keys {sort} and _id", f"{by_size}&limit=2", expect_cursor_keys(f"{sort}, _id")
    )
    yield Assumption("sort=createdAt&direction=1 gives the oldest first", f"{by_age}&limit=50", check_oldest_first)
    yield Assumption(
        "a cursor of our own, with another limit, is accepted (open)",
        f"{by_age}&limit=7&cursor={SYNTHETIC_CURSOR}",
        expect_row_count(7),
    )
    yield Assumption("its cursor has the key _id alone", f"{by_age}&limit=3", expect_cursor_keys("_id"))
    yield Assumption("a page has 1,000 rows at most", f"{by_size}&limit=1001", expect_row_count(1000))
    yield Assumption("the requested fields are known", f"{by_size}&limit=1{all_fields}", expect_status(200))
    yield Assumption(
        "an unknown field is refused with a list of the known ones",
        f"{base}limit=1&expand=nosuch",
        expect_status(400, ("likes",)),
    )
    yield Assumption(
        "every response states the quota", f"{base}limit=4", expect_headers("ratelimit", "ratelimit-policy")
    )
    if kind != "spaces":
        yield Assumption(
            "30-day downloads are at most the all-time downloads",
            f"{base}sort=downloads&limit=100&expand=downloads&expand=downloadsAllTime",
            check_window_within_all_time,
        )
    for field in ("childrenModelCount", "spaces", "evalResults", "usedStorage") if kind == "models" else ():
        yield Assumption(f"{field} is accepted on lists (open)", f"{base}limit=1&expand={field}", expect_status(200))


def ecosystems_assumptions(name: str, ecosystem: str, endpoint: str) -> Iterator[Assumption]:
    """Yield the assumptions about Ecosyste.ms, for one registry by its name there."""
    base, order = f"{endpoint}/registries/{quote(name, safe='')}", "sort=downloads&order=desc"
    names, packages = f"{base}/package_names?{order}", f"{base}/packages?{order}"
    period = expected_period(ecosystem)
    yield Assumption("package_names gives up to 10,000 names (open)", f"{names}&per_page=10000", check_full_page)
    yield Assumption("pages state their size", f"{names}&per_page=3", expect_headers("page-items", "current-page"))
    yield Assumption("packages gives the largest first", f"{packages}&per_page=5", expect_descending("downloads"))
    yield Assumption(f"downloads are {period}", f"{packages}&per_page=2", expect_period(period))
    yield Assumption("responses state their age", f"{names}&per_page=4", expect_headers("cf-cache-status"))
    quota = expect_headers("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset")
    yield Assumption("the quota is stated", f"{names}&per_page=2", quota)
    yield Assumption(
        "ascending order is refused", f"{base}/package_names?sort=downloads&order=asc&per_page=2", expect_status(422)
    )


class ApiCheckSpider(PacedSpider):
    """Spider that requests the URL of each assumption once."""

    name = "check"

    def __init__(self, plan: CrawlPlan, service: str) -> None:
        super().__init__(plan)
        self.service = service
        self.verdicts: dict[str, Verdict] = {}

    def accepts_status(self, status: int, url: str) -> bool:
        """Return whether a judge can use a response. Other statuses are retried."""
        return status in (200, 400, 404, 422)

    def same_host_url(self, url: str, base: str = "") -> str:
        """Refuse every redirect.

        Raises:
            CrawlError: always.
        """
        raise CrawlError(f"redirected to {url[:200]}")

    async def start(self) -> AsyncIterator[Request]:
        """Yield the requests for the Hub, or the request for the names of the registries of Ecosyste.ms."""
        if self.service == "huggingface":
            for assumption in hub_assumptions(self.plan.registry.removeprefix("huggingface/"), self.plan.endpoint):
                yield self._make_request(assumption)
        else:
            url = f"{self.plan.endpoint}/registries?per_page=1000"
            assumption = Assumption("the registry is listed", url, lambda _: (UNKNOWN, ""))
            yield self._make_request(assumption).replace(callback=self.parse_registries)

    def parse_registries(self, response: Response) -> Iterator[Request]:
        """Find the name of the registry at Ecosyste.ms, and yield the requests for its assumptions."""
        rows = decode_rows(response.meta["answer"])
        registries = [row for row in (read_registry(msgspec.json.encode(row)) for row in rows) if row is not None]
        registry = choose_registry(self.plan.registry, registries)
        measured = registry.name if registry else f"not among {len(registries)}"
        self.verdicts["the registry is listed"] = make_verdict(registry is not None, measured)
        if registry:
            for assumption in ecosystems_assumptions(registry.name, registry.ecosystem or "", self.plan.endpoint):
                yield self._make_request(assumption)

    def parse(self, response: Response) -> None:
        """Judge one response."""
        assumption: Assumption = response.meta["assumption"]
        self.verdicts[assumption.name] = assumption.judge(response.meta["answer"])

    def on_request_failed(self, name: str, failure: Failure) -> None:
        """Record that an assumption could not be tested, or that the program is at fault."""
        error = failure.value or RuntimeError("no reason given")
        self.verdicts[name] = (UNKNOWN, excerpt(str(error), 200))
        crawl_error = error if isinstance(error, CrawlError) else unexpected_error(error)
        if crawl_error.gate == "program":
            self.crawl_error = crawl_error

    def _make_request(self, assumption: Assumption) -> Request:
        on_failure = partial(self.on_request_failed, assumption.name)
        return Request(
            assumption.url, self.parse, errback=on_failure, dont_filter=True, meta={"assumption": assumption}
        )


def redacted_results(verdicts: Mapping[str, Verdict]) -> list[AssumptionResult]:
    """Return the results of a check, without what must not be stored."""
    return [
        AssumptionResult(assumption=name, verdict=verdict, measured=redact_text(measured))
        for name, (verdict, measured) in verdicts.items()
    ]


def difference_events(results: Iterable[AssumptionResult]) -> list[Event]:
    """Return an event for each assumption that differs."""
    differences = (result for result in results if result["verdict"] == DIFFERS)
    return [
        Event("assumption_differs", "warning", result["assumption"], "holds", result["measured"])
        for result in differences
    ]


def check_registry(path: Path, registry: str, options: CrawlOptions) -> list[AssumptionResult]:
    """Test every assumption about a registry, and store each difference as a quality event.

    Raises:
        UnknownRegistryError: there is no such registry.
        CrawlError: the program is at fault.
    """
    spider_class = find_spider(registry)
    plan = CrawlPlan(registry, 1, None, endpoint_url(spider_class))
    delay = spider_class.default_delay if options.delay is None else options.delay
    retry_for = min(MAX_RETRY_SECONDS, options.retry_for)
    check_options = dataclasses.replace(options, retry_for=retry_for, clock="local", delay=delay)
    with open_for_writing(path) as database:
        arguments = {"plan": plan, "service": spider_class.name}
        spider = run_spider(ApiCheckSpider, check_options, arguments, {"ITEM_PIPELINES": {}})
        if spider.crawl_error is not None:
            raise spider.crawl_error
        results = redacted_results(spider.verdicts)
        if events := difference_events(results):
            Store(database).add_quality_events(Registry(registry, spider_class.name), events, int(time.time()))
    return results


def format_table(registry: str, results: Sequence[AssumptionResult]) -> str:
    """Return the results for a person, and what was not tested."""
    width = max((len(result["assumption"]) for result in results), default=0)
    lines = [f"{result['verdict']:<8} {result['assumption']:<{width}}  {result['measured']}" for result in results]
    return "\n".join([f"{registry}:", *lines, NOT_TESTED])
