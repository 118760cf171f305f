"""The way of a look at the Hub: down two orders to where they are known, then one question for each absent package.

Descending orders are safe to walk for what has changed: a row that moves while we page moves to the front, where the
next look begins. So a mark rises only when a walk has come down to it; a walk that was broken off is gone on with at
the same place before another begins at the top, and nothing between the two is lost.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import quote, urlencode, urljoin, urlsplit

from crawler.changes.disappearance import MissingPackage, Probe, parse_probe
from crawler.errors import not_a_list_error
from crawler.parsing.huggingface_rows import HuggingFaceRow, make_observation
from crawler.parsing.pages import make_page
from crawler.parsing.rows import NotAListError, read_rows
from crawler.plan import CrawlPlan, PageRecorder
from crawler.response import HttpResponse, Observation, Page, Progress
from crawler.spiders.huggingface import MAX_ROWS_PER_PAGE, HuggingFaceSpider

LATENESS_MARGIN = (
    900  # seconds below the mark: what the Hub's lists may show late, or in another order than it happened
)
ORDERS = {"modified": "lastModified", "created": "createdAt"}
PROBE_FIELDS = {"models": ("gated", "disabled"), "datasets": ("gated", "disabled"), "spaces": ("disabled",)}
MAX_REDIRECTS = 5
SECOND_WALK_SUFFIX = "#again"  # never sent; a second walk may rightly come to an address of the first
PROBE_STATUSES = {200, 301, 302, 307, 308, 401, 403, 404, 410}


@dataclass(frozen=True, slots=True)
class ChangeCursor:
    """How far one order is known: all up to `mark`. `ceiling` and `continue_at` are of a walk not yet there."""

    order: str
    high_water_mark: int | None = None
    upper_bound: int | None = None
    resume_url: str | None = None

    def advance(self, page: Page) -> ChangeCursor:
        """What is known when a page has been stored. Without a mark one page sets it.

        >>> page = Page("created", "", 500, 200, 0, "", {}, 0, next_url="more", observations=())
        >>> ChangeCursor("created", 100, 400, "here").advance(page)
        ChangeCursor(order='created', high_water_mark=100, upper_bound=400, resume_url='more')
        """
        moments = [
            moment for moment in (sort_instant(one, self.order) for one in page.observations) if moment is not None
        ]
        ceiling = self.upper_bound
        if ceiling is None:
            ceiling = min(max(moments, default=self.high_water_mark or 0), page.fetched_at)
            ceiling = max(ceiling, self.high_water_mark or 0) or None
        arrived = self.high_water_mark is None or bool(
            moments and min(moments) < self.high_water_mark - LATENESS_MARGIN
        )
        if arrived or page.next_url is None or ceiling is None:
            return ChangeCursor(self.order, ceiling)
        return ChangeCursor(self.order, self.high_water_mark, ceiling, page.next_url)


def sort_instant(observation: Observation, order: str) -> int | None:
    """The moment by which an order puts a row."""
    return observation.modified_at if order == "modified" else observation.created_at


class ChangeSpider(HuggingFaceSpider):
    """A look at what changed. `plan.settings` holds the feeds and the absent packages; `plan.k` pages an order."""

    has_resume_option = False

    def __init__(self, plan: CrawlPlan, resume_url: str | None = None, recorder: PageRecorder | None = None) -> None:
        super().__init__(plan, resume_url, recorder)
        given = {feed.order: feed for feed in plan.settings.get("feeds", ())}  # type: ignore[attr-defined]
        self.cursors = {order: given.get(order, ChangeCursor(order)) for order in ORDERS}
        self.missing_packages: dict[int, MissingPackage] = {
            case.package: case for case in plan.settings.get("absent", ())
        }  # type: ignore
        self.probes: dict[int, Probe] = {}
        self.pages_left = dict.fromkeys(ORDERS, plan.k)
        self.page_limit_reached = False
        self._pending_orders = [order for order in ORDERS for _ in range(1 + bool(self.cursors[order].resume_url))]
        self._pending_probes = list(self.missing_packages)
        self._resumed_orders = {order for order in ORDERS if self.cursors[order].resume_url}
        self._second_walks: set[str] = set()
        self._redirects = 0

    def accepts_status(self, status: int, url: str) -> bool:
        """What answers to the name of an absent package is a finding, whatever it is."""
        if parse_package_id(url) is None:
            return super().accepts_status(status, url)
        return status in PROBE_STATUSES

    def read_page(self, response: HttpResponse) -> Page:
        """A page of one of the orders, an answer about one absent package, or what the first row teaches."""
        if parse_package_id(response.url) is not None:
            return self._read_probe(response)
        order = next((order for order, sort in ORDERS.items() if f"sort={sort}&" in response.url), None)
        if order is None:
            page = super().read_page(response)
            return page if response.status == 400 else replace(page, next_url=None)
        asked = set(self.probe_results["expand"])  # type: ignore[call-overload]
        required = frozenset({"id", "_id", ORDERS[order]})
        try:
            rows = read_rows(response.body, HuggingFaceRow, required, lambda row: make_observation(row, asked))
        except NotAListError as error:
            raise not_a_list_error(self.plan.registry, error) from error
        bare = replace(response, url=response.url.removesuffix(SECOND_WALK_SUFFIX))
        return make_page(order, bare, rows.received, rows.observations, rows.rejects, rows.events,
                       next_url=self.next_page_url(response))  # fmt: skip

    def next_url(self, page: Page, progress: Progress) -> str | None:
        """On down the order, then the other one, then the absent ones."""
        if page.role in ORDERS:
            self.cursors[page.role] = self.cursors[page.role].advance(page)
            self.pages_left[page.role] -= 1
            if self.cursors[page.role].resume_url is None:
                self._pending_orders.remove(page.role)
                self._second_walks |= {page.role} & self._resumed_orders
        elif page.next_url is not None:  # a field was refused, or a name leads on to another
            return page.next_url
        within = [order for order in self._pending_orders if self.pages_left[order] > 0]
        self.page_limit_reached = self.page_limit_reached or len(within) < len(self._pending_orders)
        self._pending_orders = within
        if self._pending_orders:
            feed = self.cursors[self._pending_orders[0]]
            following = feed.resume_url or self._order_url(feed.order)
            return following + SECOND_WALK_SUFFIX if feed.order in self._second_walks else following
        if self._pending_probes:
            self._redirects = 0
            return self._probe_url(self.missing_packages[self._pending_probes.pop(0)])
        return None

    def _order_url(self, order: str) -> str:
        words = [("sort", ORDERS[order]), ("direction", "-1"), ("limit", str(MAX_ROWS_PER_PAGE))]
        fields: Iterable[str] = self.probe_results["expand"]  # type: ignore[assignment]
        return f"{self.plan.endpoint}/api/{self.repo_type}?{urlencode(words + [('expand', name) for name in fields])}"

    def _probe_url(self, package: MissingPackage) -> str:
        shown = urlencode([("expand", name) for name in PROBE_FIELDS[self.repo_type]])
        return f"{self.plan.endpoint}/api/{self.repo_type}/{quote(package.name, safe='/')}?{shown}#{package.package}"

    def _read_probe(self, response: HttpResponse) -> Page:
        package = parse_package_id(response.url) or 0
        target = response.headers.get("location", "")
        bare = replace(response, url=response.url.partition("#")[0])
        self._redirects += 1
        if 300 <= response.status < 400 and target and self._redirects <= MAX_REDIRECTS:
            following = f"{self.same_host_url(urljoin(bare.url, target)).partition('#')[0]}#{package}"
            return make_page("absent", bare, 0, next_url=following)
        probe = parse_probe(response.status, decode_object(response), response.fetched_at)
        self.probes[package] = probe
        case = self.missing_packages[package]
        same = probe.id == case.stable_id and probe.name
        found = [Observation(case.stable_id, probe.name)] if same and probe.name else []
        return make_page("absent", bare, len(found), found)


def parse_package_id(url: str) -> int | None:
    """The package an address asks about: our own number for it stands after the #, which is never sent.

    >>> parse_package_id("https://hub.example.org/api/models/a/b?expand=gated#17")
    17
    """
    fragment = urlsplit(url).fragment
    return int(fragment) if fragment.isascii() and fragment.isdigit() else None


def decode_object(response: HttpResponse) -> Mapping[str, object]:
    """The object of an answer; empty if it is none."""
    try:
        found = json.loads(response.body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
