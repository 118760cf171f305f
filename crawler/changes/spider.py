"""Crawl what changed: page through two newest-first orders to their high-water marks, then probe missing packages.

Descending orders are safe for changes. A row that moves during the crawl moves to the front, where the next crawl
begins. A mark therefore rises only when a walk has come down to the old mark. An interrupted walk is resumed at its
next page before another walk begins at the top, so that no row between the two is lost.

Probes never carry a token, because it would show private repositories and their new names. A registry that answers
nobody without a token is not probed: a missing package would look like all others.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from urllib.parse import quote, urlencode, urlsplit

from scrapy import Request
from scrapy.http import Response

from crawler.changes.disappearance import MissingPackage, Probe, parse_probe
from crawler.errors import not_a_list_error
from crawler.hub_access import REFUSED_STATUSES
from crawler.parsing.huggingface_rows import HuggingFaceRow, make_observation
from crawler.parsing.pages import make_page
from crawler.parsing.rows import NotAListError, read_rows
from crawler.plan import CrawlPlan, PageRecorder
from crawler.response import Event, HttpResponse, Observation, Page, Progress
from crawler.spiders.huggingface import MAX_ROWS_PER_PAGE, HuggingFaceSpider

LATENESS_MARGIN = 900  # seconds below the mark; the Hub may list a change late, or out of its order in time
ROWS_AT_MARK = 2
ORDERS = {"modified": "lastModified", "created": "createdAt"}
PROBE_FIELDS = {
    "models": ("gated", "disabled", "private"),
    "datasets": ("gated", "disabled", "private"),
    "spaces": ("disabled", "private"),
}
MAX_REDIRECTS = 5
SECOND_WALK_SUFFIX = "#again"  # not sent; a second walk may rightly request a URL of the first
WITHOUT_TOKEN_SUFFIX = "#public"  # not sent; a request that shows whether the registry answers everyone
NOT_PROBED = "the registry answers nobody without a token, so that a deleted package looks like all others"
PROBE_STATUSES = {200, 301, 302, 307, 308, 401, 403, 404, 410}


@dataclass(frozen=True, slots=True)
class ChangeCursor:
    """Position in one order of changes: every change up to `high_water_mark` is stored.

    `upper_bound` and `resume_url` belong to a walk that has not reached the mark yet.
    """

    order: str
    high_water_mark: int | None = None
    upper_bound: int | None = None
    resume_url: str | None = None

    def advance(self, page: Page) -> ChangeCursor:
        """Return the cursor after a stored page. Without a mark, one page sets the mark.

        The mark rises only if the walk has come down to it. A list that ends above it is walked again from its top.

        >>> page = Page("created", "", 500, 200, 0, "", {}, 0, next_url="more", observations=())
        >>> ChangeCursor("created", 100, 400, "here").advance(page)
        ChangeCursor(order='created', high_water_mark=100, upper_bound=400, resume_url='more')
        """
        dated = sort_instants(page.observations, self.order)
        mark = self.high_water_mark
        upper_bound = self.upper_bound
        if upper_bound is None:
            newest = min(max(dated, default=mark or 0), page.fetched_at)
            upper_bound = max(newest, mark or 0) or None
        if upper_bound is None or mark is None or self.reaches_mark(dated, page.next_url is None):
            return ChangeCursor(self.order, upper_bound)
        if page.next_url is None:
            return ChangeCursor(self.order, mark)
        return ChangeCursor(self.order, mark, upper_bound, page.next_url)

    def reaches_mark(self, instants: Sequence[int], is_last_page: bool) -> bool:
        """Return whether the last rows of a page, newest first, are so old that every newer change has been listed.

        One row alone may have a wrong date. The last page of a list need not have rows below the margin.
        """
        mark = self.high_water_mark or 0
        if is_last_page:
            return bool(instants) and instants[-1] <= mark
        return bool(instants) and max(instants[-ROWS_AT_MARK:]) < mark - LATENESS_MARGIN


def sort_instant(observation: Observation, order: str) -> int | None:
    """Return the instant by which an order sorts a row."""
    return observation.modified_at if order == "modified" else observation.created_at


def order_of(url: str) -> str | None:
    """Return the order of changes that a URL requests, or None."""
    return next((order for order, sort in ORDERS.items() if f"sort={sort}&" in url), None)


def sort_instants(observations: Iterable[Observation], order: str) -> list[int]:
    """Return the instants by which an order sorts rows, without rows that have none and rows that come again."""
    first_rows: dict[str, Observation] = {}
    for observation in observations:
        first_rows.setdefault(observation.stable_id, observation)
    instants = (sort_instant(observation, order) for observation in first_rows.values())
    return [instant for instant in instants if instant is not None]


class ChangeSpider(HuggingFaceSpider):
    """Spider of one crawl of changes. `plan.k` is the limit of pages for each order."""

    has_resume_option = False

    def __init__(
        self,
        plan: CrawlPlan,
        resume_url: str | None = None,
        recorder: PageRecorder | None = None,
        cursors: Iterable[ChangeCursor] = (),
        missing_packages: Iterable[MissingPackage] = (),
    ) -> None:
        """Create the spider with the stored cursors and the missing packages to probe."""
        super().__init__(plan, resume_url, recorder)
        self.cursors = {order: ChangeCursor(order) for order in ORDERS} | {cursor.order: cursor for cursor in cursors}
        self.missing_packages = {package.package: package for package in missing_packages}
        self.probes: dict[int, Probe] = {}
        self.pages_left = dict.fromkeys(ORDERS, plan.k or 0)
        self.page_limit_reached = self.ended_above_mark = False
        self._resumed_orders = {order for order in ORDERS if self.cursors[order].resume_url}
        self._pending_orders = [order for order in ORDERS for _ in range(1 + (order in self._resumed_orders))]
        self._pending_probes = list(self.missing_packages)
        self._second_walks: set[str] = set()
        self._redirects = 0
        self._answers_everyone = not self.access.has_token

    def accepts_status(self, status: int, url: str) -> bool:
        """Accept, for a probe, every status that says what became of the package."""
        if parse_package_id(url) is None:
            is_refused = url.endswith(WITHOUT_TOKEN_SUFFIX) and status in REFUSED_STATUSES
            return is_refused or super().accepts_status(status, url)
        return status in PROBE_STATUSES

    def make_request(self, url: str) -> Request:
        """Return a request, for a probe without the token."""
        request = super().make_request(url)
        return request.replace(headers={}) if is_without_token(url) else request

    def request_other_view(self, response: Response) -> Request | None:
        """Return the request of a page in another view, None for a probe."""
        return None if is_without_token(response.meta["answer"].url) else super().request_other_view(response)

    def accepts_failure(self, url: str) -> bool:
        """Accept that a probe fails: its package is probed again by the next crawl."""
        return parse_package_id(url) is not None

    def _has_every_place(self, url: str, received: int) -> bool:
        """Return whether one page is enough, because the order has no mark yet."""
        order = order_of(url)
        return order is None or self.cursors[order].high_water_mark is None

    def _max_page_rows(self) -> int:
        return MAX_ROWS_PER_PAGE

    def read_page(self, response: HttpResponse) -> Page:
        """Read a page of an order, the response to a probe, or the first row, which shows the accepted fields."""
        if parse_package_id(response.url) is not None:
            return self._read_probe(response)
        if response.url.endswith(WITHOUT_TOKEN_SUFFIX):
            return self._read_public_answer(response)
        order = order_of(response.url)
        if order is None:
            page = super().read_page(response)
            return page if response.status == 400 else replace(page, next_url=None)
        return self._read_order_page(response, order)

    def _read_order_page(self, response: HttpResponse, order: str) -> Page:
        response = self.public_view(response)
        fields, required = set(self.expand_fields), frozenset({"id", "_id", ORDERS[order]})
        try:
            rows = read_rows(
                response.body, HuggingFaceRow, required, lambda row, dropped: make_observation(row, fields, dropped)
            )
        except NotAListError as error:
            raise not_a_list_error(self.plan.registry, error, self.has_resume_option) from error
        stored_response = replace(response, url=response.url.removesuffix(SECOND_WALK_SUFFIX))
        return make_page(order, stored_response, rows.received, rows.observations, rows.rejects, rows.events,
                         next_url=self.next_page_url(response))  # fmt: skip

    def next_url(self, page: Page, progress: Progress) -> str | None:
        """Return the next page of the order, then the other order, then the probes."""
        if page.role in ORDERS:
            self._advance(page)
        elif page.next_url is not None:  # the Hub refused a field, or redirects a name
            return page.next_url
        orders = [order for order in self._pending_orders if self.pages_left[order] > 0]
        self.page_limit_reached = self.page_limit_reached or len(orders) < len(self._pending_orders)
        self._pending_orders = orders
        if orders:
            return self._walk_url(self.cursors[orders[0]])
        if self._pending_probes and not self._answers_everyone:
            return self.first_url() + WITHOUT_TOKEN_SUFFIX
        if self._pending_probes:
            self._redirects = 0
            return self._probe_url(self.missing_packages[self._pending_probes.pop(0)])
        return None

    def _walk_url(self, cursor: ChangeCursor) -> str:
        url = cursor.resume_url or self._order_url(cursor.order)
        return url + SECOND_WALK_SUFFIX if cursor.order in self._second_walks else url

    def _advance(self, page: Page) -> None:
        mark, cursor = self.cursors[page.role].high_water_mark, self.cursors[page.role].advance(page)
        self.cursors[page.role] = cursor
        is_unchanged = mark is not None and cursor == ChangeCursor(page.role, mark)
        self.ended_above_mark |= is_unchanged and not self.cursors[page.role].reaches_mark(
            sort_instants(page.observations, page.role), is_last_page=True
        )
        self.pages_left[page.role] -= 1
        if cursor.resume_url is None:
            self._pending_orders.remove(page.role)
            self._second_walks |= {page.role} & self._resumed_orders

    def _order_url(self, order: str) -> str:
        parameters = [("sort", ORDERS[order]), ("direction", "-1"), ("limit", str(self.page_size.rows))]
        query = urlencode(parameters + [("expand", name) for name in self.expand_fields])
        return f"{self.plan.endpoint}/api/{self.repo_type}?{query}"

    def _probe_url(self, package: MissingPackage) -> str:
        query = urlencode([("expand", name) for name in PROBE_FIELDS[self.repo_type]])
        return f"{self.plan.endpoint}/api/{self.repo_type}/{quote(package.name, safe='/')}?{query}#{package.package}"

    def _read_public_answer(self, response: HttpResponse) -> Page:
        """Return the page of a request without a token. If it was refused, no package is probed."""
        self._answers_everyone = response.status == 200
        if not self._answers_everyone:
            self._pending_probes = []
        events = [] if self._answers_everyone else [Event("not_probed", "note", NOT_PROBED)]
        stored_response = replace(response, url=response.url.removesuffix(WITHOUT_TOKEN_SUFFIX))
        return make_page("probe", stored_response, 0, events=events)

    def _read_probe(self, response: HttpResponse) -> Page:
        package_id = parse_package_id(response.url) or 0
        target = response.headers.get("location", "")
        stored_response = replace(response, url=response.url.partition("#")[0])
        self._redirects += 1
        if 300 <= response.status < 400 and target and self._redirects <= MAX_REDIRECTS:
            url = self.same_host_url(target, stored_response.url).partition("#")[0]
            return make_page("absent", stored_response, 0, next_url=f"{url}#{package_id}")
        probe = parse_probe(response.status, decode_object(response), response.fetched_at)
        self.probes[package_id] = probe
        package = self.missing_packages[package_id]
        is_same = probe.id == package.stable_id
        observations = [Observation(package.stable_id, probe.name)] if is_same and probe.name else []
        return make_page("absent", stored_response, len(observations), observations)


def is_without_token(url: str) -> bool:
    """Return whether a URL is requested without a token: that of a probe, or the one that precedes the probes."""
    return parse_package_id(url) is not None or url.endswith(WITHOUT_TOKEN_SUFFIX)


def parse_package_id(url: str) -> int | None:
    """Return the package id from the URL fragment, which is not sent to the server.

    >>> parse_package_id("https://hub.example.org/api/models/a/b?expand=gated#17")
    17
    """
    fragment = urlsplit(url).fragment
    return int(fragment) if fragment.isascii() and fragment.isdigit() else None


def decode_object(response: HttpResponse) -> Mapping[str, object]:
    """Return the JSON object of a response, or an empty one if the body is anything else."""
    document = None
    with suppress(ValueError, RecursionError):
        document = json.loads(response.body)
    return document if isinstance(document, dict) else {}
