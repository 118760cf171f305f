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

from crawler.errors import CrawlError, CrawlStopped, resume_hint
from crawler.fetching.pace import (
    MAX_WAIT,
    QuotaBudget,
    backoff_seconds,
    read_date,
    read_quota,
    read_retry_after,
    seconds_after_429,
)
from crawler.parsing.redact import redact_text
from crawler.parsing.rows import NotAListError, count_rows
from crawler.response import HttpResponse
from crawler.spiders import PacedSpider
from db.cli import escape_control_characters

RETRYABLE_STATUSES = {408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 525, 530}
MAX_TRIES_OFFLINE = 3  # while a host has never answered, it is more likely that there is no network
TRIES_BEFORE_SMALLER_PAGE = 2
MAX_EMPTY_PAGE_RETRIES = 2  # after that it is passed over, and the gate will say that rows may have been lost
MAX_REDIRECTS = 5
MIN_ANNOUNCED_WAIT = 2.0  # seconds
CACHE_HIT_STATUSES = {"HIT", "STALE", "UPDATING", "REVALIDATED"}


class PaceMiddleware:
    """One gate for every request of a crawl: it waits for the quota, and decides what an answer is worth."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self.budget = QuotaBudget(crawler.settings.getfloat("PACE_SHARE", 1.0))
        self.retry_for = crawler.settings.getfloat("PACE_PATIENCE", 120.0)
        self.clock = crawler.settings.get("PACE_CLOCK", "local")
        self.host_responded = False
        self._not_before = 0.0
        self._wait_reason = ""
        self._is_offline = False
        self.is_quiet = crawler.settings.getbool("PACE_QUIET")

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
        wait = self._seconds_to_wait(time.monotonic())
        if wait > MAX_WAIT:
            raise self._wait_error(wait)
        self._announce_wait(wait)
        while not self.spider.is_stopping and (wait := self._seconds_to_wait(time.monotonic())) > 0:
            await asyncio.sleep(min(wait, 0.2))
        if self.spider.is_stopping:
            raise CrawlStopped("stopped")
        self.budget.consume(time.monotonic())

    def process_response(self, request: Request, response: Response) -> Request | Response:
        """Let an answer through, try again, or give up with the reason.

        Raises:
            CrawlError: it is no use to try again now.
        """
        answer = self._make_response(request, response)
        self.host_responded = True
        quota = read_quota(answer.headers)
        if quota and not is_from_cache(answer):
            self.budget.update(quota, time.monotonic())
        if self.spider.accepts_status(answer.status, answer.url):
            fault = self.invalid_reason(answer) if answer.status == 200 else ""
            if fault:
                return self._retry(request, fault)
            if is_empty_with_next(answer) and request.meta.get("attempt", 0) < MAX_EMPTY_PAGE_RETRIES:
                return self._retry(request, "an empty page of a list that goes on")
            request.meta["answer"], self._wait_reason = answer, ""
            return response
        if answer.status in RETRYABLE_STATUSES:
            return self._retry(request, f"it answered {answer.status}", self._requested_wait(request, answer))
        if 300 <= answer.status < 400:
            return self._follow_redirect(request, answer)
        raise refusal_error(answer, self.spider.plan.registry)

    def process_exception(self, request: Request, exception: Exception) -> Request:
        """Try again after a broken connection or a time-out.

        Raises:
            CrawlError: it has broken too often.
        """
        if isinstance(exception, IgnoreRequest | CrawlStopped):
            raise exception
        if self.host_responded:
            return self._retry(request, describe_exception(exception))
        self._is_offline = self._is_offline or request.meta.get("attempt", 0) + 1 >= MAX_TRIES_OFFLINE
        if self._is_offline:
            raise offline_error(request.url, exception)
        return self._retry(request, describe_exception(exception), wait=min(1.0, self.retry_for / 8))

    def invalid_reason(self, response: HttpResponse) -> str:
        """Why an answer with status 200 cannot be what was asked for; '' if it can."""
        return invalid_reason(response)

    def _seconds_to_wait(self, now: float) -> float:
        return max(self.budget.seconds_to_wait(now), self._not_before - now)

    def _announce_wait(self, wait: float) -> None:
        """Tell a person why nothing happens for a while."""
        if wait > MIN_ANNOUNCED_WAIT and not self.is_quiet:
            said = f"{self.spider.plan.registry}: waiting {wait:.0f} s ({self._wait_reason or self.budget})"
            print(escape_control_characters(redact_text(said)), file=sys.stderr, flush=True)

    def _requested_wait(self, request: Request, response: HttpResponse) -> float | None:
        if response.status == 429:
            return seconds_after_429(response.headers, request.meta.get("attempt", 0) + 1)
        return read_retry_after(response.headers)

    def _retry(self, request: Request, reason: str, wait: float | None = None) -> Request:
        """The same request once more, later; in a smaller page if it seems too heavy.

        Raises:
            CrawlError: patience is at its end, or the registry asks for a longer wait than we hold a crawl open.
        """
        attempt = request.meta.get("attempt", 0) + 1
        lighter = (
            self.spider.smaller_page_url(request.url) if wait is None and attempt >= TRIES_BEFORE_SMALLER_PAGE else None
        )
        pause = backoff_seconds(1 if lighter else attempt, self.retry_for, random.random()) if wait is None else wait
        if pause is None or attempt > 6:
            raise CrawlError(
                f"{self.spider.plan.registry} kept failing: {reason}.",
                why=f"{attempt} tries at {urlsplit(request.url).path} all failed.",
                fix=f"Nothing is lost: {resume_hint(self.spider.has_resume_option)} in a while.",
                is_permanent=False,
            )
        if pause > MAX_WAIT:
            raise self._wait_error(pause)
        self._not_before, self._wait_reason = time.monotonic() + pause, reason
        self.crawler.stats.inc_value("pace/again")
        again = request.replace(url=lighter or request.url, dont_filter=True)
        again.meta["attempt"] = 0 if lighter else attempt
        return again

    def _wait_error(self, wait: float) -> CrawlError:
        return CrawlError(
            f"{self.spider.plan.registry} asks us to wait {wait / 60:.0f} minutes.",
            why="Its quota is used up (perhaps by others behind the same address).",
            fix=f"Nothing is lost: {resume_hint(self.spider.has_resume_option)} in {wait / 60:.0f} minutes,"
            " or give a token (HF_TOKEN).",
            is_permanent=False,
        )

    def _follow_redirect(self, request: Request, response: HttpResponse) -> Request:
        target = self.spider.same_host_url(urljoin(request.url, response.headers.get("location", "")))
        hops = request.meta.get("hops", 0) + 1
        if hops > MAX_REDIRECTS:
            raise CrawlError(f"{self.spider.plan.registry} sends us round in circles: {target[:200]}")
        followed = request.replace(url=target, dont_filter=True)
        followed.meta["hops"] = hops
        return followed

    def _make_response(self, request: Request, response: Response) -> HttpResponse:
        headers = {
            name.decode("ascii", "replace").lower(): b", ".join(values).decode("latin-1")
            for name, values in response.headers.items()
        }
        theirs, ours = read_date(headers.get("date", "")), int(time.time())
        by_theirs = self.clock == "registry" and theirs is not None
        skew = None if theirs is None or by_theirs else clock_skew(ours, theirs, _parse_int(headers.get("age")))
        return HttpResponse(request.url, response.status, headers, response.body, theirs if by_theirs else ours, skew)


def clock_skew(local_time: int, server_time: int, age: int) -> int:
    """By how much our clock is ahead. Beside an Age, Date is the origin's or the cache's own: whichever agrees better.

    >>> clock_skew(1000, 100, 900), clock_skew(1000, 1000, 900), clock_skew(1000, 400, 0)
    (0, 0, 600)
    """
    return min(local_time - server_time - age, local_time - server_time, key=abs)


def is_from_cache(response: HttpResponse) -> bool:
    """Whether an answer lay in a cache: the quota it states is that of whoever asked first."""
    return (
        _parse_int(response.headers.get("age")) > 0
        or response.headers.get("cf-cache-status", "").upper() in CACHE_HIT_STATUSES
    )


def invalid_reason(response: HttpResponse) -> str:
    """Why an answer with status 200 cannot be what was asked for; '' if it can."""
    kind = response.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != "application/json":
        return f"it answered with {printable_content_type(kind)} instead of JSON"
    beginning = response.body[:200].lstrip()[:1]
    single = beginning == b"{" and (b'"name"' in response.body[:400] or b'"_id"' in response.body[:400])
    try:
        rows = count_rows(b"[" + response.body + b"]" if single else response.body)
    except NotAListError as error:
        return f"it answered with something that is {str(error)[:120]}"
    stated = _parse_int(response.headers.get("page-items"))
    if rows < stated and 'rel="next"' in response.headers.get("link", ""):
        return f"it says that the page holds {stated} rows, and it holds {rows}"
    return ""


def is_empty_with_next(response: HttpResponse) -> bool:
    """Whether a page is empty although it names a next one."""
    return response.body.strip() == b"[]" and 'rel="next"' in response.headers.get("link", "")


def printable_content_type(content_type: str) -> str:
    """A content type fit to be shown."""
    return content_type if content_type.isprintable() and 0 < len(content_type) < 60 else "no content type"


def refusal_error(response: HttpResponse, registry: str) -> CrawlError:
    """What a status that will not pass means."""
    said = response.headers.get("x-error-message") or response.body[:200].decode("utf-8", "replace")
    if response.status in (401, 403):
        return CrawlError(
            f"{registry} refused us ({response.status}).",
            why=f"It says: {said[:200]}",
            fix="If you gave a token (HF_TOKEN, or `hf auth login`), it may have expired: renew it or unset it.",
            is_permanent=False,
        )
    if response.status == 404:
        return CrawlError(
            f"{registry} has nothing at {urlsplit(response.url).path[:200]} (404).",
            why="The address is not what it was, or the endpoint is not the service it should be.",
            fix=f"Look at HF_ENDPOINT and ECOSYSTEMS_ENDPOINT; then `observatory crawl check {registry}`.",
        )
    return CrawlError(
        f"{registry} answered {response.status}.",
        why=f"It says: {said[:200]}",
        fix=f"Its API may have changed: `observatory crawl check {registry}`.",
    )


def offline_error(url: str, exception: Exception) -> CrawlError:
    """No host answered at all."""
    return CrawlError(
        f"No answer from {urlsplit(url).netloc}.",
        why=f"{describe_exception(exception).rstrip('.')}. There seems to be no network, or a proxy or firewall stands in between.",
        fix="Look at the connection and at HTTPS_PROXY; without a network, `make demo` shows all on a simulated Hub.",
        is_permanent=False,
        gate="offline",
    )


def describe_exception(exception: Exception) -> str:
    """An exception in one line."""
    reasons = getattr(exception, "reasons", None)
    if reasons:
        exception = getattr(reasons[0], "value", exception)
    return f"{type(exception).__name__}: {str(exception)[:160]}".rstrip(": ")


def _parse_int(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else 0
