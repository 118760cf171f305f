"""Between Scrapy and the network: keep to a registry's pace, try again what may pass, refuse what is not an answer."""

from __future__ import annotations

import asyncio
import random
import sys
import time
from urllib.parse import urljoin, urlsplit

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Response

from crawler.errors import CrawlError, Stopped, how_to_go_on
from crawler.fetching.pace import LONGEST_WAIT, Budget, back_off, read_date, read_quota, retry_after, wait_after_429
from crawler.parsing.redact import in_text
from crawler.parsing.rows import NotAList, length
from crawler.response import Answer
from crawler.spiders import PacedSpider
from db.cli import plain

PASSING = {408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 525, 530}
TRIES_BEFORE_FIRST_WORD = 3  # while a host has never answered, it is more likely that there is no network
TRIES_BEFORE_SMALLER = 2
TRIES_OF_HOLLOW = 2  # after that it is passed over, and the gate will say that rows may have been lost
MOST_HOPS = 5
WORTH_SAYING = 2.0  # seconds
CACHED = {"HIT", "STALE", "UPDATING", "REVALIDATED"}


class PaceMiddleware:
    """One gate for every request of a crawl: it waits for the quota, and decides what an answer is worth."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self.budget = Budget(crawler.settings.getfloat("PACE_SHARE", 1.0))
        self.patience = crawler.settings.getfloat("PACE_PATIENCE", 120.0)
        self.clock = crawler.settings.get("PACE_CLOCK", "local")
        self.heard = False
        self._not_before = 0.0
        self._why = ""
        self._silent = False
        self.quiet = crawler.settings.getbool("PACE_QUIET")

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> PaceMiddleware:
        """Create the middleware (called by Scrapy)."""
        return cls(crawler)

    @property
    def spider(self) -> PacedSpider:
        """The spider of this crawl."""
        return self.crawler.spider

    async def process_request(self, request: Request) -> None:
        """Hold a request until it may go out.

        Raises:
            Stopped: the crawl is being stopped.
            CrawlError: the quota comes back too late to hold a crawl open for it.
        """
        wait = self._wait(time.monotonic())
        if wait > LONGEST_WAIT:
            raise self._too_long(wait)
        self._say(wait)
        while not self.spider.stopping and (wait := self._wait(time.monotonic())) > 0:
            await asyncio.sleep(min(wait, 0.2))
        if self.spider.stopping:
            raise Stopped("stopped")
        self.budget.spend(time.monotonic())

    def process_response(self, request: Request, response: Response) -> Request | Response:
        """Let an answer through, try again, or give up with the reason.

        Raises:
            CrawlError: it is no use to try again now.
        """
        answer = self._answer(request, response)
        self.heard = True
        quota = read_quota(answer.headers)
        if quota and not from_cache(answer):
            self.budget.hear(quota, time.monotonic())
        if self.spider.takes(answer.status, answer.url):
            fault = self.fault(answer) if answer.status == 200 else ""
            if fault:
                return self._again(request, fault)
            if hollow(answer) and request.meta.get("attempt", 0) < TRIES_OF_HOLLOW:
                return self._again(request, "an empty page of a list that goes on")
            request.meta["answer"], self._why = answer, ""
            return response
        if answer.status in PASSING:
            return self._again(request, f"it answered {answer.status}", self._asked_to_wait(request, answer))
        if 300 <= answer.status < 400:
            return self._redirected(request, answer)
        raise refusal(answer, self.spider.plan.registry)

    def process_exception(self, request: Request, exception: Exception) -> Request:
        """Try again after a broken connection or a time-out.

        Raises:
            CrawlError: it has broken too often.
        """
        if isinstance(exception, IgnoreRequest | Stopped):
            raise exception
        if self.heard:
            return self._again(request, brief(exception))
        self._silent = self._silent or request.meta.get("attempt", 0) + 1 >= TRIES_BEFORE_FIRST_WORD
        if self._silent:
            raise offline(request.url, exception)
        return self._again(request, brief(exception), wait=min(1.0, self.patience / 8))

    def fault(self, answer: Answer) -> str:
        """Why an answer with status 200 cannot be what was asked for; '' if it can."""
        return fault_of(answer)

    def _wait(self, now: float) -> float:
        return max(self.budget.wait(now), self._not_before - now)

    def _say(self, wait: float) -> None:
        """Tell a person why nothing happens for a while."""
        if wait > WORTH_SAYING and not self.quiet:
            said = f"{self.spider.plan.registry}: waiting {wait:.0f} s ({self._why or self.budget})"
            print(plain(in_text(said)), file=sys.stderr, flush=True)

    def _asked_to_wait(self, request: Request, answer: Answer) -> float | None:
        if answer.status == 429:
            return wait_after_429(answer.headers, request.meta.get("attempt", 0) + 1)
        return retry_after(answer.headers)

    def _again(self, request: Request, why: str, wait: float | None = None) -> Request:
        """The same request once more, later; in a smaller page if it seems too heavy.

        Raises:
            CrawlError: patience is at its end, or the registry asks for a longer wait than we hold a crawl open.
        """
        attempt = request.meta.get("attempt", 0) + 1
        lighter = self.spider.smaller(request.url) if wait is None and attempt >= TRIES_BEFORE_SMALLER else None
        pause = back_off(1 if lighter else attempt, self.patience, random.random()) if wait is None else wait
        if pause is None or attempt > 6:
            raise CrawlError(
                f"{self.spider.plan.registry} kept failing: {why}.",
                why=f"{attempt} tries at {urlsplit(request.url).path} all failed.",
                fix=f"Nothing is lost: {how_to_go_on(self.spider.resumes)} in a while.",
                lasting=False,
            )
        if pause > LONGEST_WAIT:
            raise self._too_long(pause)
        self._not_before, self._why = time.monotonic() + pause, why
        self.crawler.stats.inc_value("pace/again")
        again = request.replace(url=lighter or request.url, dont_filter=True)
        again.meta["attempt"] = 0 if lighter else attempt
        return again

    def _too_long(self, wait: float) -> CrawlError:
        return CrawlError(
            f"{self.spider.plan.registry} asks us to wait {wait / 60:.0f} minutes.",
            why="Its quota is used up (perhaps by others behind the same address).",
            fix=f"Nothing is lost: {how_to_go_on(self.spider.resumes)} in {wait / 60:.0f} minutes,"
            " or give a token (HF_TOKEN).",
            lasting=False,
        )

    def _redirected(self, request: Request, answer: Answer) -> Request:
        target = self.spider.own(urljoin(request.url, answer.headers.get("location", "")))
        hops = request.meta.get("hops", 0) + 1
        if hops > MOST_HOPS:
            raise CrawlError(f"{self.spider.plan.registry} sends us round in circles: {target[:200]}")
        followed = request.replace(url=target, dont_filter=True)
        followed.meta["hops"] = hops
        return followed

    def _answer(self, request: Request, response: Response) -> Answer:
        headers = {
            name.decode("ascii", "replace").lower(): b", ".join(values).decode("latin-1")
            for name, values in response.headers.items()
        }
        theirs, ours = read_date(headers.get("date", "")), int(time.time())
        by_theirs = self.clock == "registry" and theirs is not None
        skew = None if theirs is None or by_theirs else apart(ours, theirs, _whole(headers.get("age")))
        return Answer(request.url, response.status, headers, response.body, theirs if by_theirs else ours, skew)


def apart(ours: int, theirs: int, age: int) -> int:
    """By how much our clock is ahead. Beside an Age, Date is the origin's or the cache's own: whichever agrees better.

    >>> apart(1000, 100, 900), apart(1000, 1000, 900), apart(1000, 400, 0)
    (0, 0, 600)
    """
    return min(ours - theirs - age, ours - theirs, key=abs)


def from_cache(answer: Answer) -> bool:
    """Whether an answer lay in a cache: the quota it states is that of whoever asked first."""
    return _whole(answer.headers.get("age")) > 0 or answer.headers.get("cf-cache-status", "").upper() in CACHED


def fault_of(answer: Answer) -> str:
    """Why an answer with status 200 cannot be what was asked for; '' if it can."""
    kind = answer.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != "application/json":
        return f"it answered with {plain_kind(kind)} instead of JSON"
    beginning = answer.body[:200].lstrip()[:1]
    single = beginning == b"{" and (b'"name"' in answer.body[:400] or b'"_id"' in answer.body[:400])
    try:
        rows = length(b"[" + answer.body + b"]" if single else answer.body)
    except NotAList as error:
        return f"it answered with something that is {str(error)[:120]}"
    stated = _whole(answer.headers.get("page-items"))
    if rows < stated and 'rel="next"' in answer.headers.get("link", ""):
        return f"it says that the page holds {stated} rows, and it holds {rows}"
    return ""


def hollow(answer: Answer) -> bool:
    """Whether a page is empty although it names a next one."""
    return answer.body.strip() == b"[]" and 'rel="next"' in answer.headers.get("link", "")


def plain_kind(kind: str) -> str:
    """A content type fit to be shown."""
    return kind if kind.isprintable() and 0 < len(kind) < 60 else "no content type"


def refusal(answer: Answer, registry: str) -> CrawlError:
    """What a status that will not pass means."""
    said = answer.headers.get("x-error-message") or answer.body[:200].decode("utf-8", "replace")
    if answer.status in (401, 403):
        return CrawlError(
            f"{registry} refused us ({answer.status}).",
            why=f"It says: {said[:200]}",
            fix="If you gave a token (HF_TOKEN, or `hf auth login`), it may have expired: renew it or unset it.",
            lasting=False,
        )
    if answer.status == 404:
        return CrawlError(
            f"{registry} has nothing at {urlsplit(answer.url).path[:200]} (404).",
            why="The address is not what it was, or the endpoint is not the service it should be.",
            fix=f"Look at HF_ENDPOINT and ECOSYSTEMS_ENDPOINT; then `observatory crawl check {registry}`.",
        )
    return CrawlError(
        f"{registry} answered {answer.status}.",
        why=f"It says: {said[:200]}",
        fix=f"Its API may have changed: `observatory crawl check {registry}`.",
    )


def offline(url: str, exception: Exception) -> CrawlError:
    """No host answered at all."""
    return CrawlError(
        f"No answer from {urlsplit(url).netloc}.",
        why=f"{brief(exception).rstrip('.')}. There seems to be no network, or a proxy or firewall stands in between.",
        fix="Look at the connection and at HTTPS_PROXY; without a network, `make demo` shows all on a simulated Hub.",
        lasting=False,
        gate="offline",
    )


def brief(exception: Exception) -> str:
    """An exception in one line."""
    reasons = getattr(exception, "reasons", None)
    if reasons:
        exception = getattr(reasons[0], "value", exception)
    return f"{type(exception).__name__}: {str(exception)[:160]}".rstrip(": ")


def _whole(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else 0
