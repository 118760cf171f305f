"""Downloader middleware: rate limits, retries, and validation of responses."""

from __future__ import annotations

import asyncio
import math
import os
import random
import sys
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

from huggingface_hub import get_token
from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import DownloadCancelledError, IgnoreRequest
from scrapy.http import Response

from crawler.errors import PROGRAM_FAULTS, CrawlError, CrawlStoppedError, program_error, resume_hint
from crawler.fetching.connection_errors import (
    connection_error,
    describe_exception,
    https_required_error,
    is_from_host,
    proxy_error,
)
from crawler.fetching.pace import (
    MAX_ATTEMPTS,
    MAX_WAIT,
    QuotaBudget,
    backoff_seconds,
    parse_int,
    passes_later,
    read_date,
    read_quota,
    read_retry_after,
    seconds_after_429,
)
from crawler.fetching.running import running_spider
from crawler.parsing.pages import next_link
from crawler.parsing.redact import EXCERPT_MARGIN, excerpt, redact_response, redact_text
from crawler.parsing.rows import NotAListError, count_rows
from crawler.response import HttpResponse
from crawler.spiders import PacedSpider
from db.cli import escape_control_characters
from db.private_text import list_credentials
from db.reasons import FailureReason

DAMAGE = "damage"  # the key in the meta of a request whose response cannot be decoded, and the reason
MAX_TRIES_OFFLINE = 3  # of a host that has never responded: a missing network is the likelier cause
TRIES_BEFORE_SMALLER_PAGE = 2
MAX_EMPTY_PAGE_RETRIES = 2  # then the empty page is accepted, and the gate reports that rows may be lost
MAX_REDIRECTS = 5
MIN_ANNOUNCED_WAIT = 2.0  # seconds
CACHE_HIT_STATUSES = {"HIT", "STALE", "UPDATING", "REVALIDATED"}


class PaceMiddleware:
    """The rate limit and the validation of every request of a crawl.

    Scrapy's own retries ignore the quota, and tenacity cannot wait inside Scrapy's event loop.
    """

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self.budget = QuotaBudget(crawler.settings.getfloat("PACE_QUOTA_SHARE", 1.0))
        self.retry_for = crawler.settings.getfloat("PACE_RETRY_FOR", 120.0)
        self.clock = crawler.settings.get("PACE_CLOCK", "local")
        self.host_responded = False
        self._has_accepted = False
        self._not_before = 0.0
        self._wait_reason = ""
        self._is_offline = False
        self.credentials = list_credentials(os.environ, get_token())
        self.is_quiet = crawler.settings.getbool("PACE_QUIET")

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> PaceMiddleware:
        """Create the middleware (called by Scrapy)."""
        return cls(crawler)

    @property
    def spider(self) -> PacedSpider:
        """The spider of the crawl."""
        return running_spider(self.crawler, PacedSpider)

    async def process_request(self, request: Request) -> None:
        """Delay a request until the quota allows it.

        Raises:
            CrawlStoppedError: the crawl is being stopped.
            CrawlError: the quota resets too late to keep the crawl open.
        """
        wait = self._seconds_to_wait(time.monotonic())
        if wait > MAX_WAIT:
            raise self._wait_error(wait)
        self._announce_wait(wait)
        while not self.spider.is_stopping and (wait := self._seconds_to_wait(time.monotonic())) > 0:
            await asyncio.sleep(min(wait, 0.2))
        if self.spider.is_stopping:
            raise CrawlStoppedError("stopped")
        self.budget.consume(time.monotonic())

    def process_response(self, request: Request, response: Response) -> Request | Response:
        """Accept a response, retry its request, or follow its redirect.

        Raises:
            CrawlError: a retry would not help now.
        """
        received = self._make_response(request, response)
        http_response = redact_response(received, self.credentials)
        self.host_responded = True
        quota = read_quota(http_response.headers)
        if quota and not is_from_cache(http_response):
            self.budget.update(quota, time.monotonic())
        status = http_response.status
        if damage := request.meta.pop(DAMAGE, ""):
            return self._retry(request, damage)
        if self.spider.accepts_status(status, http_response.url):
            return self._accept_unless_invalid(request, response, received, http_response)
        if passes_later(status):
            return self._retry_failure(request, response, http_response)
        if 300 <= status < 400:
            return self._follow_redirect(request, http_response)
        raise refusal_error(http_response, self.spider.plan.registry, is_permanent=not self._has_accepted)

    def _retry_failure(self, request: Request, response: Response, http_response: HttpResponse) -> Request | Response:
        """Retry a request that the server failed to answer. A spider may accept a failure that lasts.

        Raises:
            CrawlError: a retry would not help now.
        """
        is_last = attempt_of(request) + 1 > MAX_ATTEMPTS and http_response.status >= 500
        if is_last and self.spider.accepts_failure(request.url):
            request.meta["answer"], self._wait_reason = http_response, ""
            return response
        reason = f"the server answered {http_response.status}"
        if http_response.status == 429:  # a smaller page costs as much
            seconds = seconds_after_429(http_response.headers, attempt_of(request) + 1)
            return self._retry(request, reason, seconds, seconds, may_shrink=False)
        return self._retry(request, reason, read_retry_after(http_response.headers) or 0.0)

    def _accept_unless_invalid(
        self, request: Request, response: Response, received: HttpResponse, http_response: HttpResponse
    ) -> Request | Response:
        if http_response.status == 200 and (reason := self.invalid_reason(received)):
            return self._retry(request, reason)
        if is_empty_page(http_response) and attempt_of(request) < MAX_EMPTY_PAGE_RETRIES:
            return self._retry(request, "the page is empty", may_shrink=False)
        request.meta["answer"], self._wait_reason = http_response, ""
        self._has_accepted = True
        return response

    def process_exception(self, request: Request, exception: Exception) -> Request:
        """Retry a request after a broken connection or a timeout. A page that is too large will be so again.

        Raises:
            CrawlError: the request has failed too often, or the program is at fault.
        """
        if isinstance(exception, IgnoreRequest | DownloadCancelledError | CrawlStoppedError):
            raise exception
        if isinstance(exception, PROGRAM_FAULTS):
            raise program_error(exception)
        self.host_responded = self.host_responded or is_from_host(exception)
        if self.host_responded:
            return self._retry(request, describe_exception(exception))
        self._is_offline = self._is_offline or attempt_of(request) + 1 >= MAX_TRIES_OFFLINE
        if self._is_offline:
            raise connection_error(request.url, exception)
        return self._retry(request, describe_exception(exception), longest=min(1.0, self.retry_for / 8))

    def invalid_reason(self, response: HttpResponse) -> str:
        """Return why a response with status 200 is invalid, '' if it is valid."""
        return invalid_reason(response)

    def _seconds_to_wait(self, now: float) -> float:
        return max(self.budget.seconds_to_wait(now), self._not_before - now)

    def _announce_wait(self, wait: float) -> None:
        """Print the reason for a long wait."""
        if wait > MIN_ANNOUNCED_WAIT and not self.is_quiet:
            message = f"{self.spider.plan.registry}: waiting {wait:.0f} s ({self._wait_reason or self.budget})"
            print(escape_control_characters(redact_text(message)), file=sys.stderr, flush=True)

    def _retry(
        self, request: Request, reason: str, shortest: float = 0.0, longest: float = math.inf, may_shrink: bool = True
    ) -> Request:
        """Return the request to send again after a wait, for a smaller page if the page seems too heavy.

        The wait has bounds: a registry may ask for a longer one than ours, and for none at all.

        Raises:
            CrawlError: all attempts failed, or the registry asks for a longer wait than `MAX_WAIT`.
        """
        attempt, smaller_url = attempt_of(request) + 1, None
        if may_shrink and self.host_responded and attempt >= TRIES_BEFORE_SMALLER_PAGE:
            smaller_url = self.spider.smaller_page_url(request.url)
        wait = backoff_seconds(1 if smaller_url else attempt, self.retry_for, random.random())
        if wait is None:
            raise CrawlError(
                f"{self.spider.plan.registry} kept failing: {reason}.",
                why=f"All {attempt} requests of {urlsplit(request.url).path} failed.",
                fix=f"Nothing is lost: {resume_hint(self.spider.has_resume_option)} later.",
                is_permanent=False,
                reason=FailureReason.SERVER_FAILING if may_shrink else FailureReason.RATE_LIMITED,
            )
        wait = min(max(wait, shortest), longest)
        if wait > MAX_WAIT:
            raise self._wait_error(wait)
        self._not_before, self._wait_reason = time.monotonic() + wait, reason
        retry = request.replace(url=smaller_url or request.url, dont_filter=True)
        retry.meta["attempt"] = 0 if smaller_url else attempt
        return retry

    def _wait_error(self, wait: float) -> CrawlError:
        return CrawlError(
            f"{self.spider.plan.registry} asks us to wait {wait / 60:.0f} minutes.",
            why="Its quota is used up (perhaps by other clients with the same IP address).",
            fix=f"Nothing is lost: {resume_hint(self.spider.has_resume_option)} in {wait / 60:.0f} minutes,"
            " or set a token (HF_TOKEN).",
            is_permanent=False,
            reason=FailureReason.RATE_LIMITED,
        )

    def _follow_redirect(self, request: Request, response: HttpResponse) -> Request:
        location = response.headers.get("location", "")
        target = self.spider.same_host_url(location, request.url)
        if target == request.url and urlsplit(location).scheme == "https":
            raise https_required_error(self.spider.plan.endpoint)
        redirects = request.meta.get("hops", 0) + 1
        if redirects > MAX_REDIRECTS:
            raise CrawlError(f"{self.spider.plan.registry} redirects in a circle: {excerpt(target, 200)}")
        redirect = request.replace(url=target, dont_filter=True)
        redirect.meta["hops"] = redirects
        return redirect

    def _make_response(self, request: Request, response: Response) -> HttpResponse:
        headers = {
            name.decode("ascii", "replace").lower(): b", ".join(values).decode("latin-1")
            for name, values in response.headers.items()
        }
        local_time, server_time = int(time.time()), read_date(headers.get("date", ""))
        if server_time is None:
            return HttpResponse(request.url, response.status, headers, response.body, local_time)
        if self.clock == "registry":
            return HttpResponse(request.url, response.status, headers, response.body, server_time)
        skew = clock_skew(local_time, server_time, header_number(headers, "age"))
        return HttpResponse(request.url, response.status, headers, response.body, local_time, skew)


def attempt_of(request: Request) -> int:
    """Return how often a request has failed so far."""
    return int(request.meta.get("attempt", 0))


def header_number(headers: Mapping[str, str], name: str) -> int:
    """Return the number in a header, 0 if the header is absent or has more than nine digits."""
    number = parse_int(headers.get(name))
    return number if number is not None and number < 10**9 else 0


def clock_skew(local_time: int, server_time: int, age: int) -> int:
    """Return by how many seconds the local clock is ahead.

    With an Age, Date may be the time of the origin or of the cache. The one that agrees better counts.

    >>> clock_skew(1000, 100, 900), clock_skew(1000, 1000, 900), clock_skew(1000, 400, 0)
    (0, 0, 600)
    """
    return min(local_time - server_time - age, local_time - server_time, key=abs)


def is_from_cache(response: HttpResponse) -> bool:
    """Return whether a response comes from a cache. The quota in its headers is that of the first request."""
    return (
        header_number(response.headers, "age") > 0
        or response.headers.get("cf-cache-status", "").upper() in CACHE_HIT_STATUSES
    )


def invalid_reason(response: HttpResponse) -> str:
    """Return why a response with status 200 is invalid, '' if it is valid."""
    content_type = response.headers.get("content-type", "").split(";")[0].strip().lower()
    if content_type != "application/json":
        return f"the response is {printable_content_type(content_type)} instead of JSON"
    head = response.body[:400].lstrip()
    is_single_row = head.startswith(b"{") and (b'"name"' in head or b'"_id"' in head)
    try:
        rows = count_rows(b"[" + response.body + b"]" if is_single_row else response.body)
    except NotAListError as error:
        return f"the response is {str(error)[:120]}"
    stated_rows = header_number(response.headers, "page-items")
    if rows < stated_rows and next_link(response):
        return f"the page should hold {stated_rows} rows, and holds {rows}"
    return ""


def is_empty_page(response: HttpResponse) -> bool:
    """Return whether a page of a list has no rows. A list that has ended is rarer than a server that has failed."""
    return response.status == 200 and response.body.strip() == b"[]"


def printable_content_type(content_type: str) -> str:
    """Return a content type that is safe to print."""
    return content_type if content_type.isprintable() and 0 < len(content_type) < 60 else "no content type"


def refusal_error(response: HttpResponse, registry: str, is_permanent: bool = True) -> CrawlError:
    """Return the error for a status that a retry would not change at once.

    After a page has come, the refusal of another page need not be permanent.
    """
    reason = None if is_permanent else FailureReason.SERVER_FAILING
    message = response.headers.get("x-error-message") or response.body[:EXCERPT_MARGIN].decode("utf-8", "replace")
    if response.status in (401, 403):
        return CrawlError(
            f"{registry} refused the request ({response.status}).",
            why=f"Its message: {excerpt(message, 200)}",
            fix="If you set a token (HF_TOKEN, or `hf auth login`), it may have expired: renew it or unset it.",
            is_permanent=False,
        )
    if response.status == 407:
        return proxy_error(response.url, needs_login=True)
    if response.status == 404:
        return CrawlError(
            f"{registry} has nothing at {excerpt(urlsplit(response.url).path, 200)} (404).",
            why="The URL has changed, or the endpoint is a different service.",
            fix=f"Check HF_ENDPOINT and ECOSYSTEMS_ENDPOINT, then run `observatory crawl check {registry}`.",
            is_permanent=is_permanent,
            reason=reason,
        )
    return CrawlError(
        f"{registry} answered {response.status}.",
        why=f"Its message: {excerpt(message, 200)}",
        fix=f"Its API may have changed: run `observatory crawl check {registry}`.",
        is_permanent=is_permanent,
        reason=reason,
    )
