"""`observatory crawl check`: the assumptions a crawl rests on, each tried with one request.

A verdict is holds (as the API was when this was written), differs (it has changed, or was never so), or unknown (it
could not be tried). What differs is also kept as a quality event: a changed API is a finding, not a strange number.
"""

from __future__ import annotations

import base64
import dataclasses
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import msgspec
from scrapy import Request
from scrapy.http import Response
from twisted.python.failure import Failure

from crawler.errors import CrawlError
from crawler.fetching.runner import endpoint_url, run_spider
from crawler.fetching.settings import CrawlOptions
from crawler.parsing.cursors import cursor_keys
from crawler.parsing.ecosystems_rows import choose_registry, read_registry
from crawler.parsing.huggingface_rows import EXPAND_FIELDS
from crawler.parsing.pages import next_link
from crawler.parsing.redact import redact_text
from crawler.parsing.rows import count_inversions
from crawler.plan import CrawlPlan
from crawler.registries import find_spider
from crawler.response import Event, HttpResponse, Registry
from crawler.spiders import PacedSpider
from crawler.spiders.ecosystems import expected_period
from db.connection import open_for_writing
from db.store import Store

Verdict = tuple[str, str]
NOT_TRIED = "not tried, to be kind: a 429, whether the cache hop of a README is charged, pages far down the list"
SYNTHETIC_CURSOR = quote(base64.b64encode(b'{"_id":{"$gt":"000000000000000000000000"}}'))  # before every package
HOLDS, DIFFERS, UNKNOWN = "holds", "differs", "unknown"


@dataclass(frozen=True)
class Assumption:
    """One thing we rely on, the request that tries it, and what an answer says of it."""

    name: str
    url: str
    judge: Callable[[HttpResponse], Verdict]


def decode_rows(response: HttpResponse) -> list[dict[str, object]]:
    """The rows of a list; none if the answer is no list."""
    try:
        rows = msgspec.json.decode(response.body)
    except msgspec.DecodeError:
        return []
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def make_verdict(is_met: bool, measured: object) -> Verdict:
    """A verdict with what was measured."""
    return (HOLDS if is_met else DIFFERS), str(measured)[:200]


def expect_descending(field: str) -> Callable[[HttpResponse], Verdict]:
    """The rows come largest first."""

    def judge(answer: HttpResponse) -> Verdict:
        values = [row.get(field) for row in decode_rows(answer)]
        return make_verdict(len(values) > 1 and not count_inversions(values), values[:5])

    return judge


def expect_cursor_keys(keys: str) -> Callable[[HttpResponse], Verdict]:
    """The cursor to the next page stands on these keys."""
    return lambda answer: make_verdict(
        cursor_keys(next_link(answer)) == keys, cursor_keys(next_link(answer)) or "no cursor"
    )


def expect_row_count(number: int) -> Callable[[HttpResponse], Verdict]:
    """So many rows came."""
    return lambda answer: make_verdict(len(decode_rows(answer)) == number, f"{len(decode_rows(answer))} rows")


def expect_headers(*names: str) -> Callable[[HttpResponse], Verdict]:
    """These headers are there."""
    return lambda answer: make_verdict(
        all(name in answer.headers for name in names),
        ", ".join(f"{name}: {answer.headers.get(name, 'absent')}" for name in names),
    )


def expect_status(status: int, phrases: Sequence[str] = ()) -> Callable[[HttpResponse], Verdict]:
    """The answer has this status, and its body these words."""

    def judge(answer: HttpResponse) -> Verdict:
        missing = [word for word in phrases if word.encode() not in answer.body]
        return make_verdict(
            answer.status == status and not missing, f"{answer.status}" + (f", without {missing}" if missing else "")
        )

    return judge


def check_oldest_first(response: HttpResponse) -> Verdict:
    """The rows come in the order of their `_id`, oldest first."""
    keys = [str(row.get("_id")) for row in decode_rows(response)]
    return make_verdict(len(keys) > 1 and keys == sorted(keys), keys[:3])


def check_window_within_all_time(response: HttpResponse) -> Verdict:
    """The downloads of 30 days are not more than those of all time."""
    pairs = [(row.get("downloads"), row.get("downloadsAllTime")) for row in decode_rows(response)]
    known = [(now, ever) for now, ever in pairs if isinstance(now, int) and isinstance(ever, int)]
    return make_verdict(bool(known) and all(now <= ever for now, ever in known), known[:3])


def hub_assumptions(kind: str, endpoint: str) -> Iterable[Assumption]:
    """What we rely on in the Hub's lists, the open questions of its API among it."""
    base = f"{endpoint}/api/{kind}?"
    sort = "likes" if kind == "spaces" else "downloads"
    everything = "".join(f"&expand={name}" for name in EXPAND_FIELDS[kind])
    yield Assumption(f"sort={sort} gives the largest first", f"{base}sort={sort}&limit=50", expect_descending(sort))
    yield Assumption(
        f"its cursor stands on {sort} and _id", f"{base}sort={sort}&limit=2", expect_cursor_keys(f"{sort}, _id")
    )
    yield Assumption(
        "sort=createdAt&direction=1 gives the oldest first",
        f"{base}sort=createdAt&direction=1&limit=50",
        check_oldest_first,
    )
    yield Assumption(
        "a cursor we make ourselves, with another limit, is taken (open)",
        f"{base}sort=createdAt&direction=1&limit=7&cursor={SYNTHETIC_CURSOR}", expect_row_count(7),
    )  # fmt: skip
    yield Assumption(
        "its cursor stands on _id alone", f"{base}sort=createdAt&direction=1&limit=3", expect_cursor_keys("_id")
    )
    yield Assumption("a page has 1,000 rows at most", f"{base}sort={sort}&limit=1001", expect_row_count(1000))
    yield Assumption("the fields we ask for are known", f"{base}sort={sort}&limit=1{everything}", expect_status(200))
    yield Assumption(
        "an unknown field is refused, and the known ones are named",
        f"{base}limit=1&expand=nosuch",
        expect_status(400, ("likes",)),
    )
    yield Assumption("every answer states the quota", f"{base}limit=4", expect_headers("ratelimit", "ratelimit-policy"))
    if kind != "spaces":
        yield Assumption(
            "30 days' downloads are within all-time downloads",
            f"{base}sort=downloads&limit=100&expand=downloads&expand=downloadsAllTime", check_window_within_all_time,
        )  # fmt: skip
    for field in ("childrenModelCount", "spaces", "evalResults", "usedStorage") if kind == "models" else ():
        yield Assumption(f"{field} is accepted on lists (open)", f"{base}limit=1&expand={field}", expect_status(200))


def ecosystems_assumptions(name: str, ecosystem: str, endpoint: str) -> Iterable[Assumption]:
    """What we rely on in Ecosyste.ms, for one registry by the service's own name."""
    base = f"{endpoint}/registries/{quote(name, safe='')}"
    by_downloads = "sort=downloads&order=desc"
    expected = expected_period(ecosystem)
    yield Assumption(
        "package_names gives up to 10,000 names (open)",
        f"{base}/package_names?{by_downloads}&per_page=10000",
        check_full_page,
    )
    yield Assumption(
        "pages state their size",
        f"{base}/package_names?{by_downloads}&per_page=3",
        expect_headers("page-items", "current-page"),
    )
    yield Assumption(
        "packages gives the largest first", f"{base}/packages?{by_downloads}&per_page=5", expect_descending("downloads")
    )
    yield Assumption(f"downloads are {expected}", f"{base}/packages?{by_downloads}&per_page=2", expect_period(expected))
    yield Assumption(
        "answers say how old they are",
        f"{base}/package_names?{by_downloads}&per_page=4",
        expect_headers("cf-cache-status"),
    )
    yield Assumption("the quota is stated", f"{base}/package_names?{by_downloads}&per_page=2",
                     expect_headers("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"))  # fmt: skip
    yield Assumption(
        "ascending order is refused", f"{base}/package_names?sort=downloads&order=asc&per_page=2", expect_status(422)
    )


def check_full_page(response: HttpResponse) -> Verdict:
    """As many names came as the page says it holds, and the service did not cut the size we asked for."""
    items = response.headers.get("page-items", "?")
    return make_verdict(
        items == "10000" or (not next_link(response) and response.status == 200),
        f"page-items {items}, {response.status}",
    )


def expect_period(expected: str) -> Callable[[HttpResponse], Verdict]:
    """The rows say of what time their downloads are."""

    def judge(answer: HttpResponse) -> Verdict:
        periods = {str(row.get("downloads_period")) for row in decode_rows(answer)}
        return make_verdict(periods == {expected}, ", ".join(sorted(periods)) or "no rows")

    return judge


class ApiCheckSpider(PacedSpider):
    """Asks each question once. It stands before the pace middleware where a registry's spider stands in a crawl."""

    name = "check"

    def __init__(self, plan: CrawlPlan, service: str) -> None:
        super().__init__(plan)
        self.service = service
        self.verdicts: dict[str, Verdict] = {}

    def accepts_status(self, status: int, url: str) -> bool:
        """Every answer says something, but for those that will pass."""
        return status in (200, 400, 404, 422)

    def same_host_url(self, url: str) -> str:
        """No address is followed.

        Raises:
            CrawlError: always.
        """
        raise CrawlError(f"sent on to {url[:200]}")

    async def start(self) -> AsyncIterator[Request]:
        """The Hub's questions at once; Ecosyste.ms is first asked what it calls the registry."""
        if self.service == "huggingface":
            for question in hub_assumptions(self.plan.registry.removeprefix("huggingface/"), self.plan.endpoint):
                yield self._make_request(question)
        else:
            listed = Assumption(
                "the registry is listed", f"{self.plan.endpoint}/registries?per_page=1000", lambda _: (UNKNOWN, "")
            )
            yield self._make_request(listed).replace(callback=self.parse_registries)

    def parse_registries(self, response: Response) -> Iterator[Request]:
        """The rest of the questions, once the service's own name is known."""
        answer = response.meta["answer"]
        read = (read_registry(msgspec.json.encode(row)) for row in decode_rows(answer))
        known = [one for one in read if one is not None]
        found = choose_registry(self.plan.registry, known)
        self.verdicts["the registry is listed"] = make_verdict(
            found is not None, found.name if found else f"not among {len(known)}"
        )
        for question in ecosystems_assumptions(found.name, found.ecosystem or "", self.plan.endpoint) if found else ():
            yield self._make_request(question)

    def parse(self, response: Response) -> None:
        """Judge one answer."""
        asked = response.meta["asked"]
        self.verdicts[asked.name] = asked.judge(response.meta["answer"])

    def on_request_failed(self, failure: Failure) -> None:
        """It could not be tried."""
        self.verdicts[failure.request.meta["asked"].name] = (UNKNOWN, str(failure.value)[:200])

    def _make_request(self, assumption: Assumption) -> Request:
        return Request(
            assumption.url, self.parse, errback=self.on_request_failed, dont_filter=True, meta={"asked": assumption}
        )


def check_registry(path: Path, registry: str, options: CrawlOptions) -> list[dict[str, str]]:
    """Try every assumption on a registry; what differs is kept as events in the store.

    Raises:
        NotThere: there is no such registry.
    """
    kind = find_spider(registry)
    plan = CrawlPlan(registry, 1, None, endpoint_url(kind))
    with open_for_writing(path) as database:
        brisk = dataclasses.replace(
            options, retry_for=min(10.0, options.retry_for), clock="local", delay=options.delay or kind.default_delay
        )
        spider = run_spider(ApiCheckSpider, brisk, {"plan": plan, "service": kind.name}, {"ITEM_PIPELINES": {}})
        verdicts = {name: (verdict, redact_text(measured)) for name, (verdict, measured) in spider.verdicts.items()}
        events = [
            Event("assumption_differs", "warning", name, "holds", measured)
            for name, (verdict, measured) in verdicts.items()
            if verdict == DIFFERS
        ]
        if events:
            Store(database).add_quality_events(Registry(registry, kind.name), events, int(time.time()))
    return [
        {"assumption": name, "verdict": verdict, "measured": measured} for name, (verdict, measured) in verdicts.items()
    ]


def format_table(registry: str, verdicts: Sequence[dict[str, str]]) -> str:
    """The verdicts for a person, and what was not tried."""
    width = max((len(one["assumption"]) for one in verdicts), default=0)
    lines = [f"{one['verdict']:<8} {one['assumption']:<{width}}  {one['measured']}" for one in verdicts]
    return "\n".join([f"{registry}:", *lines, NOT_TRIED])
